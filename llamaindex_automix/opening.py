"""Opening the models of a models file for `automix collect`, as LlamaIndex LLMs.

The command finds this through the entry points `automix.models`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from llama_index.core.llms import LLM

from automix_core.arms import Arm
from automix_core.collect import ModelSpec, arm_of
from automix_core.errors import ConfigurationError
from automix_core.flow import Prompt
from automix_core.refusals import Refusals
from automix_core.request import Request
from llamaindex_automix.describe import describe
from llamaindex_automix.messages import prompt_messages
from llamaindex_automix.operation import Operation
from llamaindex_automix.port import AsyncPort
from llamaindex_automix.shapes import ChatShape

__all__ = ["OpenLLMs", "open_models"]

_OPENAI = "openai:"


class OpenLLMs:
    """Opened LLMs.

    Args:
        arms: Their arms.
    """

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.arms = arms
        self._arms: Mapping[str, Arm] = {arm.name: arm for arm in arms}
        self._refusals = Refusals()

    def port(self, prompt: Prompt) -> AsyncPort:
        """Where asks go whose request is this prompt."""
        messages = prompt_messages(prompt)
        operation = Operation("chat", (messages,), {}, Request(prompt[-1].text), ChatShape())
        return AsyncPort(self._arms, operation, self._refusals, None)


def open_models(specs: Sequence[ModelSpec]) -> OpenLLMs:
    """The models of a models file as LLMs.

    An OpenAI-compatible address needs `llama-index-llms-openai-like`, and so does a model of
    OpenAI's own ("openai:..."). Retries are left to the command.

    Raises:
        ImportError: The package is missing.
        ConfigurationError: A client cannot be made of what the file says, or the model is a
            string of another provider, which LlamaIndex has no one way to open.
    """
    models = {spec.name: _model(spec) for spec in specs}
    return OpenLLMs([arm_of(s, models[s.name], describe(models[s.name])) for s in specs])


def _model(spec: ModelSpec) -> LLM:
    maker, keywords = _client(spec)
    declared = maker.model_fields
    known = {name: value for name, value in spec.options.items() if name in declared}
    rest = {name: value for name, value in spec.options.items() if name not in declared}
    try:
        model: LLM = maker(**{"max_retries": 0, **keywords, **known}, additional_kwargs=rest)
    except Exception as error:
        msg = f"{spec.name}: no client could be made: {type(error).__name__}: {error}"
        raise ConfigurationError(_without_key(msg, spec)) from None
    return model


def _client(spec: ModelSpec) -> tuple[Any, dict[str, Any]]:
    """What makes the client, and its keywords."""
    key = spec.api_key
    if spec.base_url:
        like = import_module("llama_index.llms.openai_like").OpenAILike
        named = {"api_base": spec.base_url, "api_key": key or "none", "model": spec.model}
        return like, {**named, "is_chat_model": True}
    if not spec.model.startswith(_OPENAI):
        msg = (
            f"{spec.name}: {spec.model!r} is opened by LangChain's init_chat_model, which needs: "
            "pip install 'automix-routing[langchain]' langchain. Or give base_url, the address of "
            "an OpenAI-compatible server."
        )
        raise ImportError(msg)
    given = {"api_key": key} if key else {}
    return import_module("llama_index.llms.openai").OpenAI, {
        "model": spec.model.removeprefix(_OPENAI),
        **given,
    }


def _without_key(message: str, spec: ModelSpec) -> str:
    return message.replace(spec.api_key, "***") if spec.api_key else message
