"""What an `Ask` means for a chat model: which messages and keywords go out, and what came back.

A sender makes no calls. The two ports (`langchain_automix.port`) make them, sync and async.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig

from automix_core.errors import ConfigurationError
from automix_core.flow import Ask, Reply, ReplyKind, SampleOptions
from automix_core.refusals import Refusals, refused
from automix_core.usage import recounted
from langchain_automix.describe import fields_of
from langchain_automix.messages import (
    prompt_messages,
    text_of,
    tokens_of,
    usage_of,
)
from langchain_automix.structured import Structure
from langchain_automix.tools import Tool, forced, valid_calls
from langchain_automix.tracing import Caller
from langchain_automix.unheard import unheard

__all__ = ["ChatCall", "Sender", "Sent"]


@dataclass(frozen=True, slots=True)
class ChatCall:
    """One call of the routing model, as the caller made it.

    Attributes:
        models: The models that may be asked for it, by name.
        messages: The caller's messages, passed on untouched.
        stop: Texts that end the reply.
        tools: Tools as they were bound; each arm formats them itself.
        binding: Keywords for each arm's own `bind_tools`, such as `tool_choice`.
        options: All other keywords, passed on to the arm that answers.
        who: The run on whose behalf the call is made.
        structure: The shape the answer must have, where one was asked for.
    """

    models: Mapping[str, BaseChatModel]
    messages: Sequence[BaseMessage]
    stop: list[str] | None
    tools: Sequence[Tool]
    binding: Mapping[str, Any]
    options: Mapping[str, Any]
    who: Caller
    structure: Structure | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A call ready to be made: on what, with what, and which keywords the router added.

    `unheard` says that no handler can hear it (`langchain_automix.unheard`).
    """

    model: BaseChatModel
    runnable: Runnable[Any, Any]
    messages: Sequence[BaseMessage]
    keywords: Mapping[str, Any]
    added: Mapping[str, Any]
    config: RunnableConfig
    samples: int = 1
    unheard: bool = False
    without: frozenset[str] = field(default_factory=frozenset)

    @property
    def all_keywords(self) -> dict[str, Any]:
        """The caller's keywords and the router's, less what the server is known to refuse."""
        if not self.added:
            return dict(self.keywords)
        kept = {key: v for key, v in self.added.items() if key not in self.without}
        return {**self.keywords, **_worded(self.model, kept)}

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
        call: The caller's call.
        refusals: What models have refused so far.
    """

    is_async = False

    def __init__(self, call: ChatCall, refusals: Refusals) -> None:
        self._models = call.models
        self._call = call
        self._refusals = refusals

    @property
    def who(self) -> Caller:
        """The run on whose behalf calls are made."""
        return self._call.who

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
            runnable = model = _for_own_prompt(model)
        else:
            keywords["stop"] = self._call.stop
            if self._call.tools:
                runnable = model.bind_tools(self._call.tools, **self._call.binding)
            elif self._call.structure is not None:
                runnable = self._call.structure.asked_of(model)
        if ask.samples > 1 and runnable is not model:
            msg = "Several samples in one call are not possible with tools bound."
            raise ConfigurationError(msg)
        return Sent(
            model,
            runnable,
            messages,
            keywords,
            _wanted(model, ask.options, streaming=streaming),
            self._call.who.config(ask, is_async=self.is_async),
            ask.samples,
            runnable is model
            and ask.samples == 1
            and unheard(self._call.who, model, is_async=self.is_async),
            self._refusals.of(ask.to),
        )

    def again(self, sent: Sent, error: Exception) -> Sent | None:
        """The same call without the options of the router's that were refused, if any were."""
        dropped = refused(error, sent.added.keys() - sent.without)
        return replace(sent, without=sent.without | dropped) if dropped else None

    def learn(self, ask: Ask, sent: Sent) -> None:
        """Remember what the server refused, once the call went through without it."""
        self._refusals.note(ask.to, sent.without)

    def reply(self, ask: Ask, result: AIMessage | LLMResult | ChatResult) -> Reply:
        """What came back, as the core sees it."""
        messages = _messages(result)
        message = messages[0]
        kind: ReplyKind = "text"
        valid = None
        if ask.prompt is None:
            kind, valid = self._kind(message)
        texts = tuple(map(text_of, messages))
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
        if self._call.structure is not None:
            return "object", self._call.structure.fits(message)
        if message.tool_calls or message.invalid_tool_calls:
            return "tool_calls", valid_calls(message, self._call.tools)
        if self._call.tools and forced(self._call.binding.get("tool_choice")):
            return "tool_calls", False
        if (response_format := self._call.options.get("response_format")) is not None:
            return "object", Structure.of_format(response_format).fits(message)
        return "text", None


_NOTHING = SampleOptions()


def _messages(result: AIMessage | LLMResult | ChatResult) -> list[AIMessage]:
    """Every sample's message."""
    if isinstance(result, AIMessage):
        return [result]
    rows: list[Any] = list(result.generations)
    generations = rows if isinstance(result, ChatResult) else rows[0]
    return [generation.message for generation in generations]


def _wanted(model: BaseChatModel, options: SampleOptions, *, streaming: bool) -> dict[str, Any]:
    """What the router wants of a generation, as parameters of OpenAI's API."""
    if options == _NOTHING and not streaming:
        return {}
    declared = fields_of(model)
    shape = {"name": "verdict", "schema": options.schema, "strict": True}
    wanted: dict[str, Any] = {
        "temperature": options.temperature if "temperature" in declared else None,
        "max_tokens": options.max_tokens if "max_tokens" in declared else None,
        "stop": list(options.stop) or None,
        "logprobs": options.logprobs or None,
        "top_logprobs": options.top_logprobs or None,
        "stream_options": {"include_usage": True}
        if streaming and "stream_usage" in declared
        else None,
        "response_format": {"type": "json_schema", "json_schema": shape}
        if options.schema is not None
        else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _worded(model: BaseChatModel, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The same in the words of the model's class.

    Where the class has `extra_body`, a response format goes that way: given openly, the OpenAI
    client would parse every sample itself and raise for all of them if one was cut short.
    """
    words = dict(wanted)
    if words.pop("stream_options", None):
        words["stream_usage"] = True
    if "response_format" in words and "extra_body" in fields_of(model):
        already = getattr(model, "extra_body", None) or {}
        words["extra_body"] = {**already, "response_format": words.pop("response_format")}
    return words


def _for_own_prompt(model: BaseChatModel) -> BaseChatModel:
    """A model without the settings that were made for the caller's requests.

    A stop text or a number of choices that suits an answer would spoil a verification.
    """
    update: dict[str, Any] = {
        name: None for name in ("stop", "n") if getattr(model, name, None) is not None
    }
    keywords = getattr(model, "model_kwargs", None) or {}
    if spoiling := {"response_format", "stop", "n", "tool_choice", "tools"} & set(keywords):
        update["model_kwargs"] = {k: v for k, v in keywords.items() if k not in spoiling}
    return model.model_copy(update=update) if update else model
