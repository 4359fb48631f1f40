"""Routers that forecast cost: fitted, replayed and live, at the prices and prompts of the day."""

import numpy as np
import pytest

from automix_core import Needs, Outcomes, Preference, Price, Request, Router
from automix_core.decide import Best
from automix_core.drive import finish
from automix_core.embed import Hashing
from automix_core.estimate import Forecast, Prior
from automix_core.verify import Unverified
from tests.core.conftest import Model, ScriptedPort, describe, says

PRICES = {"wordy": Price(0.1, 10), "terse": Price(1, 4)}
DEAR = {"wordy": Price(0.1, 1), "terse": Price(1, 40)}
WISH = Preference(0.5)


def table(rows=200, seed=0):
    """Both arms are as good; one is cheap for short answers, and writes long ones to essays."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(rows):
        essay = rng.random() < 0.5
        subject = rng.choice(["town", "river", "king", "planet"])
        asked = f"Write an essay about the {subject}" if essay else f"Name a {subject} in one word"
        sent = int(rng.integers(200, 400))
        arms = {}
        for name, usual in (("wordy", 2000 if essay else 10), ("terse", 300 if essay else 10)):
            got = int(usual * rng.uniform(0.8, 1.2))
            tokens = {"input_tokens": sent, "output_tokens": got}
            cost = (sent * PRICES[name].input + got * PRICES[name].output) / 1e6
            arms[name] = {"quality": 0.8, "cost": cost, "latency": 0.1 + 0.01 * got, **tokens}
        made.append({"id": f"q{place}", "question": asked, "arms": arms})
    return Outcomes.of(made)


TRAIN, HELD = table(), table(80, 1)
ESSAY = np.array(["essay" in text for text in HELD.texts["question"]])


@pytest.fixture(scope="module")
def carrot():
    return Router.preset("carrot", k=20, embedder=Hashing(64)).fit(TRAIN)


def bound(router, prices=PRICES):
    models = [Model(name) for name in prices]
    known = {name: price for name, price in prices.items() if price is not None}
    return router.bind(models, describe=describe, prices=known)


def chosen(router, place, preference=WISH):
    sent = round(float(HELD.input_tokens[place].mean()))
    request = Request(HELD.texts["question"][place], needs=Needs(tokens=sent))
    port = ScriptedPort(lambda ask: says("fine"))
    return finish(router.route(request, preference), port).decision.arm


def test_each_sort_of_request_goes_where_its_answer_is_cheap(carrot):
    seen = carrot.replay(HELD, WISH)
    names = np.array(seen.arms)[seen.arm]
    assert (names[ESSAY] == "terse").all()
    assert (names[~ESSAY] == "wordy").all()
    plain = Router.preset("knn", k=20, embedder=Hashing(64)).fit(TRAIN)
    assert seen.cost.mean() < 0.95 * plain.replay(HELD, WISH).cost.mean()


def test_live_and_replay_choose_the_same_arm_at_the_same_prices(carrot):
    live, seen = bound(carrot), carrot.replay(HELD, WISH)
    for place in range(30):
        assert chosen(live, place) == seen.arms[seen.arm[place]]


def test_without_prices_those_that_the_table_was_made_with_are_taken(carrot):
    live = bound(carrot, dict.fromkeys(PRICES))
    assert live.bound_arms.basis == "measured"
    seen = carrot.replay(HELD, WISH)
    for place in range(10):
        assert chosen(live, place) == seen.arms[seen.arm[place]]


def test_other_prices_change_the_choice_without_a_new_fit(carrot):
    live = bound(carrot, DEAR)
    essays, words = np.flatnonzero(ESSAY)[:5], np.flatnonzero(~ESSAY)[:5]
    assert {chosen(live, place) for place in essays} == {"wordy"}
    assert {chosen(live, place) for place in words} == {"wordy"}
    assert bound(carrot).estimator is live.estimator


def test_a_saved_router_forecasts_the_same(carrot, tmp_path):
    carrot.save(tmp_path)
    again = Router.load(tmp_path)
    assert again.as_dict() == carrot.as_dict()
    one, other = (bound(router, DEAR) for router in (carrot, again))
    assert [chosen(one, place) for place in range(9)] == [chosen(other, p) for p in range(9)]
    np.testing.assert_array_equal(again.replay(HELD).arm, carrot.replay(HELD).arm)


def test_prompts_of_different_lengths_are_not_alike_though_nothing_is_embedded():
    """Long prompts go to the arm that reads cheaply, short ones to the arm that writes cheaply."""
    prices, sent = {"reads": Price(0.1, 10), "writes": Price(10, 1)}, np.array([10, 100_000] * 20)
    rows = [
        {
            "id": f"q{place}",
            "arms": {
                name: {
                    "quality": 0.8,
                    "cost": (tokens * price.input + 200 * price.output) / 1e6,
                    "input_tokens": int(tokens),
                    "output_tokens": 200,
                }
                for name, price in prices.items()
            },
        }
        for place, tokens in enumerate(sent)
    ]
    plain = Router(Unverified(), Forecast(Prior()), Best()).fit(Outcomes.of(rows))
    seen = plain.replay(Outcomes.of(rows), WISH)
    expected = ["writes", "reads"]
    assert [seen.arms[arm] for arm in seen.arm] == expected * 20
    live, port = bound(plain, prices), ScriptedPort(lambda ask: says("fine"))
    requests = [Request("q", needs=Needs(tokens=int(tokens))) for tokens in sent[:4]]
    asked = [finish(live.route(request, WISH), port).decision.arm for request in requests]
    assert asked == expected * 2


@pytest.mark.parametrize("lost", ["input_tokens", "output_tokens", "latency"])
def test_a_table_without_some_of_the_figures_can_be_fitted_and_replayed(lost):
    rows = list(TRAIN.rows())
    for row in rows:
        for arm in row["arms"].values():
            arm.pop(lost)
    router = Router.preset("carrot", k=20, embedder=Hashing(64)).fit(Outcomes.of(rows))
    seen = router.replay(HELD, WISH)
    names = np.array(seen.arms)[seen.arm]
    assert (names[ESSAY] == "terse").mean() > 0.9
    assert (names[~ESSAY] == "wordy").mean() > 0.9
