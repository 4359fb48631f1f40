"""The router inside a LangGraph graph: only the answer shows in its streams."""

import pytest

pytest.importorskip("langgraph")

from langgraph.graph import END, START, MessagesState, StateGraph

from langchain_automix import routing_decision
from tests.scripted_server import Scripted

UNSURE = -2.0


def graph(llm):
    async def ask(state):
        return {"messages": [await llm.ainvoke(state["messages"])]}

    def ask_sync(state):
        return {"messages": [llm.invoke(state["messages"])]}

    def built(node):
        builder = StateGraph(MessagesState)
        builder.add_node("model", node)
        builder.add_edge(START, "model")
        builder.add_edge("model", END)
        return builder.compile()

    return built(ask), built(ask_sync)


def respond(body):
    if "You check whether" in str(body["messages"][0]["content"]):
        return Scripted(text="No.\nVerdict: incorrect")
    if body["model"] == "small":
        return Scripted(text="draft draft", logprob=UNSURE)
    return Scripted(text="the real answer")


@pytest.mark.parametrize("router", ["cascade", "automix"])
async def test_messages_mode_shows_the_answer_once_and_nothing_else(pair, router):
    asynchronous, synchronous = graph(pair(respond).routed(router=router))
    asked = {"messages": [("user", "?")]}
    seen = [part async for part, _ in asynchronous.astream(asked, stream_mode="messages")]
    assert "".join(part.text for part in seen) == "the real answer"
    seen = [part for part, _ in synchronous.stream(asked, stream_mode="messages")]
    assert "".join(part.text for part in seen) == "the real answer"


async def test_events_show_one_model(pair):
    asynchronous, _ = graph(pair(respond).routed(router="automix"))
    asked = {"messages": [("user", "?")]}
    events = [event async for event in asynchronous.astream_events(asked, version="v2")]
    models = [event for event in events if event["event"] == "on_chat_model_start"]
    streamed = [event for event in events if event["event"] == "on_chat_model_stream"]
    assert len(models) == 1
    assert "".join(e["data"]["chunk"].text for e in streamed) == "the real answer"


async def test_the_decision_is_on_the_message_in_the_state(pair):
    asynchronous, _ = graph(pair(respond).routed())
    state = await asynchronous.ainvoke({"messages": [("user", "?")]})
    decision = routing_decision(state["messages"][-1])
    assert (decision.arm, decision.escalated) == ("large", True)
    assert state["messages"][-1].usage_metadata is not None
