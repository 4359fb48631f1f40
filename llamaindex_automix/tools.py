"""Judging a reply by its form: is a tool call what was asked for, does ReAct text hold together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.tools import BaseTool
from pydantic import BaseModel

__all__ = [
    "ToolCall",
    "calls_of",
    "forced",
    "is_json",
    "react_action",
    "react_tools",
    "selections",
    "valid_calls",
]

ToolCall = tuple[str, str, Any]
"""Id, name and arguments of a tool call; arguments as JSON text or as a mapping."""


def calls_of(message: ChatMessage) -> list[ToolCall]:
    """The tool calls of a message, as blocks or in the older form."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(b.tool_call_id or "", b.tool_name, b.tool_kwargs) for b in blocks]
    legacy = message.additional_kwargs.get("tool_calls")
    return [_legacy(call) for call in legacy] if isinstance(legacy, list | tuple) else []


def forced(tool_choice: Any) -> bool:
    """Whether the model has to call a tool."""
    return tool_choice not in (None, False, "auto", "none")


def valid_calls(calls: Iterable[ToolCall], tools: Sequence[Any]) -> bool:
    """Whether every call names a tool that was offered and holds the arguments it needs.

    A provider's own tools have no name here, so calls of unknown names pass if one is offered.
    """
    known = {_name(tool): tool for tool in tools}
    return all(
        _fits(given, known[name]) if name in known else "" in known for _, name, given in calls
    )


def is_json(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def selections(response: ChatResponse) -> list[ToolSelection]:
    """The tool calls of a response, with arguments read as far as they have come."""
    return [
        ToolSelection(tool_id=key, tool_name=name, tool_kwargs=_read(given, partial=True) or {})
        for key, name, given in calls_of(response.message)
    ]


def react_tools(messages: Sequence[ChatMessage]) -> frozenset[str] | None:
    """The tools a ReAct agent offers in its instructions; `None` where these are no such thing."""
    for message in messages:
        text = message.content or ""
        if message.role == MessageRole.SYSTEM and "Action Input:" in text and "Thought:" in text:
            named = re.findall(r"^> Tool Name: (\S+)", text, re.MULTILINE)
            return frozenset(named)
    return None


def react_action(text: str, tools: frozenset[str]) -> tuple[bool | None, str]:
    """What a ReAct turn is: a call of a tool, or an answer.

    Args:
        text: What the model wrote.
        tools: The tools on offer; empty where they could not be read.

    Returns:
        Whether the call is valid, or `None` for an answer; and the text to judge.
    """
    action = re.search(r"^\s*Action:\s*([^\n(]+)", text, re.MULTILINE)
    if action:
        name = action[1].strip()
        given = re.search(r"Action Input:.*?(\{.*\})", text, re.DOTALL)
        known = name in tools or not tools
        return known and given is not None and _read(given[1]) is not None, text
    answer = re.search(r"^\s*Answer:(.*)", text, re.MULTILINE | re.DOTALL)
    return None, answer[1].strip() if answer else text


def _name(tool: Any) -> str:
    if isinstance(tool, BaseTool):
        return tool.metadata.name or ""
    return str(_specification(tool).get("name", ""))


def _fits(given: Any, tool: Any) -> bool:
    arguments = _read(given)
    if arguments is None:
        return False
    if not isinstance(tool, BaseTool):
        required = (_specification(tool).get("parameters") or {}).get("required") or ()
        return set(required) <= arguments.keys()
    arguments = {**(getattr(tool, "partial_params", None) or {}), **arguments}
    schema = tool.metadata.fn_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(arguments)
        except ValueError:
            return False
    return True


def _specification(tool: Any) -> Mapping[str, Any]:
    """The function inside a tool that is written as its provider wants it."""
    inner = tool.get("function", tool) if isinstance(tool, Mapping) else {}
    return inner if isinstance(inner, Mapping) else {}


def _read(given: Any, *, partial: bool = False) -> dict[str, Any] | None:
    """Arguments as a dict; `None` where they are none."""
    if isinstance(given, str):
        try:
            given = parse_partial_json(given) if partial else json.loads(given or "{}")
        except ValueError:
            return None
    return dict(given) if isinstance(given, Mapping) else None


def _legacy(call: Any) -> ToolCall:
    if isinstance(call, ToolSelection):
        return call.tool_id, call.tool_name, call.tool_kwargs
    function = _part(call, "function")
    return (
        str(_part(call, "id") or ""),
        str(_part(function, "name") or ""),
        _part(function, "arguments"),
    )


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
