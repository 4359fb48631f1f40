"""Confidences sorted into cells: the discretisation that tabular meta-verifiers share.

Verdict shares take few values, and each value is a cell of its own. Real-valued confidences are
cut at quantiles, so that every cell holds about as many examples. The same code sorts in training
and in use, and an answer without a verdict has a cell of its own, the last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from automix_core.evidence import Bools, Floats

__all__ = ["cells_of", "edges_of", "latest_answered", "situations"]

WORD = 63
"""Columns that do not fit into one positive number of 64 bits."""


def edges_of(confidence: Floats, limit: int) -> Floats:
    """The inner borders of each arm's cells.

    Args:
        confidence: (n, arms); NaN where there is no verdict.
        limit: Most cells an arm may have, at least 2.

    Returns:
        (arms, limit - 1), ascending, filled up with infinity.
    """
    edges = np.full((confidence.shape[1], limit - 1), np.inf)
    for arm, column in enumerate(confidence.T):
        values = np.unique(column[~np.isnan(column)])
        if len(values) > limit:
            borders = _cut(column[~np.isnan(column)], values, limit)
        else:
            borders = (values[1:] + values[:-1]) / 2
        edges[arm, : len(borders)] = borders
    return edges


def cells_of(confidence: Floats, edges: Floats) -> NDArray[np.int64]:
    """The cell of each confidence.

    Args:
        confidence: (n, arms).
        edges: (arms, cells - 1), as `edges_of` gives them.

    Returns:
        (n, arms), 0 for the least confident; the number of cells where there is no verdict.
    """
    cells = np.empty(confidence.shape, dtype=np.int64)
    for arm, column in enumerate(confidence.T):
        cells[:, arm] = np.searchsorted(edges[arm], column, side="right")
        cells[np.isnan(column), arm] = edges.shape[1] + 1
    return cells


def latest_answered(answered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The dearest arm whose answer is in hand, row by row; -1 with nothing in hand. (n,)."""
    places = np.arange(answered.shape[1])
    found: NDArray[np.int64] = np.where(answered, places, -1).max(axis=1)
    return found


def situations(mask: Bools) -> Iterator[tuple[Bools, NDArray[np.int64] | slice]]:
    """Rows that are alike, together.

    Args:
        mask: (n, columns).

    Returns:
        Each pattern that occurs, (columns,), and the places of its rows; all of them as a slice
        where there is one pattern only, for a slice needs no copy.
    """
    if len(mask) and (mask == mask[0]).all():  # as in most steps: nothing to sort
        yield mask[0].copy(), slice(None)
        return
    if mask.shape[1] < WORD:
        _, first, kind = np.unique(
            mask @ (1 << np.arange(mask.shape[1])), return_index=True, return_inverse=True
        )
    else:
        _, first, kind = np.unique(mask, axis=0, return_index=True, return_inverse=True)
    for place, row in enumerate(first.tolist()):
        rows = slice(None) if len(first) == 1 else np.flatnonzero(kind == place)
        yield mask[row].copy(), rows


def _cut(confidence: Floats, values: Floats, limit: int) -> Floats:
    """Borders at quantiles; a value on which several fall is parted from what lies above it.

    Args:
        confidence: (n,).
        values: The distinct ones among them, ascending; more than `limit`.
        limit: How many cells there may be.
    """
    cuts = np.quantile(confidence, np.arange(1, limit) / limit)
    heavy = np.unique(cuts[cuts == np.append(values[0], cuts[:-1])])
    above = np.searchsorted(values, heavy, side="right")
    borders: Floats = np.unique(
        np.append(cuts[cuts > values[0]], values[above[above < len(values)]])
    )
    return borders
