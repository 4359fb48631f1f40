"""What calls cost on average in the traffic that a router was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arms import Arm, Arms
from automix_core.arrays import non_negative_pair
from automix_core.evidence import Floats
from automix_core.flow import Usage
from automix_core.parts import Part
from automix_core.prices import rates_of

if TYPE_CHECKING:
    from automix_core.prices import Priced

__all__ = ["Workload", "learned_rates"]

FIT = 0.05
"""Share of the size of the costs by which costs computed from tokens may miss them."""


@dataclass(frozen=True, eq=False)
class Workload(Part):
    """Mean cost and tokens of each arm, cheapest first, each array (arms,).

    Attributes:
        arms: Their names, in the order in which everything was fitted.
        cost: US dollars of one answer.
        checking: US dollars of verifying one answer; 0 for an arm that is never verified.
        input_tokens: Tokens of the prompt; NaN where unknown.
        output_tokens: Tokens of the answer; NaN where unknown.
        rates: (arms, 2) US dollars of one token of the prompt and of the answer, NaN for an arm
            whose costs do not tell; `None` where that was not looked at.
        reference: The reference cost where the dearest arm came or went since it was fixed.
    """

    kind = "workload"
    name = "measured"
    arms: tuple[str, ...]
    cost: Floats
    checking: Floats
    input_tokens: Floats
    output_tokens: Floats
    rates: Floats | None = None
    reference: float | None = None

    @property
    def reference_cost(self) -> float:
        """Mean cost of one answer of the dearest arm of the fit, US dollars."""
        return float(self.cost[-1]) if self.reference is None else self.reference

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
        """The same traffic at other prices, where prices are known for every arm.

        Costs are computed anew where the tokens are known as well; else those measured stand.

        Args:
            prices: Price by arm.
        """
        paid = [prices.get(name) for name in self.arms]
        rates = np.array([rates_of(price) for price in paid])
        if not (np.isfinite(rates).all() and rates.any()):
            return self
        tokens = zip(paid, self.input_tokens, self.output_tokens, strict=True)
        costs = [
            price.cost(Usage(round(sent), round(got)))
            if price is not None and np.isfinite(sent + got)
            else None
            for price, sent, got in tokens
        ]
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs) or max(known) <= 0:
            return replace(self, rates=rates)
        now = np.array(known)
        ratio = np.divide(now, self.cost, out=np.ones_like(now), where=self.cost > 0)
        return replace(self, cost=now, checking=self.checking * ratio, rates=rates)


@lru_cache(maxsize=32)
def _unbound(workload: Workload, reference_cost: float | None) -> Arms:
    unknown = [Arm(None, name) for name in workload.arms]
    return Arms(unknown, reference_cost, measured=workload.costs, rates=workload.rates)


def learned_rates(cost: Floats, input_tokens: Floats, output_tokens: Floats) -> Floats:
    """US dollars of one token of the prompt and of the answer, by non-negative least squares.

    Args:
        cost: (n, arms) US dollars of an answer.
        input_tokens: (n, arms) tokens of the prompt.
        output_tokens: (n, arms) tokens of the answer.

    Returns:
        (arms, 2), NaN for an arm whose tokens are unknown or do not explain its costs.
    """
    rates = np.full((cost.shape[1], 2), np.nan)
    for arm, columns in enumerate(zip(cost.T, input_tokens.T, output_tokens.T, strict=True)):
        paid, sent, got = (column[~np.isnan(sum(columns))] for column in columns)
        if not len(paid):
            continue
        tokens = np.stack([sent, got], axis=1)
        pair = non_negative_pair(tokens.T @ tokens, tokens.T @ paid)
        missed = paid - tokens @ pair
        if missed @ missed <= FIT**2 * (paid @ paid):
            rates[arm] = pair
    return rates
