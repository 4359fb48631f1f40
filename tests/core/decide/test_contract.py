"""What every policy keeps to."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import Preference, Router
from automix_core.decide import Always, Best, Explore, Matching, Random, Value
from automix_core.estimate import Threshold
from automix_core.parts import parts_of_kind
from automix_core.verify import AnswerLikelihood
from tests.core.worlds import estimates_for, evidences, row_of

POLICIES = {
    "value": Value(),
    "best": Best(),
    "random": Random(),
    "explore": Explore(),
    "explore, linucb": Explore(alpha=1.0, root=True, beta=0.0),
    "explore, by chance": Explore(epsilon=0.2),
    "explore, softmax": Explore(temperature=0.1, epsilon=0.5, fading=True),
    "matching": Matching(),
    "always": Always("b").over(["a", "b"]),
}
PREFERENCES = st.builds(
    Preference,
    cost_weight=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    latency_weight=st.sampled_from([0.0, 0.2]),
)
FIELDS = ("arm", "run", "final", "propensity", "stop_value", "run_value")
few = settings(max_examples=15)

pytestmark = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@st.composite
def worlds(draw):
    evidence = draw(evidences())
    return evidence, draw(estimates_for(evidence)), draw(PREFERENCES)


@few
@given(world=worlds())
def test_many_rows_at_once_are_the_same_as_row_by_row(policy, world):
    evidence, estimates, preference = world
    together = policy.decide(estimates, evidence, preference)
    for index in range(len(evidence)):
        known = ("quality", "sd", "cost", "latency", "novelty")
        rows = {f: x[[index]] for f in known if (x := getattr(estimates, f)) is not None}
        alone = policy.decide(replace(estimates, **rows), row_of(evidence, index), preference)
        for name in FIELDS:
            np.testing.assert_array_equal(
                getattr(together, name)[[index]], getattr(alone, name), err_msg=name
            )


@few
@given(world=worlds())
def test_only_able_arms_are_asked_and_only_answers_in_hand_are_returned(policy, world):
    evidence, estimates, preference = world
    actions = policy.decide(estimates, evidence, preference)
    rows = np.arange(len(evidence))
    assert evidence.able[rows, actions.arm][actions.run].all()
    stopped = ~actions.run & (actions.arm >= 0)
    assert evidence.answered[rows, actions.arm][stopped].all()
    nothing = ~evidence.able.any(axis=1) & ~evidence.answered.any(axis=1)
    np.testing.assert_array_equal(actions.arm < 0, nothing)


@few
@given(world=worlds())
def test_an_ask_is_final_where_the_policy_commits_or_no_dearer_arm_could_follow(policy, world):
    evidence, estimates, preference = world
    actions = policy.decide(estimates, evidence, preference)
    for row in np.flatnonzero(actions.run):
        arm = actions.arm[row]
        if policy.commits:
            assert actions.final[row]
            continue
        assert actions.final[row] == (not evidence.able[row, arm + 1 :].any())
    assert not actions.final[~actions.run].any()


@few
@given(world=worlds())
def test_a_policy_is_pure(policy, world):
    evidence, estimates, preference = world
    first, second = (policy.decide(estimates, evidence, preference) for _ in range(2))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert ((first.propensity > 0) & (first.propensity <= 1)).all()


@few
@given(world=worlds())
def test_chances_are_the_probabilities_with_which_arms_are_asked(policy, world):
    evidence, estimates, preference = world
    actions = policy.decide(estimates, evidence, preference)
    if actions.chances is None:
        assert (actions.propensity == 1).all()
        return
    assert (actions.chances[~evidence.able] == 0).all()
    asks = np.flatnonzero(actions.run)
    np.testing.assert_allclose(actions.chances[asks].sum(axis=1), 1)
    assert (actions.chances[~actions.run] == 0).all()
    np.testing.assert_array_equal(
        actions.propensity[asks], actions.chances[asks, actions.arm[asks]]
    )


@few
@given(world=worlds(), draw=st.floats(0, 0.99))
def test_a_policy_that_says_it_draws_nothing_reads_no_draw(policy, world, draw):
    evidence, estimates, preference = world
    other = replace(evidence, draw=np.full(len(evidence), draw))
    one, two = (policy.decide(estimates, of, preference) for of in (evidence, other))
    if not policy.draws:
        np.testing.assert_array_equal(one.arm, two.arm)


def test_it_can_be_saved_and_loaded(policy, tmp_path):
    Router(AnswerLikelihood(), Threshold(), policy).save(tmp_path)
    assert Router.load(tmp_path).policy == policy


def test_every_policy_is_under_this_contract(policy):
    known = parts_of_kind("policy")
    ours = {name for name, part in known.items() if part.__module__.startswith("automix")}
    assert ours == {made.name for made in POLICIES.values()}
