"""How long an arm takes for an answer: a start-up time, and so many seconds a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from automix_core.arrays import non_negative_pair
from automix_core.estimate.amounts import faded, over_arms, sane
from automix_core.evidence import Floats
from automix_core.parts import Part

__all__ = ["Paces"]


@dataclass(frozen=True, eq=False)
class Paces(Part):
    """Start-up and pace of each arm, by non-negative least squares of latency on answer tokens.

    An arm whose tokens are unknown has its mean latency for a start-up time. Only sums are kept,
    so that feedback is taken in at once and in constant memory.

    Attributes:
        sums_: (arms, 5) sums over the arm's rows of 1, tokens, their square, latency, and tokens
            times latency.
        startup_: (arms,) seconds; NaN for an arm without latencies.
        pace_: (arms,) seconds a token of the answer, likewise.
    """

    kind = "paces"
    name = "paces"
    sums_: Floats | None = None
    startup_: Floats | None = None
    pace_: Floats | None = None

    @classmethod
    def of(cls, latency: Floats, tokens: Floats) -> Self:
        """What a table tells.

        Args:
            latency: (n, arms) seconds, NaN where unknown.
            tokens: (n, arms) tokens of the answer, NaN where unknown.
        """
        arms = latency.shape[1]
        unknown = np.full(arms, np.nan)
        return cls(np.zeros((arms, 5)), unknown, unknown).learn(latency, tokens, 1.0)

    def latency(self, tokens: Floats) -> Floats:
        """Seconds until answers of this length, (n, arms); NaN where unknown.

        Args:
            tokens: (n, arms) of the answers.
        """
        pace: Any = self.pace_
        writing = pace * tokens
        if not self._all_write:
            writing = np.where(pace > 0, writing, 0.0)
        latency: Floats = writing + self.startup_
        return latency

    @cached_property
    def _all_write(self) -> bool:
        """Whether longer answers take longer, or nothing is known, of every arm."""
        pace: Any = self.pace_
        return not (pace <= 0).any()

    def learn(self, latency: Floats, tokens: Floats, forgetting: float) -> Self:
        """A copy that has taken in more rows, given as to `of`, the oldest first.

        Args:
            latency: (n, arms).
            tokens: (n, arms).
            forgetting: What an arm's rows keep of their weight with each new row of it.
        """
        learned: Any = self.sums_, self.startup_, self.pace_
        sums, startup, pace = learned
        latency, tokens = sane(latency), sane(tokens)
        known = ~np.isnan(latency)
        counted = (known & ~np.isnan(tokens)).any(axis=0) | (sums[:, 1] > 0)
        tokens = np.where(counted, tokens, 0.0)
        terms = np.ones_like(tokens), tokens, tokens**2, latency, tokens * latency
        sums, startup, pace = faded(sums, terms, forgetting), startup.copy(), pace.copy()
        for arm in np.flatnonzero(known.any(axis=0) & (sums[:, 0] > 0)):
            one, length, square, seconds, product = sums[arm]
            gram = np.array([[one, length], [length, square]])
            startup[arm], pace[arm] = non_negative_pair(gram, np.array([seconds, product]))
        return replace(self, sums_=sums, startup_=startup, pace_=pace)

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms, as `Estimator.over`; of a new one nothing is known."""
        return replace(
            self,
            sums_=over_arms(self.sums_, places, 0.0),
            startup_=over_arms(self.startup_, places, np.nan),
            pace_=over_arms(self.pace_, places, np.nan),
        )
