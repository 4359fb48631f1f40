"""Quality as the mean over the most alike requests: k nearest neighbours.

Well-tuned neighbours match or beat learned routers on most public sets (arXiv 2505.12601).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.estimate.before import Before, by_arm, moved, normalised
from automix_core.evidence import Bools, Floats
from automix_core.numbers import not_negative
from automix_core.parts import at_least_one

__all__ = ["NeighbourQuality"]

BLOCK = 512
"""Requests that are compared with all examples at once."""


@dataclass(frozen=True, eq=False)
class NeighbourQuality(Before):
    """The mean quality of the k examples nearest by cosine, drawn towards the arm's own mean.

    The search is exact: one matrix product of the requests with all examples. The mean over k
    neighbours counts k examples, the arm's overall mean counts `shrinkage`.

    Attributes:
        k: How many neighbours; at most a third of the examples that hold the arm are used.
        shrinkage: Examples that the arm's mean counts for.
        memory_: (n, d) features of the examples, each of length 1.
        quality_: (n, arms) their quality, NaN where unknown.
    """

    name = "nearest"
    k: int = 50
    shrinkage: float = 5.0
    memory_: Floats | None = None
    quality_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "k")
        not_negative(self.shrinkage, "NeighbourQuality.shrinkage", "a number of at least 0")

    def _learned(self, features: Floats, quality: Floats, **shared: Any) -> Self:
        return replace(self, memory_=normalised(features), quality_=quality, **shared)

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        assert self.quality_ is not None  # noqa: S101 - for the type checker: fitted together
        return {"quality_": moved(self.quality_, places, np.nan, axis=1)}

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        assert self.memory_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.quality_ is not None  # noqa: S101
        shape = len(features), self.quality_.shape[1]
        quality, sd = np.empty(shape), np.empty(shape)
        requests, alike = normalised(features), _alike(self.quality_)
        for begin in range(0, len(features), BLOCK):
            block = slice(begin, begin + BLOCK)
            similar = requests[block] @ self.memory_.T
            for rows, arms in alike:
                near = self._nearest(similar, rows)
                for arm in arms:
                    mean, doubt = self._mean(self.quality_[near, arm], arm)
                    quality[block, arm], sd[block, arm] = mean, doubt
        return quality, sd

    def _nearest(self, similar: Floats, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nearest of these examples to each request, (requests, at most k)."""
        count = min(self.k, max(1, len(rows) // 3), len(rows))
        if not count:
            return np.empty((len(similar), 0), dtype=np.int64)
        among = similar if len(rows) == similar.shape[1] else similar[:, rows]
        return rows[np.argpartition(-among, count - 1, axis=1)[:, :count]]

    def _mean(self, near: Floats, arm: int) -> tuple[Floats, Floats]:
        """Shrunken mean, and its standard error, over the second axis."""
        assert self.prior_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.spread_ is not None  # noqa: S101
        prior, variance = self.prior_[arm], self.spread_[arm] ** 2
        weight = near.shape[1] + self.shrinkage
        if not weight:
            return np.full(len(near), prior), np.full(len(near), self.spread_[arm])
        mean = (near.sum(axis=1) + self.shrinkage * prior) / weight
        scatter = ((near - mean[:, None]) ** 2).sum(axis=1) + self.shrinkage * variance
        return mean, np.sqrt(scatter) / weight


def _alike(quality: Floats) -> list[tuple[NDArray[np.int64], list[int]]]:
    """The rows that hold an arm, and the arms that the very same rows hold."""
    groups: dict[bytes, tuple[Bools, list[int]]] = {}
    for arm, (known, _) in enumerate(by_arm(quality)):
        groups.setdefault(known.tobytes(), (known, []))[1].append(arm)
    return [(np.flatnonzero(known), arms) for known, arms in groups.values()]
