"""Which model to ask, learned as probabilities: PickLLM's learning automaton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import ratio
from automix_core.errors import ConfigurationError
from automix_core.estimate.before import WORST_VARIANCE, moved
from automix_core.estimate.events import checked
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.numbers import is_number, not_negative
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Automaton"]

QUICKEST = 1e-3
"""Seconds below which one latency is as good as another."""


@dataclass(frozen=True, eq=False)
class Automaton(Estimator):
    """Linear reward-inaction (PickLLM, arXiv 2412.12170), to be followed by the policy `Matching`.

    What it gives as quality is the probability with which to ask each arm, whatever the request:
    it learns whom to ask and not how good anyone is. A reward

        R = quality - cost_weight * cost / reference - latency_weight * log10(latency / 1 s)

    within [0, 1] moves the probabilities towards the arm that earned it, p <- (1 - rate * R) p +
    rate * R for that arm and p <- (1 - rate * R) p for the others; a reward of 0 moves nothing.
    Published transcripts of R multiply cost and latency; this is the separable reading. Its
    weights are the automaton's own: a `Preference` changes nothing, unlike everywhere else here.
    What is unknown of cost or latency is left out of R; the reference is the mean cost of the
    dearest arm so far.

    Reward-inaction may settle on the wrong arm for good, so no probability exceeds 1 - floor. A
    fit goes over the rows of the table once, in order, and in each draws the arm it would have
    asked among those that the row holds.

    Attributes:
        rate: How far a reward of 1 moves the probabilities.
        floor: What is left for all other arms together.
        cost_weight: Points of quality that one call to the dearest arm is worth.
        latency_weight: Points of quality that ten times the latency is worth.
        seed: Of the draws of a fit.
        chances_: (arms,) in proportion to the probabilities.
        spent_: (2, arms) US dollars of all answers, and how many there were.
        steps_: Rows that were learned from.
    """

    name = "automaton"
    rate: float = 0.02
    floor: float = 0.05
    cost_weight: float = 0.1
    latency_weight: float = 0.0
    seed: int = 0
    chances_: Floats | None = None
    spent_: Floats | None = None
    steps_: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("cost_weight", "latency_weight"):
            not_negative(getattr(self, name), f"Automaton.{name}", "a number of at least 0")
        moves = is_number(self.rate) and 0 < self.rate < 1
        if not (moves and is_number(self.floor) and 0 <= self.floor < 1):
            msg = (
                "Automaton.rate must lie between 0 and 1, and Automaton.floor below 1, not "
                f"{self.rate!r} and {self.floor!r}."
            )
            raise ConfigurationError(msg)

    def fit(self, examples: Examples) -> Self:
        """Start anew, and go over the rows once."""
        return replace(self, chances_=None, spent_=None, steps_=0).learn(examples)

    def learn(self, examples: Examples) -> Self:
        """A copy that has gone over more rows.

        Raises:
            ConfigurationError: A quality outside [0, 1], or another number of arms.
        """
        known = checked(examples, self.name, None if self.chances_ is None else len(self.chances_))
        arms = known.shape[1]
        chances = np.full(arms, 1 / arms) if self.chances_ is None else self.chances_.copy()
        chances /= chances.sum()
        spent = self._billed(examples)
        rewards = self._rewards(examples, spent)
        draws = np.random.default_rng((self.seed, self.steps_)).random(len(known))
        for row, draw in enumerate(draws):
            there = np.flatnonzero(known[row])
            if len(there):
                arm = int(there[0]) if len(there) == 1 else _drawn(chances, there, draw)
                self._rewarded(chances, arm, float(rewards[row, arm]))
        steps = self.steps_ + len(known)
        return replace(self, chances_=chances, spent_=spent, steps_=steps)

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms; a new one is as likely as the others are on average."""
        if self.chances_ is None or self.spent_ is None:
            return self
        kept = [self.chances_[place] for place in places if place is not None]
        new = float(np.mean(kept)) if kept else 1.0
        spent = moved(self.spent_, places, 0.0, axis=1)
        return replace(self, chances_=moved(self.chances_, places, new), spent_=spent)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The probabilities, the same for every request."""
        shape = evidence.able.shape
        chances = np.full(shape[1], 1 / shape[1]) if self.chances_ is None else self.chances_
        doubt = np.full(shape, WORST_VARIANCE**0.5)
        return Estimates.of(evidence, np.ones((shape[0], 1)) * chances, doubt)

    def _billed(self, examples: Examples) -> Floats:
        """(2, arms) what was spent, with these rows."""
        spent = np.zeros((2, examples.quality.shape[1])) if self.spent_ is None else self.spent_
        if examples.cost is None:
            return spent
        priced = np.isfinite(examples.cost)
        paid = np.where(priced, examples.cost, 0.0)
        billed: Floats = spent + np.stack([paid.sum(axis=0), priced.sum(axis=0)])
        return billed

    def _rewards(self, examples: Examples, spent: Floats) -> Floats:
        """R of each answer, (n, arms)."""
        rewards = examples.quality
        reference = float(ratio(spent[0], spent[1], 0.0).max())
        if self.cost_weight and examples.cost is not None and reference > 0:
            rewards = rewards - self.cost_weight * np.nan_to_num(examples.cost) / reference
        if self.latency_weight and examples.latency is not None:
            seconds = np.maximum(np.nan_to_num(examples.latency, nan=1.0), QUICKEST)
            rewards = rewards - self.latency_weight * np.log10(seconds)
        return np.clip(rewards, 0.0, 1.0)

    def _rewarded(self, chances: Floats, arm: int, reward: float) -> None:
        """Move the probabilities, in place."""
        moved_by = self.rate * reward
        chances *= 1 - moved_by
        chances[arm] += moved_by
        over = chances[arm] - (1 - self.floor)
        if over > 0 and len(chances) > 1:
            chances += over / (len(chances) - 1)
            chances[arm] = 1 - self.floor


def _drawn(chances: Floats, among: NDArray[np.int64], draw: float) -> int:
    """One of some arms, by their chances."""
    reached = np.cumsum(chances[among])
    return int(among[np.argmax(reached > draw * reached[-1])])
