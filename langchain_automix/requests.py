"""What the core may see of a call: the question, the context, and what an answer needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage

from automix_core.contexts import Grounding
from automix_core.conversation import find_grounding
from automix_core.request import Kind, Needs, Request
from langchain_automix.messages import has_more_than_text, holder, said, size
from langchain_automix.tools import Tool, server_side

__all__ = ["Ground", "request_of"]

Ground = Callable[[Sequence[BaseMessage]], Grounding]
"""Finds question and context in the messages of a call."""


def request_of(
    messages: Sequence[BaseMessage],
    tools: Sequence[Tool],
    *,
    structured: bool,
    calls_a_tool: bool,
    ground: Ground | None,
    sticky: bool,
    retrieved: Sequence[str] = (),
) -> Request:
    """A call as the core sees it.

    Args:
        messages: The caller's messages.
        tools: The tools that are bound.
        structured: The answer must follow a schema.
        calls_a_tool: A model must be able to call tools, be it only for the schema.
        ground: The user's own way to find question and context.
        sticky: Whether the model that called tools keeps the turn.
        retrieved: Documents of the same run tree, for messages in which no context is found.
    """
    found = ground(messages) if ground else find_grounding(said(messages), retrieved)
    kind: Kind = "tools" if tools else "structured" if structured else "answer"
    return Request(
        found.question,
        found.context,
        kind=kind,
        needs=Needs(calls_a_tool, has_more_than_text(messages), size(messages)),
        once=server_side(tools),
        held_by=holder(messages) if sticky else None,
    )
