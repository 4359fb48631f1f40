"""Fitting a router on an outcome table: which signals, which meta-verifier, where to start.

Everything is chosen and measured on rows that were not fitted on. Where the policy commits before
it sees an answer there is nothing to choose: the estimator is fitted and measured. An estimator
that foresees is tried beside its two halves: the request alone, and the answers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import known_means
from automix_core.calibration import Calibration
from automix_core.candidates import Candidate, Heard, candidates, hear
from automix_core.decide import Best
from automix_core.errors import OutcomesError
from automix_core.estimate import AutoMeta, Calibrated, Joint
from automix_core.evidence import Floats
from automix_core.findings import report_of
from automix_core.metrics.hull import Hull
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.request import Preference
from automix_core.routed import follow_out, route_out
from automix_core.tradeoff import Tradeoff
from automix_core.training import Table, embedded, recorded_by, texts_of
from automix_core.trials import Measured, Split, Trial, try_out
from automix_core.verify import Unverified

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Fitted", "embedded", "fit", "recorded_by"]

FEWEST = 10
"""Rows below which nothing can be told."""
MOST_TRIED = 10_000
"""Rows that choices are made on; the chosen estimator is fitted on all."""
MOST_HEARD = 2_000
"""Rows that a signal's AUC and its interval are measured on."""
FOLDS = 5
DEFAULT_WEIGHT = Preference().cost_weight
CURVE_WEIGHTS = (0.0, *np.geomspace(0.003, 3, 28).tolist())


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives a router."""

    verifier: Verifier
    estimator: Estimator
    policy: Policy
    calibration: Calibration
    embedder: Embedder | None = None


def fit(
    verifier: Verifier,
    estimator: Estimator,
    policy: Policy,
    outcomes: Outcomes,
    *,
    embedder: Embedder | None = None,
    seed: int = 0,
) -> Fitted:
    """Fit the parts of a router.

    Args:
        verifier: What looks at answers; a composite one is narrowed down to what is informative.
        estimator: The meta-verifier; `AutoMeta` has one chosen.
        policy: Decides on its estimates.
        outcomes: The examples.
        embedder: Makes the features; it learns from the texts of all rows, and of no quality.
        seed: Of the splits and resamples.

    Raises:
        OutcomesError: Too few rows or arms, or costs that leave nothing to trade.
        ConfigurationError: The table does not hold the verifier's signal, or no texts to embed.
    """
    _check(outcomes)
    if estimator.foresees and not _has_texts(outcomes):
        embedder = None
    if embedder is not None:
        embedder = embedder.fit(texts_of(outcomes), outcomes.tags)
    table = Table(outcomes, embedded(outcomes, embedder))
    if policy.commits:
        way = _routed(verifier, estimator, policy, table, seed)
    elif estimator.foresees:
        way = _foreseen(verifier, estimator, policy, table, seed)
    else:
        way = _cascaded(verifier, estimator, policy, table, seed)
    fitted = way.finish()
    return replace(fitted, embedder=embedder if way.reads_requests else None)


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to route, measured on held-out rows and not yet fitted on all.

    Attributes:
        verifier: What looks at answers.
        worth: (n,) value of each row, mean over the telling cost weights.
        finish: Fits it.
        reads_requests: Whether it needs features.
        heard: How well signals tell right answers from wrong ones.
    """

    verifier: Verifier
    worth: Floats
    finish: Callable[[], Fitted]
    reads_requests: bool
    heard: Heard


def _cascaded(
    verifier: Verifier, estimator: Estimator, policy: Policy, table: Table, seed: int
) -> _Way:
    """Choose signals, meta-verifier and starts."""
    outcomes = table.outcomes
    sample = table.sample(MOST_TRIED, seed)
    splits = sample.outcomes.folds(FOLDS, seed)
    heard = hear(verifier, table.sample(MOST_HEARD, seed).outcomes, seed)
    telling = _telling_weights(outcomes)
    tried = {
        candidate.label: (candidate, _tried(candidate, policy, sample, splits, telling))
        for candidate in candidates(verifier, estimator, sample.outcomes, heard)
    }
    best, trial = reduce(_better, tried.values())

    def finish() -> Fitted:
        curve = _tried(best, policy, sample, splits, sorted({*CURVE_WEIGHTS, *telling}))
        full = table.recorded(best.verifier)
        learned = _calibrated(best.estimator.fit(full.examples), curve)
        scores = {label: float(np.nanmean(pair[1].worth)) for label, pair in tried.items()}
        report = report_of(trial, outcomes, best.verifier, best.estimator, heard, scores, seed)
        calibration = Calibration(full.workload, _tradeoff(curve), report)
        return Fitted(best.verifier, learned, policy, calibration)

    worth = trial.fair_worth(splits)
    return _Way(best.verifier, worth, finish, table.features is not None, heard)


def _routed(
    verifier: Verifier,
    estimator: Estimator,
    policy: Policy,
    table: Table,
    seed: int,
    heard: Heard | None = None,
) -> _Way:
    """Measure an estimator that tells for each request where to start."""
    outcomes, sample = table.outcomes, table.sample(MOST_TRIED, seed)
    recorded, groups = sample.recorded(verifier), sample.outcomes.groups
    splits = sample.outcomes.folds(FOLDS, seed)
    telling = _telling_weights(outcomes)
    follow = route_out if policy.commits else follow_out
    learned = [estimator.fit(recorded.examples.take(trained)) for trained, _ in splits]
    told = follow(recorded, learned, policy, telling, splits, groups)

    def finish() -> Fitted:
        every = sorted({*CURVE_WEIGHTS, *telling})
        curve = follow(recorded, learned, policy, every, splits, groups)
        full = table.recorded(verifier)
        fitted = estimator.fit(full.examples)
        scores = {estimator.label: float(np.nanmean(told.worth))}
        report = report_of(told, outcomes, verifier, fitted, heard or {}, scores, seed)
        used = () if policy.commits else report.used
        calibration = Calibration(full.workload, _tradeoff(curve), replace(report, used=used))
        return Fitted(verifier, fitted, policy, calibration)

    return _Way(verifier, told.worth, finish, table.features is not None, heard or {})


def _has_texts(outcomes: Outcomes) -> bool:
    from automix_core.embed import has_texts

    return has_texts(outcomes)


def _foreseen(
    verifier: Verifier, estimator: Estimator, policy: Policy, table: Table, seed: int
) -> _Way:
    """The request alone, the answers alone, or both: whichever was worth most on held-out rows."""
    outcomes, ways = table.outcomes, {}
    if table.features is not None and isinstance(estimator, Joint):
        ways["the request alone"] = _routed(Unverified(), estimator.before, Best(), table, seed)
    if not ways or any(leaf.name in outcomes.signals for leaf in verifier.leaves()):
        after = _cascaded(verifier, AutoMeta(), policy, replace(table, features=None), seed)
        ways["the answers alone"] = after
        ways["both"] = _routed(after.verifier, estimator, policy, table, seed, after.heard)
    worth = _shared_worth(ways)
    chosen = max(worth, key=worth.__getitem__)

    def finish() -> Fitted:
        fitted = ways[chosen].finish()
        report = replace(fitted.calibration.report, halves=worth, chosen=chosen)
        return replace(fitted, calibration=replace(fitted.calibration, report=report))

    return replace(ways[chosen], finish=finish)


def _shared_worth(ways: Mapping[str, _Way]) -> dict[str, float]:
    """Mean value of each way on the rows that all of them could be measured on.

    A start that a row does not hold cannot be tried there, and such rows may be harder.
    """
    rows = np.stack([way.worth for way in ways.values()])
    shared = ~np.isnan(rows).any(axis=0)
    means = known_means(rows[:, shared] if shared.any() else rows, -1)
    return dict(zip(ways, means.tolist(), strict=True))


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
    table: Table,
    splits: Sequence[Split],
    weights: Sequence[float],
) -> Trial:
    recorded = table.recorded(candidate.verifier)
    return try_out(recorded, candidate.estimator, policy, weights, splits, table.outcomes.groups)


def _calibrated(estimator: Estimator, curve: Trial) -> Calibrated:
    """A fitted estimator with what each start gained on held-out rows."""
    return Calibrated(
        inner=estimator,
        weights_=curve.weights,
        gain_=curve.gain,
        doubt_=curve.doubt,
    )


def _tradeoff(curve: Measured) -> Tradeoff:
    """What following the router comes to at each cost weight."""
    reached = [curve.followed(place)[2:] for place in range(len(curve.weights))]
    quality, cost = (known_means(np.stack(rows, axis=1)) for rows in zip(*reached, strict=True))
    ends = np.stack([known_means(curve.alone_quality.T), known_means(curve.alone_cost.T)], axis=1)
    return Tradeoff(curve.weights, quality, cost, ends[[0, -1]])
