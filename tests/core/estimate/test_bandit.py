"""What goes on learning: corrections by arm, novelty, drift, arms that come and go, bad events."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError, NotFittedError, Preference, Router
from automix_core.estimate import (
    Clusters,
    Forest,
    LinearBandit,
    NeighbourQuality,
    Prior,
    RidgeQuality,
)
from automix_core.evidence import Examples
from tests.core.estimate.test_before import estimated, sorts
from tests.core.examples import every_state, told
from tests.core.learn.learners import ask, over

LEARNERS = {
    "prior": LinearBandit(penalty=3),
    "ridge": LinearBandit(RidgeQuality()),
    "knn": LinearBandit(NeighbourQuality(k=20)),
    "clusters": LinearBandit(Clusters(clusters=4)),
    "forest": LinearBandit(Forest(trees=5)),
    "forgetting": LinearBandit(forgetting=0.99),
}
STEADY = {name: made for name, made in LEARNERS.items() if name != "clusters"}
"""Those whose inner estimator does not move while they learn."""
each = pytest.mark.parametrize("bandit", LEARNERS.values(), ids=LEARNERS)
HELD = sorts(60, 9)[0].features


def event(features, arm, quality, arms=3):
    """What feedback on one decision gives."""
    row = np.full((1, arms), np.nan)
    row[0, arm] = quality
    return Examples(row, np.full_like(row, np.nan), features=np.atleast_2d(features))


def novelty(bandit, features, arms=3):
    return estimated(bandit, np.atleast_2d(features), arms).novelty


@each
def test_feedback_moves_the_arm_it_is_about_and_no_other(bandit):
    fitted = bandit.fit(sorts(200, 0)[0])
    before = estimated(fitted, HELD, 3)
    after = estimated(fitted.learn(event([1, 0, 0.2], 1, 0.0)), HELD, 3)
    assert (after.quality[:, 1] != before.quality[:, 1]).any()
    for name in ("quality", "sd", "novelty"):
        was, now = getattr(before, name), getattr(after, name)
        np.testing.assert_array_equal(was[:, [0, 2]], now[:, [0, 2]], err_msg=name)


@each
def test_what_feedback_keeps_saying_is_believed_where_it_was_said(bandit):
    """The second arm turns bad at one of two sorts of request."""
    train, _ = sorts(300, 0)
    fitted = bandit.fit(train)
    held, sort = sorts(100, 1)
    before = estimated(fitted, held.features, 3).quality[:, 1]
    fresh, kind = sorts(400, 2)
    for row in np.flatnonzero(kind):
        fitted = fitted.learn(event(fresh.features[row], 1, 0.0))
    for row in np.flatnonzero(~kind):
        fitted = fitted.learn(event(fresh.features[row], 1, fresh.quality[row, 1]))
    after = estimated(fitted, held.features, 3).quality[:, 1]
    assert (before[sort] - after[sort]).mean() > 0.2
    assert abs(before[~sort] - after[~sort]).mean() < 0.1


def test_the_fit_learns_what_the_inner_estimator_misses():
    """`Prior` knows no request; a line over it tells the two sorts apart."""
    made = estimated(LinearBandit(Prior(), penalty=1).fit(sorts(600, 0)[0]), HELD, 3)
    sort = HELD[:, 0] > 0.5
    assert made.quality[sort, 0].mean() > 0.75
    assert made.quality[~sort, 0].mean() < 0.25


@pytest.mark.parametrize("inner", [NeighbourQuality(k=1, shrinkage=0), RidgeQuality(penalty=1e-6)])
def test_a_fit_learns_nothing_from_rows_that_the_inner_estimator_has_seen(inner):
    """Inner estimators that reproduce the training rows miss nothing there, and much elsewhere."""
    rng = np.random.default_rng(0)
    train = replace(told(60, 2, seed=0), features=rng.normal(size=(60, 80)))
    train.quality[:, 0] = rng.random(60) < 0.9
    inside = np.abs(inner.fit(train).estimate(every_state(train), Preference()).quality)
    assert np.abs(inside - train.quality).mean() < 0.05
    weights = LinearBandit(inner, penalty=1).fit(train).lines_[0].weights
    assert np.abs(weights).max() > 0.05


def test_rows_of_one_group_are_unseen_together():
    """A row whose twin was seen would look as if the inner estimator never missed."""
    rng = np.random.default_rng(2)
    quality = rng.integers(0, 2, (100, 1)).astype(float)
    once = Examples(quality, np.full((100, 1), np.nan), features=rng.normal(size=(100, 4)))
    twice = replace(once.take(np.tile(np.arange(100), 2)), groups=np.tile(np.arange(100), 2))
    bandit = LinearBandit(NeighbourQuality(k=1, shrinkage=0))
    (of_one,), (of_two,) = bandit.fit(once).lines_, bandit.fit(twice).lines_
    assert np.abs(of_one.target).max() > 1
    np.testing.assert_allclose(of_two.target, 2 * of_one.target, atol=1e-9)


def test_novelty_falls_as_one_over_the_times_that_an_arm_was_tried():
    """Acceptance property 2 of MixLLM."""
    bandit = LinearBandit(penalty=1.0)
    here = np.array([0.6, 0.8])
    (start,) = novelty(bandit, here, 2)
    for count in range(1, 101):
        bandit = bandit.learn(event(here, 0, 0.5, arms=2))
        one, other = novelty(bandit, here, 2)[0]
        assert one == pytest.approx(start[0] / (1 + count * start[0]))
        assert other == start[1]


@each
@pytest.mark.parametrize("places", [(0, 1), (2, 0), (0, None, 1, 2), (None, 2), (1,)])
def test_arms_come_and_go_and_the_others_are_scored_as_before_to_the_last_bit(bandit, places):
    """Acceptance property 4 of MixLLM, one request at a time and many at once."""
    fitted = bandit.fit(sorts(200, 0)[0]).learn(event([0, 1, 0.2], 1, 1.0))
    other = fitted.over(places)
    kept = [(to, place) for to, place in enumerate(places) if place is not None]
    for features in (HELD, HELD[:1], HELD[[7]]):
        before = estimated(fitted, features, 3)
        after = estimated(other, features, len(places))
        for name in ("quality", "sd", "novelty"):
            for to, place in kept:
                np.testing.assert_array_equal(
                    getattr(after, name)[:, to], getattr(before, name)[:, place], err_msg=name
                )


@each
def test_a_new_arm_is_the_least_certain_and_is_learned_from_its_first_event_on(bandit):
    fitted = bandit.fit(sorts(200, 0)[0]).over([0, None, 1, 2])
    made = estimated(fitted, HELD, 4)
    assert (made.novelty[:, [1]] > made.novelty[:, [0, 2, 3]]).all()
    assert (made.sd[:, [1]] >= made.sd[:, [0, 2, 3]]).all()
    means = fitted.inner.prior_[[0, 2, 3]]
    np.testing.assert_allclose(made.quality[:, 1], means.max())
    for row in HELD:
        fitted = fitted.learn(event(row, 1, 0.0, arms=4))
    assert (estimated(fitted, HELD, 4).quality[:, 1] < means.max() / 2).all()


def test_forgetting_follows_a_drift_and_remembering_all_lags_behind():
    rng = np.random.default_rng(0)
    told_so_far = {}
    for forgetting in (1.0, 0.98):
        bandit = LinearBandit(penalty=1.0, forgetting=forgetting)
        for step in range(1200):
            features = np.eye(2)[step % 2]
            quality = float(rng.random() < (0.9 if step < 1000 else 0.1))
            bandit = bandit.learn(event(features, 0, quality, arms=2))
        told_so_far[forgetting] = estimated(bandit, np.eye(2), 2).quality[:, 0].mean()
    assert told_so_far[0.98] < 0.3
    assert told_so_far[1.0] > 0.6


@pytest.mark.parametrize("bandit", STEADY.values(), ids=STEADY)
@pytest.mark.parametrize("arms_known", [1, 3])
def test_a_batch_is_what_its_events_are_one_by_one(bandit, arms_known):
    fitted = bandit.fit(sorts(100, 0)[0])
    batch, _ = sorts(40, 3)
    batch.quality[:, arms_known:] = np.nan
    batch.quality[::3, 0] = np.nan
    together = fitted.learn(batch)
    alone = fitted
    for row in range(len(batch)):
        alone = alone.learn(batch.take([row]))
    for name in ("quality", "sd", "novelty"):
        one, other = (getattr(estimated(x, HELD, 3), name) for x in (together, alone))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9, err_msg=name)


BAD = {
    "NaN in the features": event([np.nan, 0, 0], 1, 1.0),
    "infinite features": event([np.inf, 0, 0], 1, 1.0),
    "features of another width": event([1, 0], 1, 1.0),
    "a quality above 1": event([1, 0, 0], 1, 1.5),
    "a quality below 0": event([1, 0, 0], 1, -0.1),
    "an infinite quality": event([1, 0, 0], 1, np.inf),
    "other arms": event([1, 0, 0], 1, 1.0, arms=4),
    "features of other rows": Examples(
        np.ones((1, 3)), np.full((1, 3), np.nan), features=np.ones((2, 3))
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_event_is_refused_and_changes_nothing(bad):
    fitted = LinearBandit(forgetting=0.9).fit(sorts(50, 0)[0])
    before = estimated(fitted, HELD, 3)
    good, _ = sorts(1, 4)
    with pytest.raises(ConfigurationError):
        fitted.learn(bad)
    for name in ("quality", "sd", "novelty"):
        np.testing.assert_array_equal(
            getattr(estimated(fitted, HELD, 3), name), getattr(before, name)
        )
    assert fitted.learn(good) is not fitted


@pytest.mark.parametrize(
    "nothing",
    [
        event([1, 0, 0.2], 1, np.nan),
        replace(event([1, 0, 0.2], 1, 1.0), features=None),
    ],
    ids=["no quality", "no features"],
)
def test_an_event_that_says_nothing_teaches_nothing(nothing):
    fitted = LinearBandit().fit(sorts(50, 0)[0])
    assert fitted.learn(nothing) is fitted


def test_it_works_from_nothing():
    bandit = LinearBandit(penalty=1.0)
    made = estimated(bandit, np.eye(3), 2)
    np.testing.assert_array_equal(made.quality, 0.5)
    np.testing.assert_array_equal(made.novelty, 2.0)
    for _ in range(50):
        bandit = bandit.learn(event([1, 0, 0], 1, 1.0, arms=2))
    assert estimated(bandit, np.eye(3)[:1], 2).quality[0].tolist() == pytest.approx(
        [0.5, 1], abs=0.02
    )


def test_where_the_embedder_failed_a_request_counts_as_an_average_one():
    train, _ = sorts(300, 0)
    bandit = LinearBandit().fit(train)
    bare = replace(told(3, 3, seed=0), features=None)
    made = bandit.estimate(every_state(bare), Preference())
    np.testing.assert_allclose(made.quality, np.tile(train.quality.mean(axis=0), (3, 1)), atol=0.02)
    assert made.novelty.shape == (3, 3)


def test_one_request_is_scored_like_many():
    fitted = LinearBandit(RidgeQuality()).fit(sorts(100, 0)[0])
    together = estimated(fitted, HELD, 3)
    for row in range(5):
        alone = estimated(fitted, HELD[[row]], 3)
        for name in ("quality", "sd", "novelty"):
            np.testing.assert_allclose(
                getattr(alone, name)[0], getattr(together, name)[row], rtol=0, atol=1e-12
            )


@each
def test_of_no_requests_it_says_nothing(bandit):
    made = estimated(bandit.fit(sorts(50, 0)[0]), HELD[:0], 3)
    assert made.quality.shape == made.novelty.shape == (0, 3)


def test_memory_does_not_grow_with_events():
    bandit = LinearBandit(forgetting=0.99).fit(sorts(50, 0)[0])
    size = [line.gram.nbytes + line.inverse.nbytes for line in bandit.lines_]
    stream, _ = sorts(2000, 5)
    after = bandit.learn(stream)
    for row in range(50):
        after = after.learn(stream.take([row]))
    assert [line.gram.nbytes + line.inverse.nbytes for line in after.lines_] == size
    assert vars(after).keys() == vars(bandit).keys()


def test_one_row_per_arm_is_enough():
    quality = np.array([[1.0, np.nan], [np.nan, 0.0]])
    of = Examples(quality, np.full((2, 2), np.nan), features=np.eye(2))
    for inner in (Prior(), Clusters(), NeighbourQuality()):
        made = estimated(LinearBandit(inner).fit(of), np.eye(2), 2)
        np.testing.assert_allclose(made.quality, [[1, 0], [1, 0]])


@pytest.mark.parametrize(
    "numbers", [{"penalty": 0}, {"penalty": np.nan}, {"forgetting": 1.1}, {"forgetting": 0.1}]
)
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        LinearBandit(**numbers)


def test_over_an_estimator_without_a_fit_it_says_how_to_begin_with_nothing():
    router = over(Router.preset("mixllm"))
    with pytest.raises(NotFittedError, match=r"'clusters'.*fit\(outcomes\).*quality='prior'"):
        ask(router)
    assert ask(over(Router.preset("mixllm", quality="prior"))).status == "final"
