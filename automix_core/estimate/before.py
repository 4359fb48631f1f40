"""What estimators share that judge arms by the request alone, before any of them has answered.

They read the features that the router's embedder makes. Every arm is learned from its own column
of the examples and from no other, so that arms may come and go without moving the others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import normalised, within_one
from automix_core.errors import ConfigurationError, NotFittedError
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["UNKNOWN", "WORST_VARIANCE", "Before", "by_arm", "moved", "newcomer"]

WORST_VARIANCE = 0.25
"""The greatest variance of a quality in [0, 1]: what is assumed where nothing was seen."""

UNKNOWN = 0.5
"""The quality of an arm of which nothing is known, and of no other arm either."""


@dataclass(frozen=True, eq=False)
class Before(Estimator):
    """Quality of every arm by the features of the request.

    Answers and signals are not looked at: `Joint` puts an estimator behind that does. Where the
    embedder failed, the arms are taken for what they are worth on average.

    Attributes:
        scales: Whether it reads features scaled to length 1.
        prior_: (arms,) mean quality.
        spread_: (arms,) standard deviation of quality from request to request.
        width_: How many features a request has.
        new_: (arms,) the arm was added after the fit: nothing is known of it.
    """

    scales: ClassVar[bool] = False
    prior_: Floats | None = None
    spread_: Floats | None = None
    width_: int | None = None
    new_: Bools | None = None

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
        return replace(self, new_=None)._learned(
            normalised(examples.features) if self.scales else examples.features,
            examples.quality,
            prior_=np.array([c.mean() if len(c) else 0.0 for c in columns]),
            spread_=np.array([c.std() if len(c) else WORST_VARIANCE**0.5 for c in columns]),
            width_=examples.features.shape[1],
        )

    def over(self, places: Sequence[int | None]) -> Self:
        """This estimator for other arms.

        Whatever the request, a new one is expected to do as well as the best of the others does on
        average, so that it will be tried, and with the greatest standard deviation there is.
        """
        if self.prior_ is None or self.spread_ is None:
            return self
        was_new = np.zeros(len(self.prior_), dtype=bool) if self.new_ is None else self.new_
        prior = moved(self.prior_, places, newcomer(self.prior_))
        shared: dict[str, Any] = {
            "prior_": prior,
            "spread_": moved(self.spread_, places, WORST_VARIANCE**0.5),
            "new_": moved(was_new, places, new=True),
        }
        return replace(self, **shared, **self._over(places, prior))

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
        quality, sd = self._predicted(evidence.units if self.scales else features)
        if self.new_ is not None:
            quality = np.where(self.new_, self.prior_, quality)
            sd = np.where(self.new_, self.spread_, sd)
        return Estimates.of(evidence, within_one(quality), sd)

    @abstractmethod
    def _learned(
        self, features: Floats, quality: Floats, *, prior_: Floats, spread_: Floats, width_: int
    ) -> Self:
        """A copy with everything that was learned.

        Args:
            features: (n, d), scaled where it `scales`, as in `_predicted`.
            quality: (n, arms), NaN where unknown.
            prior_: As the attribute, like the next two.
            spread_: Likewise.
            width_: Likewise.
        """

    @abstractmethod
    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        """What is learned of each arm, by attribute, for other arms.

        Args:
            places: As for `over`.
            prior: (arms,) mean quality of the arms that there will be.
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


def moved(
    array: NDArray[Any], places: Sequence[int | None], new: Any, axis: int = 0
) -> NDArray[Any]:
    """An array over arms, for other arms.

    Args:
        array: With the arms along an axis.
        places: For each arm that there will be, its place so far, or `None` for a new one.
        new: What is set for a new one, of any shape that fits.
        axis: The axis of the arms.
    """
    arms = np.moveaxis(array, axis, 0)
    kept = np.empty((len(places), *arms.shape[1:]), dtype=array.dtype)
    for to, place in enumerate(places):
        kept[to] = new if place is None else arms[place]
    return np.moveaxis(kept, 0, axis)


def newcomer(prior: Floats) -> float:
    """The quality expected of a new arm: that of the best so far, so that it will be tried."""
    return float(prior.max()) if len(prior) else UNKNOWN
