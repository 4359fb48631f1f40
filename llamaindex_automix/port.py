"""The LlamaIndex side of one request: an `Ask` goes in, an LLM is called, a `Reply` comes out.

Two ports, sync and async, share everything but the call itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any

from llama_index.core.llms import LLM

from automix_core.arms import Arm
from automix_core.errors import AutomixError
from automix_core.flow import Ask, Reply, Usage
from automix_core.ports import Piece
from automix_core.refusals import LOGPROBS, Refusals, refused
from llamaindex_automix.bypass import below
from llamaindex_automix.messages import prompt_messages
from llamaindex_automix.operation import Operation
from llamaindex_automix.options import adjusted, wanted
from llamaindex_automix.overheard import aoverheard, overheard, overhearing, usage_of_all
from llamaindex_automix.responses import Response
from llamaindex_automix.shapes import text_reply
from llamaindex_automix.variables import Variables, using_variables

__all__ = ["AsyncPort", "Port", "UnusableResultError"]

_NO_OBJECT = (TypeError, AssertionError, ValueError)
"""What LlamaIndex raises where a reply holds no object; no programming errors, then."""

_NOTHING = "The reply held no object of the class that was asked for."


class UnusableResultError(AutomixError):
    """A model gave no object of the class that was asked for.

    Attributes:
        usage: Tokens that the attempt took, where they are known.
    """

    def __init__(self, message: str, usage: Usage | None) -> None:
        super().__init__(message)
        self.usage = usage


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
    heard: list[Response] = field(default_factory=list)

    def make(self, prefix: str = "") -> Any:
        with using_variables(self.variables), overhearing(self.heard), below():
            return getattr(self.model, prefix + self.method)(*self.args, **self.kwargs)

    async def amake(self, prefix: str = "a") -> Any:
        with using_variables(self.variables), overhearing(self.heard), below():
            return await getattr(self.model, prefix + self.method)(*self.args, **self.kwargs)


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
        structured = self._structured(ask)
        named = wanted(ask, arm, streaming=streaming)
        if structured:  # the model makes requests of its own, and may be asked for the bill only
            named = {name: v for name, v in named.items() if name == "stream_options"}
        asked = frozenset() if own else LOGPROBS & self._operation.kwargs.keys()
        kept = {name: v for name, v in named.items() if name not in without | asked}
        adapted, added = adjusted(arm, kept, own=own)
        if ask.prompt is not None:
            args: tuple[Any, ...] = (prompt_messages(ask.prompt),)
            return _Call(adapted, "chat", args, added, added, without, None)
        args, given = self._operation.arguments()
        kwargs = {name: value for name, value in given.items() if name not in kept}
        if structured:
            kwargs["llm_kwargs"] = added | kwargs["llm_kwargs"]
        else:
            kwargs |= added
        adapted = self._operation.on(adapted)
        method = self._operation.method
        return _Call(adapted, method, args, kwargs, added, without, self._variables)

    def _structured(self, ask: Ask) -> bool:
        return ask.prompt is None and self._operation.structured

    def _again(self, ask: Ask, call: _Call, error: Exception, *, streaming: bool = False) -> _Call:
        """The same call without the options of the router's that were refused.

        Raises:
            UnusableResultError: The error says that no object came.
            Exception: The error itself, where it refuses nothing of the router's.
        """
        dropped = refused(error, call.added)
        if dropped:
            return self._prepare(ask, streaming=streaming, without=call.without | dropped)
        if self._structured(ask) and isinstance(error, _NO_OBJECT) and not self.passes(error):
            raise UnusableResultError(str(error), usage_of_all(call.heard)) from error
        raise error

    def _reply(self, ask: Ask, call: _Call, result: Any) -> Reply:
        self._refusals.note(ask.to, call.without)
        if ask.prompt is not None:
            return text_reply(ask.to, result)
        reply = self._operation.shape.reply(ask.to, result)
        if reply.usage is None:  # as an object has none of its own
            reply = replace(reply, usage=usage_of_all(call.heard))
        if "logprobs" in call.added:  # the router wanted them, and the caller did not
            return replace(reply, message=result.model_copy(update={"logprobs": None}))
        return reply


class Port(_Port):
    """The sync port."""

    def ask(self, ask: Ask) -> Reply:
        """Call the model; again without what was refused."""
        call = self._prepare(ask)
        while True:
            try:
                return self._reply(ask, call, call.make())
            except Exception as error:
                call = self._again(ask, call, error)

    def stream(self, ask: Ask) -> Iterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        call = self._prepare(ask, streaming=True)
        begun = False
        while True:
            try:
                with closing(self._streamed(ask, call)) as pieces:
                    for piece in pieces:
                        begun = True
                        yield piece
            except Exception as error:
                if begun:
                    raise
                call = self._again(ask, call, error, streaming=True)
            else:
                return

    def _streamed(self, ask: Ask, call: _Call) -> Generator[Piece | Reply, None, None]:
        shape, so_far = self._operation.shape, None
        with closing(overheard(call.make("stream_"), call.heard)) as chunks:
            for chunk in chunks:
                yield Piece(*shape.shown(so_far, chunk))
                so_far = shape.merge(so_far, chunk)
        if so_far is not None:
            yield self._reply(ask, call, so_far)
        elif self._structured(ask):
            raise UnusableResultError(_NOTHING, usage_of_all(call.heard))


class AsyncPort(_Port):
    """The async port."""

    async def ask(self, ask: Ask) -> Reply:
        """Call the model; again without what was refused."""
        call = self._prepare(ask)
        while True:
            try:
                return self._reply(ask, call, await call.amake())
            except Exception as error:
                call = self._again(ask, call, error)

    async def stream(self, ask: Ask) -> AsyncIterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        call = self._prepare(ask, streaming=True)
        begun = False
        while True:
            try:
                async with aclosing(self._streamed(ask, call)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except Exception as error:
                if begun:
                    raise
                call = self._again(ask, call, error, streaming=True)
            else:
                return

    async def _streamed(self, ask: Ask, call: _Call) -> AsyncGenerator[Piece | Reply, None]:
        shape, so_far = self._operation.shape, None
        async with aclosing(aoverheard(await call.amake("astream_"), call.heard)) as chunks:
            async for chunk in chunks:
                yield Piece(*shape.shown(so_far, chunk))
                so_far = shape.merge(so_far, chunk)
        if so_far is not None:
            yield self._reply(ask, call, so_far)
        elif self._structured(ask):
            raise UnusableResultError(_NOTHING, usage_of_all(call.heard))
