"""Copies, dicts and pickles: what travels, what is made anew, and that no secret is in any."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from llama_index.core.extractors import SummaryExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode
from llama_index.llms.openai_like import OpenAILike

from automix_core.verify import Judge
from automix_core.verify.check import Check
from llamaindex_automix import ConfigurationError, Preference, Router, RoutingLLM
from tests.llamaindex.fakes import Fake
from tests.llamaindex.pair import ANSWER, DRAFT, PRICES, SECRET, script

ROOT = Path(__file__).parents[2]


def from_the_environment():
    """Makes two models out of what the environment says."""
    address, key = os.environ["TEST_BASE"], os.environ["TEST_KEY"]
    return {
        name: OpenAILike(model=name, api_base=address, api_key=key, is_chat_model=True)
        for name in ("small", "large")
    }


heard = []


def note(decision):
    heard.append(decision)


@pytest.fixture
def environment(pair, monkeypatch):
    models = pair(script(sure=False))
    monkeypatch.setenv("TEST_BASE", models.server.base_url)
    monkeypatch.setenv("TEST_KEY", SECRET)
    return models


def test_copies_share_the_models():
    llm = RoutingLLM(models={"small": Fake("a"), "large": Fake("b")})
    assert copy.deepcopy(llm).arms[0].model is llm.arms[0].model
    assert copy.copy(llm).complete("?").text == "b"
    assert llm.model_copy().complete("?").text == "b"


@pytest.mark.filterwarnings("ignore:The context window")
def test_a_pickle_holds_no_secret_and_makes_the_models_anew(environment):
    router = Router.preset("cascade", threshold=0.3)
    llm = RoutingLLM(
        models=from_the_environment,
        router=router,
        prices=PRICES,
        preference=Preference(cost_weight=0.2),
        on_decision=note,
        context_window=5000,
        utility_arm="large",
        system_prompt="Be brief.",
    )
    llm.complete("Why?")
    packed = pickle.dumps(llm)
    assert SECRET.encode() not in packed
    again = pickle.loads(packed)
    assert again.router.as_dict() == llm.router.as_dict()
    assert [arm.price for arm in again.arms] == [arm.price for arm in llm.arms]
    assert again.metadata == llm.metadata
    assert (again.utility_arm, again.system_prompt) == ("large", "Be brief.")
    assert all(a.model is not b.model for a, b in zip(again.arms, llm.arms, strict=True))
    heard.clear()
    assert again.complete("Why?").text == ANSWER
    assert heard[0].preference["cost_weight"] == 0.2
    assert pickle.loads(pickle.dumps(again)).arm_names == ["small", "large"]


def test_a_pickle_opens_in_another_process(environment, tmp_path):
    file = tmp_path / "llm.pickle"
    file.write_bytes(pickle.dumps(RoutingLLM(models=from_the_environment)))
    code = f"import pickle; print(pickle.load(open({str(file)!r}, 'rb')).complete('Why?').text)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == ANSWER, done.stderr
    assert environment.server.requests[-1].headers["authorization"] == f"Bearer {SECRET}"


def test_a_pipeline_with_processes_of_its_own(environment):
    extractor = SummaryExtractor(llm=RoutingLLM(models=from_the_environment), num_workers=1)
    pipeline = IngestionPipeline(transformations=[extractor], disable_cache=True)
    nodes = pipeline.run(nodes=[TextNode(text=f"Fact {i}.") for i in range(2)], num_workers=2)
    assert [node.metadata["section_summary"] for node in nodes] == [DRAFT] * 2


def test_what_cannot_be_pickled_says_what_to_do():
    with pytest.raises(ConfigurationError, match=r"models=make_models"):
        pickle.dumps(RoutingLLM(models={"small": Fake(), "large": Fake()}))
    for verifier in (Check(lambda case: True), Judge(Fake())):
        router = Router.preset("cascade", verifier=verifier)
        with pytest.raises(ConfigurationError, match="live objects"):
            pickle.dumps(RoutingLLM(models=two_fakes, router=router))


def two_fakes():
    return {"small": Fake("a"), "large": Fake("b")}


def test_a_dict_holds_no_secret_and_is_made_whole_with_models(environment):
    given = {"utility_arm": "large", "context_window": 5000, "num_output": 9}
    data = RoutingLLM(models=from_the_environment, **given).to_dict()
    assert SECRET not in str(data)
    again = RoutingLLM.from_dict(data, models=from_the_environment)
    assert {name: getattr(again, name) for name in given} == given
    assert again.to_dict() == data
    with pytest.raises(ConfigurationError, match="not those of the data"):
        RoutingLLM.from_dict({**data, "utility_arm": None}, models={"x": Fake(), "y": Fake()})


def test_a_function_that_makes_no_models_is_told_of():
    with pytest.raises(ConfigurationError, match="a list of two or more"):
        RoutingLLM(models=lambda: Fake())
