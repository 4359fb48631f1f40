"""Every way to use the LLM, with every kind of arm, in every outcome: right text, no lost call.

{own class, OpenAILike over a socket} x {accepted, rejected, failed} x {sync, async} x {whole,
streamed}, for each way in which LlamaIndex uses an LLM.
"""

import json

import pytest
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.chat_engine.types import AgentChatResponse, StreamingAgentChatResponse
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.llm import LLMChatStartEvent, LLMCompletionStartEvent
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate

from automix_core.verify.check import Check
from llamaindex_automix import AllArmsFailed, Router, RoutingLLM, collect_decisions
from tests.llamaindex.fakes import Native
from tests.llamaindex.pair import ANSWER, DRAFT, PRICES, index_of
from tests.llamaindex.test_observing import Events
from tests.llamaindex.test_structured import Town
from tests.llamaindex.test_tools import TOOL
from tests.scripted_server import Scripted, ToolCall

OUTCOMES = ("accepted", "rejected", "failed")


async def all_of(made, *, sync, stream):
    """What a call gives, awaited and drained."""
    made = made if sync else await made
    if not stream:
        return made
    return list(made) if sync else [chunk async for chunk in made]


def prefix(sync, stream):
    return ("" if sync else "a") + ("stream_" if stream else "")


async def chat(llm, *, sync, stream):
    made = getattr(llm, prefix(sync, stream) + "chat")([ChatMessage("Why?")])
    got = await all_of(made, sync=sync, stream=stream)
    return "".join(chunk.delta for chunk in got) if stream else got.message.content


async def complete(llm, *, sync, stream):
    got = await all_of(
        getattr(llm, prefix(sync, stream) + "complete")("Why?"), sync=sync, stream=stream
    )
    return "".join(chunk.delta for chunk in got) if stream else got.text


async def predict(llm, *, sync, stream):
    way = ("" if sync else "a") + ("stream" if stream else "predict")
    made = getattr(llm, way)(PromptTemplate("{query_str}"), query_str="Why?")
    return "".join(await all_of(made, sync=sync, stream=stream))


async def query_engine(llm, *, sync, stream):
    engine = index_of("A fact.").as_query_engine(llm=llm, streaming=stream)
    response = engine.query("Why?") if sync else await engine.aquery("Why?")
    if isinstance(response, StreamingResponse):
        return "".join(response.response_gen)
    if isinstance(response, AsyncStreamingResponse):
        return "".join([token async for token in response.async_response_gen()])
    return str(response)


async def chat_engine(llm, *, sync, stream):
    engine = index_of("A fact.").as_chat_engine(chat_mode="context", llm=llm)
    made = getattr(engine, prefix(sync, stream) + "chat")("Why?")
    response = made if sync else await made
    if isinstance(response, StreamingAgentChatResponse):
        if sync:
            return "".join(response.response_gen)
        return "".join([token async for token in response.async_response_gen()])
    assert isinstance(response, AgentChatResponse)
    return str(response)


async def chat_with_tools(llm, *, sync, stream):
    made = getattr(llm, prefix(sync, stream) + "chat_with_tools")([TOOL], user_msg="6 by 7?")
    got = await all_of(made, sync=sync, stream=stream)
    (call,) = llm.get_tool_calls_from_response(got[-1] if stream else got)
    return call.tool_kwargs


async def structured_predict(llm, *, sync, stream):
    prompt = PromptTemplate("A town.")
    made = getattr(llm, prefix(sync, stream) + "structured_predict")(Town, prompt)
    got = await all_of(made, sync=sync, stream=stream)
    return (got[-1] if stream else got).model_dump()


TEXTS = {"small": DRAFT, "large": ANSWER, "wrong": DRAFT}
CALLS = {"small": {"a": 6, "b": 7}, "large": {"a": 7, "b": 6}, "wrong": {"a": 6}}
TOWNS = {
    "small": {"name": "Lyon", "river": "Rhône"},
    "large": {"name": "Nice", "river": "Paillon"},
    "wrong": {"name": "Lyon"},
}
USES = {
    chat: TEXTS,
    complete: TEXTS,
    predict: TEXTS,
    query_engine: TEXTS,
    chat_engine: TEXTS,
    chat_with_tools: CALLS,
    structured_predict: TOWNS,
}


class World:
    """Two arms of one kind, what they say, and how often they were asked."""

    def __init__(self, kind, use, pair, small, large):
        as_text = use is structured_predict  # as JSON, by models that call no tools
        said = {"small": small, "large": large}

        def scripted(body):
            now = said[body["model"]]
            if isinstance(now, dict) and not as_text:
                return Scripted(tool_calls=(ToolCall("multiply", now),))
            return now if isinstance(now, Scripted) else Scripted(spoken(now))

        def spoken(now):
            return json.dumps(now) if isinstance(now, dict) and as_text else now

        if kind == "scripted":
            self._pair = pair(scripted)
            self.models = self._pair.models(is_function_calling_model=not as_text)
        else:
            self._pair = None
            self.models = {
                name: Native(broken() if isinstance(now, Scripted) else spoken(now), model=name)
                for name, now in said.items()
            }
            for model in self.models.values():
                model.tools = not as_text

    @property
    def asked(self):
        if self._pair is not None:
            return len(self._pair.asked)
        return sum(len(model.calls) for model in self.models.values())


def broken():
    return OSError("out of order")


@pytest.fixture
def starts():
    """Every real call, as LlamaIndex announces it: one that fails has a beginning only."""
    handler, root = Events(kinds=(LLMChatStartEvent, LLMCompletionStartEvent)), get_dispatcher()
    root.add_event_handler(handler)
    yield handler.seen
    root.event_handlers.remove(handler)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("kind", ["own", "scripted"])
@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
async def test_cell(pair, starts, use, kind, outcome, sync, stream):
    says = USES[use]
    out_of_order = Scripted(status=500, error="out of order")
    small = {"accepted": says["small"], "rejected": says["wrong"], "failed": out_of_order}[outcome]
    world = World(kind, use, pair, small, says["large"])
    router = Router.preset("cascade", verifier=Check(lambda case: outcome == "accepted"))
    llm = RoutingLLM(models=world.models, router=router, prices=PRICES)
    with collect_decisions() as decisions:
        got = await use(llm, sync=sync, stream=stream)
    kept = "small" if outcome == "accepted" else "large"
    assert got == says[kept]
    assert world.asked == len(starts) == (1 if outcome == "accepted" else 2)
    (decision,) = decisions
    assert (decision.arm, decision.calls) == (kept, world.asked)


# A chat engine reads its stream on a thread of LlamaIndex's, which dies of the error as well.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("kind", ["own", "scripted"])
@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
async def test_cell_in_which_every_arm_fails(pair, starts, use, kind, sync, stream):
    out_of_order = Scripted(status=500, error="out of order")
    world = World(kind, use, pair, out_of_order, out_of_order)
    llm = RoutingLLM(models=world.models, prices=PRICES)
    with collect_decisions() as decisions, pytest.raises(AllArmsFailed, match="out of order"):
        await use(llm, sync=sync, stream=stream)
    assert world.asked == len(starts) == 2
    assert [decision.status for decision in decisions] == ["failed"]
