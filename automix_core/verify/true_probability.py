"""P(True): one check of one token, read off its log-probabilities (Kadavath et al. 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automix_core.evidence import Answer, Signal
from automix_core.flow import Ask, Flow, Reply, SampleOptions, Token, Wave
from automix_core.parts import Settles, Verifier, at_least_one
from automix_core.request import Request
from automix_core.verify.prompts import context_budget, prompt_overhead, truth_prompt

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["TrueProbability"]


@dataclass(frozen=True)
class TrueProbability(Verifier):
    """The probability of "yes" when the arm is asked whether its answer is right.

    One call of one token (P(True), Kadavath et al., arXiv 2207.05221): the same quantity as the
    share of many sampled verdicts, without the sampling noise. It needs an arm that returns
    log-probabilities; elsewhere there is no verdict.

    Attributes:
        top: How many alternatives to ask for; 20 is the most that providers allow.
        context_tokens: Most tokens of context to show; a longer one loses its middle.
    """

    name = "true_probability"
    top: int = 20
    context_tokens: int = 3500

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "top", "context_tokens")

    def verify(
        self,
        request: Request,
        answer: Answer,
        arm: Arm,
        settles: Settles,
    ) -> Flow[Signal]:
        """Ask once, and read the first token."""
        if not arm.can.logprobs:
            return self._signal(None, f"{arm.name} returns no log-probabilities")
        text = answer.reply.text
        taken = prompt_overhead(request, text) + 1
        budget = context_budget(self.context_tokens, arm.can.context_window, taken)
        options = SampleOptions(temperature=0.0, max_tokens=1, logprobs=True, top_logprobs=self.top)
        prompt = truth_prompt(request, text, budget)
        (result,) = yield Wave((Ask(arm.name, "verify", prompt, options),))
        if not isinstance(result, Reply) or not result.logprobs:
            return self._signal(None, "the check came without log-probabilities")
        return self._signal(_share_of_yes(result.logprobs[0]), "neither yes nor no was likely")

    def _signal(self, confidence: float | None, note: str) -> Signal:
        return Signal(
            confidence,
            values={self.name: confidence},
            note="" if confidence is not None else note,
        )


def _share_of_yes(token: Token) -> float | None:
    """P(yes) / (P(yes) + P(no)) over the spellings among a token's alternatives."""
    weights = {"yes": 0.0, "no": 0.0}
    for text, logprob in {token.text: token.logprob, **token.top}.items():
        word = text.strip().strip("\"'.▁Ġ").lower()
        if word in weights:
            weights[word] += math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return weights["yes"] / total if total > 0 else None
