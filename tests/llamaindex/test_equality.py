"""With a policy that accepts the first draft, nobody can tell the router from the bare arm.

The same engine or agent runs over the bare small model and over the router. What comes out must
be equal, and so must what the server was sent: messages, tools, everything but how it is fetched.
"""

import json

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.llms import ChatMessage
from llama_index.core.query_engine import CitationQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.tools import QueryEngineTool

from automix_core.verify.check import Check
from llamaindex_automix import Router, collect_decisions
from tests.llamaindex.pair import index_of
from tests.llamaindex.test_engines import queried
from tests.llamaindex.test_tools import TOOL
from tests.scripted_server import Scripted, ToolCall

TEXTS = ("Lyon lies on the Rhône.", "Nice lies on the sea, far from it.")
HISTORY = [ChatMessage("Hello"), ChatMessage("Hi", role="assistant")]
MODES = ("simple", "context", "condense_question", "condense_plus_context")
HOW = {"stream", "stream_options"}  # a draft is fetched whole, however it is shown


def respond(body):
    """Answers that depend on everything that was asked, and on nothing else."""
    asked = str(body["messages"][-1]["content"])
    seen = len(json.dumps([body["messages"], body.get("tools")]))
    if body["messages"][-1]["role"] == "tool" or "Observation:" in asked:
        text = f"It is 42, after {seen}."
        return Scripted(f"Thought: I know.\nAnswer: {text}" if "Observation:" in asked else text)
    if body.get("tools"):
        return Scripted(tool_calls=(ToolCall("multiply", {"a": 6, "b": 7}),))
    system = str(body["messages"][0]["content"])
    if "Action Input:" in system:
        return Scripted('Thought: A tool.\nAction: multiply\nAction Input: {"a": 6, "b": 7}')
    if "sub-questions" in asked or "sub questions" in asked:
        items = [{"sub_question": f"Where is {x}?", "tool_name": "facts"} for x in ("it", "she")]
        return Scripted("```json\n" + json.dumps({"items": items}) + "\n```")
    return Scripted(f"YES, {seen} characters say so [1].")


def wire(models):
    return [
        {name: value for name, value in body.items() if name not in HOW}
        for body in models.server.bodies
    ]


async def same(pair, use):
    """Both ways, in the order of what was asked; gives the text and the decisions."""
    bare, routed = pair(respond), pair(respond)
    router = Router.preset("cascade", verifier=Check(lambda case: True))
    expected = await use(bare.model("small"))
    with collect_decisions() as decisions:
        got = await use(routed.routed(router=router))
    assert got == expected
    assert got
    key = json.dumps if len(wire(bare)) > 1 else None  # tasks may arrive in any order
    assert sorted(wire(routed), key=key or str) == sorted(wire(bare), key=key or str)
    assert set(routed.asked) == {"small"}
    assert len(decisions) == len(routed.asked)
    return got


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("mode", list(ResponseMode))
async def test_response_modes(pair, mode, streaming, sync):
    if mode in (ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY):
        pytest.skip("asks no model")
    if streaming and mode in (ResponseMode.ACCUMULATE, ResponseMode.COMPACT_ACCUMULATE):
        pytest.skip("LlamaIndex cannot stream this one")

    async def use(llm):
        engine = index_of(*TEXTS).as_query_engine(llm=llm, response_mode=mode, streaming=streaming)
        return await queried(engine, "Where is Lyon?", sync=sync)

    await same(pair, use)


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize(
    "mode", ["simple", "context", "condense_question", "condense_plus_context"]
)
async def test_chat_engines(pair, mode, way):
    async def use(llm):
        engine = index_of(*TEXTS).as_chat_engine(chat_mode=mode, llm=llm)
        said = []
        for question in ("Where is Lyon?", "And Nice?"):  # the second rests on the first
            made = getattr(engine, way)(question, **({} if said else {"chat_history": HISTORY}))
            response = await made if way.startswith("a") else made
            if way == "stream_chat":
                "".join(response.response_gen)
            elif way == "astream_chat":
                [token async for token in response.async_response_gen()]
            said.append(str(response))
        return said, [message.model_dump() for message in engine.chat_history]

    await same(pair, use)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("agent", [FunctionAgent, ReActAgent])
async def test_agents(pair, agent, streaming):
    async def use(llm):
        response = await agent(tools=[TOOL], llm=llm, streaming=streaming).run("What is 6 by 7?")
        return str(response), [call.tool_output.raw_output for call in response.tool_calls]

    _, tools = await same(pair, use)
    assert tools == [42]


async def test_an_agent_workflow_picks_the_same_agent(pair):
    async def use(llm):
        workflow = AgentWorkflow.from_tools_or_functions([TOOL], llm=llm)
        kinds = [type(agent).__name__ for agent in workflow.agents.values()]
        return kinds, str(await workflow.run("What is 6 by 7?"))

    kinds, _ = await same(pair, use)
    assert kinds == ["FunctionAgent"]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
async def test_citations(pair, streaming, sync):
    async def use(llm):
        engine = CitationQueryEngine.from_args(index_of(*TEXTS), llm=llm, streaming=streaming)
        return await queried(engine, "Where is Lyon?", sync=sync)

    assert "[1]" in await same(pair, use)


@pytest.mark.parametrize("use_async", [True, False])
async def test_sub_questions(pair, use_async):
    async def use(llm):
        tool = QueryEngineTool.from_defaults(
            index_of(*TEXTS).as_query_engine(llm=llm), name="facts", description="Towns."
        )
        engine = SubQuestionQueryEngine.from_defaults(
            [tool],
            llm=llm,
            question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
            use_async=use_async,
            verbose=False,
        )
        response = await engine.aquery("Where are Lyon and Nice?")
        return str(response), len(response.source_nodes)

    await same(pair, use)


async def test_a_judge(pair):
    async def use(llm):
        result = await FaithfulnessEvaluator(llm=llm).aevaluate(response="So.", contexts=[*TEXTS])
        return result.passing, result.feedback

    passing, _ = await same(pair, use)
    assert passing
