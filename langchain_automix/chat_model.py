"""`RoutingChatModel`: several chat models that behave as one.

To its caller and to every handler the router is one chat model with one run. The calls it makes
are runs nested under that one. It translates between LangChain and the core, and decides nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from inspect import signature
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from automix_core.drive import Finished, adrive, afinish, drive, finish
from automix_core.flow import Flow
from automix_core.router import Outcome, Router
from langchain_automix.describe import built, describe
from langchain_automix.learning import LearningChatModel
from langchain_automix.messages import (
    ROUTING,
    replayed,
    returned,
)
from langchain_automix.port import AsyncChatPort, ChatPort
from langchain_automix.requests import Ground, request_of
from langchain_automix.sending import ChatCall
from langchain_automix.structured import STRUCTURE
from langchain_automix.tracing import Caller, caller_of

__all__ = ["RoutingChatModel"]

_BINDING = ("tool_choice", "strict", "parallel_tool_calls")


class RoutingChatModel(LearningChatModel):
    """A chat model that answers with the cheapest of several models that is good enough.

    It stands wherever a chat model stands: in chains, retrieval pipelines and agents.

    Args:
        models: Two or more chat models, or `Arm`s around them. A mapping names them; a list takes
            the models' own names. A string such as "openai:gpt-5" is built by `init_chat_model`
            of the package `langchain`.
        router: A `Router`, or the name of a preset. By default an answer of the cheapest model is
            checked by the best signal that is free, and the next model is asked if it fails.
        prices: Prices by model name, as `Price` or `(input, output)` in US dollars a million
            tokens. Without them the package genai-prices is asked, if it is installed.
        preference: How to trade quality against cost where a call does not say.
        on_decision: Called with every decision, whatever thread or stream it came from.
        grounding: Finds question and context in the messages; by default tool messages since the
            last human one, then context marked in that or in the system message, then what a
            `RetrievedDocuments` in the config has heard of.
        sticky: Keep the model that called tools for the rest of the turn, unless it fails or is
            not good enough: no cheaper one is asked until the next human message.
        usage: What `usage_metadata` of the returned message counts: the tokens of all calls
            (`total`) or of the returned answer alone (`answer`).
        store: A `Store`, or the path of one: decisions and feedback are written down there.

    Raises:
        ConfigurationError: Fewer than two models, the same one twice, or something that is no
            LangChain chat model.

    Example:
        ```python
        llm = RoutingChatModel(models={"small": small, "large": large})
        message = llm.invoke("What is the capital of France?")
        print(routing_decision(message).why)
        ```
    """

    models: Any = Field(repr=False, exclude=True)
    router: Any = Field(default=None, repr=False, exclude=True)
    prices: Any = Field(default=None, repr=False, exclude=True)
    grounding: Ground | None = Field(default=None, repr=False, exclude=True)
    sticky: bool = True
    store: Any = Field(default=None, repr=False, exclude=True)

    def model_post_init(self, context: Any, /) -> None:
        """Bind the router to the models, so that every mistake shows at construction."""
        super().model_post_init(context)
        router = Router.of(self.router)
        self._profiled = self.profile is None
        self._bound = router.bind(
            built(self.models), describe=describe, prices=self.prices, store=self.store
        )
        self._made_of = self._bound.as_dict()

    # One call of the router. All four ways in go through here.

    def _begin(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        keywords: dict[str, Any],
        who: Caller,
    ) -> tuple[Flow[Outcome], ChatCall]:
        """The flow that answers a call, and the call. Contexts are read here."""
        preference = self._preference(keywords)
        tools = keywords.pop("tools", None) or ()
        structure = keywords.pop(STRUCTURE, None)
        binding = {key: keywords.pop(key) for key in _BINDING if key in keywords}
        serving = self._bound.serving
        bound = binding if tools else {}
        call = ChatCall(serving.models, messages, stop, tools, bound, keywords, who, structure)
        formatted = structure is not None or keywords.get("response_format") is not None
        request = request_of(
            messages,
            tools,
            structured=formatted,
            calls_a_tool=bool(tools) or (structure is not None and structure.calls_a_tool),
            ground=self.grounding,
            sticky=self.sticky,
            retrieved=who.retrieved(),
        )
        return self._bound.route(request, preference, self.on_decision, serving=serving), call

    def _port(self, call: ChatCall) -> ChatPort:
        return ChatPort(call, self._refusals)

    def _aport(self, call: ChatCall) -> AsyncChatPort:
        return AsyncChatPort(call, self._refusals)

    def _message(self, outcome: Outcome, call: ChatCall) -> AIMessage:
        message: AIMessage = outcome.reply.message
        hidden = "logprobs" in message.response_metadata and not (
            call.options.get("logprobs")
            or getattr(call.models[outcome.reply.source], "logprobs", None)
        )
        return returned(message, outcome.decision, hide_logprobs=hidden)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = caller_of(run_manager)
        flow, call = self._begin(messages, stop, kwargs, who)
        message = self._message(finish(flow, self._port(call)), call)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = caller_of(run_manager)
        flow, call = self._begin(messages, stop, kwargs, who)
        message = self._message(await afinish(flow, self._aport(call)), call)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        flow, call = self._begin_stream(messages, stop, kwargs, run_manager)
        return self._chunks(flow, call)

    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        flow, call = self._begin_stream(messages, stop, kwargs, run_manager)
        return self._achunks(flow, call)

    def _begin_stream(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        keywords: dict[str, Any],
        run_manager: Any,
    ) -> tuple[Flow[Outcome], ChatCall]:
        who = caller_of(run_manager)
        if who.contexts is None:
            return self._begin(messages, stop, keywords, who)
        with who.contexts.restored():
            return self._begin(messages, stop, keywords, who)

    def _chunks(self, flow: Flow[Outcome], call: ChatCall) -> Iterator[ChatGenerationChunk]:
        driven = drive(flow, self._port(call), stream=True)
        try:
            for item in driven:
                if isinstance(item, Finished):
                    yield from self._last_chunks(item.value, call)
                else:
                    yield item
        finally:
            driven.close()

    async def _achunks(
        self, flow: Flow[Outcome], call: ChatCall
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(adrive(flow, self._aport(call), stream=True)) as driven:
            async for item in driven:
                if isinstance(item, Finished):
                    for chunk in self._last_chunks(item.value, call):
                        yield chunk
                else:
                    yield item

    def _last_chunks(self, outcome: Outcome, call: ChatCall) -> Iterator[ChatGenerationChunk]:
        """The decision after a live answer; else the whole answer, with the decision on it."""
        if outcome.reply.live:
            routing = {ROUTING: outcome.decision.as_dict()}
            last = AIMessageChunk(content="", response_metadata=routing, chunk_position="last")
            yield ChatGenerationChunk(message=last)
        else:
            yield from replayed(self._message(outcome, call))


# The base class inspects these on every call; here it finds the answer ready.
for _method in (RoutingChatModel._generate, RoutingChatModel._agenerate):
    _method.__signature__ = signature(_method)  # type: ignore[union-attr]
