"""What a trial comes to: points and curve in the cost-quality plane, shares, and regrets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from automix_core.evaluate.report.study import CurvePoint, Point, Regret, Share
from automix_core.evaluate.report.trial import Trial
from automix_core.fitting import recorded_by
from automix_core.metrics.hull import Hull
from automix_core.metrics.oracle import oracle

__all__ = ["corners", "curve", "points", "regrets", "shares"]

WEIGHTS = (0.0, *np.geomspace(0.01, 3, 24).tolist())
"""Cost weights that trace the trade-off curve, beside those that the router was measured at."""

MOST_REGRETS = 10


def points(trial: Trial, name: str) -> tuple[Point, ...]:
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


def curve(trial: Trial) -> tuple[CurvePoint, ...]:
    """The router at other cost weights, cheapest first; those that change nothing are left out."""
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


def corners(trial: Trial) -> tuple[tuple[float, float], ...]:
    """The corners of the upper hull of all single models, as (cost, quality), cheapest first."""
    hull = Hull.of(trial.cost.mean(axis=0), trial.quality.mean(axis=0))
    return tuple(zip(hull.cost.tolist(), hull.quality.tolist(), strict=True))


def shares(trial: Trial) -> tuple[Share, ...]:
    """Each arm's part in the answers and in the spend."""
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


def regrets(trial: Trial) -> tuple[Regret, ...]:
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
