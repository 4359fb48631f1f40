"""What the router wants of a generation, in the words of one model.

A keyword loses against the same setting of the model itself in some classes, so what a class
declares as a field is set on a copy of the model; the copy shares the model's clients. All other
words are keywords for models that speak OpenAI's API; others get those that their `Arm` was
expressly said to understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.llms import LLM

from automix_core.arms import Arm
from automix_core.capabilities import Capabilities
from automix_core.flow import Ask
from automix_core.refusals import LOGPROBS
from llamaindex_automix.describe import speaks_openai

__all__ = ["adjusted", "wanted", "with_settings"]

# Settings that belong to the caller's own requests and would spoil a prompt of the router's.
_CALLERS = ("max_completion_tokens", "n", "response_format", "stop", "tool_choice", "tools")


def wanted(ask: Ask, arm: Arm, *, streaming: bool = False) -> dict[str, Any]:
    """What an ask wants of the generation, as parameters of OpenAI's API.

    Args:
        ask: The ask.
        arm: Who is asked; it decides the form of a parameter.
        streaming: The reply will stream.
    """
    options, chat = ask.options, arm.model.metadata.is_chat_model
    named: dict[str, Any] = {
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
        "stop": list(options.stop) or None,
        "n": ask.samples if ask.samples > 1 else None,
        "stream_options": {"include_usage": True} if streaming else None,
    }
    if options.logprobs and chat:
        named |= {"logprobs": True, "top_logprobs": options.top_logprobs or None}
    elif options.logprobs:
        named["logprobs"] = max(1, options.top_logprobs)
    if options.schema is not None:
        shape: dict[str, Any] = {"name": "verdict", "schema": options.schema, "strict": True}
        named["response_format"] = {"type": "json_schema", "json_schema": shape}
    return {name: value for name, value in named.items() if value is not None}


def adjusted(arm: Arm, options: Mapping[str, Any], *, own: bool) -> tuple[LLM, dict[str, Any]]:
    """A model and the keywords that make it do what is wanted, as far as it can.

    Args:
        arm: The arm or helper; its model is not changed.
        options: What is wanted, as parameters of OpenAI's API.
        own: The prompt is the router's own, so settings made for the caller's requests go.

    Returns:
        The model or a copy of it, and keywords for its methods.
    """
    model: LLM = arm.model
    declared = type(model).model_fields
    as_fields = {"temperature", "max_tokens"} & options.keys() & declared.keys()
    settings = {name: options[name] for name in as_fields}
    keywords = {name: value for name, value in options.items() if name not in as_fields}
    if not speaks_openai(model):
        stated = _stated(arm.can)
        keywords = {name: value for name, value in keywords.items() if name in stated}
    extra: Mapping[str, Any] = getattr(model, "additional_kwargs", None) or {}
    asks_anyway = bool(getattr(model, "logprobs", None))
    if own and asks_anyway and "logprobs" in keywords:
        settings["logprobs"] = None  # what the router wants of them goes first
    elif not own and (asks_anyway or "logprobs" in extra):
        keywords = {name: v for name, v in keywords.items() if name not in LOGPROBS}
    spoiling = {*settings, *keywords, *(_CALLERS if own else ())} & extra.keys()
    if spoiling:
        kept = {name: value for name, value in extra.items() if name not in spoiling}
        settings["additional_kwargs"] = kept
    return with_settings(model, settings), keywords


def with_settings(model: LLM, settings: Mapping[str, Any]) -> LLM:
    """A copy of a model with other settings, or the model itself if they are the same.

    The copy shares everything else, clients that are made later included.
    """
    changed = {name: v for name, v in settings.items() if getattr(model, name) != v}
    if not changed:
        return model
    copied = model.model_copy(update=changed)
    object.__setattr__(copied, "__pydantic_private__", model.__pydantic_private__)
    return copied


def _stated(can: Capabilities) -> set[str]:
    """The keywords of a model of another kind, from what its arm was said to be able to do."""
    return {
        *(LOGPROBS if can.logprobs else ()),
        *(("n",) if can.samples else ()),
        *(("response_format",) if can.schema else ()),
    }
