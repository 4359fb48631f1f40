"""The record and the bill of one request, kept while its flow runs.

Every step is written before its wave is yielded and completed after, so that a call that was
cancelled half-way is on the bill as well.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from automix_core._version import __version__
from automix_core.decision import (
    AlwaysLargest,
    Decision,
    DecisionCallback,
    Status,
    Step,
    Verdict,
    publish,
)
from automix_core.flow import Ask, Failure, Flow, Reply, Result, Usage, Wave

if TYPE_CHECKING:
    from automix_core.arms import Arm, Arms
    from automix_core.evidence import Signal
    from automix_core.request import Preference

__all__ = ["Ledger"]

T = TypeVar("T")


class Ledger:
    """What was done for one request, and what it cost.

    Args:
        router: The router's name.
        arms: Its arms.
        helpers: Models other than the arms, by name.
        preference: The preference in force.
        listeners: Called with the decision when it is published.
    """

    def __init__(
        self,
        router: str,
        arms: Arms,
        helpers: Mapping[str, Arm],
        preference: Preference,
        listeners: Sequence[DecisionCallback],
    ) -> None:
        self._router = router
        self._arms = arms
        self._priced = {**{arm.name: arm for arm in arms}, **helpers}
        self._preference = preference
        self._listeners = tuple(listeners)
        self._begun = time.monotonic()
        self._steps: list[Step] = []
        self._verdicts: list[Verdict] = []
        self._usages: dict[str, Usage] = {}  # of each arm's answer to the request itself
        self.id = uuid.uuid4().hex
        self.propensity = 1.0
        self._ended: Decision | None = None

    @property
    def known_cost(self) -> float:
        """US dollars spent so far, as far as they are known."""
        return sum(step.cost for step in self._steps if step.cost is not None)

    @property
    def elapsed(self) -> float:
        """Seconds since the request came in."""
        return time.monotonic() - self._begun

    def keep(self, flow: Flow[T]) -> Generator[Wave, Sequence[Result], T]:
        """The same flow, with every wave that passes through it recorded."""
        results: Sequence[Result] | None = None
        while True:
            try:
                wave = flow.send(results)  # type: ignore[arg-type]
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            first = self._open(wave)
            try:
                results = yield wave
            except BaseException:
                flow.close()
                raise
            self._close(first, wave, results)

    def judge(self, arm: str, signal: Signal) -> None:
        """Record what the verifier said of an arm's answer."""
        self._verdicts.append(
            Verdict(
                arm=arm,
                confidence=signal.confidence,
                planned=signal.planned,
                asked=signal.asked,
                valid=signal.valid,
                correct=signal.correct,
                values=dict(signal.values),
                note=signal.note,
            )
        )

    def end(self, status: Status, arm: str | None, why: str) -> Decision:
        """Record how the request ended; gives its decision."""
        self._ended = self._decision(status, arm, why)
        return self._ended

    def publish(self) -> None:
        """Give the decision to every listener; one that fails is logged and harms no answer."""
        gone = "The caller went away before there was an answer."
        decision = self._ended or self._decision("cancelled", None, gone)
        publish(decision, self._listeners)

    def _decision(self, status: Status, arm: str | None, why: str) -> Decision:
        unpriced = sum(1 for step in self._steps if step.made and step.cost is None)
        known = self.known_cost
        return Decision(
            id=self.id,
            router=self._router,
            version=__version__,
            status=status,
            arm=arm,
            why=why,
            steps=tuple(self._steps),
            verdicts=tuple(self._verdicts),
            preference=self._preference.as_dict(),
            cost=None if unpriced else known,
            known_cost=known,
            unpriced_calls=unpriced,
            cost_basis=self._arms.basis,
            always_largest=self._always_largest(),
            propensity=self.propensity,
            latency=self.elapsed,
        )

    def _open(self, wave: Wave) -> int:
        """Write the wave's asks down; gives the place of its first step."""
        first = len(self._steps)
        asks = (ask for ask in wave.asks if isinstance(ask, Ask))
        self._steps += [Step(to=a.to, purpose=a.purpose, samples=a.samples) for a in asks]
        return first

    def _close(self, first: int, wave: Wave, results: Sequence[Result]) -> None:
        """Complete the wave's steps with what came back."""
        pairs = zip(wave.asks, results, strict=True)
        asked = [(ask, result) for ask, result in pairs if isinstance(ask, Ask)]
        for place, (ask, result) in enumerate(asked, first):
            self._steps[place] = self._completed(self._steps[place], ask, result)

    def _completed(self, step: Step, ask: Ask, result: Result) -> Step:
        if not isinstance(result, Reply | Failure):  # a hedge that was never needed
            return step.model_copy(update={"outcome": "not started"})
        if isinstance(result, Failure) and result.kind == "abandoned":
            return step.model_copy(update={"latency": result.latency})
        usage = result.usage
        if usage is not None and ask.prompt is None and ask.samples == 1:
            self._usages[ask.to] = usage
        return step.model_copy(
            update={
                "outcome": "failed" if isinstance(result, Failure) else "replied",
                "error": result.label if isinstance(result, Failure) else None,
                "input_tokens": usage and usage.input_tokens,
                "output_tokens": usage and usage.output_tokens,
                "recounted": bool(usage and usage.recounted),
                "cost": self._cost(ask.to, usage) if not _refused(result) else 0.0,
                "latency": result.latency,
            }
        )

    def _cost(self, name: str, usage: Usage | None) -> float | None:
        price = self._priced[name].price if name in self._priced else None
        return None if price is None or usage is None else price.cost(usage)

    def _always_largest(self) -> AlwaysLargest:
        """What the dearest arm alone would have cost, on its own tokens or another arm's."""
        name = self._arms.dearest.name
        own = self._usages.get(name)
        usage = own or next(iter(self._usages.values()), None)
        return AlwaysLargest(arm=name, cost=self._cost(name, usage), estimated=own is None)


def _refused(result: Reply | Failure) -> bool:
    """Whether the server answered with an error status, for which nobody bills."""
    return isinstance(result, Failure) and result.refused
