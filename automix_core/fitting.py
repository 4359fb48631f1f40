"""Fitting a router on an outcome table: which signals, which meta-verifier, where to start.

Everything is chosen and measured on rows that were not fitted on. Where the policy commits before
it sees an answer there is nothing to choose: the estimator is fitted and measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import known_means
from automix_core.calibration import Calibration
from automix_core.candidates import Candidate, candidates, hear
from automix_core.errors import OutcomesError
from automix_core.estimate import Calibrated
from automix_core.evidence import Floats
from automix_core.findings import report_of
from automix_core.metrics.hull import Hull
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.replay import Recorded
from automix_core.request import Preference
from automix_core.tradeoff import Tradeoff
from automix_core.trials import Measured, Split, Trial, route_out, try_out
from automix_core.workload import Workload, learned_rates

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
    calibration: Calibration
    embedder: Embedder | None


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
    if embedder is not None:
        embedder = embedder.fit(_texts(outcomes), outcomes.tags)
    table = _Table(outcomes, embedded(outcomes, embedder))
    chosen = _committed if policy.commits else _cascaded
    return replace(chosen(verifier, estimator, policy, table, seed), embedder=embedder)


def embedded(outcomes: Outcomes, embedder: Embedder | None) -> Floats | None:
    """The features of every row, (n, d); `None` without an embedder.

    Raises:
        ConfigurationError: A row has no text to embed.
    """
    return None if embedder is None else embedder.embed(_texts(outcomes))


def recorded_by(outcomes: Outcomes, verifier: Verifier, features: Floats | None = None) -> Recorded:
    """A table as a verifier sees it, with its own mean costs as what is known beforehand.

    Args:
        outcomes: n rows.
        verifier: Reads its signals.
        features: (n, d) what an embedder made of the rows.

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
        rates=learned_rates(outcomes.cost, outcomes.input_tokens, outcomes.output_tokens),
    )
    return Recorded.of(outcomes, verifier, workload, features)


@dataclass(frozen=True, eq=False)
class _Table:
    """Examples with their features."""

    outcomes: Outcomes
    features: Floats | None

    def sample(self, most: int, seed: int) -> _Table:
        """At most so many rows, at random."""
        count = len(self.outcomes)
        if count <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
        features = None if self.features is None else self.features[rows]
        return _Table(self.outcomes.take(rows), features)

    def recorded(self, verifier: Verifier) -> Recorded:
        """The examples as a verifier sees them."""
        return recorded_by(self.outcomes, verifier, self.features)


def _texts(outcomes: Outcomes) -> tuple[str, ...]:
    from automix_core.embed import query_texts  # only routers with an embedder need it

    return query_texts(outcomes)


def _cascaded(
    verifier: Verifier, estimator: Estimator, policy: Policy, table: _Table, seed: int
) -> Fitted:
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
    curve = _tried(best, policy, sample, splits, sorted({*CURVE_WEIGHTS, *telling}))
    full = table.recorded(best.verifier)
    learned = best.estimator.fit(full.examples)
    scores = {label: float(np.nanmean(pair[1].worth)) for label, pair in tried.items()}
    report = report_of(trial, outcomes, best.verifier, best.estimator, heard, scores, seed)
    calibration = Calibration(full.workload, _tradeoff(curve), report)
    return Fitted(best.verifier, _calibrated(learned, curve), calibration, None)


def _committed(
    verifier: Verifier, estimator: Estimator, policy: Policy, table: _Table, seed: int
) -> Fitted:
    """Fit the estimator, and measure on held-out rows what committing on it reaches."""
    sample = table.sample(MOST_TRIED, seed)
    recorded, groups = sample.recorded(verifier), sample.outcomes.groups
    splits = sample.outcomes.folds(FOLDS, seed)
    telling = _telling_weights(table.outcomes)
    every = sorted({*CURVE_WEIGHTS, *telling})
    curve = route_out(recorded, estimator, policy, every, splits, groups)
    told = curve.at([every.index(weight) for weight in telling])
    full = table.recorded(verifier)
    scores = {estimator.label: float(np.nanmean(told.worth))}
    report = report_of(told, table.outcomes, verifier, estimator, {}, scores, seed)
    calibration = Calibration(full.workload, _tradeoff(curve), replace(report, used=()))
    return Fitted(verifier, estimator.fit(full.examples), calibration, None)


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
    table: _Table,
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
