"""The policy that asks each arm in proportion to its estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.decide.committing import Choice, Committing, drawn
from automix_core.evidence import Estimates, Evidence, Floats

__all__ = ["Matching"]


@dataclass(frozen=True)
class Matching(Committing):
    """Any arm that can be asked, with chances in proportion to the estimated quality.

    For estimators that say with which probability an arm is to be asked, such as `Automaton`.
    Cost counts only as far as the estimator counts it. Where every estimate is 0, the chances are
    equal.
    """

    name = "matching"
    draws = True

    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        share = np.where(evidence.able, estimates.quality, 0.0)
        share = np.where(share.sum(axis=1, keepdims=True) > 0, share, evidence.able)
        total = share.sum(axis=1, keepdims=True)
        return drawn(share / np.where(total > 0, total, 1.0), evidence.draw)
