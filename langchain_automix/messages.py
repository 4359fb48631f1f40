"""Between LangChain's messages and the core's replies, turns and tokens."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    UsageMetadata,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation
from langchain_core.utils.utils import LC_ID_PREFIX

from automix_core.conversation import Role, Said
from automix_core.decision import Decision
from automix_core.flow import Prompt, Token, Usage
from automix_core.text import rough_tokens

__all__ = [
    "ROUTING",
    "bill",
    "cached",
    "has_more_than_text",
    "holder",
    "prompt_messages",
    "replayed",
    "returned",
    "said",
    "size",
    "text_of",
    "tokens_of",
    "usage_of",
    "without_router_id",
]

ROUTING = "routing"
"""Key of `response_metadata` under which the decision travels."""

_TURNS = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_ROLES: tuple[tuple[type[BaseMessage], Role], ...] = (
    (HumanMessage, "user"),
    (AIMessage, "assistant"),
    (SystemMessage, "system"),
    (ToolMessage, "tool"),
)


def said(messages: Sequence[BaseMessage]) -> list[Said]:
    """The conversation as neutral turns, without reasoning blocks and without images."""
    return [
        Said(role, text_of(message))
        for message in messages
        for kind, role in _ROLES
        if isinstance(message, kind)
    ]


def text_of(message: BaseMessage) -> str:
    """A message's text as a plain string."""
    content = message.content
    return content if isinstance(content, str) else str(message.text)


def size(messages: Sequence[BaseMessage]) -> int:
    """About how many tokens a conversation has."""
    return sum(rough_tokens(text_of(message)) for message in messages)


def has_more_than_text(messages: Sequence[BaseMessage]) -> bool:
    """Whether a user or a tool put in an image, a file or anything else that is not text."""
    plain = ("text", "tool_use", "tool_call", "thinking", "reasoning")
    return any(
        isinstance(block, dict) and block.get("type") not in plain
        for message in messages
        if isinstance(message, HumanMessage | ToolMessage) and isinstance(message.content, list)
        for block in message.content
    )


def prompt_messages(prompt: Prompt) -> list[BaseMessage]:
    """A prompt of the router's own, as messages."""
    return [_TURNS[turn.role](turn.text) for turn in prompt]


def usage_of(message: AIMessage) -> Usage | None:
    """The tokens a message reports, or `None` where it reports none."""
    reported = message.usage_metadata
    if reported is None:
        return None
    if reported.get("total_cost") == 0:  # LangChain's mark of an answer from a cache
        return Usage(0, 0)
    cached = (reported.get("input_token_details") or {}).get("cache_read") or 0
    return Usage(reported["input_tokens"], reported["output_tokens"], cached)


def tokens_of(message: AIMessage) -> tuple[Token, ...] | None:
    """The answer's tokens with their log-probabilities, where the server returned them."""
    reported = message.response_metadata.get("logprobs")
    content = reported.get("content") if isinstance(reported, dict) else None
    if not content:
        return None
    return tuple(
        Token(
            one["token"],
            one["logprob"],
            {top["token"]: top["logprob"] for top in one.get("top_logprobs") or ()},
        )
        for one in content
    )


def without_router_id(identifier: str | None) -> str | None:
    """A provider's message id; `None` for one that LangChain made up for the inner run."""
    return None if identifier is None or identifier.startswith("lc_run") else identifier


def returned(message: AIMessage, decision: Decision, *, hide_logprobs: bool) -> AIMessage:
    """The winner's message as the caller gets it: a copy that carries the decision.

    Its usage is left out here. The inner call has reported it, and the router's own run must not
    report it again; the whole bill is put on later.

    Args:
        message: The winner's message; it is not changed.
        decision: What to attach.
        hide_logprobs: The router asked for log-probabilities, and the caller did not.
    """
    metadata = {**message.response_metadata, ROUTING: decision.as_dict()}
    if hide_logprobs:
        metadata.pop("logprobs", None)
    return message.model_copy(
        update={
            "id": without_router_id(message.id),
            "response_metadata": metadata,
            "usage_metadata": None,
        }
    )


def bill(routing: Mapping[str, Any], which: Literal["total", "answer"]) -> UsageMetadata | None:
    """The tokens of a decision as LangChain counts them; `None` if none were reported.

    Args:
        routing: The decision, as JSON values.
        which: `total` for all calls, `answer` for the one whose answer was returned.
    """
    steps = [
        step
        for step in routing["steps"]
        if which == "total"
        or (step["to"] == routing["arm"] and step["purpose"] in ("draft", "answer"))
    ]
    inputs = sum(step["input_tokens"] or 0 for step in steps)
    outputs = sum(step["output_tokens"] or 0 for step in steps)
    if not inputs + outputs and not routing["cached"]:
        return None
    return UsageMetadata(input_tokens=inputs, output_tokens=outputs, total_tokens=inputs + outputs)


def cached(
    generation: Generation, run_id: uuid.UUID | None
) -> tuple[ChatGeneration, Decision | None]:
    """What a cache in front of the router kept, as the answer of another run, and its decision.

    Args:
        generation: What the cache kept; it is not changed.
        run_id: The run that it is the answer of now.
    """
    kept = getattr(generation, "message", None)
    if not isinstance(kept, AIMessage):  # caches that keep the text alone
        return ChatGeneration(message=AIMessage(generation.text)), None
    update: dict[str, Any] = {
        "id": without_router_id(kept.id) or f"{LC_ID_PREFIX}-{run_id}-0",
        "usage_metadata": None,
    }
    message = kept.model_copy(deep=True, update=update)
    decision = None
    if ROUTING in message.response_metadata:
        decision = Decision.from_dict(message.response_metadata[ROUTING]).from_cache()
        message.response_metadata[ROUTING] = decision.as_dict()
    return ChatGeneration(message=message, generation_info=generation.generation_info), decision


def holder(messages: Sequence[BaseMessage]) -> str | None:
    """The arm that holds the turn: the last one to call tools since the last human message."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return None
        if isinstance(message, AIMessage) and message.tool_calls:
            routing = message.response_metadata.get(ROUTING)
            return routing.get("arm") if isinstance(routing, dict) else None
    return None


def replayed(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    """A whole message as the chunks of a stream: word by word, everything else on the last."""
    content: Any = message.content
    words = re.findall(r"\S+\s*|\s+", content) if isinstance(content, str) else [content]
    for word in words[:-1]:
        yield ChatGenerationChunk(message=AIMessageChunk(content=word, id=message.id))
    last = AIMessageChunk(
        content=words[-1] if words else "",
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        tool_call_chunks=_call_chunks(message),
        id=message.id,
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=last)


def _call_chunks(message: AIMessage) -> list[Any]:
    whole = [(call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls]
    broken = [(call["name"], call["args"], call["id"]) for call in message.invalid_tool_calls]
    return [
        {"name": name, "args": args, "id": key, "index": index, "type": "tool_call_chunk"}
        for index, (name, args, key) in enumerate(whole + broken)
    ]
