"""What an `Ask` means for a chat model: which messages and keywords go out, and what came back.

A sender makes no calls. The two ports (`langchain_automix.port`) make them, sync and async.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable, RunnableConfig

from automix_core.errors import ConfigurationError
from automix_core.flow import Ask, Reply, ReplyKind, SampleOptions
from automix_core.usage import recounted
from langchain_automix.describe import fields_of
from langchain_automix.messages import (
    is_json,
    prompt_messages,
    tokens_of,
    usage_of,
)
from langchain_automix.tools import Tool, forced, valid_calls
from langchain_automix.tracing import Caller

__all__ = ["ChatCall", "Refusals", "Sender", "Sent"]


@dataclass(frozen=True, slots=True)
class ChatCall:
    """One call of the routing model, as the caller made it.

    Attributes:
        messages: The caller's messages, passed on untouched.
        stop: Texts that end the reply.
        tools: Tools as they were bound; each arm formats them itself.
        binding: Keywords for each arm's own `bind_tools`, such as `tool_choice`.
        options: All other keywords, passed on to the arm that answers.
        who: The run on whose behalf the call is made.
    """

    messages: Sequence[BaseMessage]
    stop: list[str] | None
    tools: Sequence[Tool]
    binding: Mapping[str, Any]
    options: Mapping[str, Any]
    who: Caller


class Refusals:
    """Which of the router's own options each model has refused, shared by all calls.

    A model is asked for log-probabilities because its class declares them; the server behind it
    may know better. What it refused once it is not asked for again.
    """

    def __init__(self) -> None:
        self._refused: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def of(self, name: str) -> frozenset[str]:
        """What a model has refused so far."""
        with self._lock:
            return self._refused.get(name, frozenset())

    def note(self, name: str, options: frozenset[str]) -> None:
        """Remember what a model has refused."""
        with self._lock:
            self._refused[name] = self._refused.get(name, frozenset()) | options


@dataclass(frozen=True, slots=True)
class Sent:
    """A call ready to be made: on what, with what, and which keywords the router added."""

    model: BaseChatModel
    runnable: Runnable[Any, Any]
    messages: Sequence[BaseMessage]
    keywords: Mapping[str, Any]
    added: Mapping[str, Any]
    config: RunnableConfig
    samples: int = 1
    without: frozenset[str] = field(default_factory=frozenset)

    @property
    def all_keywords(self) -> dict[str, Any]:
        """The caller's keywords and the router's, less what the server is known to refuse."""
        kept = {key: v for key, v in self.added.items() if key not in self.without}
        return {**self.keywords, **kept}

    @property
    def run(self) -> dict[str, Any]:
        """The config as the keywords of `generate`, the one method that returns every sample."""
        config = self.config
        return {
            **self.all_keywords,
            "n": self.samples,
            "callbacks": config["callbacks"],
            "tags": config["tags"],
            "metadata": config["metadata"],
            "run_name": config["run_name"],
        }


class Sender:
    """The part of a port that is the same for sync and async.

    Args:
        models: Arms and helpers by name.
        call: The caller's call.
        refusals: What models have refused so far.
    """

    is_async = False

    def __init__(
        self, models: Mapping[str, BaseChatModel], call: ChatCall, refusals: Refusals
    ) -> None:
        self._models = models
        self._call = call
        self._refusals = refusals

    def passes(self, error: Exception) -> bool:
        """LangGraph's interrupts are no failures of a model."""
        return any(
            kind.__name__ == "GraphBubbleUp" and kind.__module__.startswith("langgraph")
            for kind in type(error).__mro__
        )

    def prepare(self, ask: Ask, *, streaming: bool = False) -> Sent:
        """The call that an ask stands for."""
        model = self._models[ask.to]
        resampled = ask.samples > 1 or bool(ask.options.temperature) or ask.purpose == "sample"
        if resampled and model.cache is not False:
            model = model.model_copy(update={"cache": False})  # a cached sample is no sample
        runnable: Runnable[Any, Any] = model
        messages, keywords = self._call.messages, dict(self._call.options)
        if ask.prompt is not None:
            messages, keywords = prompt_messages(ask.prompt), {}
        else:
            keywords["stop"] = self._call.stop
            if self._call.tools:
                runnable = model.bind_tools(self._call.tools, **self._call.binding)
        if ask.samples > 1 and runnable is not model:
            msg = "Several samples in one call are not possible with tools bound."
            raise ConfigurationError(msg)
        return Sent(
            model,
            runnable,
            messages,
            keywords,
            _keywords(model, ask.options, streaming=streaming),
            self._call.who.config(ask, is_async=self.is_async),
            ask.samples,
            self._refusals.of(ask.to),
        )

    def again(self, sent: Sent, error: Exception) -> Sent | None:
        """The same call without the options of the router's that the server refused, if any."""
        if getattr(error, "status_code", None) not in (400, 422):
            return None
        refusable = frozenset(sent.added) - sent.without - {"temperature", "max_tokens"}
        named = frozenset(option for option in sent.added if option in str(error))
        dropped = (named or refusable) - sent.without
        if not dropped:
            return None
        if dropped & {"logprobs", "top_logprobs"}:
            dropped |= {"logprobs", "top_logprobs"}
        return replace(sent, without=sent.without | dropped)

    def learn(self, ask: Ask, sent: Sent) -> None:
        """Remember what the server refused, once the call went through without it."""
        self._refusals.note(ask.to, sent.without)

    def reply(self, ask: Ask, result: AIMessage | LLMResult) -> Reply:
        """What came back, as the core sees it."""
        messages = _messages(result)
        message = messages[0]
        kind: ReplyKind = "text"
        valid = None
        if ask.prompt is None:
            kind, valid = self._kind(message)
        texts = tuple(str(m.text) for m in messages)
        usage = usage_of(message)
        return Reply(
            ask.to,
            texts,
            kind=kind,
            valid=valid,
            logprobs=tokens_of(message),
            usage=usage and recounted(usage, texts),
            message=message,
        )

    def _kind(self, message: AIMessage) -> tuple[ReplyKind, bool | None]:
        """What kind of reply a message is, and whether it is what was asked for."""
        if message.tool_calls or message.invalid_tool_calls:
            return "tool_calls", valid_calls(message, self._call.tools)
        if self._call.tools and forced(self._call.binding.get("tool_choice")):
            return "tool_calls", False
        if self._call.options.get("response_format") is not None:
            return "object", is_json(str(message.text))
        return "text", None


def _messages(result: AIMessage | LLMResult) -> list[AIMessage]:
    """Every sample's message."""
    if isinstance(result, AIMessage):
        return [result]
    generations: list[Any] = list(result.generations[0])
    return [generation.message for generation in generations]


def _keywords(model: BaseChatModel, options: SampleOptions, *, streaming: bool) -> dict[str, Any]:
    """What the router wants of a generation, as far as the model's class knows the words."""
    declared = fields_of(model)
    added: dict[str, Any] = {}
    if options.temperature is not None and "temperature" in declared:
        added["temperature"] = options.temperature
    if options.max_tokens is not None and "max_tokens" in declared:
        added["max_tokens"] = options.max_tokens
    if options.stop:
        added["stop"] = list(options.stop)
    if options.logprobs:
        added["logprobs"] = True
        if options.top_logprobs:
            added["top_logprobs"] = options.top_logprobs
    if options.schema is not None:
        added |= _constrained(model, options.schema, declared)
    if streaming and "stream_usage" in declared:
        added["stream_usage"] = True
    return added


def _constrained(
    model: BaseChatModel, schema: Mapping[str, Any], declared: set[str]
) -> dict[str, Any]:
    """The keywords that hold a model to a JSON schema.

    Where the class has `extra_body`, the format goes that way: given openly, the OpenAI client
    would parse every sample itself and raise for all of them if one was cut short.
    """
    shape = {"name": "verdict", "schema": schema, "strict": True}
    wanted = {"type": "json_schema", "json_schema": shape}
    if "extra_body" in declared:
        already = getattr(model, "extra_body", None) or {}
        return {"extra_body": {**already, "response_format": wanted}}
    return {"response_format": wanted}
