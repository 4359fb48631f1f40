"""The plain policy: do what is worth most right now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.decide.weighing import ROUNDING, in_hand, price_of, weighed
from automix_core.evidence import Actions, Bools, Estimates, Evidence, Floats
from automix_core.parts import Policy
from automix_core.request import Preference

__all__ = ["Value"]


@dataclass(frozen=True)
class Value(Policy):
    """Stop or ask, whichever is worth more.

    The value of stopping is the best estimated quality in hand. The value of asking an arm is the
    better of its quality and that, less `cost_weight * remaining cost / reference cost` and
    `latency_weight * latency`. Money already spent counts for nothing. Ties go to stopping, then
    to the cheaper arm.

    An estimator that looks further ahead says itself what asking an arm and going on from there
    is worth. Asking it is then compared with committing to it, which saves its verification.
    Without such foresight the ask is final only where no dearer arm could follow. The one arm that
    can give an answer at all is asked for good: nothing a verifier says could change anything.
    """

    name = "value"
    draws = False

    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each row."""
        kept, stop_value = in_hand(estimates, evidence)
        reached = np.maximum(estimates.quality, stop_value[:, None])
        worth = reached - price_of(estimates, estimates.cost, preference)
        commits = self._none_follows(evidence)
        if estimates.ahead is not None:
            saved = estimates.cost - evidence.checking
            committed = reached - price_of(estimates, saved, preference)
            foreseen = ~np.isnan(estimates.ahead)
            foreseen &= ~self._no_choice(evidence, stop_value)[:, None]
            commits = np.where(foreseen, committed >= estimates.ahead - ROUNDING, commits)
            further = np.where(commits, committed, estimates.ahead)
            worth = np.where(foreseen, further, np.where(commits, committed, worth))
        worth = np.where(evidence.able, worth, -np.inf)
        asked = np.argmax(worth, axis=1)
        chosen = np.arange(len(asked)), asked
        return weighed(
            kept,
            stop_value,
            asked,
            worth[chosen],
            final=commits[chosen],
            propensity=np.ones(len(asked)),
        )

    def _no_choice(self, evidence: Evidence, stop_value: Floats) -> Bools:
        """Where nothing is in hand and a single arm can be asked: (n,)."""
        lonely: Bools = stop_value == -np.inf
        if lonely.any():  # after an answer nobody needs to count
            lonely &= evidence.able.sum(axis=1) == 1
        return lonely

    def _none_follows(self, evidence: Evidence) -> Bools:
        """Where no dearer arm could be asked after an arm: (n, arms)."""
        able = evidence.able
        dearer = np.zeros_like(able)
        dearer[:, :-1] = np.logical_or.accumulate(able[:, :0:-1], axis=1)[:, ::-1]
        return ~dearer
