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

from automix_core.arrays import normalised, within_one
from automix_core.errors import ConfigurationError
from automix_core.estimate.bandit import LinearBandit
from automix_core.estimate.before import moved
from automix_core.estimate.events import checked, expected, known_share
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import is_number, not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Satisfaction"]

WINDOW = 100
"""Thumbs that the offset and the confidence remember: each keeps 1 - 1 / 100 with the next."""

DOUBT = 5.0
"""How much f must have foretold before it counts: the ridge penalty of kappa, in variances."""

UNKNOWN = 20.0
"""Thumbs of offset 0 and variance 1 taken for seen, so that the first ones do not decide."""

STEEPEST = 2.0
"""Most that one thumb may count for, however unlikely the arm was: at 10, single thumbs swung f."""

SPREAD = 2.0
"""Standard deviation of the first layer's weights: features of length 1 then bend its units."""


@dataclass(frozen=True, eq=False)
class Satisfaction(Estimator):
    """Another estimator, with a network of three layers added that learns from thumbs alone.

    The network is shared; its last layer has one row of weights for each arm and starts at 0, so
    nothing changes before the first thumb. With x the features scaled to length 1,

        quality = inner + kappa * f(x)

    within [0, 1]. A thumb on the answer of an arm m is a reward r, 1 for a satisfied user and -1
    for one who was not. With d = r - (2 * inner(m) - 1), what the inner estimator did not
    foresee, and z = 2 * f(x)(m), what the network foresaw of it before the thumb,

        kappa = sum(z * d) / (sum(z * z) + 5 * Var(d)), within [0, 1],
        advantage = d - z - sum(d - z) / (sum(1) + 20),
        weights += step * rho * advantage / temperature * gradient of f(x) times (1[m] - pi),
        pi = softmax((inner + kappa * f) / temperature),   rho = pi(m) / chance(m), at most 2,

    with the recorded chance with which m was asked. Sums and the variance are over about the last
    100 thumbs, older ones fading; the variance takes 20 more of variance 1 for seen.
    (1[m] - pi) / temperature is the gradient of log pi(m) by the scores of the arms: this is
    policy gradient with the estimate of the reward as baseline (a critic).

    Kappa is the slope of d on z, shrunk towards 0: the more the thumbs scatter around what is
    expected, the less f counts, and it counts for nothing until it has foretold thumbs better
    than the inner estimator alone. Thumbs that agree with the inner estimator teach nothing on
    average, however hard the request was. Where all users are harder to please than the scores
    say, the last term of the advantage takes that up and no arm is blamed for it.

    The paper (equations 15 to 22) has the shared network, its score weighed by an inverse variance
    of recent feedback, and policy gradient with a step of 0.001. The critic, the offset, the
    slope as inverse variance and all constants are ours: with the mean reward as baseline and
    1 / (1 + variance of the rewards) as kappa, thumbs cost one to three points of quality.

    Pi is not the policy that answers but one of this estimator's own: the policy that takes
    the best arm has chances of 0 and 1, whose gradient vanishes, and nothing would ever be
    learned under it. Weighing by rho makes the step unbiased for pi where the policy does
    randomise (off-policy policy gradient); where it does not, or where no chance was recorded, the
    chance is 1, and arms that are never asked rise only as far as those that are fall. As the
    gradient is taken by f and not by kappa * f, f goes on learning while it is not trusted.

    Attributes:
        inner: Whose quality is moved.
        step: Step size. With this step and temperature the first thumbs that nobody foresaw move
            f by one to three hundredths each.
        temperature: Of pi, in points of quality.
        hidden: Units of each hidden layer.
        seed: Of the first weights.
        first_: (d + 1, hidden), like the next with the weights of the constant last.
        second_: (hidden + 1, hidden).
        heads_: (arms, hidden + 1).
        moments_: (3, 3) fading sum of the outer products of (1, d, z).
    """

    name = "satisfaction"
    inner: Estimator = field(default_factory=LinearBandit)
    step: float = 0.002
    temperature: float = 0.2
    hidden: int = 32
    seed: int = 0
    first_: Floats | None = None
    second_: Floats | None = None
    heads_: Floats | None = None
    moments_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "hidden")
        not_negative(self.step, "Satisfaction.step", "a number of at least 0")
        if not (is_number(self.temperature) and self.temperature > 0):
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
            moments_=None,
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

    @property
    def adopts(self) -> bool:
        """Whether the inner estimator does."""
        return self.inner.adopts

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
        quality = within_one(made.quality + shift)
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
            moments_=np.zeros((3, 3)),
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
        known: Any = (self.first_, self.second_, self.heads_, self.moments_)
        first, second, heads, moments = known
        given, middle, last = self._layers(normalised(features))
        scores = self._scores(last)[0]
        likely = _softmax((quality + self._confidence * scores) / self.temperature)
        weight = min(STEEPEST, float(likely[arm]) / (chance if chance > 0 else 1.0))
        unforeseen = reward - (2.0 * float(quality[arm]) - 1.0)
        foretold = 2.0 * float(scores[arm])
        offset = float(moments[0, 1] - moments[0, 2]) / (float(moments[0, 0]) + UNKNOWN)
        advantage = unforeseen - foretold - offset
        scale = self.step * weight * advantage / self.temperature
        slope = scale * (np.eye(len(heads))[arm] - likely)
        seen = np.array([1.0, unforeseen, foretold])
        into_last = (slope @ heads[:, :-1]) * (1 - last**2)
        into_middle = (into_last @ second[:-1].T) * (1 - middle**2)
        return self.having(
            first_=first + _with_one(given).T @ into_middle,
            second_=second + _with_one(middle).T @ into_last,
            heads_=heads + np.multiply.outer(slope, _with_one(last)[0]),
            moments_=(1 - 1 / WINDOW) * moments + np.multiply.outer(seen, seen),
        )

    @cached_property
    def _confidence(self) -> float:
        """Kappa."""
        if self.moments_ is None or not self.moments_[2, 2] > 0:
            return 0.0
        moments: list[list[float]] = self.moments_.tolist()
        (count, total, _), (_, squares, product), (*_, power) = moments
        scatter = max(squares - total * total / count, 0.0) + UNKNOWN
        return min(max(product / (power + DOUBT * scatter / (count + UNKNOWN)), 0.0), 1.0)

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
