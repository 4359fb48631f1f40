"""Presets put parts together, and a wrong name lists the right ones."""

import pytest

from automix_core import ConfigurationError, Router, UnknownNameError, presets
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.verify import AnswerLikelihood, Auto, SelfVerification


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


def test_a_preset_without_samples_is_refused():
    with pytest.raises(ConfigurationError, match="samples"):
        Router.preset("automix", samples=0)


@pytest.mark.parametrize("verifier", ["check", "judge", 3, None])
def test_what_cannot_be_a_verifier_by_itself_is_refused(verifier):
    with pytest.raises(ConfigurationError):
        Router.preset("cascade", verifier=verifier)
