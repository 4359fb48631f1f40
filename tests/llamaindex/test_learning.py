"""Feedback on LlamaIndex's answers, by every way to get one; models come and go."""

import pickle
import threading

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.response_synthesizers import get_response_synthesizer

from automix_core import FeedbackError, Router
from llamaindex_automix import (
    ConfigurationError,
    RoutingLLM,
    RoutingQueryEngine,
    collect_decisions,
    routing_decision,
)
from tests.core.learn.learners import learning, same
from tests.llamaindex.fakes import Native
from tests.llamaindex.pair import PRICES, index_of
from tests.scripted_server import Scripted


def respond(body):
    return Scripted(text=f"I am {body['model']}.", usage=(20, 4))


def told(llm):
    """How much feedback each model has had."""
    known = llm.router.estimator.told_
    return [0, 0] if known is None else known[:, 4].tolist()


async def test_feedback_on_every_way_to_ask(pair, call):
    llm = pair(respond).routed(router=learning())
    heard = await call(llm, "What is the root of 1?")
    decision = routing_decision(heard.last)
    assert decision.arm == "small"
    assert llm.give_feedback(decision.id, score=1.0)
    assert not await llm.agive_feedback(heard.last, score=0.0)
    assert await llm.agive_feedback(decision, satisfied=True)
    assert llm.bound_router.estimator.told_[0].tolist()[0] == 1.0
    assert told(llm) == [2, 0]


def test_what_was_learned_is_saved_with_the_router_of_the_llm(pair, tmp_path):
    given, two = learning(), pair(respond)
    llm = two.routed(router=given)
    llm.give_feedback(llm.complete("?"), 1.0)
    llm.router.save(tmp_path)
    assert given.estimator.weights_ is None
    again = two.routed(router=Router.load(tmp_path))
    assert same(again.router.estimator, llm.router.estimator)


def test_copies_learn_together(pair):
    llm = pair(respond).routed(router=learning())
    other = llm.model_copy()
    assert other.give_feedback(llm.complete("?"), 1.0)
    assert told(llm) == [1, 0]


def make_models():
    return {"small": Native("I am small."), "large": Native("I am large.")}


def test_what_was_learned_and_the_store_travel_with_a_pickle(tmp_path):
    store = tmp_path / "events.db"
    llm = RoutingLLM(make_models, router=learning(), prices=PRICES, store=store)
    before, late = llm.complete("?"), llm.complete("?")
    llm.give_feedback(before, 1.0)
    again = pickle.loads(pickle.dumps(llm))
    assert same(again.router.estimator, llm.router.estimator)
    assert again.give_feedback(late, 1.0)
    assert not llm.give_feedback(late, 1.0)


def test_what_carries_no_decision_is_no_feedback(pair):
    two = pair(respond)
    llm = two.routed(router=learning())
    with pytest.raises(FeedbackError, match="carries no decision"):
        llm.give_feedback(two.model("small").complete("?"), 1.0)
    with pytest.raises(FeedbackError, match="not known"):
        llm.give_feedback("never made", 1.0)
    plain = two.routed()
    response = plain.complete("?")
    with pytest.raises(ConfigurationError, match="learns nothing"):
        plain.give_feedback(response, 1.0)


def test_models_come_and_go(pair):
    two = pair(respond)
    llm = two.routed(router=learning(), utility_arm="large")
    counter = TokenCountingHandler()
    llm.callback_manager = CallbackManager([counter])
    llm.complete("?")
    llm.add_arm("third", two.model("third", context_window=100), price=(0.1, 0.1))
    assert llm.arm_names == ["third", "small", "large"]
    assert llm.metadata.context_window == 100
    assert str(llm.complete("?")) == "I am third."
    assert len(counter.llm_token_counts) == 2  # it reports to the same handlers
    llm.remove_arm("third")
    assert llm.arm_names == ["small", "large"]
    assert str(llm.complete("?")) == "I am small."
    llm.add_arm("third", two.model("third"), price=(0.1, 0.1))
    with pytest.raises(ConfigurationError, match="utility"):
        llm.remove_arm("large")
    llm.remove_arm("small")
    with pytest.raises(ConfigurationError, match="at least two"):
        llm.remove_arm("third")
    with pytest.raises(ConfigurationError, match="not a LlamaIndex LLM"):
        llm.add_arm("fourth", object(), price=(1, 1))


def test_what_a_model_refused_goes_with_it(pair):
    two = pair(respond)
    llm = two.routed(router=learning())
    llm._refusals.note("small", frozenset({"logprobs"}))
    llm.add_arm("third", two.model("third"), price=(0.1, 0.1))
    llm.remove_arm("small")
    assert llm._refusals.of("small") == frozenset()


def test_a_call_under_way_keeps_its_models(pair):
    asked, go = threading.Event(), threading.Event()

    def slowly(body):
        if body["model"] == "small":
            asked.set()
            go.wait(10)
        return respond(body)

    two, got = pair(slowly), []
    llm = two.routed(router=learning())
    thread = threading.Thread(target=lambda: got.append(str(llm.complete("?"))))
    thread.start()
    assert asked.wait(10)
    llm.add_arm("third", two.model("third"), price=(50, 50))
    llm.remove_arm("small")
    llm.add_arm("small", two.model("other"), price=(0.1, 0.1))
    go.set()
    thread.join()
    assert got == ["I am small."]
    assert str(llm.complete("?")) == "I am other."


def test_a_query_engine_over_the_llm_and_one_over_synthesizers_take_feedback(pair):
    two = pair(respond)
    index: VectorStoreIndex = index_of("Berlin is a city.", "Bonn is a city.")
    llm = two.routed(router=learning())
    with collect_decisions() as decisions:
        index.as_query_engine(llm=llm).query("What is Berlin?")
    assert all(llm.give_feedback(decision, 1.0) for decision in decisions)

    def synthesizer(name):
        return get_response_synthesizer(llm=two.model(name))

    engine = RoutingQueryEngine(
        index.as_retriever(),
        {name: synthesizer(name) for name in PRICES},
        router=learning(),
        prices=PRICES,
    )
    response = engine.query("What is Berlin?")
    assert str(response) == "I am small."
    twin = engine.with_retriever(index.as_retriever(similarity_top_k=1))
    assert twin.give_feedback(response, 1.0)
    assert not engine.give_feedback(routing_decision(response).id, 1.0)
    engine.add_arm("third", synthesizer("third"), price=(0.1, 0.1))
    for _ in range(3):
        engine.give_feedback(engine.query("What is Bonn?"), 0.0)
    engine.remove_arm("small")
    assert str(engine.query("What is Berlin?")) != "I am small."


async def test_chats_are_known_by_their_response(pair):
    llm = pair(respond).routed(router=learning())
    assert await llm.agive_feedback(llm.chat([ChatMessage(content="?")]), 0.5)
