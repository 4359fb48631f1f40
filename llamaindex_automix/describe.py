"""What can be read off a LlamaIndex model: its name, its provider, what it can do."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from automix_core.arms import Described
from automix_core.capabilities import Capabilities
from automix_core.errors import ConfigurationError

__all__ = ["describe", "speaks_openai"]

_OPENAI = "llama_index.llms.openai"
_RESPONSES = "llama_index.llms.openai.responses"  # another API, with other words
_PROVIDERS = {
    "azure_openai": "azure",
    "bedrock_converse": "aws",
    "gemini": "google",
    "google_genai": "google",
    "mistralai": "mistral",
    "vertex": "google",
}


def describe(model: Any) -> Described:
    """Name, provider and capabilities of a LlamaIndex model.

    A context window left at LlamaIndex's default counts as unknown. What cannot be read off a
    model, `Arm(capabilities=...)` can state.

    Raises:
        ConfigurationError: It is no LlamaIndex LLM; the message says what to do.
    """
    if not isinstance(model, LLM):
        raise ConfigurationError(_what_to_do(model))
    try:
        metadata = model.metadata
    except Exception as error:
        msg = f"The metadata of this {type(model).__name__} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    openai = speaks_openai(model)
    window = metadata.context_window
    named = metadata.model_name not in ("", "unknown")
    return Described(
        name=metadata.model_name if named else model.class_name(),
        provider=_provider(model),
        capabilities=Capabilities(
            logprobs=openai,
            samples=openai,
            schema=openai and metadata.is_chat_model,
            tools=isinstance(model, FunctionCallingLLM) and metadata.is_function_calling_model,
            context_window=None if window == DEFAULT_CONTEXT_WINDOW else window,
        ),
    )


def speaks_openai(model: LLM) -> bool:
    """Whether keywords of a model's methods are parameters of OpenAI's completions API."""
    modules = [kind.__module__ for kind in type(model).__mro__]
    return not modules[0].startswith(_RESPONSES) and any(
        module.startswith(_OPENAI) and not module.startswith(_RESPONSES) for module in modules
    )


def _provider(model: LLM) -> str | None:
    """The provider's name in the price list; a name that no list knows for a local server."""
    base = getattr(model, "api_base", None)
    if speaks_openai(model) and isinstance(base, str):
        host = urlsplit(base).hostname or ""
        labels = host.split(".")
        if len(labels) < 2 or _is_address(host):
            return "local"
        return labels[-2]
    parts = type(model).__module__.split(".")
    if parts[:2] == ["llama_index", "llms"] and len(parts) > 2:
        return _PROVIDERS.get(parts[2], parts[2])
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _what_to_do(model: Any) -> str:
    if isinstance(model, str):
        return f"{model!r} is a string. Pass a LlamaIndex LLM, such as OpenAILike(model={model!r})."
    if isinstance(model, type):
        return f"{model.__name__} is a class. Pass an instance of it."
    kind = f"{type(model).__module__}.{type(model).__name__}"
    if kind.startswith("langchain"):
        return (
            f"{kind} is a LangChain model. RoutingLLM expects LlamaIndex LLMs, such as OpenAILike; "
            "for LangChain models there is langchain_automix.RoutingChatModel."
        )
    return f"{kind} is not a LlamaIndex LLM (a llama_index.core.llms.LLM)."
