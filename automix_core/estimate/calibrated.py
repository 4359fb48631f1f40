"""A fitted meta-verifier that also knows where to start, and whether verifying pays at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from automix_core.errors import NotFittedError
from automix_core.estimate.bayes import Bayes
from automix_core.estimate.before import moved
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["VALIDITY", "Calibrated", "by_form"]

VALIDITY = "validity"
"""The signal of replies that are judged by their form, such as tool calls."""


@dataclass(frozen=True, eq=False)
class Calibrated(Estimator):
    """Estimates of an inner estimator, and the value of each start as it was measured.

    Before anything is asked, an arm may be asked and its answer verified, or asked for good. By
    how much the first beats the best arm alone was measured by replaying examples that the inner
    estimator had not seen. A little is taken off for what that leaves in doubt, so that verifying
    is chosen only where it showed that it pays.

    Attributes:
        inner: A fitted meta-verifier.
        weights_: (weights,) the cost weights at which starts were measured, ascending.
        gain_: (weights, arms) mean value of starting with an arm, less that of the best arm
            alone on the same rows; NaN for an arm that is never verified.
        doubt_: (weights, arms) what is taken off, a part of its standard error.
    """

    name = "calibrated"
    inner: Estimator = field(default_factory=Bayes)
    weights_: Floats | None = None
    gain_: Floats | None = None
    doubt_: Floats | None = None

    @property
    def label(self) -> str:
        """The name of what is wrapped."""
        return self.inner.label

    @property
    def learns(self) -> bool:
        """The inner estimator does or does not."""
        return self.inner.learns

    def learn(self, examples: Examples) -> Self:
        """A copy whose inner estimator has gone on learning; starts stay as they were measured."""
        inner = self.inner.learn(examples)
        return self if inner is self.inner else replace(self, inner=inner)

    @property
    def adopts(self) -> bool:
        """The inner estimator does or does not."""
        return self.inner.adopts

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms; a new one, like the dearest, is never verified at the start."""
        made = replace(self, inner=self.inner.over(places))
        if self.gain_ is None or self.doubt_ is None:
            return made
        gain, doubt = (moved(x, places, np.nan, axis=1) for x in (self.gain_, self.doubt_))
        gain[:, -1] = np.nan
        return replace(made, gain_=gain, doubt_=doubt)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The inner estimates; valid and invalid replies are as good as their form says."""
        made = self.inner.estimate(evidence, preference)
        quality, ahead = made.quality, made.ahead
        form = evidence.signals.get(VALIDITY)
        if form is not None:
            quality = by_form(quality, form)
        fresh = ~evidence.answered.any(axis=1)
        if fresh.any():
            price = (evidence.cost - evidence.checking) / evidence.reference_cost
            alone = np.where(evidence.able, quality - preference.cost_weight * price, -np.inf)
            best = alone.max(axis=1, keepdims=True)
            ahead = np.full_like(quality, np.nan) if ahead is None else ahead.copy()
            ahead[fresh] = (best + self.sure_gain(preference.cost_weight))[fresh]
        return replace(made, quality=quality, ahead=ahead)

    def sure_gain(self, cost_weight: float) -> Floats:
        """What starting with each arm gains on the best arm alone, less the doubt, (arms,).

        It is -inf where nothing was measured: such an arm is asked for good or not at all.

        Args:
            cost_weight: As in the preference; between measured weights a straight line is read.
        """
        if self.weights_ is None or self.gain_ is None or self.doubt_ is None:
            raise NotFittedError(self.name)
        sure = self.gain_ - self.doubt_
        read = np.array([np.interp(cost_weight, self.weights_, column) for column in sure.T])
        gain: Floats = np.nan_to_num(read, nan=-np.inf)
        return gain


def by_form(quality: Floats, form: Floats) -> Floats:
    """Estimates in which replies that were judged by their form are as good as it; (n, arms)."""
    return np.where(np.isnan(form), quality, form)
