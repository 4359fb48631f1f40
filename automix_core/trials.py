"""Meta-verifiers tried on examples that they were not fitted on.

A trial asks: starting with each arm and verifying its answer, what does the router reach at each
cost weight, and is that better than asking the best arm alone? Rows of one group are held out
together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import known_means
from automix_core.evidence import Floats, Run
from automix_core.metrics.bootstrap import standard_error
from automix_core.parts import Estimator, Policy
from automix_core.replay import Recorded, replay
from automix_core.request import Preference

__all__ = ["Measured", "Split", "Trial", "try_out"]

CAUTION = 0.25
"""Standard errors that a start's measured gain must exceed.

On 200 tables of pure noise this cost about 0.001 beside choosing the best single arm by its mean,
and on real tables of 200 rows a whole standard error threw away half of what routing gains."""

ROUNDING = 1e-9
"""Values that lie no further apart than this are tied, and the simpler way is taken."""

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Places of the rows to fit on, and of those held out."""


@dataclass(frozen=True, eq=False)
class Measured(ABC):
    """What was reached on held-out rows, with what each arm alone reaches beside it.

    Attributes:
        weights: (weights,) the cost weights tried.
        quality: Quality of the answer returned in each row.
        cost: US dollars, in the shape of `quality`.
        alone_quality: (arms, n) quality of each arm asked alone.
        alone_cost: (arms, n) US dollars.
        reference_cost: Mean cost of the dearest arm, US dollars.
        groups: (n,) rows that hang together.
    """

    weights: Floats
    quality: Floats
    cost: Floats
    alone_quality: Floats
    alone_cost: Floats
    reference_cost: float
    groups: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        recorded: Recorded,
        weights: Sequence[float],
        quality: Floats,
        cost: Floats,
        groups: NDArray[np.int64],
    ) -> Self:
        """What was reached on recorded rows; what each arm alone reaches is read off these."""
        return cls(
            weights=np.asarray(weights, dtype=float),
            quality=quality,
            cost=cost,
            alone_quality=recorded.examples.quality.T,
            alone_cost=recorded.cost.T,
            reference_cost=recorded.workload.reference_cost,
            groups=groups,
        )

    @cached_property
    def alone_value(self) -> Floats:
        """Mean value of asking each arm alone, unverified, (weights, arms)."""
        quality, cost = known_means(self.alone_quality, -1), known_means(self.alone_cost, -1)
        return quality - self._price(np.broadcast_to(cost, (len(self.weights), len(cost))))

    @abstractmethod
    def followed(self, index: int) -> tuple[int | None, bool, Floats, Floats]:
        """What a router would do at one of the cost weights.

        Args:
            index: Place of the weight.

        Returns:
            The arm it starts with, `None` where the request decides; whether it verifies that
            arm's answer; and (n,) quality and cost on the held-out rows.
        """

    def _price(self, cost: Floats) -> Floats:
        priced: Floats = self.weights[:, None] * cost / self.reference_cost
        return priced


@dataclass(frozen=True, eq=False)
class Trial(Measured):
    """What starting with each arm led to.

    `quality` is (weights, arms, n); it is NaN for the dearest arm, which is never verified, and
    for arms that a row does not hold.
    """

    @cached_property
    def mean_quality(self) -> Floats:
        """(weights, arms); NaN for the dearest arm."""
        return known_means(self.quality, -1)

    @cached_property
    def mean_cost(self) -> Floats:
        """US dollars, (weights, arms); NaN for the dearest arm."""
        return known_means(self.cost, -1)

    @cached_property
    def value(self) -> Floats:
        """Mean value of each start, (weights, arms); NaN for the dearest arm."""
        return self.mean_quality - self._price(self.mean_cost)

    @cached_property
    def gained(self) -> Floats:
        """Value of each start less that of the best arm alone, row by row, (weights, arms, n).

        NaN in rows that do not hold both: a start and an arm are compared on the same rows.
        """
        best = np.argmax(self.alone_value, axis=1)
        weight = self.weights[:, None] / self.reference_cost
        alone = self.alone_quality[best] - weight * self.alone_cost[best]
        gained: Floats = self.quality - weight[:, None] * self.cost - alone[:, None]
        return gained

    @cached_property
    def gain(self) -> Floats:
        """Mean value of each start less that of the best arm alone, (weights, arms)."""
        return known_means(self.gained, -1)

    @cached_property
    def doubt(self) -> Floats:
        """What is taken off the gain for being measured on few rows, (weights, arms)."""
        doubt = np.full(self.quality.shape[:2], np.inf)
        for place in np.ndindex(doubt.shape):
            values = self.gained[place]
            if (known := ~np.isnan(values)).any():
                error = standard_error(values[known], self.groups[known])
                doubt[place] = CAUTION * error
        return doubt

    @cached_property
    def worth(self) -> Floats:
        """Value of each row, mean over the cost weights, with the best start at each; (n,)."""
        rows = []
        gain = np.nan_to_num(self.gain, nan=-np.inf)
        for place, weight in enumerate(self.weights / self.reference_cost):
            start, alone = np.argmax(gain[place]), np.argmax(self.alone_value[place])
            if gain[place, start] > 0:
                rows.append(self.quality[place, start] - weight * self.cost[place, start])
            else:
                rows.append(self.alone_quality[alone] - weight * self.alone_cost[alone])
        return known_means(np.array(rows))

    def beats(self, other: Trial) -> bool:
        """Whether this is worth more than another trial by more than the standard error."""
        more = self.worth - other.worth
        known = ~np.isnan(more)
        if not known.any():
            return False
        return bool(more[known].mean() > standard_error(more[known], self.groups[known]))

    def followed(self, index: int) -> tuple[int, bool, Floats, Floats]:
        """The start with the surest gain, or the best arm alone where none has one."""
        arm, verified = self._chosen(index)
        if verified:
            return arm, True, self.quality[index, arm], self.cost[index, arm]
        return arm, False, self.alone_quality[arm], self.alone_cost[arm]

    def fair_worth(self, splits: Sequence[Split]) -> Floats:
        """Value of each row, mean over the cost weights, with a start that it had no say in; (n,).

        What a trial chooses for itself looks better than it is. To be compared with what chooses
        row by row, starts are chosen on each split's first rows and valued on the others.
        """
        worth = np.full((len(self.weights), len(self.groups)), np.nan)
        for trained, held in splits:
            seen = self._take(trained)
            for place, weight in enumerate(self.weights / self.reference_cost):
                arm, verified = seen._chosen(place)
                quality = self.quality[place, arm] if verified else self.alone_quality[arm]
                cost = self.cost[place, arm] if verified else self.alone_cost[arm]
                worth[place, held] = (quality - weight * cost)[held]
        return known_means(worth)

    def _chosen(self, index: int) -> tuple[int, bool]:
        """The arm to start with, and whether to verify its answer."""
        sure = np.nan_to_num(self.gain[index] - self.doubt[index], nan=-np.inf)
        start = int(np.argmax(sure))
        if sure[start] > ROUNDING:
            return start, True
        return int(np.argmax(self.alone_value[index])), False

    def _take(self, rows: NDArray[np.int64]) -> Trial:
        return replace(
            self,
            quality=self.quality[..., rows],
            cost=self.cost[..., rows],
            alone_quality=self.alone_quality[:, rows],
            alone_cost=self.alone_cost[:, rows],
            groups=self.groups[rows],
        )


def try_out(
    recorded: Recorded,
    estimator: Estimator,
    policy: Policy,
    weights: Sequence[float],
    splits: Sequence[Split],
    groups: NDArray[np.int64],
) -> Trial:
    """Fit on each split's first rows, and replay the others from every start.

    Args:
        recorded: n rows.
        estimator: The meta-verifier to try.
        policy: Decides on its estimates.
        weights: Cost weights to try.
        splits: Each row is held out once.
        groups: (n,) rows that hang together.
    """
    rows, arms = recorded.cost.shape
    quality = np.full((len(weights), arms, rows), np.nan)
    cost = np.full_like(quality, np.nan)
    for trained, held in splits:
        fitted = estimator.fit(recorded.examples.take(trained))
        part = recorded.take(held)
        for place, weight in enumerate(weights):
            for arm in range(arms - 1):
                seen = replay(part, fitted, policy, Preference(weight), first=Run(arm))
                quality[place, arm, held] = seen.quality
                cost[place, arm, held] = np.where(np.isnan(seen.quality), np.nan, seen.cost)
    return Trial.of(recorded, weights, quality, cost, groups)
