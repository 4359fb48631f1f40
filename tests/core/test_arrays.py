"""Arithmetic on arrays with holes, and on rows that are all the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.arrays import known_means, mean_row, non_negative_pair, ratio


@pytest.mark.parametrize("rows", [1, 3, 7, 1000])
def test_the_mean_of_rows_that_are_the_same_is_that_row_to_the_last_bit(rows):
    """A plain mean is not: a tie would then be broken otherwise in a replay than live."""
    row = np.array([0.1, 0.7, 1e-6])
    np.testing.assert_array_equal(mean_row(np.tile(row, (rows, 1))), row)
    assert (np.tile(row, (3, 1)).mean(axis=0) != row).any()


def test_the_mean_of_rows_that_differ_is_their_mean():
    rows = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(mean_row(rows), rows.mean(axis=0))


def test_holes_are_left_out_of_a_mean_and_nothing_has_none():
    values = np.array([[1.0, np.nan], [3.0, np.nan]])
    np.testing.assert_array_equal(known_means(values), [2, np.nan])
    np.testing.assert_array_equal(known_means(values, unknown=0.0), [2, 0])


def test_a_ratio_over_nothing_is_what_is_said():
    np.testing.assert_array_equal(ratio(np.array([1.0, 0]), np.array([4, 0]), 0.5), [0.25, 0.5])


numbers = st.floats(-5, 5).map(lambda x: round(x, 3))
columns = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=8)


@given(columns)
def test_no_other_pair_that_is_not_negative_misses_less(rows):
    one, other, target = np.array(rows).T
    design = np.stack([one, other], axis=1)
    pair = non_negative_pair(design.T @ design, design.T @ target)
    assert (pair >= 0).all()

    def missed(tried):
        return ((target - design @ tried) ** 2).sum()

    steps = [0.0, 1e-3, 0.1, 1.0, -1e-3, -0.1, -1.0]
    near = [np.maximum(pair + np.array([a, b]), 0) for a in steps for b in steps]
    assert missed(pair) <= min(missed(tried) for tried in near) + 1e-6


def test_a_pair_that_made_the_data_is_found_again():
    design = np.random.default_rng(0).random((20, 2)) * [1, 1e5]
    pair = non_negative_pair(design.T @ design, design.T @ (design @ [3.0, 4e-6]))
    np.testing.assert_allclose(pair, [3.0, 4e-6], rtol=1e-6)


def test_of_two_columns_that_cannot_be_told_apart_the_first_takes_all():
    design = np.ones((5, 2)) * [1.0, 30.0]
    pair = non_negative_pair(design.T @ design, design.T @ np.full(5, 6.0))
    np.testing.assert_allclose(pair, [6.0, 0.0])
