"""What users' thumbs teach: a small network that moves quality by what satisfied whom.

MixLLM's binary feedback (arXiv 2502.18482, equations 15 to 22). Its exact algebra was not to be
had; the form here is said in full below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from automix_core.arrays import normalised
from automix_core.errors import ConfigurationError
from automix_core.estimate.bandit import LinearBandit
from automix_core.estimate.before import moved
from automix_core.estimate.events import checked, expected, known_share
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Satisfaction"]

WINDOW = 100
"""Thumbs that the baseline and the variance are taken over."""

STEEPEST = 10.0
"""Most that one thumb may count for, however unlikely the arm was."""

SPREAD = 2.0
"""Standard deviation of the first layer's weights: features of length 1 then bend its units."""


@dataclass(frozen=True, eq=False)
class Satisfaction(Estimator):
    """Another estimator, with a network of three layers added that learns from thumbs alone.

    The network is shared; its last layer has one row of weights for each arm and starts at 0, so
    nothing changes before the first thumb. With x the features scaled to length 1,

        quality = inner + kappa * f(x),        kappa = 1 / (1 + Var of the last 100 rewards)

    within [0, 1], where a reward is 1 for a satisfied user and -1 for one who was not: the more the
    rewards scatter, the less f counts. Each reward r of an arm m moves the weights once,

        weights += step * rho * (r - baseline) * gradient of log pi(m),
        pi = softmax(quality / temperature),    rho = pi(m) / chance(m), at most 10,

    with the mean of the last 100 rewards as baseline and the recorded chance with which m was
    asked. So pi is not the policy that answers but one of this estimator's own: the policy that
    takes the best arm has chances of 0 and 1, whose gradient vanishes, and nothing would ever be
    learned under it. Weighing by rho makes the step unbiased for pi where the policy does
    randomise (off-policy policy gradient); where it does not, or where no chance was recorded, the
    chance is 1, arms that are never asked are judged only by the thumbs of the others falling
    below the baseline, and the step is smaller but never 0.

    Attributes:
        inner: Whose quality is moved.
        step: Step size. With the paper's 0.001 and this temperature the first thumbs move f by
            two or three hundredths each, and 20 to 60 of them moved a topic's traffic across a
            gap of ten points. At 0.003 most test streams were quicker and some swung back.
        temperature: Of pi, in points of quality.
        hidden: Units of each hidden layer.
        seed: Of the first weights.
        first_: (d + 1, hidden), like the next with the weights of the constant last.
        second_: (hidden + 1, hidden).
        heads_: (arms, hidden + 1).
        rewards_: The last rewards, at most 100, the newest last.
    """

    name = "satisfaction"
    inner: Estimator = field(default_factory=LinearBandit)
    step: float = 0.001
    temperature: float = 0.1
    hidden: int = 32
    seed: int = 0
    first_: Floats | None = None
    second_: Floats | None = None
    heads_: Floats | None = None
    rewards_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "hidden")
        not_negative(self.step, "Satisfaction.step", "a number of at least 0")
        if not 0 < self.temperature < np.inf:
            msg = f"Satisfaction.temperature must be above 0, not {self.temperature!r}."
            raise ConfigurationError(msg)

    @property
    def label(self) -> str:
        """That of what it moves, and its own name."""
        return f"{self.inner.label} with {self.name}"

    def fit(self, examples: Examples) -> Self:
        """Fit the inner estimator; the network starts anew, with the thumbs of the examples."""
        fitted = replace(
            self,
            inner=self.inner.fit(examples),
            first_=None,
            second_=None,
            heads_=None,
            rewards_=None,
        )
        return fitted._heard(examples, fitted._checked(examples))

    def learn(self, examples: Examples) -> Self:
        """A copy that has taken the thumbs, and whose inner estimator has taken the rest.

        Raises:
            ConfigurationError: An event that cannot be learned from; nothing was learned then.
        """
        told = None if examples.satisfied is None else self._checked(examples)
        inner = self.inner.learn(examples)
        base = self if inner is self.inner else self.having(inner=inner)
        return base if told is None else base._heard(examples, told)

    def over(self, places: Sequence[int | None]) -> Self:
        """This estimator for other arms; a new one is not moved until it has its first thumb."""
        inner = self.inner.over(places)
        heads = None if self.heads_ is None else moved(self.heads_, places, 0.0)
        return replace(self, inner=inner, heads_=heads)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """What the inner estimator expects, moved by what satisfied users."""
        made = self.inner.estimate(evidence, preference)
        if self.heads_ is None or evidence.features is None:
            return made
        self._check_width(evidence.features)
        *_, last = self._layers(evidence.units)
        shift = self._confidence * self._scores(last)
        quality = np.minimum(np.maximum(made.quality + shift, 0.0), 1.0)
        expected = made.cost, made.latency, made.reference_cost
        return Estimates(quality, made.sd, *expected, made.ahead, made.novelty)

    def _heard(self, examples: Examples, told: Bools) -> Self:
        """A copy that has taken the thumbs, one after another.

        Args:
            examples: n rows.
            told: (n, arms) where there is a thumb.
        """
        if not np.count_nonzero(told) or examples.satisfied is None or examples.features is None:
            return self
        quality = expected(self.inner, examples)
        network = self if self.heads_ is not None else self._begun(examples)
        for row, arm in np.argwhere(told).tolist():
            chance = np.nan if examples.chances is None else examples.chances[row, arm]
            reward = 2.0 * float(examples.satisfied[row, arm]) - 1.0
            features = examples.features[[row]]
            network = network._moved(features, quality[row], arm, reward, float(chance))
        return network

    def _begun(self, examples: Examples) -> Self:
        """A copy with its first weights."""
        assert examples.features is not None  # noqa: S101 - for the type checker: it was looked at
        generator = np.random.default_rng(self.seed)
        width, arms = examples.features.shape[1], examples.quality.shape[1]
        return replace(
            self,
            first_=generator.normal(0, SPREAD, (width + 1, self.hidden)),
            second_=generator.normal(0, 1 / np.sqrt(self.hidden), (self.hidden + 1, self.hidden)),
            heads_=np.zeros((arms, self.hidden + 1)),
            rewards_=np.zeros(0),
        )

    def _moved(
        self, features: Floats, quality: Floats, arm: int, reward: float, chance: float
    ) -> Self:
        """A copy after one thumb.

        Args:
            features: (1, d).
            quality: (arms,) what the inner estimator expects.
            arm: The arm that the thumb is about.
            reward: 1 or -1.
            chance: How likely the arm was to be asked; NaN where unknown.
        """
        known: Any = (self.first_, self.second_, self.heads_, self.rewards_)
        first, second, heads, rewards = known
        given, middle, last = self._layers(normalised(features))
        confidence = self._confidence
        likely = _softmax((quality + confidence * self._scores(last)[0]) / self.temperature)
        weight = min(STEEPEST, float(likely[arm]) / (chance if chance > 0 else 1.0))
        baseline = float(rewards.mean()) if len(rewards) else 0.0
        scale = self.step * weight * (reward - baseline) * confidence / self.temperature
        slope = scale * (np.eye(len(heads))[arm] - likely)
        into_last = (slope @ heads[:, :-1]) * (1 - last**2)
        into_middle = (into_last @ second[:-1].T) * (1 - middle**2)
        return self.having(
            first_=first + _with_one(given).T @ into_middle,
            second_=second + _with_one(middle).T @ into_last,
            heads_=heads + np.multiply.outer(slope, _with_one(last)[0]),
            rewards_=np.append(rewards, reward)[-WINDOW:],
        )

    @cached_property
    def _confidence(self) -> float:
        """Kappa."""
        rewards = self.rewards_
        return 1.0 if rewards is None or not len(rewards) else 1.0 / (1.0 + float(rewards.var()))

    def _layers(self, given: Floats) -> tuple[Floats, Floats, Floats]:
        """What goes into each of the three layers: (n, d), (n, hidden) and (n, hidden).

        Args:
            given: (n, d) features of length 1.
        """
        weights: Any = (self.first_, self.second_)
        first, second = weights
        middle = np.tanh(given @ first[:-1] + first[-1])
        return given, middle, np.tanh(middle @ second[:-1] + second[-1])

    def _scores(self, last: Floats) -> Floats:
        """What the network gives, (n, arms): one product for each arm, never one over all arms."""
        heads: Any = self.heads_
        scores: Floats = np.matmul(last, heads[:, :-1, None])[:, :, 0].T + heads[:, -1]
        return scores

    def _checked(self, examples: Examples) -> Bools:
        """Where there is a thumb, (n, arms), once it is certain that each can be learned from.

        Raises:
            ConfigurationError: One cannot.
        """
        heads, width = self.heads_, None if self.first_ is None else len(self.first_) - 1
        checked(examples, self.name, None if heads is None else len(heads), width)
        told = known_share(examples.satisfied, examples, "satisfied")
        known_share(examples.chances, examples, "chances")
        if told.any() and not np.isin(examples.satisfied[told], (0.0, 1.0)).all():  # type: ignore[index]
            msg = "A thumb is 1 or 0, satisfied or not; give anything between as a score."
            raise ConfigurationError(msg)
        return told

    def _check_width(self, features: Floats) -> None:
        first: Any = self.first_
        if features.shape[1] != len(first) - 1:
            msg = (
                f"The estimator {self.name!r} has learned from {len(first) - 1} features, and the "
                f"embedder gives {features.shape[1]}. Fit the router again."
            )
            raise ConfigurationError(msg)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares


def _with_one(rows: Floats) -> Floats:
    return np.hstack([rows, np.ones((len(rows), 1))])
