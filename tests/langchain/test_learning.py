"""Feedback on LangChain's answers, by every way to get one; models come and go."""

import asyncio
import threading

import pytest
from langchain_core.caches import InMemoryCache

from automix_core import FeedbackError, Router, UnknownNameError
from automix_core.flow import Usage
from langchain_automix import ConfigurationError, collect_decisions, routing_decision
from tests.core.learn.learners import Tiny, learning, same
from tests.langchain.pair import PRICES
from tests.scripted_server import Scripted


def respond(body):
    return Scripted(text=f"I am {body['model']}.", usage=(20, 4))


def told(llm):
    """How much feedback each model has had."""
    known = llm.bound_router.estimator.told_
    return [0, 0] if known is None else known[:, 4].tolist()


async def test_feedback_on_every_way_to_ask(pair, call):
    llm = pair(respond).routed(router=learning())
    message = await call(llm, "What is the root of 1?")
    decision = routing_decision(message)
    assert decision.arm == "small"
    assert llm.give_feedback(decision.id, score=1.0)
    assert not await llm.agive_feedback(message, score=0.0)
    assert await llm.agive_feedback(decision, satisfied=True)
    known = llm.bound_router.estimator.told_[0]
    assert known.tolist()[:2] == [1.0, decision.cost]
    if "stream" not in call.way:
        assert decision.cost == PRICES["small"].cost(Usage(20, 4))


async def test_batches_are_known_as_well(pair):
    llm = pair(respond).routed(router=learning())
    messages = [*llm.batch(["1?", "2?"]), *await llm.abatch(["3?", "4?"])]
    for message in messages:
        assert llm.give_feedback(message, 1.0)
    assert told(llm) == [4, 0]


async def test_a_cached_answer_counts_as_the_one_that_was_made(pair):
    two = pair(respond)
    llm = two.routed(router=learning(), cache=InMemoryCache())
    first, again = llm.invoke("?"), await llm.ainvoke("?")
    assert two.asked == ["small"]
    assert routing_decision(again).cached
    assert llm.give_feedback(again, 1.0)
    assert not llm.give_feedback(first, 0.0)
    assert told(llm) == [1, 0]


async def test_learning_changes_neither_cache_keys_nor_what_they_take_to_make(pair, monkeypatch):
    two = pair(respond)
    llm = two.routed(router=learning(), cache=InMemoryCache())
    first = llm.invoke("?")
    key = llm._get_llm_string()
    monkeypatch.setattr(Router, "as_dict", None)  # nothing may describe the router again
    llm.give_feedback(first, 0.0)
    assert llm._get_llm_string() == key
    assert routing_decision(llm.invoke("?")).cached
    llm.add_arm("third", two.model("third"), price=(0.1, 0.1))
    assert llm._get_llm_string() != key
    assert "third" in llm._identifying_params["arms"]
    assert not routing_decision(llm.invoke("?")).cached


def test_what_was_learned_is_saved_with_the_router_of_the_model(pair, tmp_path):
    given = learning()
    two = pair(respond)
    llm = two.routed(router=given)
    llm.give_feedback(llm.invoke("?"), 1.0)
    llm.bound_router.save(tmp_path)
    assert given.estimator.weights_ is None
    again = two.routed(router=Router.load(tmp_path))
    assert same(again.bound_router.estimator, llm.bound_router.estimator)
    assert isinstance(again.bound_router.estimator, Tiny)


def test_a_store_takes_feedback_after_a_restart(pair, tmp_path):
    two, path = pair(respond), tmp_path / "events.db"
    decision = routing_decision(two.routed(router=learning(), store=path).invoke("?"))
    llm = two.routed(router=learning(), store=str(path))
    assert llm.give_feedback(decision.id, 1.0)
    assert told(llm) == [1, 0]


def test_what_carries_no_decision_is_no_feedback(pair):
    two = pair(respond)
    llm = two.routed(router=learning())
    with pytest.raises(FeedbackError, match="carries no decision"):
        llm.give_feedback(two.model("small").invoke("?"), 1.0)
    with pytest.raises(FeedbackError, match="not known"):
        llm.give_feedback("never made", 1.0)
    with pytest.raises(FeedbackError, match="needs the id"):
        llm.give_feedback(None, 1.0)
    plain = two.routed()
    message = plain.invoke("?")
    with pytest.raises(ConfigurationError, match="learns nothing"):
        plain.give_feedback(message, 1.0)


def test_models_come_and_go(pair):
    two = pair(respond)
    llm = two.routed(router=learning())
    llm.add_arm("third", two.model("third"), price=(0.1, 0.1))
    assert llm.arms.names == ("third", "small", "large")
    assert llm.invoke("?").text == "I am third."
    assert llm.invoke("?", force="large").text == "I am large."
    llm.remove_arm("third")
    assert llm.invoke("?").text == "I am small."
    with pytest.raises(UnknownNameError, match="third"):
        llm.invoke("?", force="third")
    with pytest.raises(ConfigurationError, match="at least two"):
        llm.remove_arm("small")
    with pytest.raises(ConfigurationError, match="LangChain chat model"):
        llm.add_arm("third", object(), price=(1, 1))


def test_what_a_model_refused_goes_with_it(pair):
    two = pair(respond)
    llm = two.routed(router=learning())
    llm._refusals.note("small", frozenset({"logprobs"}))
    llm.add_arm("third", two.model("third"), price=(0.1, 0.1))
    assert llm._refusals.of("small") == {"logprobs"}
    llm.remove_arm("small")
    assert llm._refusals.of("small") == frozenset()


def test_a_call_under_way_keeps_its_models(pair):
    """A name that went and came back stands for another model only in later calls."""
    asked, go = threading.Event(), threading.Event()

    def slowly(body):
        if body["model"] == "small":
            asked.set()
            go.wait(10)
        return respond(body)

    two, got = pair(slowly), []
    llm = two.routed(router=learning())
    thread = threading.Thread(target=lambda: got.append(llm.invoke("?").text))
    thread.start()
    assert asked.wait(10)
    llm.add_arm("third", two.model("third"), price=(50, 50))
    llm.remove_arm("small")
    llm.add_arm("small", two.model("other"), price=(0.1, 0.1))
    go.set()
    thread.join()
    assert got == ["I am small."]
    assert llm.invoke("?").text == "I am other."


def test_what_all_models_can_do_follows_them(pair):
    two = pair(respond)
    small, large, third = (
        two.model(name, profile={"max_input_tokens": tokens})
        for name, tokens in (("small", 100), ("large", 1000), ("third", 50))
    )
    llm = two.routed(models={"small": small, "large": large}, router=learning())
    llm.add_arm("third", third, price=(0.1, 0.1))
    assert llm.profile["max_input_tokens"] == 50
    llm.remove_arm("third")
    assert llm.profile["max_input_tokens"] == 100


async def test_many_at_once(pair):
    llm = pair(respond).routed(router=learning())

    async def one(n):
        with collect_decisions() as decisions:
            await llm.ainvoke(f"{n}?")
        return await llm.agive_feedback(decisions[0], 1.0)

    assert await asyncio.gather(*[one(n) for n in range(20)]) == [True] * 20
    assert sum(told(llm)) == 20


def test_an_agents_answers_take_feedback(pair):
    pytest.importorskip("langchain.agents")
    from langchain.agents import create_agent

    from langchain_automix import RoutingMiddleware

    two = pair(respond)
    models = {"small": two.model("small"), "large": two.model("large")}
    middleware = RoutingMiddleware(models, router=learning(), prices=PRICES)
    agent = create_agent(two.model("large"), [], middleware=[middleware])
    message = agent.invoke({"messages": ["What is the root of 1?"]})["messages"][-1]
    assert middleware.give_feedback(message, 1.0)
    assert asyncio.run(middleware.agive_feedback(message, satisfied=True))
    middleware.add_arm("third", two.model("third"), price=(0.1, 0.1))
    for _ in range(3):
        message = agent.invoke({"messages": ["What is the root of 1?"]})["messages"][-1]
        middleware.give_feedback(message, 0.0)
    middleware.remove_arm("small")
    assert agent.invoke({"messages": ["?"]})["messages"][-1].text != "I am small."
