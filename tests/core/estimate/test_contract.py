"""What every estimator keeps to, whatever it learned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from automix_core import Preference, Router
from automix_core.decide import Value
from automix_core.errors import NotFittedError
from automix_core.estimate import (
    Amounts,
    Automaton,
    AutoMeta,
    Averages,
    Bayes,
    Calibrated,
    Clusters,
    DoubleThreshold,
    FittedThreshold,
    Forecast,
    Forest,
    Fused,
    Hindsight,
    Isotonic,
    Joint,
    LinearBandit,
    NeighbourQuality,
    Neighbours,
    Pomdp,
    Prior,
    RidgeQuality,
    Rule,
    Satisfaction,
    Threshold,
    TripleThreshold,
)
from automix_core.parts import parts_of_kind
from automix_core.verify import AnswerLikelihood
from tests.core.examples import every_state, fitted, told
from tests.core.worlds import evidences, row_of

FIXED = {
    "threshold": Threshold(),
    "threshold, strict": Threshold(0.9),
    "rule": Rule(),
    "rule, of a table": Rule.table("100100100"),
    "prior": Prior(),
}
LEARNING = {
    "fitted_threshold": FittedThreshold(),
    "double_threshold": DoubleThreshold(),
    "triple_threshold": TripleThreshold(),
    "pomdp": Pomdp(),
    "pomdp, trusting": Pomdp(shrinkage=0),
    "isotonic": Isotonic(),
    "isotonic, trusting": Isotonic(shrinkage=0),
    "knn": Neighbours(),
    "bayes": Bayes(),
    "bayes, of one answer": Bayes(depth=1),
    "fused": Fused(),
    "fused, pomdp": Fused(Pomdp()),
    "calibrated": Calibrated(),
    "calibrated, pomdp": Calibrated(Pomdp()),
    "ridge": RidgeQuality(),
    "nearest": NeighbourQuality(),
    "nearest, trusting": NeighbourQuality(k=1, shrinkage=0),
    "clusters": Clusters(clusters=4),
    "clusters, trusting": Clusters(clusters=400, nearest=1, shrinkage=0),
    "forest": Forest(trees=5),
    "forecast": Forecast(),
    "forecast, of a line": Forecast(RidgeQuality(), Amounts(k=0)),
    "joint": Joint(),
    "bandit": LinearBandit(RidgeQuality()),
    "satisfaction": Satisfaction(LinearBandit(NeighbourQuality())),
    "calibrated, joint": Calibrated(Joint()),
}
ONLINE = {
    "bandit, from nothing": LinearBandit(forgetting=0.99),
    "satisfaction, from nothing": Satisfaction(),
    "averages": Averages(),
    "automaton": Automaton(),
}
"""These learn, and serve before they have learned anything."""
ESTIMATORS = FIXED | LEARNING | ONLINE
PREFERENCE = Preference(0.3)
few = settings(max_examples=12)
FIELDS = ("quality", "sd", "cost", "latency", "ahead", "novelty")

every = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
LEARNERS = LEARNING | ONLINE
each_that_learns = pytest.mark.parametrize("estimator", LEARNERS.values(), ids=LEARNERS)


def made_of(estimator, evidence, preference=PREFERENCE):
    """Estimates by an estimator that has learned about as many arms."""
    arms = evidence.able.shape[1]
    ready = fitted(estimator, arms) if estimator in LEARNERS.values() else estimator
    return ready.estimate(evidence, preference)


@every
@few
@given(evidence=evidences())
def test_many_rows_at_once_are_the_same_as_row_by_row(estimator, evidence):
    together = made_of(estimator, evidence)
    for index in range(len(evidence)):
        alone = made_of(estimator, row_of(evidence, index))
        for name in FIELDS:
            many, one = getattr(together, name), getattr(alone, name)
            if many is not None and one is not None:
                np.testing.assert_allclose(many[[index]], one, rtol=0, atol=1e-12, err_msg=name)


@every
@few
@given(evidence=evidences())
def test_estimates_are_a_quality_a_cost_and_a_latency_of_every_arm(estimator, evidence):
    made = made_of(estimator, evidence)
    given_fields = [getattr(made, name) for name in FIELDS if getattr(made, name) is not None]
    assert {field.shape for field in given_fields} == {evidence.able.shape}
    assert ((made.quality >= 0) & (made.quality <= 1)).all()
    assert (made.sd >= 0).all()
    assert made.reference_cost == evidence.reference_cost


@every
@few
@given(evidence=evidences())
def test_an_answer_in_hand_costs_nothing_more_and_takes_no_time(estimator, evidence):
    made = made_of(estimator, evidence)
    assert (made.cost[evidence.answered] == 0).all()
    assert (made.latency[evidence.answered] == 0).all()
    np.testing.assert_array_equal(made.cost[~evidence.answered], evidence.cost[~evidence.answered])


@every
@few
@given(evidence=evidences())
def test_the_evidence_is_left_as_it_was(estimator, evidence):
    before = [row_of(evidence, index) for index in range(len(evidence))]
    made_of(estimator, evidence)
    for index, row in enumerate(before):
        now = row_of(evidence, index)
        for name in ("able", "answered", "confidence", "cost", "checking"):
            np.testing.assert_array_equal(getattr(now, name), getattr(row, name))


@every
@few
@given(evidence=evidences())
def test_whatever_is_known_there_is_something_to_do(estimator, evidence):
    """No NaN is ever chosen: an arm that can be asked is asked, or an answer in hand is kept."""
    actions = Value().decide(made_of(estimator, evidence), evidence, PREFERENCE)
    rows = np.arange(len(evidence))
    possible = np.where(actions.run[:, None], evidence.able, evidence.answered)
    stuck = ~(evidence.able | evidence.answered).any(axis=1)
    np.testing.assert_array_equal(actions.arm == -1, stuck)
    assert possible[rows, actions.arm][~stuck].all()


@pytest.mark.parametrize("arms", [2, 3, 4])
@each_that_learns
def test_it_can_be_saved_and_loaded_with_all_that_it_learned(estimator, arms, tmp_path):
    ready = fitted(estimator, arms)
    Router(AnswerLikelihood(), ready, Value()).save(tmp_path)
    loaded = Router.load(tmp_path).estimator
    assert type(loaded) is type(ready)
    evidence = every_state(told(60, arms, seed=1, missing=0.2))
    before, after = (x.estimate(evidence, Preference()) for x in (ready, loaded))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name), err_msg=name)


@pytest.mark.parametrize("estimator", [*FIXED.values(), *ONLINE.values()], ids=[*FIXED, *ONLINE])
def test_it_serves_before_it_has_learned_anything(estimator):
    made = estimator.estimate(every_state(told(4, 2, seed=1)), PREFERENCE)
    assert ((made.quality >= 0) & (made.quality <= 1)).all()


def one_event(arms, arm=0):
    """Feedback on one decision: a score and a thumb for one arm."""
    of = told(1, arms, seed=3)
    known = np.full((1, arms), np.nan)
    known[0, arm] = 1.0
    bill = {"cost": known * 0.01, "latency": known * 2.0, "satisfied": known}
    return replace(of, quality=known, confidence=np.full_like(known, np.nan), signals={}, **bill)


@every
def test_it_learns_from_feedback_if_it_says_so(estimator):
    ready = fitted(estimator, 3) if estimator in LEARNERS.values() else estimator
    assert (ready.learn(one_event(3)) is not ready) == ready.learns


@each_that_learns
def test_what_it_learned_from_feedback_is_saved_too(estimator, tmp_path):
    arms = 3
    ready = fitted(estimator, arms)
    learned = ready.learn(one_event(arms)).learn(one_event(arms, arms - 1))
    Router(AnswerLikelihood(), learned, Value()).save(tmp_path)
    loaded = Router.load(tmp_path).estimator
    evidence = every_state(told(20, arms, seed=1))
    for of in (evidence, row_of(evidence, 0)):
        before, after = (x.estimate(of, Preference()) for x in (learned, loaded))
        for name in FIELDS:
            one, other = getattr(before, name), getattr(after, name)
            np.testing.assert_array_equal(one, other, err_msg=name)
    again, expected = (x.learn(one_event(arms)) for x in (loaded, learned))
    assert Router(AnswerLikelihood(), again, Value()).as_dict() == (
        Router(AnswerLikelihood(), expected, Value()).as_dict()
    )


@pytest.mark.parametrize("estimator", [*FIXED.values(), AutoMeta()], ids=[*FIXED, "auto"])
def test_it_can_be_saved_and_loaded(estimator, tmp_path):
    Router(AnswerLikelihood(), estimator, Value()).save(tmp_path)
    loaded = Router.load(tmp_path).estimator
    assert type(loaded) is type(estimator)
    assert Router(AnswerLikelihood(), loaded, Value()).as_dict() == Router.load(tmp_path).as_dict()


@pytest.mark.parametrize("estimator", [*LEARNING.values(), AutoMeta()], ids=[*LEARNING, "auto"])
def test_before_it_has_seen_examples_it_says_what_to_do(estimator):
    evidence = every_state(told(4, 2, seed=1))
    with pytest.raises(NotFittedError, match=r"router\.fit\(outcomes\)"):
        estimator.estimate(evidence, Preference())


@pytest.mark.parametrize("lost", [0, 1, 2])
@each_that_learns
def test_an_arm_that_no_example_holds_is_never_worth_nan(estimator, lost):
    of = told(60, 3, seed=1, missing=0.1)
    of.quality[:, lost] = of.confidence[:, lost] = np.nan
    learner = getattr(estimator, "inner", estimator)
    made = learner.fit(of).estimate(every_state(of), PREFERENCE)
    assert ((made.quality >= 0) & (made.quality <= 1)).all()


@each_that_learns
def test_learning_leaves_the_estimator_as_it_was(estimator):
    fitted(estimator, 2)
    assert not [name for name, value in vars(estimator).items() if name.endswith("_") and value]


def test_every_estimator_is_under_this_contract():
    known = parts_of_kind("estimator")
    ours = {name for name, part in known.items() if part.__module__.startswith("automix")}
    # Hindsight reads what no other estimator is shown; it has a module of its own.
    told_apart = {AutoMeta.name, Hindsight.name}
    assert ours == {made.name for made in ESTIMATORS.values()} | told_apart
