"""What policies share that commit: one arm is asked, and its answer is returned unseen.

Should that arm fail, the next is chosen among those that are left.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from automix_core.decide.price import price_of
from automix_core.evidence import Actions, Estimates, Evidence, Floats
from automix_core.parts import Policy
from automix_core.request import Preference

__all__ = ["ROUNDING", "Committing", "Places"]

Places = NDArray[np.int64]

ROUNDING = 1e-9
"""Values that lie no further apart than this are tied."""


class Committing(Policy):
    """Asks one arm for good. An answer in hand is kept if it is worth as much as asking on."""

    commits = True
    draws = False

    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each row."""
        rows = np.arange(len(evidence))
        in_hand = np.where(evidence.answered, estimates.quality, -np.inf)
        kept = np.argmax(in_hand, axis=1)
        stop_value = in_hand[rows, kept]
        unchecked = np.where(evidence.answered, 0.0, estimates.cost - evidence.checking)
        worth = estimates.quality - price_of(estimates, unchecked, preference)
        worth = np.where(evidence.able, worth, -np.inf)
        asked, propensity = self._chosen(worth, evidence)
        run_value = worth[rows, asked]
        run = run_value > stop_value + ROUNDING
        nothing = np.isneginf(run_value) & np.isneginf(stop_value)
        return Actions(
            arm=np.where(nothing, -1, np.where(run, asked, kept)),
            run=run,
            final=run,
            propensity=np.where(run, propensity, 1.0),
            stop_value=stop_value,
            run_value=run_value,
        )

    @abstractmethod
    def _chosen(self, worth: Floats, evidence: Evidence) -> tuple[Places, Floats]:
        """The arm to ask and how likely that choice was, each (n,).

        Args:
            worth: (n, arms) value of each arm, -inf where it may not be asked.
            evidence: What is known.
        """
