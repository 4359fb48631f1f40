"""Between LlamaIndex's messages and the core's neutral turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    VideoBlock,
)

from automix_core.conversation import Said
from automix_core.flow import Prompt
from automix_core.request import Needs
from automix_core.text import rough_tokens

__all__ = ["needs", "prompt_messages", "said"]

Role = Literal["system", "user", "assistant", "tool"]

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_OBSERVATION = "Observation:"
_MORE_THAN_TEXT = (ImageBlock, AudioBlock, VideoBlock, DocumentBlock)


def said(messages: Sequence[ChatMessage]) -> list[Said]:
    """The conversation as neutral turns, without reasoning blocks and without images.

    What a ReAct agent observes comes as a user's message, and counts as what a tool returned.
    """
    return [_said(message) for message in messages]


def needs(messages: Sequence[ChatMessage], *, tools: bool = False) -> Needs:
    """What an arm must be able to do to answer a conversation."""
    return Needs(
        tools=tools,
        images=any(
            isinstance(block, _MORE_THAN_TEXT) for message in messages for block in message.blocks
        ),
        tokens=sum(rough_tokens(message.content or "") for message in messages),
    )


def prompt_messages(prompt: Prompt) -> list[ChatMessage]:
    """A prompt of the router's own, as messages."""
    return [ChatMessage(role=MessageRole(turn.role), content=turn.text) for turn in prompt]


def _said(message: ChatMessage) -> Said:
    role, text = _ROLES.get(message.role, "user"), message.content or ""
    if role == "user" and text.startswith(_OBSERVATION):
        return Said("tool", text.removeprefix(_OBSERVATION).strip())
    return Said(role, text)
