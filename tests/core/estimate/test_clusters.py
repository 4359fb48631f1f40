"""The table of clusters, and the clusters themselves."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.estimate import Clusters
from automix_core.estimate.clusters import k_means
from automix_core.evidence import Examples
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


def test_what_is_learned_later_is_what_a_fit_would_have_learned():
    whole, _ = sorts(200, 0)
    first = Clusters(clusters=4, shrinkage=3).fit(whole.take(slice(0, 120)))
    later = whole.take(slice(120, 200))
    at_once = first.learn(later)
    one_by_one = first
    for row in range(80):
        one_by_one = one_by_one.learn(later.take([row]))
    for name in ("table_", "doubt_", "tally_", "prior_", "spread_"):
        made, other = getattr(at_once, name), getattr(one_by_one, name)
        np.testing.assert_allclose(made, other, rtol=1e-9, atol=1e-9, err_msg=name)
    home = Clusters(clusters=4, shrinkage=3).fit(whole)  # other centres, the same overall means
    np.testing.assert_allclose(at_once.prior_, home.prior_, atol=0.01)
    total = at_once.tally_[1].sum(axis=0)
    np.testing.assert_allclose(total, np.nansum(whole.quality, axis=0))


def test_a_new_arm_is_told_apart_by_cluster_after_some_examples():
    train, sort = sorts(300, 0)
    fitted = Clusters(clusters=2, nearest=1).fit(train)
    told = fitted.over([0, 1, 2, None])
    before = estimated(told, train.features[:1], 4).quality
    quality = np.full((40, 4), np.nan)
    quality[:, 3] = sort[:40]  # the new arm is right on one sort of request alone
    told = told.learn(Examples(quality, np.full((40, 4), np.nan), features=train.features[:40]))
    made = estimated(told, train.features, 4).quality
    assert made[sort, 3].min() > 0.8
    assert made[~sort, 3].max() < 0.4
    np.testing.assert_array_equal(made[:1, :3], before[:, :3])
    np.testing.assert_array_equal(before[0, 3], fitted.prior_.max())


def test_a_new_arm_that_fails_in_one_cluster_stays_promising_in_another():
    train, sort = sorts(300, 0)
    told = Clusters(clusters=2, nearest=1).fit(train).over([0, 1, 2, None])
    hope = told.prior_[3]
    failed = np.full((8, 4), np.nan)
    failed[:, 3] = 0.0
    features = train.features[sort][:8]
    told = told.learn(Examples(failed, np.full((8, 4), np.nan), features=features))
    made = estimated(told, train.features, 4).quality[:, 3]
    assert made[sort].max() < 0.5 * hope
    assert made[~sort].min() > 0.5 * hope


def test_a_bad_example_teaches_nothing():
    train, _ = sorts(50, 0)
    fitted = Clusters(clusters=2).fit(train)
    table = fitted.table_.copy()
    wrong = train.take([0])
    for bad in (
        replace(wrong, features=wrong.features * np.nan),
        replace(wrong, quality=wrong.quality + 2),
    ):
        with pytest.raises(ConfigurationError):
            fitted.learn(bad)
    np.testing.assert_array_equal(fitted.table_, table)
