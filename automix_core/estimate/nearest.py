"""Quality as the mean over the most alike requests: k nearest neighbours.

Well-tuned neighbours match or beat learned routers on most public sets (arXiv 2505.12601).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.estimate.before import Before, by_arm, moved
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
    scales = True
    k: int = 50
    shrinkage: float = 5.0
    memory_: Floats | None = None
    quality_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "k")
        not_negative(self.shrinkage, "NeighbourQuality.shrinkage", "a number of at least 0")

    def _learned(self, features: Floats, quality: Floats, **shared: Any) -> Self:
        return replace(self, memory_=features, quality_=quality, **shared)

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        assert self.quality_ is not None  # noqa: S101 - for the type checker: fitted together
        return {"quality_": moved(self.quality_, places, np.nan, axis=1)}

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        assert self.memory_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.quality_ is not None  # noqa: S101
        shape = len(features), self.quality_.shape[1]
        quality, sd = np.empty(shape), np.empty(shape)
        for begin in range(0, len(features), BLOCK):
            block = slice(begin, begin + BLOCK)
            similar = features[block] @ self.memory_.T
            for rows, arms, known in self._alike:
                # `take` keeps neighbours side by side: sums of an arm are its own to the last bit.
                near = known.take(self._nearest(similar, rows), axis=1)
                mean, doubt = self._mean(near, arms)
                quality[block, arms], sd[block, arms] = mean.T, doubt.T
        return quality, sd

    @cached_property
    def _alike(self) -> list[tuple[NDArray[np.int64], list[int], Floats]]:
        """The examples that hold an arm, the arms that the very same ones hold, and their quality.

        The quality is of all examples, (these arms, examples).
        """
        assert self.quality_ is not None  # noqa: S101 - for the type checker: fitted together
        groups: dict[bytes, tuple[Bools, list[int]]] = {}
        for arm, (known, _) in enumerate(by_arm(self.quality_)):
            groups.setdefault(known.tobytes(), (known, []))[1].append(arm)
        columns = self.quality_.T
        return [
            (np.flatnonzero(known), arms, np.ascontiguousarray(columns[arms]))
            for known, arms in groups.values()
        ]

    def _nearest(self, similar: Floats, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nearest of these examples to each request, (requests, at most k)."""
        count = min(self.k, max(1, len(rows) // 3), len(rows))
        if not count:
            return np.empty((len(similar), 0), dtype=np.int64)
        among = similar if len(rows) == similar.shape[1] else similar[:, rows]
        return rows[np.argpartition(-among, count - 1, axis=1)[:, :count]]

    def _mean(self, near: Floats, arms: list[int]) -> tuple[Floats, Floats]:
        """Shrunken mean, and its standard error, over the last axis, each (arms, requests).

        Args:
            near: (arms, requests, neighbours) quality.
            arms: Their places.
        """
        assert self.prior_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.spread_ is not None  # noqa: S101
        prior, spread = self.prior_[arms][:, None], self.spread_[arms][:, None]
        weight = near.shape[2] + self.shrinkage
        if not weight:
            nothing = np.zeros(near.shape[:2])
            return prior + nothing, spread + nothing
        mean = (near.sum(2) + self.shrinkage * prior) / weight
        scatter = ((near - mean[:, :, None]) ** 2).sum(2) + self.shrinkage * spread**2
        return mean, np.sqrt(scatter) / weight
