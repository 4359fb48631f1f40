"""The record and the bill of one request, kept while its flow runs.

Every step is written before its wave is yielded and completed after, so that a call that was
cancelled half-way is on the bill as well.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeVar

from automix_core._version import __version__
from automix_core.decision import (
    AlwaysLargest,
    Decision,
    DecisionCallback,
    Status,
    Step,
    Verdict,
    new_id,
    publish,
)
from automix_core.flow import Ask, Failure, Flow, Reply, Result, Usage, Wave

if TYPE_CHECKING:
    from automix_core.arms import Arm, Arms
    from automix_core.evidence import Signal
    from automix_core.load import Load
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
        load: Told of every call that begins and ends; `None` where nobody ever waits.
    """

    def __init__(
        self,
        router: str,
        arms: Arms,
        helpers: Mapping[str, Arm],
        preference: Preference,
        listeners: tuple[DecisionCallback, ...],
        load: Load | None = None,
    ) -> None:
        self._router = router
        self._arms = arms
        self._helpers = helpers
        self._preference = preference
        self._listeners = listeners
        self.load = load
        self._begun = time.monotonic()
        self._asked: list[tuple[Ask, Result | _Pending]] = []
        self._verdicts: list[Verdict] = []
        self.id = new_id()
        self.propensity = 1.0
        self._ended: Decision | None = None

    @property
    def known_cost(self) -> float:
        """US dollars spent so far, as far as they are known."""
        costs = starmap(self._cost, self._asked)
        return sum((cost for cost in costs if cost is not None), 0.0)

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
            results = None
            begun = self.load.begin(wave.asks) if self.load else None
            try:
                results = yield wave
            except BaseException:
                flow.close()
                raise
            finally:
                if self.load and begun:
                    self.load.end(wave.asks, begun, results)
            self._close(first, wave, results)

    def judge(self, arm: str, signal: Signal) -> None:
        """Record what the verifier said of an arm's answer."""
        self._verdicts.append(
            Verdict(
                arm,
                _number(signal.confidence),
                signal.planned,
                signal.asked,
                signal.valid,
                signal.correct,
                {name: _number(value) for name, value in signal.values.items()},
                signal.note,
            )
        )

    def end(self, status: Status, arm: str | None, why: str) -> Decision:
        """Record how the request ended; gives its decision."""
        self._ended = self._decision(status, arm, why)
        return self._ended

    def publish(self, first: Sequence[DecisionCallback] = ()) -> None:
        """Give the decision to every listener; one that fails is logged and harms no answer.

        Args:
            first: Who is told before all others.
        """
        gone = "The caller went away before there was an answer."
        decision = self._ended or self._decision("cancelled", None, gone)
        publish(decision, (*first, *self._listeners))

    def _decision(self, status: Status, arm: str | None, why: str) -> Decision:
        steps = tuple(starmap(self._step, self._asked))
        unpriced, known = 0, 0.0
        for step in steps:
            if step.cost is not None:
                known += step.cost
            elif step.made:
                unpriced += 1
        return Decision.of(
            id=self.id,
            router=self._router,
            version=__version__,
            status=status,
            arm=arm,
            why=why,
            steps=steps,
            verdicts=tuple(self._verdicts),
            preference=self._preference.as_dict(),
            cost=None if unpriced else known,
            known_cost=known,
            unpriced_calls=unpriced,
            cost_basis=self._arms.basis,
            always_largest=self._always_largest(),
            propensity=self.propensity,
            latency=self.elapsed,
            cached=False,
        )

    def _open(self, wave: Wave) -> int:
        """Write the wave's asks down; gives the place of the first."""
        first = len(self._asked)
        self._asked += [(ask, _PENDING) for ask in wave.asks if isinstance(ask, Ask)]
        return first

    def _close(self, first: int, wave: Wave, results: Sequence[Result]) -> None:
        """Complete what was written down with what came back."""
        pairs = zip(wave.asks, results, strict=True)
        self._asked[first:] = [(ask, result) for ask, result in pairs if isinstance(ask, Ask)]

    def _step(self, ask: Ask, result: Result | _Pending) -> Step:
        if isinstance(result, _Pending):
            return Step(ask.to, ask.purpose, ask.samples)
        if not isinstance(result, Reply | Failure):  # a hedge that was never needed
            return Step(ask.to, ask.purpose, ask.samples, "not started")
        failure = result if isinstance(result, Failure) else None
        if failure and failure.kind == "abandoned":
            return Step(ask.to, ask.purpose, ask.samples, latency=failure.latency)
        usage = result.usage
        return Step(
            ask.to,
            ask.purpose,
            ask.samples,
            "failed" if failure else "replied",
            usage.input_tokens if usage else None,
            usage.output_tokens if usage else None,
            recounted=bool(usage and usage.recounted),
            cost=self._cost(ask, result),
            latency=result.latency,
            error=failure.label if failure else None,
        )

    def _cost(self, ask: Ask, result: Result | _Pending) -> float | None:
        """US dollars of a call; for an error status nobody bills."""
        if not isinstance(result, Reply | Failure):
            return None
        if isinstance(result, Failure) and result.refused:
            return 0.0
        return self._priced(ask.to, result.usage)

    def _priced(self, name: str, usage: Usage | None) -> float | None:
        if usage is None:
            return None
        known = name in self._arms.names
        model = self._arms.named(name) if known else self._helpers.get(name)
        return None if model is None or model.price is None else _number(model.price.cost(usage))

    def _always_largest(self) -> AlwaysLargest:
        """What the dearest arm alone would have cost, on its own tokens or another arm's."""
        name = self._arms.dearest.name
        if not self._asked:
            return _unasked(name)
        usages = {
            ask.to: result.usage
            for ask, result in self._asked
            if ask.prompt is None and ask.samples == 1  # an answer to the request itself
            if isinstance(result, Reply | Failure) and result.usage is not None
        }
        own = usages.get(name)
        usage = own or next(iter(usages.values()), None)
        return AlwaysLargest(name, self._priced(name, usage), estimated=own is None)


@lru_cache(maxsize=64)
def _unasked(name: str) -> AlwaysLargest:
    return AlwaysLargest(name, None, estimated=True)


class _Pending:
    """In the place of a result that has not come."""


_PENDING = _Pending()


def _number(value: Any) -> float | None:
    """A plain float, whatever kind of number a user's code gave."""
    return None if value is None else float(value)
