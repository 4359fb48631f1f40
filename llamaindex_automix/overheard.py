"""Overhearing the calls inside a structured prediction, which itself returns an object only.

LlamaIndex announces the end of every real call to its root dispatcher, in the context of the
call. One handler listens there, and keeps a response only where somebody asked for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.event_handlers.base import BaseEventHandler

from automix_core.flow import Usage
from llamaindex_automix.responses import Response, usage_of

__all__ = ["aoverheard", "overheard", "overhearing", "usage_of_all"]

_END = object()

_heard: ContextVar[list[Response] | None] = ContextVar("automix_overheard", default=None)


class _Listener(BaseEventHandler):
    """Keeps responses for whoever is overhearing."""

    @classmethod
    def class_name(cls) -> str:
        return "AutomixListener"

    def handle(self, event: Any, **_kwargs: Any) -> None:
        heard = _heard.get()
        if heard is None or not isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
            return
        if event.response is not None:
            heard.append(event.response)


get_dispatcher().add_event_handler(_Listener())


@contextmanager
def overhearing(heard: list[Response]) -> Iterator[None]:
    """Collect the responses of all real calls in this block."""
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)


def overheard(chunks: Iterable[Any], heard: list[Response]) -> Generator[Any, None, None]:
    """The same stream, with the real calls behind it overheard, and nothing of its reader's."""
    source = iter(chunks)
    try:
        while True:
            with overhearing(heard):
                chunk = next(source, _END)
            if chunk is _END:
                return
            yield chunk
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


async def aoverheard(
    chunks: AsyncIterable[Any], heard: list[Response]
) -> AsyncGenerator[Any, None]:
    """The same stream, with the real calls behind it overheard, and nothing of its reader's."""
    source = aiter(chunks)
    try:
        while True:
            with overhearing(heard):
                chunk = await anext(source, _END)
            if chunk is _END:
                return
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def usage_of_all(responses: list[Response]) -> Usage | None:
    """The tokens of several calls together; `None` where any of them does not say.

    Some models announce one call twice; the server's own object tells.
    """
    calls = {id(r) if r.raw is None else id(r.raw): usage_of(r) for r in responses}
    known = [usage for usage in calls.values() if usage is not None]
    if not known or len(known) < len(calls):
        return None
    return Usage(
        sum(usage.input_tokens for usage in known),
        sum(usage.output_tokens for usage in known),
        sum(usage.cached_tokens for usage in known),
    )
