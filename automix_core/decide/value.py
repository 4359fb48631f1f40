"""The plain policy: do what is worth most right now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.evidence import Actions, Estimates, Evidence, Floats
from automix_core.parts import Policy
from automix_core.request import Preference

__all__ = ["Value"]

ROUNDING = 1e-9
"""Values that lie no further apart than this are tied."""


@dataclass(frozen=True)
class Value(Policy):
    """Stop or ask, whichever is worth more, looking one step ahead.

    The value of stopping is the best estimated quality in hand. The value of asking an arm is the
    better of its quality and that, less `cost_weight * remaining cost / reference cost` and
    `latency_weight * latency`. Money already spent counts for nothing. Ties go to stopping, then
    to the cheaper arm. The ask is final where no dearer arm could follow.
    """

    name = "value"

    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each row."""
        rows = np.arange(len(evidence))
        in_hand = np.where(evidence.answered, estimates.quality, -np.inf)
        kept = np.argmax(in_hand, axis=1)
        stop_value = in_hand[rows, kept]

        reached = np.maximum(estimates.quality, stop_value[:, None])
        worth = np.where(evidence.able, reached - self._price(estimates, preference), -np.inf)
        asked = np.argmax(worth, axis=1)
        run_value = worth[rows, asked]

        run = run_value > stop_value + ROUNDING
        nothing = np.isneginf(run_value) & np.isneginf(stop_value)
        dearer_left = np.arange(evidence.able.shape[1]) > asked[:, None]
        return Actions(
            arm=np.where(nothing, -1, np.where(run, asked, kept)),
            run=run,
            final=run & ~(evidence.able & dearer_left).any(axis=1),
            propensity=np.ones(len(rows)),
            stop_value=stop_value,
            run_value=run_value,
        )

    def _price(self, estimates: Estimates, preference: Preference) -> Floats:
        """What each arm's remaining cost and latency are worth in points of quality."""
        priced: Floats = preference.cost_weight * (estimates.cost / estimates.reference_cost)
        if preference.latency_weight:
            priced += preference.latency_weight * np.nan_to_num(estimates.latency, nan=0.0)
        return priced
