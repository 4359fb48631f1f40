"""Two hundred calls at once: every grounding and every decision belongs to its own call."""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from llama_index.core.prompts import PromptTemplate

from automix_core.verify.check import Check
from llamaindex_automix import (
    Preference,
    Router,
    RoutingLLM,
    collect_decisions,
    grounding,
    preferring,
)
from tests.llamaindex.fakes import Native
from tests.llamaindex.pair import index_of
from tests.llamaindex.test_engines import queried
from tests.scripted_server import Scripted

COUNT = 200
PROMPT = PromptTemplate("{query_str} {context_str}")


def shuffled(say):
    """A model that takes a while, and never as long as its neighbour."""

    def answer(text):
        time.sleep(random.random() / 500)
        return f"{say} {text}"

    return Native(answer)


def crowd():
    """A router whose verifier sees to it that question, context and answer are of one call."""
    seen = []

    def look(case):
        number = case.question.removeprefix("Q")
        assert case.context == f"C{number}"
        assert case.answer.split()[-2:] == [case.question, case.context]
        seen.append(number)
        return int(number) % 2  # the odd ones are good enough

    router = Router.preset("cascade", verifier=Check(look))
    models = {"small": shuffled("small"), "large": shuffled("large")}
    return RoutingLLM(models=models, router=router), seen


def told(number, text, decisions):
    """Check what one call came back with."""
    (decision,) = decisions
    arm = "small" if number % 2 else "large"
    assert text == f"{arm} Q{number} C{number}"
    assert decision.arm == arm
    assert [verdict.confidence for verdict in decision.verdicts] == [float(number % 2)]
    assert decision.preference["cost_weight"] == number / 1000
    return decision.id


def chatted(llm, number):
    with grounding(f"Q{number}", f"C{number}"):
        return llm.complete(f"Q{number} C{number}").text


def predicted(llm, number):
    return llm.predict(PROMPT, query_str=f"Q{number}", context_str=f"C{number}")


def streamed(llm, number):
    return "".join(llm.stream(PROMPT, query_str=f"Q{number}", context_str=f"C{number}"))


@pytest.mark.parametrize("way", [chatted, predicted, streamed])
def test_on_sixteen_threads(way):
    llm, seen = crowd()

    def one(number):
        with preferring(Preference(cost_weight=number / 1000)), collect_decisions() as decisions:
            return told(number, way(llm, number), decisions)

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(one, range(COUNT)))
    assert len(set(ids)) == COUNT
    assert sorted(seen, key=int) == [str(number) for number in range(COUNT)]


@pytest.mark.parametrize("way", ["apredict", "astream", "acomplete"])
async def test_under_gather(way):
    llm, seen = crowd()
    given = {n: {"query_str": f"Q{n}", "context_str": f"C{n}"} for n in range(COUNT)}

    async def said(number):
        if way == "acomplete":
            with grounding(f"Q{number}", f"C{number}"):
                return (await llm.acomplete(f"Q{number} C{number}")).text
        if way == "apredict":
            return await llm.apredict(PROMPT, **given[number])
        return "".join([token async for token in await llm.astream(PROMPT, **given[number])])

    async def one(number):
        with preferring(Preference(cost_weight=number / 1000)), collect_decisions() as decisions:
            return told(number, await said(number), decisions)

    ids = await asyncio.gather(*(one(number) for number in range(COUNT)))
    assert len(set(ids)) == COUNT
    assert sorted(seen, key=int) == [str(number) for number in range(COUNT)]


async def test_query_engines_over_a_socket_under_gather(pair):
    def respond(body):
        return Scripted(f"{body['model']} {body['messages'][-1]['content']}")

    seen = []

    def look(case):
        seen.append((case.question, case.context))
        return case.question in case.answer and case.context in case.answer

    llm = pair(respond).routed(router=Router.preset("cascade", verifier=Check(look)))
    engine = index_of("One fact.").as_query_engine(llm=llm)

    async def one(number):
        with collect_decisions() as decisions:
            text = await queried(engine, f"Q{number}.", sync=False)
        return f"Q{number}." in text and [decision.arm for decision in decisions] == ["small"]

    assert all(await asyncio.gather(*(one(number) for number in range(COUNT))))
    assert sorted(seen) == sorted((f"Q{number}.", "One fact.") for number in range(COUNT))
