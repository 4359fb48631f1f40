"""Ridge regression, its uncertainty, and what it refuses."""

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.estimate import RidgeQuality
from tests.core.estimate.test_before import estimated, sorts


def test_the_weights_minimise_the_penalised_squares():
    train, _ = sorts(80, 0)
    fitted = RidgeQuality(penalty=3.0).fit(train)
    for arm in range(3):
        design = np.hstack([np.ones((80, 1)), train.features - train.features.mean(axis=0)])
        missed = train.quality[:, arm] - fitted.prior_[arm] - design @ fitted.weights_[arm]
        np.testing.assert_allclose(design.T @ missed, 3.0 * fitted.weights_[arm], atol=1e-9)


def test_the_same_example_n_times_makes_the_variance_fall_as_one_over_n():
    """MixLLM's acceptance property: e' inv(A) e of one arm, the others unchanged."""
    train, _ = sorts(60, 0)
    doubts = []
    for times in (100, 1000, 10_000):
        rows = np.concatenate([np.arange(60), np.zeros(times, dtype=int)])
        quality = train.take(rows).quality.copy()
        quality[60:, 1:] = np.nan  # only the first arm was asked
        fitted = RidgeQuality(penalty=1.0).fit(
            type(train)(quality, np.full_like(quality, np.nan), {}, train.features[rows])
        )
        design = np.concatenate([[1.0], train.features[0] - fitted.centre_[0]])
        doubts.append(design @ fitted.inverse_[0] @ design)
        other = RidgeQuality(penalty=1.0).fit(train)
        np.testing.assert_allclose(fitted.inverse_[1], other.inverse_[1], rtol=1e-9)
    assert 6 < doubts[0] / doubts[1] < 11
    assert 8 < doubts[1] / doubts[2] < 11


def test_the_standard_deviation_covers_the_truth():
    """Over many fits the estimate misses the true mean by about one standard deviation."""
    errors = []
    for seed in range(40):
        train, _ = sorts(400, seed)
        held, sort = sorts(50, 1000 + seed)
        made = estimated(RidgeQuality(penalty=0.1).fit(train), held.features, 3)
        truth = np.where(sort[:, None], [0.9, 0.5, 0.6], [0.1, 0.5, 0.6])
        errors.append(((made.quality - truth) / made.sd)[:, 1:])  # flat, so no misfit of the line
    assert 0.7 < np.std(errors) < 1.3


@pytest.mark.parametrize("penalty", [0.0, -1.0, np.nan, np.inf])
def test_a_penalty_must_be_above_zero(penalty):
    with pytest.raises(ConfigurationError, match="penalty"):
        RidgeQuality(penalty=penalty)
