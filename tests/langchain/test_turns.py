"""Tool loops and server-side tools: which model is asked, and how often."""

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from langchain_automix import Arm, Capabilities, Preference, routing_decision
from tests.scripted_server import Scripted, ToolCall

SURE, UNSURE = -0.05, -2.0
WEB_SEARCH = {"type": "web_search_preview"}


@tool
def look_up(city: str) -> str:
    """Look a city up."""
    return f"{city} has two rivers."


def respond(body):
    """The small model cannot call the tool; both can sum up what it found."""
    if body["messages"][-1]["role"] == "tool":
        return Scripted(text=f"{body['model']} sums up", logprob=SURE)
    right = body["model"] == "large"
    return Scripted(tool_calls=(ToolCall("look_up", {"city": "Lyon"} if right else {}),))


def by_chat_completions(two, **options):
    """The router over models that stay with the API that the scripted server speaks."""
    names = ("small", "large")
    models = {name: two.model(name, use_responses_api=False) for name in names}
    return two.routed(models=models, **options)


def with_result(question, message):
    (called,) = message.tool_calls
    return [HumanMessage(question), message, ToolMessage("two rivers", tool_call_id=called["id"])]


async def test_the_model_that_called_tools_keeps_the_turn(pair, call):
    two = pair(respond)
    llm = two.routed().bind_tools([look_up])
    first = await call(llm, "Rivers?")
    assert routing_decision(first).arm == "large"
    history = with_result("Rivers?", first)
    assert (await call(llm, history)).text == "large sums up"
    assert two.asked == ["small", "large", "large"]
    await call(llm, [*history, HumanMessage("And now?")])  # a new turn starts afresh
    assert two.asked[3] == "small"


async def test_a_forced_model_takes_the_turn(pair, call):
    llm = pair(respond).routed().bind_tools([look_up])
    history = with_result("Rivers?", await call(llm, "Rivers?"))
    assert (await call(llm, history, force="small")).text == "small sums up"


async def test_a_holder_that_cannot_serve_gives_the_turn_away(pair, call):
    two = pair(respond)
    narrow = Arm(two.model("large"), capabilities=Capabilities(context_window=40, tools=True))
    llm = two.routed(models={"small": two.model("small"), "large": narrow}).bind_tools([look_up])
    first = await call(llm, "Rivers?")
    history = with_result("word " * 100, first)
    assert (await call(llm, history)).text == "small sums up"


async def test_it_loses_the_turn_by_failing(pair, call):
    def failing(body):
        if body["model"] == "large" and body["messages"][-1]["role"] == "tool":
            return Scripted(status=500)
        return respond(body)

    llm = pair(failing).routed().bind_tools([look_up])
    history = with_result("Rivers?", await call(llm, "Rivers?"))
    assert (await call(llm, history)).text == "small sums up"


async def test_a_small_model_that_holds_the_turn_is_still_checked(pair, call):
    def unsure(body):
        if body["messages"][-1]["role"] == "tool":
            return Scripted(text=f"{body['model']} sums up", logprob=UNSURE)
        return Scripted(tool_calls=(ToolCall("look_up", {"city": "Lyon"}),))

    llm = pair(unsure).routed().bind_tools([look_up])
    first = await call(llm, "Rivers?")
    assert routing_decision(first).arm == "small"
    assert (await call(llm, with_result("Rivers?", first))).text == "large sums up"


async def test_turns_need_not_be_kept(pair, call):
    llm = pair(respond).routed(sticky=False).bind_tools([look_up])
    history = with_result("Rivers?", await call(llm, "Rivers?"))
    assert (await call(llm, history)).text == "small sums up"


async def test_a_server_side_tool_runs_once(pair, call):
    two = pair(lambda body: Scripted(text=f"{body['model']} searched", logprob=UNSURE))
    llm = by_chat_completions(two, router="automix").bind_tools([WEB_SEARCH])
    decision = routing_decision(message := await call(llm, "News?"))
    assert message.text == "small searched"
    assert (two.asked, decision.status, decision.verdicts) == (["small"], "final", ())
    assert two.server.bodies[0]["tools"] == [WEB_SEARCH]
    assert (await call(llm, "News?", preference=Preference(force="large"))).text.startswith("large")


async def test_a_server_side_tool_that_failed_is_tried_elsewhere(pair, call):
    def busy(body):
        return Scripted(status=503) if body["model"] == "small" else Scripted(text="found")

    llm = by_chat_completions(pair(busy)).bind_tools([WEB_SEARCH])
    assert (await call(llm, "News?")).text == "found"


@pytest.mark.parametrize("bound", [[look_up], [look_up, WEB_SEARCH]])
async def test_any_server_side_tool_makes_the_difference(pair, call, bound):
    two = pair(lambda body: Scripted(text="x", logprob=UNSURE))
    await call(by_chat_completions(two).bind_tools(bound), "News?")
    assert len(two.asked) == 3 - len(bound)
