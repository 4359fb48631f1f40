"""The policy that commits as MixLLM does: it tries what is uncertain and keeps off long queues.

MixLLM (arXiv 2502.18482, equations 7 to 11) in this project's units: points of quality. With
`root=True` and nothing else it is LinUCB, as MetaLLM uses it (arXiv 2407.10834).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import ZERO
from automix_core.decide.committing import Choice, Committing, drawn
from automix_core.decide.weighing import certain, greatest
from automix_core.errors import ConfigurationError
from automix_core.evidence import Bools, Estimates, Evidence, Floats
from automix_core.numbers import not_negative
from automix_core.request import Preference

__all__ = ["Explore"]

Counts = NDArray[np.int64]

STEEPEST = 50.0
"""The exponent beyond which a penalty grows no more: no quality makes up for it anyway."""


@dataclass(frozen=True)
class Explore(Committing):
    """The arm of the greatest score, or one drawn by the scores.

        score = quality - cost_weight * cost / reference_cost - latency_weight * latency
              + alpha * novelty
              - beta * exp(growth * (waiting - patience * tolerance))

    Every term is in points of quality. Where novelty or waiting is not known, its term is left
    out; no term is ever infinite. An arm that is expected to answer later than
    `Preference.max_latency` counts with quality 0, for such an answer is worth nothing: it is
    asked only if the others are worth even less. With alpha = beta = 0 this is `Best`.

    The paper leaves growth, patience and tolerance open. Here an arm loses `beta` when a request
    would wait for as long as users bear it, a tenth of that after 11.5 s less, and e times as
    much with every 5 s more.

    Attributes:
        alpha: Points of quality for one unit of novelty, e' inv(A) e: the bonus of an arm that
            was hardly tried on requests like this one. The paper's 0.01.
        root: Take the square root of the novelty, as LinUCB does.
        beta: Points of quality that an arm loses once waiting reaches patience * tolerance. The
            paper's 0.1.
        growth: How fast that grows: by a factor of e in 1 / growth seconds.
        patience: The share of the tolerance at which an arm loses `beta`.
        tolerance: Seconds that users are willing to wait; the paper's users bear 15.
        epsilon: Probability of asking any arm that can be asked, by chance.
        fading: Let epsilon fade with experience: it is multiplied by the mean novelty, at most 1,
            of the arms that can be asked. For estimators whose novelty is one over the examples
            this is the epsilon-n-greedy of Auer and others (2002).
        temperature: Draw the arm with probabilities that are a softmax of score / temperature,
            in points of quality; 0 takes the greatest score, ties going to the cheaper arm.
    """

    name = "explore"
    alpha: float = 0.01
    root: bool = False
    beta: float = 0.1
    growth: float = 0.2
    patience: float = 1.0
    tolerance: float = 15.0
    epsilon: float = 0.0
    fading: bool = False
    temperature: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("alpha", "beta", "growth", "patience", "tolerance", "epsilon", "temperature"):
            not_negative(getattr(self, name), f"Explore.{name}", "a number of at least 0")
        if self.epsilon > 1:
            msg = f"Explore.epsilon is a probability and must be at most 1, not {self.epsilon!r}."
            raise ConfigurationError(msg)
        vars(self)["draws"] = self._by_chance

    @property
    def _by_chance(self) -> bool:
        """Whether two requests alike may be decided differently."""
        return self.epsilon > 0 or self.temperature > 0

    def _worth(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Floats:
        score = super()._worth(estimates, evidence, preference)
        waiting = evidence.waiting
        if preference.max_latency is not None:
            late = _expected_latency(estimates, waiting) > preference.max_latency
            score -= np.where(late, estimates.quality, 0.0)
        if self.alpha and estimates.novelty is not None:
            unknown = np.fmax(estimates.novelty, ZERO)  # which takes NaN for the lesser
            score += self.alpha * (np.sqrt(unknown) if self.root else unknown)
        if self.beta and waiting is not None:
            score -= self._penalty(waiting)
        return score

    def _penalty(self, waiting: Floats) -> Floats:
        """What each arm loses by its queue, (n, arms)."""
        beyond = self.growth * (waiting - self.patience * self.tolerance)
        penalty = self.beta * np.exp(np.minimum(beyond, STEEPEST))
        return np.where(np.isnan(waiting), 0.0, penalty)

    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        if not self._by_chance:
            return Choice(greatest(worth), certain(len(worth)))
        able = evidence.able
        if self.temperature:
            chances = _softmax(worth, self.temperature)
        else:
            chances = np.zeros(worth.shape)
            chances[np.arange(len(worth)), greatest(worth)] = 1.0
            chances = np.where(able, chances, 0.0)
        if self.epsilon:
            count = np.maximum(able.sum(axis=1, keepdims=True), 1)
            by_chance = self._epsilon(estimates.novelty, able, count)
            chances = (1 - by_chance) * chances + by_chance * able / count
        return drawn(chances, evidence.draw)

    def _epsilon(self, novelty: Floats | None, able: Bools, count: Counts) -> float | Floats:
        """Probability of asking by chance, the same for all rows or (n, 1)."""
        if not self.fading or novelty is None:
            return self.epsilon
        seldom = np.where(able, np.minimum(novelty, 1.0), 0.0)
        faded: Floats = self.epsilon * (seldom.sum(axis=1, keepdims=True) / count)
        return faded


def _softmax(worth: Floats, temperature: float) -> Floats:
    """Probabilities in proportion to exp(worth / temperature), (n, arms)."""
    best = worth.max(axis=1, keepdims=True)
    top = np.where(np.isneginf(best), 0.0, best)
    raised = np.exp((worth - top) / temperature)
    total = raised.sum(axis=1, keepdims=True)
    chances: Floats = raised / np.where(total > 0, total, 1.0)
    return chances


def _expected_latency(estimates: Estimates, waiting: Floats | None) -> Floats:
    """Seconds until each arm's answer, (n, arms): at least its waiting, NaN where unknown."""
    if waiting is None:
        return estimates.latency
    return np.where(np.isnan(estimates.latency), waiting, estimates.latency)
