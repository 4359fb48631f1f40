"""MixLLM, MetaLLM and PickLLM as whole routers: fitted, live, saved, and what they are made of."""

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes, Preference, Request, Router, UnknownNameError
from automix_core.drive import finish
from automix_core.embed import Tagged
from automix_core.estimate import (
    Automaton,
    Averages,
    Forecast,
    Forest,
    LinearBandit,
    Prior,
    Satisfaction,
)
from automix_core.evidence import Examples
from tests.core.conftest import ScriptedPort, bound, says
from tests.core.test_one_step import HELD, PLAIN, SUMS, TRAIN, table
from tests.shared import shared

CONTEXTUAL = {
    "mixllm": {"quality": "clusters"},
    "mixllm, knn": {"quality": "knn"},
    "mixllm, forgetting": {"quality": "prior", "penalty": 3.0, "forgetting": 0.999},
    "metallm": {"penalty": 3.0},
}
PICK = {"pickllm": {}, "pickllm, automaton": {"learner": "automaton", "rate": 0.05}}
EVERY = {name: {**given, "embedder": PLAIN} for name, given in CONTEXTUAL.items()} | PICK

each = pytest.mark.parametrize(("name", "parameters"), EVERY.items(), ids=EVERY)


def preset(name, parameters):
    return Router.preset(name.split(",")[0], **parameters)


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_what_is_easy_goes_to_the_cheap_arm_and_what_is_hard_to_the_dear_one(name):
    router = preset(name, EVERY[name]).fit(TRAIN)
    seen = router.replay(HELD, Preference(0.3))
    assert (seen.arm[SUMS] == 1).mean() > 0.9
    assert (seen.arm[~SUMS] == 0).mean() > 0.9
    assert not seen.verified.any()
    assert router.fit_report.significant


@pytest.mark.parametrize("name", PICK)
def test_pickllm_settles_on_one_model_whatever_is_asked(name):
    router = preset(name, PICK[name]).fit(TRAIN)
    assert (router.replay(HELD, Preference(0.1)).arm == 1).mean() > 0.85
    assert not router.fit_report.significant


@each
def test_a_fitted_router_comes_back_as_it_was_and_serves(tmp_path, name, parameters):
    made = preset(name, parameters).fit(TRAIN)
    made.save(tmp_path)
    again = Router.load(tmp_path)
    assert again.as_dict() == made.as_dict()
    one, other = (router.replay(HELD, Preference(0.3), seed=1) for router in (made, again))
    np.testing.assert_array_equal(one.arm, other.arm)
    asked = Request(HELD.texts["question"][0])
    outcome = finish(bound(again).route(asked), ScriptedPort(lambda ask: says("fine")))
    assert outcome.decision.arm in HELD.arms


def test_tags_are_used_where_the_table_has_them_and_missed_nowhere():
    rows = [
        {
            "id": f"q{place}",
            "question": text,
            "tags": ["sum" if "+" in text else "town"],
            "arms": {
                arm: {"quality": TRAIN.quality[place, i], "cost": TRAIN.cost[place, i]}
                for i, arm in enumerate(TRAIN.arms)
            },
        }
        for place, text in enumerate(TRAIN.texts["question"])
    ]
    for tagged in (Outcomes.of(rows), TRAIN):
        router = Router.preset("mixllm").fit(tagged)
        assert isinstance(router.embedder.inner, Tagged) == (tagged is not TRAIN)
        seen = router.replay(HELD, Preference(0.3))
        assert (seen.arm[SUMS] == 1).mean() > 0.9


@pytest.mark.parametrize("name", ["mixllm", "metallm"])
def test_feedback_alone_moves_traffic(name):
    """The cheap arm learns sums, and only the scores of its own answers say so."""
    router = preset(name, EVERY[name]).fit(TRAIN)
    asked = [text for text in table(900, seed=2).texts["question"] if "+" in text]
    quality = np.tile([[1.0, np.nan]], (len(asked), 1))
    events = Examples(quality, np.full_like(quality, np.nan), features=PLAIN.embed(asked))
    estimator = router.estimator.learn(events)
    taught = Router(router.verifier, estimator, router.policy, embedder=PLAIN)
    seen = taught.replay(HELD, Preference(0.3))
    assert (seen.arm[SUMS] == 0).mean() > 0.8
    assert (seen.arm[~SUMS] == 0).mean() > 0.8


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_with_cost_no_object_it_takes_the_best_and_with_cost_everything_the_cheapest(name):
    """Acceptance property 1 of MixLLM, on whole routers."""
    router = preset(name, EVERY[name]).fit(TRAIN)
    assert (router.replay(HELD, Preference(1e6)).arm == 0).all()
    dear = router.replay(HELD, Preference(0.0))
    assert (dear.arm[SUMS] == 1).mean() > 0.9


def test_presets_are_made_of_the_parts_that_their_papers_name():
    mixllm, metallm = Router.preset("mixllm", alpha=0.02, penalty=5), Router.preset("metallm")
    assert isinstance(mixllm.estimator, Forecast)
    assert isinstance(mixllm.estimator.quality, Satisfaction)
    assert isinstance(mixllm.estimator.quality.inner, LinearBandit)
    assert mixllm.policy.alpha == pytest.approx(0.1)
    assert isinstance(metallm.estimator.inner, Prior)
    assert (metallm.policy.root, metallm.policy.beta) == (True, 0.0)
    assert isinstance(Router.preset("pickllm").estimator, Averages)
    assert isinstance(Router.from_spec("pickllm:learner=automaton").estimator, Automaton)


def test_the_forest_of_the_paper_can_be_had():
    assert isinstance(
        Router.preset("mixllm", quality="forest").estimator.quality.inner.inner, Forest
    )


def test_without_scikit_learn_the_forest_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    with pytest.raises(ConfigurationError, match=r"automix-routing\[learn\]"):
        Router.preset("mixllm", quality="forest", embedder=PLAIN).fit(TRAIN)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("mixllm", {"quality": "oracle"}, r"'oracle'.*'clusters', 'forest', 'knn', 'prior'"),
        ("pickllm", {"learner": "r"}, r"'r'.*'automaton', 'q'"),
    ],
)
def test_a_name_that_does_not_exist_lists_those_that_do(name, parameters, says):
    with pytest.raises(UnknownNameError, match=says):
        Router.preset(name, **parameters)


def test_exploration_is_on_the_record():
    live = bound(Router.preset("mixllm", embedder=PLAIN, epsilon=0.5).fit(TRAIN))
    chances = set()
    for _ in range(20):
        port = ScriptedPort(lambda ask: says("fine"))
        chances.add(finish(live.route(Request("How much is 3 + 4?")), port).decision.propensity)
    assert chances == {0.25, 0.75}


def test_on_nine_real_models_it_gains_over_mixing_them_by_chance():
    table = Outcomes.read(shared("llmrouter_scores.jsonl")).take(slice(0, None, 2))
    assert Router.preset("mixllm").fit(table).fit_report.gain[1] > 0.02
