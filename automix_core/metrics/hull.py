"""The cost-quality plane: upper hulls, random mixing, areas and distances.

Whoever can run two models can send each request to one of them by the toss of a coin, and so
reach every point on the line between them. The best of these lines make the upper hull of the
single models: what costs no cleverness at all, and what a router has to beat. Points dearer than
a vertex but no better lie under the hull, which never falls as the cost rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats

__all__ = ["Hull", "aiq", "area", "hull_at", "pareto_distance", "pareto_distances"]


@dataclass(frozen=True, eq=False)
class Hull:
    """The non-decreasing upper hull of points in the plane of mean cost and mean quality.

    Attributes:
        cost: (vertices,) strictly rising.
        quality: (vertices,) strictly rising, at an ever smaller slope.
        places: (vertices,) which of the given points each vertex is.
    """

    cost: Floats
    quality: Floats
    places: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.cost)

    @classmethod
    def of(cls, cost: ArrayLike, quality: ArrayLike) -> Hull:
        """The hull of points.

        Args:
            cost: (points,) mean cost, any unit.
            quality: (points,) mean quality.

        Raises:
            ConfigurationError: There is no point, or a value is not finite.
        """
        costs, qualities = _points(cost, quality)
        x, y = costs.tolist(), qualities.tolist()
        kept: list[int] = []
        for place in np.lexsort((-qualities, costs)).tolist():
            if kept and y[place] <= y[kept[-1]]:
                continue
            while len(kept) > 1 and _turns_up(x, y, (kept[-2], kept[-1], place)):
                kept.pop()
            kept.append(place)
        return cls(costs[kept], qualities[kept], tuple(kept))

    def mixing_quality(self, cost: ArrayLike) -> Floats:
        """The best quality that random mixing of the points reaches at a mean cost.

        Above the dearest vertex it is that vertex's quality. Below the cheapest it is the
        cheapest vertex's: nothing cheaper exists, and a router that costs less is compared with
        the nearest thing that does.

        Args:
            cost: Mean costs, of any shape.

        Returns:
            Qualities of that shape.
        """
        reached: Floats = np.interp(np.asarray(cost, float), self.cost, self.quality)
        return reached

    def mix(self, cost: float) -> dict[int, float]:
        """Which points random mixing uses at a mean cost, and how often.

        Returns:
            The share of requests by the place of the point in what `Hull.of` was given; the
            shares add up to 1.
        """
        right = int(np.searchsorted(self.cost, cost))
        if right == 0:
            return {self.places[0]: 1.0}
        if right == len(self):
            return {self.places[-1]: 1.0}
        share = float((cost - self.cost[right - 1]) / (self.cost[right] - self.cost[right - 1]))
        return {self.places[right - 1]: 1 - share, self.places[right]: share}

    def area(self, *, low: float, high: float, below: float, budgets: int = 101) -> float | None:
        """The mean height over evenly spaced budgets; see the function `area`."""
        if not high > low:
            return None
        spent = np.linspace(low, high, budgets)
        affordable = spent >= self.cost[0]
        return float(np.where(affordable, self.mixing_quality(spent), below).mean())

    def aiq(self, *, low: float, high: float) -> float | None:
        """The mean height over a range of cost, 0 where there is none; see the function `aiq`."""
        if not high > low:
            return None
        start = min(max(low, float(self.cost[0])), high)
        inner = self.cost[(self.cost > start) & (self.cost < high)]
        corners = np.concatenate([[start], inner, [high]])
        heights = self.mixing_quality(corners)
        return float(((heights[1:] + heights[:-1]) / 2 * np.diff(corners)).sum() / (high - low))


def hull_at(cost: Floats, quality: Floats, at: Floats) -> Floats:
    """The height of many hulls at once: `Hull.of(cost[i], quality[i]).mixing_quality(at[i])`.

    It is exact: the height of a hull is the best line between two of its points, and no vertex
    has to be found. The work grows with the square of the points, so keep to a few dozen.

    Args:
        cost: (worlds, points) mean costs, finite.
        quality: (worlds, points) mean qualities, finite.
        at: (worlds,) where to look.
    """
    x = np.maximum(at, cost.min(axis=1))
    height: Floats = np.where(cost <= x[:, None], quality, -np.inf).max(axis=1)
    for left in range(cost.shape[1]):
        start, base = cost[:, left], quality[:, left]
        between = (start[:, None] < x[:, None]) & (cost > x[:, None])
        run = np.where(between, cost - start[:, None], 1.0)
        lines = base[:, None] + (quality - base[:, None]) * ((x - start)[:, None] / run)
        height = np.maximum(height, np.where(between, lines, -np.inf).max(axis=1))
    return height


def area(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    low: float,
    high: float,
    below: float,
    budgets: int = 101,
) -> float | None:
    """The mean quality over budgets, on the upper hull of a router's own trade-off curve.

    Args:
        cost: (points,) the router's mean cost at each of its settings.
        quality: (points,) its mean quality there.
        low: The first budget: the mean cost of the cheapest model asked alone.
        high: The last budget: the mean cost of the dearest model asked alone.
        below: The quality that counts at budgets for which the router cannot be run, because its
            cheapest setting costs more. What the cheapest model alone reaches is the fair value.
        budgets: How many budgets, evenly spaced from `low` to `high`, both included.

    Returns:
        The area, in the unit of quality, or `None` if `high` is not above `low`.
    """
    return Hull.of(cost, quality).area(low=low, high=high, below=below, budgets=budgets)


def aiq(cost: ArrayLike, quality: ArrayLike, *, low: float, high: float) -> float | None:
    """The average improvement in quality: the exact area under a router's hull over its width.

    Source: RouterBench (arXiv 2403.12031), with one difference. There the range of cost ends at
    the dearest router compared, so that the figure of one router depends on the others; here
    the range is given, and it should be that of the single models. As there, budgets under the
    router's cheapest point count nothing.

    Args:
        cost: (points,) the router's mean cost at each of its settings.
        quality: (points,) its mean quality there.
        low: Where the range of cost begins.
        high: Where it ends.

    Returns:
        The mean height, in the unit of quality, or `None` if `high` is not above `low`.
    """
    return Hull.of(cost, quality).aiq(low=low, high=high)


def pareto_distance(
    *, cost: float, quality: float, front_cost: ArrayLike, front_quality: ArrayLike
) -> float | None:
    """How far a point lies inside the front of everything it is compared with; 0 on the front.

    The front is the upper hull of the points, for random mixing reaches all of it. The distance
    is Euclidean, with quality as it is and cost in units of the range of the front's points, so
    0.05 reads: five points of quality, or a twentieth of the range of cost, away from the best.

    Source: the quantity that LLMRouterBench (arXiv 2601.07206) calls ParetoDist, there an
    average over data sets; the scale of the axes is this project's own choice.

    Args:
        cost: Mean cost of the point.
        quality: Its mean quality.
        front_cost: (points,) mean cost of all that is compared, the point itself or not.
        front_quality: (points,) their mean quality.

    Returns:
        The distance, or `None` where all points of the front cost the same.
    """
    costs, qualities = _points(front_cost, front_quality)
    distance = pareto_distances(
        np.array([[cost]], float), np.array([[quality]], float), costs[None], qualities[None]
    )
    return None if np.isnan(distance[0, 0]) else float(distance[0, 0])


def pareto_distances(
    cost: Floats, quality: Floats, front_cost: Floats, front_quality: Floats
) -> Floats:
    """`pareto_distance` in many worlds at once, each with a front of its own; NaN where undefined.

    Within a convex region the way out is shortest across one of its sides. Each pair of points
    offers a direction; how far the region reaches beyond a point in it is never less than the
    distance, and equal to it for the direction of the nearest side. So the least is exact.

    Args:
        cost: (worlds, asked) the points whose distance is wanted.
        quality: (worlds, asked) the same points.
        front_cost: (worlds, points) what spans the front.
        front_quality: (worlds, points) what spans the front.

    Returns:
        (worlds, asked) distances.
    """
    width = np.ptp(front_cost, axis=1, keepdims=True)
    defined = width > 0
    scale = np.where(defined, width, 1.0)
    x, y, at = front_cost / scale, front_quality, cost / scale
    distance = np.minimum(y.max(axis=1, keepdims=True) - quality, at - x.min(axis=1, keepdims=True))
    count = x.shape[1]
    for left, right in ((i, j) for i in range(count) for j in range(i + 1, count)):
        run, rise = x[:, [right]] - x[:, [left]], y[:, [right]] - y[:, [left]]
        rising = run * rise > 0
        size = np.where(rising, np.hypot(run, rise), 1.0)
        across, up = np.abs(rise) / size, np.abs(run) / size
        support = (up * y - across * x).max(axis=1, keepdims=True)
        gap = support - (up * quality - across * at)
        distance = np.where(rising, np.minimum(distance, gap), distance)
    inside: Floats = np.where(defined, np.maximum(distance, 0.0), np.nan)
    return inside


def _turns_up(x: list[float], y: list[float], places: tuple[int, int, int]) -> bool:
    """Whether the middle one of three points lies on or under the line between the others."""
    first, second, third = places
    return (y[second] - y[first]) * (x[third] - x[first]) <= (y[third] - y[first]) * (
        x[second] - x[first]
    )


def _points(cost: ArrayLike, quality: ArrayLike) -> tuple[Floats, Floats]:
    costs = np.atleast_1d(np.asarray(cost, float))
    qualities = np.atleast_1d(np.asarray(quality, float))
    if costs.ndim != 1 or costs.shape != qualities.shape or not len(costs):
        msg = "A hull needs at least one point, and as many costs as qualities."
        raise ConfigurationError(msg)
    if not (np.isfinite(costs).all() and np.isfinite(qualities).all()):
        msg = "A hull needs finite costs and qualities: leave out points that were not measured."
        raise ConfigurationError(msg)
    return costs, qualities
