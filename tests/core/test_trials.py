"""Trials: what each start leads to on rows that were held out."""

import numpy as np
import pytest

from automix_core import Preference
from automix_core.decide import Value
from automix_core.estimate import Bayes, FittedThreshold, Isotonic, Threshold
from automix_core.evidence import Run
from automix_core.replay import replay
from automix_core.trials import CAUTION, Trial, try_out
from tests.core.examples import outcomes, recorded, told

COST, CHECK = [1.0, 4.0, 10.0], [0.5, 2.0, 0.0]
WEIGHTS = (0.0, 0.1, 0.5)


def tried(estimator=None, of=None, groups=None, weights=WEIGHTS):
    of = told(100, 3, 0) if of is None else of
    n = len(of)
    groups = np.arange(n) if groups is None else groups
    held = groups % 4
    splits = [(np.flatnonzero(held != k), np.flatnonzero(held == k)) for k in range(4)]
    at = recorded(of, COST, CHECK)
    return try_out(at, estimator or Bayes(), Value(), weights, splits, groups), at, splits


def test_each_row_is_judged_by_what_was_learned_without_it():
    trial, at, splits = tried(FittedThreshold())
    trained, held = splits[1]
    alone = FittedThreshold().fit(at.examples.take(trained))
    for place, weight in enumerate(WEIGHTS):
        for arm in range(2):
            seen = replay(at.take(held), alone, Value(), Preference(weight), first=Run(arm))
            np.testing.assert_array_equal(trial.quality[place, arm, held], seen.quality)
            np.testing.assert_array_equal(trial.cost[place, arm, held], seen.cost)


def test_held_out_rows_are_not_learned_from():
    learned = []

    class Notes(Threshold):
        name = ""

        def fit(self, examples):
            learned.append(examples.quality)
            return self

    _, at, splits = tried(Notes())
    assert len(learned) == len(splits)
    for quality, (trained, _) in zip(learned, splits, strict=True):
        np.testing.assert_array_equal(quality, at.examples.quality[trained])


def test_the_dearest_arm_is_never_tried_with_a_check():
    trial, *_ = tried()
    assert np.isnan(trial.value[:, -1]).all()
    assert np.isfinite(trial.value[:, :-1]).all()


def test_values_are_quality_less_weighted_cost():
    trial, at, _ = tried()
    for place, weight in enumerate(WEIGHTS):
        price = weight * np.array(COST) / 10
        np.testing.assert_allclose(trial.alone_value[place], at.examples.quality.mean(0) - price)
        value = trial.quality[place, 0] - weight * trial.cost[place, 0] / 10
        assert trial.value[place, 0] == pytest.approx(value.mean())
        best = trial.alone_value[place].max()
        assert trial.gain[place, 0] == pytest.approx(value.mean() - best)


def test_the_doubt_is_a_part_of_the_standard_error_of_the_gain_row_by_row():
    trial, *_ = tried()
    for place, weight in enumerate(WEIGHTS):
        best = int(np.argmax(trial.alone_value[place]))
        alone = trial.alone_quality[best] - weight * trial.alone_cost[best] / 10
        gained = trial.quality[place, 0] - weight * trial.cost[place, 0] / 10 - alone
        error = gained.std(ddof=1) / np.sqrt(len(gained))
        assert trial.doubt[place, 0] == pytest.approx(CAUTION * error)
    assert np.isinf(trial.doubt[:, -1]).all()


def test_rows_of_one_group_count_as_one():
    once = told(60, 3, 1)
    copies = once.take(np.repeat(np.arange(60), 4))
    groups = np.repeat(np.arange(60), 4)
    estimator = Threshold(0.6)

    class Fixed(type(estimator)):
        name = ""

        def fit(self, examples):
            return self

    single, *_ = tried(Fixed(0.6), once)
    together, *_ = tried(Fixed(0.6), copies, groups)
    apart, *_ = tried(Fixed(0.6), copies, np.arange(240))
    np.testing.assert_allclose(together.doubt[:, 0], single.doubt[:, 0])
    np.testing.assert_allclose(apart.doubt[:, 0], single.doubt[:, 0] / 2, rtol=0.02)


def world(gain, n=100, weights=(0.1,)):
    """A trial in which starting with the small arm gains so much in each row."""
    gain = np.broadcast_to(np.asarray(gain, dtype=float), (n,))
    quality = np.full((len(weights), 2, n), np.nan)
    quality[:, 0] = 0.5 + gain
    cost = np.where(np.isnan(quality), np.nan, 0.0)
    alone = np.tile([[0.5], [0.4]], (1, n))
    return Trial(np.array(weights), quality, cost, alone, np.zeros((2, n)), 1.0, np.arange(n))


def test_verifying_is_chosen_only_where_it_surely_pays():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=100)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # the standard error is 0.1
    line = 0.1 * CAUTION
    for gain, verified in ((1.1 * line, True), (0.9 * line, False), (0.0, False), (-0.2, False)):
        start, checks, quality, _ = world(gain + noise).followed(0)
        assert (start, checks) == (0, verified)
        assert quality.mean() == pytest.approx(0.5 + gain * verified)


def test_no_gain_at_all_is_not_a_gain():
    assert world(0.0).followed(0)[1] is False


def test_a_candidate_is_better_only_by_more_than_the_standard_error():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=100)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    usual = world(0.2)
    assert world(0.2 + 0.11 + noise).beats(usual)
    assert not world(0.2 + 0.09 + noise).beats(usual)
    assert not usual.beats(usual)


def test_rows_that_lack_arms_are_left_out_of_what_they_cannot_tell():
    of = told(200, 3, 2)
    lost = np.random.default_rng(0).random(of.quality.shape) < 0.3
    lost[np.arange(200), np.arange(200) % 3] = False
    of.quality[lost] = of.confidence[lost] = np.nan
    trial, *_ = tried(Isotonic(), of)
    np.testing.assert_array_equal(np.isnan(trial.quality[0, 0]), lost[:, 0])
    assert np.isfinite(trial.gain[:, :-1]).all()
    assert np.isfinite(trial.doubt[:, :-1]).all()
    for place in range(len(WEIGHTS)):
        start, _, quality, _ = trial.followed(place)
        assert np.isfinite(trial.alone_value[place]).all()
        assert np.isfinite(quality[~lost[:, start]]).all()


def test_a_start_and_an_arm_alone_are_compared_on_the_same_rows():
    """The large arm was asked hard questions only. It is better, and must not look worse."""
    hard = np.arange(200) % 2 == 0
    of = told(200, 2, 4)
    of.quality[:, 0] = ~hard
    of.quality[:, 1] = np.where(hard, 0.6, np.nan)
    of.confidence[:] = 0.5
    n = np.arange(200)
    splits = [(np.flatnonzero(n % 3 != k), np.flatnonzero(n % 3 == k)) for k in range(3)]
    at = recorded(of, [1.0, 10.0], [0.5, 0.0])
    trial = try_out(at, FittedThreshold(), Value(), (0.0,), splits, n)
    assert trial.alone_value[0].tolist() == pytest.approx([0.5, 0.6])
    assert trial.gain[0, 0] == pytest.approx(0)  # it escalates all of them, for nothing is told


def test_arms_that_no_row_holds_together_cannot_be_compared():
    of = told(40, 2, 5)
    of.quality[:20, 0] = of.quality[20:, 1] = np.nan
    n = np.arange(40)
    splits = [(np.flatnonzero(n % 2 != k), np.flatnonzero(n % 2 == k)) for k in range(2)]
    trial = try_out(
        recorded(of, [1, 10], [0, 0]), FittedThreshold(), Value(), (0.0, 0.3), splits, n
    )
    assert np.isnan(trial.gain).all()
    assert not trial.beats(trial)
    assert trial.followed(0)[1] is False
    assert np.isfinite(trial.worth).any()


def test_splits_of_a_table_hold_groups_together():
    of = told(60, 2, 3)
    table = outcomes(of.quality, [1, 10], of.confidence, groups=np.arange(60) // 5)
    for trained, held in table.folds(5, 0):
        assert not set(table.groups[trained]) & set(table.groups[held])
