"""Verifying is chosen before anything is asked only where it was measured to pay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Preference
from automix_core.decide import Value
from automix_core.estimate import Calibrated, Isotonic, LinearBandit, Pomdp
from automix_core.evidence import Examples, Run
from tests.core.examples import every_state, fitted, told

COST = np.array([1.0, 2.0, 3.0])  # of `every_state`, of which a quarter is for checks


def calibrated(gain, doubt=0.0, inner=None, weights=(0.0, 1.0)):
    """A router's estimator for three arms that gains so much at each cost weight."""
    gain = np.array(gain, dtype=float)
    of = told(300, 3, seed=3)
    ready = (inner or Isotonic()).fit(of)
    return Calibrated(ready, np.array(weights), gain, np.full_like(gain, doubt))


def first(estimator, preference=None):
    """What is done first, and the estimates it rests on."""
    evidence = every_state(told(1, 3, seed=0))
    assert not evidence.answered.any()
    chosen = preference or Preference(0.2)
    made = estimator.estimate(evidence, chosen)
    actions = Value().decide(made, evidence, chosen)
    alone = made.quality[0] - chosen.cost_weight * (COST - COST * [0.25, 0.25, 0]) / 3
    return actions, alone


@pytest.mark.parametrize("inner", [Isotonic(), Pomdp()], ids=["isotonic", "pomdp"])
@pytest.mark.parametrize("gain", [0.1, 0.01, -0.01, -0.1])
def test_a_start_is_worth_the_best_arm_alone_and_what_it_gains(inner, gain):
    actions, alone = first(calibrated([[gain, -1, np.nan]] * 2, inner=inner))
    if gain > 0:
        assert actions.first() == Run(0)
        assert actions.run_value[0] == pytest.approx(alone.max() + gain)
    else:
        assert actions.first() == Run(int(np.argmax(alone)), final=True)
        assert actions.run_value[0] == pytest.approx(alone.max())


def test_doubt_is_taken_off():
    assert first(calibrated([[0.05, -1, np.nan]] * 2, doubt=0.04))[0].first() == Run(0)
    assert first(calibrated([[0.05, -1, np.nan]] * 2, doubt=0.06))[0].first().final


@given(st.floats(0, 1))
def test_between_measured_weights_a_straight_line_is_read(weight):
    estimator = calibrated([[0.1, 0.0, np.nan], [0.3, -0.1, np.nan]])
    sure = estimator.sure_gain(weight)
    assert sure[2] == -np.inf
    np.testing.assert_allclose(sure[:2], [0.1 + 0.2 * weight, -0.1 * weight])


@pytest.mark.parametrize(
    "unknown", [np.nan, -np.inf], ids=["never beside the best arm", "in a single group"]
)
def test_a_start_of_which_nothing_is_known_is_no_start(unknown):
    """Such an arm may be asked for good, but never on the strength of a check nobody tried."""
    for weight in (0.0, 0.1, 0.5, 1.0):
        actions, _ = first(calibrated([[unknown, unknown, np.nan]] * 2), Preference(weight))
        assert actions.first().final
        half = calibrated([[unknown, -1, np.nan], [-1, unknown, np.nan]])
        assert first(half, Preference(weight))[0].first().final


def test_once_something_is_in_hand_the_inner_estimator_has_the_word():
    of = told(40, 3, seed=1)
    evidence = every_state(of)
    estimator = calibrated([[0.1, 0.2, np.nan]] * 2, inner=Pomdp())
    seen = evidence.answered.any(axis=1)
    made, inner = (e.estimate(evidence, Preference()) for e in (estimator, estimator.inner))
    np.testing.assert_array_equal(made.ahead[seen], inner.ahead[seen])
    np.testing.assert_array_equal(made.quality, inner.quality)


def test_replies_judged_by_their_form_are_as_good_as_it_says():
    of = told(40, 3, seed=1)
    form = np.where(np.arange(40)[:, None] % 2 == 0, 1.0, 0.0) * np.ones(3)
    evidence = every_state(type(of)(of.quality, of.confidence, {"validity": form}))
    made = fitted(Calibrated(), 3).estimate(evidence, Preference())
    np.testing.assert_array_equal(made.quality[evidence.answered], form[evidence.answered])


def test_a_start_is_as_good_as_before_for_the_arms_that_stay_and_unknown_for_others():
    estimator = calibrated([[0.3, 0.2, np.nan]] * 2, inner=LinearBandit())
    more = estimator.over([0, None, 1, 2])
    assert more.sure_gain(0.2).tolist() == [0.3, -np.inf, 0.2, -np.inf]
    assert more.over([0, 2, 3]).sure_gain(0.2).tolist() == estimator.sure_gain(0.2).tolist()
    assert estimator.over([0, 1]).sure_gain(0.2).tolist() == [0.3, -np.inf]  # now the dearest


def test_it_learns_if_the_inner_estimator_does():
    nothing = np.full((1, 3), np.nan)
    event = Examples(np.array([[1.0, np.nan, np.nan]]), nothing, {}, np.ones((1, 3)))
    estimator = calibrated([[0.3, 0.2, np.nan]] * 2, inner=LinearBandit())
    learned = estimator.learn(event)
    assert learned.inner.lines_ != estimator.inner.lines_
    assert learned.sure_gain(0.2).tolist() == estimator.sure_gain(0.2).tolist()
    fixed = calibrated([[0.3, 0.2, np.nan]] * 2)
    assert fixed.learn(event) is fixed
