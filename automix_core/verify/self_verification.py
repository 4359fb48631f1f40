"""Few-shot self-verification: the model checks its own answer, k times (AutoMix, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from automix_core.errors import UnknownNameError
from automix_core.evidence import Answer, Signal
from automix_core.flow import Flow, Prompt, SampleOptions
from automix_core.parts import Settles, Verifier, at_least_one
from automix_core.request import Request
from automix_core.verify.prompts import (
    VERDICT_SCHEMA,
    Form,
    context_budget,
    parse_verdict,
    prompt_overhead,
    verdict_prompt,
)
from automix_core.verify.sampling import draw

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["SelfVerification"]


@dataclass(frozen=True)
class SelfVerification(Verifier):
    """The share of k sampled checks in which the arm calls its own answer right.

    Each check reads question, context and answer, writes a sentence of reasoning and then a
    verdict (AutoMix, arXiv 2310.12963, section 3.1, with worked examples of our own). A check
    without a readable verdict does not count, and with no valid check there is no verdict: never
    a 0 and never a yes. Samples are drawn in waves of the fewest that could settle what happens
    next, and no more once it is settled; the signal is then censored.

    Attributes:
        samples: k, the checks to draw.
        temperature: Their sampling temperature.
        form: `text` reads the verdict off the last line; `schema` holds the model to a JSON
            schema, for models that cannot follow the format; `auto` is `schema` wherever the
            model can be constrained.
        eager: Draw all samples at once: quicker, but no sample is saved.
        context_tokens: Most tokens of context to show; a longer one loses its middle.
        max_tokens: Most tokens a check may write.
    """

    name = "self_verification"
    samples: int = 8
    temperature: float = 1.0
    form: Literal["auto", "text", "schema"] = "auto"
    eager: bool = False
    context_tokens: int = 3500
    max_tokens: int = 200

    def __post_init__(self) -> None:
        """Check the numbers and the form."""
        at_least_one(self, "samples", "context_tokens", "max_tokens")
        forms = ("auto", "text", "schema")
        if self.form not in forms:
            what = "form of check"
            raise UnknownNameError(what, self.form, forms)

    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """Have the arm check its own answer."""
        return self.check(request, answer, arm, settles, self.name)

    def check(
        self, request: Request, answer: Answer, judge: Arm, settles: Settles, name: str
    ) -> Flow[Signal]:
        """Draw checks from a judge until what happens next no longer depends on the rest.

        Args:
            request: The request.
            answer: The answer to check.
            judge: Who checks it.
            settles: Tells whether the action is settled.
            name: The name under which the signal is recorded.
        """
        form = self._form(judge)
        prompt = self._prompt(request, answer.reply.text, judge, form)
        options = SampleOptions(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            schema=VERDICT_SCHEMA if form == "schema" else None,
        )
        tally = _Tally(self.samples)
        while tally.left and not (tally.asked and settles(tally.possible(name))):
            count = tally.left if self.eager else _fewest(tally, settles, name)
            texts = yield from draw(judge, "verify", prompt, options, count)
            verdicts = [v for text in texts if (v := parse_verdict(text)) is not None]
            # Where nobody answers at all, asking on is no use.
            tally = tally.counted(verdicts, count if texts else tally.left)
        return tally.signal(name)

    def _form(self, judge: Arm) -> Form:
        if self.form == "auto":
            return "schema" if judge.can.schema else "text"
        return self.form

    def _prompt(self, request: Request, answer: str, judge: Arm, form: Form) -> Prompt:
        taken = prompt_overhead(request, answer) + self.max_tokens
        budget = context_budget(self.context_tokens, judge.can.context_window, taken)
        return verdict_prompt(request, answer, form, budget)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Counts of the checks so far."""

    planned: int
    asked: int = 0
    valid: int = 0
    correct: int = 0

    @property
    def left(self) -> int:
        return self.planned - self.asked

    def counted(self, verdicts: Sequence[bool], count: int) -> _Tally:
        """After `count` more samples, of which these held a verdict."""
        return _Tally(
            self.planned,
            self.asked + count,
            self.valid + len(verdicts),
            self.correct + sum(verdicts),
        )

    def possible(self, name: str) -> list[Signal]:
        """Every signal that this tally may still end in, and the one it stands at.

        The latter is what the policy sees after an early stop, so it must lead there as well.
        """
        left = self.left
        ends = {
            (self.valid + valid, self.correct + correct)
            for valid in range(left + 1)
            for correct in range(valid + 1)
        }
        full = [_Tally(self.planned, self.planned, *end).signal(name) for end in sorted(ends)]
        return [self.signal(name), *full]

    def signal(self, name: str) -> Signal:
        confidence = self.correct / self.valid if self.valid else None
        return Signal(
            confidence,
            planned=self.planned,
            asked=self.asked,
            valid=self.valid,
            correct=self.correct,
            values={name: confidence},
            note="" if self.valid else "no check held a readable verdict",
        )


def _fewest(tally: _Tally, settles: Settles, name: str) -> int:
    """The fewest further samples after which what happens next could be settled."""
    for count in range(1, tally.left):
        for verdict in (True, False):
            if settles(tally.counted([verdict] * count, count).possible(name)):
                return count
    return tally.left
