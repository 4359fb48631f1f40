"""How the results of each kind of operation are read, replayed and handed to the caller.

A shape knows one kind of result: a chat response, a completion, a structured object. Nothing
here asks a model or decides anything.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from pydantic import BaseModel

from automix_core.decision import Decision
from automix_core.errors import ConfigurationError
from automix_core.flow import Reply
from automix_core.router import Outcome
from automix_core.usage import recounted
from llamaindex_automix.responses import (
    Response,
    merged,
    text_of,
    texts_of,
    tokens_of,
    usage_of,
)
from llamaindex_automix.tools import calls_of, is_json, react_action, valid_calls

__all__ = [
    "ROUTING",
    "ChatShape",
    "CompletionShape",
    "ObjectShape",
    "Shape",
    "routing_decision",
    "text_reply",
]

ROUTING = "routing"
"""Key of a response's `additional_kwargs` under which the decision travels."""


class Shape(ABC):
    """One kind of result."""

    @abstractmethod
    def reply(self, source: str, result: Any) -> Reply:
        """What a result says, in the core's words."""

    @abstractmethod
    def result(self, outcome: Outcome) -> Any:
        """The result as the caller gets it: a copy that carries the decision."""

    @abstractmethod
    def merge(self, previous: Any, chunk: Any) -> Any:
        """Everything that a stream has said so far."""

    @abstractmethod
    def shown(self, previous: Any, chunk: Any) -> tuple[Any, bool]:
        """A chunk as the caller gets it, and whether it holds something a reader would see."""

    @abstractmethod
    def ending(self, outcome: Outcome) -> Iterator[Any]:
        """What remains to be streamed at the end: the whole of a draft, or the decision only."""


class _ResponseShape(Shape):
    """What chat responses and completions have in common."""

    def result(self, outcome: Outcome) -> Any:
        response: Response = outcome.reply.message
        return response.model_copy(update=_with_decision(response, outcome.decision))

    def merge(self, previous: Any, chunk: Any) -> Any:
        return merged(previous, chunk)

    def shown(self, previous: Any, chunk: Any) -> tuple[Any, bool]:
        if chunk.delta is None:  # consumers would show nothing
            before = "" if previous is None else text_of(previous)
            text = text_of(chunk)
            grown = text[len(before) :] if text.startswith(before) else ""
            chunk = chunk.model_copy(update={"delta": grown})
        thinks = bool(chunk.additional_kwargs.get("thinking_delta"))
        return chunk, bool(chunk.delta) or thinks or self._calls(chunk)

    def ending(self, outcome: Outcome) -> Iterator[Any]:
        response: Response = outcome.reply.message
        last = _with_decision(response, outcome.decision)
        if outcome.reply.live:
            yield response.model_copy(update={**last, "delta": ""})
            return
        words = re.findall(r"\S+\s*|\s+", text_of(response)) or [""]
        said = ""
        for word in words[:-1]:
            said += word
            yield self._chunk(response, said, word)
        yield response.model_copy(update={**last, "delta": words[-1]})

    def _calls(self, chunk: Any) -> bool:
        """Whether a chunk calls a tool."""
        return isinstance(chunk, ChatResponse) and bool(calls_of(chunk.message))

    @abstractmethod
    def _chunk(self, response: Any, said: str, word: str) -> Any:
        """One chunk of a replay, with all that was said so far."""


@dataclass(frozen=True, slots=True)
class ChatShape(_ResponseShape):
    """The results of `chat` and `chat_with_tools`.

    Attributes:
        tools: The tools on offer.
        required: A text is no valid reply: a tool must be called.
        json: The caller asked for a response format, so a text must be JSON.
        react: Names of the tools that a ReAct agent offers in its text, if this is one.
    """

    tools: Sequence[Any] = ()
    required: bool = False
    json: bool = False
    react: frozenset[str] | None = None

    def reply(self, source: str, result: ChatResponse) -> Reply:
        """Read a chat response; tool calls are judged by their validity."""
        reply = text_reply(source, result)
        calls = calls_of(result.message)
        if calls:
            return replace(reply, kind="tool_calls", valid=valid_calls(calls, self.tools))
        if self.required:
            return replace(reply, kind="tool_calls", valid=False)
        if self.json:
            return replace(reply, kind="object", valid=is_json(reply.text))
        if self.react is None:
            return reply
        valid, text = react_action(reply.text, self.react)
        if valid is not None:
            return replace(reply, kind="tool_calls", valid=valid)
        return replace(reply, texts=(text, *reply.texts[1:]))

    def _chunk(self, response: ChatResponse, said: str, word: str) -> ChatResponse:
        return ChatResponse(
            message=ChatMessage(role=response.message.role, content=said), delta=word
        )


@dataclass(frozen=True, slots=True)
class CompletionShape(_ResponseShape):
    """The results of `complete`."""

    def reply(self, source: str, result: CompletionResponse) -> Reply:
        """Read a completion."""
        return text_reply(source, result)

    def _chunk(self, response: CompletionResponse, said: str, word: str) -> CompletionResponse:
        return CompletionResponse(text=said, delta=word)


@dataclass(frozen=True, slots=True)
class ObjectShape(Shape):
    """The results of `structured_predict`: instances of the caller's class.

    An object has no place for a decision, so `collect_decisions` and `on_decision` are the only
    ways to it.
    """

    output_cls: type[BaseModel]

    def reply(self, source: str, result: Any) -> Reply:
        """Read a structured result, which is judged by its class."""
        text = result.model_dump_json() if isinstance(result, BaseModel) else str(result)
        valid = isinstance(result, self.output_cls)
        return Reply(source, (text,), kind="object", valid=valid, message=result)

    def result(self, outcome: Outcome) -> Any:
        """The object itself."""
        return outcome.reply.message

    def merge(self, previous: Any, chunk: Any) -> Any:
        """The newest object holds everything."""
        return chunk

    def shown(self, previous: Any, chunk: Any) -> tuple[Any, bool]:
        """The object itself."""
        return chunk, True

    def ending(self, outcome: Outcome) -> Iterator[Any]:
        """A draft as one object."""
        if not outcome.reply.live:
            yield outcome.reply.message


def routing_decision(response: Any) -> Decision:
    """The decision behind a response of a `RoutingLLM` or a `RoutingQueryEngine`.

    Args:
        response: The response, or the last chunk of a stream.

    Raises:
        ConfigurationError: The response carries no decision.
    """
    for place in ("additional_kwargs", "metadata"):
        held = getattr(response, place, None)
        if isinstance(held, dict) and ROUTING in held:
            return Decision.from_dict(held[ROUTING])
    msg = (
        "This response carries no routing decision: it did not come from a RoutingLLM "
        "or a RoutingQueryEngine."
    )
    raise ConfigurationError(msg)


def text_reply(source: str, response: Response) -> Reply:
    """What a response says, as text."""
    texts, usage = texts_of(response), usage_of(response)
    return Reply(
        source,
        texts,
        logprobs=tokens_of(response),
        usage=usage and recounted(usage, texts),
        message=response,
    )


def _with_decision(response: Response, decision: Decision) -> dict[str, Any]:
    return {
        "additional_kwargs": {**response.additional_kwargs, ROUTING: decision.as_dict()},
    }
