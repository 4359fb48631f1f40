"""Tools and agents: each arm speaks its own words, and a call is judged by its validity."""

import json

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool

from automix_core.verify.check import Check
from llamaindex_automix import AllArmsFailed, Router, collect_decisions
from tests.llamaindex.pair import ANSWER, DRAFT, script
from tests.scripted_server import Scripted, ToolCall


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


TOOL = FunctionTool.from_defaults(multiply)
RIGHT = Scripted(tool_calls=(ToolCall("multiply", {"a": 6, "b": 7}),))
WAYS = [f"{way}chat_with_tools" for way in ("", "a", "stream_", "astream_")]


def turns(*, small=RIGHT, large=RIGHT, small_answer=DRAFT):
    """Both models call the tool first, and answer when they see its result."""

    def respond(body):
        if body["messages"][-1]["role"] == "tool":
            return Scripted(small_answer if body["model"] == "small" else ANSWER, logprob=-0.001)
        return small if body["model"] == "small" else large

    return respond


async def with_tools(llm, way, **given):
    made = getattr(llm, way)([TOOL], **given)
    if way.startswith("a"):
        made = await made
    if "stream_" not in way:
        return made
    return [c async for c in made][-1] if way.startswith("a") else list(made)[-1]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


async def test_a_valid_call_of_the_small_model_is_kept(pair, way):
    models = pair(turns())
    llm = models.routed()
    history = [ChatMessage(content="Hello"), ChatMessage(role="assistant", content="Hi")]
    response = await with_tools(llm, way, user_msg="6 by 7?", chat_history=history)
    assert models.asked == ["small"]
    assert len(history) == 2
    sent = models.server.bodies[0]
    assert [m["content"] for m in sent["messages"]] == ["Hello", "Hi", "6 by 7?"]
    assert sent["tools"][0]["function"]["name"] == "multiply"
    calls = llm.get_tool_calls_from_response(response)
    assert [(call.tool_name, call.tool_kwargs) for call in calls] == [
        ("multiply", {"a": 6, "b": 7})
    ]
    assert response.additional_kwargs["routing"]["arm"] == "small"


@pytest.mark.parametrize(
    "wrong",
    [
        ToolCall("divide", {"a": 6, "b": 7}),
        ToolCall("multiply", {"a": 6}),
        ToolCall("multiply", {"a": "six", "b": 7}),
    ],
)
async def test_an_invalid_call_escalates(pair, way, wrong):
    models = pair(turns(small=Scripted(tool_calls=(wrong,))))
    response = await with_tools(models.routed(), way, user_msg="6 by 7?")
    assert models.asked == ["small", "large"]
    assert response.additional_kwargs["routing"]["arm"] == "large"


async def test_text_where_a_call_is_required_escalates(pair, way):
    models = pair(turns(small=Scripted("I would rather talk.", logprob=-0.001)))
    response = await with_tools(models.routed(), way, user_msg="6 by 7?", tool_required=True)
    assert models.asked == ["small", "large"]
    assert response.message.blocks
    assert models.server.bodies[0]["tool_choice"] == "required"


def test_a_forced_choice_requires_a_call_as_well(pair):
    models = pair(turns(small=Scripted("I would rather talk.", logprob=-0.001)))
    models.routed().chat_with_tools([TOOL], user_msg="6 by 7?", tool_choice="multiply")
    assert models.asked == ["small", "large"]


async def test_an_answer_after_a_tool_is_verified_against_its_result(pair, way):
    seen = []

    def look(case):
        seen.append((case.question, case.context))
        return True

    models = pair(turns())
    llm = models.routed(router=Router.preset("cascade", verifier=Check(look)))
    call = ToolCallBlock(tool_call_id="1", tool_name="multiply", tool_kwargs={"a": 6, "b": 7})
    history = [
        ChatMessage(content="6 by 7?"),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "1"}),
    ]
    response = await with_tools(llm, way, chat_history=history)
    assert response.message.content == DRAFT
    assert seen == [("6 by 7?", "42")]


async def test_all_arms_fail(pair, way):
    models = pair(lambda body: Scripted(status=500, error="out of order"))
    with pytest.raises(AllArmsFailed, match="out of order"):
        await with_tools(models.routed(), way, user_msg="6 by 7?")


def test_a_model_without_tools_is_never_asked_for_a_call(pair):
    models = pair(turns())
    small = models.model("small", is_function_calling_model=False)
    llm = models.routed(models=[small, models.model("large")])
    llm.chat_with_tools([TOOL], user_msg="6 by 7?")
    assert models.asked == ["large"]
    assert not llm.metadata.is_function_calling_model


def test_predict_and_call(pair):
    response = pair(turns()).routed().predict_and_call([TOOL], user_msg="6 by 7?")
    assert str(response) == "42"


def test_tools_in_a_providers_own_words(pair):
    models = pair(turns(small=Scripted(tool_calls=(ToolCall("multiply", {"a": 6}),))))
    tools = [TOOL.metadata.to_openai_tool()]
    response = models.routed().chat([ChatMessage(content="6 by 7?")], tools=tools)
    assert response.additional_kwargs["routing"]["arm"] == "large"
    assert models.server.bodies[0]["tools"] == tools


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("valid", [True, False])
async def test_a_function_agent(pair, streaming, valid):
    small = RIGHT if valid else Scripted(tool_calls=(ToolCall("multiply", {"a": 6}),))
    models = pair(turns(small=small))
    agent = FunctionAgent(tools=[TOOL], llm=models.routed(), streaming=streaming)
    with collect_decisions() as decisions:
        response = await agent.run("What is 6 by 7?")
    assert str(response) == DRAFT
    assert [call.tool_output.raw_output for call in response.tool_calls] == [42]
    assert [d.arm for d in decisions] == (["small"] if valid else ["large"]) + ["small"]


async def test_an_agent_whose_models_all_fail(pair):
    models = pair(lambda body: Scripted(status=500, error="out of order"))
    with pytest.raises(AllArmsFailed, match="out of order"):
        await FunctionAgent(tools=[TOOL], llm=models.routed()).run("What is 6 by 7?")


async def test_an_agent_workflow(pair):
    models = pair(turns(small_answer=""))
    workflow = AgentWorkflow.from_tools_or_functions([multiply], llm=models.routed())
    assert str(await workflow.run("What is 6 by 7?")) == ANSWER


def react(body):
    """A small model that cannot write JSON, and a large one that can."""
    if "Observation:" in str(body["messages"][-1]["content"]):
        return Scripted(f"Thought: I can answer.\nAnswer: {DRAFT}", logprob=-0.001)
    given = "6 and 7" if body["model"] == "small" else json.dumps({"a": 6, "b": 7})
    return Scripted(
        f"Thought: I need a tool.\nAction: multiply\nAction Input: {given}", logprob=-0.001
    )


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent(pair, streaming):
    seen = []

    def look(case):
        seen.append((case.question, case.context, case.answer))
        return True

    models = pair(react)
    router = Router.preset("cascade", verifier=Check(look))
    agent = ReActAgent(tools=[TOOL], llm=models.routed(router=router), streaming=streaming)
    with collect_decisions() as decisions:
        response = await agent.run("What is 6 by 7?")
    assert str(response) == DRAFT
    assert [d.arm for d in decisions] == ["large", "small"]  # the call, then the answer
    assert seen == [("What is 6 by 7?", "42", DRAFT)]


@pytest.mark.parametrize("mock_first", [True, False])
async def test_arms_of_different_makers_in_one_router(pair, mock_first):
    def respond(messages, **kwargs):
        if kwargs.get("tools"):
            words = {"a": 6, "b": 7} if mock_first else {"a": 6}
            block = ToolCallBlock(tool_name=kwargs["tools"][0].metadata.name, tool_kwargs=words)
            return ChatMessage(role="assistant", blocks=[block])
        return ChatMessage(role="assistant", content=DRAFT)

    models = pair(turns())
    mock = MockFunctionCallingLLM(response_generator=respond, is_chat_model=True)
    for way in WAYS:
        llm = models.routed(models={"small": mock, "large": models.model("large")}, prices=None)
        response = await with_tools(llm, way, user_msg="6 by 7?")
        arm = "small" if mock_first else "large"
        assert response.additional_kwargs["routing"]["arm"] == arm
        assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {"a": 6, "b": 7}


def test_a_chat_without_tools_is_an_ordinary_chat(pair):
    models = pair(script(sure=True))
    response = models.routed().chat_with_tools([], user_msg="Hello")
    assert response.message.content == DRAFT
    assert "tools" not in models.server.bodies[0]
