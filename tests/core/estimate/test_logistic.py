"""Ridge logistic regression finds the optimum, and stays finite whatever it is given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core.estimate.logistic import (
    fit_logistic,
    log_odds,
    scale_of,
    sigmoid,
    standardised,
)


def data(seed, n=60, d=3, *, fractional=False):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d))
    chance = sigmoid(features @ rng.normal(size=d))
    label = rng.random(n) * chance if fractional else (rng.random(n) < chance).astype(float)
    return features, label


def slope(features, label, penalty, weights):
    """The gradient of the penalised log-likelihood."""
    design = np.hstack([np.ones((len(features), 1)), features])
    ridge = np.array([1e-6, *[penalty] * features.shape[1]])
    return design.T @ (label - sigmoid(design @ weights)) - ridge * weights


@given(st.integers(0, 50), st.sampled_from([0.1, 3.0, 30.0]), st.booleans())
@settings(max_examples=30)
def test_at_the_optimum_the_slope_is_zero(seed, penalty, fractional):
    features, label = data(seed, fractional=fractional)
    weights = fit_logistic(features, label, penalty)
    np.testing.assert_allclose(slope(features, label, penalty, weights), 0, atol=1e-6)


@given(st.integers(0, 20))
@settings(max_examples=10)
def test_a_fraction_counts_as_that_share_of_a_success(seed):
    """A label of one quarter is one success and three failures, each a quarter of an example."""
    features, _ = data(seed, n=30)
    quarters = np.random.default_rng(seed).integers(0, 5, 30)
    weights = fit_logistic(features, quarters / 4, 3.0)
    tossed = (np.arange(4) < quarters[:, None]).astype(float).ravel()
    split = fit_logistic(np.repeat(features, 4, axis=0), tossed, 12.0)
    np.testing.assert_allclose(weights, split, atol=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 1e-3, 3.0])
def test_separable_data_stay_finite(penalty):
    features = np.linspace(-1, 1, 40)[:, None]
    label = (features[:, 0] > 0).astype(float)
    weights = fit_logistic(features, label, penalty)
    assert np.isfinite(weights).all()
    assert weights[1] > 0
    guess = sigmoid(weights[0] + features[:, 0] * weights[1])
    assert ((guess > 0.5) == (label > 0.5)).all()


@pytest.mark.parametrize("label", [0.0, 1.0, 0.5])
def test_labels_that_are_all_alike_give_their_mean(label):
    features, _ = data(1)
    weights = fit_logistic(features, np.full(60, label), 3.0)
    guess = sigmoid(weights[0] + features @ weights[1:])
    np.testing.assert_allclose(guess, label, atol=0.01)


def test_two_features_that_are_the_same_share_the_weight():
    features, label = data(2, d=1)
    twice = fit_logistic(np.hstack([features, features]), label, 3.0)
    assert twice[1] == pytest.approx(twice[2])
    assert np.isfinite(twice).all()


def test_with_nothing_to_learn_from_nothing_is_expected():
    weights = fit_logistic(np.empty((0, 2)), np.empty(0), 3.0)
    assert sigmoid(weights[0]) < 0.001
    assert weights[1:].tolist() == [0, 0]


@given(st.lists(st.floats(0, 1), min_size=1))
def test_log_odds_are_finite_and_undone_by_the_sigmoid(confidences):
    odds = log_odds(np.array(confidences))
    assert np.isfinite(odds).all()
    np.testing.assert_allclose(sigmoid(odds), confidences, atol=1.1e-4)


def test_features_are_scaled_by_what_is_known_and_missing_ones_are_nought():
    features = np.array([[1.0, 5.0, np.nan], [3.0, 5.0, np.nan], [np.nan, 5.0, np.nan]])
    told = standardised(features, scale_of(features))
    np.testing.assert_allclose(told, [[-1, 0, 0], [1, 0, 0], [0, 0, 0]])
