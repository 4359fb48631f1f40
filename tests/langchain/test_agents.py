"""Agents: the router as an agent's model, and the same routing as a middleware."""

import subprocess
import sys

import pytest

pytest.importorskip("langchain.agents")

from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from langchain_automix import (
    AllArmsFailed,
    Preference,
    RoutingMiddleware,
    collect_decisions,
    preferring,
    routing_decision,
)
from tests.langchain.pair import PRICES
from tests.scripted_server import Scripted, ToolCall

SURE, UNSURE = -0.05, -2.0
NOBODY = FakeListChatModel(responses=["nobody asked me"])


@tool
def look_up(city: str) -> str:
    """Look a city up."""
    return f"{city} has two rivers."


def respond(body):
    """The small model calls the tool wrongly; both can sum up what it found."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Scripted(text=f"{body['model']}: {last['content']}", logprob=SURE)
    right = body["model"] == "large"
    return Scripted(tool_calls=(ToolCall("look_up", {"city": "Lyon"} if right else {}),))


def as_model(two, tools, **options):
    checkpointer = options.pop("checkpointer", None)
    return create_agent(two.routed(**options), tools, checkpointer=checkpointer)


def as_middleware(two, tools, **options):
    checkpointer = options.pop("checkpointer", None)
    models = {"small": two.model("small"), "large": two.model("large")}
    routing = RoutingMiddleware(models, **{"prices": PRICES, **options})
    return create_agent(NOBODY, tools, middleware=[routing], checkpointer=checkpointer)


@pytest.fixture(params=[as_model, as_middleware])
def agent(request):
    return request.param


async def run(agent, asked="Rivers of Lyon?", config=None):
    """Sync and async, which have to agree."""
    asked = {"messages": [("user", asked)]}
    sync = agent.invoke(asked, config)["messages"]
    found = (await agent.ainvoke(asked, config))["messages"]
    assert [m.text for m in sync] == [m.text for m in found]
    return found


async def test_a_tool_loop_stays_with_its_model(pair, agent):
    two = pair(respond)
    messages = await run(agent(two, [look_up]))
    assert [type(m) for m in messages[1:]] == [AIMessage, ToolMessage, AIMessage]
    assert messages[-1].text == "large: Lyon has two rivers."
    assert two.asked == ["small", "large", "large"] * 2
    assert [routing_decision(m).arm for m in messages if isinstance(m, AIMessage)] == ["large"] * 2


async def test_the_next_question_starts_afresh(pair, agent):
    two = pair(respond)
    routed = agent(two, [look_up], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for _ in range(2):
        await routed.ainvoke({"messages": [("user", "Rivers?")]}, config)
    assert two.asked == ["small", "large", "large"] * 2


async def test_preferences_reach_into_agents(pair, agent):
    two = pair(respond)
    routed = agent(two, [look_up])
    with preferring(Preference(force="large")):
        await run(routed)
    await run(routed, config={"configurable": {"force": "large"}})
    assert set(two.asked) == {"large"}


async def test_every_call_is_counted_and_on_a_decision(pair, agent):
    def counted(body):
        scripted = respond(body)
        return Scripted(text=scripted.text, tool_calls=scripted.tool_calls, usage=(10, 2))

    with get_usage_metadata_callback() as usage, collect_decisions() as decisions:
        await agent(pair(counted), [look_up]).ainvoke({"messages": [("user", "?")]})
    by_model = {name: use["total_tokens"] for name, use in usage.usage_metadata.items()}
    assert by_model == {"small": 12, "large": 24}
    assert [d.calls for d in decisions] == [2, 1]


@pytest.mark.parametrize("confidence", [SURE, UNSURE])
async def test_the_message_stream_shows_the_answer_once(pair, agent, confidence):
    def answer(body):
        return Scripted(text=f"{body['model']} says so", logprob=confidence)

    routed = agent(pair(answer), [look_up])
    asked = {"messages": [("user", "?")]}
    expected = f"{'small' if confidence == SURE else 'large'} says so"
    seen = [m.text async for m, _ in routed.astream(asked, stream_mode="messages")]
    assert "".join(seen) == expected
    seen = [m.text for m, _ in routed.stream(asked, stream_mode="messages")]
    assert "".join(seen) == expected


class Rivers(BaseModel):
    """The rivers of a city."""

    city: str
    count: int


def structured(body):
    said = {"city": "Lyon", "count": 2} if body["model"] == "large" else {"city": "Lyon"}
    if body.get("response_format"):
        return Scripted(text=str(said).replace("'", '"'))
    return Scripted(tool_calls=(ToolCall("Rivers", said),))


@pytest.mark.parametrize("form", [Rivers, ToolStrategy(Rivers), ProviderStrategy(Rivers)])
def test_structured_output_in_whatever_strategy(pair, form):
    agent = create_agent(pair(structured).routed(), [], response_format=form)
    state = agent.invoke({"messages": [("user", "?")]})
    assert state["structured_response"] == Rivers(city="Lyon", count=2)


@pytest.mark.parametrize(
    "form", [ToolStrategy(Rivers, handle_errors=False), ProviderStrategy(Rivers)]
)
async def test_structured_output_through_the_middleware(pair, form):
    two = pair(structured)
    routing = RoutingMiddleware({"small": two.model("small"), "large": two.model("large")})
    agent = create_agent(NOBODY, [], response_format=form, middleware=[routing])
    state = await agent.ainvoke({"messages": [("user", "?")]})
    assert state["structured_response"] == Rivers(city="Lyon", count=2)
    assert two.asked == ["small", "large"]


def test_a_router_does_not_look_like_a_model_with_native_structure(pair):
    two = pair(structured)
    models = {"gpt-5": two.model("small"), "openai:gpt-4.1": two.model("large")}
    agent = create_agent(two.routed(models=models, prices=None), [], response_format=Rivers)
    agent.invoke({"messages": [("user", "?")]})
    assert all("response_format" not in body for body in two.server.bodies)


def test_summaries_at_a_fraction_of_the_smallest_window(pair):
    two = pair(lambda body: Scripted(text="fine", logprob=SURE))
    windows = {"small": 200, "large": 1000}
    models = {n: two.model(n, profile={"max_input_tokens": size}) for n, size in windows.items()}
    llm = two.routed(models=models)
    assert llm.profile["max_input_tokens"] == 200
    summary = SummarizationMiddleware(llm, trigger=("fraction", 0.5), keep=("messages", 1))
    agent = create_agent(llm, [], middleware=[summary])
    state = agent.invoke(
        {"messages": [("user", "word " * 50), ("ai", "ok"), ("user", "word " * 90)]}
    )
    assert "summary" in state["messages"][0].text.lower()


async def test_a_judge_works_inside_an_agent(pair):
    def judged(body):
        if "You check whether" in str(body["messages"][0]["content"]):
            wrong = "small" in str(body["messages"][-1]["content"])
            return Scripted(text=f"So.\nVerdict: {'incorrect' if wrong else 'correct'}")
        return Scripted(text=f"{body['model']} says so")

    two = pair(judged, logprobs=False)
    messages = await run(as_middleware(two, [], router="automix"))
    assert messages[-1].text == "large says so"


def test_interrupts_pass_through(pair, agent):
    @tool
    def ask_human(question: str) -> str:
        """Ask a human."""
        return interrupt(question)

    def asks(body):
        if body["messages"][-1]["role"] == "tool":
            return Scripted(text=body["messages"][-1]["content"], logprob=SURE)
        return Scripted(tool_calls=(ToolCall("ask_human", {"question": "may I?"}),))

    routed = agent(pair(asks), [ask_human], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    state = routed.invoke({"messages": [("user", "?")]}, config)
    assert state["__interrupt__"][0].value == "may I?"
    assert routed.invoke(Command(resume="yes"), config)["messages"][-1].text == "yes"


def test_one_error_with_every_cause(pair, agent):
    routed = agent(pair(lambda body: Scripted(status=500, error="down")), [look_up])
    with pytest.raises(AllArmsFailed, match=r"small: .*large: "):
        routed.invoke({"messages": [("user", "?")]})


def test_the_middleware_alone_needs_the_package_of_agents():
    code = """
import sys
sys.modules["langchain"] = None
import langchain_automix
try:
    langchain_automix.RoutingMiddleware
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "automix-routing[langchain-agents]" in done.stdout
