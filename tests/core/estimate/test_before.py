"""What all estimators share that judge arms by the request alone."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError, Preference
from automix_core.estimate import Clusters, Forest, NeighbourQuality, Prior, RidgeQuality
from automix_core.evidence import Examples
from tests.core.examples import every_state, told

LEARNERS = {
    "ridge": RidgeQuality(penalty=1.0),
    "nearest": NeighbourQuality(k=20),
    "clusters": Clusters(clusters=8),
    "forest": Forest(trees=10),
}

each = pytest.mark.parametrize("estimator", LEARNERS.values(), ids=LEARNERS)


def sorts(rows, seed, arms=3):
    """Two sorts of request, told by their direction; the first arm is good at one of them."""
    rng = np.random.default_rng(seed)
    sort = rng.random(rows) < 0.5
    features = np.where(sort[:, None], [1.0, 0.0, 0.2], [0.0, 1.0, 0.2])
    features += rng.normal(0, 0.1, features.shape)
    chance = np.where(sort[:, None], [0.9, 0.5, 0.6], [0.1, 0.5, 0.6])[:, :arms]
    quality = (rng.random((rows, arms)) < chance).astype(float)
    return Examples(quality, np.full_like(quality, np.nan), {}, features), sort


def estimated(estimator, features, arms):
    of = Examples(
        np.zeros((len(features), arms)), np.full((len(features), arms), np.nan), {}, features
    )
    return estimator.estimate(every_state(of), Preference())


@each
def test_an_arm_is_expected_to_do_well_where_it_did_well(estimator):
    train, _ = sorts(600, 0)
    held, sort = sorts(200, 1)
    made = estimated(estimator.fit(train), held.features, 3)
    assert made.quality[sort, 0].mean() > 0.75
    assert made.quality[~sort, 0].mean() < 0.25
    np.testing.assert_allclose(made.quality[:, 1:].mean(axis=0), [0.5, 0.6], atol=0.08)


@each
def test_on_noise_nothing_is_far_from_the_mean(estimator):
    rng = np.random.default_rng(0)
    train = replace(told(600, 3, seed=0), features=rng.normal(size=(600, 3)))
    made = estimated(estimator.fit(train), rng.normal(size=(300, 3)), 3)
    assert np.abs(made.quality - train.quality.mean(axis=0)).mean() < 0.12


@each
@pytest.mark.parametrize("others", [(0, 1), (1, 2), (2, 0), (1,)])
def test_adding_or_removing_an_arm_leaves_the_others_as_they_were(estimator, others):
    """To the last bit, also where rows lack an arm, and whatever the memory's layout."""
    train, _ = sorts(200, 0)
    train.quality[::3, 1] = np.nan
    held, _ = sorts(100, 1)
    fewer = replace(
        train,
        quality=np.asfortranarray(train.quality[:, others]),
        confidence=train.confidence[:, others],
    )
    whole = estimated(estimator.fit(train), held.features, 3)
    part = estimated(estimator.fit(fewer), held.features, len(others))
    np.testing.assert_array_equal(part.quality, whole.quality[:, others])
    np.testing.assert_array_equal(part.sd, whole.sd[:, others])


with_prior = pytest.mark.parametrize(
    "estimator", [*LEARNERS.values(), Prior()], ids=[*LEARNERS, "prior"]
)


@with_prior
@pytest.mark.parametrize("places", [(0, 1), (2, 0), (1,), (0, None, 1, 2), (None, 2, None)])
def test_a_fitted_estimator_goes_over_to_other_arms(estimator, places):
    """Those that stay are estimated as before, to the last bit, whether few or many are asked."""
    train, _ = sorts(200, 0)
    train.quality[::3, 1] = np.nan
    held, _ = sorts(100, 1)
    fitted = estimator.fit(train)
    kept = [(to, place) for to, place in enumerate(places) if place is not None]
    for rows in (slice(None), slice(3, 4)):
        before = estimated(fitted, held.features[rows], 3)
        after = estimated(fitted.over(places), held.features[rows], len(places))
        for name in ("quality", "sd"):
            for to, place in kept:
                one, other = getattr(after, name)[:, to], getattr(before, name)[:, place]
                np.testing.assert_array_equal(one, other, err_msg=name)


@with_prior
def test_a_new_arm_counts_as_the_best_on_average_with_every_doubt(estimator):
    train, _ = sorts(200, 0)
    held, _ = sorts(50, 1)
    fitted = estimator.fit(train).over([0, None, 1, 2])
    made = estimated(fitted, held.features, 4)
    np.testing.assert_allclose(made.quality[:, 1], np.nanmean(train.quality, axis=0).max())
    assert (made.sd[:, 1] == 0.5).all()
    assert (made.sd <= 0.5).all()
    gone = estimated(fitted.over([0, 2, 3]), held.features, 3)
    np.testing.assert_array_equal(gone.quality, made.quality[:, [0, 2, 3]])
    still = estimated(fitted.over([1, 0]), held.features, 2)
    np.testing.assert_array_equal(still.quality, made.quality[:, [1, 0]])


@with_prior
def test_another_fit_knows_the_new_arm(estimator):
    train, _ = sorts(200, 0)
    fitted = estimator.fit(train).over([0, None, 1])
    one, other = (estimated(x.fit(train), train.features, 3) for x in (fitted, estimator))
    np.testing.assert_array_equal(one.quality, other.quality)


@with_prior
def test_with_no_arm_left_from_before_nothing_is_known(estimator):
    fitted = estimator.fit(sorts(200, 0)[0]).over([None, None])
    made = estimated(fitted, np.ones((3, 3)), 2)
    assert len(np.unique(made.quality)) == 1
    assert (made.sd == 0.5).all()


@with_prior
def test_before_a_fit_there_is_nothing_to_go_over(estimator):
    assert estimator.over([0, None]) is estimator


@each
def test_the_standard_deviation_is_larger_where_less_was_seen(estimator):
    few, many = (
        estimated(estimator.fit(sorts(rows, 0)[0]), sorts(100, 1)[0].features, 3)
        for rows in (30, 3000)
    )
    if not isinstance(estimator, Forest | NeighbourQuality):  # theirs is of k examples or of trees
        assert many.sd.mean() < few.sd.mean() / 2
    assert (few.sd >= 0).all()
    assert (many.sd < 0.5).all()


@each
@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_labels_that_never_change_are_learned_as_they_are(estimator, constant):
    train, _ = sorts(40, 0)
    train.quality[:] = constant
    made = estimated(estimator.fit(train), train.features, 3)
    np.testing.assert_allclose(made.quality, constant, atol=1e-12)


@each
def test_one_example_is_enough(estimator):
    train, _ = sorts(1, 0)
    made = estimated(estimator.fit(train), sorts(5, 1)[0].features, 3)
    np.testing.assert_allclose(made.quality, np.tile(train.quality, (5, 1)), atol=1e-9)


@each
def test_without_an_embedder_it_says_what_is_missing(estimator):
    with pytest.raises(ConfigurationError, match=r"features.*embedder="):
        estimator.fit(replace(told(40, 2, seed=0), features=None))


@each
def test_features_of_another_width_are_refused(estimator):
    fitted = estimator.fit(sorts(40, 0)[0])
    with pytest.raises(ConfigurationError, match=r"3 features.*gives 5"):
        estimated(fitted, np.ones((2, 5)), 3)


@each
def test_where_the_embedder_failed_arms_are_worth_their_mean(estimator):
    train, _ = sorts(100, 0)
    of = replace(told(8, 3, seed=0), features=None)
    made = estimator.fit(train).estimate(every_state(of), Preference())
    np.testing.assert_allclose(made.quality, np.tile(train.quality.mean(axis=0), (8, 1)))


def test_the_prior_is_the_mean_of_each_arm():
    train = told(100, 3, seed=0, missing=0.1)
    train.quality[:50, 2] = np.nan
    made = Prior().fit(train).estimate(every_state(told(4, 3, seed=1)), Preference())
    np.testing.assert_allclose(made.quality[0], np.nanmean(train.quality, axis=0))
