"""What linear bandits add to any estimator: they go on learning, and know what they have not tried.

The uncertainty is MixLLM's (arXiv 2502.18482, equations 9 and 14), the learner that of LinUCB as
MetaLLM has it (arXiv 2407.10834). Unlike there, quality alone is learned: cost stays apart, so that
prices and preferences may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from automix_core.arrays import normalised, within_one
from automix_core.errors import ConfigurationError, NotFittedError
from automix_core.estimate.before import WORST_VARIANCE
from automix_core.estimate.events import asked_nothing, checked, expected
from automix_core.estimate.line import Line
from automix_core.estimate.prior import Prior
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.numbers import is_number
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["LinearBandit"]

BLOCK = 4096
"""Requests that are multiplied with one arm's matrix at once."""

FOLDS = 2

_PREFERENCE = Preference()

_FROM_NOTHING = "To learn from feedback alone, take Router.preset('mixllm', quality='prior')."


@dataclass(frozen=True, eq=False)
class LinearBandit(Estimator):
    """Another estimator, corrected online by a ridge regression for each arm.

    With x the features scaled to length 1, e = (1, x - centre) and r = quality less what the inner
    estimator expects, each arm keeps A = penalty * I + sum of e e' and the weights w = inv(A) times
    the sum of r e. Its quality is the inner one plus e'w, within [0, 1]; its novelty e' inv(A) e;
    its standard deviation grows by 0.5 * sqrt(novelty).

    A fit learns r on rows that the inner estimator did not see: it is fitted on one half of the
    groups of rows and asked about the other, both ways, then fitted on all. From then on `learn`
    takes one example at a time, in time and memory that do not depend on how many there were. It
    also works without a fit, from nothing, over an inner estimator that does.

    A request without features is taken for an average one; an example without features teaches
    nothing. A new arm starts with what the inner estimator expects of it and no examples, so it
    is the one with the greatest novelty.

    Attributes:
        inner: Judges by the request: what is corrected. `Prior` makes this LinUCB.
        penalty: Ridge penalty, in examples whose e has length 1. The novelty of an arm that was
            never tried is e'e / penalty, where e'e is between 1 and 2 for most requests.
        forgetting: What older examples keep of their weight with each new one of the same arm;
            1 forgets nothing, 0.99 remembers about the last 100.
        centre_: (d,) mean of x over the rows of the fit, of whatever arms.
        lines_: What each arm has learned.
    """

    name = "linear_bandit"
    inner: Estimator = field(default_factory=Prior)
    penalty: float = 10.0
    forgetting: float = 1.0
    centre_: Floats | None = None
    lines_: tuple[Line, ...] | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (is_number(self.penalty) and self.penalty > 0):
            msg = f"LinearBandit.penalty must be a number above 0, not {self.penalty!r}."
            raise ConfigurationError(msg)
        if not (is_number(self.forgetting) and 0.5 <= self.forgetting <= 1):
            msg = f"LinearBandit.forgetting must be from 0.5 to 1, not {self.forgetting!r}."
            raise ConfigurationError(msg)

    @property
    def label(self) -> str:
        """Its name and that of what it corrects."""
        return f"{self.name} over {self.inner.label}"

    def fit(self, examples: Examples) -> Self:
        """Fit the inner estimator, and learn from each row what it misses in rows unseen.

        Raises:
            ConfigurationError: The examples have no features, or not all of them are numbers.
        """
        if examples.features is None:
            msg = (
                f"The estimator {self.name!r} reads features of the request, and there are none. "
                "Give the router an embedder: Router(..., embedder=Hashing())."
            )
            raise ConfigurationError(msg)
        checked(examples, self.name)
        centre = normalised(examples.features).mean(axis=0)
        blank = replace(self, centre_=centre, lines_=None)
        above = examples.quality - _unseen(self.inner, examples)
        fitted = replace(blank, inner=self.inner.fit(examples))
        known = ~np.isnan(examples.quality)
        # Where the inner estimator cannot be said to have missed, the arm was tried all the same.
        return fitted._with(normalised(examples.features), np.nan_to_num(above, nan=0.0), known)

    def learn(self, examples: Examples) -> Self:
        """A copy that has taken more examples, as has the inner estimator.

        What the inner one missed is what it expected before it took these same examples.

        Raises:
            ConfigurationError: A quality outside [0, 1], features that are no numbers or of
                another width, or another number of arms. Nothing was learned then.
        """
        known = checked(examples, self.name, self._arms, self._width)
        inner = self.inner.learn(examples)
        base = self if inner is self.inner else self.having(inner=inner)
        if examples.features is None or not np.count_nonzero(known):
            return base
        evidence = asked_nothing(examples)
        above = examples.quality - self.inner.estimate(evidence, _PREFERENCE).quality
        return base._with(evidence.units, above, known)

    def over(self, places: Sequence[int | None]) -> Self:
        """This estimator for other arms; a new one starts without examples."""
        inner = self.inner.over(places)
        if self.lines_ is None:
            return replace(self, inner=inner)
        width = (self._width or 0) + 1
        lines = [
            Line.fresh(width, self.penalty) if place is None else self.lines_[place]
            for place in places
        ]
        return replace(self, inner=inner, lines_=tuple(lines))

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """What the inner estimator expects, corrected, with novelty.

        Raises:
            NotFittedError: The inner estimator needs a fit and has had none.
            ConfigurationError: The features have another width than those that were learned from.
        """
        try:
            made = self.inner.estimate(evidence, preference)
        except NotFittedError as error:
            raise NotFittedError(error.what, _FROM_NOTHING) from error
        shift, novelty = self._predicted(evidence)
        quality = within_one(made.quality + shift)
        variance = made.sd * made.sd
        variance += WORST_VARIANCE * novelty
        sd = np.sqrt(variance, out=variance)
        expected = made.cost, made.latency, made.reference_cost
        return Estimates(quality, sd, *expected, made.ahead, novelty)

    @property
    def _arms(self) -> int | None:
        return None if self.lines_ is None else len(self.lines_)

    @property
    def _width(self) -> int | None:
        return None if self.centre_ is None else len(self.centre_)

    def _with(self, units: Floats, above: Floats, known: Any) -> Self:
        """A copy whose arms have taken what is known of them.

        Args:
            units: (n, d) features of length 1.
            above: (n, arms) quality above what was expected.
            known: (n, arms) where the arm was tried.
        """
        centre = np.zeros(units.shape[1]) if self.centre_ is None else self.centre_
        vectors = _vectors(units, centre)
        lines = list(self.lines_ or ())
        if not lines:
            lines = [Line.fresh(vectors.shape[1], self.penalty)] * known.shape[1]
        lone = len(vectors) == 1  # as feedback comes, which must be quick
        for arm in (known[0] if lone else known.any(axis=0)).nonzero()[0].tolist():
            rows: Any = slice(None) if lone else known[:, arm]
            told = vectors[rows], above[rows, arm]
            lines[arm] = lines[arm].learned(*told, self.penalty, self.forgetting)
        return self.having(centre_=centre, lines_=tuple(lines))

    def _predicted(self, evidence: Evidence) -> tuple[Floats, Floats]:
        """Correction and novelty, each (n, arms)."""
        shape = evidence.able.shape
        features = evidence.features
        if self.lines_ is None or self.centre_ is None:
            square = 1.0 if features is None else 1.0 + (evidence.units**2).sum(axis=1)
            untried = np.broadcast_to(np.transpose([square]) / self.penalty, shape)
            return np.zeros(shape), untried
        if features is None:
            lone = np.zeros((1, len(self.centre_) + 1))
            lone[0, 0] = 1.0
            shift, novelty = self._alone(lone[0])
            return np.tile(shift, (shape[0], 1)), np.tile(novelty, (shape[0], 1))
        if features.shape[1] != len(self.centre_):
            msg = (
                f"The estimator {self.name!r} was fitted on {len(self.centre_)} features, and the "
                f"embedder gives {features.shape[1]}. Fit the router again."
            )
            raise ConfigurationError(msg)
        if len(features) != 1:
            return self._together(_vectors(evidence.units, self.centre_))
        vector = np.empty(len(self.centre_) + 1)
        vector[0] = 1.0
        np.subtract(evidence.units[0], self.centre_, out=vector[1:])
        shift, novelty = self._alone(vector)
        return shift[None], novelty[None]

    def _alone(self, vector: Floats) -> tuple[Floats, Floats]:
        """Correction and novelty of one request, each (arms,).

        One product for each arm, never one over all arms: rounding then does not depend on them.
        """
        seen = np.matmul(self._stacked, vector)
        novelty = seen[None, :, :-1].dot(vector)[0]  # which over three axes goes row by row
        return seen[:, -1], novelty  # above 0, for inv(A) is positive definite

    def _together(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Correction and novelty of many requests, each (n, arms)."""
        lines = self.lines_ or ()
        shift = np.empty((len(vectors), len(lines)))
        novelty = np.empty_like(shift)
        for begin in range(0, len(vectors), BLOCK):
            block = vectors[begin : begin + BLOCK]
            rows = slice(begin, begin + BLOCK)
            for arm, line in enumerate(lines):
                shift[rows, arm] = block @ line.weights
                novelty[rows, arm] = ((block @ line.inverse) * block).sum(axis=1)
        return shift, novelty

    @cached_property
    def _stacked(self) -> Floats:
        """(arms, d + 2, d + 1) inv(A) of each arm with its weights below."""
        return np.stack([np.vstack([line.inverse, line.weights]) for line in self.lines_ or ()])


def _vectors(units: Floats, centre: Floats) -> Floats:
    """The vector e of each request, (n, d + 1), from features of length 1."""
    vectors = np.empty((len(units), len(centre) + 1))
    vectors[:, 0] = 1.0
    np.subtract(units, centre, out=vectors[:, 1:])
    return vectors


def _unseen(inner: Estimator, examples: Examples) -> Floats:
    """What the inner estimator expects of rows it was not fitted on, (n, arms).

    Rows of one group are held out together. NaN where it was fitted on no row of the arm, for then
    it cannot be said to have missed.
    """
    rows = np.arange(len(examples))
    told = np.full(examples.quality.shape, np.nan)
    _, group = np.unique(rows if examples.groups is None else examples.groups, return_inverse=True)
    order = np.random.default_rng(0).permutation(int(group.max(initial=-1)) + 1)
    for fold in range(FOLDS):
        out = np.isin(group, order[fold::FOLDS])
        held, seen = rows[out], rows[~out]
        if not len(held) or not len(seen):
            continue
        train = examples.take(seen)
        never = np.isnan(train.quality).all(axis=0)
        told[held] = np.where(never, np.nan, expected(inner.fit(train), examples.take(held)))
    return told
