"""From sums over groups to every metric of a router, with its interval.

Each resample is a world with means of its own: of the router, of the models alone, of all that
it is compared with. A metric is worked out in every world, and its interval is over worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automix_core.evaluate.runs import Layout, Plan, Tally
from automix_core.evaluate.scores import SHARES, CurvePoint, Score, SeedPoint
from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Measure
from automix_core.metrics.gaps import apgrs, cpts, gap_curves
from automix_core.metrics.hull import Hull, hull_at, pareto_distances
from automix_core.metrics.lift import region_table

__all__ = ["scores"]

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class _Alone:
    """(worlds, arms) means of the models alone, cheapest first, and the area of mixing them."""

    quality: Floats
    cost: Floats
    area: Floats


@dataclass(frozen=True, eq=False)
class _Seeds:
    """Means of every tally on the rows that each seed held out.

    Attributes:
        quality: (worlds, points, seeds) for each tally: the operating point, then the curve.
        cost: The same for each tally.
        alone: Places of the models alone among the tallies, cheapest first.
        distance: (worlds, tallies, seeds) Pareto distances of the operating points.
        numbers: The seeds' numbers.
    """

    quality: list[Floats]
    cost: list[Floats]
    alone: list[int]
    distance: Floats
    numbers: list[int]

    def gains(self, place: int) -> Floats:
        """(worlds, points, seeds) quality of a tally less that of random mixing at equal cost."""
        gains = np.empty_like(self.quality[place])
        for s in range(len(self.numbers)):
            cost = np.column_stack([self.cost[p][:, 0, s] for p in self.alone])
            quality = np.column_stack([self.quality[p][:, 0, s] for p in self.alone])
            for k in range(gains.shape[1]):
                mixing = hull_at(cost, quality, self.cost[place][:, k, s])
                gains[:, k, s] = self.quality[place][:, k, s] - mixing
        return gains


def scores(plan: Plan, tallies: Sequence[Tally]) -> list[Score]:
    """The scores of some tallies, among which must be the models alone, cheapest first."""
    rows = np.bincount(plan.bootstrap.units, minlength=plan.bootstrap.count)
    worlds = plan.bootstrap.of_units(np.column_stack([*(t.sums for t in tallies), rows]))
    ends = np.cumsum([tally.layout.width for tally in tallies])
    parts = np.split(worlds[:, :-1] / worlds[:, -1:], ends[:-1], axis=1)
    places = [place for place, tally in enumerate(tallies) if tally.alone]
    quality, cost = (np.column_stack([parts[p][:, i] for p in places]) for i in (0, 1))
    for tally, part in zip(tallies, parts, strict=True):
        _snap(part, tally.layout, cost)
    alone = _Alone(quality, cost, _under_hulls(quality, cost, quality, cost)[0])
    seeds = _seeds(plan, tallies, places)
    return [
        _score(plan, tally, part, alone, seeds, place)
        for place, (tally, part) in enumerate(zip(tallies, parts, strict=True))
    ]


def _seeds(plan: Plan, tallies: Sequence[Tally], alone: list[int]) -> _Seeds:
    """Means and distances by seed; seeds that held out no row with every arm are left out."""
    kept = np.flatnonzero(plan.measured.any(axis=1))
    drawn = plan.bootstrap.of_units(plan.tally(plan.measured[kept].T.astype(float)))
    drawn = np.where(drawn > 0, drawn, np.nan)[:, None, None, :]
    means = []
    for tally in tallies:
        sums = tally.by_seed[..., kept]
        worlds = plan.bootstrap.of_units(sums.reshape(len(sums), -1))
        means.append(worlds.reshape(-1, *sums.shape[1:]) / drawn)
    quality, cost = ([mean[:, :, i] for mean in means] for i in (0, 1))
    points = [np.stack([mean[:, 0, i] for mean in means], axis=1) for i in (0, 1)]
    front = [place for place, tally in enumerate(tallies) if not tally.hindsight]
    distances = [
        pareto_distances(c, q, c[:, front], q[:, front])
        for q, c in zip(*(np.moveaxis(column, 2, 0) for column in points), strict=True)
    ]
    return _Seeds(quality, cost, alone, np.stack(distances, axis=2), kept.tolist())


def _score(
    plan: Plan, tally: Tally, means: Floats, alone: _Alone, seeds: _Seeds, place: int
) -> Score:
    """The score of the tally at this place."""
    layout, gains = tally.layout, seeds.gains(place)
    gain, cost = _mean(gains), means[:, layout.curve(1)]
    at = np.column_stack([means[:, 1], cost])
    mixing = [hull_at(alone.cost, alone.quality, column) for column in at.T]
    point, quality = np.split(np.column_stack(mixing) + gain, [1], axis=1)
    metrics = {
        "quality": means[:, 0],
        "cost": means[:, 1],
        "latency": means[:, 2],
        "gain": gain[:, 0],
        "ibc_lift": _lift(seeds, place),
        "pareto_distance": _mean(seeds.distance[:, place]),
        **_along_the_curve(quality, cost, alone),
        **_gaps(point[:, 0], quality, means[:, layout.curve(2)], alone),
    }
    shares = map(Measure.of, means[:, layout.share].T)
    bought = map(Measure.of, _at_shares(quality, cost, alone))
    weights = tally.weights or (None,) * layout.settings
    curve = zip(cost[0].tolist(), quality[0].tolist(), weights, strict=True)
    found = (seeds.cost[place][0, 0], seeds.quality[place][0, 0], gains[0, 0])
    by_seed = zip(seeds.numbers, *(values.tolist() for values in found), strict=True)
    return Score(
        router=tally.name,
        baseline=not tally.learns,
        **{name: Measure.of(_clean(name, values)) for name, values in metrics.items()},
        share=dict(zip(plan.table.arms, shares, strict=True)),
        quality_at=dict(zip(SHARES, bought, strict=True)),
        curve=tuple(CurvePoint(*values) for values in curve),
        by_seed=tuple(SeedPoint(*values) for values in by_seed) if tally.learns else (),
    )


def _lift(seeds: _Seeds, place: int) -> Floats:
    """(worlds,) AutoMix's lift: of one seed that of its means, of several a ratio of averages.

    A mean of the seeds' own lifts would hang on the seeds that hardly escalate, and would not
    exist if one of them never does.
    """
    quality, cost = (
        [column[:, 0] for column in columns] for columns in (seeds.quality, seeds.cost)
    )
    if len(seeds.alone) != 2:
        return np.full(len(quality[place]), np.nan)
    small, large = seeds.alone
    rise, run = quality[large] - quality[small], cost[large] - cost[small]
    gain, extra = quality[place] - quality[small], cost[place] - cost[small]
    expected = _mean(rise * extra)
    defined = (_mean(rise) > 0) & (_mean(run) > 0) & (expected > 0)
    return _mean(gain * run - rise * extra) / np.where(defined, expected, np.nan)


def _along_the_curve(quality: Floats, cost: Floats, alone: _Alone) -> dict[str, Floats]:
    """The metrics of the trade-off curve, in every world."""
    area, aiq = _under_hulls(quality, cost, alone.quality, alone.cost)
    table = region_table(quality, cost, alone.quality, alone.cost)
    return {
        "area": area,
        "area_gain": area - alone.area,
        "aiq": aiq,
        "region_lift": _mean(table),
    }


def _at_shares(quality: Floats, cost: Floats, alone: _Alone) -> list[Floats]:
    """Quality at shares of the dearest model's cost, in every world."""
    budgets = [share * alone.cost.max(axis=1) for share in SHARES]
    return [
        np.where(at < cost.min(axis=1), alone.quality[:, 0], hull_at(cost, quality, at))
        for at in budgets
    ]


def _under_hulls(
    quality: Floats, cost: Floats, quality_alone: Floats, cost_alone: Floats
) -> tuple[Floats, Floats]:
    """Area and AIQ in every world, over the range of cost of the models alone."""
    low, high = cost_alone.min(axis=1), cost_alone.max(axis=1)
    both = np.full((len(cost), 2), np.nan)
    for i in np.flatnonzero(high > low):
        hull = Hull.of(cost[i], quality[i])
        both[i, 0] = hull.area(low=low[i], high=high[i], below=quality_alone[i, 0])
        both[i, 1] = hull.aiq(low=low[i], high=high[i])
    return both[:, 0], both[:, 1]


def _gaps(point: Floats, quality: Floats, calls: Floats, alone: _Alone) -> dict[str, Floats]:
    """RouteLLM's metrics, in every world; undefined but for two arms."""
    weak, strong = alone.quality[:, 0], alone.quality[:, -1]
    if alone.cost.shape[1] != 2:
        strong = np.full_like(strong, np.nan)
    curves = gap_curves(np.clip(calls, 0, 1), quality, weak, strong)
    return {
        "pgr": (point - weak) / np.where(strong > weak, strong - weak, np.nan),
        "apgr": apgrs(curves),
        "cpt_50": cpts(curves, 0.5),
        "cpt_80": cpts(curves, 0.8),
    }


def _snap(means: Floats, layout: Layout, cost: Floats) -> None:
    """Make mean costs that differ from those of a model alone by rounding only equal to them.

    Else a router that always asks the cheapest model would cost a trifle less or more than it,
    and have an area, or a lift, that it has not.
    """
    curve = layout.curve(1)
    for column in (1, *range(curve.start, curve.stop)):
        for anchor in cost.T:
            near = np.abs(means[:, column] - anchor) <= ROUNDING * np.abs(anchor)
            means[near, column] = anchor[near]


def _mean(values: Floats) -> Floats:
    """The mean over the last axis of what is defined: a small world may lack a seed's rows."""
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _clean(name: str, values: Floats) -> Floats:
    """What is 0 but for rounding, as 0. Costs are left alone: some are that small."""
    return values if name == "cost" else np.where(np.abs(values) < ROUNDING, 0.0, values)
