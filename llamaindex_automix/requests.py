"""From what a caller passed to an operation: what the router may know, what an arm is to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate
from llama_index.core.tools import BaseTool
from pydantic import BaseModel

from automix_core.contexts import Grounding, current_grounding
from automix_core.conversation import find_grounding
from automix_core.errors import ConfigurationError
from automix_core.request import Kind, Needs, Preference, Request
from automix_core.text import rough_tokens
from llamaindex_automix.messages import needs, said
from llamaindex_automix.operation import Operation
from llamaindex_automix.shapes import ChatShape, CompletionShape, ObjectShape
from llamaindex_automix.tools import forced, react_tools
from llamaindex_automix.variables import (
    Variables,
    current_variables,
    is_utility_prompt,
    variables_of,
)

__all__ = ["chat_operation", "completion_operation", "object_operation"]

_TOOL_WORDS = ("tools", "verbose", "allow_parallel_tool_calls", "tool_required")


def chat_operation(messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> Operation:
    """A chat, or a chat with tools if LlamaIndex tools are among the keywords.

    Args:
        messages: The conversation.
        kwargs: The caller's keywords.
    """
    wish, rest = _wish(kwargs)
    conversation = list(messages)
    tools = rest.get("tools") or []
    request = _request(conversation, current_variables(), tools=bool(tools))
    shape = ChatShape(
        tools=tuple(tools),
        required=bool(tools) and (rest.get("tool_required") or forced(rest.get("tool_choice"))),
        json=rest.get("response_format") is not None,
        react=None if tools else react_tools(conversation),
    )
    if not all(isinstance(tool, BaseTool) for tool in tools):  # in a provider's own words
        return Operation("chat", (conversation,), rest, request, shape, **wish)
    plain = {name: value for name, value in rest.items() if name not in _TOOL_WORDS}
    if not tools:
        return Operation("chat", (conversation,), plain, request, shape, **wish)
    words = {name: rest[name] for name in _TOOL_WORDS[1:] if rest.get(name)}
    words["chat_history"] = conversation
    return Operation("chat_with_tools", (list(tools),), plain | words, request, shape, **wish)


def completion_operation(prompt: str, kwargs: Mapping[str, Any], *, formatted: bool) -> Operation:
    """A completion.

    Args:
        prompt: The prompt.
        kwargs: The caller's keywords.
        formatted: The prompt is in the form that the model wants.
    """
    wish, rest = _wish(kwargs)
    request = _request([ChatMessage(content=prompt)], current_variables())
    if request.kind == "answer" and is_utility_prompt(prompt):
        request = Request(request.question, kind="utility", needs=request.needs)
    words = {**rest, "formatted": formatted}
    return Operation("complete", (prompt,), words, request, CompletionShape(), **wish)


def object_operation(
    output_cls: type[BaseModel],
    prompt: BasePromptTemplate,
    llm_kwargs: Mapping[str, Any] | None,
    prompt_args: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    extend: Callable[[list[ChatMessage]], list[ChatMessage]] | None,
) -> Operation:
    """A structured prediction.

    Args:
        output_cls: The class of the result.
        prompt: The template.
        llm_kwargs: Keywords for the model.
        prompt_args: The template's variables.
        settings: Settings of the routing LLM that an arm takes on.
        extend: Puts the routing LLM's own system prompt before the messages, if it has one.
    """
    wish, rest = _wish(llm_kwargs or {})
    grounding = current_grounding() or variables_of(prompt, prompt_args).grounding
    if grounding is None:
        grounding = find_grounding(said(prompt.format_messages(**prompt_args)))
    tokens = rough_tokens(grounding.question) + rough_tokens(grounding.context)
    if extend is not None:
        filled_in = extend(prompt.format_messages(**prompt_args))
        prompt, prompt_args = ChatPromptTemplate(message_templates=filled_in), {}
    return Operation(
        "structured_predict",
        (output_cls, prompt),
        {**prompt_args, "llm_kwargs": rest},
        Request(grounding.question, grounding.context, "structured", Needs(tokens=tokens)),
        ObjectShape(output_cls),
        settings,
        **wish,
    )


def _request(
    messages: Sequence[ChatMessage], variables: Variables | None, *, tools: bool = False
) -> Request:
    """What the router may know: template variables go before what a conversation shows."""
    told = current_grounding() or (variables and variables.grounding)
    grounding: Grounding = told or find_grounding(said(messages))
    kind: Kind = "tools" if tools else "answer"
    if variables and variables.utility:
        kind = "utility"
    return Request(grounding.question, grounding.context, kind, needs(messages, tools=tools))


def _wish(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a call's keywords ask of the router, and the rest, which is for the arms."""
    rest = dict(kwargs)
    preference, force = rest.pop("preference", None), rest.pop("force", None)
    if not isinstance(preference, Preference | None):
        msg = f"preference must be a Preference, not {type(preference).__name__}."
        raise ConfigurationError(msg)
    return {"preference": preference, "force": force}, rest
