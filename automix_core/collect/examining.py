"""One arm at one question: its answer, what the verifiers say of it, and what all of it cost.

The flows are the core's own and the calls go through the adapter's port, so a signal collected
here is the signal that a router will see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from automix_core.arms import Arm
from automix_core.collect.calling import Calls, Exchange, Stopped
from automix_core.collect.models import OpenModels
from automix_core.collect.questions import Question
from automix_core.drive import afinish
from automix_core.errors import ConfigurationError
from automix_core.evidence import Answer, Signal
from automix_core.flow import Ask, Failure, Flow, Reply, Result, SampleOptions, Usage, Wave
from automix_core.parts import Verifier
from automix_core.text import rough_tokens

__all__ = ["Bill", "Check", "Examined", "Examiner"]

T = TypeVar("T")

ASSUMED_OUTPUT = 100
"""Tokens that an answer is taken to have before any was seen."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What one stage took.

    Attributes:
        cost: US dollars, or relative units.
        latency: Seconds, one wave of calls after another.
        usage: Tokens, `None` where no call reported any.
    """

    cost: float
    latency: float
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a verifier said, and what that took."""

    signal: Signal
    bill: Bill


@dataclass
class Examined:
    """What is known about one arm at one question.

    Attributes:
        answer: The answer; `None` where the arm failed. An empty answer is an answer.
        bill: What the answer took.
        checks: What each verifier said, by its name.
        failures: What failed for good, by stage.
        fresh: Whether any call was made, rather than read from the journal.
        whole: Whether the answer and every verification of it were had.
    """

    answer: str | None = None
    bill: Bill | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    fresh: bool = False
    whole: bool = False


class Examiner:
    """Examines arms at questions.

    Args:
        models: The opened models.
        exchange: Makes the calls.
        verifiers: What looks at each answer.
        instruction: The system message; `None` for one that fits the question.
        logprobs: Ask for the log-probabilities of the answer, where the arm returns them.
        unchecked: The arm whose answers only free verifiers look at, if any.
    """

    def __init__(
        self,
        models: OpenModels,
        exchange: Exchange,
        verifiers: Sequence[Verifier],
        instruction: str | None,
        *,
        logprobs: bool,
        unchecked: str | None,
    ) -> None:
        self._models = models
        self._exchange = exchange
        self._verifiers = verifiers
        self._instruction = instruction
        self._logprobs = logprobs
        self._unchecked = unchecked
        self._dearest: dict[str, float] = {}  # what an arm has cost at one question, at most
        # Under a spending cap an arm goes alone until it is known what it costs.
        self._scouts: dict[str, asyncio.Lock] = {}

    async def examine(self, question: Question, arm: Arm) -> Examined:
        """Have an arm answer a question, and the answer verified.

        Raises:
            Stopped: The run ended before there was an answer.
            ConfigurationError: The server does not say what the answer took.
        """
        if self._exchange.limits.max_cost is not None:
            async with self._scouts.setdefault(arm.name, asyncio.Lock()):
                if arm.name not in self._dearest:
                    return await self._within_means(question, arm)
        return await self._within_means(question, arm)

    async def _within_means(self, question: Question, arm: Arm) -> Examined:
        """Examine, and remember what it took."""
        try:
            found = await self._examined(question, arm)
        finally:
            self._exchange.release((question.id, arm.name))
        if found.bill is not None:
            cost = found.bill.cost + sum(check.bill.cost for check in found.checks.values())
            self._dearest[arm.name] = max(cost, self._dearest.get(arm.name, 0.0))
        return found

    async def _examined(self, question: Question, arm: Arm) -> Examined:
        found = Examined()
        logprobs = self._logprobs and arm.can.logprobs
        options = SampleOptions(logprobs=logprobs, top_logprobs=int(logprobs))
        result, calls, latency = await self._stage(question, arm, "answer", _answered(arm, options))
        found.fresh = calls.fresh
        if calls.failures:
            found.failures["answer"] = calls.failures[-1]
            return found
        found.bill = _bill(arm, calls, latency, 1.0)
        found.answer = calls.replies[-1].text
        if isinstance(result, Reply):  # else it is empty, which nobody has to verify
            await self._verify(question, arm, Answer(arm.name, result), found)
        else:
            found.whole = True
        return found

    async def _verify(self, question: Question, arm: Arm, answer: Answer, found: Examined) -> None:
        """Have every verifier look at an answer, unless the run is stopped before."""
        for verifier in self._verifiers_of(arm):
            # What an arm can do is known better as the run goes on.
            able = self._able(arm)
            flow = verifier.verify(question.request, answer, able, _never)
            try:
                signal, calls, latency = await self._stage(question, arm, verifier.name, flow)
            except Stopped:
                return
            found.fresh = found.fresh or calls.fresh
            if calls.failures:
                found.failures[verifier.name] = calls.failures[-1]
            else:
                bill = _bill(arm, calls, latency, verifier.relative_cost(arm))
                found.checks[verifier.name] = Check(signal, bill)
        found.whole = not found.failures

    async def _stage(
        self, question: Question, arm: Arm, stage: str, flow: Flow[T]
    ) -> tuple[T, Calls, float]:
        """Carry a flow out; gives what it returns, its calls and their seconds."""
        port = self._models.port(question.prompt(self._instruction))
        expected = self._expected(question, arm)
        calls = Calls(self._exchange, port, (question.id, arm.name), stage, expected)
        timed = _Timed(calls)
        value = await afinish(timed.keep(flow), calls)
        return value, calls, timed.seconds

    def _verifiers_of(self, arm: Arm) -> list[Verifier]:
        every = arm.name != self._unchecked
        return [v for v in self._verifiers if every or v.relative_cost(arm) == 0]

    def _able(self, arm: Arm) -> Arm:
        """The arm, less the ability to draw several replies in one call if it has refused to."""
        if arm.can.samples and arm.name in self._exchange.journal.single:
            return replace(arm, capabilities=replace(arm.can, samples=False))
        return arm

    def _expected(self, question: Question, arm: Arm) -> float:
        """US dollars that this may cost: the most seen so far, else a guess from its length."""
        if arm.name in self._dearest:
            return self._dearest[arm.name]
        if arm.price is None:
            return 0.0
        prompt = "".join(turn.text for turn in question.prompt(self._instruction))
        answer = arm.price.cost(Usage(rough_tokens(prompt), ASSUMED_OUTPUT)) or 0.0
        return answer * (1 + sum(v.relative_cost(arm) for v in self._verifiers_of(arm)))


class _Timed:
    """Adds up how long the waves of a flow took, by the clocks of their calls.

    The calls of one wave are side by side, however long a limit made them wait for each other.
    """

    def __init__(self, calls: Calls) -> None:
        self.seconds = 0.0
        self._calls = calls

    def keep(self, flow: Flow[T]) -> Flow[T]:
        """The same flow."""
        results: Sequence[Result] | None = None
        while True:
            try:
                wave = flow.send(results)  # type: ignore[arg-type]
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            before = len(self._calls.replies)
            results = yield wave
            new = self._calls.replies[before:]
            self.seconds += max((reply.latency for reply in new), default=0.0)


def _answered(arm: Arm, options: SampleOptions) -> Flow[Result]:
    (result,) = yield Wave((Ask(arm.name, "draft", options=options),))
    return result


def _never(_signals: Sequence[Signal]) -> bool:
    """A signal that is to be learned from is never cut short."""
    return False


def _bill(arm: Arm, calls: Calls, latency: float, relative: float) -> Bill:
    """What the calls of a stage cost.

    Args:
        arm: Who was asked.
        calls: The calls.
        latency: Their seconds.
        relative: Their cost in units of one answer, for arms with a relative cost only.
    """
    usages = [reply.usage for reply in calls.replies]
    known = [usage for usage in usages if usage is not None]
    total = Usage(
        sum(usage.input_tokens for usage in known), sum(usage.output_tokens for usage in known)
    )
    usage = total if known else None
    if arm.price is None:
        return Bill((arm.relative_cost or 0.0) * relative if usages else 0.0, latency, usage)
    if len(known) < len(usages):
        msg = (
            f"{arm.name}: the server does not say how many tokens a call took, so its price does "
            "not tell its cost. Give every model a relative_cost instead of a price; what was "
            "answered is kept."
        )
        raise ConfigurationError(msg)
    return Bill(sum(arm.price.cost(u) or 0.0 for u in known), latency, usage)
