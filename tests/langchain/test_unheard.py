"""A call that no handler hears is made by a shorter way, and nobody can tell the difference."""

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import ensure_config
from pydantic import Field

from automix_core.verify import Check
from langchain_automix import Preference, Router, RoutingChatModel
from tests.langchain.pair import until

CALL = {"name": "find", "args": '{"where": "Lyon"}', "id": "1", "index": 0}
USAGE = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
WAYS = ["invoke", "ainvoke", "stream", "astream"]
VARYING = {"id", "latency"}


class Model(BaseChatModel):
    """A model that notes what it is told."""

    told: list[Any] = Field(default_factory=list)
    closed: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "noting"

    def _note(self, run_manager: Any) -> None:
        config = ensure_config()
        run = run_manager and (
            run_manager.parent_run_id is not None,
            run_manager.tags,
            run_manager.inheritable_tags,
            {k: v for k, v in run_manager.metadata.items() if not k.startswith("ls_")},
        )
        self.told.append((run, config["tags"], config["metadata"]))

    def _generate(self, messages, stop=None, run_manager=None, **kwargs) -> ChatResult:
        self._note(run_manager)
        message = AIMessage("Two rivers.", usage_metadata=USAGE, additional_kwargs={"a": 1})
        info = {"finish_reason": "stop"}
        return ChatResult(
            generations=[ChatGeneration(message=message, generation_info=info)],
            llm_output={"model_name": "noting"},
        )

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        self._note(run_manager)
        try:
            yield ChatGenerationChunk(message=AIMessageChunk("Two ", id="mine"))
            yield ChatGenerationChunk(message=AIMessageChunk("rivers.", id="mine"))
            if kwargs.get("calls"):
                yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[CALL]))
            yield ChatGenerationChunk(
                message=AIMessageChunk("", usage_metadata=USAGE),
                generation_info={"finish_reason": "stop"},
            )
        finally:
            self.closed.append("closed")


def routed(*, drafts=False, **options):
    models = {"small": Model(**options), "large": Model(**options)}
    preference = None if drafts else Preference(force="large")
    router = Router.preset("cascade", verifier=Check(lambda checked: checked.arm == "large"))
    return RoutingChatModel(models=models, router=router, preference=preference), models


async def called(llm, way, config, **keywords):
    """Every chunk or the one message, with the ids and times of this run left out."""
    if way == "invoke":
        got = [llm.invoke("?", config, **keywords)]
    elif way == "ainvoke":
        got = [await llm.ainvoke("?", config, **keywords)]
    elif way == "stream":
        got = list(llm.stream("?", config, **keywords))
    else:
        got = [chunk async for chunk in llm.astream("?", config, **keywords)]
    return [plain(message.model_dump()) for message in got]


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in VARYING}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("drafts", [True, False])
@pytest.mark.parametrize("calls", [True, False])
@pytest.mark.parametrize("way", WAYS)
async def test_what_comes_back_is_the_same(way, calls, drafts):
    llm, _ = routed(drafts=drafts)
    keywords = {"calls": True} if calls else {}
    unheard = await called(llm, way, None, **keywords)
    heard = await called(llm, way, {"callbacks": [UsageMetadataCallbackHandler()]}, **keywords)
    assert unheard == heard
    assert any(part["response_metadata"].get("finish_reason") == "stop" for part in heard)


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_model_is_told_is_the_same(way):
    llm, models = routed(tags=["own"], metadata={"own": 1})
    around = {"tags": ["outer"], "metadata": {"outer": 2}}
    await called(llm, way, around)
    await called(llm, way, {**around, "callbacks": [UsageMetadataCallbackHandler()]})
    unheard, heard = models["large"].told
    assert unheard == heard
    assert "routing:arm:large" in heard[1]


class Ear(BaseCallbackHandler):
    """Hears of every chat model that starts."""

    def __init__(self):
        self.heard = []

    def on_chat_model_start(self, serialized, messages, *, name=None, **kwargs):
        self.heard.append(name)


@pytest.mark.parametrize("way", WAYS)
async def test_a_models_own_handler_hears_its_calls(way):
    ear = Ear()
    llm, _ = routed(callbacks=[ear])
    await called(llm, way, None)
    assert ear.heard == ["large (answer)"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_model_that_changes_the_way_in_is_called_that_way(way):
    entered = []

    class Changed(Model):
        def invoke(self, *args, **kwargs):
            entered.append("invoke")
            return super().invoke(*args, **kwargs)

        async def ainvoke(self, *args, **kwargs):
            entered.append("ainvoke")
            return await super().ainvoke(*args, **kwargs)

        def stream(self, *args, **kwargs):
            entered.append("stream")
            yield from super().stream(*args, **kwargs)

        async def astream(self, *args, **kwargs):
            entered.append("astream")
            async for chunk in super().astream(*args, **kwargs):
                yield chunk

    models = {"small": Changed(), "large": Changed()}
    llm = RoutingChatModel(models=models, preference=Preference(force="large"))
    await called(llm, way, None)
    assert entered == [way]


class Limit(BaseRateLimiter):
    """Counts, and never waits."""

    def __init__(self):
        self.acquired = 0

    def acquire(self, *, blocking=True):
        self.acquired += 1
        return True

    async def aacquire(self, *, blocking=True):
        return self.acquire()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("of", ["model", "router"])
async def test_a_rate_limit_holds(way, of):
    limit = Limit()
    llm, _ = routed(rate_limiter=limit) if of == "model" else routed()
    if of == "router":
        llm.rate_limiter = limit
    await called(llm, way, None)
    assert limit.acquired == 1


@pytest.mark.parametrize("of", ["models", "router"])
@pytest.mark.parametrize("way", WAYS)
async def test_content_blocks_come_where_they_are_asked_for(way, of):
    llm, _ = routed(output_version="v1") if of == "models" else routed()
    if of == "router":
        llm.output_version = "v1"
    unheard = await called(llm, way, None)
    heard = await called(llm, way, {"callbacks": [UsageMetadataCallbackHandler()]})
    assert unheard == heard
    assert isinstance(unheard[0]["content"], list)


async def test_a_stream_that_is_left_early_is_closed():
    llm, models = routed()
    chunks = llm.stream("?")
    next(chunks)
    chunks.close()
    assert models["large"].closed == ["closed"]
    chunks = llm.astream("?")
    await anext(chunks)
    await chunks.aclose()
    # LangChain leaves it to the event loop to close what it was reading, which is soon.
    await until(lambda: len(models["large"].closed) == 2)
    assert models["large"].closed == ["closed"] * 2


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_described_to_nobody(way):
    described = []

    class Described(Model):
        def _get_ls_params(self, stop=None, **kwargs):
            described.append(kwargs)
            return super()._get_ls_params(stop, **kwargs)

    models = {"small": Described(), "large": Described()}
    llm = RoutingChatModel(models=models, preference=Preference(force="large"))
    described.clear()  # names are read off the models when the router is made
    await called(llm, way, None)
    assert described == []
    await called(llm, way, {"callbacks": [UsageMetadataCallbackHandler()]})
    assert len(described) == 1
