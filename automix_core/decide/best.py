"""The policy that commits to the arm of the greatest value."""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.decide.committing import Choice, Committing
from automix_core.decide.weighing import certain, greatest
from automix_core.evidence import Estimates, Evidence, Floats

__all__ = ["Best"]


@dataclass(frozen=True)
class Best(Committing):
    """The arm of the greatest value: quality less what its cost and latency are worth.

    Ties go to the cheaper arm. This is routing as CARROT (arXiv 2502.03261) shows it to be
    optimal for given estimates, and MixLLM without its exploration.
    """

    name = "best"

    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        return Choice(greatest(worth), certain(len(worth)))
