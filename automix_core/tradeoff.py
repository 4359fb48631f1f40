"""What a fitted router's quality costs, and how a budget or a quality floor is met by it.

Every objective comes down to a cost weight, or to two of them mixed: the best quality that a mean
budget can buy lies on the upper hull of what single weights reach, and a point between two of
them is reached in expectation by drawing one of the two for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from automix_core.branches import Branch
from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.parts import Part
from automix_core.request import Preference

if TYPE_CHECKING:
    from automix_core.metrics.hull import Hull

__all__ = ["Tradeoff"]

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
        hull = self._hull()
        least = float(hull.cost[0])
        if budget < least * (1 - 1e-9):
            msg = (
                f"A mean budget of {budget:.4g} US dollars a request cannot be kept: "
                f"the cheapest way costs {least:.4g}."
            )
            raise ConfigurationError(msg)
        return self._mixed(preference, hull.mix(budget))

    def _at_quality(self, preference: Preference, floor: float) -> tuple[Branch, ...]:
        hull = self._hull()
        best = float(hull.quality[-1])
        if floor > best + ROUNDING:
            msg = f"A mean quality of {floor:.4g} is out of reach: the best measured is {best:.4g}."
            raise ConfigurationError(msg)
        cost = float(np.interp(floor, hull.quality, hull.cost))
        return self._mixed(preference, hull.mix(cost))

    def _hull(self) -> Hull:
        from automix_core.metrics.hull import Hull  # only budgets and floors need it

        return Hull.of(self.cost, self.quality)

    def _mixed(self, preference: Preference, shares: Mapping[int, float]) -> tuple[Branch, ...]:
        """One branch for each point of a mixture."""
        return tuple(
            (share, replace(preference, cost_weight=float(self.weights[place])))
            for place, share in shares.items()
            if share > 0
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
