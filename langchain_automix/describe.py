"""What can be read off a LangChain chat model: its name, its provider, what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel

from automix_core.arms import Arm, Described
from automix_core.capabilities import Capabilities
from automix_core.errors import ConfigurationError
from langchain_automix.presentation import PresentedChatModel

__all__ = ["built", "describe", "fields_of"]


def built(models: Any) -> Any:
    """The models that a user passed, with those given as strings built by `init_chat_model`.

    Raises:
        ConfigurationError: There is a string, and the package `langchain` is not installed.
    """
    if isinstance(models, Mapping):
        return {name: _built(model) for name, model in models.items()}
    return [_built(model) for model in models] if isinstance(models, Sequence) else models


def _built(model: Any) -> Any:
    if isinstance(model, Arm) and isinstance(model.model, str):
        return replace(model, model=_built(model.model))
    if not isinstance(model, str):
        return model
    try:
        chat_models = import_module("langchain.chat_models")
    except ModuleNotFoundError as error:
        msg = (
            f"{model!r} is a string: building it needs init_chat_model of the package langchain "
            "(pip install langchain). Or pass the chat model itself."
        )
        raise ConfigurationError(msg) from error
    return chat_models.init_chat_model(model)


def describe(model: Any) -> Described:
    """Name, provider and capabilities of a chat model.

    Capabilities are read off the parameters that its class declares and off its profile. What
    neither says is unknown, and an `Arm(capabilities=...)` can state it.

    Raises:
        ConfigurationError: It is no LangChain chat model; the message says what to do.
    """
    if isinstance(model, PresentedChatModel):
        msg = "A RoutingChatModel is no model of another one: give it the models inside."
        raise ConfigurationError(msg)
    if not isinstance(model, BaseChatModel):
        raise ConfigurationError(_what_to_do(model))
    params = model._get_ls_params()
    declared = fields_of(model)
    profile: Mapping[str, Any] = model.profile or {}
    like_openai = {"logprobs", "top_logprobs", "n"} <= declared
    return Described(
        name=params.get("ls_model_name") or type(model).__name__,
        provider=params.get("ls_provider"),
        capabilities=Capabilities(
            logprobs="logprobs" in declared,
            samples="n" in declared,
            schema=bool(profile.get("structured_output", like_openai)),
            tools=profile.get(
                "tool_calling", type(model).bind_tools is not BaseChatModel.bind_tools
            ),
            images=profile.get("image_inputs"),
            context_window=profile.get("max_input_tokens"),
        ),
    )


def fields_of(model: BaseChatModel) -> frozenset[str]:
    """The parameters that a model's class declares, under every name they go by."""
    return _fields_of(type(model))


@lru_cache(maxsize=256)
def _fields_of(kind: type[BaseChatModel]) -> frozenset[str]:
    declared = kind.model_fields
    return frozenset([*declared, *(field.alias for field in declared.values() if field.alias)])


def _what_to_do(model: Any) -> str:
    kind = f"{type(model).__module__}.{type(model).__name__}"
    if kind.startswith("llama_index"):
        return f"{kind} is a LlamaIndex model. Use llamaindex_automix.RoutingLLM for those."
    if kind.startswith("langchain_core.runnables") or hasattr(model, "bound"):
        return (
            f"{kind} is a chat model with something wrapped around it. Pass the chat model "
            "itself; bind, with_retry and with_fallbacks belong on the RoutingChatModel."
        )
    return f"{kind} is not a LangChain chat model (a BaseChatModel)."
