"""What policies share that commit: one arm is asked, and its answer is returned unseen.

Should that arm fail, the next is chosen among those that are left.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from automix_core.decide.weighing import Places, at, in_hand, price_of, weighed
from automix_core.evidence import Actions, Estimates, Evidence, Floats
from automix_core.parts import Policy
from automix_core.request import Preference

__all__ = ["Choice", "Committing", "drawn"]


class Choice(NamedTuple):
    """Whom to ask.

    Attributes:
        arm: (n,) its place.
        propensity: (n,) how likely that choice was.
        chances: (n, arms) how likely each arm was, from policies that randomise.
    """

    arm: Places
    propensity: Floats
    chances: Floats | None = None


def drawn(chances: Floats, draw: Floats) -> Choice:
    """One arm of each row by its chances.

    Args:
        chances: (n, arms) adding up to 1 in each row; a row of zeros stands for nobody.
        draw: (n,) uniform numbers in [0, 1).
    """
    reached = np.cumsum(chances, axis=1)
    arm = np.argmax(reached > (draw * reached[:, -1])[:, None], axis=1)
    return Choice(arm, at(chances, arm), chances)


class Committing(Policy):
    """Asks one arm for good. An answer in hand is kept if it is worth as much as asking on."""

    commits = True
    draws = False

    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each row."""
        kept, stop_value = in_hand(estimates, evidence)
        worth = self._worth(estimates, evidence, preference)
        if np.count_nonzero(evidence.able) < worth.size:
            np.putmask(worth, ~evidence.able, -np.inf)
        asked, propensity, chances = self._chosen(worth, estimates, evidence)
        made = weighed(kept, stop_value, asked, at(worth, asked), propensity=propensity)
        if chances is None:
            return made
        return replace(made, chances=np.where(made.run[:, None], chances, 0.0))

    def _worth(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Floats:
        """What asking each arm is worth, (n, arms), in an array of its own.

        An arm in hand is not asked again, whatever stands here.
        """
        unchecked = estimates.cost - evidence.checking
        worth: Floats = estimates.quality - price_of(estimates, unchecked, preference)
        return worth

    @abstractmethod
    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        """The arm to ask.

        Args:
            worth: (n, arms) value of each arm, -inf where it may not be asked.
            estimates: What that rests on.
            evidence: What is known.
        """
