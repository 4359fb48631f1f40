"""Tools on their way to an arm, and whether the calls that come back can be carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ValidationError

__all__ = ["Tool", "forced", "server_side", "shown_tools", "valid_calls"]

Tool = dict[str, Any] | type | Callable[..., Any] | BaseTool


def forced(tool_choice: Any) -> bool:
    """Whether the model has to call a tool."""
    return tool_choice not in (None, False, "auto", "none")


def valid_calls(message: AIMessage, tools: Sequence[Tool]) -> bool:
    """Whether every tool call names a known tool and its arguments fit that tool's schema.

    Server-side tools have no schema here, so calls of unknown names pass if any such tool is bound.
    """
    if message.invalid_tool_calls:
        return False
    known = {name: tool for tool in tools if (name := _name(tool)) is not None}
    open_ended = len(known) < len(tools)
    return all(
        _fits(call["args"], known[call["name"]]) if call["name"] in known else open_ended
        for call in message.tool_calls
    )


def server_side(tools: Sequence[Tool]) -> bool:
    """Whether any tool is a provider's own: it acts, and is billed, before an answer comes back."""
    return any(isinstance(tool, dict) and not _function(tool) for tool in tools)


def shown_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools as plain dictionaries, for traces and cache keys: equal tools look equal."""
    return [tool if isinstance(tool, dict) else convert_to_openai_tool(tool) for tool in tools]


def _name(tool: Tool) -> str | None:
    name = _function(tool).get("name")
    return name if isinstance(name, str) else None


def _function(tool: Tool) -> dict[str, Any]:
    """A tool's function as OpenAI describes it; empty for a provider's own server-side tool."""
    described = ("function", "input_schema", "parameters", "properties")
    if isinstance(tool, dict) and not any(key in tool for key in described):
        return {}
    try:
        function: dict[str, Any] = convert_to_openai_tool(tool).get("function", {})
    except (ValueError, TypeError, KeyError):
        return {}
    return function


def _fits(arguments: dict[str, Any], tool: Tool) -> bool:
    schema = tool.args_schema if isinstance(tool, BaseTool) else tool
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(arguments)
        except ValidationError as error:
            # Arguments that are injected at run time are never the model's to give.
            injected = set(schema.model_fields) - set(_properties(tool))
            return all(set(map(str, e["loc"])) & injected for e in error.errors())
        return True
    required = _function(tool).get("parameters", {}).get("required", ())
    return set(required) <= set(arguments)


def _properties(tool: Tool) -> dict[str, Any]:
    properties: dict[str, Any] = _function(tool).get("parameters", {}).get("properties", {})
    return properties
