"""The likelihood of an answer under the model that gave it: free wherever log-probabilities are.

On small models this was the most informative signal of all that were measured, and the cheapest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automix_core.evidence import Answer, Floats, Signal
from automix_core.flow import Flow, SampleOptions, Token
from automix_core.parts import Settles, Verifier, at_least_one
from automix_core.request import Request

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.outcomes import Outcomes

__all__ = ["AnswerLikelihood", "likelihood"]


@dataclass(frozen=True)
class AnswerLikelihood(Verifier):
    """The probability with which the arm would give exactly this answer.

    The confidence is `exp(sum of the token log-probabilities)` for answers of up to `length`
    tokens. A longer answer of n tokens gets `exp(sum * length / n)`, as if it were `length`
    tokens of the same average: the plain sum would call every long answer unlikely, while the
    plain mean calls nearly every short one likely. The mark that ends a text is not counted, for
    servers report it only after some endings.

    Attributes:
        length: Tokens up to which the plain sum is used.
    """

    name = "answer_likelihood"
    length: int = 32

    def __post_init__(self) -> None:
        """Check the length: with none at all, every answer would be certain."""
        at_least_one(self, "length")

    def wants(self, arm: Arm) -> SampleOptions:
        """Log-probabilities, from arms that return them, and no more alternatives than must be."""
        return SampleOptions(logprobs=arm.can.logprobs, top_logprobs=int(arm.can.logprobs))

    def relative_cost(self, arm: Arm) -> float:
        """Nothing: the signal comes with the answer."""
        return 0.0

    def expected_cost(self, outcomes: Outcomes) -> Floats:
        """Nothing."""
        return np.where(outcomes.has, 0.0, np.nan)

    def verify(
        self,
        request: Request,
        answer: Answer,
        arm: Arm,
        settles: Settles,
    ) -> Flow[Signal]:
        """Read the likelihood off the answer; no verdict where there are no log-probabilities."""
        yield from ()
        confidence = likelihood(answer.reply.logprobs or (), self.length)
        note = "" if confidence is not None else "the answer came without log-probabilities"
        return Signal(confidence, values={self.name: confidence}, note=note)


def likelihood(tokens: tuple[Token, ...], length: int) -> float | None:
    """The length-corrected probability of a sequence of tokens, `None` for an empty one."""
    said = [token.logprob for token in tokens if token.text]
    total = sum(said)
    if not said or math.isnan(total):
        return None
    return math.exp(min(0.0, total * min(1.0, length / len(said))))
