"""Every arm at its mean quality, whatever was asked: what learning has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.estimate.before import UNKNOWN, WORST_VARIANCE, by_arm, moved, newcomer
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Prior"]


@dataclass(frozen=True, eq=False)
class Prior(Estimator):
    """The mean quality of each arm; one half for all where nothing was learned.

    Attributes:
        prior_: (arms,) mean quality.
        spread_: (arms,) standard deviation of quality from request to request.
    """

    name = "prior"
    prior_: Floats | None = None
    spread_: Floats | None = None

    def fit(self, examples: Examples) -> Self:
        """Take the means."""
        columns = [quality[known] for known, quality in by_arm(examples.quality)]
        return replace(
            self,
            prior_=np.array([c.mean() if len(c) else 0.0 for c in columns]),
            spread_=np.array([c.std() if len(c) else WORST_VARIANCE**0.5 for c in columns]),
        )

    @property
    def adopts(self) -> bool:
        """Only while nothing was learned: then every arm is taken for the same."""
        return self.prior_ is None

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms; a new one counts as the best of them, with every doubt."""
        if self.prior_ is None or self.spread_ is None:
            return self
        return replace(
            self,
            prior_=moved(self.prior_, places, newcomer(self.prior_)),
            spread_=moved(self.spread_, places, WORST_VARIANCE**0.5),
        )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The same for every request."""
        shape = evidence.able.shape
        mean = UNKNOWN if self.prior_ is None else self.prior_
        sd = WORST_VARIANCE**0.5 if self.spread_ is None else self.spread_
        quality, spread = np.empty(shape), np.empty(shape)
        quality[:], spread[:] = mean, sd
        return Estimates.of(evidence, quality, spread)
