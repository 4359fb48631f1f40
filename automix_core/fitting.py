"""Fitting a router on an outcome table: which signals, which meta-verifier, where to start.

Signals are measured before they are trusted, and everything is chosen on rows that were not
fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from automix_core.errors import OutcomesError
from automix_core.estimate import AutoMeta, Bayes, Calibrated, Fused
from automix_core.evidence import Floats
from automix_core.fit_report import FitReport, Interval
from automix_core.metrics.bootstrap import Bootstrap, Measure
from automix_core.metrics.hull import hull_at
from automix_core.metrics.verifiers import auc_interval
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
MOST_MEASURED = 2_000
"""Rows that a signal's AUC and its interval are measured on."""
RESAMPLES = 400
FOLDS = 5
DEFAULT_WEIGHT = 0.1
CHOICE_WEIGHTS = (0.03, DEFAULT_WEIGHT, 0.3)
"""Cost weights at which candidates are compared."""
CURVE_WEIGHTS = (0.0, *np.geomspace(0.003, 3, 28).tolist(), DEFAULT_WEIGHT)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives a router."""

    verifier: Verifier
    estimator: Calibrated
    workload: Workload
    tradeoff: Tradeoff
    report: FitReport


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A verifier and an estimator that may go together."""

    label: str
    verifier: Verifier
    estimator: Estimator


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
    heard = {leaf.name: _heard(sample, leaf.name, seed) for leaf in _present(verifier, sample)}
    candidates = [
        _Candidate(_label(chosen, option), option, _reading(chosen, option))
        for option in _options(verifier, sample, heard)
        for chosen in (estimator.candidates if isinstance(estimator, AutoMeta) else (estimator,))
    ]
    trials = [_tried(c, policy, sample, splits, CHOICE_WEIGHTS) for c in candidates]
    scores = [trial.score for trial in trials]
    best = candidates[int(np.argmax(scores))]
    curve = _tried(best, policy, sample, splits, sorted(CURVE_WEIGHTS))
    full = recorded_by(outcomes, best.verifier)
    return Fitted(
        verifier=best.verifier,
        estimator=_calibrated(best.estimator.fit(full.examples), curve),
        workload=full.workload,
        tradeoff=_tradeoff(curve),
        report=_report(
            outcomes, best, dict(zip((c.label for c in candidates), scores, strict=True)),
            heard, curve, seed,
        ),
    )


def recorded_by(outcomes: Outcomes, verifier: Verifier) -> Recorded:
    """A table as a verifier sees it, with its own mean costs as what is known beforehand.

    Raises:
        ConfigurationError: The table does not hold the verifier's signal.
    """
    said = verifier.recorded(outcomes).cost
    checking = _means(said)
    checking[-1] = 0.0  # an answer of the dearest arm is never verified
    workload = Workload(
        arms=outcomes.arms,
        cost=_means(outcomes.cost),
        checking=checking,
        input_tokens=_means(outcomes.input_tokens, unknown=np.nan),
        output_tokens=_means(outcomes.output_tokens, unknown=np.nan),
    )
    return Recorded.of(outcomes, verifier, workload)


def _check(outcomes: Outcomes) -> None:
    """Refuse a table that nothing can be learned from."""
    outcomes.require_comparable()
    groups = len(np.unique(outcomes.groups))
    if len(outcomes) < FEWEST or groups < 2:
        msg = (
            f"A fit needs at least {FEWEST} rows in 2 groups, and this table has {len(outcomes)} "
            f"in {groups}. 50 to 200 rows are a good start."
        )
        raise OutcomesError(msg)
    if not float(_means(outcomes.cost)[-1]) > 0:
        msg = "Every cost in the table is 0, so there is nothing to trade quality against."
        raise OutcomesError(msg)


def _sample(outcomes: Outcomes, most: int, seed: int) -> Outcomes:
    """At most so many rows, at random."""
    if len(outcomes) <= most:
        return outcomes
    chosen = np.random.default_rng(seed).choice(len(outcomes), most, replace=False)
    return outcomes.take(np.sort(chosen))


def _present(verifier: Verifier, outcomes: Outcomes) -> list[Verifier]:
    """The verifiers whose signals the table holds, the cheapest first.

    Raises:
        ConfigurationError: It holds none of them.
    """
    leaves = [leaf for leaf in verifier.leaves() if leaf.name in outcomes.signals]
    if not leaves:
        verifier.recorded(outcomes)
        return [verifier]
    return sorted(leaves, key=lambda leaf: float(_means(leaf.recorded(outcomes).cost)[:-1].sum()))


def _heard(outcomes: Outcomes, signal: str, seed: int) -> dict[str, Interval | None]:
    """How well a signal tells right answers from wrong ones, by arm."""
    sample = _sample(outcomes, MOST_MEASURED, seed)
    values = sample.signals[signal]
    return {
        name: _interval(
            auc_interval(
                values[:, arm], sample.quality[:, arm], sample.groups,
                resamples=RESAMPLES, seed=seed,
            )
        )
        for arm, name in enumerate(sample.arms[:-1])
        if not np.isnan(values[:, arm]).all()
    }


def _options(
    verifier: Verifier, outcomes: Outcomes, heard: Mapping[str, Mapping[str, Interval | None]]
) -> list[Verifier]:
    """The verifiers to try: each informative one, and the cheapest two, three and more of them."""
    leaves = _present(verifier, outcomes)
    if len(leaves) == 1:
        return leaves
    telling = [
        leaf
        for leaf in leaves
        if any(area is not None and area[1] > 0.5 for area in heard[leaf.name].values())
    ]
    joined = [reduce(or_, telling[:count]) for count in range(2, len(telling) + 1)]
    return [*telling, *joined] or leaves[:1]


def _reading(estimator: Estimator, verifier: Verifier) -> Estimator:
    """An estimator that can read all of a verifier's signals."""
    several = len(verifier.leaves()) > 1
    return Fused(estimator) if several and not isinstance(estimator, Bayes) else estimator


def _label(estimator: Estimator, verifier: Verifier) -> str:
    return f"{estimator.name} on {' + '.join(leaf.name for leaf in verifier.leaves())}"


def _tried(
    candidate: _Candidate,
    policy: Policy,
    outcomes: Outcomes,
    splits: Sequence[Split],
    weights: Sequence[float],
) -> Trial:
    recorded = recorded_by(outcomes, candidate.verifier)
    return try_out(recorded, candidate.estimator, policy, weights, splits, outcomes.groups)


def _calibrated(estimator: Estimator, curve: Trial) -> Calibrated:
    """A fitted estimator with the value of each start, as it was on held-out rows."""
    return Calibrated(
        inner=estimator,
        weights_=curve.weights,
        quality_=curve.mean_quality,
        cost_=curve.mean_cost / curve.reference_cost,
        doubt_=curve.doubt,
    )


def _tradeoff(curve: Trial) -> Tradeoff:
    """What following the router comes to at each cost weight."""
    reached = [curve.followed(place)[2:] for place in range(len(curve.weights))]
    quality, cost = (_means(np.stack(rows, axis=1)) for rows in zip(*reached, strict=True))
    ends = np.stack([_means(curve.alone_quality.T), _means(curve.alone_cost.T)], axis=1)
    return Tradeoff(curve.weights, quality, cost, ends[[0, -1]])


def _report(
    outcomes: Outcomes,
    best: _Candidate,
    scores: Mapping[str, float],
    heard: Mapping[str, Mapping[str, Interval | None]],
    curve: Trial,
    seed: int,
) -> FitReport:
    place = int(np.argmin(np.abs(curve.weights - DEFAULT_WEIGHT)))
    start, verified, quality, cost = curve.followed(place)
    arms = outcomes.arms
    bootstrap = Bootstrap.over(curve.groups, resamples=RESAMPLES, seed=seed)
    columns = np.vstack([quality, cost, curve.alone_quality, curve.alone_cost]).T
    whole = bool(np.isfinite(columns).all())
    return FitReport(
        rows=len(outcomes),
        groups=len(np.unique(outcomes.groups)),
        signals=heard,
        used=tuple(leaf.name for leaf in best.verifier.leaves()) if verified else (),
        meta_verifier=best.estimator.name,
        scores=scores,
        start=arms[start],
        verified=verified,
        quality=_interval(bootstrap.interval(quality)) if whole else None,
        cost=_interval(bootstrap.interval(cost)) if whole else None,
        gain=_interval(bootstrap.interval(columns, _gain)) if whole else None,
        best_alone=arms[int(np.argmax(curve.alone_value[place]))],
    )


def _gain(sums: Floats) -> Floats:
    """Quality above random mixing of single models at the same cost, from sums over rows."""
    means = sums[:, :-1] / sums[:, -1:]
    arms = (means.shape[1] - 2) // 2
    alone = hull_at(means[:, 2 + arms :], means[:, 2 : 2 + arms], means[:, 1])
    gained: Floats = means[:, 0] - alone
    return gained


def _interval(measure: Measure | None) -> Interval | None:
    return None if measure is None else (measure.mean, measure.low, measure.high)


def _means(values: Floats, unknown: float = 0.0) -> Floats:
    """Mean of each column without NaN."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(count.shape, unknown), where=count > 0)
