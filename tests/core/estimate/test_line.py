"""One arm's regression: the same one by one as at once, and never far from a fresh inverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core.estimate.line import REFRESHED, Line

WIDTH = 8
PENALTY = 3.0


def events(count, seed=0, width=WIDTH):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)), rng.normal(size=count)


def one_by_one(vectors, above, forgetting=1.0, penalty=PENALTY):
    line = Line.fresh(vectors.shape[1], penalty)
    for vector, over in zip(vectors, above, strict=True):
        line = line.learned(vector[None, :], np.array([over]), penalty, forgetting)
    return line


@pytest.mark.parametrize("forgetting", [1.0, 0.99])
def test_after_ten_thousand_updates_the_inverse_is_that_of_the_matrix(forgetting):
    line = one_by_one(*events(10_000), forgetting)
    ridge = PENALTY * forgetting**line.since * np.eye(WIDTH)
    fresh = np.linalg.inv(line.gram + ridge)
    assert np.abs(line.inverse - fresh).max() < 1e-6 * np.abs(fresh).max()
    np.testing.assert_allclose(line.inverse, line.inverse.T, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    first=st.integers(0, 40),
    count=st.integers(1, 60),
    forgetting=st.sampled_from([1.0, 0.999, 0.95, 0.6]),
    seed=st.integers(0, 9),
)
def test_many_at_once_are_the_same_as_one_by_one(first, count, forgetting, seed):
    vectors, above = events(first + count, seed)
    begun = one_by_one(vectors[:first], above[:first], forgetting)
    together = begun.learned(vectors[first:], above[first:], PENALTY, forgetting)
    alone = one_by_one(vectors, above, forgetting)
    for name in ("gram", "target", "inverse", "weights"):
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), atol=1e-9)
    assert together.since == alone.since


def test_many_at_once_are_the_same_across_a_refresh():
    vectors, above = events(REFRESHED + 30)
    together = Line.fresh(WIDTH, PENALTY).learned(vectors, above, PENALTY, 1.0)
    alone = one_by_one(vectors, above)
    np.testing.assert_allclose(together.inverse, alone.inverse, atol=1e-12)
    np.testing.assert_allclose(together.weights, alone.weights, atol=1e-9)


def test_the_weights_are_those_of_a_ridge_regression():
    vectors, above = events(200)
    line = one_by_one(vectors, above)
    expected = np.linalg.solve(vectors.T @ vectors + PENALTY * np.eye(WIDTH), vectors.T @ above)
    np.testing.assert_allclose(line.weights, expected, atol=1e-10)


@pytest.mark.parametrize("forgetting", [0.5, 0.9, 0.996])
def test_forgetting_never_makes_the_matrix_singular(forgetting):
    """The same vector for ever: without the ridge, all else would be forgotten to nothing."""
    vector = np.eye(WIDTH)[0]
    line = one_by_one(np.tile(vector, (3000, 1)), np.ones(3000), forgetting)
    novelty = np.diag(line.inverse)
    assert (novelty <= 2 / PENALTY + 1e-9).all()
    assert novelty[0] < novelty[1]
    assert np.isfinite(line.inverse).all()


def test_an_update_leaves_the_line_before_it_alone():
    vectors, above = events(20)
    line = one_by_one(vectors, above)
    before = line.gram.copy(), line.inverse.copy(), line.weights.copy(), line.target.copy()
    line.learned(vectors[:1], above[:1], PENALTY, 1.0)
    line.learned(vectors[:15], above[:15], PENALTY, 0.9)
    for was, now in zip(before, (line.gram, line.inverse, line.weights, line.target), strict=True):
        np.testing.assert_array_equal(was, now)
