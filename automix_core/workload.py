"""What calls cost on average in the traffic that a router was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arms import Arm, Arms
from automix_core.evidence import Floats
from automix_core.flow import Usage
from automix_core.parts import Part

if TYPE_CHECKING:
    from automix_core.prices import Priced

__all__ = ["Workload"]


@dataclass(frozen=True, eq=False)
class Workload(Part):
    """Mean cost and tokens of each arm, cheapest first, each array (arms,).

    Attributes:
        arms: Their names, in the order in which everything was fitted.
        cost: US dollars of one answer.
        checking: US dollars of verifying one answer; 0 for an arm that is never verified.
        input_tokens: Tokens of the prompt; NaN where unknown.
        output_tokens: Tokens of the answer; NaN where unknown.
    """

    kind = "workload"
    name = "measured"
    arms: tuple[str, ...]
    cost: Floats
    checking: Floats
    input_tokens: Floats
    output_tokens: Floats

    @property
    def reference_cost(self) -> float:
        """Mean cost of one answer of the dearest arm, US dollars."""
        return float(self.cost[-1])

    @property
    def costs(self) -> dict[str, tuple[float, float]]:
        """US dollars of an answer and of its verification, by arm."""
        pairs = zip(self.cost.tolist(), self.checking.tolist(), strict=True)
        return dict(zip(self.arms, pairs, strict=True))

    def unbound(self, reference_cost: float | None = None) -> Arms:
        """The arms by their names and mean costs, for decisions that call no model.

        Args:
            reference_cost: What one call to the dearest arm costs, if that was fixed before.
        """
        return _unbound(self, reference_cost)

    def at(self, prices: Mapping[str, Priced | None]) -> Workload:
        """The same traffic at other prices, where prices and tokens are known for every arm.

        Args:
            prices: Price by arm.
        """
        tokens = zip(self.arms, self.input_tokens, self.output_tokens, strict=True)
        costs = [
            price.cost(Usage(round(sent), round(got)))
            if (price := prices.get(name)) is not None and np.isfinite(sent + got)
            else None
            for name, sent, got in tokens
        ]
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs) or max(known) <= 0:
            return self
        now = np.array(known)
        ratio = np.divide(now, self.cost, out=np.ones_like(now), where=self.cost > 0)
        return Workload(
            self.arms, now, self.checking * ratio, self.input_tokens, self.output_tokens
        )


@lru_cache(maxsize=32)
def _unbound(workload: Workload, reference_cost: float | None) -> Arms:
    unknown = [Arm(None, name) for name in workload.arms]
    return Arms(unknown, reference_cost, measured=workload.costs)
