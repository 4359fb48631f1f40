"""Curves of quality over confidence: isotonic regression, and nearest neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference
from automix_core.estimate import Isotonic, Neighbours
from automix_core.estimate.curves import KNOTS, pooled
from tests.core.examples import every_state, examples, told

VALUES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 20)), min_size=1, max_size=10)


@given(VALUES)
def test_pooling_is_isotonic_regression(pairs):
    """The min-max formula: at each place, the largest of the least means of blocks around it."""
    values, weights = np.array(pairs).T
    n = len(values)
    means = {
        (a, b): np.average(values[a : b + 1], weights=weights[a : b + 1])
        for a in range(n)
        for b in range(a, n)
    }
    expected = [max(min(means[a, b] for b in range(i, n)) for a in range(i + 1)) for i in range(n)]
    np.testing.assert_allclose(pooled(values, weights), expected, atol=1e-12)


@given(VALUES)
def test_pooling_keeps_the_mean_and_never_falls(pairs):
    values, weights = np.array(pairs).T
    fitted = pooled(values, weights)
    assert (np.diff(fitted) >= 0).all()
    assert np.average(fitted, weights=weights) == pytest.approx(np.average(values, weights=weights))


def read(estimator, of, confidences, arm=0, evidence_arm=0):
    """The quality of an arm, estimated at some confidences in the answer of another."""
    rows = len(confidences)
    evidence = every_state(of.take(np.ones(rows, dtype=int)))
    answered = np.zeros_like(evidence.answered)
    answered[:, evidence_arm] = True
    said = np.full(evidence.confidence.shape, np.nan)
    said[:, evidence_arm] = confidences
    told_of = type(evidence)(
        able=~answered,
        answered=answered,
        confidence=said,
        cost=evidence.cost,
        checking=evidence.checking,
        reference_cost=evidence.reference_cost,
        draw=evidence.draw,
    )
    return estimator.fit(of).estimate(told_of, Preference()).quality[:, arm]


@given(st.integers(0, 20), st.sampled_from([0.0, 5.0]))
@settings(max_examples=15)
def test_isotonic_never_falls_as_the_confidence_rises(seed, shrinkage):
    of = told(60, 2, seed, missing=0.1, grid=12)
    quality = read(Isotonic(shrinkage=shrinkage), of, np.linspace(-0.2, 1.2, 300))
    assert (np.diff(quality) >= -1e-12).all()
    assert quality[-1] > quality[0]


@given(st.integers(0, 20), st.integers(0, 1))
@settings(max_examples=15)
def test_isotonic_is_the_pooled_mean_at_each_confidence(seed, arm):
    of = told(80, 2, seed, grid=4)
    values, place, count = np.unique(of.confidence[:, 0], return_inverse=True, return_counts=True)
    means = np.bincount(place, of.quality[:, arm]) / count
    expected = pooled(means, count.astype(float))
    drawn = (80 * expected + 5 * of.quality[:, arm].mean()) / 85
    np.testing.assert_allclose(read(Isotonic(shrinkage=0), of, values, arm), expected, atol=1e-9)
    np.testing.assert_allclose(read(Isotonic(shrinkage=5), of, values, arm), drawn, atol=1e-9)


@given(st.integers(0, 30), st.integers(1, 12), st.booleans())
@settings(max_examples=25)
def test_neighbours_are_the_mean_of_the_k_nearest_and_of_all_that_tie(seed, k, coarse):
    rng = np.random.default_rng(seed)
    said = np.sort(rng.integers(0, 6, 40) / 5 if coarse else rng.random(40))
    quality = rng.random(40)
    knots = np.array([0.0, 0.2, 0.31, 0.77, 1.0])
    drawn = Neighbours(k=k, shrinkage=0).curve(said, quality, knots)
    for at, found in zip(knots, drawn, strict=True):
        away = np.abs(said - at)
        near = away <= np.sort(away)[k - 1] + 1e-12
        assert near.sum() >= k
        assert found == pytest.approx(quality[near].mean())


def test_of_few_examples_a_third_are_neighbours():
    said, quality = np.linspace(0, 1, 9), np.repeat([0.0, 0.5, 1.0], 3)
    drawn = Neighbours(k=50, shrinkage=0).curve(said, quality, np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(drawn, [0, 0.5, 1])


@pytest.mark.parametrize("estimator", [Isotonic(), Neighbours()], ids=["isotonic", "knn"])
def test_between_the_knots_of_many_real_values_the_curve_stays_close(estimator):
    rng = np.random.default_rng(0)
    said = rng.random((3000, 2))
    assert len(np.unique(said)) > KNOTS
    quality = (rng.random((3000, 2)) < said).astype(float)
    at = np.linspace(0.05, 0.95, 50)
    assert np.abs(read(estimator, examples(quality, said), at) - at).max() < 0.17


@pytest.mark.parametrize("estimator", [Isotonic(), Neighbours()], ids=["isotonic", "knn"])
def test_an_answer_without_a_verdict_is_as_good_as_such_answers_are(estimator):
    quality = [[0.0, 1.0]] * 30 + [[1.0, 0.5]] * 60
    said = [[np.nan, np.nan]] * 30 + [[0.5, np.nan]] * 60
    of = examples(quality, said)
    assert read(estimator, of, [np.nan])[0] == pytest.approx(5 * (2 / 3) / 35)
    assert read(estimator, of, [np.nan], arm=1)[0] == pytest.approx((30 + 5 * (2 / 3)) / 35)
    assert read(estimator, of, [0.5])[0] == pytest.approx((60 + 5) / 65, abs=0.05)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 2.5}, {"shrinkage": -1}, {"shrinkage": np.nan}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="Neighbours"):
        Neighbours(**wrong)
