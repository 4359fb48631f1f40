"""What policies share that commit: one arm is asked, and its answer is returned unseen.

Should that arm fail, the next is chosen among those that are left.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from automix_core.decide.weighing import Places, in_hand, price_of, weighed
from automix_core.evidence import Actions, Estimates, Evidence, Floats
from automix_core.parts import Policy
from automix_core.request import Preference

__all__ = ["Committing"]


class Committing(Policy):
    """Asks one arm for good. An answer in hand is kept if it is worth as much as asking on."""

    commits = True
    draws = False

    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each row."""
        kept, stop_value = in_hand(estimates, evidence)
        unchecked = estimates.cost - evidence.checking
        worth = estimates.quality - price_of(estimates, unchecked, preference)
        np.putmask(worth, ~evidence.able, -np.inf)
        asked, propensity = self._chosen(worth, evidence)
        run_value = worth[np.arange(len(worth)), asked]
        final = ~np.zeros(len(worth), bool)
        return weighed(kept, stop_value, asked, run_value, final=final, propensity=propensity)

    @abstractmethod
    def _chosen(self, worth: Floats, evidence: Evidence) -> tuple[Places, Floats]:
        """The arm to ask and how likely that choice was, each (n,).

        Args:
            worth: (n, arms) value of each arm, -inf where it may not be asked.
            evidence: What is known.
        """
