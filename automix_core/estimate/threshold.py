"""The uncalibrated meta-verifier: believe the confidence, and expect a little more elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.estimate.regions import FittedThreshold
from automix_core.evidence import Estimates, Evidence, Examples
from automix_core.numbers import is_number
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Threshold"]

DEFAULT_COST_WEIGHT = Preference().cost_weight


@dataclass(frozen=True)
class Threshold(Estimator):
    """Accept an answer whose confidence reaches a threshold (AutoMix's simplest meta-verifier).

    It is written as an estimator, so that the preference can move it. An answer in hand is
    believed to be as good as its confidence; an arm not asked yet is believed to reach
    `threshold + 0.1`, the prior. With the default preference (a call to the dearest of the arms
    is worth 0.1) an answer is then kept exactly if its confidence is at least `threshold` and
    only the dearest arm is left. With `cost_weight = w` the line is at `threshold + 0.1 - w`:
    lower if money matters more. Nothing here was measured: calibrate to replace the prior.

    Attributes:
        threshold: In [0, 1].
        unverified: What an answer without a verdict is believed to be worth: nothing, so that it
            is never accepted while another arm can be asked.
    """

    name = "threshold"
    threshold: float = 0.5
    unverified: float = 0.0

    def __post_init__(self) -> None:
        """Check that the threshold can be reached."""
        for name in ("threshold", "unverified"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value <= 1):
                msg = f"Threshold.{name} must lie in [0, 1], not {value!r}."
                raise ConfigurationError(msg)

    def fit(self, examples: Examples) -> Estimator:
        """The threshold that examples speak for, anew for every preference."""
        return FittedThreshold().fit(examples)

    @property
    def adopts(self) -> bool:
        """Yes: its rule is the same for every arm."""
        return True

    def over(self, places: Sequence[int | None]) -> Estimator:
        """This very one: nothing here is about a single arm."""
        return self

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Confidence for what was answered, the prior for what was not."""
        prior = self.threshold + DEFAULT_COST_WEIGHT  # above 0.9 no belief any more, but the line
        believed = np.where(np.isnan(evidence.confidence), self.unverified, evidence.confidence)
        quality = np.where(evidence.answered, believed, prior)
        return Estimates.of(evidence, quality, np.zeros_like(quality))
