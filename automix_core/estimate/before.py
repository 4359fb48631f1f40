"""What estimators share that judge arms by the request alone, before any of them has answered.

They read the features that the router's embedder makes. Every arm is learned from its own column
of the examples and from no other, so that arms may come and go without moving the others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from automix_core.errors import ConfigurationError, NotFittedError
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["WORST_VARIANCE", "Before", "by_arm", "normalised"]

WORST_VARIANCE = 0.25
"""The greatest variance of a quality in [0, 1]: what is assumed where nothing was seen."""


@dataclass(frozen=True, eq=False)
class Before(Estimator):
    """Quality of every arm by the features of the request.

    Answers and signals are not looked at: `Joint` puts an estimator behind that does. Where the
    embedder failed, the arms are taken for what they are worth on average.

    Attributes:
        prior_: (arms,) mean quality.
        spread_: (arms,) standard deviation of quality from request to request.
        width_: How many features a request has.
    """

    prior_: Floats | None = None
    spread_: Floats | None = None
    width_: int | None = None

    def fit(self, examples: Examples) -> Self:
        """A copy that has learned from examples.

        Raises:
            ConfigurationError: The examples have no features.
        """
        if examples.features is None:
            msg = (
                f"The estimator {self.name!r} reads features of the request, and there are none. "
                "Give the router an embedder: Router(..., embedder=Hashing())."
            )
            raise ConfigurationError(msg)
        columns = [quality[known] for known, quality in by_arm(examples.quality)]
        return self._learned(
            examples.features,
            examples.quality,
            prior_=np.array([c.mean() if len(c) else 0.0 for c in columns]),
            spread_=np.array([c.std() if len(c) else WORST_VARIANCE**0.5 for c in columns]),
            width_=examples.features.shape[1],
        )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Quality by the features, whatever was answered.

        Raises:
            NotFittedError: No examples were seen yet.
            ConfigurationError: The features have another width than those that were learned from.
        """
        if self.prior_ is None or self.spread_ is None:
            raise NotFittedError(self.name)
        features = evidence.features
        if features is None:
            shape = evidence.able.shape
            mean, spread = np.tile(self.prior_, (shape[0], 1)), np.tile(self.spread_, (shape[0], 1))
            return Estimates.of(evidence, mean, spread)
        if features.shape[1] != self.width_:
            msg = (
                f"The estimator {self.name!r} was fitted on {self.width_} features, and the "
                f"embedder or the caller gives {features.shape[1]}. Fit the router again."
            )
            raise ConfigurationError(msg)
        quality, sd = self._predicted(features)
        return Estimates.of(evidence, np.minimum(np.maximum(quality, 0.0), 1.0), sd)

    @abstractmethod
    def _learned(
        self, features: Floats, quality: Floats, *, prior_: Floats, spread_: Floats, width_: int
    ) -> Self:
        """A copy with everything that was learned.

        Args:
            features: (n, d).
            quality: (n, arms), NaN where unknown.
            prior_: As the attribute, like the next two.
            spread_: Likewise.
            width_: Likewise.
        """

    @abstractmethod
    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        """Quality and standard deviation, each (n, arms), from features, (n, d)."""


def by_arm(quality: Floats) -> Iterator[tuple[Bools, Floats]]:
    """For each arm, where its quality is known, (n,), and its quality, (n,).

    The columns lie apart in memory, so that sums over one do not depend on how many there are.
    """
    for column in quality.T:
        alone = np.ascontiguousarray(column)
        yield ~np.isnan(alone), alone


def normalised(features: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays as it is."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1.0)
