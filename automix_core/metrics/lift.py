"""AutoMix's own metric: the incremental benefit per cost, and its lift over the large model.

The benefit per cost of a router is the slope of the line from the small model alone to the
router, in the plane of mean cost and mean quality. Its lift says by which fraction that slope
exceeds the slope to the large model: 0.5 is half as much quality again for each dollar. A lift
is a ratio of slopes, neither a quality nor a saving, and it favours routers that hardly ever
escalate; quote it beside the gain over random mixing, never alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.metrics.hull import Hull

__all__ = ["ibc_lift", "ibc_lifts", "mean_region_lift", "region_lifts", "region_table"]


def ibc_lift(
    *,
    quality: float,
    cost: float,
    quality_small: float,
    cost_small: float,
    quality_large: float,
    cost_large: float,
) -> float | None:
    """The lift of a router's incremental benefit per cost, as a fraction (1.0 is 100 %).

        IBC(router) = (quality - quality_small) / (cost - cost_small)
        IBC(large)  = (quality_large - quality_small) / (cost_large - cost_small)
        lift        = (IBC(router) - IBC(large)) / IBC(large)

    Source: AutoMix (arXiv 2310.12963), the equations of its section on evaluation. It is worked
    out in rational arithmetic and rounded once, so never escalating is -1.0 exactly.

    Args:
        quality: Mean quality of the router's answers.
        cost: Its mean cost a request, with the drafts and the verifier on every request.
        quality_small: Mean quality of the small model, asked alone.
        cost_small: Its mean cost, without any verifier; in the unit of `cost`, like all costs.
        quality_large: Mean quality of the large model, asked alone.
        cost_large: Its mean cost.

    Returns:
        The lift, or `None` where it means nothing: the large model is not better or not dearer
        than the small one, the router is not dearer than the small model, or a value is not
        finite. An undefined lift is never the best of several.
    """
    given = (quality, cost, quality_small, cost_small, quality_large, cost_large)
    if not all(math.isfinite(value) for value in given):
        return None
    p, c, p_small, c_small, p_large, c_large = (Fraction(float(value)) for value in given)
    if p_large <= p_small or c_large <= c_small or c <= c_small:
        return None
    base = (p_large - p_small) / (c_large - c_small)
    return float((p - p_small) / (c - c_small) / base - 1)


def ibc_lifts(
    *,
    quality: ArrayLike,
    cost: ArrayLike,
    quality_small: ArrayLike,
    cost_small: ArrayLike,
    quality_large: ArrayLike,
    cost_large: ArrayLike,
) -> Floats:
    """`ibc_lift` of many routers at once, to float precision; NaN where it is undefined.

    The arguments are those of `ibc_lift`, as arrays that broadcast.
    """
    given = (quality, cost, quality_small, cost_small, quality_large, cost_large)
    p, c, p_small, c_small, p_large, c_large = np.broadcast_arrays(
        *(np.asarray(values, dtype=float) for values in given)
    )
    defined = np.isfinite(p) & (p_large > p_small) & (c_large > c_small) & (c > c_small)
    defined &= np.isfinite(c) & np.isfinite(p_large - p_small) & np.isfinite(c_large - c_small)
    gain, extra = np.where(defined, p - p_small, 0), np.where(defined, c - c_small, 1)
    rise, run = np.where(defined, p_large - p_small, 1), np.where(defined, c_large - c_small, 1)
    lifts: Floats = np.where(defined, (gain * run - rise * extra) / (rise * extra), np.nan)
    return lifts


def region_lifts(
    *,
    quality: ArrayLike,
    cost: ArrayLike,
    quality_alone: ArrayLike,
    cost_alone: ArrayLike,
    regions: int = 5,
) -> list[float | None]:
    """The mean lift in each of several equally wide regions of cost.

    The range of cost between the cheapest and the dearest model is cut into regions, and each
    operating point counts in the region its cost falls in; dearer points count in the last, for
    a router that escalates everything costs more than the large model alone. With two models
    every point is compared with the line between them. With more it is compared with the pair
    whose line is the best at the point's cost: the segment of the upper hull of the single
    models there. A middle model under the line between its neighbours thus plays no part.

    Source: AutoMix (arXiv 2310.12963 v5), which averages over five regions.

    Args:
        quality: (points,) mean quality of the router at each setting.
        cost: (points,) its mean cost at each setting.
        quality_alone: (models,) mean quality of each model asked alone.
        cost_alone: (models,) its mean cost, in the unit of `cost`.
        regions: How many regions.

    Returns:
        One lift for each region, cheapest first; `None` where no point with a defined lift lies.
    """
    if regions < 1:
        msg = f"The range of cost is cut into at least one region, not {regions}."
        raise ConfigurationError(msg)
    points = (np.atleast_1d(np.asarray(values, dtype=float))[None] for values in (quality, cost))
    alone = (np.asarray(values, dtype=float)[None] for values in (quality_alone, cost_alone))
    table = region_table(*points, *alone, regions=regions)
    return [None if np.isnan(lift) else float(lift) for lift in table[0]]


def region_table(
    quality: Floats, cost: Floats, quality_alone: Floats, cost_alone: Floats, *, regions: int = 5
) -> Floats:
    """`region_lifts` in many worlds at once: (worlds, regions), NaN where undefined.

    The arguments are those of `region_lifts` with a leading axis of worlds.
    """
    pairs = np.array(
        [_pairs(*world) for world in zip(cost_alone, quality_alone, cost, strict=True)]
    )
    q_small, c_small, q_large, c_large = np.moveaxis(pairs, 1, 0)
    lifts = ibc_lifts(
        quality=quality,
        cost=cost,
        quality_small=q_small,
        cost_small=c_small,
        quality_large=q_large,
        cost_large=c_large,
    )
    lowest, width = cost_alone.min(axis=1)[:, None], np.ptp(cost_alone, axis=1)[:, None]
    part = (cost - lowest) / np.where(width > 0, width, 1.0)
    place = np.clip(np.floor(part * regions), 0, regions - 1)
    table = np.full((len(cost), regions), np.nan)
    for region in range(regions):
        inside = (place == region) & ~np.isnan(lifts)
        total, count = np.where(inside, lifts, 0.0).sum(axis=1), inside.sum(axis=1)
        table[:, region] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return table


def mean_region_lift(lifts: Sequence[float | None]) -> float | None:
    """The mean over the regions in which a lift is defined; `None` where there is none."""
    known = [lift for lift in lifts if lift is not None]
    return math.fsum(known) / len(known) if known else None


def _pairs(cost_alone: Floats, quality_alone: Floats, cost: Floats) -> Floats:
    """(4, points) quality and cost of the two models whose line is the best at each cost."""
    hull = Hull.of(cost_alone, quality_alone)
    if len(hull) < 2:
        return np.full((4, len(cost)), np.nan)
    large = np.clip(np.searchsorted(hull.cost, cost), 1, len(hull) - 1)
    small = large - 1
    return np.stack([hull.quality[small], hull.cost[small], hull.quality[large], hull.cost[large]])
