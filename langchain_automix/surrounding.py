"""What surrounds an answer: the run that inner calls hang under, the bill, the caller's config.

The base class starts the router's run and ends it. Inner calls need that run, and the caller needs
the bill on a message that the handlers have already seen without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseRunManager,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, Generation, LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.utils.utils import LC_ID_PREFIX
from langchain_core.utils.uuid import uuid7
from pydantic import Field

from automix_core.contexts import Contexts, collectors, current_preference
from automix_core.decision import Decision, DecisionCallback, publish
from automix_core.router import Router
from langchain_automix.billing import Counted, astreamed_with_bill, streamed_with_bill, with_bill
from langchain_automix.configured import configured
from langchain_automix.messages import ROUTING, cached
from langchain_automix.presentation import PresentedChatModel
from langchain_automix.tracing import Caller, caller, caller_of, calling

__all__ = ["SurroundedChatModel"]


class SurroundedChatModel(PresentedChatModel):
    """The ways into a chat model. `RoutingChatModel` adds the answering."""

    on_decision: DecisionCallback | None = Field(default=None, repr=False, exclude=True)
    usage: Counted = "total"

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the name in the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """As in the base class; the config's `configurable` may hold `preference` and `force`."""
        return super().invoke(input, config, stop=stop, **configured(config, kwargs))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the name in the base class
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """As in the base class; the config's `configurable` may hold `preference` and `force`."""
        return await super().ainvoke(input, config, stop=stop, **configured(config, kwargs))

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = caller_of(run_manager)
        if run_manager and self._answers_at_once(who, run_manager, is_async=False, **kwargs):
            return _identified(self._generate(messages, stop, run_manager, **kwargs), run_manager)
        with calling(who):
            result = super()._generate_with_cache(messages, stop, run_manager, **kwargs)
        return self._uncached(result)

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        who = caller_of(run_manager)
        if run_manager and self._answers_at_once(who, run_manager, is_async=True, **kwargs):
            result = await self._agenerate(messages, stop, run_manager, **kwargs)
            return _identified(result, run_manager)
        with calling(who):
            result = await super()._agenerate_with_cache(messages, stop, run_manager, **kwargs)
        return self._uncached(result)

    def _answers_at_once(
        self, who: Caller, run_manager: Any, *, is_async: bool, **kwargs: Any
    ) -> bool:
        """Whether there is nothing for the base class to do around the answer.

        No cache, no limit, no stream for a handler, and the content stays as it is.
        """
        return not (
            who.heard
            or self._caching
            or self.rate_limiter
            or self.output_version == "v1"
            or self._should_stream(async_api=is_async, run_manager=run_manager, **kwargs)
        )

    @property
    def _caching(self) -> bool:
        return bool(self.cache) or (self.cache is None and get_llm_cache() is not None)

    def _uncached(self, result: ChatResult) -> ChatResult:
        """A result that shares nothing with what a cache may keep of it."""
        return result.model_copy(deep=True) if self._caching else result

    def _convert_cached_generations(self, cache_val: list[Generation]) -> list[ChatGeneration]:
        """What a cache in front of the router gives: copies, marked, at no cost."""
        found = [cached(generation, caller().run_id) for generation in cache_val]
        listeners = [decisions.append for decisions in collectors()]
        for kept, (_, decision) in zip(cache_val, found, strict=True):
            if decision is not None:
                origin = kept.message.response_metadata[ROUTING]["id"]  # type: ignore[attr-defined]
                link = partial(_linked, self._bound, origin)
                publish(decision, [link, *listeners, *filter(None, [self.on_decision])])
        return [generation for generation, _ in found]

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
        inner = super().stream(input, config, stop=stop, **configured(config, kwargs))
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
        inner = super().astream(input, config, stop=stop, **configured(config, kwargs))
        return astreamed_with_bill(inner, who, self.usage)

    # The two below serve `stream_events(version="v3")`, which comes by none of the ways above.

    def _chat_model_stream_v3(self, *args: Any, **kwargs: Any) -> Any:
        return super()._chat_model_stream_v3(*args, **self._here(args, kwargs))

    async def _achat_model_stream_v3(self, *args: Any, **kwargs: Any) -> Any:
        return await super()._achat_model_stream_v3(*args, **self._here(args, kwargs))

    def _here(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """A call's keywords with the preference that holds now: it starts when it is read."""
        config = args[1] if len(args) > 1 else kwargs.get("config")
        preference = current_preference()
        return configured(config, kwargs) | (
            {"preference": preference} if preference and "preference" not in kwargs else {}
        )

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


def _linked(router: Router, origin: str, decision: Decision) -> None:
    """Let feedback on a cached answer count for the decision that made it."""
    router.link_cached(decision.id, origin)


def _identified(result: ChatResult, run_manager: BaseRunManager) -> ChatResult:
    """A result whose message is named after its run, where its provider gave it no id."""
    message = result.generations[0].message
    message.id = message.id or f"{LC_ID_PREFIX}-{run_manager.run_id}-0"
    return result
