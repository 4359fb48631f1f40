"""Intervals by resampling groups: honest, paired, reproducible and quick."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import Bootstrap, Measure

ROWS = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


def over_rows(count, **more):
    return Bootstrap.over(np.arange(count), **more)


@given(value=st.floats(-1e3, 1e3), count=st.integers(2, 30))
def test_a_constant_has_an_interval_without_width(value, count):
    measure = over_rows(count, resamples=50).interval(np.full(count, value))
    assert measure.mean == pytest.approx(value, rel=1e-12, abs=1e-12)
    assert measure.high - measure.low == pytest.approx(0, abs=1e-9)


@given(rows=ROWS, seed=st.integers(0, 5))
def test_the_interval_holds_the_mean_and_lies_within_the_data(rows, seed):
    measure = over_rows(len(rows), resamples=50, seed=seed).interval(rows)
    assert measure.mean == pytest.approx(np.mean(rows), abs=1e-9)
    assert measure.low <= measure.mean <= measure.high
    assert min(rows) - 1e-9 <= measure.low
    assert measure.high <= max(rows) + 1e-9


@given(rows=ROWS, scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_the_interval_follows_the_unit_of_measurement(rows, scale, shift):
    bootstrap = over_rows(len(rows), resamples=50)
    plain = bootstrap.interval(rows)
    moved = bootstrap.interval(np.array(rows) * scale + shift)
    for end in ("mean", "low", "high"):
        expected = getattr(plain, end) * scale + shift
        assert getattr(moved, end) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_the_interval_of_a_mean_is_the_normal_one_on_many_rows():
    rows = np.random.default_rng(1).random(3000)
    measure = over_rows(3000).interval(rows)
    half = 1.96 * rows.std() / 3000**0.5
    assert measure.high - rows.mean() == pytest.approx(half, rel=0.1)
    assert rows.mean() - measure.low == pytest.approx(half, rel=0.1)


def test_an_interval_of_95_percent_holds_the_truth_about_that_often():
    generator = np.random.default_rng(7)
    held = 0
    for trial in range(300):
        truth = generator.normal(size=40)  # 40 documents of 5 questions each, alike within one
        rows = np.repeat(truth, 5) + 0.1 * generator.normal(size=200)
        groups = np.repeat(np.arange(40), 5)
        measure = Bootstrap.over(groups, resamples=400, seed=trial).interval(rows)
        held += measure.low <= 0 <= measure.high
    assert 0.88 < held / 300 < 0.98


def test_rows_of_one_group_are_not_taken_for_independent():
    rows = np.repeat(np.random.default_rng(2).random(50), 20)
    together = Bootstrap.over(np.repeat(np.arange(50), 20)).interval(rows)
    alone = over_rows(1000).interval(rows)
    assert together.mean == pytest.approx(alone.mean)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_groups_may_have_any_names():
    rows = [0.0, 1.0, 1.0, 0.0, 1.0]
    named = Bootstrap.over(["b", "a", "b", "c", "a"]).interval(rows)
    numbered = Bootstrap.over([7, -3, 7, 900, -3]).interval(rows)
    assert named == numbered


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    rows = np.random.default_rng(3).random(100)
    first, again, other = (over_rows(100, seed=seed).interval(rows) for seed in (0, 0, 1))
    assert first == again
    assert first.mean == other.mean
    assert first != other


def test_a_paired_difference_is_sharper_than_the_two_intervals_apart():
    generator = np.random.default_rng(4)
    first = generator.random(500)
    second = first + 0.02 + 0.01 * generator.normal(size=500)
    bootstrap = over_rows(500)
    paired = bootstrap.interval(second - first)
    by_columns = bootstrap.interval(
        np.column_stack([second, first]), lambda sums: (sums[:, 0] - sums[:, 1]) / sums[:, 2]
    )
    assert by_columns.low == pytest.approx(paired.low)
    assert paired.low > 0
    assert bootstrap.interval(second).low < bootstrap.interval(first).high


def test_weights_of_rows_and_sums_over_groups_are_the_same_resamples():
    generator = np.random.default_rng(5)
    groups = generator.integers(0, 400, 3000)
    rows = generator.random(3000)
    bootstrap = Bootstrap.over(groups)
    by_rows = bootstrap.interval_of_weighted(lambda weights: weights @ rows / weights.sum(axis=1))
    by_sums = bootstrap.interval(rows)
    for end in ("mean", "low", "high"):
        assert getattr(by_rows, end) == pytest.approx(getattr(by_sums, end), abs=1e-12)


def test_many_groups_are_dealt_into_blocks_without_changing_the_width():
    rows = np.random.default_rng(6).random(60_000)
    bootstrap = over_rows(60_000, resamples=1000)
    assert bootstrap.count == 10_000
    measure = bootstrap.interval(rows)
    half = 1.96 * rows.std() / 60_000**0.5
    assert measure.mean == pytest.approx(rows.mean())
    assert (measure.high - measure.low) / 2 == pytest.approx(half, rel=0.1)


def test_two_thousand_resamples_of_ten_thousand_rows_are_quick():
    rows = np.random.default_rng(8).random(10_000)
    bootstrap = over_rows(10_000)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        assert bootstrap.interval(rows) is not None
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1


def test_one_group_has_no_interval():
    assert Bootstrap.over([1, 1, 1]).interval([0.1, 0.2, 0.3]) is None
    assert Bootstrap.over([1]).interval_of_weighted(lambda weights: weights.sum(axis=1)) is None


@pytest.mark.parametrize("rows", [[0.1, np.nan], [0.1, np.inf], [0.1], [0.1, 0.2, 0.3]])
def test_rows_that_are_not_numbers_or_too_few_are_refused(rows):
    with pytest.raises(ConfigurationError, match="finite number"):
        over_rows(2).interval(rows)


@pytest.mark.parametrize(("groups", "resamples"), [([], 10), ([1, 2], 0)])
def test_nothing_to_resample_is_refused(groups, resamples):
    with pytest.raises(ConfigurationError, match="at least one"):
        Bootstrap.over(groups, resamples=resamples)


def test_a_statistic_that_is_undefined_on_the_rows_is_none():
    undefined = lambda sums: sums[:, 0] / 0
    assert over_rows(3).interval([0.0, 0.0, 0.0], undefined) is None


def test_resamples_without_a_value_widen_the_interval_and_never_vanish():
    drawn = np.linspace(0, 1, 1001)
    whole = Measure.of(np.concatenate([[0.5], drawn]))
    assert whole == Measure(0.5, pytest.approx(0.025), pytest.approx(0.975))
    few = np.where(np.arange(1001) % 100 == 50, np.nan, drawn)
    measure = Measure.of(np.concatenate([[0.5], few]))
    assert measure.low < whole.low
    assert measure.high > whole.high
    many = np.where(np.arange(1001) % 20 == 0, np.nan, drawn)
    assert Measure.of(np.concatenate([[0.5], many])) is None


def test_an_interval_always_holds_the_value_on_the_rows_themselves():
    above = np.concatenate([[0.0], np.linspace(0.5, 1, 100)])
    assert Measure.of(above).low == 0.0
    assert Measure.of(-above).high == 0.0


def test_a_measure_as_json_is_its_three_numbers():
    assert Measure(0.5, 0.25, 0.75).as_dict() == {"mean": 0.5, "low": 0.25, "high": 0.75}
