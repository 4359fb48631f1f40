"""Meta-verifiers that read one confidence off a curve: isotonic regression and nearest neighbours.

For each arm that answered, and each arm that might, a curve tells the mean quality of the second
at each confidence in the first. Arms not asked yet are judged by the dearest answer in hand.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.arrays import known_means
from automix_core.errors import NotFittedError
from automix_core.estimate.cells import latest_answered
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Curves", "Isotonic", "Neighbours"]

KNOTS = 257
"""Points at which a curve is kept; between them it is read off a straight line."""


@dataclass(frozen=True, eq=False)
class Curves(Estimator):
    """A curve of quality over confidence for each pair of arms.

    Attributes:
        shrinkage: Examples that the mean of all counts for, where only few are alike.
        prior_: (arms,) mean quality; 0 for an arm that no example holds.
        silent_: (arms, arms) mean quality of the second arm where the first gave no verdict.
        knots_: (arms, knots) confidences, ascending.
        curves_: (arms, arms, knots) quality of the second arm at each confidence in the first.
    """

    shrinkage: float = 5.0
    prior_: Floats | None = None
    silent_: Floats | None = None
    knots_: Floats | None = None
    curves_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the shrinkage."""
        not_negative(self.shrinkage, f"{type(self).__name__}.shrinkage", "a number of at least 0")

    @abstractmethod
    def curve(self, confidence: Floats, quality: Floats, knots: Floats) -> Floats:
        """Mean quality at each knot.

        Args:
            confidence: (examples,), ascending.
            quality: (examples,).
            knots: (knots,).
        """

    def fit(self, examples: Examples) -> Self:
        """Draw the curves."""
        arms = examples.quality.shape[1]
        prior = known_means(examples.quality, unknown=0.0)
        silent = np.tile(prior, (arms, 1))
        knots = np.zeros((arms, KNOTS))
        curves = np.tile(prior[None, :, None], (arms, 1, KNOTS))
        for own in range(arms):
            given = examples.confidence[:, own]
            answered = ~np.isnan(examples.quality[:, own])
            verdict = ~np.isnan(given)
            if not verdict.any():
                continue
            knots[own] = np.quantile(given[verdict], np.linspace(0, 1, KNOTS))
            for other in range(arms):
                quality = examples.quality[:, other]
                known = ~np.isnan(quality)
                without = quality[known & answered & ~verdict]
                weight = len(without) + self.shrinkage
                if weight:
                    silent[own, other] = (without.sum() + self.shrinkage * prior[other]) / weight
                if (both := known & verdict).any():
                    order = np.argsort(given[both], kind="stable")
                    curves[own, other] = self.curve(
                        given[both][order], quality[both][order], knots[own]
                    )
        return replace(self, prior_=prior, silent_=silent, knots_=knots, curves_=curves)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Read each arm's quality off the curves."""
        if self.prior_ is None:
            raise NotFittedError(self.name)
        latest = latest_answered(evidence.answered)
        quality = np.tile(self.prior_, (len(evidence), 1))
        for own in range(quality.shape[1]):
            here = latest == own
            for other in range(quality.shape[1]):
                told = (
                    (here & ~evidence.answered[:, other])
                    if other != own
                    else (evidence.answered[:, own])
                )
                self._read(own, other, evidence.confidence[:, own], told, quality)
        return Estimates.of(evidence, quality, np.zeros_like(quality))

    def _read(self, own: int, other: int, confidence: Floats, rows: Bools, quality: Floats) -> None:
        """Fill in one arm's quality, in these rows, from the confidence in another."""
        assert self.silent_ is not None  # noqa: S101 - for the type checker: fitted together
        assert self.knots_ is not None  # noqa: S101
        assert self.curves_ is not None  # noqa: S101
        verdict = rows & ~np.isnan(confidence)
        curve = self.curves_[own, other]
        quality[verdict, other] = np.interp(confidence[verdict], self.knots_[own], curve)
        quality[rows & ~verdict, other] = self.silent_[own, other]


@dataclass(frozen=True, eq=False)
class Isotonic(Curves):
    """Quality never falls as confidence rises: isotonic regression (pool adjacent violators)."""

    name = "isotonic"

    def curve(self, confidence: Floats, quality: Floats, knots: Floats) -> Floats:
        """The best non-decreasing fit, drawn a little towards the mean."""
        values, first, counts = np.unique(confidence, return_index=True, return_counts=True)
        fitted = pooled(np.add.reduceat(quality, first) / counts, counts.astype(float))
        mean, n = quality.mean(), len(quality)
        drawn = (n * fitted + self.shrinkage * mean) / (n + self.shrinkage)
        at_knots: Floats = np.interp(knots, values, drawn)
        return at_knots


@dataclass(frozen=True, eq=False)
class Neighbours(Curves):
    """The mean of the k examples with the nearest confidence (AutoMix's kNN meta-verifier).

    Attributes:
        k: How many neighbours; at most a third of the examples are used.
    """

    name = "knn"
    k: int = 50

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        at_least_one(self, "k")

    def curve(self, confidence: Floats, quality: Floats, knots: Floats) -> Floats:
        """Mean of the window of nearest examples; ties all count."""
        k = max(1, min(self.k, len(quality) // 3))
        reached = np.concatenate([[0.0], np.cumsum(quality)])
        radius = _radius(confidence, knots, k)
        begin = np.searchsorted(confidence, knots - radius - 1e-12, side="left")
        end = np.searchsorted(confidence, knots + radius + 1e-12, side="right")
        total, count = reached[end] - reached[begin], end - begin
        drawn: Floats = (total + self.shrinkage * quality.mean()) / (count + self.shrinkage)
        return drawn


def pooled(values: Floats, weights: Floats) -> Floats:
    """The non-decreasing sequence nearest to `values` in weighted squares.

    Pool adjacent violators (Ayer et al. 1955).

    Args:
        values: (n,).
        weights: (n,), positive.
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, size = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, held, many = blocks.pop()
            mean = (before * held + mean * total) / (held + total)
            total, size = total + held, size + many
        blocks.append((mean, total, size))
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])


def _radius(sorted_values: Floats, at: Floats, k: int) -> Floats:
    """Distance from each point to its k-th nearest value."""
    n = len(sorted_values)
    padded = np.concatenate([np.full(k, -np.inf), sorted_values, np.full(k, np.inf)])
    place = np.searchsorted(sorted_values, at) + k
    offsets = np.arange(-k, k)
    near = np.abs(padded[place[:, None] + offsets] - at[:, None])
    return np.sort(near, axis=1)[:, min(k, n) - 1]
