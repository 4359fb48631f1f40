"""The plain policy: whatever is worth most right now, ties to the cheaper."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Preference
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.evidence import Evidence, Run, Stop
from tests.core.worlds import estimates_for, evidences

WEIGHTS = st.sampled_from([0.0, 0.1, 0.5])


@st.composite
def worlds(draw, rows=1):
    evidence = draw(evidences(rows))
    return evidence, draw(estimates_for(evidence))


def values(evidence, estimates, weight):
    """What each action is worth, written out slowly: {action: value}, cheaper ones first."""
    quality, cost = estimates.quality[0], estimates.cost[0]
    in_hand = [i for i in range(len(quality)) if evidence.answered[0, i]]
    best = max((quality[i] for i in in_hand), default=-np.inf)
    stops = {Stop(i): quality[i] for i in in_hand}
    runs = {
        i: max(quality[i], best) - weight * cost[i] / estimates.reference_cost
        for i in range(len(quality))
        if evidence.able[0, i]
    }
    return stops, runs


@given(world=worlds(), weight=WEIGHTS)
def test_the_action_is_worth_most_and_ties_go_to_stopping_and_to_the_cheaper(world, weight):
    evidence, estimates = world
    stops, runs = values(evidence, estimates, weight)
    actions = Value().decide(estimates, evidence, Preference(cost_weight=weight))
    action = actions.first()
    best_stop = max(stops.values(), default=-np.inf)
    best_run = max(runs.values(), default=-np.inf)
    assert (actions.stop_value[0], actions.run_value[0]) == (best_stop, best_run)
    if not stops and not runs:
        assert action is None
    elif best_run > best_stop + 1e-9:
        assert isinstance(action, Run)
        assert action.arm == next(i for i, value in runs.items() if value == best_run)
    else:
        assert action == next(stop for stop, value in stops.items() if value == best_stop)


@given(worlds(), WEIGHTS, st.sampled_from([0.01, 0.1, 10.0]))
def test_the_currency_does_not_matter(world, weight, rate):
    """Costs count in units of the reference cost, so the price list's scale cancels out."""
    evidence, estimates = world
    scaled = replace(
        estimates, cost=estimates.cost * rate, reference_cost=estimates.reference_cost * rate
    )
    preference = Preference(cost_weight=weight)
    one, other = (Value().decide(e, evidence, preference) for e in (estimates, scaled))
    np.testing.assert_allclose(one.run_value, other.run_value, atol=1e-12)


@given(worlds(), WEIGHTS, WEIGHTS)
def test_asking_is_worth_no_more_where_money_counts_more(world, one, other):
    evidence, estimates = world
    low, high = sorted([one, other])
    cheap, dear = (
        Value().decide(estimates, evidence, Preference(cost_weight=w)) for w in (low, high)
    )
    assert dear.run_value <= cheap.run_value
    if not cheap.run[0]:
        assert not dear.run[0]


@given(worlds())
def test_a_slow_arm_is_worth_less_where_time_counts(world):
    evidence, estimates = world
    slow = replace(estimates, latency=np.where(evidence.answered, 0.0, 3.0))
    hurried, patient = (
        Value().decide(slow, evidence, Preference(latency_weight=w)).run_value[0]
        for w in (0.2, 0.0)
    )
    assert hurried == patient or np.isclose(hurried, patient - 0.6)


def test_money_already_spent_counts_for_nothing():
    """An arm that was asked has no cost left, whatever it had cost."""
    evidence = Evidence(
        able=np.array([[False, True]]),
        answered=np.array([[True, False]]),
        confidence=np.array([[0.4, np.nan]]),
        cost=np.array([[0.1, 1.0]]),
        checking=np.zeros((1, 2)),
        reference_cost=1.0,
        draw=np.zeros(1),
    )
    dear = replace(evidence, cost=np.array([[1000.0, 1.0]]))
    one, other = (
        Value().decide(Threshold().estimate(e, Preference()), e, Preference())
        for e in (evidence, dear)
    )
    assert one.first() == other.first() == Run(1, final=True)
    assert one.run_value == other.run_value


@given(world=worlds(), weight=WEIGHTS, gain=st.floats(0, 1))
def test_the_only_arm_that_can_be_asked_is_asked_for_good(world, weight, gain):
    """Whatever an estimator hopes to learn from a check: nothing could follow it."""
    evidence, estimates = world
    lonely = np.arange(evidence.able.shape[1]) == 0
    evidence = replace(
        evidence,
        able=lonely[None, :],
        answered=np.zeros_like(evidence.answered),
        confidence=np.full_like(evidence.confidence, np.nan),
    )
    hopeful = replace(estimates, ahead=estimates.quality + gain)
    actions = Value().decide(hopeful, evidence, Preference(cost_weight=weight))
    assert actions.first() == Run(0, final=True)
    assert actions.closing()
