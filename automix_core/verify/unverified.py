"""No verifier: for routers that commit to an arm before they see an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automix_core.evidence import Answer, Floats, Signal, Verdicts
from automix_core.flow import Flow
from automix_core.parts import Settles, Verifier
from automix_core.request import Request

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.outcomes import Outcomes

__all__ = ["Unverified"]


@dataclass(frozen=True)
class Unverified(Verifier):
    """Has no verdict on anything, at no cost."""

    name = "unverified"

    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """No verdict."""
        yield from ()
        return Signal(None, note="this router verifies nothing")

    def relative_cost(self, arm: Arm) -> float:
        """Nothing."""
        return 0.0

    def recorded(self, outcomes: Outcomes) -> Verdicts:
        """No verdict on any row, whatever signals the table holds."""
        nothing = np.zeros_like(outcomes.cost)
        return Verdicts(np.full_like(nothing, np.nan), {}, nothing, nothing)

    def expected_cost(self, outcomes: Outcomes) -> Floats:
        """Nothing."""
        return np.zeros_like(outcomes.cost)
