"""From sums over groups to every metric of a router, with its interval.

Each resample is a world with means of its own: of the router, of the models alone, of all that
it is compared with. A metric is worked out in every world, and its interval is over worlds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from automix_core.evaluate.runs import Layout, Plan, Tally
from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Measure
from automix_core.metrics.gaps import apgrs, cpts, gap_curves
from automix_core.metrics.hull import Hull, hull_at, pareto_distances
from automix_core.metrics.lift import ibc_lifts, region_table

__all__ = ["CurvePoint", "Score", "SeedPoint", "scores"]

ROUNDING = 1e-12
METRICS = (
    "quality",
    "cost",
    "latency",
    "ibc_lift",
    "area",
    "pareto_distance",
    "gain",
    "area_gain",
    "aiq",
    "region_lift",
    "pgr",
    "apgr",
    "cpt_50",
    "cpt_80",
)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One setting of a trade-off curve.

    Attributes:
        cost: Mean cost, US dollars a request.
        quality: Mean quality.
        cost_weight: The setting; `None` where the curve has no knob.
    """

    cost: float
    quality: float
    cost_weight: float | None = None


@dataclass(frozen=True, slots=True)
class SeedPoint:
    """What a router came to on the rows that one seed held out.

    Attributes:
        seed: The seed.
        cost: Mean cost, US dollars a request.
        quality: Mean quality.
    """

    seed: int
    cost: float
    quality: float


@dataclass(frozen=True, slots=True)
class Score:
    """What a router or a baseline is worth on held-out rows; a metric is `None` where undefined.

    Attributes:
        router: Its name.
        baseline: Whether it is one of the baselines.
        quality: Mean quality.
        cost: Mean cost in US dollars a request, verification included.
        latency: Mean seconds a request; `None` where it is not known of every row.
        ibc_lift: AutoMix's metric; of two arms only.
        area: Mean quality over budgets between the cheapest and the dearest model alone. Where
            the router cannot be run that cheaply, the cheapest model answers.
        pareto_distance: Distance to the upper hull of all that was compared but the oracle.
        gain: Quality less that of random mixing of the single models at equal cost.
        area_gain: Area less that of random mixing.
        aiq: RouterBench's area over the same range of cost.
        region_lift: Mean lift over five equally wide regions of cost, along the curve.
        pgr: Share of the gap between two arms that was recovered; of two arms only.
        apgr: The same, averaged over shares of calls to the dearer arm; of two arms only.
        cpt_50: Share of calls to the dearer arm that recovers half of the gap; likewise.
        cpt_80: The same for four fifths of it.
        share: Share of answers returned, by arm.
        curve: The trade-off curve, in the order of its settings.
        by_seed: What each seed found; empty for baselines, which have nothing to fit.
    """

    router: str
    baseline: bool
    quality: Measure | None
    cost: Measure | None
    latency: Measure | None
    ibc_lift: Measure | None
    area: Measure | None
    pareto_distance: Measure | None
    gain: Measure | None
    area_gain: Measure | None
    aiq: Measure | None
    region_lift: Measure | None
    pgr: Measure | None
    apgr: Measure | None
    cpt_50: Measure | None
    cpt_80: Measure | None
    share: Mapping[str, Measure | None] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()
    by_seed: tuple[SeedPoint, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON values."""
        head = {"router": self.router, "baseline": self.baseline}
        metrics = {name: _as_json(getattr(self, name)) for name in METRICS}
        return {
            **head,
            **metrics,
            "share": {arm: _as_json(measure) for arm, measure in self.share.items()},
            "curve": [
                {"cost_weight": p.cost_weight, "cost": p.cost, "quality": p.quality}
                for p in self.curve
            ],
            "by_seed": [
                {"seed": p.seed, "cost": p.cost, "quality": p.quality} for p in self.by_seed
            ],
        }


@dataclass(frozen=True, eq=False)
class _World:
    """Means in every world: of the models alone, cheapest first, and of all on the front."""

    quality: Floats
    cost: Floats
    front_quality: Floats
    front_cost: Floats
    mixing_area: Floats


def scores(plan: Plan, tallies: Sequence[Tally]) -> list[Score]:
    """The scores of some tallies, among which must be those of the models alone."""
    rows = np.bincount(plan.bootstrap.units, minlength=plan.bootstrap.count)
    table = np.column_stack([*(tally.sums for tally in tallies), rows])
    worlds = plan.bootstrap.of_units(table)
    means = worlds[:, :-1] / worlds[:, -1:]
    ends = np.cumsum([tally.layout.width for tally in tallies])
    parts = dict(zip((t.name for t in tallies), np.split(means, ends[:-1], axis=1), strict=True))
    alone = [parts[f"always:{name}"] for name in plan.table.arms]
    front = [part for name, part in parts.items() if name != "oracle"]
    quality, cost = (np.column_stack([part[:, i] for part in alone]) for i in (0, 1))
    for tally in tallies:
        _snap(parts[tally.name], tally.layout, quality, cost)
    front_quality, front_cost = (np.column_stack([part[:, i] for part in front]) for i in (0, 1))
    world = _World(quality, cost, front_quality, front_cost, np.full(len(cost), np.nan))
    world = replace(world, mixing_area=_under_hulls(quality, cost, world)[0])
    return [_score(plan, tally, parts[tally.name], world) for tally in tallies]


def _snap(means: Floats, layout: Layout, quality: Floats, cost: Floats) -> None:
    """Make means that differ from those of a model alone by rounding only equal to them.

    A router that always asks the small model costs what that model costs, and has no lift; by
    rounding it would cost a trifle more, and have any lift at all.
    """
    for alone, point, curve in ((quality, 0, layout.curve(0)), (cost, 1, layout.curve(1))):
        for column in (point, *range(curve.start, curve.stop)):
            for anchor in alone.T:
                near = np.abs(means[:, column] - anchor) <= ROUNDING * np.abs(anchor)
                means[near, column] = anchor[near]


def _score(plan: Plan, tally: Tally, means: Floats, world: _World) -> Score:
    layout, names = tally.layout, plan.table.arms
    curve_quality, curve_cost = means[:, layout.curve(0)], means[:, layout.curve(1)]
    weights = tally.weights or (None,) * layout.settings
    metrics = {
        **_at_the_point(means, world),
        **_along_the_curve(curve_quality, curve_cost, world),
        **_gaps(means, curve_quality, means[:, layout.curve(2)], world),
    }
    seeds = [] if tally.by_seed is None else tally.by_seed.tolist()
    return Score(
        router=tally.name,
        baseline=tally.by_seed is None,
        **{name: Measure.of(_clean(name, values)) for name, values in metrics.items()},
        share=dict(zip(names, map(Measure.of, means[:, layout.share].T), strict=True)),
        curve=tuple(
            CurvePoint(float(cost), float(quality), weight)
            for cost, quality, weight in zip(curve_cost[0], curve_quality[0], weights, strict=True)
        ),
        by_seed=tuple(
            SeedPoint(seed, cost, quality)
            for seed, (quality, cost) in enumerate(seeds)
            if np.isfinite(quality)
        ),
    )


def _at_the_point(means: Floats, world: _World) -> dict[str, Floats]:
    """The metrics of the operating point, in every world."""
    quality, cost, latency = means[:, 0], means[:, 1], means[:, 2]
    distance = pareto_distances(
        cost[:, None], quality[:, None], world.front_cost, world.front_quality
    )
    return {
        "quality": quality,
        "cost": cost,
        "latency": latency,
        "ibc_lift": _lifts(quality, cost, world),
        "pareto_distance": distance[:, 0],
        "gain": quality - hull_at(world.cost, world.quality, cost),
    }


def _lifts(quality: Floats, cost: Floats, world: _World) -> Floats:
    if world.cost.shape[1] != 2:
        return np.full(len(quality), np.nan)
    return ibc_lifts(
        quality=quality,
        cost=cost,
        quality_small=world.quality[:, 0],
        cost_small=world.cost[:, 0],
        quality_large=world.quality[:, 1],
        cost_large=world.cost[:, 1],
    )


def _along_the_curve(quality: Floats, cost: Floats, world: _World) -> dict[str, Floats]:
    """The metrics of the trade-off curve, in every world."""
    own, aiq = _under_hulls(quality, cost, world)
    table = region_table(quality, cost, world.quality, world.cost)
    known = ~np.isnan(table)
    total, count = np.where(known, table, 0.0).sum(axis=1), known.sum(axis=1)
    return {
        "area": own,
        "area_gain": own - world.mixing_area,
        "aiq": aiq,
        "region_lift": np.where(count > 0, total / np.maximum(count, 1), np.nan),
    }


def _under_hulls(quality: Floats, cost: Floats, world: _World) -> tuple[Floats, Floats]:
    """Area and AIQ in every world, over the range of cost of the models alone."""
    low, high, below = world.cost.min(axis=1), world.cost.max(axis=1), world.quality[:, 0]
    both = np.full((len(cost), 2), np.nan)
    for i in np.flatnonzero(high > low):
        hull = Hull.of(cost[i], quality[i])
        both[i, 0] = hull.area(low=low[i], high=high[i], below=below[i])
        both[i, 1] = hull.aiq(low=low[i], high=high[i])
    return both[:, 0], both[:, 1]


def _gaps(means: Floats, quality: Floats, calls: Floats, world: _World) -> dict[str, Floats]:
    """RouteLLM's metrics, in every world; undefined but for two arms."""
    weak, strong = world.quality[:, 0], world.quality[:, -1]
    if world.cost.shape[1] != 2:
        strong = np.full_like(strong, np.nan)
    curves = gap_curves(np.clip(calls, 0, 1), quality, weak, strong)
    return {
        "pgr": (means[:, 0] - weak) / np.where(strong > weak, strong - weak, np.nan),
        "apgr": apgrs(curves),
        "cpt_50": cpts(curves, 0.5),
        "cpt_80": cpts(curves, 0.8),
    }


def _clean(name: str, values: Floats) -> Floats:
    """What is 0 but for rounding, as 0. Costs are left alone: some are that small."""
    return values if name == "cost" else np.where(np.abs(values) < ROUNDING, 0.0, values)


def _as_json(measure: Measure | None) -> dict[str, float] | None:
    return None if measure is None else measure.as_dict()
