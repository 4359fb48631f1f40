"""The same traffic with the same feedback teaches both frameworks the same, to the last bit."""

import random

import numpy as np
import pytest

pytest.importorskip("langchain_openai")
pytest.importorskip("llama_index.llms.openai_like")

from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike

from automix_core import Price, collect_decisions
from langchain_automix import RoutingChatModel
from llamaindex_automix import RoutingLLM
from tests.core.learn.learners import learning, same
from tests.scripted_server import Scripted, ScriptedServer

PRICES = {"small": Price(1, 2), "large": Price(10, 20), "third": Price(3, 3)}
KEYS = {"api_key": "none", "max_retries": 0, "timeout": 10}


def respond(body):
    return Scripted(text=f"I am {body['model']}.", usage=(20, len(str(body["messages"]))))


def langchain(server):
    def model(name):
        return ChatOpenAI(base_url=server.base_url, model=name, **KEYS)

    return RoutingChatModel, model, lambda llm, question: llm.invoke(question)


def llamaindex(server):
    def model(name):
        window = {"is_chat_model": True, "context_window": 8192}
        return OpenAILike(api_base=server.base_url, model=name, **window, **KEYS)

    return RoutingLLM, model, lambda llm, question: llm.complete(question)


def taught(framework):
    """A routing model after forty questions, feedback on each, and a model that came and one
    that went; and the answers' models."""
    draw, arms = random.Random(7), []
    with ScriptedServer(respond) as server, collect_decisions() as decisions:
        kind, model, ask = framework(server)
        models = {name: model(name) for name in ("small", "large")}
        prices = {name: PRICES[name] for name in models}
        llm = kind(models=models, prices=prices, router=learning())
        for n in range(40):
            if n == 15:
                llm.add_arm("third", model("third"), price=PRICES["third"])
            if n == 30:
                llm.remove_arm("small")
            ask(llm, f"What is the {draw.choice(['root', 'age'])} of number {n}?")
            arms.append(decisions[-1].arm)
            known = {"score": draw.random(), "satisfied": draw.random() < 0.5, "latency": 1.0}
            assert llm.give_feedback(decisions[-1].id, **known)
    return llm.bound_router.estimator, arms


def test_the_same_feedback_teaches_both_frameworks_the_same():
    theirs, their_arms = taught(langchain)
    ours, our_arms = taught(llamaindex)
    assert their_arms == our_arms
    assert len(set(our_arms)) > 1
    assert same(theirs, ours)
    assert np.abs(ours.weights_).sum() > 0
