"""What a fitted router's quality costs, and how a budget or a quality floor is met by it.

Every objective comes down to a cost weight, or to two of them mixed: the best quality that a mean
budget can buy lies on the upper hull of what single weights reach, and a point between two of
them is reached in expectation by drawing one of the two for each request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.parts import Part
from automix_core.request import Preference

__all__ = ["Branch", "Tradeoff", "upper_hull"]

Branch = tuple[float, Preference]
"""A probability, and the preference that is followed with it."""

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Tradeoff(Part):
    """Mean quality and cost by cost weight, measured on examples the router had not seen.

    Attributes:
        weights: (weights,) cost weights, ascending.
        quality: (weights,) mean quality.
        cost: (weights,) mean US dollars a request, verification included.
        ends: ((quality, cost) of the cheapest arm asked alone, the same of the dearest).
    """

    kind = "tradeoff"
    name = "measured"
    weights: Floats
    quality: Floats
    cost: Floats
    ends: Floats

    def branches(self, preference: Preference) -> tuple[Branch, ...]:
        """The cost weights that meet a preference, and how often each is to be drawn.

        Args:
            preference: A budget, a quality floor or an objective; without any of them it is
                followed as it is.

        Raises:
            ConfigurationError: No cost weight meets it; the message says what can be had.
        """
        if preference.budget is not None:
            return self._at_cost(preference, preference.budget)
        if preference.min_quality is not None:
            return self._at_quality(preference, preference.min_quality)
        if preference.maximise == "ibc_lift":
            return ((1.0, replace(preference, cost_weight=self._best_lift())),)
        return ((1.0, preference),)

    def _at_cost(self, preference: Preference, budget: float) -> tuple[Branch, ...]:
        hull = upper_hull(self.cost, self.quality)
        costs = self.cost[hull]
        if budget < costs[0] * (1 - 1e-9):
            msg = (
                f"No budget below {costs[0]:.4g} US dollars a request can be kept: that is what "
                f"the cheapest way costs. {budget:.4g} was asked for."
            )
            raise ConfigurationError(msg)
        return self._between(preference, hull, costs, budget)

    def _at_quality(self, preference: Preference, floor: float) -> tuple[Branch, ...]:
        hull = upper_hull(self.cost, self.quality)
        qualities = self.quality[hull]
        if floor > qualities[-1] + ROUNDING:
            msg = (
                f"A mean quality of {floor:.4g} is out of reach: "
                f"the best that was measured is {qualities[-1]:.4g}."
            )
            raise ConfigurationError(msg)
        return self._between(preference, hull, qualities, floor)

    def _between(
        self, preference: Preference, hull: NDArray[np.int64], reached: Floats, wanted: float
    ) -> tuple[Branch, ...]:
        """One or two points of the hull whose mean is what is wanted, as near as can be."""
        above = int(np.searchsorted(reached, wanted))
        if above == 0 or above == len(hull):
            place = hull[min(above, len(hull) - 1)]
            return ((1.0, replace(preference, cost_weight=float(self.weights[place]))),)
        below = above - 1
        share = float((wanted - reached[below]) / (reached[above] - reached[below]))
        return tuple(
            (part, replace(preference, cost_weight=float(self.weights[hull[place]])))
            for part, place in ((1 - share, below), (share, above))
            if part > 0
        )

    def _best_lift(self) -> float:
        """The cost weight with the greatest gain of quality a dollar, beyond the cheapest arm."""
        (quality, cost), (best, most) = self.ends
        spent = self.cost - cost
        if best <= quality or most <= cost:  # the dearest arm is not better: stay with the cheapest
            return float(self.weights[-1])
        slope = np.full_like(spent, -np.inf)
        np.divide(self.quality - quality, spent, out=slope, where=spent > cost * 1e-9)
        return float(self.weights[int(np.argmax(slope))])


def upper_hull(cost: Floats, quality: Floats) -> NDArray[np.int64]:
    """The points that no mixture of others beats: more quality at the same mean cost.

    Args:
        cost: (points,).
        quality: (points,).

    Returns:
        Their places, by ascending cost and ascending quality (Andrew's monotone chain).
    """
    hull: list[int] = []
    for place in np.lexsort((-quality, cost)).tolist():
        if hull and quality[place] <= quality[hull[-1]] + ROUNDING:
            continue
        while len(hull) > 1 and _turns_up(cost, quality, hull[-2], hull[-1], place):
            hull.pop()
        hull.append(place)
    return np.array(hull)


def _turns_up(cost: Floats, quality: Floats, first: int, second: int, third: int) -> bool:
    """Whether the second point lies on or below the line from the first to the third."""
    rise = (quality[second] - quality[first]) * (cost[third] - cost[first])
    return bool(rise <= (quality[third] - quality[first]) * (cost[second] - cost[first]))
