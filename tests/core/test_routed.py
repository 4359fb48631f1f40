"""Trials of routers that start where each request says."""

import numpy as np

from automix_core import Preference
from automix_core.decide import Value
from automix_core.estimate import FittedThreshold, Joint, RidgeQuality
from automix_core.replay import replay
from automix_core.routed import follow_out
from automix_core.trials import Trial, try_out
from tests.core.examples import recorded, told

WEIGHTS = (0.0, 0.1, 0.5)


def followed():
    of = told(120, 3, 0)
    place = np.arange(120) % 3
    splits = [(np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(3)]
    at = recorded(of, [1.0, 4.0, 10.0], [0.5, 2.0, 0.0])
    learned = [Joint(RidgeQuality()).fit(of.take(rows)) for rows, _ in splits]
    return follow_out(at, learned, Value(), WEIGHTS, splits, np.arange(120)), at, learned, splits


def test_each_row_is_followed_from_its_first_step_by_what_was_learned_without_it():
    trial, at, learned, splits = followed()
    for (_, held), estimator in zip(splits, learned, strict=True):
        for place, weight in enumerate(WEIGHTS):
            seen = replay(at.take(held), estimator, Value(), Preference(weight))
            np.testing.assert_array_equal(trial.quality[place, held], seen.quality)
            np.testing.assert_array_equal(trial.cost[place, held], seen.cost)


def test_its_worth_is_quality_less_weighted_cost_and_it_may_verify():
    trial, *_ = followed()
    value = trial.quality - np.array(WEIGHTS)[:, None] * trial.cost / 10
    np.testing.assert_allclose(trial.worth, value.mean(axis=0))
    start, verifies, quality, _ = trial.followed(1)
    assert (start, verifies) == (None, True)
    np.testing.assert_array_equal(quality, trial.quality[1])


def test_a_start_has_no_say_in_what_it_is_found_to_be_worth():
    """On noise the best of many starts looks good; chosen on other rows it looks as it is."""
    looks, is_worth = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        quality = rng.random((1, 6, 60))
        quality[:, -1] = np.nan
        alone = np.tile(rng.random((1, 60)), (6, 1))
        place = np.arange(60) % 5
        splits = [(np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(5)]
        free = np.zeros_like(quality), np.zeros_like(alone)
        trial = Trial(np.zeros(1), quality, free[0], alone, free[1], 1.0, np.arange(60))
        looks.append(trial.worth.mean())
        is_worth.append(trial.fair_worth(splits).mean())
    assert np.mean(looks) > 0.53
    assert abs(np.mean(is_worth) - 0.5) < 0.025


def test_of_one_sure_start_both_say_the_same():
    of = told(90, 2, 0)
    place = np.arange(90) % 3
    splits = [(np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(3)]
    at = recorded(of, [1.0, 10.0], [0.0, 0.0])
    trial = try_out(at, FittedThreshold(), Value(), (0.5,), splits, np.arange(90))
    np.testing.assert_array_equal(trial.fair_worth(splits), trial.worth)
