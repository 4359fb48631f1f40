"""The report of a fit, from the trial of what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

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
    places = range(len(trial.weights))
    reached = [trial.followed(place) for place in places]
    alone = np.vstack([trial.alone_quality, trial.alone_cost])
    columns = np.vstack([row for _, _, *pair in reached for row in pair] + [alone]).T
    gains = _Gains(len(reached), len(outcomes.arms))
    sums = _resampled(columns, trial.groups, seed)

    def measured(statistic: Callable[[Floats], Floats]) -> Interval | None:
        return None if sums is None else interval(Measure.of(statistic(sums)))

    operations = tuple(
        Operation(
            cost_weight=float(trial.weights[place]),
            start=None if start is None else outcomes.arms[start],
            verified=verified,
            best_alone=outcomes.arms[int(np.argmax(trial.alone_value[place]))],
            quality=measured(partial(_mean_of, 2 * place)),
            cost=measured(partial(_mean_of, 2 * place + 1)),
            gain=measured(lambda sums, place=place: gains(sums)[:, place]),  # type: ignore[misc]
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
        gain=measured(lambda sums: gains(sums).mean(axis=1)),
    )


def _resampled(columns: Floats, groups: NDArray[np.int64], seed: int) -> Floats | None:
    """Sums over the rows that hold every arm, resampled; `None` where they are too few.

    A router and mixtures of single arms can only be compared on rows of which all is known.
    """
    whole = np.isfinite(columns).all(axis=1)
    if len(np.unique(groups[whole])) < 2:
        return None
    bootstrap = Bootstrap.over(groups[whole], resamples=RESAMPLES, seed=seed)
    return bootstrap.sums(columns[whole])


def _mean_of(column: int, sums: Floats) -> Floats:
    mean: Floats = sums[:, column] / sums[:, -1]
    return mean


@dataclass(frozen=True)
class _Gains:
    """Quality above random mixing at the same cost, for each of several operating points."""

    points: int
    arms: int

    def __call__(self, sums: Floats) -> Floats:
        """From sums over rows, (resamples, columns), to (resamples, points)."""
        means = sums[:, :-1] / sums[:, -1:]
        routed, alone = np.split(means, [2 * self.points], axis=1)
        quality, cost = np.split(alone, 2, axis=1)
        return np.stack(
            [
                routed[:, 2 * place] - hull_at(cost, quality, routed[:, 2 * place + 1])
                for place in range(self.points)
            ],
            axis=1,
        )
