"""How much a verifier's confidence says: does it rank answers, and does it mean what it says.

The area under the ROC curve is about ranking: the chance that a right answer is given more
confidence than a wrong one, 0.5 for a coin toss. Brier score, calibration error and reliability
curve are about the number itself. Answers without a confidence are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.errors import ConfigurationError
from automix_core.evidence import Bools, Floats
from automix_core.metrics.bootstrap import RESAMPLES, Bootstrap, Measure

__all__ = [
    "Reliability",
    "SignalQuality",
    "auc",
    "auc_interval",
    "brier",
    "calibration_error",
    "reliability",
    "signal_quality",
]

RIGHT = 0.5
BINS = 10


@dataclass(frozen=True, eq=False)
class Reliability:
    """What answers of like confidence are worth, in bins of rising confidence; none is empty.

    Attributes:
        confidence: (bins,) mean confidence.
        quality: (bins,) mean quality.
        count: (bins,) how many answers.
    """

    confidence: Floats
    quality: Floats
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap between the two, over answers."""
        gaps = np.abs(self.confidence - self.quality)
        return float((gaps * self.count).sum() / self.count.sum())


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """How much one signal says of the answers that have it.

    Attributes:
        rows: How many answers have it.
        missing: How many answers with a known quality do not.
        auc: Area under its ROC curve.
        brier: Its Brier score; `None` also where the signal is not a number in [0, 1].
        ece: Its expected calibration error over bins of equally many answers; likewise.
    """

    rows: int
    missing: int
    auc: Measure | None
    brier: Measure | None
    ece: Measure | None


def auc(confidence: ArrayLike, quality: ArrayLike, *, at_least: float = RIGHT) -> float | None:
    """The area under the ROC curve: how well confidence ranks right answers above wrong ones.

    It is the Mann-Whitney statistic: the share of pairs of a right and a wrong answer in which
    the right one has more confidence; a tie is half a pair.

    Args:
        confidence: (rows,) any numbers, higher is surer; NaN where there is none.
        quality: (rows,) in [0, 1]; NaN where unknown.
        at_least: Quality from which an answer counts as right.

    Returns:
        The area, or `None` where no answer is right, or none is wrong.
    """
    known, sure, reached = _known(confidence, quality)
    if not known.any():
        return None
    area = float(_weighted_auc(sure, reached >= at_least)(np.ones((1, len(sure))))[0])
    return None if np.isnan(area) else area


def auc_interval(
    confidence: ArrayLike,
    quality: ArrayLike,
    groups: ArrayLike,
    *,
    at_least: float = RIGHT,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Measure | None:
    """`auc` with its interval, by resampling groups.

    Args:
        confidence: As for `auc`.
        quality: As for `auc`.
        groups: (rows,) rows with one value belong together.
        at_least: As for `auc`.
        resamples: How many resamples.
        seed: Seed of the resamples.

    Returns:
        The measure, or `None` where it is undefined on the rows or on too many resamples.
    """
    known, sure, reached = _known(confidence, quality)
    if not known.any():
        return None
    bootstrap = Bootstrap.over(np.asarray(groups)[known], resamples=resamples, seed=seed)
    return bootstrap.interval_of_weighted(_weighted_auc(sure, reached >= at_least))


def brier(confidence: ArrayLike, quality: ArrayLike) -> float | None:
    """The Brier score: the mean squared gap between confidence and quality; 0 is best.

    Args:
        confidence: (rows,) in [0, 1]; NaN where there is none.
        quality: (rows,) in [0, 1], fractions welcome; NaN where unknown.

    Returns:
        The score, or `None` without a row that has both.

    Raises:
        ConfigurationError: A confidence lies outside [0, 1].
    """
    known, sure, reached = _known(confidence, quality)
    _check_probability(sure)
    return float(((sure - reached) ** 2).mean()) if known.any() else None


def reliability(
    confidence: ArrayLike, quality: ArrayLike, *, bins: int = BINS, equal_mass: bool = True
) -> Reliability | None:
    """The reliability curve: mean quality against mean confidence, bin by bin.

    Args:
        confidence: As for `brier`.
        quality: As for `brier`.
        bins: At most how many bins. Equal confidences share a bin, so there may be fewer.
        equal_mass: Bins of about equally many answers; else of equal width over [0, 1].

    Returns:
        The curve, or `None` without a row that has both.

    Raises:
        ConfigurationError: A confidence lies outside [0, 1], or fewer than one bin was asked for.
    """
    known, sure, reached = _known(confidence, quality)
    _check_probability(sure)
    if not known.any():
        return None
    place = _bins(sure, bins, equal_mass=equal_mass)
    count = np.bincount(place)
    filled = count > 0
    mean_confidence = np.bincount(place, sure)[filled] / count[filled]
    mean_quality = np.bincount(place, reached)[filled] / count[filled]
    return Reliability(mean_confidence, mean_quality, count[filled])


def calibration_error(
    confidence: ArrayLike, quality: ArrayLike, *, bins: int = BINS, equal_mass: bool = True
) -> float | None:
    """The expected calibration error: the gap of the reliability curve, averaged over answers.

    The arguments, the errors and `None` are those of `reliability`.
    """
    curve = reliability(confidence, quality, bins=bins, equal_mass=equal_mass)
    return None if curve is None else curve.error


def signal_quality(
    confidence: ArrayLike,
    quality: ArrayLike,
    groups: ArrayLike,
    *,
    at_least: float = RIGHT,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SignalQuality:
    """Everything about one signal at once, with intervals. The arguments are `auc_interval`'s."""
    known, sure, reached = _known(confidence, quality)
    graded = int((~np.isnan(np.asarray(quality, float))).sum())
    rows = int(known.sum())
    if not rows:
        return SignalQuality(0, graded, None, None, None)
    bootstrap = Bootstrap.over(np.asarray(groups)[known], resamples=resamples, seed=seed)
    area = bootstrap.interval_of_weighted(_weighted_auc(sure, reached >= at_least))
    if sure.min() < 0 or sure.max() > 1:
        return SignalQuality(rows, graded - rows, area, None, None)
    place = _bins(sure, BINS, equal_mass=True)
    gaps = np.zeros((rows, place.max() + 1))
    gaps[np.arange(rows), place] = sure - reached
    squared = bootstrap.interval((sure - reached) ** 2)
    error = bootstrap.interval(gaps, lambda sums: np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1])
    return SignalQuality(rows, graded - rows, area, squared, error)


def _weighted_auc(confidence: Floats, right: Bools) -> Callable[[Floats], Floats]:
    """The area as a function of the rows' weights, (resamples, rows); rows are ranked once."""
    order = np.argsort(confidence, kind="stable")
    ranked = confidence[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] > ranked[:-1]]))
    good = right[order]

    def area(weights: Floats) -> Floats:
        drawn = weights[:, order]
        hits = np.add.reduceat(drawn * good, starts, axis=1)
        misses = np.add.reduceat(drawn * ~good, starts, axis=1)
        wins = hits * (np.cumsum(misses, axis=1) - misses / 2)
        pairs = hits.sum(axis=1) * misses.sum(axis=1)
        return np.where(pairs > 0, wins.sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan)

    return area


def _bins(confidence: Floats, bins: int, *, equal_mass: bool) -> NDArray[np.int64]:
    """Which bin each confidence is in, from 0; equal confidences are in one bin."""
    if bins < 1:
        msg = f"A reliability curve needs at least one bin, not {bins}."
        raise ConfigurationError(msg)
    inner = np.arange(1, bins) / bins
    edges = np.quantile(confidence, inner) if equal_mass else inner
    return np.searchsorted(np.unique(edges), confidence, side="right").astype(np.int64)


def _known(confidence: ArrayLike, quality: ArrayLike) -> tuple[Bools, Floats, Floats]:
    """Which rows have both, and what they have."""
    sure, reached = np.asarray(confidence, dtype=float), np.asarray(quality, dtype=float)
    if sure.ndim != 1 or sure.shape != reached.shape:
        msg = f"One confidence is needed for each quality, not {sure.shape} for {reached.shape}."
        raise ConfigurationError(msg)
    known = ~np.isnan(sure) & ~np.isnan(reached)
    return known, sure[known], reached[known]


def _check_probability(confidence: Floats) -> None:
    if len(confidence) and not (confidence.min() >= 0 and confidence.max() <= 1):
        msg = "Calibration can only be measured of confidences in [0, 1]."
        raise ConfigurationError(msg)
