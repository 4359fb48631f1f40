"""What policies that weigh stopping against asking have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import filled, shared
from automix_core.evidence import Actions, Bools, Estimates, Evidence, Floats
from automix_core.request import Preference

__all__ = ["ROUNDING", "Places", "at", "certain", "greatest", "in_hand", "price_of", "weighed"]

Places = NDArray[np.int64]

ROUNDING = 1e-9
"""Values that lie no further apart than this are tied."""


def in_hand(estimates: Estimates, evidence: Evidence) -> tuple[Places, Floats]:
    """The best answer in hand and its quality, each (n,); -inf with nothing in hand."""
    if evidence.untouched:
        count = len(evidence)
        return _NOTHING if count == 1 else _nothing(count)
    quality = np.where(evidence.answered, estimates.quality, -np.inf)
    kept = quality.argmax(axis=1)
    return kept, at(quality, kept)


def _nothing(count: int) -> tuple[Places, Floats]:
    """The place and the value of nothing in hand."""
    place, value = np.zeros(count, np.int64), filled(count, -np.inf)
    place.setflags(write=False)
    value.setflags(write=False)
    return place, value


_NOTHING = _nothing(1)

_SURELY: Bools = np.ones(1, dtype=bool)
_SURELY.setflags(write=False)


def certain(count: int) -> Floats:
    """The propensities of choices that chance had no part in, (count,), not to be written to."""
    return shared(count, 1, 1.0)[:, 0]


def greatest(worth: Floats) -> Places:
    """The place of the greatest value of each row, (n,), of (n, arms); ties go to the cheaper."""
    if len(worth) == 1:  # as live requests come, in half the time
        values: list[float] = worth[0].tolist()
        least = values[int(worth[0].argmax())] - ROUNDING
        return np.array([next((i for i, value in enumerate(values) if value >= least), 0)])
    best = worth.max(1)
    places: Places = (worth >= (best - ROUNDING)[:, None]).argmax(1)
    return places


def at(values: Floats, places: Places) -> Floats:
    """The value of each row at its place, (n,), of (n, arms)."""
    lone = len(values) == 1  # as live requests come, and `take` needs a third of the time
    found: Floats = values[0].take(places) if lone else values[np.arange(len(values)), places]
    return found


def weighed(
    kept: Places,
    stop_value: Floats,
    asked: Places,
    run_value: Floats,
    *,
    final: Bools | None = None,
    propensity: Floats,
) -> Actions:
    """Ask where that is worth more than stopping, and stop elsewhere; each argument is (n,).

    Args:
        kept: The best answer in hand.
        stop_value: What it is worth, -inf with nothing in hand.
        asked: The arm that would be asked.
        run_value: What that is worth, -inf where nobody can be asked.
        final: Whether the ask would be a commitment; `None` where every ask is one.
        propensity: Probability with which that arm was chosen to be asked.
    """
    if stop_value is _NOTHING[1] and run_value[0] > -np.inf:  # the first decision on one request
        committed = _SURELY if final is None else final
        return Actions(asked, _SURELY, committed, propensity, stop_value, run_value)
    run = run_value > stop_value + ROUNDING
    committed = run if final is None else run & final
    if np.count_nonzero(run) == len(run):  # as with first decisions: nobody stops
        return Actions(asked, run, committed, propensity, stop_value, run_value)
    arm = np.where(run, asked, kept)
    np.putmask(arm, np.maximum(run_value, stop_value) == -np.inf, -1)
    return Actions(
        arm=arm,
        run=run,
        final=committed,
        propensity=np.where(run, propensity, 1.0),
        stop_value=stop_value,
        run_value=run_value,
    )


def price_of(estimates: Estimates, cost: Floats, preference: Preference) -> Floats:
    """What a cost and each arm's latency are worth in points of quality, (n, arms).

    Args:
        estimates: Give the reference cost and the latency; unknown latency counts as none.
        cost: (n, arms).
        preference: The weights.
    """
    priced: Floats = cost * (preference.cost_weight / estimates.reference_cost)
    if preference.latency_weight:
        priced += preference.latency_weight * np.nan_to_num(estimates.latency, nan=0.0)
    return priced
