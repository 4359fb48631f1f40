"""Amounts: what an arm takes for a request, learned from its own rows and nothing else."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.estimate import Amounts
from automix_core.estimate.amounts import LINE, MEAN, NEAR

LINES = Amounts(k=0)
DIRECTIONS = np.array([[1.0, 0.0, 0.3], [0.0, 1.0, 0.3], [-1.0, 0.0, 0.3], [0.0, -1.0, 0.3]])


def sorts(rows, seed):
    """Four sorts of request, told by their direction; their features differ in size as well."""
    rng = np.random.default_rng(seed)
    sort = rng.integers(4, size=rows)
    size = rng.uniform(0.3, 2, (rows, 1))
    return size * (DIRECTIONS[sort] + rng.normal(0, 0.1, (rows, 3))), sort


def lengths(features, sort, seed):
    """Of three arms: a line of the features, long in every other direction, and noise."""
    rng = np.random.default_rng(seed)
    line = np.exp(4 + 1.2 * features[:, 0])
    other = np.where(sort % 2 == 0, 400.0, 20.0)
    noise = np.full(len(sort), 90.0)
    return np.stack([line, other, noise], axis=1) * rng.lognormal(0, 0.3, (len(sort), 3))


FEATURES, SORT = sorts(600, 0)
LENGTHS = lengths(FEATURES, SORT, 1)
HELD, HELD_SORT = sorts(300, 2)
FITTED = Amounts().fit(LENGTHS, FEATURES)


def missed(made, actual):
    """Squared error of each arm in units of that of the mean."""
    return ((made - actual) ** 2).mean(axis=0) / actual.var(axis=0)


def test_each_arm_is_learned_in_the_way_that_does_best_on_held_out_rows():
    assert FITTED.chosen_.tolist() == [LINE, NEAR, MEAN]


def test_long_answers_are_expected_where_requests_of_that_sort_had_long_answers():
    made = FITTED.expected(HELD, len(HELD))
    assert (missed(made, lengths(HELD, HELD_SORT, 3))[:2] < 0.4).all()
    long, short = (made[sort == HELD_SORT].mean(axis=0) for sort in (0, 1))
    assert long[1] > 10 * short[1]
    np.testing.assert_array_equal(made[:, 2], made[0, 2])


def test_amounts_come_out_right_on_average_though_they_are_skewed():
    made = FITTED.expected(FEATURES, len(FEATURES))
    np.testing.assert_allclose(made.mean(axis=0), LENGTHS.mean(axis=0), rtol=0.01)


def test_nothing_is_expected_far_beyond_what_was_seen():
    far = Amounts(k=0).fit(LENGTHS, FEATURES).expected(100 * HELD, len(HELD))
    assert (far < 2 * LENGTHS.max(axis=0)).all()
    assert (far >= 0).all()


def test_on_noise_the_mean_is_taken():
    """Once in a while chance looks like a pattern, but it must be the exception."""
    rng = np.random.default_rng(0)
    noise = rng.lognormal(3, 1, (300, 40))
    chosen = Amounts().fit(noise, rng.normal(size=(300, 3))).chosen_
    assert (chosen == MEAN).sum() > 34


def test_neighbours_can_be_left_out():
    assert NEAR not in LINES.fit(LENGTHS, FEATURES).chosen_


@pytest.mark.parametrize("features", [None, FEATURES], ids=["plain", "features"])
def test_without_features_of_the_request_arms_are_at_their_mean(features):
    learned = Amounts().fit(LENGTHS, features)
    made = learned.expected(None, 2)
    np.testing.assert_allclose(made, np.tile(LENGTHS.mean(axis=0), (2, 1)), rtol=1e-12)


@pytest.mark.parametrize("amounts", [Amounts(), LINES], ids=["near", "line"])
@pytest.mark.parametrize("value", [0.0, 1.0, 37.0])
def test_an_amount_that_never_changes_is_learned_as_it_is(amounts, value):
    made = amounts.fit(np.full((60, 2), value), FEATURES[:60]).expected(HELD, len(HELD))
    np.testing.assert_allclose(made, value, atol=1e-12)


def test_one_row_is_enough_and_an_arm_without_rows_stays_unknown():
    learned = Amounts().fit(np.array([[12.0, np.nan]]), FEATURES[:1])
    np.testing.assert_array_equal(learned.expected(HELD[:3], 3), [[12.0, np.nan]] * 3)


def test_a_table_without_any_amount_leaves_all_unknown():
    learned = Amounts().fit(np.full((60, 2), np.nan), FEATURES[:60])
    assert np.isnan(learned.expected(HELD, len(HELD))).all()
    assert np.isnan(Amounts().fit(np.zeros((0, 2)), np.zeros((0, 3))).expected(HELD, 300)).all()


def test_an_arm_of_few_rows_is_at_its_mean_beside_others_that_are_not():
    some = LENGTHS.copy()
    some[5:, 0] = np.nan
    learned = Amounts().fit(some, FEATURES)
    np.testing.assert_array_equal(learned.chosen_, [MEAN, NEAR, MEAN])
    made = learned.expected(HELD, len(HELD))
    np.testing.assert_allclose(made[:, 0], some[:5, 0].mean(), rtol=1e-12)


def test_features_of_another_width_are_refused():
    with pytest.raises(ConfigurationError, match=r"3 features.*gives 5"):
        FITTED.expected(np.ones((2, 5)), 2)


# Feedback.


def nearly(one, other):
    for field in fields(Amounts):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_allclose(mine, its, rtol=1e-9, err_msg=field.name)


@given(
    known=st.lists(st.integers(0, 2), min_size=1, max_size=12),
    forgetting=st.sampled_from([1.0, 0.9, 0.5]),
)
def test_many_rows_of_feedback_are_learned_as_one_after_another(known, forgetting):
    rows = np.full((len(known), 3), np.nan)
    rows[np.arange(len(known)), known] = LENGTHS[: len(known), 0]
    step = FITTED
    for row, feature in zip(rows, HELD, strict=False):
        step = step.learn(row[None, :], feature[None, :], forgetting)
    nearly(step, FITTED.learn(rows, HELD[: len(rows)], forgetting))


def test_feedback_on_one_arm_moves_that_arm_and_leaves_the_others_bit_by_bit():
    before = FITTED.expected(HELD, len(HELD))
    told = np.full((500, 3), np.nan)
    told[:, 0] = 3 * LENGTHS[:500, 0]
    now = FITTED.learn(told, FEATURES[:500], 0.99).expected(HELD, len(HELD))
    np.testing.assert_allclose(now[:, 0] / before[:, 0], 3.0, rtol=0.1)
    np.testing.assert_array_equal(now[:, 1:], before[:, 1:])


def test_what_is_kept_does_not_grow_with_feedback():
    told = np.tile([[100.0, np.nan, 50.0]], (2000, 1))
    now = FITTED.learn(told, HELD[np.zeros(2000, dtype=int)], 1.0)
    for field in fields(Amounts):
        kept = getattr(FITTED, field.name)
        if isinstance(kept, np.ndarray):
            assert getattr(now, field.name).shape == kept.shape
    assert now.near_ is FITTED.near_


@pytest.mark.parametrize("bad", [-5.0, np.inf, np.nan])
def test_what_is_no_amount_changes_nothing(bad):
    told = np.array([[bad, np.nan, np.nan]])
    nearly(FITTED.learn(told, HELD[:1], 0.9), FITTED)


def test_an_amount_of_a_request_that_cannot_be_embedded_counts_all_the_same():
    told = np.array([[5000.0, np.nan, np.nan]])
    now = FITTED.learn(told, None, 0.9).expected(None, 1)
    assert now[0, 0] > FITTED.expected(None, 1)[0, 0]


# Arms come and go.


@given(places=st.lists(st.sampled_from([0, 1, 2, None]), min_size=1, max_size=5))
def test_arms_that_stay_are_expected_to_take_the_same_bit_by_bit(places):
    learned = FITTED if hasattr(FITTED.near_, "_over") else LINES.fit(LENGTHS, FEATURES)
    before = learned.expected(HELD[:20], 20)
    after = learned.over(places).expected(HELD[:20], 20)
    for to, place in enumerate(places):
        stayed = np.full(20, np.nan) if place is None else before[:, place]
        np.testing.assert_array_equal(after[:, to], stayed)


def test_a_new_arm_is_known_from_its_first_feedback_on():
    more = LINES.fit(LENGTHS, FEATURES).over([0, 1, 2, None])
    assert np.isnan(more.expected(HELD, 300)[:, 3]).all()
    told = np.array([[np.nan, np.nan, np.nan, 70.0]])
    now = more.learn(told, HELD[:1], 0.999).expected(HELD, 300)
    np.testing.assert_allclose(now[:, 3], 70.0)


@pytest.mark.parametrize("others", [(0, 1), (2, 0), (1,)])
def test_a_fit_with_more_or_fewer_arms_expects_the_same_of_each_bit_by_bit(others):
    fewer = Amounts().fit(np.asfortranarray(LENGTHS[:, others]), FEATURES)
    made, whole = (x.expected(HELD, len(HELD)) for x in (fewer, FITTED))
    np.testing.assert_array_equal(made, whole[:, others])
