"""The meta-verifier for users who name none: cross-validation chooses."""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.errors import NotFittedError
from automix_core.estimate.bayes import Bayes
from automix_core.estimate.curves import Isotonic, Neighbours
from automix_core.estimate.pomdp import Pomdp
from automix_core.estimate.regions import DoubleThreshold, FittedThreshold, TripleThreshold
from automix_core.evidence import Estimates, Evidence
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["AutoMeta"]


@dataclass(frozen=True)
class AutoMeta(Estimator):
    """Stands for whichever candidate does best on examples it was not fitted on.

    `Router.fit` replaces it by the winner. Ties go to the candidate that comes first.

    Attributes:
        candidates: Estimators to choose from, the simplest first.
    """

    name = "auto"
    candidates: tuple[Estimator, ...] = (
        Bayes(),
        Isotonic(),
        FittedThreshold(),
        DoubleThreshold(),
        TripleThreshold(),
        Neighbours(),
        Pomdp(),
    )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Nothing yet: a router chooses among the candidates when it is fitted."""
        raise NotFittedError(self.name)
