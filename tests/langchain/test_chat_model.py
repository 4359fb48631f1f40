"""What a user of LangChain sees of a `RoutingChatModel`, over a real loopback server."""

import asyncio
import time

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.documents import Document
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.tracers.base import BaseTracer
from pydantic import BaseModel

from automix_core import StreamInterrupted
from automix_core.verify import Check
from langchain_automix import (
    AllArmsFailed,
    Preference,
    Router,
    collect_decisions,
    grounding,
    preferring,
    routing_decision,
)
from tests.scripted_server import Scripted, ToolCall

SURE, UNSURE = -0.05, -2.0


def script(confidence=SURE, small="Paris it is", large="Lyon it must be"):
    """The small model answers with a confidence, the large one with another text."""

    def respond(body):
        if body["model"] == "small":
            return Scripted(text=small, logprob=confidence, usage=(10, 3))
        return Scripted(text=large, usage=(20, 4))

    return respond


class Listener(BaseCallbackHandler):
    """A user's own handler: what it hears is what a user interface would show."""

    def __init__(self):
        self.starts, self.tokens, self.ends = 0, [], []

    def on_chat_model_start(self, *_args, **_keywords):
        self.starts += 1

    def on_llm_new_token(self, token, **_keywords):
        self.tokens.append(token)

    def on_llm_end(self, response, **_keywords):
        self.ends.append(response)


class Runs(BaseTracer):
    """A tracer that keeps every finished run tree."""

    def __init__(self):
        super().__init__()
        self.roots = []

    def _persist_run(self, run):
        self.roots.append(run)


async def test_a_sure_draft_is_the_answer_and_nobody_else_is_asked(pair, call):
    two = pair(script(SURE))
    message = await call(two.routed(), "Capital of France?")
    decision = routing_decision(message)
    assert message.text == "Paris it is"
    assert two.asked == ["small"]
    assert (decision.status, decision.arm) == ("accepted", "small")
    assert decision.cost == pytest.approx((10 * 1 + 3 * 2) / 1e6)
    assert decision.always_largest.cost == pytest.approx((10 * 10 + 3 * 20) / 1e6)
    assert decision.always_largest.estimated


async def test_an_unsure_draft_is_replaced_and_both_calls_are_on_the_bill(pair, call):
    two = pair(script(UNSURE))
    message = await call(two.routed(), "Capital of France?")
    decision = routing_decision(message)
    assert message.text == "Lyon it must be"
    assert two.asked == ["small", "large"]
    assert (decision.status, decision.arm, decision.escalated) == ("final", "large", True)
    assert decision.cost == pytest.approx((10 * 1 + 3 * 2 + 20 * 10 + 4 * 20) / 1e6)
    assert not decision.always_largest.estimated
    assert message.usage_metadata["total_tokens"] == 37


async def test_no_word_of_a_rejected_draft_leaves(pair, call):
    two, ear = pair(script(UNSURE)), Listener()
    await call(two.routed(), "Capital?", config={"callbacks": [ear]})
    assert ear.starts == 1
    assert "Paris" not in "".join(ear.tokens) + str(ear.ends)


async def test_a_final_answer_streams_live(pair):
    def respond(body):
        if body["model"] == "small":
            return Scripted(text="Paris", logprob=UNSURE)
        return Scripted(text="one two three four", chunk_delay=0.1)

    two = pair(respond)
    at = [time.monotonic() async for chunk in two.routed().astream("?") if chunk.text]
    assert len(at) == 4
    assert at[-1] - at[0] > 0.2
    at = [time.monotonic() for chunk in two.routed().stream("?") if chunk.text]
    assert at[-1] - at[0] > 0.2


async def test_an_accepted_draft_is_replayed_word_by_word(pair):
    llm = pair(script(SURE)).routed()
    chunks = list(llm.stream("?"))
    assert [c.text for c in chunks if c.text] == ["Paris ", "it ", "is"]
    assert sum("routing" in c.response_metadata for c in chunks) == 1
    assert sum(c.usage_metadata is not None for c in chunks) == 1
    assert len({c.id for c in chunks}) == 1


async def test_every_token_is_counted_once_on_every_route(pair, call):
    llm = pair(script(UNSURE)).routed()
    for made in (llm, llm | StrOutputParser().with_config(tags=["x"])):
        with get_usage_metadata_callback() as counted:
            if made is llm:
                message = await call(made, "?")
                assert message.usage_metadata["total_tokens"] == 37
            else:
                await made.ainvoke("?")
        by_model = {name: usage["total_tokens"] for name, usage in counted.usage_metadata.items()}
        assert by_model == {"small": 13, "large": 24}


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("chained", [False, True])
async def test_inner_runs_hang_under_the_routers_run(pair, call, bound, chained):
    runs = Runs()
    llm = pair(script(UNSURE)).routed()
    made = llm.bind_tools([look_up]) if bound else llm
    if chained:
        made = RunnableLambda(lambda text: text) | made
    await call(made, "?", config={"callbacks": [runs]})
    (root,) = runs.roots
    router = root.child_runs[-1] if chained else root
    assert router.run_type in ("llm", "chat_model")
    assert [child.name for child in router.child_runs] == ["small (draft)", "large (answer)"]
    for child in router.child_runs:
        assert "nostream" in child.tags
        assert not child.child_runs


@tool
def look_up(city: str, year: int) -> str:
    """Look a city up."""
    return f"{city} in {year}"


async def test_a_valid_tool_call_is_accepted_without_a_verifier(pair, call):
    calls = (ToolCall("look_up", {"city": "Paris", "year": 1900}),)
    two = pair(lambda body: Scripted(tool_calls=calls))
    message = await call(two.routed(router="automix").bind_tools([look_up]), "?")
    assert message.tool_calls[0]["args"] == {"city": "Paris", "year": 1900}
    assert two.asked == ["small"]
    assert routing_decision(message).verdicts[0].values == {"validity": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        ToolCall("look_down", {"city": "Paris", "year": 1900}),
        ToolCall("look_up", {"city": "Paris"}),
        ToolCall("look_up", {"city": "Paris", "year": "soon"}),
    ],
)
async def test_an_invalid_tool_call_escalates(pair, call, wrong):
    right = ToolCall("look_up", {"city": "Paris", "year": 1900})
    two = pair(lambda body: Scripted(tool_calls=(wrong if body["model"] == "small" else right,)))
    message = await call(two.routed().bind_tools([look_up], tool_choice="any"), "?")
    assert message.tool_calls[0]["args"] == {"city": "Paris", "year": 1900}
    assert two.asked == ["small", "large"]


class City(BaseModel):
    """A city."""

    name: str
    founded: int


async def test_structured_output_that_fails_its_schema_escalates(pair):
    def respond(body):
        small = body["model"] == "small"
        return Scripted(
            tool_calls=(ToolCall("City", {"name": "Paris"} | ({} if small else {"founded": -52})),)
        )

    two = pair(respond)
    chain = two.routed().with_structured_output(City)
    assert chain.invoke("?") == City(name="Paris", founded=-52)
    assert await chain.ainvoke("?") == City(name="Paris", founded=-52)
    assert two.asked == ["small", "large"] * 2


async def test_a_retrieval_chain_shows_question_and_context_to_the_verifier(pair):
    def respond(body):
        if "You check whether" in body["messages"][0]["content"]:
            return Scripted(text="It says so.\nVerdict: correct")
        return Scripted(text="in 1911")

    two = pair(respond, logprobs=False)
    documents = [Document("The station was opened in 1911."), Document("It keeps two boats.")]
    retriever = RunnableLambda(lambda _question: documents)
    chain = (
        {
            "context": retriever | (lambda found: "\n\n".join(d.page_content for d in found)),
            "question": RunnablePassthrough(),
        }
        | ChatPromptTemplate.from_template(
            "Answer from the context.\n\nContext:\n{context}\n\nQuestion: {question}"
        )
        | two.routed(router="automix")
        | StrOutputParser()
    )
    assert await chain.ainvoke("When was the station opened?") == "in 1911"
    checks = [b for b in two.server.bodies if "You check" in b["messages"][0]["content"]]
    assert checks[0]["messages"][-1]["content"] == (
        "Context:\n> The station was opened in 1911.\n> \n> It keeps two boats.\n\n"
        "Question:\n> When was the station opened?\n\nAnswer:\n> in 1911"
    )
    assert set(two.asked) == {"small"}


async def test_tool_results_are_the_context_of_an_agents_answer(pair):
    two = pair(lambda body: Scripted(text="sunny\nVerdict: correct"), logprobs=False)
    history = [
        HumanMessage("How is the weather?"),
        AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "1"}]),
        ToolMessage("It is sunny.", tool_call_id="1"),
    ]
    await two.routed(router="automix").ainvoke(history)
    shown = two.server.bodies[-1]["messages"][-1]["content"]
    assert "> It is sunny." in shown
    assert "> How is the weather?" in shown


async def test_an_explicit_grounding_wins(pair):
    two = pair(lambda body: Scripted(text="x\nVerdict: correct"), logprobs=False)
    with grounding("What is asked?", "What was found."):
        two.routed(router="automix").invoke("Something else")
    shown = two.server.bodies[-1]["messages"][-1]["content"]
    assert "> What is asked?" in shown
    assert "> What was found." in shown


async def test_a_server_without_log_probabilities_is_asked_for_them_only_once(pair, call):
    def respond(body):
        checking = "You check" in body["messages"][0]["content"]
        return Scripted(text="Fine.\nVerdict: correct" if checking else "Paris")

    two = pair(respond, logprobs=False)
    llm = two.routed()
    first = await call(llm, "?")
    await call(llm, "?")
    assert first.text == "Paris"
    assert routing_decision(first).verdicts[0].values == {"self_verification": 1.0}
    assert sum("logprobs" in body for body in two.server.bodies) == 1


async def test_settings_for_the_callers_answers_do_not_cut_its_checks(pair):
    def respond(body):
        checking = "You check" in body["messages"][0]["content"]
        return Scripted(text="Fine.\nVerdict: correct" if checking else "Paris")

    two = pair(respond, logprobs=False)
    small = two.model("small", stop=["\n"], max_tokens=5)
    models = {"small": small, "large": two.model("large")}
    message = two.routed(models=models, router="automix").invoke("?")
    answered, checked = two.server.bodies[0], two.server.bodies[-1]
    assert routing_decision(message).status == "accepted"
    assert answered["stop"] == ["\n"]
    assert "stop" not in checked
    assert checked["max_completion_tokens"] == 200


async def test_log_probabilities_are_shown_only_to_who_asked(pair, call):
    llm = pair(script(SURE)).routed()
    assert "logprobs" not in (await call(llm, "?")).response_metadata
    if call.way.endswith("invoke"):
        assert "logprobs" in (await call(llm, "?", logprobs=True)).response_metadata


async def test_samples_are_never_served_from_a_cache(pair):
    two = pair(lambda body: Scripted(text="Paris\nVerdict: incorrect"), logprobs=False)
    set_llm_cache(InMemoryCache())
    try:
        two.routed(router="automix").invoke("?")
    finally:
        set_llm_cache(None)
    samples = sum(body.get("n", 1) for body in two.server.bodies if len(body["messages"]) > 2)
    assert samples == 5  # after five times no, three times yes could change nothing


async def test_one_choices_usage_is_recounted_for_all(pair):
    def respond(body):
        if len(body["messages"]) == 1:
            return Scripted(text="Paris", usage=(10, 2))
        return Scripted(text="It does not say so at all.\nVerdict: incorrect", usage=(90, 12))

    two = pair(respond, usage="one", logprobs=False)
    decision = routing_decision(two.routed(router="automix").invoke("?"))
    first, last = [step for step in decision.steps if step.purpose == "verify"]
    assert (first.samples, first.output_tokens, first.recounted) == (4, 48, True)
    assert (last.samples, last.output_tokens, last.recounted) == (1, 12, False)


async def test_the_samples_of_a_check_are_on_the_bill(pair, call):
    def respond(body):
        if len(body["messages"]) == 1:
            return Scripted(text="Paris", usage=(10, 3))
        return Scripted(text="Yes.\nVerdict: correct", usage=(100, 40))

    two = pair(respond, logprobs=False)
    decision = routing_decision(message := await call(two.routed(router="automix"), "?"))
    assert decision.cost == pytest.approx((10 * 1 + 3 * 2 + 100 * 1 + 40 * 2) / 1e6)
    assert message.usage_metadata["total_tokens"] == 153


async def test_unknown_prices_make_no_bill(pair):
    decision = routing_decision(pair(script(UNSURE)).routed(prices=None).invoke("?"))
    assert decision.cost is None
    assert decision.unpriced_calls == 2
    assert decision.cost_basis == "assumed"


async def test_unreported_usage_makes_no_bill(pair):
    two = pair(lambda body: Scripted(text="Paris"), usage="none")
    decision = routing_decision(two.routed().invoke("?"))
    assert decision.cost is None
    assert decision.known_cost == 0


async def test_a_failing_small_model_goes_up(pair, call):
    def respond(body):
        return Scripted(status=500) if body["model"] == "small" else Scripted(text="Lyon")

    decision = routing_decision(message := await call(pair(respond).routed(), "?"))
    assert message.text == "Lyon"
    assert decision.steps[0].error.endswith("Error 500")
    assert decision.cost is not None  # an error is not billed


@pytest.mark.parametrize("accident", [{"text": ""}, {"fault": "malformed"}, {"fault": "drop"}])
async def test_an_empty_or_broken_draft_goes_up(pair, call, accident):
    def respond(body):
        return Scripted(**accident) if body["model"] == "small" else Scripted(text="Lyon")

    assert (await call(pair(respond).routed(), "?")).text == "Lyon"


async def test_a_failing_large_model_leaves_the_draft_flagged(pair, call):
    def respond(body):
        if body["model"] == "small":
            return Scripted(text="Paris", logprob=UNSURE)
        return Scripted(fault="drop")

    decision = routing_decision(message := await call(pair(respond).routed(), "?"))
    assert message.text == "Paris"
    assert decision.status == "fallback"
    assert "large" in decision.why


async def test_when_all_fail_one_error_carries_every_cause(pair, call):
    two = pair(lambda body: Scripted(status=429, error=f"{body['model']} is busy"))
    with collect_decisions() as decisions, pytest.raises(AllArmsFailed) as raised:
        await call(two.routed(), "?")
    assert [cause.source for cause in raised.value.causes] == ["small", "large"]
    assert "small is busy" in str(raised.value)
    assert "large is busy" in str(raised.value)
    assert decisions[0].status == "failed"


async def test_a_stream_that_breaks_after_its_first_words_raises(pair):
    def respond(body):
        if body["model"] == "small":
            return Scripted(text="Paris", logprob=UNSURE)
        return Scripted(text="one two three", fault="cut")

    seen = []

    async def read():
        async for chunk in pair(respond).routed().astream("?"):
            seen.append(chunk.text)  # noqa: PERF401 - kept although the loop ends in an error

    with pytest.raises(StreamInterrupted):
        await read()
    assert "".join(seen).startswith("one")


async def test_a_caller_who_leaves_hangs_up_on_the_model(pair):
    def respond(body):
        if body["model"] == "small":
            return Scripted(text="Paris", logprob=UNSURE)
        return Scripted(text="word " * 500, chunk_delay=0.02)

    two = pair(respond)
    with collect_decisions() as decisions:
        stream = two.routed().stream("?")
        next(chunk for chunk in stream if chunk.text)
        stream.close()
    for _ in range(100):
        if two.server.aborts:
            break
        await asyncio.sleep(0.05)
    assert two.server.aborts == 1
    assert [d.status for d in decisions] == ["cancelled"]


async def test_batches_keep_their_requests_apart(pair):
    def respond(body):
        asked = body["messages"][-1]["content"]
        return Scripted(text=f"{body['model']} on {asked}", logprob=SURE if "easy" in asked else -3)

    llm = pair(respond).routed()
    questions = [f"{'easy' if i % 2 else 'hard'} {i}" for i in range(20)]
    expected = [f"{'small' if 'easy' in q else 'large'} on {q}" for q in questions]
    assert [m.text for m in llm.batch(questions)] == expected
    assert [m.text for m in await llm.abatch(questions)] == expected


async def test_samples_overlap(pair):
    def respond(body):
        checking = len(body["messages"]) > 2
        return Scripted(text="no\nVerdict: incorrect", delay=0.2 if checking else 0)

    two = pair(respond, logprobs=False, choices="refuse")
    began = time.monotonic()
    await two.routed(router="automix").ainvoke("?")
    assert two.server.peak >= 3
    assert time.monotonic() - began < 2


async def test_a_preference_reaches_calls_chains_and_streams(pair):
    two = pair(script(-0.9, small="Paris"))  # a confidence of about 0.41
    llm = two.routed()
    assert llm.invoke("?").text.startswith("Lyon")
    assert llm.invoke("?", preference=Preference(cost_weight=0.3)).text == "Paris"
    assert llm.bind(preference=Preference(cost_weight=0.3)).invoke("?").text == "Paris"
    assert llm.invoke("?", force="large").text.startswith("Lyon")
    assert two.routed(preference=Preference(cost_weight=0.3)).invoke("?").text == "Paris"
    with preferring(Preference(cost_weight=0.3)):
        assert (llm | StrOutputParser()).invoke("?") == "Paris"
        sync, later = llm.stream("?"), llm.astream("?")
    assert "".join(chunk.text for chunk in sync) == "Paris"
    assert "".join([chunk.text async for chunk in later]) == "Paris"
    assert all("preference" not in body and "force" not in body for body in two.server.bodies)


async def test_every_decision_reaches_its_listeners(pair, call):
    heard = []
    with collect_decisions() as decisions:
        message = await call(pair(script(SURE)).routed(on_decision=heard.append), "?")
    assert [d.id for d in heard] == [d.id for d in decisions] == [routing_decision(message).id]


async def test_three_models_climb_only_as_far_as_needed(pair):
    def respond(body):
        return Scripted(text=body["model"], logprob=SURE if body["model"] == "mid" else UNSURE)

    two = pair(respond)
    models = {name: two.model(name) for name in ("small", "mid", "large")}
    prices = {"small": (1, 1), "mid": (3, 3), "large": (20, 20)}
    assert two.routed(models=models, prices=prices).invoke("?").text == "mid"
    assert two.asked == ["small", "mid"]


async def test_nothing_shows_a_secret(pair):
    llm = pair(script(SURE)).routed()
    assert repr(llm) == "RoutingChatModel(models=['small', 'large'], router='cascade')"
    message = llm.invoke("?")
    for shown in (repr(llm), str(llm.model_dump()), str(llm._identifying_params), repr(message)):
        assert "sk-very-secret" not in shown


def test_routers_that_differ_never_share_a_cache_entry(pair):
    two = pair(script(SURE))
    one, other = two.routed(), two.routed(router=Router.preset("cascade", threshold=0.9))
    assert one._get_llm_string() != other._get_llm_string()
    assert one._get_llm_string() == two.routed()._get_llm_string()
    assert one._get_llm_string(tools=[look_up]) == one._get_llm_string(tools=[look_up])
    assert one._get_llm_string(force="large") != one._get_llm_string()
    strict, lenient = Check(lambda case: False), Check(lambda case: True)
    checked = [two.routed(router=Router.preset("cascade", verifier=v)) for v in (strict, lenient)]
    assert checked[0]._get_llm_string() != checked[1]._get_llm_string()


def test_chunks_add_up_to_the_same_message(pair):
    llm = pair(script(SURE)).routed()
    whole = AIMessageChunk("")
    for chunk in llm.stream("?"):
        whole += chunk
    assert whole.text == llm.invoke("?").text
    assert whole.response_metadata["model_name"] == "small"
