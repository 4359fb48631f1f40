"""Calls that nobody listens to, made without what LangChain does for those who listen.

Around each call of a model LangChain describes the model, makes callback managers and sums up what
came back, all for handlers. If no handler hears the router's run, none hears the runs below it.
The model itself is then told the same and answers the same, at a third of the cost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, _gen_info_and_msg_metadata
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.utils.uuid import uuid7

from langchain_automix.tracing import Caller

__all__ = ["agenerate", "astream", "generate", "stream", "streams", "unheard"]

_WAYS_IN = {
    False: ("invoke", "generate_prompt", "generate", "stream"),
    True: ("ainvoke", "agenerate_prompt", "agenerate", "astream"),
}


def unheard(who: Caller, model: BaseChatModel, *, is_async: bool) -> bool:
    """Whether no handler can hear a call of this model, and its class adds nothing to a call."""
    if who.heard or model.callbacks or model.verbose:
        return False
    ways = _WAYS_IN[is_async]
    return all(getattr(type(model), way) is getattr(BaseChatModel, way) for way in ways)


def streams(model: BaseChatModel, keywords: dict[str, Any], *, is_async: bool) -> bool:
    """Whether a stream of this model is what its own `_stream` yields, and no more than that."""
    return (
        model.rate_limiter is None
        and model.output_version != "v1"
        and model._should_stream(async_api=is_async, **{**keywords, "stream": True})
    )


def generate(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    who: Caller,
    config: RunnableConfig,
    keywords: dict[str, Any],
) -> ChatResult:
    """What `model.invoke` does."""
    run = CallbackManagerForLLMRun(**_run(model, who, config))
    with _configured(config):
        return model._generate_with_cache(list(messages), run_manager=run, **keywords)


async def agenerate(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    who: Caller,
    config: RunnableConfig,
    keywords: dict[str, Any],
) -> ChatResult:
    """What `model.ainvoke` does."""
    run = AsyncCallbackManagerForLLMRun(**_run(model, who, config))
    with _configured(config):
        return await model._agenerate_with_cache(list(messages), run_manager=run, **keywords)


def stream(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    keywords: dict[str, Any],
) -> Iterator[AIMessageChunk]:
    """What `model.stream` does."""
    chunks = iter(model._stream(list(messages), **keywords))
    chunk: ChatGenerationChunk | None
    last = None
    while True:
        with _configured(config):  # around each step, so that nothing leaks into the caller's code
            chunk = next(chunks, None)
        if chunk is None:
            break
        last = _message(chunk)
        yield last
    if last is not None:
        yield from _end(last)


async def astream(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    config: RunnableConfig,
    keywords: dict[str, Any],
) -> AsyncGenerator[AIMessageChunk, None]:
    """What `model.astream` does."""
    chunks = aiter(model._astream(list(messages), **keywords))
    last = None
    try:
        while True:
            with _configured(config):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            last = _message(chunk)
            yield last
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    if last is not None:
        for end in _end(last):
            yield end


def _run(model: BaseChatModel, who: Caller, config: RunnableConfig) -> dict[str, Any]:
    """The run below the caller's, as the model is told of it."""
    tags = [*who.tags, *config["tags"]]
    metadata = {**who.metadata, **config["metadata"]}
    return {
        "run_id": uuid7(),
        "handlers": [],
        "inheritable_handlers": [],
        "parent_run_id": who.run_id,
        "tags": [*tags, *(model.tags or ())],
        "inheritable_tags": tags,
        "metadata": {**metadata, **(model.metadata or {})},
        "inheritable_metadata": metadata,
    }


class _configured:  # noqa: N801 - reads as a verb in `with _configured(config):`
    """Make a config the one that runnables inside the model inherit."""

    __slots__ = ("_config", "_token")

    def __init__(self, config: RunnableConfig) -> None:
        self._config = config

    def __enter__(self) -> None:
        self._token = var_child_runnable_config.set(self._config)

    def __exit__(self, *_: object) -> None:
        var_child_runnable_config.reset(self._token)


def _message(chunk: ChatGenerationChunk) -> AIMessageChunk:
    message: Any = chunk.message
    message.response_metadata = _gen_info_and_msg_metadata(chunk)
    return message  # type: ignore[no-any-return]


def _end(last: AIMessageChunk) -> Iterator[AIMessageChunk]:
    """The mark of the end, where the model did not set it itself."""
    if not last.chunk_position:
        empty: Any = "" if isinstance(last.content, str) else []
        yield AIMessageChunk(content=empty, chunk_position="last")
