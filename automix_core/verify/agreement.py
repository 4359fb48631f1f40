"""Self-consistency of text answers: does the arm say the same thing when it is asked again?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automix_core.evidence import Answer, Signal
from automix_core.flow import Flow, SampleOptions
from automix_core.parts import Settles, Verifier, at_least_one
from automix_core.request import Request
from automix_core.text import token_f1
from automix_core.verify.sampling import draw

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["Agreement"]


@dataclass(frozen=True)
class Agreement(Verifier):
    """Mean similarity of the answer to m further answers, sampled from the same request.

    Similarity is the overlap in words (token F1), which suits short factual answers. Only text is
    compared. Self-consistency after Wang et al., arXiv 2203.11171.

    Attributes:
        samples: m, the further answers to draw.
        temperature: Their sampling temperature.
    """

    name = "agreement"
    samples: int = 4
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Check that there is something to compare."""
        at_least_one(self, "samples")

    def relative_cost(self, arm: Arm) -> float:
        """M further answers."""
        return float(self.samples)

    def verify(
        self,
        request: Request,
        answer: Answer,
        arm: Arm,
        settles: Settles,
    ) -> Flow[Signal]:
        """Draw the further answers side by side and compare."""
        options = SampleOptions(temperature=self.temperature)
        texts = yield from draw(arm, "sample", None, options, self.samples)
        texts = [text for text in texts if text.strip()]
        alike = [token_f1(answer.reply.text, text) for text in texts]
        confidence = sum(alike) / len(alike) if alike else None
        return Signal(
            confidence,
            planned=self.samples,
            asked=self.samples,
            valid=len(alike),
            values={self.name: confidence},
            note="" if alike else "no further answer could be drawn",
        )
