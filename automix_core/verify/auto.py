"""The verifier users get who named none: the best signal that is free, else the paper's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from automix_core.evidence import Answer, Signal
from automix_core.flow import Flow, SampleOptions
from automix_core.parts import Settles, Verifier
from automix_core.request import Request
from automix_core.verify.answer_likelihood import AnswerLikelihood
from automix_core.verify.self_verification import SelfVerification

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["Auto"]


@dataclass(frozen=True)
class Auto(Verifier):
    """Answer likelihood where the answer came with log-probabilities, otherwise self-verification.

    Attributes:
        free: Used wherever it reaches a verdict at no cost.
        asking: Used where it does not.
    """

    name = "auto"
    free: AnswerLikelihood = field(default_factory=AnswerLikelihood)
    asking: SelfVerification = field(default_factory=SelfVerification)

    def wants(self, arm: Arm) -> SampleOptions:
        """Log-probabilities, from arms that return them."""
        return self.free.wants(arm)

    def relative_cost(self, arm: Arm) -> float:
        """Nothing where log-probabilities are returned, else one call."""
        return 0.0 if arm.can.logprobs else self.asking.relative_cost(arm)

    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """Use what came with the answer, or ask."""
        verifier = self.free if answer.reply.logprobs else self.asking
        return (yield from verifier.verify(request, answer, arm, settles))
