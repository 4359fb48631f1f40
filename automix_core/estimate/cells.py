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
            cuts = np.quantile(column[~np.isnan(column)], np.arange(1, limit) / limit)
            borders = np.unique(cuts[cuts > values[0]])
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
        mask: (n, columns), at most 62 columns.

    Returns:
        Each pattern that occurs, (columns,), and the places of its rows; all of them as a slice
        where there is one pattern only, for a slice needs no copy.
    """
    codes = mask @ (1 << np.arange(mask.shape[1]))
    kinds = np.unique(codes)
    for code in kinds:
        rows = slice(None) if len(kinds) == 1 else np.flatnonzero(codes == code)
        yield (code >> np.arange(mask.shape[1])) % 2 == 1, rows
