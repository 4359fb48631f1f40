"""Two estimators as one: by the request before an answer, by the verdict after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from automix_core.estimate.bayes import Bayes
from automix_core.estimate.ridge import RidgeQuality
from automix_core.evidence import Estimates, Evidence, Examples
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Joint"]


@dataclass(frozen=True, eq=False)
class Joint(Estimator):
    """Estimates by the request, with those of verified answers replaced.

    An answer with a verdict is as good as the after-answer estimator says. Everything else, an
    answer without a verdict among it, stays as good as the request says: a poor verdict on one arm
    does not yet lower what is expected of the others, although hard requests are hard for all.

    Attributes:
        before: Reads the request.
        after: Reads verdicts.
    """

    name = "joint"
    before: Estimator = field(default_factory=RidgeQuality)
    after: Estimator = field(default_factory=Bayes)

    @property
    def label(self) -> str:
        """The names of both."""
        return f"{self.before.label} and {self.after.label}"

    def fit(self, examples: Examples) -> Self:
        """Fit both on the same examples; neither reads what the other says."""
        return replace(self, before=self.before.fit(examples), after=self.after.fit(examples))

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The before-answer estimates, and after a verdict those that rest on it."""
        made = self.before.estimate(evidence, preference)
        judged = evidence.answered & ~np.isnan(evidence.confidence)
        if not judged.any():
            return made
        told = self.after.estimate(evidence, preference)
        return replace(
            made,
            quality=np.where(judged, told.quality, made.quality),
            sd=np.where(judged, told.sd, made.sd),
        )
