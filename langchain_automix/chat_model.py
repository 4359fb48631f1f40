"""`RoutingChatModel`: several chat models that behave as one.

To its caller and to every handler the router is one chat model with one run. The calls it makes
are runs nested under that one. It translates between LangChain and the core, and decides nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.utils.uuid import uuid7
from pydantic import Field, PrivateAttr

from automix_core.contexts import Contexts, Grounding
from automix_core.conversation import find_grounding
from automix_core.decision import DecisionCallback
from automix_core.drive import Finished, adrive, afinish, drive, finish
from automix_core.flow import Flow
from automix_core.refusals import Refusals
from automix_core.request import Needs, Request
from automix_core.router import Outcome, Router
from langchain_automix.billing import Counted, astreamed_with_bill, streamed_with_bill, with_bill
from langchain_automix.describe import describe
from langchain_automix.messages import (
    ROUTING,
    has_more_than_text,
    replayed,
    returned,
    said,
    size,
)
from langchain_automix.port import AsyncChatPort, ChatPort
from langchain_automix.presentation import PresentedChatModel
from langchain_automix.sending import ChatCall
from langchain_automix.tracing import Caller, caller, calling

__all__ = ["RoutingChatModel"]

_BINDING = ("tool_choice", "strict", "parallel_tool_calls")


class RoutingChatModel(PresentedChatModel):
    """A chat model that answers with the cheapest of several models that is good enough.

    It stands wherever a chat model stands: in chains, retrieval pipelines and agents.

    Args:
        models: Two or more chat models, or `Arm`s around them. A mapping names them; a list takes
            the models' own names.
        router: A `Router`, or the name of a preset. By default an answer of the cheapest model is
            checked by the best signal that is free, and the next model is asked if it fails.
        prices: Prices by model name, as `Price` or `(input, output)` in US dollars a million
            tokens. Without them the package genai-prices is asked, if it is installed.
        preference: How to trade quality against cost where a call does not say.
        on_decision: Called with every decision, whatever thread or stream it came from.
        grounding: Finds question and context in the messages; by default tool messages since the
            last human one, then context marked in that or in the system message.
        usage: What `usage_metadata` of the returned message counts: the tokens of all calls
            (`total`) or of the returned answer alone (`answer`).

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
    on_decision: DecisionCallback | None = Field(default=None, repr=False, exclude=True)
    grounding: Callable[[Sequence[BaseMessage]], Grounding] | None = Field(
        default=None, repr=False, exclude=True
    )
    usage: Counted = "total"

    _refusals: Refusals = PrivateAttr(default_factory=Refusals)

    def model_post_init(self, context: Any, /) -> None:
        """Bind the router to the models, so that every mistake shows at construction."""
        super().model_post_init(context)
        router = Router.of(self.router)
        self._bound = router.bind(self.models, describe=describe, prices=self.prices)
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
        binding = {key: keywords.pop(key) for key in _BINDING if key in keywords}
        call = ChatCall(messages, stop, tools, binding if tools else {}, keywords, who)
        ground = self.grounding(messages) if self.grounding else find_grounding(said(messages))
        structured = keywords.get("response_format") is not None
        request = Request(
            ground.question,
            ground.context,
            kind="tools" if tools else "structured" if structured else "answer",
            needs=Needs(bool(tools), has_more_than_text(messages), size(messages)),
        )
        return self._bound.route(request, preference, self.on_decision), call

    def _port(self, call: ChatCall) -> ChatPort:
        return ChatPort(self._handles, call, self._refusals)

    def _aport(self, call: ChatCall) -> AsyncChatPort:
        return AsyncChatPort(self._handles, call, self._refusals)

    @property
    def _handles(self) -> dict[str, BaseChatModel]:
        helpers = self._bound.helpers
        return {
            **{arm.name: arm.model for arm in self.arms},
            **{name: arm.model for name, arm in helpers.items()},
        }

    def _message(self, outcome: Outcome, call: ChatCall) -> AIMessage:
        model = self._handles[outcome.reply.source]
        asked = call.options.get("logprobs") or getattr(model, "logprobs", None)
        return returned(outcome.reply.message, outcome.decision, hide_logprobs=not asked)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = Caller.of(run_manager, run_manager.run_id) if run_manager else caller()
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
        who = Caller.of(run_manager, run_manager.run_id) if run_manager else caller()
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
        who = Caller.of(run_manager, run_manager.run_id) if run_manager else caller()
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
            yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=routing))
        else:
            yield from replayed(self._message(outcome, call))

    # Around the base class: inner calls need the run, and the caller the bill.

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = Caller.of(run_manager, run_manager.run_id) if run_manager else caller()
        with calling(who):
            return super()._generate_with_cache(messages, stop, run_manager, **kwargs)

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = Caller.of(run_manager, run_manager.run_id) if run_manager else caller()
        with calling(who):
            return await super()._agenerate_with_cache(messages, stop, run_manager, **kwargs)

    def generate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """As in the base class; the returned messages carry the whole bill."""
        return with_bill(super().generate(*args, **kwargs), self.usage)

    async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """As in the base class; the returned messages carry the whole bill."""
        return with_bill(await super().agenerate(*args, **kwargs), self.usage)

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the name in the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Stream the answer. Nothing of a draft leaves before the draft is accepted.

        A final answer comes token by token as the model writes it; an accepted draft is replayed.
        The decision and the bill are on one chunk each, at the end.
        """
        config, who = self._traced(config, CallbackManager)
        inner = super().stream(input, config, stop=stop, **kwargs)
        return streamed_with_bill(inner, who, self.usage)

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the name in the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream the answer; see `stream`."""
        config, who = self._traced(config, AsyncCallbackManager)
        inner = super().astream(input, config, stop=stop, **kwargs)
        return astreamed_with_bill(inner, who, self.usage)

    def _traced(
        self, config: RunnableConfig | None, managers: Any
    ) -> tuple[RunnableConfig, Caller]:
        """A config whose run is known beforehand, and that run as the caller of inner calls."""
        config = ensure_config(config)
        manager = managers.configure(
            config.get("callbacks"),
            inheritable_tags=config.get("tags"),
            inheritable_metadata=config.get("metadata"),
        )
        run_id = config.get("run_id") or uuid7()
        known = RunnableConfig(**{**config, "callbacks": manager, "run_id": run_id})
        return known, Caller.of(manager, run_id, Contexts.here())
