"""What a stream came to: totals, and curves over time, for every router and baseline.

Every request is judged before anything is learned from it, so all figures are prequential. A
request is booked at the time at which it came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from automix_core.evaluate.stream.contenders import Contender
from automix_core.evaluate.stream.course import Log
from automix_core.evaluate.stream.scene import Scene
from automix_core.evaluate.stream.yardsticks import Yardsticks
from automix_core.evidence import Floats

__all__ = ["WINDOW", "Curves", "Result", "Spread", "result_of"]

WINDOW = 5
"""Periods that a moving mean is over."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and 95th percentile of some seconds."""

    mean: float
    p95: float

    @classmethod
    def of(cls, seconds: Floats) -> Spread | None:
        """Of the known ones among some seconds; `None` where none is known."""
        known = seconds[~np.isnan(seconds)]
        return cls(float(known.mean()), float(np.quantile(known, 0.95))) if len(known) else None


@dataclass(frozen=True, eq=False)
class Curves:
    """Means over the requests of each period; each array (periods,), save `waiting`.

    Attributes:
        time: Where the period begins, in seconds from the start.
        requests: How many came.
        quality: 0 for an answer over the time limit.
        cost: US dollars a request.
        satisfied: Share of satisfied users.
        late: Share of answers over the time limit.
        regret: Value that the best arm of each request, with hindsight and no queues, has beyond
            the router's.
        regret_best_arm: The same for the one arm that is best on average between two changes.
        waiting: (periods, arms) seconds until each arm would begin to answer, at its start.
    """

    time: Floats
    requests: Floats
    quality: Floats
    cost: Floats
    satisfied: Floats
    late: Floats
    regret: Floats
    regret_best_arm: Floats
    waiting: Floats

    def moving(self, name: str, periods: int = WINDOW) -> Floats:
        """A curve as the mean over the requests of the last periods, itself included."""
        count, values = self.requests, getattr(self, name) * self.requests

        def recent(of: Floats) -> Floats:
            total = np.cumsum(of)
            total[periods:] -= total[:-periods].copy()
            return total

        return recent(values) / recent(count)


@dataclass(frozen=True, eq=False)
class Result:
    """What one router, or one baseline, came to.

    Attributes:
        router: Its name.
        baseline: It is no router under test.
        quality: Mean quality, 0 for an answer over the time limit and for none at all.
        cost: Mean US dollars a request, verification included.
        satisfied: Share of satisfied users.
        late: Share of requests whose answer came after the time limit.
        unanswered: Share of requests for which no model could be asked.
        waiting: Seconds spent in queues.
        latency: Seconds from a request to its answer.
        regret: As in `Curves`, over all requests.
        regret_best_arm: Likewise.
        of_dearest: Quality and cost as shares of those of the dearest model asked alone, in a
            world without queues.
        of_best: The same for the model of the best mean quality.
        share: Share of answers returned, by arm.
        follows_changes: Models came and went within the estimator; if not, they were only kept
            from being asked. `None` where none came or went.
        curves: Period by period.
    """

    router: str
    baseline: bool
    quality: float
    cost: float
    satisfied: float
    late: float
    unanswered: float
    waiting: Spread | None
    latency: Spread | None
    regret: float
    regret_best_arm: float
    of_dearest: Mapping[str, float]
    of_best: Mapping[str, float]
    share: Mapping[str, float]
    follows_changes: bool | None
    curves: Curves = field(repr=False)

    def as_dict(self, arms: tuple[str, ...]) -> dict[str, Any]:
        """The result as JSON values, the curves as a list of periods."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "curves"}
        for name in ("waiting", "latency"):
            said[name] = None if said[name] is None else asdict(said[name])
        columns = {name: getattr(self.curves, name).tolist() for name in _COLUMNS}
        waiting = [dict(zip(arms, row, strict=True)) for row in self.curves.waiting.tolist()]
        periods = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        moving = {name: self.curves.moving(name).tolist() for name in _MOVING}
        said["periods"] = [
            {**period, "waiting": row} for period, row in zip(periods, waiting, strict=True)
        ]
        return {**said, "moving": moving}


_MOVING = ("quality", "cost", "satisfied", "late", "regret", "regret_best_arm")
_COLUMNS = ("time", "requests", *_MOVING)


def result_of(scene: Scene, contender: Contender, log: Log) -> Result:
    """What a contender came to, from the log of its way through the scene."""
    stream, rows = scene.stream, np.arange(len(scene.arrived))
    answered = log.arm >= 0
    latency = log.finished - scene.arrived
    late = answered & (latency > stream.time_limit)
    quality = np.where(answered & ~late, scene.requests.quality[rows, log.arm], 0.0)
    satisfied = (quality > stream.wanted) & (latency < stream.patience)
    cost = np.where(log.asked, scene.requests.cost, 0.0).sum(axis=1)
    cost += np.where(log.verified, contender.check_cost, 0.0).sum(axis=1)
    beside = Yardsticks.of(scene, contender.cost_weight)
    value = beside.value(quality, cost)
    columns = {
        "quality": quality,
        "cost": cost,
        "satisfied": satisfied,
        "late": late,
        "regret": beside.best - value,
        "regret_best_arm": beside.best_arm - value,
    }
    share = [float((log.arm == place).mean()) for place in range(len(scene.arms))]
    return Result(
        router=contender.name,
        baseline=contender.baseline,
        **{name: float(column.mean()) for name, column in columns.items()},
        unanswered=float((~answered).mean()),
        waiting=Spread.of(np.where(answered, log.queued, np.nan)),
        latency=Spread.of(latency),
        of_dearest=_shares(beside.dearest, quality, cost),
        of_best=_shares(beside.top, quality, cost),
        share=dict(zip(scene.arms, share, strict=True)),
        follows_changes=contender.follows_changes if scene.stream.changes else None,
        curves=_curves(scene, columns, log),
    )


def _shares(alone: tuple[float, float], quality: Floats, cost: Floats) -> dict[str, float]:
    """Mean quality and cost as shares of those of one model; NaN where that has none."""
    means = float(quality.mean()), float(cost.mean())
    pairs = zip(("quality", "cost"), means, alone, strict=True)
    return {name: mean / one if one > 0 else math.nan for name, mean, one in pairs}


def _curves(scene: Scene, columns: Mapping[str, Floats], log: Log) -> Curves:
    period = np.arange(len(scene.arrived)) // scene.stream.requests
    count = np.bincount(period)
    means = {
        name: np.bincount(period, column.astype(float)) / count for name, column in columns.items()
    }
    return Curves(
        time=scene.stream.period * np.arange(len(count), dtype=float),
        requests=count.astype(float),
        waiting=np.array(log.waiting[: len(count)]),
        **means,
    )
