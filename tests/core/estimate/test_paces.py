"""Paces: start-up time and seconds a token, learned from latencies, at once or one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.estimate.paces import Paces

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(5, 400, (80, 2)).astype(float)
LATENCY = np.array([0.4, 2.0]) + np.array([0.01, 0.05]) * TOKENS


def test_start_up_and_pace_are_found():
    learned = Paces.of(LATENCY, TOKENS)
    np.testing.assert_allclose(learned.startup_, [0.4, 2.0], rtol=1e-6)
    np.testing.assert_allclose(learned.pace_, [0.01, 0.05], rtol=1e-6)
    np.testing.assert_allclose(learned.latency(np.array([[100.0, 100.0]])), [[1.4, 7.0]])


def test_neither_is_ever_negative():
    falling = Paces.of(500.0 - TOKENS, TOKENS)
    assert (falling.pace_ == 0).all()
    np.testing.assert_allclose(falling.startup_, (500.0 - TOKENS).mean(axis=0))


def test_where_tokens_are_unknown_the_mean_latency_is_expected():
    learned = Paces.of(LATENCY, np.full_like(TOKENS, np.nan))
    made = learned.latency(np.full((3, 2), np.nan))
    np.testing.assert_allclose(made, np.tile(LATENCY.mean(axis=0), (3, 1)))


def test_where_latency_is_unknown_it_stays_so():
    learned = Paces.of(np.full_like(LATENCY, np.nan), TOKENS)
    assert np.isnan(learned.latency(TOKENS)).all()


@pytest.mark.parametrize("rows", [1, 40])
def test_answers_all_of_one_length_are_expected_to_take_their_mean(rows):
    latency = LATENCY[:rows]
    made = Paces.of(latency, np.full((rows, 2), 30.0)).latency(np.full((1, 2), 30.0))
    np.testing.assert_allclose(made[0], latency.mean(axis=0))


@given(cut=st.integers(0, 80), forgetting=st.sampled_from([1.0, 0.9]))
def test_rows_are_learned_the_same_in_one_go_or_in_parts(cut, forgetting):
    nothing = Paces.of(LATENCY[:0], TOKENS[:0])
    whole = nothing.learn(LATENCY, TOKENS, forgetting)
    parts = nothing.learn(LATENCY[:cut], TOKENS[:cut], forgetting)
    parts = parts.learn(LATENCY[cut:], TOKENS[cut:], forgetting)
    np.testing.assert_allclose(parts.sums_, whole.sums_, rtol=1e-9)
    np.testing.assert_allclose(parts.pace_, whole.pace_, rtol=1e-5)


def test_an_arm_that_became_slow_is_known_to_be_slow():
    learned = Paces.of(LATENCY, TOKENS).learn(3 * LATENCY, TOKENS, 0.9)
    np.testing.assert_allclose(learned.pace_, [0.03, 0.15], rtol=0.02)


def test_feedback_on_one_arm_leaves_the_other_bit_by_bit():
    before = Paces.of(LATENCY, TOKENS)
    told = np.array([[9.0, np.nan]])
    after = before.learn(told, np.array([[10.0, np.nan]]), 0.9)
    assert after.startup_[0] != before.startup_[0]
    np.testing.assert_array_equal(after.sums_[1], before.sums_[1])
    assert (after.startup_[1], after.pace_[1]) == (before.startup_[1], before.pace_[1])


@pytest.mark.parametrize("bad", [-1.0, np.inf, np.nan])
def test_what_is_no_latency_changes_nothing(bad):
    before = Paces.of(LATENCY, TOKENS)
    after = before.learn(np.full((1, 2), bad), TOKENS[:1], 0.9)
    np.testing.assert_array_equal(after.sums_, before.sums_)


def test_a_new_arm_is_unknown_and_the_others_stay_as_they_were():
    before = Paces.of(LATENCY, TOKENS)
    after = before.over([1, None, 0])
    made = after.latency(np.full((1, 3), 50.0))
    np.testing.assert_array_equal(made[:, [2, 0]], before.latency(np.full((1, 2), 50.0)))
    assert np.isnan(made[0, 1])
