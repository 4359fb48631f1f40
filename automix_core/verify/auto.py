"""The verifier users get who named none: the best signal that is free, else the paper's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from automix_core.evidence import Answer, Signal, Verdicts
from automix_core.flow import Flow, SampleOptions
from automix_core.parts import Settles, Verifier
from automix_core.request import Request
from automix_core.verify.answer_likelihood import AnswerLikelihood
from automix_core.verify.self_verification import SelfVerification
from automix_core.verify.true_probability import TrueProbability

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.outcomes import Outcomes

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

    def leaves(self) -> tuple[Verifier, ...]:
        """Every verifier that needs no setting up: a fit takes those that prove informative."""
        return (self.free, TrueProbability(), self.asking)

    def recorded(self, outcomes: Outcomes) -> Verdicts:
        """What came with the answer where it did, else what was asked for."""
        named = [part for part in (self.free, self.asking) if part.name in outcomes.signals]
        if len(named) < 2:
            return (named or [self.free])[0].recorded(outcomes)
        free, asked = (part.recorded(outcomes) for part in named)
        came = ~np.isnan(free.confidence)
        return Verdicts(
            confidence=np.where(came, free.confidence, asked.confidence),
            signals={
                **{name: np.where(came, np.nan, s) for name, s in asked.signals.items()},
                **free.signals,
            },
            cost=np.where(came, free.cost, asked.cost),
            latency=np.where(came, free.latency, asked.latency),
        )

    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """Use what came with the answer, or ask."""
        verifier = self.free if answer.reply.logprobs else self.asking
        return (yield from verifier.verify(request, answer, arm, settles))
