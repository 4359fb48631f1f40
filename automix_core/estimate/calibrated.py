"""A fitted meta-verifier that also knows where to start, and whether verifying pays at all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from automix_core.errors import NotFittedError
from automix_core.estimate.bayes import Bayes
from automix_core.evidence import Estimates, Evidence, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["VALIDITY", "Calibrated"]

VALIDITY = "validity"
"""The signal of replies that are judged by their form, such as tool calls."""


@dataclass(frozen=True, eq=False)
class Calibrated(Estimator):
    """Estimates of an inner estimator, and the value of each start as it was measured.

    Before anything is asked, an arm may be asked and its answer verified, or asked for good. What
    the first is worth was measured by replaying examples that the inner estimator had not seen,
    less one standard error, so that verifying is chosen only where it showed that it pays.

    Attributes:
        inner: A fitted meta-verifier.
        weights_: (weights,) the cost weights at which starts were measured, ascending.
        quality_: (weights, arms) mean quality after starting with an arm; NaN for one that is
            never verified.
        cost_: (weights, arms) mean cost of that, as a share of the reference cost.
        doubt_: (weights, arms) standard error of its value less that of the best arm alone.
    """

    name = "calibrated"
    inner: Estimator = field(default_factory=Bayes)
    weights_: Floats | None = None
    quality_: Floats | None = None
    cost_: Floats | None = None
    doubt_: Floats | None = None

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The inner estimates; valid and invalid replies are as good as their form says."""
        made = self.inner.estimate(evidence, preference)
        quality, ahead = made.quality, made.ahead
        form = evidence.signals.get(VALIDITY)
        if form is not None:
            quality = np.where(np.isnan(form), quality, form)
        fresh = ~evidence.answered.any(axis=1)
        if fresh.any():
            ahead = np.full_like(quality, np.nan) if ahead is None else ahead.copy()
            ahead[fresh] = self.start_values(preference.cost_weight)
        return Estimates.of(evidence, quality, made.sd, ahead)

    def start_values(self, cost_weight: float) -> Floats:
        """The value of starting with each arm and verifying its answer, (arms,), less the doubt.

        Args:
            cost_weight: As in the preference.
        """
        if self.weights_ is None or self.quality_ is None or self.cost_ is None:
            raise NotFittedError(self.name)
        doubt = np.zeros_like(self.quality_) if self.doubt_ is None else self.doubt_
        columns = np.stack([self.quality_, self.cost_, doubt])
        quality, cost, unsure = (
            np.array([np.interp(cost_weight, self.weights_, column) for column in kind.T])
            for kind in columns
        )
        value: Floats = quality - cost_weight * cost - unsure
        return value
