"""Every way to call the LLM: what is answered, by whom, at what cost, and how errors end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from llama_index.core.llms import ChatMessage

from automix_core.errors import StreamInterrupted
from llamaindex_automix import (
    AllArmsFailed,
    Preference,
    collect_decisions,
    preferring,
    routing_decision,
)
from tests.llamaindex.pair import ANSWER, DRAFT, SECRET, script
from tests.scripted_server import Scripted

ERROR = Scripted(status=500, error="out of order")


async def test_a_sure_draft_is_the_answer(pair, call):
    models = pair(script(sure=True))
    heard = await call(models.routed(), "Why?")
    assert heard.text == DRAFT
    assert models.asked == ["small"]
    decision = routing_decision(heard.last)
    assert (decision.status, decision.arm) == ("accepted", "small")
    assert decision.cost == pytest.approx((1 * 1 + 5 * 2) / 1e6)
    if call.streams:
        assert heard.deltas == ["a ", "small ", "draft ", "of ", "words"]


async def test_an_unsure_draft_is_replaced_and_never_shown(pair, call):
    models = pair(script(sure=False))
    heard = await call(models.routed(), "Why?")
    assert heard.text == ANSWER
    assert models.asked == ["small", "large"]
    assert "draft" not in "".join(heard.deltas)
    decision = routing_decision(heard.last)
    assert (decision.status, decision.arm) == ("final", "large")
    assert decision.cost == pytest.approx((1 * 1 + 5 * 2 + 1 * 10 + 5 * 20) / 1e6)
    if call.streams:  # live, token by token
        assert len([delta for delta in heard.deltas if delta]) == 5
        assert models.server.bodies[-1]["stream"] is True


async def test_a_small_model_that_raises_is_passed_over(pair, call):
    models = pair(script(small=ERROR))
    heard = await call(models.routed(), "Why?")
    assert heard.text == ANSWER
    assert models.asked == ["small", "large"]


async def test_an_empty_draft_is_passed_over(pair, call):
    heard = await call(pair(script(small=Scripted(""))).routed(), "Why?")
    assert heard.text == ANSWER


async def test_with_a_large_model_that_raises_the_draft_is_returned_and_flagged(pair, call):
    models = pair(script(sure=False, large=ERROR))
    heard = await call(models.routed(), "Why?")
    assert heard.text == DRAFT
    assert heard.routing["status"] == "fallback"
    assert "InternalServerError 500" in heard.routing["why"]


async def test_with_an_empty_stream_of_the_large_model_the_draft_is_returned(pair, call):
    heard = await call(pair(script(sure=False, large=Scripted(""))).routed(), "Why?")
    assert heard.text == DRAFT


async def test_when_all_fail_every_cause_is_told(pair, call):
    models = pair(script(small=ERROR, large=Scripted(status=503, error="closed")))
    with collect_decisions() as decisions, pytest.raises(AllArmsFailed) as caught:
        await call(models.routed(), "Why?")
    assert [cause.source for cause in caught.value.causes] == ["small", "large"]
    assert "out of order" in str(caught.value)
    assert "closed" in str(caught.value)
    assert [decision.status for decision in decisions] == ["failed"]


async def test_a_preference_of_the_call_wins_and_never_reaches_the_wire(pair, call):
    models = pair(script(sure=True))
    llm = models.routed(preference=Preference(force="small"))
    with preferring(Preference(force="small")):
        heard = await call(llm, "Why?", preference=Preference(force="large"))
    assert heard.text == ANSWER
    assert models.asked == ["large"]
    assert "preference" not in models.server.bodies[0]


async def test_a_call_can_ask_for_a_model_by_name(pair, call):
    models = pair(script(sure=True))
    with preferring(Preference(cost_weight=0.7)):
        heard = await call(models.routed(), "Why?", force="large")
    assert heard.text == ANSWER
    assert "force" not in models.server.bodies[0]
    assert routing_decision(heard.last).preference["cost_weight"] == 0.7


async def test_a_response_format_makes_its_form_decide(pair):
    models = pair(script(small=Scripted("no JSON", logprob=-0.001), large=Scripted('{"a": 1}')))
    llm = models.routed()
    message = [ChatMessage(content="JSON, please.")]
    assert llm.chat(message, response_format={"type": "json_object"}).message.content == '{"a": 1}'
    assert models.asked == ["small", "large"]


async def test_a_block_wins_over_the_constructor(pair, call):
    models = pair(script(sure=True))
    with preferring(Preference(force="large")):
        heard = await call(models.routed(preference=Preference(force="small")), "Why?")
    assert heard.text == ANSWER


async def test_the_callers_own_options_reach_the_arm_that_answers(pair, call):
    models = pair(script(sure=False))
    await call(models.routed(), "Why?", user="someone", temperature=0.7)
    assert [body["user"] for body in models.server.bodies] == ["someone"] * 2
    assert [body["temperature"] for body in models.server.bodies] == [0.7] * 2


async def test_log_probabilities_stay_inside_unless_the_caller_asks(pair, call):
    models = pair(script(sure=True))
    heard = await call(models.routed(), "Why?")
    assert models.server.bodies[0]["logprobs"] is True
    assert heard.last.logprobs is None
    heard = await call(models.routed(), "Why?", logprobs=True, top_logprobs=2)
    assert models.server.bodies[1]["top_logprobs"] == 2
    if hasattr(heard.last, "message"):  # LlamaIndex's own completions drop them
        assert heard.last.logprobs is not None


async def test_what_a_server_refuses_is_dropped_once_and_not_asked_for_again(pair, call):
    models = pair(script(sure=True), logprobs=False)
    llm = models.routed()
    await call(llm, "Why?")
    first = len(models.server.bodies)
    asked = [bool(body.get("logprobs")) for body in models.server.bodies]
    assert asked[:2] == [True, False]
    assert not any(asked[1:])
    await call(llm, "Why?")
    assert not any(body.get("logprobs") for body in models.server.bodies[first:])


async def test_nothing_that_the_caller_passed_is_changed(pair):
    models = pair(script(sure=False))
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(content="Why?")]
    kept = [message.model_copy(deep=True) for message in messages]
    stop = ["END"]
    response = models.routed().chat(messages, stop=stop)
    assert messages == kept
    assert stop == ["END"]
    assert response.message.additional_kwargs == {}  # what goes back into a history is clean
    assert response.raw.choices[0].message.content == ANSWER


async def test_a_decision_is_on_the_last_chunk_only(pair):
    for sure in (True, False):
        chunks = list(pair(script(sure=sure)).routed().stream_complete("Why?"))
        assert ["routing" in chunk.additional_kwargs for chunk in chunks] == [
            *[False] * (len(chunks) - 1),
            True,
        ]
        assert chunks[-1].text == (DRAFT if sure else ANSWER)


def test_a_stream_belongs_to_the_block_in_which_it_was_asked_for(pair):
    llm = pair(script(sure=True)).routed()
    with preferring(Preference(force="large")):
        stream = llm.stream_complete("Why?")
    assert "".join(chunk.delta for chunk in stream) == ANSWER


@pytest.mark.parametrize("sure", [True, False])
def test_a_reader_who_goes_away_ends_the_stream(pair, sure):
    long = Scripted("word " * 50, chunk_delay=0.02)
    models = pair(script(sure=sure, large=long))
    with collect_decisions() as decisions:
        stream = models.routed().stream_complete("Why?")
        next(stream)
        stream.close()
    assert [decision.status for decision in decisions] == ["accepted" if sure else "cancelled"]


def test_a_model_that_dies_in_the_middle_of_its_answer(pair):
    models = pair(script(sure=False, large=Scripted("a long answer of words", fault="malformed")))
    stream, seen = models.routed().stream_complete("Why?"), []
    with pytest.raises(StreamInterrupted, match="large"):
        seen.extend(chunk.delta for chunk in stream)
    assert "".join(seen) == "a"


async def test_a_model_that_dies_in_the_middle_of_its_answer_async(pair):
    models = pair(script(sure=False, large=Scripted("a long answer of words", fault="malformed")))
    stream = await models.routed().astream_complete("Why?")
    with collect_decisions(), pytest.raises(StreamInterrupted, match="large"):
        assert [chunk.delta async for chunk in stream]


async def test_an_async_reader_who_goes_away_ends_the_stream(pair):
    models = pair(script(sure=False, large=Scripted("word " * 50, chunk_delay=0.02)))
    with collect_decisions() as decisions:
        stream = await models.routed().astream_complete("Why?")
        await anext(stream)
        await stream.aclose()
    assert [decision.status for decision in decisions] == ["cancelled"]


async def test_models_of_the_older_completions_endpoint(pair, call):
    models = pair(script(sure=False))
    small = models.model("small", is_chat_model=False)
    heard = await call(models.routed(models=[small, models.model("large")]), "Why?")
    assert heard.text == ANSWER
    assert [request.path for request in models.server.requests] == [
        "/v1/completions",
        "/v1/chat/completions",
    ]
    assert models.server.bodies[0]["logprobs"] == 1
    confidence = heard.routing["verdicts"][0]["confidence"]
    assert 0 < confidence < 0.001


def test_no_secret_is_in_what_can_be_printed_or_saved(pair):
    llm = pair(script()).routed()
    assert SECRET not in repr(llm) + str(llm) + str(llm.to_dict()) + str(llm.to_payload())
    assert llm.to_dict()["arm_names"] == ["small", "large"]


@pytest.mark.parametrize("usage", ["all", "one", "none"])
def test_the_samples_of_a_check_are_on_the_bill(pair, usage):
    verdict = "It is so, as it is set in it.\nVerdict: correct"

    def respond(body):
        checks = "You check whether" in str(body["messages"])
        return Scripted(verdict if checks else DRAFT)

    models = pair(respond, usage=usage)
    response = models.routed(router="automix").complete("Why?")
    decision = routing_decision(response)
    assert decision.arm == "small"
    check = decision.steps[1]
    assert models.server.bodies[1]["n"] == check.samples > 1
    if usage == "none":
        assert decision.cost is None
        return
    assert check.output_tokens == 11 * check.samples
    assert check.recounted is (usage == "one")
    spent = [(step.input_tokens, step.output_tokens) for step in decision.steps]
    assert decision.cost == pytest.approx(sum(i + 2 * o for i, o in spent) / 1e6)


async def test_many_calls_at_once_keep_to_themselves(pair):
    def respond(body):
        return Scripted(f"heard {body['messages'][-1]['content']}", logprob=-0.001)

    llm = pair(respond).routed()

    def one(i):
        with collect_decisions() as decisions:
            text = llm.complete(f"{i}").text
        return text, len(decisions)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, range(50))) == [(f"heard {i}", 1) for i in range(50)]
    responses = await asyncio.gather(*(llm.acomplete(f"{i}") for i in range(50)))
    assert [response.text for response in responses] == [f"heard {i}" for i in range(50)]
