"""Random splits of rows that keep the rows of one group together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import ConfigurationError, OutcomesError
from automix_core.evidence import Bools

__all__ = ["fold_of", "in_first"]

Places = NDArray[np.int64]


def in_first(groups: Places, share: float, seed: int) -> Bools:
    """(n,) whether a row goes to the first of two parts, which gets about this share of the rows.

    Raises:
        ConfigurationError: The share does not lie between 0 and 1.
        OutcomesError: All rows belong to one group, or there are none.
    """
    if not 0 < share < 1:
        msg = f"split(share=...) must lie between 0 and 1, not {share!r}."
        raise ConfigurationError(msg)
    order, sizes, group = _shuffled(groups, seed)
    ends = np.cumsum(sizes)[:-1]
    count = int(np.abs(ends - share * len(groups)).argmin()) + 1
    first = np.zeros(len(order), dtype=bool)
    first[order[:count]] = True
    chosen: Bools = first[group]
    return chosen


def fold_of(groups: Places, count: int, seed: int) -> Places:
    """(n,) the fold of each row, from 0; fewer folds than asked for where groups are fewer.

    Raises:
        ConfigurationError: Fewer than two folds.
        OutcomesError: All rows belong to one group, or there are none.
    """
    if count < 2:
        msg = f"folds(count=...) must be at least 2, not {count!r}."
        raise ConfigurationError(msg)
    order, sizes, group = _shuffled(groups, seed)
    # The largest groups are dealt first, to and fro, so that the folds come out alike.
    dealt = order[np.argsort(-sizes, kind="stable")]
    count = min(count, len(order))
    to_and_fro = np.concatenate([np.arange(count), np.arange(count)[::-1]])
    fold = np.empty(len(order), dtype=np.int64)
    fold[dealt] = np.resize(to_and_fro, len(order))
    places: Places = fold[group]
    return places


def _shuffled(groups: Places, seed: int) -> tuple[Places, Places, Places]:
    """The groups in random order, their sizes in that order, and the group of each row."""
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(size) < 2:
        msg = (
            f"A table of {len(groups)} rows in {len(size)} groups cannot be split: rows of one "
            "group stay together, and each side needs at least one."
        )
        raise OutcomesError(msg)
    order = np.random.default_rng(seed).permutation(len(size))
    return order, size[order], group
