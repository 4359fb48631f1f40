"""Several signals made one confidence, for meta-verifiers that read a single one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from automix_core.errors import NotFittedError
from automix_core.estimate.curves import Isotonic
from automix_core.estimate.logistic import (
    fit_logistic,
    scale_of,
    sigmoid,
    signal_features,
    standardised,
)
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Fused"]

HALVES = 2


@dataclass(frozen=True, eq=False)
class Fused(Estimator):
    """Each arm's signals, combined by a logistic regression into its confidence.

    What reads that confidence learns from values that were predicted for the other half of the
    examples, so that nothing is fitted and calibrated on the same rows.

    Attributes:
        inner: The estimator that reads the combined confidence.
        penalty: Ridge penalty on each slope, in examples.
        names_: The signals, in order.
        scales_: (arms, 2, features) centre and spread of each feature.
        weights_: (arms, features + 1), the intercept first.
    """

    name = "fused"
    inner: Estimator = field(default_factory=Isotonic)
    penalty: float = 3.0
    names_: tuple[str, ...] | None = None
    scales_: Floats | None = None
    weights_: Floats | None = None

    def fit(self, examples: Examples) -> Self:
        """Fit the regressions, then the estimator behind them."""
        half = np.arange(len(examples)) % HALVES
        combined = np.full_like(examples.quality, np.nan)
        for part in range(HALVES):
            trained = self._trained(examples.take(half != part))
            combined[half == part] = trained.confidence(examples)[half == part]
        inner = self.inner.fit(replace(examples, confidence=combined))
        return replace(self._trained(examples), inner=inner)

    @property
    def label(self) -> str:
        """The name of what is wrapped."""
        return self.inner.label

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """What the inner estimator makes of the combined confidence."""
        if self.weights_ is None:
            raise NotFittedError(self.name)
        told = replace(evidence, confidence=self.confidence(evidence))
        return self.inner.estimate(told, preference)

    def confidence(self, of: Examples | Evidence) -> Floats:
        """The combined confidence, (n, arms); NaN where every signal is missing."""
        combined = np.full(of.confidence.shape, np.nan)
        if self.names_ is None or self.scales_ is None or self.weights_ is None:
            return combined
        for arm, (scale, weights) in enumerate(zip(self.scales_, self.weights_, strict=True)):
            features = signal_features(of, (arm,), self.names_)
            some = ~np.isnan(features[:, : features.shape[1] // 2]).all(axis=1)
            told = standardised(features[some], scale)
            combined[some, arm] = sigmoid(weights[0] + told @ weights[1:])
        return combined

    def _trained(self, examples: Examples) -> Self:
        names = tuple(sorted(examples.signals))
        scales, weights = [], []
        for arm, quality in enumerate(examples.quality.T):
            features = signal_features(examples, (arm,), names)
            known = ~np.isnan(quality)
            scale = scale_of(features[known])
            told = standardised(features[known], scale)
            scales.append(scale)
            weights.append(fit_logistic(told, quality[known], self.penalty))
        return replace(self, names_=names, scales_=np.stack(scales), weights_=np.stack(weights))
