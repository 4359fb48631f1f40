"""Fitting a router on an outcome table: which signals, which meta-verifier, where to start.

Everything is chosen on rows that were not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import known_means
from automix_core.calibration import Calibration
from automix_core.candidates import Candidate, candidates, hear
from automix_core.errors import OutcomesError
from automix_core.estimate import Calibrated
from automix_core.findings import report_of
from automix_core.metrics.hull import Hull
from automix_core.parts import Estimator, Policy, Verifier
from automix_core.replay import Recorded
from automix_core.tradeoff import Tradeoff
from automix_core.trials import Split, Trial, try_out
from automix_core.workload import Workload

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Fitted", "fit", "recorded_by"]

FEWEST = 10
"""Rows below which nothing can be told."""
MOST_TRIED = 10_000
"""Rows that choices are made on; the chosen estimator is fitted on all."""
MOST_HEARD = 2_000
"""Rows that a signal's AUC and its interval are measured on."""
FOLDS = 5
DEFAULT_WEIGHT = 0.1
CURVE_WEIGHTS = (0.0, *np.geomspace(0.003, 3, 28).tolist())


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives a router."""

    verifier: Verifier
    estimator: Calibrated
    calibration: Calibration


def fit(
    verifier: Verifier, estimator: Estimator, policy: Policy, outcomes: Outcomes, *, seed: int = 0
) -> Fitted:
    """Fit the parts of a router.

    Args:
        verifier: What looks at answers; a composite one is narrowed down to what is informative.
        estimator: The meta-verifier; `AutoMeta` has one chosen.
        policy: Decides on its estimates.
        outcomes: The examples.
        seed: Of the splits and resamples.

    Raises:
        OutcomesError: Too few rows or arms, or costs that leave nothing to trade.
        ConfigurationError: The table does not hold the verifier's signal.
    """
    _check(outcomes)
    sample = _sample(outcomes, MOST_TRIED, seed)
    splits = sample.folds(FOLDS, seed)
    heard = hear(verifier, _sample(outcomes, MOST_HEARD, seed), seed)
    telling = _telling_weights(outcomes)
    tried = {
        candidate.label: (candidate, _tried(candidate, policy, sample, splits, telling))
        for candidate in candidates(verifier, estimator, sample, heard)
    }
    best, trial = reduce(_better, tried.values())
    curve = _tried(best, policy, sample, splits, sorted({*CURVE_WEIGHTS, *telling}))
    full = recorded_by(outcomes, best.verifier)
    learned = best.estimator.fit(full.examples)
    scores = {label: float(np.nanmean(pair[1].worth)) for label, pair in tried.items()}
    return Fitted(
        verifier=best.verifier,
        estimator=_calibrated(learned, curve),
        calibration=Calibration(
            workload=full.workload,
            tradeoff=_tradeoff(curve),
            report=report_of(trial, outcomes, best.verifier, best.estimator, heard, scores, seed),
        ),
    )


def recorded_by(outcomes: Outcomes, verifier: Verifier) -> Recorded:
    """A table as a verifier sees it, with its own mean costs as what is known beforehand.

    Raises:
        ConfigurationError: The table does not hold the verifier's signal.
    """
    said = verifier.recorded(outcomes).cost
    checking = known_means(said, unknown=0.0)
    checking[-1] = 0.0  # an answer of the dearest arm is never verified
    workload = Workload(
        arms=outcomes.arms,
        cost=known_means(outcomes.cost),
        checking=checking,
        input_tokens=known_means(outcomes.input_tokens),
        output_tokens=known_means(outcomes.output_tokens),
    )
    return Recorded.of(outcomes, verifier, workload)


def _check(outcomes: Outcomes) -> None:
    """Refuse a table that nothing can be learned from."""
    outcomes.require_comparable()
    groups = outcomes.group_count
    if len(outcomes) < FEWEST or groups < 2:
        msg = (
            f"A fit needs at least {FEWEST} rows in 2 groups, and this table has {len(outcomes)} "
            f"in {groups}. 50 to 200 rows are a good start."
        )
        raise OutcomesError(msg)
    if not float(known_means(outcomes.cost)[-1]) > 0:
        msg = "Every cost in the table is 0, so there is nothing to trade quality against."
        raise OutcomesError(msg)


def _sample(outcomes: Outcomes, most: int, seed: int) -> Outcomes:
    """At most so many rows, at random."""
    if len(outcomes) <= most:
        return outcomes
    chosen = np.random.default_rng(seed).choice(len(outcomes), most, replace=False)
    return outcomes.take(np.sort(chosen))


def _telling_weights(outcomes: Outcomes) -> list[float]:
    """Cost weights at which routing can matter most, and the default one; ascending.

    Where two neighbouring arms of the upper hull are worth the same, it matters most which of
    them answers. Well below such a weight the dearer one alone is right, well above the cheaper.
    """
    cost = known_means(outcomes.cost)
    hull = Hull.of(cost, known_means(outcomes.quality))
    even = np.diff(hull.quality) / np.diff(hull.cost) * cost[-1]
    return sorted({DEFAULT_WEIGHT, *even.tolist()})


def _better(
    one: tuple[Candidate, Trial], other: tuple[Candidate, Trial]
) -> tuple[Candidate, Trial]:
    """The simpler candidate, which comes first, unless the other shows that it is better."""
    return other if other[1].beats(one[1]) else one


def _tried(
    candidate: Candidate,
    policy: Policy,
    outcomes: Outcomes,
    splits: Sequence[Split],
    weights: Sequence[float],
) -> Trial:
    recorded = recorded_by(outcomes, candidate.verifier)
    return try_out(recorded, candidate.estimator, policy, weights, splits, outcomes.groups)


def _calibrated(estimator: Estimator, curve: Trial) -> Calibrated:
    """A fitted estimator with what each start gained on held-out rows."""
    return Calibrated(
        inner=estimator,
        weights_=curve.weights,
        gain_=curve.gain,
        doubt_=curve.doubt,
    )


def _tradeoff(curve: Trial) -> Tradeoff:
    """What following the router comes to at each cost weight."""
    reached = [curve.followed(place)[2:] for place in range(len(curve.weights))]
    quality, cost = (known_means(np.stack(rows, axis=1)) for rows in zip(*reached, strict=True))
    ends = np.stack([known_means(curve.alone_quality.T), known_means(curve.alone_cost.T)], axis=1)
    return Tradeoff(curve.weights, quality, cost, ends[[0, -1]])
