"""Policies that commit: one arm is chosen by the request, by its name or by chance."""

import numpy as np
import pytest

from automix_core import Preference, UnknownNameError
from automix_core.decide import Always, Best, Random
from automix_core.errors import NotFittedError
from automix_core.evidence import Estimates, Evidence


def world(quality, cost, able=None, answered=None, draw=0.0):
    quality = np.array(quality, dtype=float)
    answered = np.zeros(quality.shape, bool) if answered is None else np.array(answered)
    cost = np.broadcast_to(np.array(cost, dtype=float), quality.shape)
    evidence = Evidence(
        able=~answered if able is None else np.array(able),
        answered=answered,
        confidence=np.full(quality.shape, np.nan),
        cost=cost,
        checking=cost * 0.5,
        reference_cost=float(cost.max()) / 2,
        draw=np.broadcast_to(draw, len(quality)),
    )
    return Estimates.of(evidence, quality, np.zeros_like(quality)), evidence


def chosen(policy, world, **preference):
    return policy.decide(*world, Preference(**preference))


def test_best_weighs_quality_against_the_cost_of_the_answer_alone():
    """Nothing will be verified, so verification is not paid for: the arms cost 0.5 and 1."""
    of = world([[0.5, 0.9]], [1, 2])
    assert chosen(Best(), of, cost_weight=0.79).arm == 1
    assert chosen(Best(), of, cost_weight=0.81).arm == 0


def test_best_with_cost_no_object_takes_the_best_and_with_cost_everything_the_cheapest():
    quality = np.random.default_rng(0).random((50, 3))
    of = world(quality, [1, 2, 3])
    np.testing.assert_array_equal(chosen(Best(), of, cost_weight=0).arm, quality.argmax(axis=1))
    assert (chosen(Best(), of, cost_weight=1e6).arm == 0).all()


def test_ties_go_to_the_cheaper_arm():
    assert chosen(Best(), world([[0.7, 0.7]], [1, 2]), cost_weight=0).arm == 0


def test_latency_counts_where_it_is_known():
    estimates, evidence = world([[0.6, 0.8]], [1, 1])
    slow = Estimates(
        estimates.quality,
        estimates.sd,
        estimates.cost,
        np.array([[np.nan, 3.0]]),
        estimates.reference_cost,
    )
    assert Best().decide(slow, evidence, Preference(latency_weight=0.1)).arm == 0
    assert Best().decide(slow, evidence, Preference(latency_weight=0.01)).arm == 1


def test_an_answer_in_hand_is_kept_unless_asking_on_is_worth_more():
    of = world([[0.5, 0.9], [0.9, 0.5]], [1, 2], answered=[[True, False], [True, False]])
    np.testing.assert_array_equal(chosen(Best(), of, cost_weight=0.1).run, [True, False])


def test_chance_is_fair_among_those_that_can_be_asked():
    draws = (np.arange(600) + 0.5) / 600
    able = np.tile([[True, False, True, True]], (600, 1))
    actions = chosen(Random(), world(np.ones((600, 4)) / 2, [1, 1, 1, 1], able=able, draw=draws))
    assert np.bincount(actions.arm, minlength=4).tolist() == [200, 0, 200, 200]
    assert (actions.propensity == 1 / 3).all()


@pytest.mark.parametrize(
    ("arm", "place"), [("b", 1), ("cheapest", 0), ("dearest", 2), ("c", 2), ("a", 0)]
)
def test_always_is_the_arm_of_that_name(arm, place):
    of = world(np.random.default_rng(0).random((9, 3)), [1, 2, 3])
    assert (chosen(Always(arm).over(["a", "b", "c"]), of).arm == place).all()


def test_an_arm_may_be_called_cheapest():
    assert Always("cheapest").over(["a", "cheapest"]).place_ == 1


def test_always_takes_the_best_of_the_others_where_its_arm_cannot_be_asked():
    of = world([[0.1, 0.9, 0.5]], [1, 1, 1], able=[[True, False, True]])
    assert chosen(Always("b").over(["a", "b", "c"]), of).arm == 2


def test_always_lists_the_arms_where_it_does_not_know_its_own():
    with pytest.raises(UnknownNameError, match=r"'d'.*'a', 'b'"):
        Always("d").over(["a", "b"])


def test_always_needs_to_know_the_arms():
    with pytest.raises(NotFittedError):
        chosen(Always("a"), world([[0.5, 0.5]], [1, 2]))
