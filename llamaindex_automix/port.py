"""The LlamaIndex side of one request: an `Ask` goes in, an LLM is called, a `Reply` comes out.

Two ports, sync and async, share everything but the call itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from typing import Any

from llama_index.core.llms import LLM

from automix_core.arms import Arm
from automix_core.errors import AutomixError
from automix_core.flow import Ask, Reply
from automix_core.ports import Piece
from automix_core.refusals import LOGPROBS, Refusals, refused
from llamaindex_automix.messages import prompt_messages
from llamaindex_automix.operation import Operation
from llamaindex_automix.options import adjusted, wanted
from llamaindex_automix.overheard import overhearing, usage_of_all
from llamaindex_automix.responses import Response
from llamaindex_automix.shapes import text_reply
from llamaindex_automix.variables import Variables, using_variables

__all__ = ["AsyncPort", "Port", "UnusableResultError"]


class UnusableResultError(AutomixError):
    """A model gave no object of the class that was asked for."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call ready to be made: on what, with what, and which keywords the router added."""

    model: LLM
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    added: Mapping[str, Any]
    without: frozenset[str]
    variables: Variables | None

    def make(self, prefix: str = "") -> Any:
        return getattr(self.model, prefix + self.method)(*self.args, **self.kwargs)


class _Port:
    """What both ports share.

    Args:
        arms: Arms and helpers by name.
        operation: What the caller asked for.
        refusals: What models have refused so far.
        variables: The template variables of the call, for arms that route themselves.
    """

    def __init__(
        self,
        arms: Mapping[str, Arm],
        operation: Operation,
        refusals: Refusals,
        variables: Variables | None,
    ) -> None:
        self._arms = arms
        self._operation = operation
        self._refusals = refusals
        self._variables = variables

    def passes(self, error: Exception) -> bool:
        """A workflow that waits for an event says so with an exception; no model has failed."""
        return any(
            kind.__name__ == "WaitingForEvent" and kind.__module__.startswith("workflows")
            for kind in type(error).__mro__
        )

    def _prepare(
        self, ask: Ask, *, streaming: bool = False, without: frozenset[str] = frozenset()
    ) -> _Call:
        arm = self._arms[ask.to]
        without |= self._refusals.of(ask.to)
        own = ask.prompt is not None
        named = {} if self._structured(ask) else wanted(ask, arm, streaming=streaming)
        asked = frozenset() if own else LOGPROBS & self._operation.kwargs.keys()
        kept = {name: v for name, v in named.items() if name not in without | asked}
        adapted, added = adjusted(arm, kept, own=own)
        if ask.prompt is not None:
            args: tuple[Any, ...] = (prompt_messages(ask.prompt),)
            return _Call(adapted, "chat", args, added, added, without, None)
        args, given = self._operation.arguments()
        kwargs = {name: value for name, value in given.items() if name not in kept} | added
        adapted = self._operation.on(adapted)
        method = self._operation.method
        return _Call(adapted, method, args, kwargs, added, without, self._variables)

    def _structured(self, ask: Ask) -> bool:
        return ask.prompt is None and self._operation.structured

    def _again(
        self, ask: Ask, call: _Call, error: Exception, *, streaming: bool = False
    ) -> _Call | None:
        """The same call without the options of the router's that were refused, if any were.

        Raises:
            UnusableResultError: The error says that no object came.
        """
        if self._structured(ask):
            if isinstance(error, TypeError | AssertionError):  # no programming error, then
                raise UnusableResultError(str(error)) from error
            return None
        dropped = refused(error, call.added)
        if not dropped:
            return None
        return self._prepare(ask, streaming=streaming, without=call.without | dropped)

    def _reply(self, ask: Ask, call: _Call, result: Any) -> Reply:
        self._refusals.note(ask.to, call.without)
        if ask.prompt is not None:
            return text_reply(ask.to, result)
        reply = self._operation.shape.reply(ask.to, result)
        if "logprobs" in call.added:  # the router wanted them, and the caller did not
            return replace(reply, message=result.model_copy(update={"logprobs": None}))
        return reply


class Port(_Port):
    """The sync port."""

    def ask(self, ask: Ask) -> Reply:
        """Call the model; once more without what was refused."""
        call = self._prepare(ask)
        try:
            with overhearing() as responses:
                result = _made(call)
            return _heard(self._reply(ask, call, result), responses)
        except Exception as error:
            again = self._again(ask, call, error)
            if again is None:
                raise
            return self._reply(ask, again, _made(again))

    def stream(self, ask: Ask) -> Iterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        call = self._prepare(ask, streaming=True)
        begun = False
        try:
            with closing(self._streamed(ask, call)) as pieces:
                for piece in pieces:
                    begun = True
                    yield piece
        except Exception as error:
            again = None if begun else self._again(ask, call, error, streaming=True)
            if again is None:
                raise
            yield from self._streamed(ask, again)

    def _streamed(self, ask: Ask, call: _Call) -> Generator[Piece | Reply, None, None]:
        shape, so_far = self._operation.shape, None
        chunks = _made(call, "stream_")
        try:
            for chunk in chunks:
                yield Piece(*shape.shown(so_far, chunk))
                so_far = shape.merge(so_far, chunk)
        finally:
            if isinstance(chunks, Generator):
                chunks.close()
        if so_far is not None:
            yield self._reply(ask, call, so_far)


class AsyncPort(_Port):
    """The async port."""

    async def ask(self, ask: Ask) -> Reply:
        """Call the model; once more without what was refused."""
        call = self._prepare(ask)
        try:
            with overhearing() as responses:
                result = await _amade(call, "a")
            return _heard(self._reply(ask, call, result), responses)
        except Exception as error:
            again = self._again(ask, call, error)
            if again is None:
                raise
            return self._reply(ask, again, await _amade(again, "a"))

    async def stream(self, ask: Ask) -> AsyncIterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        call = self._prepare(ask, streaming=True)
        begun = False
        try:
            async with aclosing(self._streamed(ask, call)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
        except Exception as error:
            again = None if begun else self._again(ask, call, error, streaming=True)
            if again is None:
                raise
            async with aclosing(self._streamed(ask, again)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _streamed(self, ask: Ask, call: _Call) -> AsyncGenerator[Piece | Reply, None]:
        shape, so_far = self._operation.shape, None
        chunks = await _amade(call, "astream_")
        try:
            async for chunk in chunks:
                yield Piece(*shape.shown(so_far, chunk))
                so_far = shape.merge(so_far, chunk)
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        if so_far is not None:
            yield self._reply(ask, call, so_far)


def _made(call: _Call, prefix: str = "") -> Any:
    with using_variables(call.variables):
        return call.make(prefix)


async def _amade(call: _Call, prefix: str) -> Any:
    with using_variables(call.variables):
        return await call.make(prefix)


def _heard(reply: Reply, responses: list[Response]) -> Reply:
    """A reply without usage of its own, with that of the calls behind it."""
    return reply if reply.usage else replace(reply, usage=usage_of_all(responses))
