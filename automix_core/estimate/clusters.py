"""Quality as a table of clusters: which arm did how well on which sort of request.

After Avengers-Pro (arXiv 2508.12631) and UniRoute (arXiv 2502.08773). Unlike the first, quality
is not scaled within a cluster and cost stays out of it, so that prices and preferences may change;
and small clusters are drawn towards the arm's overall mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.estimate.before import WORST_VARIANCE, Before, by_arm, moved
from automix_core.evidence import Floats
from automix_core.numbers import not_negative
from automix_core.parts import at_least_one

__all__ = ["Clusters"]

BLOCK = 512
"""Requests whose clusters are looked up at once."""

ROUNDS = 100
SHARPNESS = 9.0
"""How fast a cluster's weight falls with its distance, as in the released configuration."""


@dataclass(frozen=True, eq=False)
class Clusters(Before):
    """Each arm's mean quality on the clusters nearest to the request.

    Attributes:
        clusters: How many clusters; fewer where there are fewer examples.
        nearest: How many of them a request is judged by, weighed by exp(-9 * distance).
        shrinkage: Examples that the arm's overall mean counts for in each cluster.
        seed: Of the first centres.
        centres_: (clusters, d).
        table_: (clusters, arms) mean quality.
        doubt_: (clusters, arms) standard error of that mean.
    """

    name = "clusters"
    scales = True
    clusters: int = 32
    nearest: int = 3
    shrinkage: float = 5.0
    seed: int = 0
    centres_: Floats | None = None
    table_: Floats | None = None
    doubt_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "clusters", "nearest")
        not_negative(self.shrinkage, "Clusters.shrinkage", "a number of at least 0")

    def _learned(
        self, features: Floats, quality: Floats, *, prior_: Floats, spread_: Floats, **shared: Any
    ) -> Self:
        centres = k_means(features, min(self.clusters, len(features)), self.seed)
        home = _squares(features, centres).argmin(axis=1)
        columns = [
            self._column(home[known], column[known], len(centres), (prior, spread))
            for (known, column), prior, spread in zip(by_arm(quality), prior_, spread_, strict=True)
        ]
        table, doubt = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
        return replace(
            self,
            prior_=prior_,
            spread_=spread_,
            centres_=centres,
            table_=table,
            doubt_=doubt,
            **shared,
        )

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        assert self.table_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.doubt_ is not None  # noqa: S101
        doubt = WORST_VARIANCE**0.5
        return {
            "table_": moved(self.table_, places, 0.0, axis=1),
            "doubt_": moved(self.doubt_, places, doubt, axis=1),
        }

    def _column(
        self, home: NDArray[np.int64], quality: Floats, count: int, overall: tuple[float, float]
    ) -> tuple[Floats, Floats]:
        """One arm's mean in each cluster, and its standard error."""
        prior, spread = overall
        weight = np.bincount(home, minlength=count) + self.shrinkage
        some = weight > 0
        total = np.bincount(home, quality, count) + self.shrinkage * prior
        mean = np.divide(total, weight, out=np.full(count, prior), where=some)
        missed = np.bincount(home, (quality - mean[home]) ** 2, count)
        scatter = missed + self.shrinkage * spread**2
        doubt = np.divide(np.sqrt(scatter), weight, out=np.full(count, spread), where=some)
        return mean, doubt

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        begins = range(0, len(features), BLOCK) if len(features) > BLOCK else (0,)
        blocks = [self._block(features[begin : begin + BLOCK]) for begin in begins]
        quality, sd = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=2)
        return quality.T, sd.T

    def _block(self, features: Floats) -> Floats:
        """Mean quality and its standard error for a few requests, (2, arms, n)."""
        near, weight = self._near(features)
        # `take` keeps clusters side by side: sums of an arm are its own to the last bit.
        read = self._columns.take(near, axis=2)
        read *= weight
        block: Floats = read.sum(3)
        return block

    @cached_property
    def _columns(self) -> Floats:
        """Mean quality and its standard error by arm, (2, arms, clusters)."""
        learned: Any = (self.table_, self.doubt_)
        table, doubt = learned
        return np.stack([table.T, doubt.T])

    @cached_property
    def _centres(self) -> tuple[Floats, Floats]:
        """The centres, and their squared lengths, (clusters,)."""
        centres: Any = self.centres_
        return centres, (centres**2).sum(axis=1)

    def _near(self, features: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The clusters nearest to each request and what each weighs, both (n, nearest)."""
        squares = _squares(features, *self._centres)
        near = squares.argsort(1, kind="stable")[:, : self.nearest]
        squares.sort(1)  # and so those of the nearest stand in the same places
        weight = np.exp(-SHARPNESS * np.sqrt(squares[:, : self.nearest]))
        weight /= weight.sum(1)[:, None]
        return near, weight


def k_means(points: Floats, count: int, seed: int) -> Floats:
    """The centres of clusters: Lloyd's rounds from the first centres of k-means++.

    Args:
        points: (n, d), at least one.
        count: How many centres, at most n.
        seed: Of the first centres.
    """
    generator = np.random.default_rng(seed)
    centres = points[[generator.integers(len(points))]]
    while len(centres) < count:
        far = _squares(points, centres).min(axis=1)
        total = far.sum()
        chance = far / total if total > 0 else np.full(len(points), 1 / len(points))
        centres = np.vstack([centres, points[[generator.choice(len(points), p=chance)]]])
    home = np.full(len(points), -1)
    for _ in range(ROUNDS):
        now = _squares(points, centres).argmin(axis=1)
        if (now == home).all():
            break
        home = now
        members = np.eye(count)[home]
        size = members.sum(axis=0)[:, None]
        centres = np.where(size > 0, (members.T @ points) / np.maximum(size, 1), centres)
    return centres


def _squares(points: Floats, centres: Floats, lengths: Floats | None = None) -> Floats:
    """Squared distances, (points, centres).

    Args:
        points: (n, d).
        centres: (m, d).
        lengths: (m,) the squared lengths of the centres, where they are at hand.
    """
    products = points @ centres.T
    of_centres = (centres**2).sum(axis=1) if lengths is None else lengths
    products *= -2
    products += (points * points).sum(1)[:, None]
    products += of_centres
    squares: Floats = np.maximum(products, 0.0, out=products)
    return squares
