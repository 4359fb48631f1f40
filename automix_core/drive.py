"""The two drivers: they carry a flow out, one with threads and one with tasks.

A driver decides nothing. It hands waves to a port, which is the adapter's side of one request,
and sends the results back. Both drivers are generators, so that a final answer can stream through
them: they yield the port's own chunks and at last one `Finished`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from automix_core.errors import StreamInterrupted
from automix_core.flow import Ask, Failure, Flow, Reply, Result
from automix_core.ports import AsyncPort, Port
from automix_core.waves import arace, checked, failure_of, race

__all__ = ["Finished", "adrive", "afinish", "drive", "finish"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """The last thing a driver yields: what the flow returned."""

    value: T


def drive(flow: Flow[T], port: Port, *, stream: bool = False) -> Generator[Any, None, None]:
    """Carry a flow out with threads. Yields chunks of a live final answer, then `Finished`.

    Args:
        flow: What to carry out; it is closed in every case.
        port: Where asks go.
        stream: Let a final answer stream as it comes.
    """
    results: tuple[Result, ...] | None = None
    try:
        while True:
            try:
                wave = flow.send(results)  # type: ignore[arg-type]
            except StopIteration as stop:
                yield Finished(stop.value)
                return
            ask = wave.streamable if stream else None
            try:
                results = race(wave, port) if ask is None else (yield from _live(ask, port))
            except Exception as error:
                flow.throw(error)  # so that the record says why; it comes out again
    finally:
        flow.close()


async def adrive(
    flow: Flow[T], port: AsyncPort, *, stream: bool = False
) -> AsyncGenerator[Any, None]:
    """Carry a flow out with tasks. Yields chunks of a live final answer, then `Finished`.

    Close it (`contextlib.aclosing`), so that a caller who goes away ends the flow at once.
    """
    results: tuple[Result, ...] | None = None
    try:
        while True:
            try:
                wave = flow.send(results)  # type: ignore[arg-type]
            except StopIteration as stop:
                yield Finished(stop.value)
                return
            ask = wave.streamable if stream else None
            try:
                if ask is None:
                    results = await arace(wave, port)
                    continue
                async with aclosing(_alive(ask, port)) as items:
                    async for item in items:
                        if isinstance(item, _Settled):
                            results = (item.result,)
                        else:
                            yield item
            except Exception as error:
                flow.throw(error)  # so that the record says why; it comes out again
    finally:
        flow.close()


def finish(flow: Flow[T], port: Port) -> T:
    """Carry a flow out and return what it returns."""
    (finished,) = drive(flow, port)
    return finished.value  # type: ignore[no-any-return]


async def afinish(flow: Flow[T], port: AsyncPort) -> T:
    """Carry a flow out and return what it returns."""
    (finished,) = [item async for item in adrive(flow, port)]
    return finished.value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Settled:
    result: Result


# A live final answer. It may still fail, and be replaced, until its first visible chunk has left.


def _live(ask: Ask, port: Port) -> Generator[Any, None, tuple[Result, ...]]:
    began = time.monotonic()
    held: list[Any] | None = []  # None once a visible chunk has left
    pieces = port.stream(ask)
    try:
        for piece in pieces:
            if isinstance(piece, Reply):
                return (_replied(piece, began, streamed=held is None),)
            if held is None:
                yield piece.chunk
            else:
                held.append(piece.chunk)
                if piece.visible:
                    yield from held
                    held = None
    except Exception as error:
        return (_broken(ask, error, began, port, streamed=held is None),)
    finally:
        if isinstance(pieces, Generator):
            pieces.close()
    return (Failure(ask.to, "empty", latency=time.monotonic() - began),)


async def _alive(ask: Ask, port: AsyncPort) -> AsyncGenerator[Any, None]:
    began = time.monotonic()
    held: list[Any] | None = []  # None once a visible chunk has left
    result: Result = None
    pieces = port.stream(ask)
    try:
        async for piece in pieces:
            if isinstance(piece, Reply):
                result = _replied(piece, began, streamed=held is None)
                break
            if held is None:
                yield piece.chunk
            else:
                held.append(piece.chunk)
                if piece.visible:
                    for chunk in held:
                        yield chunk
                    held = None
    except Exception as error:
        result = _broken(ask, error, began, port, streamed=held is None)
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    yield _Settled(result or Failure(ask.to, "empty", latency=time.monotonic() - began))


def _replied(reply: Reply, began: float, *, streamed: bool) -> Result:
    return checked(reply.timed(time.monotonic() - began, live=streamed))


def _broken(
    ask: Ask, error: Exception, began: float, port: Port | AsyncPort, *, streamed: bool
) -> Failure:
    """What an error in a stream means: a failure before the first visible chunk, the end after."""
    failure = failure_of(ask, error, began, port)
    if streamed:
        msg = f"{ask.to} failed after its answer had begun to stream: {failure.describe()}"
        raise StreamInterrupted(msg) from error
    return failure
