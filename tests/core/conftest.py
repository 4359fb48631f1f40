"""A scripted port: one function plays every model. And two ways to carry a flow out.

A script takes an `Ask` and gives a `Reply`, a text, an exception to raise, or a list of pieces,
texts and exceptions for a stream.
"""

import asyncio
import math
import time
from collections.abc import Generator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import pytest
from hypothesis import settings

from automix_core import Capabilities, Price, Router
from automix_core.arms import Described
from automix_core.drive import Finished, adrive, drive
from automix_core.evidence import Answer
from automix_core.flow import Ask, Reply, Token, Usage, Wave
from automix_core.ports import Piece
from automix_core.waves import race

# Machines that run tests are slow at times, and a test that fails must fail again.
settings.register_profile("core", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("core")

USAGE = Usage(1000, 10)
PRICES = {"small": Price(1, 1), "middle": Price(4, 4), "large": Price(10, 10)}
RIGHT = "It is what the context says.\nVerdict: correct"
WRONG = "The context says something else.\nVerdict: incorrect"


def pytest_collection_modifyitems(items):
    """Forests are grown by scikit-learn, which not every environment of the tests has."""
    if find_spec("sklearn") is None:
        for item in items:
            if "forest" in item.name:
                item.add_marker(pytest.mark.skip(reason="needs the extra `learn`"))


class Pause(Exception):
    """Control flow of the framework: it is no failure of any model."""


@dataclass(eq=False)
class Model:
    """What stands for a framework's model: a name, and what it can do."""

    name: str
    can: dict = field(default_factory=dict)


def describe(model):
    return Described(model.name, None, Capabilities(**model.can))


def says(text, *, confidence=None, source="", usage=USAGE, **more):
    """A reply, whose token log-probabilities multiply up to a confidence if one is given."""
    tokens = None if confidence is None else (Token(text, math.log(confidence)),)
    return Reply(source, (text,), logprobs=tokens, usage=usage, **more)


def bound(router, *names, prices=None, **can):
    """A router over models of these names, which can all do the same."""
    names = names or ("small", "large")
    priced = {name: PRICES[name] for name in names} if prices is None else prices
    return router.bind([Model(name, can) for name in names], describe=describe, prices=priced)


def cascade(*names, prices=None, **parameters):
    """The default router over arms that return log-probabilities."""
    return bound(Router.preset("cascade", **parameters), *names, prices=prices, logprobs=True)


@dataclass(frozen=True)
class Late:
    """In a script's list: a pause before what follows."""

    seconds: float


class ScriptedPort:
    """The sync port of one request, played by a script. It keeps every ask."""

    def __init__(self, script):
        self.script = script
        self.asks = []
        self.closed = 0

    def ask(self, ask):
        *_, reply = self.stream(ask)
        return reply

    def stream(self, ask):
        try:
            for item in self._items(ask):
                if isinstance(item, Late):
                    time.sleep(item.seconds)
                else:
                    yield item
        finally:
            self.closed += 1

    def passes(self, error):
        return isinstance(error, Pause)

    def _items(self, ask):
        self.asks.append(ask)
        played = self.script(ask)
        whole = not isinstance(played, list)
        for item in [played] if whole else played:
            if isinstance(item, BaseException):
                raise item
            reply = says(item) if isinstance(item, str) else item
            if isinstance(reply, Reply):
                reply = replace(reply, source=ask.to)
            if whole:
                yield from (Piece(word, visible=True) for word in reply.text.split())
            yield reply


class AsyncScriptedPort(ScriptedPort):
    """The async port; every item lets other tasks run first."""

    async def ask(self, ask):
        return [item async for item in self.stream(ask)][-1]

    async def stream(self, ask):
        try:
            for item in self._items(ask):
                await asyncio.sleep(item.seconds if isinstance(item, Late) else 0)
                if not isinstance(item, Late):
                    yield item
        finally:
            self.closed += 1


@dataclass
class Played:
    """What came of a flow: its value, the chunks that were streamed, and the asks in order."""

    value: object
    chunks: list
    asks: list


def watched(flow, asks):
    """The same flow; what it asks for is noted in its own order, whichever thread comes first."""
    results = None
    try:
        while True:
            try:
                wave = flow.send(results)
            except StopIteration as stop:
                return stop.value
            asks.extend(wave.asks)
            results = yield wave
    except Exception as error:
        return flow.throw(error)
    finally:
        flow.close()


class Sync:
    """Carries flows out with threads."""

    Port = ScriptedPort

    def __call__(self, flow, script, *, stream=False, asks=None):
        port = self.Port(script)
        asks = [] if asks is None else asks
        *chunks, last = self._driven(watched(flow, asks), port, stream)
        assert isinstance(last, Finished)
        return Played(last.value, chunks, asks)

    def _driven(self, flow, port, stream):
        return list(drive(flow, port, stream=stream))


class Async(Sync):
    """Carries flows out with tasks."""

    Port = AsyncScriptedPort

    def _driven(self, flow, port, stream):
        async def drained():
            async with aclosing(adrive(flow, port, stream=stream)) as items:
                return [item async for item in items]

        return asyncio.run(drained())


@pytest.fixture(params=[Sync(), Async()], ids=["sync", "async"])
def play(request):
    """`play(flow, script)` carries a flow out; every test with it runs sync and async."""
    return request.param


def verify(play, verifier, request, answer, arm, script, settles=lambda signals: False):
    """Have a verifier judge an answer; gives its signal and its asks."""
    reply = answer if isinstance(answer, Reply) else says(answer, source=arm.name)
    flow = verifier.verify(request, Answer(arm.name, reply), arm, settles)
    assert isinstance(flow, Generator)
    played = play(flow, script)
    return played.value, [ask for ask in played.asks if isinstance(ask, Ask)]


def stepped(flow, script):
    """Carry a flow out without threads or tasks, in order; gives its value and its waves."""
    waves, results = [], None
    while True:
        try:
            wave = flow.send(results)
        except StopIteration as stop:
            return stop.value, waves
        waves.append(wave.asks)
        port = ScriptedPort(script)
        results = [race(Wave((ask,)), port)[0] for ask in wave.asks]
