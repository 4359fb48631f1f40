"""Quality as a table of clusters: which arm did how well on which sort of request.

After Avengers-Pro (arXiv 2508.12631) and UniRoute (arXiv 2502.08773). Unlike the first, quality
is not scaled within a cluster and cost stays out of it, so that prices and preferences may change;
small clusters are drawn towards the arm's overall mean; and the table goes on learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import normalised
from automix_core.estimate.before import WORST_VARIANCE, Before, by_arm, moved
from automix_core.estimate.events import checked
from automix_core.evidence import Examples, Floats
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

    `learn` adds further examples to the table; the centres stay where the fit has put them. What
    is hoped of a new arm counts for `shrinkage` examples in each cluster, so that one where it has
    not been tried stays promising while it fails in others.

    Attributes:
        clusters: How many clusters; fewer where there are fewer examples.
        nearest: How many of them a request is judged by, weighed by exp(-9 * distance).
        shrinkage: Examples that the arm's overall mean counts for in each cluster, and that this
            mean counts for, times the clusters, against what comes after the fit.
        seed: Of the first centres.
        centres_: (clusters, d).
        table_: (clusters, arms) mean quality.
        doubt_: (clusters, arms) standard error of that mean.
        tally_: (3, clusters, arms) number of examples, sum of their quality and of its square.
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
    tally_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "clusters", "nearest")
        not_negative(self.shrinkage, "Clusters.shrinkage", "a number of at least 0")

    def _learned(
        self, features: Floats, quality: Floats, *, prior_: Floats, spread_: Floats, **shared: Any
    ) -> Self:
        centres = k_means(features, min(self.clusters, len(features)), self.seed)
        home = _squares(features, centres).argmin(axis=1)
        tallies = [_tallied(home[k], arm[k], len(centres)) for k, arm in by_arm(quality)]
        tally = np.stack(tallies, axis=2)
        columns = map(self._column, np.moveaxis(tally, 2, 0), prior_, spread_)
        table, doubt = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
        return replace(
            self,
            prior_=prior_,
            spread_=spread_,
            centres_=centres,
            table_=table,
            doubt_=doubt,
            tally_=tally,
            **shared,
        )

    def learn(self, examples: Examples) -> Self:
        """A copy whose table holds further examples.

        Raises:
            ConfigurationError: A quality outside [0, 1], or features that are no numbers or of
                another width. Nothing was learned then.
        """
        if self.tally_ is None:
            return self
        known = checked(examples, self.name, self.tally_.shape[2], self.width_)
        if examples.features is None or not np.count_nonzero(known):
            return self
        home = self._squared_distances(normalised(examples.features)).argmin(axis=1)
        learned: Any = (self.prior_, self.spread_, self._columns, self.tally_)
        prior, spread, columns, tally = (array.copy() for array in learned)
        for arm in np.flatnonzero(known.any(axis=0)).tolist():
            rows = known[:, arm]
            added = _tallied(home[rows], examples.quality[rows, arm], tally.shape[1])
            tally[:, :, arm] += added
            count, total, square = tally[:, :, arm].sum(axis=1).tolist()
            fresh, gained, _ = added.sum(axis=1).tolist()
            prior[arm] += (gained - fresh * prior[arm]) / (count + self.shrinkage * tally.shape[1])
            if count > 1:
                spread[arm] = max(0.0, square / count - (total / count) ** 2) ** 0.5
            columns[:, arm] = self._column(tally[:, :, arm], prior[arm], spread[arm])
        new = None if self.new_ is None else self.new_ & ~known.any(axis=0)
        made = self.having(
            prior_=prior,
            spread_=spread,
            table_=columns[0].T,
            doubt_=columns[1].T,
            tally_=tally,
            new_=new if new is not None and new.any() else None,
        )
        # As they would be made again: the centres stay, and the columns are at hand.
        vars(made).update(_to_centres=self._to_centres, _columns=columns)
        return made

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        learned: Any = (self.table_, self.doubt_, self.tally_)
        table, doubt, tally = learned
        return {
            "table_": moved(table, places, 0.0, axis=1),
            "doubt_": moved(doubt, places, WORST_VARIANCE**0.5, axis=1),
            "tally_": moved(tally, places, 0.0, axis=2),
        }

    def _column(self, tally: Floats, prior: float, spread: float) -> tuple[Floats, Floats]:
        """One arm's mean in each cluster, and its standard error, each (clusters,).

        Args:
            tally: (3, clusters) as the attribute.
            prior: The arm's overall mean.
            spread: Its overall standard deviation.
        """
        count, total, square = tally
        weight = count + self.shrinkage
        some = weight > 0
        drawn = total + self.shrinkage * prior
        mean = np.divide(drawn, weight, out=np.full(len(weight), prior), where=some)
        missed = np.maximum(square - 2 * mean * total + count * mean**2, 0.0)
        scatter = missed + self.shrinkage * spread**2
        doubt = np.divide(np.sqrt(scatter), weight, out=np.full(len(weight), spread), where=some)
        return mean, doubt

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        if len(features) == 1:
            quality, sd = self._alone(features[0])
            return quality[None], sd[None]
        begins = range(0, len(features), BLOCK) if len(features) > BLOCK else (0,)
        blocks = [self._block(features[begin : begin + BLOCK]) for begin in begins]
        quality, sd = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=2)
        return quality.T, sd.T

    def _alone(self, unit: Floats) -> Floats:
        """The same as `_block` for one request, (2, arms), in half the time."""
        squares = self._squared_distances(unit)
        near = squares.argsort(kind="stable")[: self.nearest]
        weight = np.exp(-np.sqrt(squares.take(near)))
        # Over three axes `dot` goes row by row: sums of an arm are its own to the last bit.
        read: Floats = self._columns.take(near, axis=2).dot(weight)
        read /= sum(weight.tolist())
        return read

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
    def _to_centres(self) -> tuple[Floats, Floats]:
        """What gives squared distances from features x of length 1: x'slope + offset.

        (d, clusters) and (clusters,). Distances are in units of 1 / SHARPNESS. A request without
        any feature lies from each centre as if it were at right angles to it.
        """
        centres: Any = self.centres_
        steep = SHARPNESS * SHARPNESS
        return np.ascontiguousarray(-2 * steep * centres.T), steep * (1 + (centres**2).sum(axis=1))

    def _squared_distances(self, units: Floats) -> Floats:
        """From all centres, (n, clusters), or (clusters,) for a single request."""
        slope, offset = self._to_centres
        squares: Floats = units.dot(slope)
        squares += offset
        np.maximum(squares, 0.0, out=squares)
        return squares

    def _near(self, features: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The clusters nearest to each request and what each weighs, both (n, nearest)."""
        squares = self._squared_distances(features)
        near = squares.argsort(1, kind="stable")[:, : self.nearest]
        squares.sort(1)  # and so those of the nearest stand in the same places
        weight = np.exp(-np.sqrt(squares[:, : self.nearest]))
        weight /= weight.sum(1)[:, None]
        return near, weight


def _tallied(home: NDArray[np.int64], quality: Floats, count: int) -> Floats:
    """What an arm's examples add up to in each cluster, (3, clusters), as in `Clusters.tally_`.

    Args:
        home: (n,) the cluster of each example.
        quality: (n,) its quality.
        count: How many clusters there are.
    """
    return np.stack([np.bincount(home, quality**power, count) for power in range(3)])


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


def _squares(points: Floats, centres: Floats) -> Floats:
    """Squared distances, (points, centres).

    Args:
        points: (n, d).
        centres: (m, d).
    """
    products = points @ centres.T
    products *= -2
    products += (points * points).sum(1)[:, None]
    products += (centres**2).sum(axis=1)
    squares: Floats = np.maximum(products, 0.0, out=products)
    return squares
