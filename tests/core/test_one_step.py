"""Routers that commit by the request alone: fitted, measured, replayed, live and saved."""

from dataclasses import dataclass

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes, Preference, Request, Router
from automix_core.decide import Best, Value
from automix_core.drive import finish
from automix_core.embed import Hashing
from automix_core.estimate import Bayes, Joint, Prior, RidgeQuality
from automix_core.evaluate import compare
from automix_core.flow import Failure
from automix_core.parts import Embedder
from automix_core.verify import AnswerLikelihood, Unverified
from tests.core.conftest import ScriptedPort, bound, says
from tests.shared import shared

LEARNED = {
    "knn": {"k": 20},
    "carrot": {"k": 20},
    "clusters": {"clusters": 4},
    "ridge": {"penalty": 0.1},
    "forest": {"trees": 10},
}
TOWNS = ["Berlin", "Paris", "Rome", "Oslo", "Madrid", "Vienna", "Warsaw", "Lisbon"]


def question(rng):
    """Half of the questions are about towns, which both arms know; half are sums."""
    if rng.random() < 0.5:
        return f"In which country is the town of {rng.choice(TOWNS)}?", 0.9, 0.9
    return f"How much is {rng.integers(99)} + {rng.integers(99)}?", 0.2, 0.9


def table(rows=300, seed=0, *, texts=True, likelihood=False):
    rng = np.random.default_rng(seed)
    made = []
    for place in range(rows):
        asked, small, large = question(rng)
        arms = {}
        for name, chance, cost in (("small", small, 0.001), ("large", large, 0.01)):
            quality = float(rng.random() < chance)
            arms[name] = {"quality": quality, "cost": cost}
            if likelihood:
                sure = float(np.clip(0.3 + 0.4 * quality + rng.normal(0, 0.2), 0.01, 0.99))
                arms[name]["signals"] = {"answer_likelihood": sure}
        made.append({"id": f"q{place}", "arms": arms} | ({"question": asked} if texts else {}))
    return Outcomes.of(made)


TRAIN, HELD = table(seed=0), table(seed=1)
SUMS = np.array(["+" in text for text in HELD.texts["question"]])
PLAIN = Hashing(64)


@pytest.mark.parametrize(("name", "parameters"), LEARNED.items(), ids=LEARNED)
def test_what_is_easy_goes_to_the_cheap_arm_and_what_is_hard_to_the_dear_one(name, parameters):
    router = Router.preset(name, embedder=PLAIN, **parameters).fit(TRAIN)
    seen = router.replay(HELD, Preference(0.3))
    assert (seen.arm[SUMS] == 1).mean() > 0.9
    assert (seen.arm[~SUMS] == 0).mean() > 0.9
    assert (seen.asked.sum(axis=1) == 1).all()
    assert not seen.verified.any()


@pytest.mark.parametrize(("name", "parameters"), LEARNED.items(), ids=LEARNED)
def test_the_fit_says_on_held_out_rows_that_routing_pays(name, parameters):
    router = Router.preset(name, embedder=PLAIN, **parameters).fit(TRAIN)
    report = router.fit_report
    assert report.significant
    assert report.verdict.startswith("Routing pays")
    assert "alone is best" not in report.verdict
    held = router.replay(HELD, Preference(0.1)).quality.mean()
    (default,) = [o for o in report.operations if o.cost_weight == 0.1]
    assert default.quality[1] - 0.05 < held < default.quality[2] + 0.05
    assert (default.start, default.verified) == (None, False)
    told = " ".join(router.describe())
    assert "the request decides who is asked" in told
    assert "unverified" in told
    assert "Meta-verifier" not in told


def test_on_noise_the_fit_does_not_promise_a_gain():
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": f"q{i}",
            "question": question(rng)[0],
            "arms": {
                "small": {"quality": float(rng.random() < 0.5), "cost": 0.001},
                "large": {"quality": float(rng.random() < 0.7), "cost": 0.01},
            },
        }
        for i in range(300)
    ]
    report = Router.preset("knn", embedder=PLAIN).fit(Outcomes.of(rows)).fit_report
    assert not report.significant
    assert report.verdict.startswith("No significant gain")


def test_a_budget_and_a_floor_are_met_on_other_rows():
    router = Router.preset("clusters", clusters=4, embedder=PLAIN).fit(TRAIN)
    assert router.replay(HELD, Preference(budget=0.004)).cost.mean() < 0.0046
    floor = router.replay(HELD, Preference(min_quality=0.75))
    assert floor.quality.mean() > 0.69
    assert floor.cost.mean() < 0.006


def test_live_and_replay_choose_the_same_arm():
    router = Router.preset("knn", embedder=PLAIN).fit(TRAIN)
    live = bound(router)
    seen = router.replay(HELD, Preference(0.3))
    for place in range(30):
        port = ScriptedPort(lambda ask: says("fine"))
        asked = Request(HELD.texts["question"][place])
        outcome = finish(live.route(asked, Preference(0.3)), port)
        assert outcome.decision.arm == HELD.arms[seen.arm[place]]
        assert [(ask.to, ask.final) for ask in port.asks] == [(outcome.decision.arm, True)]


def test_where_the_chosen_arm_fails_the_next_best_answers():
    live = bound(Router.preset("knn", embedder=PLAIN).fit(TRAIN))

    def script(ask):
        return ConnectionError("down") if ask.to == "large" else says("fine")

    outcome = finish(live.route(Request("How much is 3 + 4?")), ScriptedPort(script))
    assert outcome.decision.arm == "small"


@dataclass(frozen=True)
class Broken(Hashing):
    """Embeds tables, and fails for requests."""

    name = "broken_in_tests"

    def flow(self, texts):
        yield from ()
        return Failure("broken", "error")


@dataclass(frozen=True)
class Counting(Hashing):
    """Counts what it embeds."""

    name = "counting_in_tests"
    seen: tuple = ()

    def flow(self, texts):
        COUNTED.extend(texts)
        return (yield from super().flow(texts))


COUNTED = []


def test_a_request_that_cannot_be_embedded_goes_to_the_arm_that_is_best_on_average():
    live = bound(Router.preset("knn", embedder=Broken(64)).fit(TRAIN))
    for asked in ("How much is 3 + 4?", "In which country is the town of Oslo?"):
        outcome = finish(live.route(Request(asked)), ScriptedPort(lambda ask: says("fine")))
        assert outcome.decision.arm == "large"


def test_a_request_is_embedded_once_and_without_its_context():
    live = bound(Router.preset("knn", embedder=Counting(64)).fit(TRAIN))
    COUNTED.clear()

    def script(ask):
        return ConnectionError("down") if ask.to == "large" else says("fine")

    finish(live.route(Request("How much is 3 + 4?", "A long context.")), ScriptedPort(script))
    assert COUNTED == ["How much is 3 + 4?"]


def test_a_forced_request_is_not_embedded():
    live = bound(Router.preset("knn", embedder=Counting(64)).fit(TRAIN))
    COUNTED.clear()
    asked = live.route(Request("How much is 3 + 4?"), Preference(force="small"))
    finish(asked, ScriptedPort(lambda ask: says("fine")))
    assert COUNTED == []


@pytest.mark.parametrize(("name", "parameters"), LEARNED.items(), ids=LEARNED)
def test_a_fitted_router_comes_back_as_it_was(tmp_path, name, parameters):
    made = Router.preset(name, **parameters).fit(TRAIN)  # with the embedder of the preset
    made.save(tmp_path)
    again = Router.load(tmp_path)
    assert again.as_dict() == made.as_dict()
    assert isinstance(again.embedder, Embedder)
    one, other = (router.replay(HELD, Preference(0.3)) for router in (made, again))
    np.testing.assert_array_equal(one.arm, other.arm)
    assert bound(again).embedder is again.embedder


def test_a_table_without_texts_says_what_is_missing():
    bare = table(texts=False)
    with pytest.raises(ConfigurationError, match=r"'q0'.*`question` or a `query`"):
        Router.preset("knn").fit(bare)
    fitted = Router.preset("knn", embedder=PLAIN).fit(TRAIN)
    with pytest.raises(ConfigurationError, match=r"`question` or a `query`"):
        fitted.replay(bare)


def test_an_estimator_of_features_needs_an_embedder():
    with pytest.raises(ConfigurationError, match="embedder="):
        Router(Unverified(), RidgeQuality(), Best()).fit(TRAIN)


def test_routers_that_read_no_features_need_no_texts():
    bare = table(texts=False)
    seen = Router(Unverified(), Prior(), Best()).fit(bare).replay(bare, Preference(0.0))
    assert (seen.arm == 1).all()


@pytest.mark.parametrize(("arm", "place"), [("small", 0), ("dearest", 1)])
def test_always_asks_its_arm_fitted_or_not(arm, place):
    router = Router.preset("always", arm=arm)
    assert (router.replay(HELD).arm == place).all()
    fitted = router.fit(TRAIN)
    assert (fitted.replay(HELD).arm == place).all()
    assert not fitted.fit_report.significant
    port = ScriptedPort(lambda ask: says("fine"))
    chosen = finish(bound(router).route(Request("Well?")), port).decision.arm
    assert chosen == ("small", "large")[place]


def test_always_of_an_unknown_arm_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"'tiny'.*'large', 'small'"):
        Router.preset("always", arm="tiny").fit(TRAIN)


def test_random_asks_every_arm_about_as_often():
    shares = np.bincount(Router.preset("random").replay(HELD, seed=3).arm) / len(HELD)
    np.testing.assert_allclose(shares, 0.5, atol=0.1)


def test_features_reach_estimators_behind_a_verifier_too():
    seen = table(likelihood=True)
    parts = AnswerLikelihood(), Joint(RidgeQuality(penalty=0.1)), Value()
    router = Router(*parts, embedder=PLAIN).fit(seen)
    held = table(seed=1, likelihood=True)
    told = router.replay(held, Preference(0.1))
    assert (
        told.quality.mean()
        > Router(*parts[:1], Bayes(), Value())
        .fit(seen)
        .replay(held, Preference(0.1))
        .quality.mean()
        - 0.05
    )
    assert router.fit_report.used == ("answer_likelihood",)
    sums = np.array(["+" in text for text in held.texts["question"]])
    assert (told.arm[sums] == 1).mean() > (told.arm[~sums] == 1).mean() + 0.3


def test_compared_with_the_models_alone_it_gains_in_area():
    names = "knn", "clusters", "ridge"
    routers = [(name, Router.preset(name, embedder=PLAIN, **LEARNED[name])) for name in names]
    found = compare(TRAIN, routers, seeds=2, resamples=200)
    for name in names:
        assert found[name].area_gain.low > 0.03
        assert found[name].area.mean < found["oracle"].area.mean


def test_on_nine_real_models_alike_requests_tell_something():
    table = Outcomes.read(shared("llmrouter_scores.jsonl")).take(slice(0, 3000))
    report = Router.preset("knn").fit(table).fit_report
    assert report.gain[1] > 0.005
