"""Making the calls of a collection: each one once, in good time, and within the money there is.

A `Calls` is a port. It hands an ask to the adapter's port, unless the journal holds the reply
already. What all of them share, the `Exchange`, keeps the number of calls in flight, their rate,
the retries and the spending cap.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from automix_core.collect.journal import Journal, Key
from automix_core.errors import AutomixError, ConfigurationError
from automix_core.flow import Ask, Failure, Reply, Usage
from automix_core.waves import PROGRAMMING_ERRORS, failure_of

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.ports import AsyncPort, Piece

__all__ = ["Calls", "Exchange", "Limits", "Stopped"]

TRANSIENT = {408, 409, 425, 429}
"""Error statuses below 500 that may go away by themselves."""

GIVE_UP = 10
"""After so many failures in a row, a model is asked no more in this run."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  # seconds


class Stopped(Exception):
    """No further call is made in this run; what was not asked is left for the next one."""


class ModelGivenUp(Exception):
    """A model has failed too often."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast and how far a collection goes.

    Attributes:
        concurrency: Most calls in flight.
        requests_per_minute: Most calls in a minute, of all models together.
        by_model: The same for single models, by arm.
        retries: How often a failed call is made again.
        timeout: Seconds after which a call has failed.
        max_cost: Most US dollars to spend, what earlier runs spent included.
    """

    concurrency: int = 8
    requests_per_minute: float | None = None
    by_model: Mapping[str, float] = field(default_factory=dict)
    retries: int = 5
    timeout: float = 120.0
    max_cost: float | None = None


class Exchange:
    """What all calls of a run share. Belongs to one event loop.

    Args:
        journal: Where replies are written down.
        arms: The arms by name, with their prices.
        limits: How fast and how far to go.

    Attributes:
        spent: US dollars, what earlier runs spent included.
        made: Calls of this run that were answered.
        closed: Why no further work is begun: `interrupted`, `max_cost`, `error`, or empty.
    """

    def __init__(self, journal: Journal, arms: Mapping[str, Arm], limits: Limits) -> None:
        self.journal = journal
        self.limits = limits
        self.made = 0
        self.closed = ""
        self._arms = arms
        self._gate = asyncio.Semaphore(limits.concurrency)
        self._paces = {name: _Pace(limits.by_model.get(name)) for name in arms}
        self._pace = _Pace(limits.requests_per_minute)
        self._halted = asyncio.Event()
        self._reserved: dict[tuple[str, str], float] = {}
        self._row_of_failures: Counter[str] = Counter()
        known = [(key.arm, reply.usage) for key, reply in journal.replies.items()]
        self.spent = sum(self._cost(arm, usage) for arm, usage in [*known, *journal.lost])

    def halt(self, why: str) -> None:
        """Make no further call; those in flight come to their end."""
        self.closed = self.closed or why
        self._halted.set()

    def reserve(self, pair: tuple[str, str], expected: float) -> None:
        """Set money aside for a question and an arm, before the first call is made for them.

        Raises:
            Stopped: The spending cap does not cover it, or nothing more is to be asked.
        """
        if pair in self._reserved:
            return
        cap = self.limits.max_cost
        if cap is not None and self.spent + sum(self._reserved.values()) + expected > cap:
            self.closed = self.closed or "max_cost"
        if self.closed:
            raise Stopped
        self._reserved[pair] = expected

    def release(self, pair: tuple[str, str]) -> None:
        """Free what was set aside and not spent."""
        self._reserved.pop(pair, None)

    async def call(self, port: AsyncPort, ask: Ask, key: Key) -> Reply:
        """Make a call, and again after an error that may go away.

        Raises:
            Stopped: No further call is to be made.
            AutomixError: Calls of this kind cannot be made, or what comes of them not be kept.
            Exception: What the model raised in the end.
        """
        for attempt in range(self.limits.retries + 1):
            try:
                reply = await self._once(port, ask, key)
            except (Stopped, ModelGivenUp, AutomixError):
                raise
            except Exception as error:
                failure = failure_of(ask, error, time.monotonic(), port)
                if ask.samples > 1 and failure.refused and not _transient(error):
                    self.journal.refuses_samples(ask.to)
                    raise
                if attempt == self.limits.retries or not _transient(error):
                    self._row_of_failures[ask.to] += 1
                    self.journal.fail(key, failure.label, failure.usage)
                    raise
                await self._pause(_backoff(attempt, error))
            else:
                self._row_of_failures[ask.to] = 0
                return reply
        raise AssertionError  # the last attempt returns or raises

    async def _once(self, port: AsyncPort, ask: Ask, key: Key) -> Reply:
        await self._pause(max(self._pace.wait(), self._paces[ask.to].wait()))
        async with self._gate:
            self._may_call(ask.to)
            began = time.monotonic()
            try:
                async with asyncio.timeout(self.limits.timeout):
                    reply = await port.ask(ask)
            except PROGRAMMING_ERRORS as error:  # such as an option that the client does not know
                msg = f"{ask.to}: the call cannot be made: {type(error).__name__}: {error}"
                raise ConfigurationError(msg) from error
            reply = replace(reply, latency=time.monotonic() - began, message=None)
            self.journal.add(key, reply)
            self.made += 1
            self.spent += self._cost(ask.to, reply.usage)
            return reply

    def _may_call(self, arm: str) -> None:
        """Check, right before a call, that nothing has come up against it."""
        if self._row_of_failures[arm] >= GIVE_UP:
            msg = f"not asked, after {GIVE_UP} failures in a row"
            raise ModelGivenUp(msg)
        if self.limits.max_cost is not None and self.spent >= self.limits.max_cost:
            self.closed = self.closed or "max_cost"
            raise Stopped
        if self._halted.is_set():
            raise Stopped

    async def _pause(self, seconds: float) -> None:
        """Wait, unless the run is halted."""
        if seconds > 0 and not self._halted.is_set():
            try:
                await asyncio.wait_for(self._halted.wait(), seconds)
            except TimeoutError:
                return
        if self._halted.is_set():
            raise Stopped

    def _cost(self, name: str, usage: Usage | None) -> float:
        price = self._arms[name].price if name in self._arms else None
        return 0.0 if price is None or usage is None else price.cost(usage) or 0.0


class Calls:
    """The port of one stage: the answer of one arm to one question, or one verification of it.

    Args:
        exchange: What all calls share.
        port: The adapter's port.
        pair: The question's id and the arm's name.
        stage: `answer`, or the name of a verifier.
        expected: US dollars to set aside before the first call.

    Attributes:
        replies: What came back, recorded or new.
        failures: What failed for good.
        fresh: Whether any call was made, rather than read from the journal.
    """

    def __init__(
        self,
        exchange: Exchange,
        port: AsyncPort,
        pair: tuple[str, str],
        stage: str,
        expected: float,
    ) -> None:
        self.replies: list[Reply] = []
        self.failures: list[Failure] = []
        self.fresh = False
        self._exchange = exchange
        self._port = port
        self._pair = pair
        self._stage = stage
        self._expected = expected
        self._count: Counter[int] = Counter()

    async def ask(self, ask: Ask) -> Reply:
        """The reply from the journal, or from the model."""
        number = self._count[ask.samples]
        self._count[ask.samples] += 1
        key = Key(*self._pair, self._stage, ask.samples, number)
        reply = self._exchange.journal.replies.get(key)
        if reply is None:
            if not self.fresh:
                self._exchange.reserve(self._pair, self._expected)
                self.fresh = True
            reply = await self._made(ask, key)
        self.replies.append(reply)
        return reply

    async def _made(self, ask: Ask, key: Key) -> Reply:
        began = time.monotonic()
        try:
            return await self._exchange.call(self._port, ask, key)
        except Exception as error:
            if not self.passes(error):
                failure = failure_of(ask, error, began, self._port)
                if ask.samples == 1 or not failure.refused:
                    self.failures.append(failure)
            raise

    def stream(self, ask: Ask) -> AsyncIterator[Piece | Reply]:
        """Nothing streams here."""
        raise NotImplementedError

    def passes(self, error: Exception) -> bool:
        """Whether an error is no failure of a model."""
        return isinstance(error, Stopped | AutomixError) or self._port.passes(error)


@dataclass
class _Pace:
    """Spaces calls evenly."""

    per_minute: float | None
    free: float = 0.0  # when the next call may be made

    def wait(self) -> float:
        """Seconds to wait before the next call; it takes its place in the queue."""
        if self.per_minute is None:
            return 0.0
        now = time.monotonic()
        start = max(now, self.free)
        self.free = start + 60 / self.per_minute
        return start - now


def _transient(error: Exception) -> bool:
    """Whether the same call may succeed later: no refusal, but trouble on the way."""
    status = getattr(error, "status_code", None)
    return not isinstance(status, int) or status in TRANSIENT or status >= 500


def _backoff(attempt: int, error: Exception) -> float:
    """Seconds before the next attempt: what the server says, else longer each time."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        told = float(headers.get("retry-after", ""))
    except ValueError:
        told = _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return min(max(0.0, told), _LONGEST_PAUSE)
