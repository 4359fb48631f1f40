"""Forests are grown by scikit-learn and kept without it."""

import sys

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.estimate import Forest
from automix_core.estimate.forest import Trees
from tests.core.estimate.test_before import estimated, sorts

ensemble = pytest.importorskip("sklearn.ensemble", reason="scikit-learn is not installed")


def test_the_trees_say_what_those_of_scikit_learn_say():
    rng = np.random.default_rng(0)
    features, new = rng.normal(size=(500, 6)), rng.normal(size=(700, 6))
    quality = (features[:, 0] + rng.normal(0, 0.5, 500) > 0).astype(float)
    grown = ensemble.RandomForestRegressor(12, random_state=0).fit(features, quality)
    said = Trees.of([tree.tree_ for tree in grown.estimators_]).predict(new)
    expected = np.stack([tree.predict(new) for tree in grown.estimators_], axis=1)
    np.testing.assert_array_equal(said, expected)
    np.testing.assert_array_equal(  # and on the very values at which trees part
        Trees.of([tree.tree_ for tree in grown.estimators_]).predict(features),
        np.stack([tree.predict(features) for tree in grown.estimators_], axis=1),
    )


def test_a_fitted_forest_needs_no_scikit_learn(monkeypatch):
    fitted = Forest(trees=3).fit(sorts(100, 0)[0])
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    assert np.isfinite(estimated(fitted, sorts(10, 1)[0].features, 3).quality).all()


def test_growing_without_scikit_learn_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ConfigurationError, match=r"automix-routing\[learn\]"):
        Forest().fit(sorts(20, 0)[0])


@pytest.mark.parametrize("wrong", [{"trees": 0}, {"leaf": 0}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Forest(**wrong)
