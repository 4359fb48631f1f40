"""Presets put parts together, and a wrong name lists the right ones."""

from pathlib import Path

import numpy as np
import pytest

from automix_core import (
    ConfigurationError,
    Outcomes,
    Preference,
    Router,
    UnknownNameError,
    presets,
)
from automix_core.candidates import candidates
from automix_core.decide import Value
from automix_core.estimate import Calibrated, FittedThreshold, Fused, Threshold
from automix_core.verify import AnswerLikelihood, Auto, SelfVerification

XQUAD = Path(__file__).parents[1] / "data" / "xquad_local_models_numeric.jsonl"


def test_the_default_is_the_cascade_with_the_best_free_signal():
    router = Router.preset()
    assert router.name == "cascade"
    assert (router.verifier, router.estimator, router.policy) == (Auto(), Threshold(0.5), Value())


def test_automix_is_the_paper():
    recipe = presets.recipe("automix")
    assert recipe.verifier == SelfVerification(samples=8, temperature=1.0)
    assert recipe.estimator == Threshold(0.5)


def test_parameters_reach_the_parts():
    assert presets.recipe("automix", samples=4).verifier.samples == 4
    assert presets.recipe("cascade", threshold=0.7).estimator.threshold == 0.7


@pytest.mark.parametrize("given", ["answer_likelihood", AnswerLikelihood()])
def test_a_verifier_may_be_given_by_name_or_as_it_is(given):
    assert presets.recipe("cascade", verifier=given).verifier == AnswerLikelihood()


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_a_router_of_its_name(name):
    assert Router.preset(name).name == name


def test_frugalgpt_scores_answers_by_all_their_signals_and_searches_thresholds(tmp_path):
    table = Outcomes.read(XQUAD).only(["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
    train, held = table.split(0.5, seed=0)
    router = Router.preset("frugalgpt").fit(train)
    match router.estimator:
        case Calibrated(inner=Fused(inner=FittedThreshold()) as scorer):
            assert set(scorer.names_) == set(router.fit_report.used)
        case other:
            pytest.fail(f"{other} is no scorer with thresholds behind it")
    dear, cascade, cheap = (router.replay(held, Preference(w)) for w in (0.1, 0.4, 3.0))
    assert (dear.arm == 1).all()
    assert (cheap.arm == 0).all()
    assert cascade.verified[:, 0].all()
    escalated = cascade.asked[:, 1]
    assert 0.1 < escalated.mean() < 0.9
    assert held.quality[~escalated, 0].mean() > held.quality[escalated, 0].mean() + 0.1
    router.save(tmp_path)
    again = Router.load(tmp_path)
    assert again.as_dict() == router.as_dict()
    np.testing.assert_array_equal(again.replay(held).arm, router.replay(held).arm)


def test_its_scorer_reads_several_signals_by_itself():
    table = Outcomes.read(XQUAD).only(["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
    area = {"qwen2.5-coder-0.5b": (0.7, 0.6, 0.8)}
    telling = {"answer_likelihood": area, "self_verification": area}
    recipe = presets.recipe("frugalgpt", verifier=AnswerLikelihood() | SelfVerification(8))
    tried = candidates(recipe.verifier, recipe.estimator, table, telling)
    assert max(len(candidate.verifier.leaves()) for candidate in tried) == 2
    assert all(candidate.estimator == recipe.estimator for candidate in tried)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("automax", {}, r"no preset 'automax'.*'automix', 'calibrated'.*'cascade'"),
        ("automix", {"sample": 4}, r"'sample'.*'meta_verifier', 'samples', 'threshold'"),
        ("automix", {"meta_verifier": "crystal"}, r"no estimator 'crystal'.*'threshold'"),
        ("cascade", {"verifier": "oracle"}, r"no verifier 'oracle'.*'auto'.*'self_verification'"),
    ],
)
def test_a_name_that_does_not_exist_lists_those_that_do(name, parameters, says):
    with pytest.raises(UnknownNameError, match=says):
        Router.preset(name, **parameters)


@pytest.mark.parametrize(
    "spec",
    [
        "cascade:threshold=high",
        "ridge:penalty=low",
        "mixllm:alpha=some",
        "mixllm:penalty=low",
        "mixllm:forgetting=none",
        "metallm:alpha=some",
        "pickllm:rate=slow",
        "pickllm:learner=automaton,rate=slow",
        "knn:embedder=hashing",
        "metallm:embedder=hashing",
    ],
)
def test_what_is_no_number_and_no_embedder_is_refused_at_once(spec):
    with pytest.raises(ConfigurationError, match=spec.rpartition("=")[2] + "|External"):
        Router.from_spec(spec)


def test_a_preset_without_samples_is_refused():
    with pytest.raises(ConfigurationError, match="samples"):
        Router.preset("automix", samples=0)


@pytest.mark.parametrize("verifier", ["check", "judge", 3, None])
def test_what_cannot_be_a_verifier_by_itself_is_refused(verifier):
    with pytest.raises(ConfigurationError):
        Router.preset("cascade", verifier=verifier)
