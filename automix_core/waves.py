"""Carrying out one wave: asks and calls side by side, on threads or on tasks.

Errors of a model become a `Failure`; framework control flow and programming errors pass through.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Coroutine, Iterable
from contextvars import copy_context
from functools import cache
from typing import Any

from automix_core.flow import Ask, Call, Failure, Reply, Result, Usage, Value, Wave
from automix_core.ports import AsyncPort, Port

__all__ = ["PROGRAMMING_ERRORS", "arace", "checked", "failure_of", "race"]

PROGRAMMING_ERRORS = (
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    AssertionError,
    NotImplementedError,
)
"""Errors that no other model would cure; they pass through instead of becoming failures."""


def _source(task: Ask | Call) -> str:
    if isinstance(task, Ask):
        return task.to
    return getattr(task.function, "__name__", type(task.function).__name__)


def failure_of(task: Ask | Call, error: Exception, began: float, port: Port | AsyncPort) -> Failure:
    """The failure an exception stands for; raises it where it is no failure of the model.

    An adapter's own error may carry the tokens that were used all the same, as `usage`.
    """
    bug = isinstance(task, Ask) and isinstance(error, PROGRAMMING_ERRORS)
    if bug or port.passes(error):
        raise error
    latency = time.monotonic() - began
    kind: Any = "timeout" if isinstance(error, TimeoutError) else "error"
    usage = getattr(error, "usage", None)
    known = usage if isinstance(usage, Usage) else None
    return Failure(_source(task), kind, error, latency, known)


def checked(result: Reply | Value) -> Result:
    """An empty reply is a failure: there is nothing in it to return or to verify."""
    if isinstance(result, Reply) and not result.usable:
        return Failure(result.source, "empty", latency=result.latency, usage=result.usage)
    return result


def _settle(task: Ask | Call, port: Port) -> Result:
    began = time.monotonic()
    try:
        if isinstance(task, Ask):
            reply = port.ask(task)
            return checked(reply.timed(time.monotonic() - began))
        value = task.function(*task.args)
        return Value(_wait_for(value) if inspect.isawaitable(value) else value)
    except Exception as error:
        return failure_of(task, error, began, port)


async def _asettle(task: Ask | Call, port: AsyncPort) -> Result:
    began = time.monotonic()
    try:
        if isinstance(task, Ask):
            reply = await port.ask(task)
            return checked(reply.timed(time.monotonic() - began))
        if inspect.iscoroutinefunction(task.function):
            return Value(await task.function(*task.args))
        value = await asyncio.to_thread(task.function, *task.args)
        return Value(await value if inspect.isawaitable(value) else value)
    except Exception as error:
        return failure_of(task, error, began, port)


def _over(wave: Wave, results: list[Result]) -> bool:
    return wave.until is not None and wave.until(tuple(results))


def _timeout(task: Ask | Call) -> Failure:
    return Failure(_source(task), "timeout", latency=task.timeout or 0.0)


def _ended(
    wave: Wave, results: list[Result], running: Iterable[int], begun: float
) -> tuple[Result, ...]:
    """The results of a wave. What still runs may yet cost something; the rest never started."""
    elapsed = time.monotonic() - begun
    for index in running:
        task = wave.asks[index]
        latency = max(0.0, elapsed - task.after)
        results[index] = Failure(_source(task), "abandoned", latency=latency)
    return tuple(results)


def race(wave: Wave, port: Port) -> tuple[Result, ...]:
    """Carry a wave out side by side, on daemon threads that hold a copy of the context.

    What runs in a thread cannot be cancelled: after a timeout or an early end it is abandoned.
    """
    tasks = wave.asks
    if len(tasks) == 1 and tasks[0].timeout is None and not tasks[0].after:
        return (_settle(tasks[0], port),)
    results: list[Result] = [None] * len(tasks)
    arrived: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()

    def work(index: int) -> None:
        try:
            arrived.put((index, _settle(tasks[index], port)))
        except BaseException as error:
            arrived.put((index, error))

    begun = time.monotonic()
    waiting = sorted(range(len(tasks)), key=lambda i: tasks[i].after)
    deadlines: dict[int, float] = {}  # of what runs
    while (waiting or deadlines) and not _over(wave, results):
        now = time.monotonic()
        while waiting and (now >= begun + tasks[waiting[0]].after or not deadlines):
            index = waiting.pop(0)
            deadlines[index] = now + (tasks[index].timeout or float("inf"))
            threading.Thread(target=copy_context().run, args=(work, index), daemon=True).start()
        wake = min([*deadlines.values(), *(begun + tasks[i].after for i in waiting[:1])])
        try:
            pause = None if wake == float("inf") else max(0.0, wake - now)
            index, result = arrived.get(timeout=pause)
        except queue.Empty:
            late = [i for i, deadline in deadlines.items() if deadline <= time.monotonic()]
            for index in late:
                del deadlines[index]
                results[index] = _timeout(tasks[index])
            continue
        if isinstance(result, BaseException):
            raise result
        if deadlines.pop(index, None) is not None:
            results[index] = result
    return _ended(wave, results, deadlines, begun)


async def arace(wave: Wave, port: AsyncPort) -> tuple[Result, ...]:
    """Carry a wave out side by side, on tasks; what is left when it ends is cancelled."""
    tasks = wave.asks
    if len(tasks) == 1 and tasks[0].timeout is None and not tasks[0].after:
        return (await _asettle(tasks[0], port),)
    results: list[Result] = [None] * len(tasks)
    begun = time.monotonic()
    waiting = sorted(range(len(tasks)), key=lambda i: tasks[i].after)
    running: dict[asyncio.Task[Result], int] = {}
    try:
        while (waiting or running) and not _over(wave, results):
            now = time.monotonic()
            while waiting and (now >= begun + tasks[waiting[0]].after or not running):
                index = waiting.pop(0)
                running[asyncio.create_task(_within(tasks[index], port))] = index
            pause = max(0.0, begun + tasks[waiting[0]].after - now) if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                results[running.pop(task)] = task.result()
        return _ended(wave, results, running.values(), begun)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _within(task: Ask | Call, port: AsyncPort) -> Result:
    """Settle a task within its own time limit."""
    if task.timeout is None:
        return await _asettle(task, port)
    try:
        async with asyncio.timeout(task.timeout):
            return await _asettle(task, port)
    except TimeoutError:
        return _timeout(task)


# Coroutines met in sync mode run on one loop of their own: `asyncio.run` fails in notebooks.


@cache
def _background_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="automix-coroutines", daemon=True).start()
    return loop


def _wait_for(awaitable: Any) -> Any:
    async def waited() -> Any:
        return await awaitable

    coroutine: Coroutine[Any, Any, Any] = waited()
    return asyncio.run_coroutine_threadsafe(coroutine, _background_loop()).result()
