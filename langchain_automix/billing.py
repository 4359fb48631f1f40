"""Putting the bill on what leaves: every call's tokens, once, and after the handlers have looked.

The inner runs have reported their own usage by then. If the router's run reported the sum as well,
every token would be counted twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Literal

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import LLMResult

from automix_core.decision import Decision
from automix_core.errors import ConfigurationError
from langchain_automix.messages import ROUTING, bill
from langchain_automix.tracing import Caller, calling

__all__ = ["Counted", "astreamed_with_bill", "routing_decision", "streamed_with_bill", "with_bill"]

Counted = Literal["total", "answer"]

_END: Any = object()


def routing_decision(message: BaseMessage) -> Decision:
    """The decision behind a message of a `RoutingChatModel`.

    Raises:
        ConfigurationError: The message did not come from one.
    """
    found: Mapping[str, Any] = message.response_metadata
    if ROUTING not in found:
        msg = "This message carries no routing decision: it did not come from a RoutingChatModel."
        raise ConfigurationError(msg)
    return Decision.from_dict(found[ROUTING])


def with_bill(result: LLMResult, counted: Counted) -> LLMResult:
    """The result with its messages copied and charged; handlers keep the uncharged ones."""
    result.generations = [[_charged(g, counted) for g in row] for row in result.generations]
    return result


def streamed_with_bill(inner: Any, who: Caller, counted: Counted) -> Iterator[AIMessageChunk]:
    """A stream made on behalf of a run, with the bill as one more chunk at its end."""
    last: AIMessageChunk | None = None
    try:
        while True:
            with calling(who):  # around each step, so that nothing leaks into the caller's code
                chunk = next(inner, _END)
            if chunk is _END:
                break
            last = _with_decision(chunk) or last
            yield _unended(chunk) if last else chunk
    finally:
        inner.close()
    if last is not None:
        yield _bill_chunk(last, counted)


async def astreamed_with_bill(
    inner: Any, who: Caller, counted: Counted
) -> AsyncIterator[AIMessageChunk]:
    """A stream made on behalf of a run, with the bill as one more chunk at its end."""
    last: AIMessageChunk | None = None
    try:
        while True:
            with calling(who):
                chunk = await anext(inner, _END)
            if chunk is _END:
                break
            last = _with_decision(chunk) or last
            yield _unended(chunk) if last else chunk
    finally:
        await inner.aclose()
    if last is not None:
        yield _bill_chunk(last, counted)


def _charged(generation: Any, counted: Counted) -> Any:
    message = generation.message
    if ROUTING not in message.response_metadata:
        return generation
    usage = bill(message.response_metadata[ROUTING], counted)
    charged = message.model_copy(update={"usage_metadata": usage})
    return generation.model_copy(update={"message": charged})


def _bill_chunk(last: AIMessageChunk, counted: Counted) -> AIMessageChunk:
    """The end of a stream: no text, and the usage of all calls."""
    usage = bill(last.response_metadata[ROUTING], counted)
    return AIMessageChunk(content="", id=last.id, usage_metadata=usage, chunk_position="last")


def _with_decision(chunk: Any) -> AIMessageChunk | None:
    known = isinstance(chunk, AIMessageChunk) and ROUTING in chunk.response_metadata
    return chunk if known else None


def _unended(chunk: AIMessageChunk) -> AIMessageChunk:
    """A chunk that does not claim to be the last: the bill follows."""
    return chunk.model_copy(update={"chunk_position": None}) if chunk.chunk_position else chunk
