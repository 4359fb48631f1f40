"""Arithmetic on arrays with holes, typed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["known_means", "ratio"]

Floats = NDArray[np.float64]


def ratio(
    total: NDArray[np.generic], count: NDArray[np.generic], unknown: float | Floats
) -> Floats:
    """`total / count`, and `unknown` where the count is 0. Shapes broadcast."""
    shape = np.broadcast_shapes(np.shape(total), np.shape(count), np.shape(unknown))
    quotient: Floats = np.broadcast_to(np.asarray(unknown, dtype=float), shape).copy()
    np.divide(total, count, out=quotient, where=np.asarray(count) > 0)
    return quotient


def known_means(values: Floats, axis: int = 0, unknown: float = np.nan) -> Floats:
    """Means along an axis over what is not NaN, and `unknown` where everything is.

    Args:
        values: Of any shape.
        axis: The axis that is averaged over.
        unknown: Stands in for a mean of nothing.
    """
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis), unknown)
