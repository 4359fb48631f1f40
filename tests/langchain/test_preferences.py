"""Every way in which a caller says what a call may cost, and who has to answer it."""

import sys

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import ConfigurableField

from langchain_automix import (
    Arm,
    Capabilities,
    ConfigurationError,
    Preference,
    RoutingChatModel,
    routing_decision,
)
from tests.scripted_server import Scripted

CHEAP = Preference(cost_weight=0.3)


def respond(body):
    return Scripted(text=body["model"], logprob=-0.9)  # a confidence of about 0.41


@pytest.mark.parametrize(
    ("configurable", "answered"),
    [
        ({}, "large"),
        ({"preference": CHEAP}, "small"),
        ({"preference": {"cost_weight": 0.3}}, "small"),
        ({"preference": CHEAP, "force": "large"}, "large"),
        ({"force": "small", "thread_id": "1"}, "small"),
    ],
)
async def test_a_config_reaches_calls_and_chains(pair, call, configurable, answered):
    llm = pair(respond).routed()
    config = {"configurable": configurable}
    assert (await call(llm, "?", config=config)).text == answered
    assert await (llm | StrOutputParser()).ainvoke("?", config) == answered
    assert (llm | StrOutputParser()).invoke("?", config) == answered
    assert [m.text for m in llm.batch(["?", "!"], config)] == [answered] * 2


async def test_a_config_reaches_a_model_inside_a_graph(pair):
    langgraph = pytest.importorskip("langgraph.graph")
    llm = pair(respond).routed()

    async def node(state):
        return {"messages": [await llm.ainvoke(state["messages"])]}

    builder = langgraph.StateGraph(langgraph.MessagesState)
    builder.add_node("model", node)
    builder.add_edge(langgraph.START, "model")
    graph = builder.compile()
    asked = {"messages": [("user", "?")]}
    state = await graph.ainvoke(asked, {"configurable": {"force": "small"}})
    assert state["messages"][-1].text == "small"


async def test_the_call_itself_wins_over_its_config(pair, call):
    llm = pair(respond).routed()
    config = {"configurable": {"force": "large"}}
    assert (await call(llm, "?", config=config, force="small")).text == "small"


def test_a_config_that_makes_no_sense_is_an_error(pair):
    llm = pair(respond).routed()
    with pytest.raises(ConfigurationError, match="mapping of its fields"):
        llm.invoke("?", {"configurable": {"preference": "cheap"}})


async def test_the_kill_switch(pair, call):
    two = pair(respond)
    for word, name in (("cheapest", "small"), ("dearest", "large")):
        message = await call(two.routed(preference=Preference(force=word)), "?")
        decision = routing_decision(message)
        assert (message.text, decision.calls, decision.status) == (name, 1, "final")
        assert decision.why == f"{name} was forced by the preference."


def test_the_kill_switch_means_a_model_that_can_serve_the_request(pair):
    two = pair(respond)
    models = {
        "small": Arm(two.model("small"), capabilities=Capabilities(context_window=10)),
        "large": two.model("large"),
    }
    llm = two.routed(models=models, preference=Preference(force="cheapest"))
    assert llm.invoke("word " * 100).text == "large"


def test_a_model_of_that_name_comes_first(pair):
    two = pair(respond)
    models = {"dearest": two.model("small"), "cheapest": two.model("large")}
    llm = two.routed(models=models, prices={"dearest": (1, 1), "cheapest": (9, 9)})
    assert llm.invoke("?", force="dearest").text == "small"


def test_fields_can_be_made_configurable(pair):
    llm = pair(respond).routed().configurable_fields(preference=ConfigurableField(id="trade"))
    assert llm.invoke("?").text == "large"
    assert llm.invoke("?", {"configurable": {"trade": CHEAP}}).text == "small"


def test_models_given_as_strings(pair, monkeypatch):
    pytest.importorskip("langchain.chat_models")
    two = pair(respond)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", two.server.base_url)
    llm = RoutingChatModel(models={"small": "openai:tiny", "large": Arm("openai:big")})
    assert llm.invoke("?").text == "big"
    assert two.asked == ["tiny", "big"]


def test_strings_without_the_package_that_builds_them(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(ConfigurationError, match="pip install langchain"):
        RoutingChatModel(models=["openai:tiny", "openai:big"])


def test_a_router_is_no_model_of_another(pair):
    two = pair(respond)
    with pytest.raises(ConfigurationError, match="give it the models inside"):
        two.routed(models={"small": two.model("small"), "large": two.routed()})
