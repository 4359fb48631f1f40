"""Columns made from arrays that a caller has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.columns.answers import bounds
from automix_core.columns.source import Source, checked
from automix_core.columns.table import Columns, Key
from automix_core.errors import OutcomesError
from automix_core.evidence import Floats

__all__ = ["from_arrays"]


def from_arrays(
    arms: Sequence[str],
    given: Mapping[Key, ArrayLike | None],
    groups: Sequence[Any] | NDArray[Any] | None,
    ids: Sequence[str] | None,
) -> Columns:
    """Columns of checked copies.

    Raises:
        OutcomesError: A shape that does not fit, or a value out of bounds.
    """
    quality: NDArray[Any] = np.asarray(given["quality", ""])
    shape: tuple[int, ...] = quality.shape
    if len(shape) != 2 or len(arms) != shape[1] or len(set(arms)) != shape[1]:
        msg = f"quality must be (rows, arms) for {len(arms)} arms of different names, not {shape}."
        raise OutcomesError(msg)
    source = Source("arrays", places=range(1, shape[0] + 1))
    groups = (
        [None] * shape[0] if groups is None else [source.shared(str(group)) for group in groups]
    )
    columns = Columns([str(i) for i in ids or range(shape[0])], list(arms), groups=list(groups))
    if len(columns.ids) != shape[0] or len(columns.groups) != shape[0]:
        msg = f"There are {shape[0]} rows, {len(columns.ids)} ids and {len(columns.groups)} groups."
        raise OutcomesError(msg)
    source.first_of(columns.ids)
    for key, values in given.items():
        if values is not None:
            columns.answers[key] = _checked(key, values, columns, source)
    _hold_alike(columns, source)
    return columns


def _checked(key: Key, values: ArrayLike, columns: Columns, source: Source) -> Floats:
    """A copy of the values, one row for each id, once they are within their limits."""
    what, name = key
    where = f"{what}.{name}" if name else what
    shape = (len(columns), len(columns.arms))
    try:
        column: Floats = np.array(np.broadcast_to(np.asarray(values, dtype=np.float64), shape))
    except (ValueError, TypeError) as error:
        msg = f"{where} must be numbers of the shape {shape}: {error}"
        raise OutcomesError(msg) from error
    for j, arm in enumerate(columns.arms):
        checked(
            column[:, j],
            np.isnan(column[:, j]),
            bounds(key),
            lambda i, problem, arm=arm: source.error(i, f"arms.{arm}.{where}", problem),  # type: ignore[misc]
        )
    return column


def _hold_alike(columns: Columns, source: Source) -> None:
    """Leave every column missing where a row does not hold the arm, which its quality tells."""
    missing = np.isnan(columns.answers["quality", ""])
    for column in columns.answers.values():
        column[missing] = np.nan
    unknown = np.isnan(columns.answers["cost", ""]) & ~missing
    if unknown.any():
        i, j = (int(place) for place in np.argwhere(unknown)[0])
        raise source.error(i, f"arms.{columns.arms[j]}.cost", "is missing.")
