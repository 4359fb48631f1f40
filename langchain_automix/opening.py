"""Opening the models of a models file for `automix collect`, as LangChain chat models.

The command finds this through the entry points `automix.models`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel

from automix_core.arms import Arm
from automix_core.collect import ModelSpec, arm_of
from automix_core.errors import ConfigurationError
from automix_core.flow import Prompt
from automix_core.refusals import Refusals
from langchain_automix.describe import describe, fields_of
from langchain_automix.messages import prompt_messages
from langchain_automix.port import AsyncChatPort
from langchain_automix.sending import ChatCall
from langchain_automix.tracing import Caller

__all__ = ["ChatModels", "open_models"]


class ChatModels:
    """Opened chat models.

    Args:
        models: The chat models by name.
        arms: Their arms.
    """

    def __init__(self, models: Mapping[str, BaseChatModel], arms: Sequence[Arm]) -> None:
        self.arms = arms
        self._models = models
        self._refusals = Refusals()

    def port(self, prompt: Prompt) -> AsyncChatPort:
        """Where asks go whose request is this prompt."""
        call = ChatCall(self._models, prompt_messages(prompt), None, (), {}, {}, Caller())
        return AsyncChatPort(call, self._refusals)


def open_models(specs: Sequence[ModelSpec]) -> ChatModels:
    """The models of a models file as chat models.

    An OpenAI-compatible address needs `langchain-openai`; any other model needs `langchain` and
    the package of its provider. Retries are left to the command.

    Raises:
        ImportError: One of these packages is missing; the message names it.
        ConfigurationError: A client cannot be made of what the file says.
    """
    models = {spec.name: _model(spec) for spec in specs}
    arms = [arm_of(spec, models[spec.name], describe(models[spec.name])) for spec in specs]
    return ChatModels(models, arms)


def _model(spec: ModelSpec) -> BaseChatModel:
    maker, keywords = _client(spec)
    try:
        model: BaseChatModel = maker(**keywords)
        if "max_retries" in fields_of(model) and "max_retries" not in keywords:
            model = maker(**keywords, max_retries=0)
    except ImportError:
        raise
    except Exception as error:
        msg = f"{spec.name}: no client could be made: {type(error).__name__}: {error}"
        raise ConfigurationError(_without_key(msg, spec)) from None
    return model


def _client(spec: ModelSpec) -> tuple[Any, dict[str, Any]]:
    """What makes the client, and its keywords."""
    key = spec.api_key
    if spec.base_url:
        named = {"base_url": spec.base_url, "api_key": key or "none", "model": spec.model}
        return import_module("langchain_openai").ChatOpenAI, {**named, **spec.options}
    given = {"api_key": key} if key else {}
    init = import_module("langchain.chat_models").init_chat_model
    return init, {"model": spec.model, **given, **spec.options}


def _without_key(message: str, spec: ModelSpec) -> str:
    return message.replace(spec.api_key, "***") if spec.api_key else message
