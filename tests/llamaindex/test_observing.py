"""Who hears of what: events, collected decisions, token counts, callback managers."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index.core.prompts import PromptTemplate
from llama_index_instrumentation.dispatcher import instrument_tags
from pydantic import Field

from llamaindex_automix import (
    AllArmsFailed,
    RoutingDecisionEvent,
    VerificationEvent,
    collect_decisions,
)
from tests.llamaindex.pair import ANSWER, DRAFT, SECRET, index_of, script
from tests.llamaindex.test_structured import PROMPT as TOWN_PROMPT
from tests.llamaindex.test_structured import WAYS as STRUCTURED_WAYS
from tests.llamaindex.test_structured import predicted, towns
from tests.llamaindex.test_tools import TOOL, turns, with_tools
from tests.llamaindex.test_tools import WAYS as TOOL_WAYS
from tests.scripted_server import Scripted


class Events(BaseEventHandler):
    """Keeps every event of some kinds."""

    kinds: tuple[type, ...] = ()
    seen: list[object] = Field(default_factory=list)

    def handle(self, event, **kwargs):
        if isinstance(event, self.kinds):
            self.seen.append(event)


@pytest.fixture
def events():
    """Listens at LlamaIndex's root, as tracing tools do."""
    handler, root = Events(kinds=(RoutingDecisionEvent, VerificationEvent)), get_dispatcher()
    root.add_event_handler(handler)
    yield handler.seen
    root.event_handlers.remove(handler)


@pytest.fixture
def ends():
    handler, root = Events(kinds=(LLMChatEndEvent, LLMCompletionEndEvent)), get_dispatcher()
    root.add_event_handler(handler)
    yield handler.seen
    root.event_handlers.remove(handler)


@pytest.mark.parametrize("sure", [True, False])
async def test_verdict_and_decision_are_events_in_the_call_s_own_span(pair, call, events, sure):
    llm = pair(script(sure=sure)).routed()
    with instrument_tags({"user": "someone"}), collect_decisions() as decisions:
        await call(llm, "A question of mine?")
    verification, decision = events
    assert isinstance(verification, VerificationEvent)
    assert isinstance(decision, RoutingDecisionEvent)
    assert decision.decision == decisions[0]
    assert verification.decision_id == decisions[0].id
    assert verification.verdict == decisions[0].verdicts[0]
    assert {event.span_id.split(".")[0] for event in events} == {"RoutingLLM"}
    assert [event.tags for event in events] == [{"user": "someone"}] * 2
    said = json.dumps([event.model_dump(mode="json") for event in events])
    for hidden in (SECRET, "question of mine", DRAFT, ANSWER):
        assert hidden not in said
    assert "RoutingDecisionEvent" in said


async def test_a_failure_is_announced_too(pair, call, events):
    models = pair(lambda body: Scripted(status=500, error=f"no entry for {SECRET}"))
    with pytest.raises(AllArmsFailed):
        await call(models.routed(), "Why?")
    (event,) = events
    assert event.decision.status == "failed"
    assert SECRET not in event.model_dump_json()


def test_decisions_of_threads_are_collected_where_the_block_was_open(pair):
    llm = pair(script()).routed()
    with ThreadPoolExecutor(4) as pool, collect_decisions() as decisions:
        jobs = [pool.submit(copy_context().run, llm.complete, "Why?") for _ in range(8)]
        ids = {job.result().additional_kwargs["routing"]["id"] for job in jobs}
    assert {decision.id for decision in decisions} == ids
    assert len(ids) == 8


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("mode", ["simple", "context", "condense_plus_context"])
def test_decisions_of_a_chat_engine_s_streaming_thread_are_collected(pair, mode, sure, events):
    llm = pair(script(sure=sure)).routed()
    engine = index_of("Lyon.").as_chat_engine(chat_mode=mode, llm=llm)
    with collect_decisions() as decisions:
        text = "".join(engine.stream_chat("Where?").response_gen)
    assert text == (DRAFT if sure else ANSWER)
    assert decisions[-1].arm == ("small" if sure else "large")
    told = [event.decision for event in events if isinstance(event, RoutingDecisionEvent)]
    assert told == decisions


async def test_decisions_of_an_async_streaming_chat_engine_are_collected(pair):
    llm = pair(script(sure=False)).routed()
    engine = index_of("Lyon.").as_chat_engine(chat_mode="context", llm=llm)
    with collect_decisions() as decisions:
        response = await engine.astream_chat("Where?")
        assert "".join([t async for t in response.async_response_gen()]) == ANSWER
    assert [decision.arm for decision in decisions] == ["large"]


async def test_decisions_of_workflows_are_collected_each_in_its_own_block(pair, events):
    llm = pair(turns()).routed()

    async def one(question):
        with collect_decisions() as decisions:
            await FunctionAgent(tools=[TOOL], llm=llm).run(question)
        return [decision.id for decision in decisions]

    found = await asyncio.gather(*(one(f"What is {i} by 7?") for i in range(5)))
    assert [len(ids) for ids in found] == [2] * 5
    assert len({key for ids in found for key in ids}) == 10
    told = [event.decision.id for event in events if isinstance(event, RoutingDecisionEvent)]
    assert sorted(told) == sorted(key for ids in found for key in ids)


def test_a_synthesizer_with_tasks_of_its_own(pair):
    llm = pair(script()).routed()
    engine = index_of("A.", "B is longer.").as_query_engine(
        llm=llm, response_mode="accumulate", use_async=True
    )
    with collect_decisions() as decisions:
        engine.query("Where?")
    assert len(decisions) == 2


def counted(**options):
    """A token counter, and the managers that hold it."""
    counter = TokenCountingHandler(tokenizer=str.split)
    return counter, {"callback_manager": CallbackManager([counter]), **options}


@pytest.mark.parametrize("sure", [True, False])
async def test_each_real_call_is_counted_once(pair, call, ends, sure):
    models, (counter, options) = pair(script(sure=sure)), counted()
    await call(models.routed(**options), "Why?")
    assert len(models.asked) == (1 if sure else 2)
    assert len(counter.llm_token_counts) == len(ends) == len(models.asked)
    assert counter.total_llm_token_count == 6 * len(models.asked)  # as the server reported


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("way", ["predict", "apredict", "stream", "astream"])
async def test_each_call_of_a_template_is_counted_once(pair, ends, way, sure):
    models, (counter, options) = pair(script(sure=sure)), counted()
    made = getattr(models.routed(**options), way)(PromptTemplate("{query_str}"), query_str="Why?")
    if way.startswith("a"):
        made = await made
    text = "".join([t async for t in made] if way == "astream" else list(made))
    assert text == (DRAFT if sure else ANSWER)
    assert len(counter.llm_token_counts) == len(ends) == len(models.asked) == (1 if sure else 2)


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize("way", TOOL_WAYS)
async def test_each_tool_turn_is_counted_once(pair, ends, way, valid):
    small = {} if valid else {"small": Scripted("I would rather talk.")}
    models, (counter, options) = pair(turns(**small)), counted()
    await with_tools(models.routed(**options), way, user_msg="6 by 7?", tool_required=True)
    assert len(counter.llm_token_counts) == len(ends) == len(models.asked) == (1 if valid else 2)


@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.parametrize("way", STRUCTURED_WAYS)
async def test_each_structured_result_is_counted_once(pair, ends, way, valid):
    small = {} if valid else {"small": {"name": "Lyon"}}
    models, (counter, options) = pair(towns(**small)), counted()
    await predicted(models.routed(**options), way, TOWN_PROMPT)
    assert len(counter.llm_token_counts) == len(ends) == len(models.asked) == (1 if valid else 2)


async def test_the_calls_of_a_check_are_counted_too(pair, call, ends):
    def respond(body):
        checks = "You check whether" in str(body["messages"])
        return Scripted("Verdict: correct" if checks else DRAFT)

    models, (counter, options) = pair(respond), counted(router="automix")
    heard = await call(models.routed(**options), "Why?")
    assert heard.routing["arm"] == "small"
    assert len(counter.llm_token_counts) == len(ends) == len(models.asked) > 1


def test_managers_are_forwarded_and_nothing_is_overwritten(pair):
    mine, theirs, later = (CallbackManager([TokenCountingHandler()]) for _ in range(3))
    models = pair(script(sure=False))
    small, large = models.model("small", callback_manager=mine), models.model("large")
    llm = models.routed(models={"small": small, "large": large}, callback_manager=theirs)
    llm.complete("Why?")
    assert (small.callback_manager, large.callback_manager) == (mine, theirs)
    llm.callback_manager = later  # as engines do
    llm.complete("Why?")
    assert (small.callback_manager, large.callback_manager) == (mine, later)
    llm.callback_manager = CallbackManager()  # nobody listens: what was forwarded goes
    llm.complete("Why?")
    assert small.callback_manager is mine
    assert not large.callback_manager.handlers
