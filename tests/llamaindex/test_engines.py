"""Query and chat engines: question and context reach the verifier by themselves."""

import asyncio

import pytest
from llama_index.core import Settings
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from llama_index.core.llms import ChatMessage
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.selectors import LLMSingleSelector
from pydantic import Field

from automix_core.verify.check import Check
from llamaindex_automix import (
    AllArmsFailed,
    ConfigurationError,
    Preference,
    Router,
    collect_decisions,
    grounding,
    preferring,
)
from tests.llamaindex.pair import ANSWER, DRAFT, index_of, script
from tests.scripted_server import Scripted

LYON, NICE = "Lyon lies on the Rhône.", "Nice lies on the sea."


class Witness:
    """A router whose verifier writes down what it is shown."""

    def __init__(self, accept=True):
        self.seen = []
        self._accept = accept

    def look(self, case):
        self.seen.append((case.question, case.context))
        return self._accept

    @property
    def router(self):
        return Router.preset("cascade", verifier=Check(self.look))


@pytest.fixture
def settings():
    """LlamaIndex's global settings, put back afterwards."""
    kept = {name: getattr(Settings, name) for name in ("_llm", "_callback_manager")}
    yield Settings
    for name, value in kept.items():
        setattr(Settings, name, value)


async def queried(engine, question, *, sync):
    response = engine.query(question) if sync else await engine.aquery(question)
    if isinstance(response, StreamingResponse):
        return "".join(response.response_gen)
    if isinstance(response, AsyncStreamingResponse):
        return "".join([token async for token in response.async_response_gen()])
    return str(response)


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("sure", [True, False])
async def test_a_query_engine_grounds_the_verifier(pair, settings, sync, streaming, sure):
    models, witness = pair(script()), Witness(accept=sure)
    settings.llm = models.routed(router=witness.router)
    engine = index_of(LYON, NICE).as_query_engine(streaming=streaming)
    text = await queried(engine, "Where is Lyon?", sync=sync)
    assert text == (DRAFT if sure else ANSWER)
    assert witness.seen == [("Where is Lyon?", f"{LYON}\n\n{NICE}")]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("mode", list(ResponseMode))
async def test_every_response_mode_answers(pair, sync, streaming, mode):
    if mode in (ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY):
        pytest.skip("asks no model")
    if streaming and mode in (ResponseMode.ACCUMULATE, ResponseMode.COMPACT_ACCUMULATE):
        pytest.skip("LlamaIndex cannot stream this one")
    models, witness = pair(script()), Witness()
    llm = models.routed(router=witness.router)
    engine = index_of(LYON, NICE).as_query_engine(llm=llm, response_mode=mode, streaming=streaming)
    assert DRAFT in await queried(engine, "Where?", sync=sync)
    assert {question for question, _ in witness.seen} == {"Where?"}
    if mode is ResponseMode.REFINE:
        assert witness.seen == [("Where?", LYON), ("Where?", f"{NICE}\n\n{DRAFT}")]
    elif mode is not ResponseMode.GENERATION:
        assert all(LYON in context or NICE in context for _, context in witness.seen)


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_engine_never_answers_empty_response(pair, sync, streaming):
    models = pair(lambda body: Scripted(status=500, error="out of order"))
    engine = index_of(LYON).as_query_engine(llm=models.routed(), streaming=streaming)
    with pytest.raises(AllArmsFailed, match="out of order"):
        await queried(engine, "Where?", sync=sync)


async def test_twenty_queries_at_once_keep_their_groundings_apart(pair):
    models, witness = pair(script()), Witness()
    llm = models.routed(router=witness.router)
    engines = [index_of(f"Fact {i}.").as_query_engine(llm=llm) for i in range(20)]
    with collect_decisions() as decisions:
        await asyncio.gather(*(e.aquery(f"Question {i}?") for i, e in enumerate(engines)))
    assert sorted(witness.seen) == sorted((f"Question {i}?", f"Fact {i}.") for i in range(20))
    assert len({decision.id for decision in decisions}) == 20


def test_an_explicit_grounding_wins(pair):
    witness = Witness()
    engine = index_of(LYON).as_query_engine(llm=pair(script()).routed(router=witness.router))
    with grounding(question="Mine?", context="My own."):
        engine.query("Where?")
    assert witness.seen == [("Mine?", "My own.")]


def test_a_plain_call_finds_its_context_in_the_prompt(pair):
    witness = Witness()
    llm = pair(script()).routed(router=witness.router)
    llm.complete(f"Context: {LYON}\n\nQuestion: Where?")
    assert witness.seen == [("Where?", LYON)]


def test_the_self_verification_sees_question_and_context_and_keeps_its_own_limits(pair):
    def respond(body):
        if "You check whether" not in str(body["messages"]):
            return Scripted(DRAFT if body["model"] == "small" else ANSWER)
        return Scripted('{"reasoning": "It says so.", "verdict": "correct"}')

    models = pair(respond)
    small = models.model(
        "small",
        max_tokens=9,
        additional_kwargs={"stop": ["\n"], "response_format": {"type": "text"}, "seed": 7},
    )
    router = Router.preset("automix", samples=3)
    llm = models.routed(models=[small, models.model("large")], router=router)
    assert str(index_of(LYON).as_query_engine(llm=llm).query("Where?")) == DRAFT
    draft, check = models.server.bodies
    assert (draft["max_tokens"], draft["stop"], draft["seed"]) == (9, ["\n"], 7)
    shown = str(check["messages"])
    assert LYON in shown
    assert "Where?" in shown
    assert DRAFT in shown
    assert (check["n"], check["max_tokens"], check["temperature"]) == (2, 200, 1.0)
    assert "stop" not in check
    assert check["response_format"]["type"] == "json_schema"
    assert check["seed"] == 7
    assert small.max_tokens == 9


class Ends(BaseEventHandler):
    """Counts the real calls that LlamaIndex announces."""

    seen: list[object] = Field(default_factory=list)

    def handle(self, event, **kwargs):
        if isinstance(event, LLMChatEndEvent):
            self.seen.append(event)


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
async def test_every_real_call_is_announced_and_counted_once(pair, settings, sync, streaming):
    models = pair(script(sure=False))
    counter = TokenCountingHandler(tokenizer=str.split)
    settings.callback_manager = CallbackManager([counter])
    settings.llm = models.routed()
    ends, root = Ends(), get_dispatcher()
    root.add_event_handler(ends)
    try:
        engine = index_of(LYON).as_query_engine(streaming=streaming)
        await queried(engine, "Where?", sync=sync)
    finally:
        root.event_handlers.remove(ends)
    assert models.asked == ["small", "large"]
    assert len(ends.seen) == len(counter.llm_token_counts) == 2


def test_a_model_with_handlers_of_its_own_keeps_them(pair, settings):
    models = pair(script(sure=False))
    mine, theirs = (TokenCountingHandler(tokenizer=str.split) for _ in range(2))
    small = models.model("small", callback_manager=CallbackManager([mine]))
    settings.callback_manager = CallbackManager([theirs])
    settings.llm = models.routed(models={"small": small, "large": models.model("large")})
    index_of(LYON).as_query_engine().query("Where?")
    assert (len(mine.llm_token_counts), len(theirs.llm_token_counts)) == (1, 1)


@pytest.mark.parametrize("mode", ["condense_plus_context", "context", "simple"])
@pytest.mark.parametrize("streaming", [True, False])
def test_chat_engines_verify_answers_and_nothing_else(pair, mode, streaming):
    models, witness = pair(script()), Witness()
    llm = models.routed(router=witness.router)
    engine = index_of(LYON).as_chat_engine(chat_mode=mode, llm=llm)
    history = [ChatMessage(content="Hello"), ChatMessage(role="assistant", content="Hi")]
    with collect_decisions() as decisions:
        if streaming:
            reply = "".join(engine.stream_chat("Where?", chat_history=history).response_gen)
        else:
            reply = str(engine.chat("Where?", chat_history=history))
    assert reply == DRAFT
    assert len(witness.seen) == 1
    condensed = mode == "condense_plus_context"
    assert [d.status for d in decisions] == ["final"] * condensed + ["accepted"]
    question, context = witness.seen[0]
    assert question == "Where?"
    assert context == ("" if mode == "simple" else LYON)


def test_judges_and_selectors_go_to_one_arm_unverified(pair):
    witness = Witness()
    models = pair(lambda body: Scripted('YES [{"choice": 1, "reason": "so"}]'))
    llm = models.routed(router=witness.router)
    FaithfulnessEvaluator(llm=llm).evaluate(response="It does.", contexts=[LYON])
    LLMSingleSelector.from_defaults(llm=llm).select(["one", "two"], "Which?")
    assert models.asked == ["small", "small"]
    assert witness.seen == []


def test_a_preference_reaches_through_an_engine(pair):
    models = pair(script())
    engine = index_of(LYON).as_query_engine(llm=models.routed())
    with preferring(Preference(force="large")):
        assert str(engine.query("Where?")) == ANSWER


def test_a_mistake_in_the_preference_is_told_through_an_engine(pair):
    engine = index_of(LYON).as_query_engine(llm=pair(script()).routed())
    with preferring(Preference(force="middle")), pytest.raises(ConfigurationError, match="middle"):
        engine.query("Where?")
