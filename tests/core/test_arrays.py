"""Arithmetic on arrays with holes, and on rows that are all the same."""

import numpy as np
import pytest

from automix_core.arrays import known_means, mean_row, ratio


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
