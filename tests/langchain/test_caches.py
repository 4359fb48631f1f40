"""Caches: one in front of the router, and those in front of its models."""

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache

from langchain_automix import collect_decisions, routing_decision
from tests.scripted_server import Scripted

SURE, UNSURE = -0.05, -2.0


def respond(body):
    if body["model"] == "small":
        return Scripted(text="Paris", logprob=UNSURE, usage=(10, 3))
    return Scripted(text="Lyon", usage=(20, 4))


@pytest.fixture(params=["invoke", "ainvoke"])
def ask(request):
    async def run(llm, question, **keywords):
        if request.param == "invoke":
            return llm.invoke(question, **keywords)
        return await llm.ainvoke(question, **keywords)

    return run


async def test_an_answer_from_the_routers_cache_costs_nothing_and_says_so(pair, ask):
    two, heard = pair(respond), []
    llm = two.routed(cache=InMemoryCache(), on_decision=heard.append)
    first = await ask(llm, "?")
    with get_usage_metadata_callback() as counted, collect_decisions() as decisions:
        again = await ask(llm, "?")
    decision = routing_decision(again)
    assert two.asked == ["small", "large"]
    assert again.text == first.text == "Lyon"
    assert (decision.cached, decision.cost, decision.calls) == (True, 0, 0)
    assert (decision.arm, decision.always_largest.cost) == ("large", 0)
    assert again.usage_metadata["total_tokens"] == 0
    assert counted.usage_metadata == {}
    assert [d.id for d in decisions] == [heard[1].id] == [decision.id]
    assert decision.id != routing_decision(first).id
    assert again.id != first.id
    assert not routing_decision(first).cached
    assert routing_decision(first).cost > 0


async def test_what_a_cache_keeps_is_never_changed(pair, ask):
    llm = pair(respond).routed(cache=InMemoryCache())
    first = await ask(llm, "?")
    first.response_metadata["routing"]["arm"] = "nobody"
    second = await ask(llm, "?")
    second.response_metadata["routing"]["arm"] = "nobody"
    second.content = "changed"
    third = await ask(llm, "?")
    assert third.text == "Lyon"
    assert routing_decision(third).arm == "large"


async def test_calls_that_differ_share_no_entry(pair, ask):
    two = pair(respond)
    llm = two.routed(cache=InMemoryCache())
    await ask(llm, "?")
    await ask(llm, "?", force="small")
    await ask(llm, "?", config={"configurable": {"force": "large"}})
    assert two.asked == ["small", "large", "small", "large"]


async def test_a_models_own_cache_still_serves_drafts(pair, ask):
    two = pair(respond)
    small = two.model("small", cache=InMemoryCache())
    llm = two.routed(models={"small": small, "large": two.model("large")})
    await ask(llm, "?")
    again = routing_decision(await ask(llm, "?"))
    assert two.asked == ["small", "large", "large"]
    draft, answer = again.steps
    assert (draft.cost, draft.input_tokens) == (0, 0)
    assert again.cost == answer.cost > 0


async def test_a_cached_draft_that_reported_no_tokens_is_no_error(pair, ask):
    two = pair(respond, usage="none")
    small = two.model("small", cache=InMemoryCache())
    llm = two.routed(models={"small": small, "large": two.model("large")})
    for _ in range(2):
        assert (await ask(llm, "?")).text == "Lyon"


async def test_the_global_cache_serves_router_and_models(pair, ask):
    two = pair(respond)
    set_llm_cache(InMemoryCache())
    try:
        llm = two.routed()
        await ask(llm, "?")
        assert routing_decision(await ask(llm, "?")).cached
        await ask(two.routed(usage="answer", router="automix"), "?", force="large")
    finally:
        set_llm_cache(None)
    assert two.asked == ["small", "large"]  # the other router took the large model's entry
