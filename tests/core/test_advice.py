"""A decision without a model call: the one that the loop would take, for whoever calls models."""

import json
import time
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from automix_core import (
    AllArmsFailed,
    ConfigurationError,
    Decision,
    Needs,
    NotFittedError,
    Preference,
    Request,
    Router,
    UnknownNameError,
    collect_decisions,
    preferring,
)
from automix_core.decide import Best
from automix_core.drive import finish
from automix_core.embed import Cached, External, Hashing
from automix_core.estimate import RidgeQuality
from automix_core.evidence import Examples
from automix_core.flow import Call, Value, Wave
from automix_core.parts import Embedder
from automix_core.verify import Unverified
from tests.core.conftest import PRICES, Model, ScriptedPort, bound, cascade, describe
from tests.core.test_one_step import PLAIN, table

QUESTIONS = ["In which country is the town of Oslo?", "How much is 17 + 23?"]
DEAR = Preference(0.3)
PRESETS = {"ridge": {"penalty": 0.1}, "knn": {"k": 20}, "clusters": {"clusters": 4}}


@pytest.fixture(scope="module", params=PRESETS, ids=PRESETS)
def fitted(request):
    return Router.preset(request.param, embedder=PLAIN, **PRESETS[request.param]).fit(table())


@pytest.fixture(scope="module")
def ridge():
    return Router.preset("ridge", embedder=PLAIN, penalty=0.1).fit(table())


@dataclass(frozen=True)
class Watched(Embedder):
    """Hashing that fails, or that must not be asked."""

    name = "watched"
    inner: Embedder
    error: type[Exception] = AssertionError

    @property
    def width(self):
        return self.inner.width

    def _vectors(self, texts):
        raise self.error

    def flow(self, texts):
        (result,) = yield Wave((Call(self.embed, (list(texts),)),))
        return result.value if isinstance(result, Value) else result


def embedding(router, embedder):
    """The same router with another embedder."""
    parts = router.verifier, router.estimator, router.policy
    made = Router(*parts, embedder=embedder, name=router.name)
    made.calibration = router.calibration
    return made


def mixed(router, can):
    """The router over models that can do different things."""
    models = [Model(name, able) for name, able in can.items()]
    return router.bind(models, describe=describe, prices={name: PRICES[name] for name in can})


def content(decision):
    """All of a decision but what is of the moment."""
    return {**decision.as_dict(), "id": None, "latency": None}


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_names_the_model_that_a_call_would_ask_first(fitted, question):
    ready = bound(fitted)
    port = ScriptedPort(lambda ask: "x")
    finish(ready.route(Request(question), DEAR), port)
    decision = ready.decide(question, DEAR)
    assert decision.arm == port.asks[0].to
    assert decision.arm == ("large" if "+" in question else "small")


def test_it_says_that_nobody_was_asked_and_why_this_model(ridge):
    decision = bound(ridge).decide(Request(QUESTIONS[0]), DEAR)
    assert (decision.status, decision.steps, decision.calls) == ("advised", (), 0)
    assert (decision.cost, decision.known_cost, decision.unpriced_calls) == (0.0, 0.0, 0)
    assert decision.why.startswith("small would be asked first: that is worth 0.")
    assert decision.preference["cost_weight"] == 0.3
    assert (decision.router, decision.propensity, decision.cost_basis) == ("ridge", 1.0, "prices")
    assert (decision.always_largest.arm, decision.always_largest.cost) == ("large", None)


def test_it_comes_back_from_json(ridge):
    decision = ridge.decide(QUESTIONS[1])
    assert Decision.from_dict(json.loads(json.dumps(decision.as_dict()))) == decision
    assert set(vars(decision)) == {field.name for field in fields(Decision)}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_fitted_router_needs_no_models_for_it(fitted, question, tmp_path):
    fitted.save(tmp_path)
    decision = Router.load(tmp_path).decide(question, DEAR)
    assert decision.arm == bound(fitted).decide(question, DEAR).arm
    assert decision.cost_basis == "measured"


@pytest.mark.parametrize("shape", ["row", "table", "list"])
def test_features_that_are_at_hand_are_as_good_as_the_text(fitted, shape):
    row = fitted.embedder.embed([QUESTIONS[1]])
    given = {"row": row[0], "table": row, "list": row[0].tolist()}[shape]
    for router in (fitted, embedding(fitted, None)):
        decision = router.decide("", DEAR, features=given)
        assert content(decision) == content(fitted.decide(QUESTIONS[1], DEAR))


def test_the_blocks_around_it_count(ridge):
    with collect_decisions() as outer, preferring(Preference(force="large")):
        first = ridge.decide(QUESTIONS[0])
        with collect_decisions() as inner:
            second = ridge.decide(QUESTIONS[0], DEAR)
    assert (first.arm, first.why) == ("large", "large was forced by the preference.")
    assert (second.arm, inner, outer) == ("small", [second], [first, second])
    assert first.id != second.id


def test_a_cascade_would_ask_its_cheapest_model_first():
    decision = cascade().decide("What is the capital?")
    assert (decision.status, decision.arm) == ("advised", "small")


def test_a_budget_is_met_by_drawing_among_decisions(ridge):
    cost = {"small": 0.001, "large": 0.01}
    rows = ridge.embedder.embed(table(400, seed=2).texts["question"])
    arms = [ridge.decide("", Preference(budget=0.004), features=row).arm for row in rows]
    assert np.mean([cost[arm] for arm in arms]) == pytest.approx(0.004, abs=0.001)
    assert set(arms) == set(cost)


def test_only_who_can_serve_the_request_is_named(ridge):
    names = {"small": {"images": False}, "large": {"images": True}}
    decision = mixed(ridge, names).decide(Request(QUESTIONS[0], needs=Needs(images=True)))
    assert (decision.arm, decision.why) == ("large", "large is the only one that can be asked.")


def test_where_nobody_can_serve_the_request_the_error_says_why(ridge):
    nobody = mixed(ridge, {"small": {"images": False}, "large": {"images": False}})
    with pytest.raises(AllArmsFailed, match="accepts text only"):
        nobody.decide(Request("q", needs=Needs(images=True)))


def test_the_embedder_is_not_asked_where_there_is_nothing_to_choose(ridge):
    silent = embedding(ridge, Watched(PLAIN))
    assert silent.decide("q", features=np.zeros(PLAIN.width)).status == "advised"
    forced = mixed(silent, {"small": {"images": False}, "large": {}})
    assert forced.decide(Request("q", needs=Needs(images=True))).arm == "large"


def test_where_the_embedder_fails_it_is_decided_without_features(ridge):
    broken = embedding(ridge, Watched(PLAIN, OSError))
    assert broken.decide(QUESTIONS[0], Preference(0.0)).arm == "large"


def test_embeddings_behind_a_server_are_waited_for(ridge):
    far = embedding(ridge, Cached(External(PLAIN.embed)))
    assert content(far.decide(QUESTIONS[1])) == content(ridge.decide(QUESTIONS[1]))


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.full(64, np.nan), "NaN or infinite"),
        ([np.inf] * 64, "NaN or infinite"),
        (np.zeros((2, 64)), r"shape \(2, 64\)"),
        (3.0, r"shape \(\)"),
        ("words", "takes numbers"),
        ([[1.0], [1.0, 2.0]], "takes numbers"),
        (np.zeros(5), r"75 features.*gives 5"),
    ],
)
def test_features_that_are_none_are_refused(ridge, features, said):
    with pytest.raises(ConfigurationError, match=said):
        ridge.decide("q", features=features)


def test_a_forced_model_must_exist(ridge):
    with pytest.raises(UnknownNameError, match="huge"):
        ridge.decide("q", Preference(force="huge"))


def test_a_router_that_knows_no_models_says_what_to_do():
    with pytest.raises(ConfigurationError, match=r"router\.fit\(outcomes\)"):
        Router.preset("ridge").decide("q")
    with pytest.raises(NotFittedError):
        bound(Router.preset("ridge", embedder=Hashing(8))).decide("q")


def test_nothing_is_published_where_nothing_was_decided(ridge):
    with collect_decisions() as decisions, pytest.raises(ConfigurationError):
        ridge.decide("q", features=[np.nan] * 64)
    assert decisions == []


# What it takes.


def quickest(call, times=400):
    """Seconds of the quickest of many calls: what else runs on this machine slows down the rest."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def test_it_takes_a_small_multiple_of_its_own_arithmetic():
    """Five arms and 64 features; before it was made quick the multiple was above 40."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 64))
    quality = rng.random((300, 5))
    learned = RidgeQuality().fit(Examples(quality, np.full_like(quality, np.nan), {}, features))
    router = Router(Unverified(), learned, Best())
    ready = bound(router, *"abcde", prices={name: (2.0**i, 1.0) for i, name in enumerate("abcde")})
    request, row = Request("q"), features[0]
    vector = np.concatenate([[1.0], row])

    def arithmetic():
        for inverse in learned.inverse_:
            vector.dot(inverse).dot(vector)

    def decide():
        ready.decide(request, features=row)

    assert quickest(decide) < 25 * quickest(arithmetic)


def test_an_arm_more_changes_nothing_for_one_request_alone():
    rng = np.random.default_rng(0)
    features, quality = rng.normal(size=(200, 16)), rng.random((200, 4))
    unknown = np.full_like(quality, np.nan)
    whole = Examples(quality, unknown, {}, features)
    part = replace(whole, quality=quality[:, [0, 2, 3]], confidence=unknown[:, :3])
    said = [
        RidgeQuality().fit(of)._predicted(features[:1])[0][0, places]
        for of, places in ((whole, [0, 2, 3]), (part, [0, 1, 2]))
    ]
    np.testing.assert_array_equal(*said)
