"""A router that learns while it serves, and whose models come and go."""

import asyncio
import math
import sys
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from automix_core import (
    Arm,
    ConfigurationError,
    Decision,
    FeedbackError,
    Outcomes,
    Preference,
    Request,
    Router,
    UnknownNameError,
    collect_decisions,
)
from automix_core.decide import Always, Random, Value
from automix_core.drive import adrive, afinish, finish
from automix_core.embed import Hashing
from automix_core.estimate import Joint, LinearBandit, NeighbourQuality, Threshold
from automix_core.evidence import Examples
from automix_core.flow import Usage
from automix_core.learn import Memory
from automix_core.learn.learner import Learner
from automix_core.verify import AnswerLikelihood, Judge
from tests.core.conftest import PRICES, AsyncScriptedPort, Model, ScriptedPort, describe, says
from tests.core.learn.learners import NAMES, Tiny, ask, cascading, learning, over, same

QUESTION = Request("What is the root of number 1?")


def features_of(router, question=QUESTION.question):
    return router.embedder.embed([question])


def of_one(router, arm=0, **known):
    """One example as feedback should give it."""
    nothing = np.full((1, 3), np.nan)
    columns = {name: nothing.copy() for name in ("quality", "satisfied", "cost", "latency")}
    columns["output_tokens"] = nothing.copy()
    for name, value in known.items():
        columns[name][0, arm] = value
    return Examples(confidence=nothing, features=features_of(router), **columns)


# What is learned.


def test_a_score_is_learned_with_what_the_decision_knows_of_the_answer():
    router = over(learning())
    decision = ask(router)
    assert router.give_feedback(decision.id, 1.0)
    (step,) = decision.steps
    known = {"quality": 1.0, "cost": step.cost, "latency": step.latency, "output_tokens": 10}
    assert step.cost > 0
    assert same(router.estimator, Tiny().learn(of_one(router, **known)))


def test_what_the_feedback_says_goes_before_what_the_decision_has():
    router = over(learning())
    router.give_feedback(ask(router).id, 0.25, cost=5.0, latency=6.0, output_tokens=7)
    known = {"quality": 0.25, "cost": 5.0, "latency": 6.0, "output_tokens": 7}
    assert same(router.estimator, Tiny().learn(of_one(router, **known)))


def test_a_thumb_is_no_score():
    router = over(learning())
    router.give_feedback(ask(router).id, satisfied=False)
    assert (router.estimator.weights_ == 0).all()
    assert router.estimator.told_[0, 4] == 1


def test_the_next_request_is_decided_by_what_was_learned():
    router = over(learning())
    first = ask(router)
    assert first.arm == "small"
    for _ in range(2):
        router.give_feedback(ask(router).id, 0.0)
    router.give_feedback(first.id, 1.0, arm="middle")
    assert ask(router).arm == "middle"


def test_feedback_may_be_on_another_model_that_was_asked_or_is_known_of():
    router = over(learning())
    failing = {"small": ConnectionError("down"), "middle": "Four"}
    decision = ask(router, script=lambda ask: failing[ask.to])
    assert decision.arm == "middle"
    assert router.give_feedback(decision.id, 1.0, arm="large")
    assert router.give_feedback(decision.id, 0.5)
    assert router.give_feedback(decision.id, 0.0, arm="small")
    assert router.estimator.told_[:, 4].tolist() == [1, 1, 1]
    answered = decision.steps[-1].cost
    assert router.estimator.told_[:, 1].tolist() == [0, answered, 0]  # no other answer has a bill


def test_the_verdict_on_an_answer_is_part_of_the_example():
    seen = []

    class Watching(Threshold):
        name = ""

        def learn(self, examples):
            seen.append(examples)
            return self

    router = over(replace_estimator(cascading(), Watching()), "small", "large")
    decision = ask(router, script=lambda ask: says("Four", confidence=0.25))
    router.give_feedback(decision.id, 1.0, arm="small")
    router.give_feedback(decision.id, 1.0)
    small, large = seen
    np.testing.assert_allclose(small.confidence, [[0.25, np.nan]])
    np.testing.assert_allclose(small.signals["answer_likelihood"], [[0.25, np.nan]])
    assert np.isnan(large.confidence).all()
    assert small.features is None


def replace_estimator(router, estimator):
    return Router(router.verifier, estimator, router.policy)


def test_chances_of_a_policy_that_draws_are_part_of_the_example():
    seen = []

    class Watching(Tiny):
        name = ""

        def learn(self, examples):
            seen.append(examples.chances)
            return self

    class Loaded(Random):
        name = ""

        def decide(self, estimates, evidence, preference):
            made = super().decide(estimates, evidence, preference)
            return replace(made, chances=np.array([[0.5, 0.3, 0.2]]))

    router = over(learning(Watching(), Loaded()))
    router.give_feedback(ask(router).id, 1.0)
    np.testing.assert_array_equal(seen[0], [[0.5, 0.3, 0.2]])


# Once, unknown, late.


def test_each_kind_of_feedback_is_taken_once():
    router = over(learning())
    decision = ask(router)
    assert router.give_feedback(decision.id, 1.0)
    learned = router.estimator
    assert not router.give_feedback(decision.id, 0.0)
    assert router.estimator is learned
    assert router.give_feedback(decision.id, 0.0, satisfied=True)  # the thumb is new
    assert router.estimator.told_[0].tolist()[:2] == [1.0, decision.cost]  # its cost is not
    assert same(replace(router.estimator, told_=learned.told_), learned)
    assert not router.give_feedback(decision.id, 0.5, satisfied=False)


@pytest.mark.parametrize("value", [math.nan, 2.0, None])
def test_a_bad_event_leaves_everything_as_it_was(value):
    router = over(learning())
    decision = ask(router)
    before = router.estimator
    with pytest.raises(FeedbackError):
        router.give_feedback(decision.id, value)
    assert router.estimator is before
    assert router.give_feedback(decision.id, 1.0)


def test_an_unknown_decision_or_model_is_an_error_that_says_what_to_do():
    router = over(learning())
    with pytest.raises(FeedbackError, match="needs a store"):
        router.give_feedback("never made", 1.0)
    decision = ask(router)
    with pytest.raises(FeedbackError, match="'small', 'middle', 'large'"):
        router.give_feedback(decision.id, 1.0, arm="nobody")
    other = over(learning())
    with pytest.raises(FeedbackError, match="not known to this router"):
        other.give_feedback(decision.id, 1.0)


def test_feedback_that_comes_too_late_is_an_error():
    router = over(learning())
    router._learner = Learner(memory=Memory(2))
    router._remember = router._learner.keep
    decisions = [ask(router) for _ in range(3)]
    with pytest.raises(FeedbackError, match="latest 2"):
        router.give_feedback(decisions[0].id, 1.0)
    assert router.give_feedback(decisions[1].id, 1.0)


def test_a_decision_without_an_answer_needs_the_name_of_the_model():
    router = over(learning())
    with collect_decisions() as decisions, pytest.raises(Exception, match="No model gave"):
        ask(router, script=lambda ask: ConnectionError("down"))
    with pytest.raises(FeedbackError, match="arm="):
        router.give_feedback(decisions[0].id, 0.0)
    assert router.give_feedback(decisions[0].id, 0.0, arm="small")


def test_a_router_that_learns_nothing_says_so_and_remembers_nothing():
    router = over(cascading())
    decision = ask(router, script=lambda ask: says("Four", confidence=0.9))
    assert router._remember is None
    with pytest.raises(ConfigurationError, match="'threshold' is fixed"):
        router.give_feedback(decision.id, 1.0)


def test_a_router_that_could_learn_and_does_not_remembers_nothing():
    """What reads requests decides whether `joint` learns; nearest neighbours do not."""
    for before, learns in ((NeighbourQuality(), False), (LinearBandit(), True)):
        router = over(Router(AnswerLikelihood(), Joint(before), Value(), embedder=Hashing()))
        assert (router._learner is not None) == learns
        assert router.store is None


def test_a_gateway_whose_threads_begin_together_loses_no_feedback():
    """The memory of a router without models is made with its first decision."""
    fitted = learning().fit(table())
    made, interval = [], sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(40):
            router = learning(fitted.estimator)
            router.calibration, router._expected_arms = fitted.calibration, fitted._expected_arms
            barrier = threading.Barrier(4)

            def decide(router=router, barrier=barrier):
                barrier.wait()
                made.append((router, router.decide("What is the age of number 2?").id))

            threads = [threading.Thread(target=decide) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    taken = [router.give_feedback(decision, 1.0) for router, decision in made]
    assert taken == [True] * 160


def test_a_fitted_router_that_has_decided_nothing_knows_of_no_decision():
    router = learning().fit(table())
    with pytest.raises(FeedbackError, match="not known to this router"):
        router.give_feedback("of last week", 1.0)


def test_a_request_without_features_teaches_a_router_that_reads_them_nothing():
    router = over(learning())
    forced = ask(router, preference=Preference(force="small"))  # nothing to choose: not embedded
    assert router.give_feedback(forced.id, 1.0)
    assert router.estimator.weights_ is None


def test_a_listener_may_give_feedback_at_once():
    router = over(learning())
    taken = []
    ask(router, on_decision=lambda decision: taken.append(router.give_feedback(decision.id, 1.0)))
    assert taken == [True]


def test_a_cached_answer_counts_as_the_one_that_was_made():
    router = over(learning())
    decision = ask(router)
    again, third = decision.from_cache(), decision.from_cache()
    router.link_cached(again.id, decision.id)
    router.link_cached(third.id, decision.id)
    assert router.give_feedback(again.id, 1.0)
    assert router.estimator.told_[0, 1] == decision.cost
    assert not router.give_feedback(decision.id, 1.0)
    assert not router.give_feedback(third.id, 1.0)


async def test_every_way_of_asking_is_remembered():
    router = over(learning())
    with collect_decisions() as decisions:
        finish(router.route(QUESTION), ScriptedPort(lambda ask: "Four"))
        await afinish(router.route(QUESTION), AsyncScriptedPort(lambda ask: "Four"))
        flow = router.route(QUESTION)
        _ = [i async for i in adrive(flow, AsyncScriptedPort(lambda ask: "Four"), stream=True)]
        flow = router.route(QUESTION)
        next(flow)
        flow.close()
    assert [decision.status for decision in decisions] == ["final"] * 3 + ["cancelled"]
    for decision in decisions:
        assert router.give_feedback(decision.id, 1.0, arm="small")


@pytest.mark.parametrize("models", [True, False], ids=["bound", "of a fit alone"])
def test_a_gateway_that_calls_models_itself_gives_feedback_as_well(models):
    router = learning().fit(table())
    if models:
        router = over(router, "small", "large")
    decision = router.decide("What is the age of number 2?")
    assert decision.status == "advised"
    assert router.give_feedback(decision.id, 1.0, cost=0.5, latency=2.0, output_tokens=3)
    assert not router.give_feedback(decision.id, 1.0)
    place = router.calibration.workload.arms.index(decision.arm)
    assert router.estimator.told_[place].tolist() == [0, 0.5, 2.0, 3.0, 1.0]
    other = "small" if decision.arm == "large" else "large"
    for _ in range(5):
        router.give_feedback(router.decide("What is the age of number 2?").id, 0.0, arm="small")
        router.give_feedback(router.decide("What is the age of number 2?").id, 0.0, arm="large")
    router.give_feedback(router.decide("What is the age of number 2?").id, 1.0, arm=other)
    assert router.estimator.told_[:, 4].sum() == 12
    if not models:
        with pytest.raises(ConfigurationError, match="no models yet"):
            router.route(QUESTION)


# What was learned.


def test_a_learning_that_fails_leaves_what_was_learned():
    class Fragile(Tiny):
        name = ""
        fails = False

        def learn(self, examples):
            if Fragile.fails:
                raise MemoryError
            return Fragile(*vars(super().learn(examples)).values())

    router = over(learning(Fragile()))
    decision, later = ask(router), ask(router)
    router.give_feedback(decision.id, 1.0)
    before = router.estimator
    Fragile.fails = True
    with pytest.raises(MemoryError):
        router.give_feedback(later.id, 1.0)
    assert router.estimator is before
    Fragile.fails = False
    assert router.give_feedback(later.id, 1.0)


def test_examples_may_be_learned_from_directly():
    router = over(learning())
    router.learn(of_one(router, quality=1.0))
    assert router.estimator.weights_[0].any()
    with pytest.raises(ConfigurationError, match="3 models"):
        router.learn(replace(of_one(router), quality=np.ones((1, 2))))
    with pytest.raises(ConfigurationError, match="no models yet"):
        learning().learn(of_one(router))


def test_a_copy_learns_for_itself():
    given = learning()
    one, other = over(given), over(given)
    one.give_feedback(ask(one).id, 1.0)
    assert given.estimator.weights_ is None
    assert other.estimator.weights_ is None


def test_saving_keeps_what_was_learned(tmp_path):
    router = over(learning())
    router.give_feedback(ask(router).id, 1.0)
    router.save(tmp_path)
    again = over(Router.load(tmp_path))
    assert same(again.estimator, router.estimator)
    assert again.give_feedback(ask(again).id, 1.0)


def test_what_was_learned_follows_the_models_where_prices_turn_round(tmp_path):
    router = over(learning())
    router.give_feedback(ask(router).id, 1.0)
    router.save(tmp_path)
    turned = dict(zip(NAMES, reversed(PRICES.values()), strict=True))
    models = {name: Model(name) for name in NAMES}
    again = Router.load(tmp_path).bind(models, describe=describe, prices=turned)
    assert again.arms.names == tuple(reversed(NAMES))
    np.testing.assert_array_equal(again.estimator.weights_, router.estimator.weights_[::-1])


def test_a_request_under_way_keeps_what_it_began_with():
    router = over(learning())
    flow = router.route(QUESTION)
    for arm in ("middle", "large"):
        for _ in range(3):
            router.give_feedback(ask(router).id, 1.0, arm=arm)
    router.remove_arm("small")
    assert finish(flow, ScriptedPort(lambda ask: "Four")).decision.arm == "small"
    assert ask(router).arm != "small"


def test_first_decisions_may_be_forgotten_by_another_thread_at_any_moment():
    class Forgetful(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value)
            self.clear()

    router = over(cascading())
    router._first = Forgetful()
    assert ask(router).steps[0].to == "small"


def test_first_decisions_are_made_anew_after_learning():
    """Requests alike share their first decision, but not across what was learned."""

    class Plain(Tiny):
        name = ""

        def learn(self, examples):
            return Plain(*vars(super().learn(examples)).values())

        def estimate(self, evidence, preference):
            made = super().estimate(evidence, preference)
            if self.weights_ is None:
                return made
            return replace(made, quality=np.clip(0.5 + self.weights_.T, 0, 1))

    router = over(Router(cascading().verifier, Plain(), learning().policy))
    assert ask(router).arm == ask(router).arm == "small"
    router.give_feedback(ask(router).id, 1.0, arm="large")
    assert ask(router).arm == "large"


# Models come and go.

NEW = Model("new")


def quality(router, question="What is the age of number 2?"):
    """What the router's estimator expects of every arm."""
    seen = []

    class Spy(type(router.policy)):
        name = ""

        def decide(self, estimates, evidence, preference):
            seen.append(estimates.quality[0])
            return super().decide(estimates, evidence, preference)

    before = router.policy
    router._put(policy=Spy())
    ask(router, question)
    router._put(policy=before)
    return dict(zip(router.arms.names, seen[0].tolist(), strict=True))


def taught(router, events=30):
    for n in range(events):
        decision = ask(router, f"What is the {'age' if n % 2 else 'root'} of number {n}?")
        router.give_feedback(decision.id, (n % 5) / 4, arm=NAMES[n % 3])
    return router


@pytest.mark.parametrize("price", [(0.1, 0.1), (2, 2), (99, 99)])
def test_a_new_model_leaves_what_is_known_of_the_others_bit_for_bit(price):
    router = taught(over(learning()))
    before, reference = quality(router), router.arms.reference_cost
    router.add_arm("new", NEW, price=price)
    after = quality(router)
    assert {name: after[name] for name in NAMES} == before
    costs = [arm.price.cost(Usage(1000, 100)) for arm in router.arms]
    assert costs == sorted(costs)
    assert router.arms.reference_cost == reference
    router.remove_arm("new")
    assert quality(router) == before
    assert router.arms.names == NAMES


def test_a_model_that_went_is_not_asked_and_its_feedback_is_passed_over():
    router = taught(over(learning()))
    old = ask(router)
    router.remove_arm(old.arm)
    assert ask(router).arm in router.arms.names
    before = router.estimator
    assert router.give_feedback(old.id, 1.0)  # noted, and there is nobody to learn it of
    assert router.estimator is before
    left = router.arms.names[0]
    assert router.give_feedback(old.id, 1.0, arm=left)
    assert router.estimator is not before


def test_feedback_from_before_a_model_came_is_learned_of_the_right_one():
    router = over(learning())
    old = ask(router)
    router.add_arm("new", NEW, price=(0.1, 0.1))
    assert router.arms.names[0] == "new"
    router.give_feedback(old.id, 1.0)
    assert router.estimator.told_[:, 4].tolist() == [0, 1, 0, 0]
    assert router.give_feedback(old.id, 1.0, arm="new")


def test_a_new_model_learns_from_its_answers_to_known_questions():
    router = taught(over(learning()))
    before = quality(router)
    table = Outcomes.of(
        {
            "id": str(n),
            "question": f"What is the age of number {n}?",
            "arms": {"new": {"quality": 1.0, "cost": 0.01}, "small": {"quality": 0, "cost": 0.1}},
        }
        for n in range(5)
    )
    router.add_arm("new", NEW, price=(2, 2), outcomes=table)
    after = quality(router)
    assert {name: after[name] for name in NAMES} == before
    assert after["new"] == 1.0
    assert router.estimator.told_[1].tolist() == [0, pytest.approx(0.05), 0, 0, 5]
    router.remove_arm("new")
    unread = Outcomes.of([{"id": "1", "arms": {"new": {"quality": 1.0, "cost": 0.01}}}])
    with pytest.raises(ConfigurationError, match="nothing to embed"):
        router.add_arm("new", NEW, price=(2, 2), outcomes=unread)
    with pytest.raises(UnknownNameError):
        router.add_arm("other", Model("other"), price=(2, 2), outcomes=unread)
    assert router.arms.names == NAMES


@pytest.mark.parametrize(
    ("change", "says_why"),
    [
        (lambda router: router.remove_arm("nobody"), "no model 'nobody'"),
        (lambda router: router.add_arm("small", NEW, price=(1, 1)), "named 'small' already"),
        (lambda router: router.add_arm("new", NEW), "price="),
        (lambda router: router.add_arm("new", NEW, price="cheap"), "not a price"),
        (lambda r: r.add_arm("new", r.arms[0].model, price=(1, 1)), "under another name"),
        (lambda r: (r.remove_arm("small"), r.remove_arm("large")), "at least two"),
    ],
)
def test_what_cannot_be_changed_is_an_error(change, says_why):
    router = over(learning())
    with pytest.raises(ConfigurationError, match=says_why):
        change(router)
    assert len(router.arms) >= 2
    assert ask(router).status == "final"


def test_a_new_model_takes_its_own_name_where_none_is_given():
    router = over(Router(Judge(Model("judge")), Threshold(), Value()))
    table = Outcomes.of([{"id": "1", "arms": {"new": {"quality": 1.0, "cost": 0.01}}}])
    with pytest.raises(ConfigurationError, match="helper of the verifier"):
        router.add_arm("", Model("judge"), price=(1, 1))
    plain = over(Router.preset("pickllm"))
    plain.add_arm("", NEW, price=(1, 1), outcomes=table)
    assert "new" in plain.arms.names
    assert plain.estimator.counts_[0].sum() == 1


def test_an_estimator_or_policy_that_cannot_do_without_a_model_says_so():
    class Rigid(Tiny):
        name = ""

        def over(self, places):
            return super(Tiny, self).over(places)

    router = over(learning(Rigid()))
    with pytest.raises(ConfigurationError, match="fit the router again"):
        router.remove_arm("small")
    router = over(learning(policy=Always("small")))
    with pytest.raises(UnknownNameError, match="small"):
        router.remove_arm("small")
    assert router.arms.names == NAMES
    assert len(router.estimator.over([0, 1, 2]).__dict__) == 2
    with pytest.raises(ConfigurationError, match="no models yet"):
        learning().add_arm("new", NEW)
    with pytest.raises(ConfigurationError, match="no models yet"):
        learning().remove_arm("small")


def test_models_come_and_go_without_prices():
    router = learning().bind([Model("a"), Model("b")], describe=describe)
    assert router.arms.basis == "assumed"
    router.add_arm("c", Model("c"))
    assert router.arms.names == ("a", "b", "c")
    assert router.arms.costs.tolist() == [0.1, 1.0, 10.0]
    assert router.arms.reference_cost == 1.0
    declared = [Arm(Model("a"), relative_cost=1.0), Arm(Model("b"), relative_cost=4.0)]
    router = learning().bind(declared, describe=describe)
    with pytest.raises(ConfigurationError, match="relative_cost"):
        router.add_arm("c", Model("c"))
    router.add_arm("c", Arm(Model("c"), relative_cost=2.0))
    assert router.arms.names == ("a", "c", "b")


def table(rows=60):
    """Two models of a fit, with costs and tokens."""
    rng = np.random.default_rng(0)
    made = []
    for n in range(rows):
        arms = {
            name: {
                "quality": float(rng.random() < chance),
                "cost": cost,
                "input_tokens": 100,
                "output_tokens": 50,
            }
            for name, chance, cost in (("small", 0.5, 0.00015), ("large", 0.8, 0.0015))
        }
        made.append({"id": str(n), "question": f"What is the age of number {n}?", "arms": arms})
    return Outcomes.of(made)


def test_a_fitted_router_keeps_its_calibration_and_its_reference_cost(tmp_path):
    router = over(learning().fit(table()), "small", "large")
    reference = router.arms.reference_cost
    before = quality(router)
    router.add_arm("huge", NEW, price=(100, 100))
    workload = router.calibration.workload
    assert workload.arms == router.arms.names == ("small", "large", "huge")
    assert workload.costs["huge"][0] == pytest.approx(150 * 100 / 1e6)
    assert workload.reference_cost == router.arms.reference_cost == reference
    assert {name: quality(router)[name] for name in before} == before
    router.save(tmp_path)
    again = Router.load(tmp_path)
    prices = {**PRICES, "huge": (100, 100)}
    models = {name: Model(name) for name in router.arms.names}
    prices = {name: prices[name] for name in models}
    again = again.bind(models, describe=describe, prices=prices)
    assert again.arms.reference_cost == reference
    router.remove_arm("large")
    assert router.calibration.workload.arms == ("small", "huge")
    assert router.arms.reference_cost == reference
    assert ask(router).status == "final"


def test_a_measured_router_needs_a_price_or_answers_of_the_new_model():
    router = over(learning().fit(table()), "small", "large")
    with pytest.raises(ConfigurationError, match=r"price=.*or outcomes="):
        router.add_arm("new", NEW)
    answers = [{"id": "1", "question": "?", "arms": {"new": {"quality": 1.0, "cost": 0.001}}}]
    router.add_arm("new", NEW, outcomes=Outcomes.of(answers))
    assert router.arms.names == ("small", "new", "large")
    assert router.arms.costs[1] == 0.001
    assert router.arms.basis == "measured"  # the bill of the new model is unknown


def test_the_queue_and_the_rates_follow_the_models():
    router = over(learning().fit(table()), "small", "large")
    assert router.serving.load is None
    router.add_arm("new", Arm(NEW, parallel=1), price=(100, 100))
    load = router.serving.load
    assert load.waiting().shape == (1, 3)
    np.testing.assert_allclose(router.arms.rates[-1], [1e-4, 1e-4])
    assert router.calibration.workload.rates is None or len(router.calibration.workload.rates) == 3
    ask(router, preference=Preference(force="new"))
    router.remove_arm("small")
    assert router.serving.load.in_flight == (0, 0)
    assert router.serving.load._ended.tolist() == [0, 1]
    assert router.arms.rates.shape == (2, 2)
    assert ask(router).status == "final"


def test_outcomes_for_an_estimator_that_learns_only_from_a_fit_are_refused():
    router = over(cascading(), "small", "large")
    answers = [{"id": "1", "question": "?", "arms": {"new": {"quality": 1.0, "cost": 0.001}}}]
    with pytest.raises(ConfigurationError, match="learns only from a fit"):
        router.add_arm("new", NEW, price=(5, 5), outcomes=Outcomes.of(answers))
    router.add_arm("new", NEW, price=(5, 5))
    decision = ask(router, script=lambda ask: says("Four", confidence=0.1))
    assert [step.to for step in decision.steps] == ["small", "new", "large"]


@pytest.mark.parametrize("spec", ["mixllm", "pickllm"])
def test_the_presets_that_learn_do_so_and_let_models_come_and_go(spec, tmp_path):
    path = tmp_path / "events.db"
    fitted = Router.from_spec(spec).fit(table())
    router, late = (over(fitted, "small", "large", store=path) for _ in range(2))
    start = quality(router)
    for n in range(10):
        for kind in ("age", "root"):
            decision = ask(router, f"What is the {kind} of number {n}?")
            assert router.give_feedback(decision.id, 0.0, arm="large")
            assert router.give_feedback(decision.id, satisfied=n % 2 == 0, arm="small")
            assert late.give_feedback(decision.id, 1.0, arm="small", cost=0.1)
    before = quality(router)
    assert before["large"] < start["large"]
    assert quality(late)["small"] > start["small"]
    router.add_arm("new", NEW, price=(4, 4))
    after = quality(router)
    assert {name: after[name] for name in before} == before
    assert router.give_feedback(ask(router).id, 1.0, arm="new")
    router.remove_arm("new")
    assert quality(router) == before
    router.save(tmp_path / "saved")
    again = over(Router.load(tmp_path / "saved"), "small", "large")
    assert quality(again) == pytest.approx(before, abs=1e-9)


# Many at once.


def busy(workers):
    """Run all of these on threads of their own; raises what any of them raised."""
    failures = []

    def guarded(work):
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_feedback_from_many_threads_is_all_learned_while_requests_go_on():
    router = over(learning())
    taken = []

    def one():
        for n in range(40):
            decision = ask(router, f"What is the age of number {n}?")
            taken.append(router.give_feedback(decision.id, 1.0))
            assert not router.give_feedback(decision.id, 1.0)

    busy([one] * 8)
    assert taken == [True] * 320
    assert router.estimator.told_[:, 4].sum() == 320


def give(router, identifier, taken):
    taken.append(router.give_feedback(identifier, 1.0))


def test_one_piece_of_feedback_given_by_many_threads_is_learned_once():
    router = over(learning())
    for _ in range(20):
        identifier, taken = ask(router).id, []
        busy([partial(give, router, identifier, taken)] * 8)
        assert sorted(taken) == [False] * 7 + [True]
    assert router.estimator.told_[:, 4].sum() == 20


def test_models_come_and_go_in_the_middle_of_traffic():
    router = taught(over(learning(policy=Random())))
    done = threading.Event()
    decisions: list[Decision] = []

    def traffic():
        while not done.is_set():
            decision = ask(router, f"What is the age of number {len(decisions)}?")
            assert decision.status == "final"
            decisions.append(decision)
            router.give_feedback(decision.id, 1.0)

    def changes():
        try:
            for n in range(40):
                router.add_arm("new", Model(f"new {n}"), price=(0.01, 0.01))
                seen = len(decisions)
                while len(decisions) < seen + 5:
                    pass
                router.remove_arm("new")
        finally:
            done.set()

    busy([*[traffic] * 7, changes])
    assert router.arms.names == NAMES
    assert len(router.estimator.weights_) == 3
    assert {decision.arm for decision in decisions} == {*NAMES, "new"}


async def test_tasks_may_give_feedback_side_by_side():
    router = over(learning())

    async def one(n):
        flow = router.route(Request(f"What is the age of number {n}?"))
        outcome = await afinish(flow, AsyncScriptedPort(lambda ask: "Four"))
        return await asyncio.to_thread(router.give_feedback, outcome.decision.id, 1.0)

    assert await asyncio.gather(*[one(n) for n in range(50)]) == [True] * 50
    assert router.estimator.told_[:, 4].sum() == 50


def test_a_router_that_never_learns_refuses_a_model_it_knows_nothing_of():
    tokens = {"input_tokens": 100, "output_tokens": 10}
    texts = [f"question {row} about {'law' if row % 2 else 'maths'}" for row in range(40)]
    rows = [
        {
            "id": f"q{row}",
            "question": text,
            "arms": {
                name: {"quality": float(row % 3 > 0), "cost": cost} | tokens
                for name, cost in (("small", 0.1), ("large", 1.0))
            },
        }
        for row, text in enumerate(texts)
    ]
    models = {"small": Model("small"), "large": Model("large")}
    prices = {"small": (1, 1), "large": (10, 10)}
    fitted = Router.preset("knn").fit(Outcomes.of(rows))
    router = fitted.bind(models, describe=describe, prices=prices)
    with pytest.raises(ConfigurationError, match="fit the router again"):
        router.add_arm("new", NEW, price=(2, 2))
    assert router.bound_arms.names == ("small", "large")
