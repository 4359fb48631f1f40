"""A study of a router: fitted on some rows of a table of outcomes, and judged on the others.

Only rows that hold an answer of every arm are judged on, for else the router and its baselines
would face different questions. Every interval comes from one bootstrap of whole groups.
"""

from __future__ import annotations

import numpy as np

from automix_core.evaluate.report.beliefs import beliefs
from automix_core.evaluate.report.findings import corners, curve, points, regrets, shares
from automix_core.evaluate.report.study import Study
from automix_core.evaluate.report.trial import Trial, complete
from automix_core.evaluate.report.verdict import Evidence, judge
from automix_core.evaluate.report.wording import dollars
from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Bootstrap
from automix_core.metrics.hull import hull_at
from automix_core.outcomes import Outcomes
from automix_core.request import Preference
from automix_core.router import Router

__all__ = ["study_of"]

_SEEN = (
    "This router had been fitted before. The figures hold only if it has not seen these rows: "
    "on rows that it was fitted on, any router looks better than it is."
)
_ONE_SPLIT = (
    "Another split may come out differently, the more so with few rows: "
    "automix evaluate --seeds 10 tries several."
)


def study_of(
    outcomes: Outcomes,
    router: Router | str = "cascade",
    *,
    preference: Preference | None = None,
    train_share: float = 0.5,
    seed: int = 0,
) -> Study:
    """Measure a router.

    Args:
        outcomes: What every arm answered, and how good that was.
        router: A router, or the text that names one (`Router.from_spec`). One that is not fitted
            is fitted on part of the rows and judged on the rest; one that is fitted already is
            judged on all of them, so they must be rows that it has not seen.
        preference: The trade-off it is judged at; the default one where left out.
        train_share: About which share of the rows is for fitting.
        seed: Of the split, the fit and the resamples.

    Raises:
        OutcomesError: Too few rows or arms, or no two groups of held-out rows hold every arm.
        ConfigurationError: The table lacks the verifier's signal, or the preference cannot be met.
    """
    given = Router.from_spec(router) if isinstance(router, str) else router
    name = router if isinstance(router, str) else router.name
    outcomes.require_comparable()
    train, held = None, outcomes
    if given.calibration is None:
        train, held = outcomes.split(train_share, seed)
        given = given.fit(train, seed=seed)
    judged = complete(held)
    wanted = preference or Preference()
    bootstrap = Bootstrap.over(judged.groups, seed=seed)
    seen = given.replay(judged, wanted, seed=seed)
    trial = Trial(given, wanted, seed, judged, seen, bootstrap)
    found = _evidence(trial)
    verdict, reasons = judge(found)
    return Study(
        router=name,
        gain=found.pays,
        verdict=verdict,
        reasons=reasons,
        points=points(trial, name),
        setting=_setting(wanted),
        curve=curve(trial),
        hull=corners(trial),
        beliefs=beliefs(given, judged, wanted, bootstrap),
        shares=shares(trial),
        regrets=regrets(trial),
        rule=tuple(given.describe()),
        method=_method(trial, train, len(held)),
        remarks=() if train is not None else (_SEEN,),
    )


def _evidence(trial: Trial) -> Evidence:
    """What the verdict rests on; every difference is paired."""
    seen, arms = trial.seen, len(trial.seen.arms)
    columns = np.column_stack([seen.quality, seen.cost, trial.quality, trial.cost])

    def mixing(means: Floats) -> Floats:
        return hull_at(means[:, 2 + arms :], means[:, 2 : 2 + arms], means[:, 1])

    def gain(sums: Floats) -> Floats:
        means = sums[:, :-1] / sums[:, -1:]
        gained: Floats = means[:, 0] - mixing(means)
        return gained

    def saved(sums: Floats) -> Floats:
        share: Floats = 1 - sums[:, 1] / sums[:, -2]
        return share

    means = columns.mean(axis=0)
    asked = np.flatnonzero(seen.asked.any(axis=0))
    return Evidence(
        dearest=seen.arms[-1],
        best_alone=seen.arms[_best_alone(trial)],
        saved=trial.mean(columns, saved) if means[-1] > 0 else None,
        difference=trial.mean(seen.quality - trial.quality[:, -1]),
        gain=trial.mean(columns, gain),
        quality=float(means[0]),
        cost=float(means[1]),
        mixing=float(mixing(means[None])[0]),
        only=seen.arms[int(asked[0])] if len(asked) == 1 else None,
    )


def _best_alone(trial: Trial) -> int:
    """The single arm that serves the preference best."""
    quality, cost, wanted = trial.quality.mean(axis=0), trial.cost.mean(axis=0), trial.preference
    if wanted.min_quality is not None and (quality >= wanted.min_quality).any():
        return int(np.where(quality >= wanted.min_quality, cost, np.inf).argmin())
    if wanted.min_quality is not None:
        return int(quality.argmax())
    if wanted.budget is not None:
        return int(np.where(cost <= max(wanted.budget, cost.min()), quality, -np.inf).argmax())
    return int((quality - wanted.cost_weight * cost / (cost[-1] or 1.0)).argmax())


def _setting(wanted: Preference) -> str:
    """The trade-off in words."""
    if wanted.budget is not None:
        said = f"mean budget of {dollars(wanted.budget)} per 1,000 requests"
    elif wanted.min_quality is not None:
        said = f"mean quality of at least {wanted.min_quality:g}"
    elif wanted.maximise == "ibc_lift":
        said = "greatest IBC lift"
    else:
        said = f"cost weight {wanted.cost_weight:g}"
    return f"{said}, latency weight {wanted.latency_weight:g}" if wanted.latency_weight else said


def _method(trial: Trial, train: Outcomes | None, judged: int) -> tuple[tuple[str, str], ...]:
    """How it was measured: pairs of a heading and a sentence."""
    held, resamples = trial.held, trial.bootstrap.resamples
    rows = f"{len(held):,} questions in {_groups(held):,} groups"
    lines = [("Judged on", f"{rows}, none of which the router was fitted on.")]
    if train is None:
        lines = [("Judged on", f"{rows}; the router had been fitted before.")]
    else:
        what = f"{len(train):,} other questions in {_groups(train):,} groups."
        lines += [("Fitted on", what)]
        split = f"At random, seed {trial.seed}; rows of one group stay together. {_ONE_SPLIT}"
        lines += [("Split", split)]
    if judged > len(held):
        lines += [("Left out", f"{judged - len(held):,} rows without an answer of every model.")]
    spread = f"95 %, from {resamples:,} resamples of whole groups; differences are paired."
    lines += [("Intervals", spread)]
    lines += [("Costs", "As recorded in the table; those of the router include verification.")]
    return tuple(lines)


def _groups(outcomes: Outcomes) -> int:
    return len(np.unique(outcomes.groups))
