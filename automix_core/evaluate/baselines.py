"""What every router is compared with: each model alone, a coin between models, and hindsight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from automix_core.evaluate.runs import WEIGHTS, Layout, Plan, Tally
from automix_core.evidence import Floats
from automix_core.metrics.hull import Hull
from automix_core.metrics.oracle import oracle
from automix_core.outcomes import Outcomes

__all__ = ["baselines"]


def baselines(plan: Plan) -> list[Tally]:
    """Every model alone, random mixing half-way between the cheapest and the dearest, the oracle.

    The first tallies are the models alone, cheapest first.
    """
    table = plan.table.take(plan.places)
    count = len(table.arms)
    singles = [
        replace(_fixed(plan, table, f"always:{name}", np.eye(count)[place], [place]), alone=True)
        for place, name in enumerate(table.arms)
    ]
    cost, quality = table.cost.mean(axis=0), table.quality.mean(axis=0)
    mix = Hull.of(cost, quality).mix(float(cost.min() + cost.max()) / 2)
    shares = np.array([mix.get(place, 0.0) for place in range(count)])
    random = _fixed(plan, table, "random", shares, list(range(count)))
    return [*singles, random, replace(_oracle(plan, table), hindsight=True)]


def _fixed(plan: Plan, table: Outcomes, name: str, shares: Floats, curve: Sequence[int]) -> Tally:
    """A baseline that sends fixed shares of the requests to the arms, whatever they ask."""
    used = np.flatnonzero(shares)
    blend = [column[:, used] @ shares[used] for column in _measured(table)]
    dearest = np.eye(len(table.arms))[-1]
    settings = [table.quality[:, curve], table.cost[:, curve]]
    calls = np.broadcast_to(dearest[list(curve)], settings[0].shape)
    share = np.broadcast_to(shares, table.cost.shape)
    columns = np.column_stack([*blend, share, *settings, calls])
    return _tally(plan, name, len(curve), columns)


def _oracle(plan: Plan, table: Outcomes) -> Tally:
    rows, last = np.arange(len(table)), len(table.arms) - 1
    reference = float(table.cost.mean(axis=0).max())
    chosen = [
        oracle(table.quality, table.cost, cost_weight=weight, reference_cost=reference)
        for weight in (WEIGHTS if reference > 0 else WEIGHTS[:1])
    ]
    best = [column[rows, chosen[0]] for column in _measured(table)]
    share = np.eye(len(table.arms))[chosen[0]]
    curve = [[column[rows, c] for c in chosen] for column in (table.quality, table.cost)]
    calls = [c == last for c in chosen]
    columns = np.column_stack([*best, share, *curve[0], *curve[1], *calls]).astype(float)
    return _tally(plan, "oracle", len(chosen), columns, WEIGHTS[: len(chosen)])


def _tally(
    plan: Plan, name: str, settings: int, columns: Floats, weights: tuple[float, ...] = ()
) -> Tally:
    layout = Layout(len(plan.table.arms), settings)
    seeds = [plan.tally_seed(columns[held], np.flatnonzero(held), layout) for held in plan.measured]
    return Tally(name, layout, plan.tally(columns), np.stack(seeds, axis=3), weights)


def _measured(table: Outcomes) -> tuple[Floats, Floats, Floats]:
    return table.quality, table.cost, table.latency
