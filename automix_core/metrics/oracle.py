"""The oracle: which arm to choose if every outcome were known beforehand.

No router reaches it, and with one sampled answer for each arm it flatters itself: part of what it
finds is luck. It bounds what routing could be worth; it is no target.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.errors import ConfigurationError

__all__ = ["oracle"]


def oracle(
    quality: ArrayLike,
    cost: ArrayLike,
    *,
    cost_weight: float = 0.0,
    reference_cost: float | None = None,
) -> NDArray[np.int64]:
    """The best arm of every row, with hindsight; of arms equally good, the cheapest.

    Args:
        quality: (rows, arms) NaN where the row does not hold the arm.
        cost: (rows, arms) US dollars of the answer alone; NaN likewise.
        cost_weight: Points of quality that `reference_cost` is worth, as in a preference. 0 looks
            at quality alone.
        reference_cost: Mean cost of the dearest arm; worked out from `cost` where left out.

    Returns:
        (rows,) places of arms.

    Raises:
        ConfigurationError: A row holds no arm, or the reference cost is not above 0.
    """
    reached, spent = np.asarray(quality, dtype=float), np.asarray(cost, dtype=float)
    held = ~np.isnan(reached) & ~np.isnan(spent)
    if reached.ndim != 2 or reached.shape != spent.shape or not held.any(axis=1).all():
        msg = "Every row needs at least one arm whose quality and cost are both known."
        raise ConfigurationError(msg)
    worth = reached
    if cost_weight:
        if reference_cost is None:
            rows = np.maximum(held.sum(axis=0), 1)
            reference_cost = float((np.where(held, spent, 0.0).sum(axis=0) / rows).max())
        if not (math.isfinite(reference_cost) and reference_cost > 0):
            msg = f"The reference cost must be above 0, not {reference_cost!r}."
            raise ConfigurationError(msg)
        worth = reached - cost_weight * spent / reference_cost
    worth = np.where(held, worth, -np.inf)
    best = worth >= worth.max(axis=1, keepdims=True)
    cheapest: NDArray[np.int64] = np.where(best & held, spent, np.inf).argmin(axis=1)
    return cheapest
