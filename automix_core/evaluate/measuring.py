"""A study of a router: fitted on some rows of a table of outcomes, and judged on the others.

Only rows that hold an answer of every arm are judged on, for else the router and its baselines
would face different questions. Every interval comes from one bootstrap of whole groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import OutcomesError
from automix_core.evaluate.beliefs import beliefs
from automix_core.evaluate.study import CurvePoint, Point, Regret, Share, Study
from automix_core.evaluate.verdict import Evidence, judge
from automix_core.evaluate.wording import dollars
from automix_core.evidence import Floats
from automix_core.fitting import recorded_by
from automix_core.metrics.bootstrap import Bootstrap, Measure
from automix_core.metrics.hull import Hull, hull_at
from automix_core.metrics.oracle import oracle
from automix_core.outcomes import Outcomes
from automix_core.replay import Replay
from automix_core.request import Preference
from automix_core.router import Router

__all__ = ["study_of"]

WEIGHTS = (0.0, *np.geomspace(0.01, 3, 24).tolist())
"""Cost weights that trace the trade-off curve, beside those that the router was measured at."""

MOST_REGRETS = 10


@dataclass(frozen=True, eq=False)
class _Trial:
    """A fitted router and the rows that it is judged on, arms in the router's order."""

    router: Router
    preference: Preference
    seed: int
    held: Outcomes
    seen: Replay
    bootstrap: Bootstrap

    @property
    def place(self) -> list[int]:
        """Where the router's arms are in the table."""
        return [self.held.arms.index(name) for name in self.seen.arms]

    @property
    def quality(self) -> Floats:
        """(n, arms) quality of every arm."""
        return self.held.quality[:, self.place]

    @property
    def cost(self) -> Floats:
        """(n, arms) US dollars of every arm's answer."""
        return self.held.cost[:, self.place]

    def mean(self, values: Floats) -> Measure:
        """The mean over the rows, with its interval."""
        measured = self.bootstrap.interval(values)
        if measured is None:
            msg = "A report needs held-out rows of at least two groups that hold every arm."
            raise OutcomesError(msg)
        return measured

    def known_mean(self, values: Floats) -> Measure | None:
        """The same, or `None` where any row is unknown."""
        return self.mean(values) if np.isfinite(values).all() else None


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
        router: A router, or the text that names one (`Router.from_spec`). One that is not fitted is fitted on part of the
            rows and judged on the rest; one that is fitted already is judged on all of them, so
            they must be rows that it has not seen.
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
    complete = _complete(held)
    wanted = preference or Preference()
    bootstrap = Bootstrap.over(complete.groups, seed=seed)
    seen = given.replay(complete, wanted, seed=seed)
    trial = _Trial(given, wanted, seed, complete, seen, bootstrap)
    found = _evidence(trial)
    verdict, reasons = judge(found)
    return Study(
        router=name,
        gain=found.pays,
        verdict=verdict,
        reasons=reasons,
        points=_points(trial, name),
        setting=_setting(wanted),
        curve=_curve(trial),
        hull=tuple(zip(*_corners(trial), strict=True)),
        beliefs=beliefs(given, complete, wanted, bootstrap),
        shares=_shares(trial),
        regrets=_regrets(trial),
        rule=tuple(given.describe()),
        method=_method(trial, train, len(held)),
        remarks=() if train is not None else (_SEEN,),
    )


_SEEN = (
    "This router had been fitted before. The figures hold only if it has not seen these rows: "
    "on rows that it was fitted on, any router looks better than it is."
)


def _complete(held: Outcomes) -> Outcomes:
    rows = held.has.all(axis=1) & np.isfinite(held.cost).all(axis=1)
    kept = held.take(rows)
    if len(np.unique(kept.groups)) < 2:
        msg = (
            f"Of {len(held)} rows to judge on, {len(kept)} hold all of the arms "
            f"{', '.join(held.arms)}. A report needs such rows of at least two groups: collect "
            "what is missing, or leave arms out with Outcomes.only([...])."
        )
        raise OutcomesError(msg)
    return kept


def _evidence(trial: _Trial) -> Evidence:
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

    gained = trial.bootstrap.interval(columns, gain)
    means = columns.mean(axis=0)
    return Evidence(
        dearest=seen.arms[-1],
        best_alone=seen.arms[_best_alone(trial)],
        saved=trial.bootstrap.interval(columns, saved) if means[-1] > 0 else None,
        difference=trial.mean(seen.quality - trial.quality[:, -1]),
        gain=gained or trial.mean(np.zeros(len(columns))),
        quality=float(means[0]),
        cost=float(means[1]),
        mixing=float(mixing(means[None])[0]),
        only=seen.arms[int(seen.arm[0])]
        if len(np.flatnonzero(seen.asked.any(axis=0))) == 1
        else None,
    )


def _best_alone(trial: _Trial) -> int:
    """The single arm that serves the preference best."""
    quality, cost, wanted = (
        trial.quality.mean(axis=0),
        trial.cost.mean(axis=0),
        trial.preference,
    )
    if wanted.min_quality is not None and (quality >= wanted.min_quality).any():
        return int(np.where(quality >= wanted.min_quality, cost, np.inf).argmin())
    if wanted.min_quality is not None:
        return int(quality.argmax())
    if wanted.budget is not None:
        return int(np.where(cost <= max(wanted.budget, cost.min()), quality, -np.inf).argmax())
    return int((quality - wanted.cost_weight * cost / (cost[-1] or 1.0)).argmax())


def _corners(trial: _Trial) -> tuple[list[float], list[float]]:
    hull = Hull.of(trial.cost.mean(axis=0), trial.quality.mean(axis=0))
    return hull.cost.tolist(), hull.quality.tolist()


def _points(trial: _Trial, name: str) -> tuple[Point, ...]:
    """The router, every arm alone, random mixing at the router's cost, and the oracle."""
    seen, quality, cost = trial.seen, trial.quality, trial.cost
    latency = trial.held.latency[:, trial.place]
    rows, best = np.arange(len(cost)), oracle(quality, cost)
    mix = Hull.of(cost.mean(axis=0), quality.mean(axis=0)).mix(float(seen.cost.mean()))
    shares = np.array([mix.get(arm, 0.0) for arm in range(cost.shape[1])])
    used = np.flatnonzero(shares)
    paid = trial.mean(seen.cost)
    return (
        Point(name, "router", trial.mean(seen.quality), paid, trial.known_mean(seen.latency)),
        *(
            Point(
                arm,
                "model",
                trial.mean(quality[:, place]),
                trial.mean(cost[:, place]),
                trial.known_mean(latency[:, place]),
            )
            for place, arm in enumerate(seen.arms)
        ),
        Point(
            "random mixing",
            "mixing",
            trial.mean(quality[:, used] @ shares[used]),
            trial.mean(cost[:, used] @ shares[used]),
            trial.known_mean(latency[:, used] @ shares[used]),
        ),
        Point(
            "oracle",
            "oracle",
            trial.mean(quality[rows, best]),
            trial.mean(cost[rows, best]),
            trial.known_mean(latency[rows, best]),
        ),
    )


def _curve(trial: _Trial) -> tuple[CurvePoint, ...]:
    """The router at other cost weights, cheapest first; weights that change nothing are left out."""
    found: dict[tuple[float, float], CurvePoint] = {}
    plain = replace(trial.preference, budget=None, min_quality=None, maximise="value")
    fitted = trial.router.calibration
    measured = () if fitted is None else fitted.tradeoff.weights.tolist()
    for weight in sorted({*WEIGHTS, *measured, plain.cost_weight}):
        wanted = replace(plain, cost_weight=weight)
        seen = trial.router.replay(trial.held, wanted, seed=trial.seed)
        cost, quality = float(seen.cost.mean()), float(seen.quality.mean())
        if (cost, quality) not in found:
            found[cost, quality] = CurvePoint(weight, trial.mean(seen.quality), cost)
    return tuple(found[key] for key in sorted(found))


def _shares(trial: _Trial) -> tuple[Share, ...]:
    seen = trial.seen
    checks = recorded_by(trial.held, trial.router.verifier).check_cost[:, trial.place]
    answers = np.bincount(seen.arm, minlength=len(seen.arms)) / len(seen.arm)
    spent = np.where(seen.asked, trial.cost, 0.0).sum(axis=0)
    verifying = np.where(seen.verified, checks, 0.0).sum(axis=0)
    total = float(spent.sum() + verifying.sum()) or 1.0
    return tuple(
        Share(arm, float(answers[i]), float(spent[i] / total), float(verifying[i] / total))
        for i, arm in enumerate(seen.arms)
    )


def _regrets(trial: _Trial) -> tuple[Regret, ...]:
    """The rows that lost most; of equal losses, those that the router was surest of."""
    seen, quality, held = trial.seen, trial.quality, trial.held
    best = oracle(quality, trial.cost)
    rows: NDArray[np.int64] = np.arange(len(best))
    lost = quality[rows, best] - seen.quality
    worst = np.lexsort((-np.nan_to_num(seen.confidence, nan=-1.0), -lost))[:MOST_REGRETS]
    questions = held.texts.get("question") or held.texts.get("query") or (None,) * len(best)
    return tuple(
        Regret(
            id=held.ids[row],
            question=questions[row],
            arm=seen.arms[seen.arm[row]],
            quality=float(seen.quality[row]),
            best_arm=seen.arms[best[row]],
            best_quality=float(quality[row, best[row]]),
            confidence=None if np.isnan(seen.confidence[row]) else float(seen.confidence[row]),
        )
        for row in worst.tolist()
        if lost[row] > 0
    )


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


def _method(trial: _Trial, train: Outcomes | None, judged: int) -> tuple[tuple[str, str], ...]:
    """How it was measured: pairs of a heading and a sentence."""
    held, resamples = trial.held, trial.bootstrap.resamples
    rows = f"{len(held):,} questions in {_groups(held):,} groups"
    lines = [("Judged on", f"{rows}, none of which the router was fitted on.")]
    if train is None:
        lines = [("Judged on", f"{rows}; the router had been fitted before.")]
    else:
        what = f"{len(train):,} other questions in {_groups(train):,} groups."
        lines += [("Fitted on", what)]
        together = (
            "At random, seed {}. Rows of one group (one document, one conversation) stay together."
        )
        lines += [("Split", together.format(trial.seed))]
    if judged > len(held):
        lines += [("Left out", f"{judged - len(held):,} rows without an answer of every model.")]
    spread = (
        f"95 %, from {resamples:,} bootstrap resamples of whole groups. Differences are paired."
    )
    lines += [("Intervals", spread)]
    lines += [("Costs", "As recorded in the table; those of the router include verification.")]
    return tuple(lines)


def _groups(outcomes: Outcomes) -> int:
    return len(np.unique(outcomes.groups))
