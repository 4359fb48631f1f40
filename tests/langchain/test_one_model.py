"""The router is one model to whatever stands around it: wrappers, protocols, limits, formats."""

import asyncio
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool

from langchain_automix import (
    AllArmsFailed,
    Preference,
    RoutingChatModel,
    collect_decisions,
    preferring,
    routing_decision,
)
from tests.langchain.pair import until
from tests.langchain.test_chat_model import Listener, Runs
from tests.scripted_server import Scripted, ToolCall

SURE, UNSURE = -0.05, -2.0


def respond(body):
    if body["model"] == "small":
        return Scripted(text="Paris", logprob=UNSURE, usage=(10, 3))
    return Scripted(text="Lyon it must be", usage=(20, 4))


@tool
def look_up(city: str) -> str:
    """Look a city up."""
    return city


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is in beta.*")
        yield


async def test_the_third_event_protocol_shows_one_message(pair):
    two, runs = pair(respond), Runs()
    with get_usage_metadata_callback() as counted:
        stream = two.routed().stream_events("?", {"callbacks": [runs]}, version="v3")
        words = list(stream.text)
        assert ("".join(words), len(words)) == ("Lyon it must be", 4)
        message = stream.output
    assert routing_decision(message).arm == "large"
    (root,) = runs.roots
    assert [child.name for child in root.child_runs] == ["small (draft)", "large (answer)"]
    assert {k: v["total_tokens"] for k, v in counted.usage_metadata.items()} == {
        "small": 13,
        "large": 24,
    }
    later = await two.routed().astream_events("?", version="v3")
    assert "".join([part async for part in later.text]) == "Lyon it must be"


def test_the_third_event_protocol_follows_preferences(pair):
    llm = pair(respond).routed()
    with preferring(Preference(force="small")):
        stream = llm.stream_events("?", version="v3")
    assert stream.output.text == "Paris"
    config = {"configurable": {"force": "small"}}
    assert llm.stream_events("?", config, version="v3").output.text == "Paris"


async def test_the_third_event_protocol_through_a_graph(pair):
    langgraph = pytest.importorskip("langgraph.graph")
    llm = pair(respond).routed()
    builder = langgraph.StateGraph(langgraph.MessagesState)
    builder.add_node("model", lambda state: {"messages": [llm.invoke(state["messages"])]})
    builder.add_edge(langgraph.START, "model")
    run = builder.compile().stream_events({"messages": [("user", "?")]}, version="v3")
    assert ["".join(message.text) for message in run.messages] == ["Lyon it must be"]


async def test_retries_around_the_router(pair, call):
    failures = iter([500, 500])

    def flaky(body):
        status = next(failures, 200)
        return Scripted(status=status) if status == 500 else Scripted(text="Lyon", logprob=SURE)

    two = pair(flaky)
    llm = two.routed().with_retry(retry_if_exception_type=(AllArmsFailed,), stop_after_attempt=2)
    if call.way.endswith("invoke"):  # LangChain does not retry streams
        assert (await call(llm, "?")).text == "Lyon"
        assert two.asked == ["small", "large", "small"]


async def test_fallbacks_around_the_router_keep_its_tools(pair, call):
    def respond_to_tools(body):
        if body["model"] != "spare":
            return Scripted(status=500)
        return Scripted(tool_calls=(ToolCall("look_up", {"city": "Lyon"}),))

    two = pair(respond_to_tools)
    llm = two.routed().with_fallbacks([two.model("spare")]).bind_tools([look_up])
    message = await call(llm, "?")
    assert message.tool_calls[0]["args"] == {"city": "Lyon"}
    assert all(body["tools"] for body in two.server.bodies)


async def test_configurable_fields_and_tools(pair):
    two = pair(respond)
    llm = two.routed().configurable_fields(usage=ConfigurableField(id="usage"))
    assert llm.invoke("?").usage_metadata["total_tokens"] == 37
    answer_only = {"configurable": {"usage": "answer"}}
    assert llm.invoke("?", answer_only).usage_metadata["total_tokens"] == 24
    assert llm.bind_tools([look_up]).invoke("?", answer_only).text == "Lyon it must be"


async def test_with_config(pair, call):
    runs = Runs()
    llm = pair(respond).routed().with_config(tags=["mine"], run_name="router", callbacks=[runs])
    await call(llm, "?")
    (root,) = runs.roots
    assert (root.name, len(root.child_runs)) == ("router", 2)
    assert "mine" in root.tags


async def test_a_rate_limiter_counts_one_call(pair, call):
    class Counting(InMemoryRateLimiter):
        taken = 0

        def acquire(self, *, blocking=True):
            self.taken += 1
            return True

        async def aacquire(self, *, blocking=True):
            return self.acquire(blocking=blocking)

    limiter = Counting()
    await call(pair(respond).routed(rate_limiter=limiter), "?")
    assert limiter.taken == 1


@pytest.mark.parametrize("confidence", [SURE, UNSURE])
async def test_content_blocks(pair, call, confidence):
    two = pair(lambda body: Scripted(text="Lyon it is", logprob=confidence))
    message = await call(two.routed(output_version="v1"), "?")
    (block,) = message.content
    assert (block["type"], block["text"]) == ("text", "Lyon it is")
    assert routing_decision(message).arm == ("small" if confidence == SURE else "large")
    assert message.usage_metadata is not None


async def test_images_pass_through_untouched(pair, call):
    two = pair(respond)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "What is this?"}, image]
    await call(two.routed(), [HumanMessage(content)])
    assert [body["messages"][0]["content"] for body in two.server.bodies] == [content] * 2


async def test_stop_texts_reach_every_model(pair, call):
    two = pair(respond)
    await call(two.routed(), "?", stop=["must"])
    assert [body["stop"] for body in two.server.bodies] == [["must"]] * 2


def test_sixty_four_threads_never_meet(pair):
    def answer(body):
        asked = body["messages"][-1]["content"]
        sure = SURE if int(asked) % 2 else UNSURE
        return Scripted(text=f"{body['model']} on {asked}", logprob=sure, usage=(int(asked), 1))

    llm, ear = pair(answer).routed(), Listener()

    def ask(number):
        runs = Runs()
        with collect_decisions() as decisions, get_usage_metadata_callback() as counted:
            if number % 4 < 2:
                message = llm.invoke(str(number), {"callbacks": [runs, ear]})
            else:
                parts = list(llm.stream(str(number), {"callbacks": [runs, ear]}))
                message = sum(parts[1:], parts[0])
        total = sum(use["total_tokens"] for use in counted.usage_metadata.values())
        (root,) = runs.roots
        return number, message, decisions, total, len(root.child_runs)

    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(ask, range(128)))
    for number, message, decisions, total, children in results:
        calls = 1 if number % 2 else 2
        assert message.text == f"{'small' if number % 2 else 'large'} on {number}"
        assert [d.id for d in decisions] == [routing_decision(message).id]
        assert total == message.usage_metadata["total_tokens"] == calls * (number + 1)
        assert children == decisions[0].calls == calls


async def test_a_cancelled_call_cancels_its_samples(pair):
    def slow(body):
        return Scripted(text="Paris", delay=5 if len(body["messages"]) > 2 else 0)

    two = pair(slow, logprobs=False, choices="refuse")
    with collect_decisions() as decisions:
        task = asyncio.create_task(two.routed(router="automix").ainvoke("?"))
        await until(lambda: two.server.peak >= 3)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert time.monotonic() - began < 2
    await until(lambda: two.server.aborts >= 3)
    assert two.server.aborts >= 3
    assert [d.status for d in decisions] == ["cancelled"]


async def test_an_async_stream_that_is_closed_early_hangs_up(pair):
    def long(body):
        if body["model"] == "small":
            return Scripted(text="Paris", logprob=UNSURE)
        return Scripted(text="word " * 500, chunk_delay=0.02)

    two = pair(long)
    with collect_decisions() as decisions:
        stream = two.routed().astream("?")
        async for chunk in stream:
            if chunk.text:
                break
        await stream.aclose()
    await until(lambda: two.server.aborts)
    assert two.server.aborts == 1
    assert [d.status for d in decisions] == ["cancelled"]


def test_classic_retrieval_chains(pair):
    chains = pytest.importorskip("langchain_classic.chains")
    combine = pytest.importorskip("langchain_classic.chains.combine_documents")
    from langchain_core.documents import Document
    from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
    from langchain_core.runnables import RunnableLambda

    def answer(body):
        text = str(body["messages"])
        if "You check whether" in text:
            return Scripted(text="Fine.\nVerdict: correct")
        if "Rephrase" in text:
            return Scripted(text="When was the station opened?")
        return Scripted(text="in 1911")

    two = pair(answer, logprobs=False)
    llm = two.routed(router="automix")
    asked = []

    def look(question):
        asked.append(question)
        return [Document("The station was opened in 1911.")]

    history = MessagesPlaceholder("chat_history")
    rephrase = ChatPromptTemplate([("system", "Rephrase."), history, ("human", "{input}")])
    system = ("system", "Use the given context to answer.\nContext: {context}")
    prompt = ChatPromptTemplate([system, history, ("human", "{input}")])
    retriever = chains.create_history_aware_retriever(llm, RunnableLambda(look), rephrase)
    chain = chains.create_retrieval_chain(
        retriever, combine.create_stuff_documents_chain(llm, prompt)
    )
    talk = {"input": "And when?", "chat_history": [("human", "A station?"), ("ai", "Yes.")]}
    assert chain.invoke(talk)["answer"] == "in 1911"
    assert asked == ["When was the station opened?"]
    checks = [b for b in two.server.bodies if "You check" in b["messages"][0]["content"]]
    assert "> The station was opened in 1911." in checks[-1]["messages"][-1]["content"]
    assert "> And when?" in checks[-1]["messages"][-1]["content"]
    assert "".join(part.get("answer", "") for part in chain.stream(talk)) == "in 1911"


def test_a_stream_is_no_place_for_a_router_without_streaming_models():
    models = {name: FakeListChatModel(responses=[name]) for name in ("small", "large")}
    chain = RoutingChatModel(models=models) | StrOutputParser()
    assert "".join(chain.stream("?")) == "large"
