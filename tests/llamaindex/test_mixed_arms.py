"""Arms of different makers in one router: what one of them began, the other one can finish."""

import json

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage

from automix_core.verify.check import Check
from llamaindex_automix import Preference, Router, RoutingLLM, collect_decisions, preferring
from tests.llamaindex.fakes import Native
from tests.llamaindex.pair import ANSWER, DRAFT, index_of
from tests.llamaindex.test_structured import PROMPT, Town
from tests.llamaindex.test_tools import TOOL, multiply
from tests.scripted_server import Scripted, ToolCall

ARGUMENTS = {"a": 6, "b": 7}
NO = Router.preset("cascade", verifier=Check(lambda case: False))


def over_the_wire(body):
    """An arm behind the server: calls the tool, and answers when it sees the result."""
    if body["messages"][-1]["role"] == "tool" or not body.get("tools"):
        return Scripted(ANSWER)
    return Scripted(tool_calls=(ToolCall("multiply", ARGUMENTS),))


def mixed(pair, *, own_first, own=None, router=NO):
    """A router over an arm of its own class and one behind the server."""
    models = pair(over_the_wire)
    native = Native(own or (lambda text: DRAFT if text == "42" else ARGUMENTS))
    arms = {"own": native, "wire": models.model("wire")}
    order = ("own", "wire") if own_first else ("wire", "own")
    return RoutingLLM(models={name: arms[name] for name in order}, router=router), native, models


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("own_first", [True, False])
@pytest.mark.parametrize("workflow", [True, False])
async def test_one_arm_calls_the_tool_and_the_other_answers(pair, own_first, streaming, workflow):
    llm, native, models = mixed(pair, own_first=own_first)
    agent = FunctionAgent(tools=[TOOL], llm=llm, streaming=streaming)
    if workflow:
        agent = AgentWorkflow(agents=[agent])
    with collect_decisions() as decisions:
        response = await agent.run("What is 6 by 7?")
    first, second = ("own", "wire") if own_first else ("wire", "own")
    assert [decision.arm for decision in decisions] == [first, second]
    assert str(response) == (ANSWER if own_first else DRAFT)
    if own_first:
        call, result = models.server.bodies[-1]["messages"][-2:]
        assert call["tool_calls"][0]["function"]["name"] == "multiply"
        assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == ARGUMENTS
        assert (result["role"], result["content"]) == ("tool", "42")
        assert result["tool_call_id"] == call["tool_calls"][0]["id"]
    else:
        call, result = native.calls[-1][-2:]
        (block,) = [block for block in call.blocks if isinstance(block, ToolCallBlock)]
        assert block.tool_name == "multiply"
        assert (result.role, result.content) == ("tool", "42")


@pytest.mark.parametrize("own_first", [True, False])
def test_either_arm_is_read_in_its_own_words(pair, own_first):
    llm, _, _ = mixed(pair, own_first=own_first)
    for name in ("own", "wire"):
        response = llm.chat_with_tools([TOOL], user_msg="6 by 7?", force=name)
        (selection,) = llm.get_tool_calls_from_response(response)
        assert (selection.tool_name, selection.tool_kwargs) == ("multiply", ARGUMENTS)
        assert str(llm.predict_and_call([TOOL], user_msg="6 by 7?", force=name)) == "42"


@pytest.mark.parametrize("own_first", [True, False])
async def test_a_workflow_of_functions_runs_on_either(pair, own_first):
    llm, _, _ = mixed(pair, own_first=own_first)
    for name, said in (("own", DRAFT), ("wire", ANSWER)):
        with preferring(Preference(force=name)):
            workflow = AgentWorkflow.from_tools_or_functions([multiply], llm=llm)
            assert str(await workflow.run("What is 6 by 7?")) == said


def test_a_structured_result_of_either(pair):
    def towns(body):
        return Scripted(tool_calls=(ToolCall("Town", {"name": "Nice", "river": "Paillon"}),))

    native = Native(lambda text: {"name": "Lyon", "river": "Rhône"})
    llm = RoutingLLM(models={"own": native, "wire": pair(towns).model("wire")})
    assert llm.structured_predict(Town, PROMPT, country="France").name == "Lyon"
    with preferring(Preference(force="wire")):
        assert llm.structured_predict(Town, PROMPT, country="France").name == "Nice"


@pytest.mark.parametrize("own_first", [True, False])
def test_engines_and_histories_pass_between_them(pair, own_first):
    llm, native, models = mixed(pair, own_first=own_first, own=lambda text: DRAFT)
    engine = index_of("Lyon.").as_chat_engine(chat_mode="context", llm=llm)
    last = ANSWER if own_first else DRAFT
    assert [str(engine.chat(text)) for text in ("Where?", "Why?")] == [last] * 2
    history = [ChatMessage.model_validate(m) for m in engine.chat_history]
    assert [message.content for message in history] == ["Where?", last, "Why?", last]
    assert len(native.calls) == len(models.asked) == 2
