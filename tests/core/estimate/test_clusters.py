"""The table of clusters, and the clusters themselves."""

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.estimate import Clusters
from automix_core.estimate.clusters import k_means
from tests.core.estimate.test_before import estimated, sorts


def test_clusters_that_lie_apart_are_found():
    rng = np.random.default_rng(0)
    true = np.eye(5)[:4]
    points = np.repeat(true, 50, axis=0) + rng.normal(0, 0.02, (200, 5))
    found = k_means(points, 4, seed=0)
    near = np.linalg.norm(found[:, None] - true, axis=2)
    assert sorted(near.argmin(axis=1).tolist()) == [0, 1, 2, 3]
    assert near.min(axis=1).max() < 0.02


def test_points_that_are_all_the_same_are_no_trouble():
    assert np.isfinite(k_means(np.ones((10, 2)), 3, seed=0)).all()


def test_a_cluster_is_worth_its_shrunken_mean():
    train, sort = sorts(300, 0)
    held, held_sort = sorts(40, 1)
    made = estimated(Clusters(clusters=2, nearest=1, shrinkage=10).fit(train), held.features, 3)
    for kind in (True, False):
        rows = train.quality[sort == kind, 0]
        expected = (rows.sum() + 10 * train.quality[:, 0].mean()) / (len(rows) + 10)
        np.testing.assert_allclose(made.quality[held_sort == kind, 0], expected, atol=1e-12)


def test_a_request_between_clusters_is_judged_by_both():
    train, _ = sorts(300, 0)
    between = np.array([[1.0, 1.0, 0.4]])
    one, two = (
        estimated(Clusters(clusters=2, nearest=n).fit(train), between, 3).quality[0, 0]
        for n in (1, 2)
    )
    assert abs(two - 0.5) < 0.15 < abs(one - 0.5)


def test_the_same_seed_gives_the_same_clusters():
    train, _ = sorts(100, 0)
    one, other = (Clusters(clusters=5).fit(train).centres_ for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("wrong", [{"clusters": 0}, {"nearest": 0}, {"shrinkage": -1}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Clusters(**wrong)
