"""Arrays that may be missing as a whole, and the choice of rows in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.evidence import Floats

__all__ = ["Rows", "chosen", "fixed", "is_empty", "numbered", "places_of"]

Rows = ArrayLike | slice
"""Places of rows, a mask, or a slice."""

_Kind = TypeVar("_Kind", np.float64, np.int64)


def fixed(array: NDArray[_Kind]) -> NDArray[_Kind]:
    """The same array, which can no longer be written to."""
    array.flags.writeable = False
    return array


def is_empty(column: Floats) -> bool:
    """Whether a column is one NaN, seen everywhere: it is missing and takes no memory."""
    return column.size > 0 and not any(column.strides)


def chosen(column: Floats, index: Any) -> Floats:
    """Some rows or arms of a column; one that is missing as a whole stays free of memory."""
    picked: Floats = column[index]
    return np.broadcast_to(np.nan, picked.shape) if is_empty(column) else fixed(picked)


def places_of(rows: Rows, count: int) -> NDArray[np.int64]:
    """The places that a choice among so many rows stands for."""
    everything = np.arange(count)
    if isinstance(rows, slice):
        return everything[rows]
    asked = np.asarray(rows)
    return np.atleast_1d(everything[asked if asked.size else asked.astype(np.int64)])


def numbered(names: Sequence[str | None]) -> NDArray[np.int64]:
    """A number for each row: the same for rows of one name, its own for a row without."""
    if all(name is None for name in names):
        return np.arange(len(names))
    numbers: dict[str | int, int] = {}
    keys = (i if name is None else name for i, name in enumerate(names))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
