"""The policy that asks no reason: any arm will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.decide.committing import Committing
from automix_core.decide.weighing import Places
from automix_core.evidence import Evidence, Floats

__all__ = ["Random"]


@dataclass(frozen=True)
class Random(Committing):
    """Any arm that can be asked, with equal chances."""

    name = "random"
    draws = True

    def _chosen(self, worth: Floats, evidence: Evidence) -> tuple[Places, Floats]:
        count = evidence.able.sum(axis=1)
        place = np.minimum((evidence.draw * count).astype(int), count - 1)
        passed = np.cumsum(evidence.able, axis=1)
        return np.argmax(passed > place[:, None], axis=1), 1 / np.maximum(count, 1)
