"""The policy that asks no reason: any arm will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.decide.committing import Choice, Committing, drawn
from automix_core.evidence import Estimates, Evidence, Floats

__all__ = ["Random"]


@dataclass(frozen=True)
class Random(Committing):
    """Any arm that can be asked, with equal chances."""

    name = "random"
    draws = True

    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        count = evidence.able.sum(axis=1, keepdims=True)
        return drawn(evidence.able / np.maximum(count, 1), evidence.draw)
