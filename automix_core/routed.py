"""Routers that read the request, tried on rows that their estimators were not fitted on.

Where to start differs from request to request, so there is no start to be measured: held-out rows
are followed from their first step to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import known_means
from automix_core.evidence import Floats
from automix_core.parts import Estimator, Policy
from automix_core.replay import Recorded, replay
from automix_core.request import Preference
from automix_core.trials import Measured, Split

__all__ = ["Routed", "follow_out", "route_out"]


@dataclass(frozen=True, eq=False)
class Routed(Measured):
    """What starting where each request decides led to; `quality` is (weights, n).

    Attributes:
        verifies: Whether answers may be verified; else the arm that is asked answers for good.
    """

    verifies: bool = False

    def followed(self, index: int) -> tuple[None, bool, Floats, Floats]:
        """The arm depends on the request, and whether its answer is verified too."""
        return None, self.verifies, self.quality[index], self.cost[index]

    def at(self, places: Sequence[int]) -> Routed:
        """The same at some of the cost weights."""
        kept = list(places)
        return replace(
            self, weights=self.weights[kept], quality=self.quality[kept], cost=self.cost[kept]
        )

    @cached_property
    def worth(self) -> Floats:
        """Value of each row, mean over the cost weights; (n,)."""
        return known_means(self.quality - self._price(self.cost))


def route_out(
    recorded: Recorded,
    learned: Sequence[Estimator],
    policy: Policy,
    weights: Sequence[float],
    splits: Sequence[Split],
    groups: NDArray[np.int64],
) -> Routed:
    """Route each split's held-out rows by a policy that commits.

    What is estimated before an answer does not depend on the cost weight, so it is estimated once.

    Args:
        recorded: n rows.
        learned: One estimator for each split, fitted on its first rows.
        policy: Decides on its estimates; every ask is final.
        weights: Cost weights to try.
        splits: Each row is held out once.
        groups: (n,) rows that hang together.
    """
    rows = len(recorded.cost)
    draw = np.random.default_rng(0).random(rows)
    nothing = np.zeros(recorded.cost.shape, dtype=bool)
    arm = np.full((len(weights), rows), -1)
    for (_, held), fitted in zip(splits, learned, strict=True):
        evidence = recorded.evidence(held, nothing, draw, hindsight=fitted.hindsight)
        estimates = fitted.estimate(evidence, Preference())
        for place, weight in enumerate(weights):
            arm[place, held] = policy.decide(estimates, evidence, Preference(weight)).arm
    every = np.arange(rows)
    quality, cost = (
        np.where(arm < 0, np.nan, column[every, arm])
        for column in (recorded.examples.quality, recorded.cost)
    )
    return Routed.of(recorded, weights, quality, cost, groups)


def follow_out(
    recorded: Recorded,
    learned: Sequence[Estimator],
    policy: Policy,
    weights: Sequence[float],
    splits: Sequence[Split],
    groups: NDArray[np.int64],
) -> Routed:
    """Replay each split's held-out rows from the very first step.

    Args:
        recorded: n rows.
        learned: One estimator for each split, fitted on its first rows; it foresees what asking
            leads to.
        policy: Decides on its estimates.
        weights: Cost weights to try.
        splits: Each row is held out once.
        groups: (n,) rows that hang together.
    """
    quality = np.full((len(weights), len(recorded.cost)), np.nan)
    cost = np.full_like(quality, np.nan)
    for (_, held), fitted in zip(splits, learned, strict=True):
        part = recorded.take(held)
        for place, weight in enumerate(weights):
            seen = replay(part, fitted, policy, Preference(weight))
            quality[place, held] = seen.quality
            cost[place, held] = np.where(np.isnan(seen.quality), np.nan, seen.cost)
    return replace(Routed.of(recorded, weights, quality, cost, groups), verifies=True)
