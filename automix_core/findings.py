"""The report of a fit, from the trial of what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from automix_core.evidence import Floats
from automix_core.fit_report import FitReport, Interval, Operation, interval
from automix_core.metrics.bootstrap import Bootstrap, Measure
from automix_core.metrics.hull import hull_at
from automix_core.parts import Estimator, Verifier

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes
    from automix_core.trials import Measured

__all__ = ["report_of"]

RESAMPLES = 1000


def report_of(
    trial: Measured,
    outcomes: Outcomes,
    verifier: Verifier,
    estimator: Estimator,
    heard: Mapping[str, Mapping[str, Interval | None]],
    scores: Mapping[str, float],
    seed: int,
) -> FitReport:
    """The report of a fit.

    Args:
        trial: What the chosen parts reached at the telling cost weights.
        outcomes: The examples.
        verifier: The chosen one.
        estimator: The chosen one.
        heard: AUC by signal and arm.
        scores: What each candidate reached.
        seed: Of the resamples.
    """
    reached = [trial.followed(place) for place in range(len(trial.weights))]
    points, gain = _measured(trial, [(quality, cost) for *_, quality, cost in reached], seed)
    operations = tuple(
        Operation(
            cost_weight=float(trial.weights[place]),
            start=None if start is None else outcomes.arms[start],
            verified=verified,
            best_alone=outcomes.arms[int(np.argmax(trial.alone_value[place]))],
            quality=points[place].quality,
            cost=points[place].cost,
            gain=points[place].gain,
        )
        for place, (start, verified, *_) in enumerate(reached)
    )
    return FitReport(
        rows=len(outcomes),
        groups=outcomes.group_count,
        signals=heard,
        used=tuple(leaf.name for leaf in verifier.leaves()),
        meta_verifier=estimator.label,
        scores=scores,
        operations=operations,
        gain=gain,
    )


class _Point(NamedTuple):
    """What one operating point comes to; `None` where that cannot be measured."""

    quality: Interval | None = None
    cost: Interval | None = None
    gain: Interval | None = None


def _measured(
    trial: Measured, reached: Sequence[tuple[Floats, Floats]], seed: int
) -> tuple[list[_Point], Interval | None]:
    """What each operating point comes to, and their mean gain.

    The gain is the quality above random mixing of single arms at the same cost.

    Args:
        trial: What was reached.
        reached: (n,) quality and cost at each operating point.
        seed: Of the resamples.
    """
    columns = [column for pair in reached for column in pair]
    columns += [*trial.alone_quality, *trial.alone_cost]
    means = _resampled(np.stack(columns, axis=1), trial.groups, seed)
    if means is None:
        return [_Point()] * len(reached), None
    routed, alone = np.split(means, [2 * len(reached)], axis=1)
    alone_quality, alone_cost = np.split(alone, 2, axis=1)
    quality, cost = routed[:, ::2], routed[:, 1::2]
    mixing = [hull_at(alone_cost, alone_quality, paid) for paid in cost.T]
    gain = quality - np.stack(mixing, axis=1)
    figures = zip(quality.T, cost.T, gain.T, strict=True)
    return [_Point(*map(_interval, point)) for point in figures], _interval(gain.mean(axis=1))


def _interval(values: Floats) -> Interval | None:
    return interval(Measure.of(values))


def _resampled(columns: Floats, groups: NDArray[np.int64], seed: int) -> Floats | None:
    """Means over the rows that hold every arm, resampled; `None` where they are too few.

    A router and mixtures of single arms can only be compared on rows of which all is known.
    """
    whole = np.isfinite(columns).all(axis=1)
    if len(np.unique(groups[whole])) < 2:
        return None
    bootstrap = Bootstrap.over(groups[whole], resamples=RESAMPLES, seed=seed)
    sums = bootstrap.sums(columns[whole])
    means: Floats = sums[:, :-1] / sums[:, -1:]
    return means
