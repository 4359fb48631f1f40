"""How much a confidence says: ranking, calibration, and what is undefined."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import (
    Measure,
    auc,
    auc_interval,
    brier,
    calibration_error,
    reliability,
    signal_quality,
)

TABLE = Path(__file__).parents[2] / "data" / "xquad_local_models_numeric.jsonl"
COARSE = st.integers(0, 8).map(lambda k: k / 8)
ROWS = st.lists(st.tuples(COARSE, COARSE), min_size=2, max_size=20)


def columns(rows):
    return (np.array(column) for column in zip(*rows, strict=True))


def pairs(confidence, right):
    """The share of pairs in order, counted one by one."""
    won = [
        (good > bad) + (good == bad) / 2
        for good, is_good in zip(confidence, right, strict=True)
        for bad, is_also in zip(confidence, right, strict=True)
        if is_good and not is_also
    ]
    return np.mean(won)


@given(rows=ROWS)
def test_auc_is_the_share_of_pairs_in_order(rows):
    confidence, quality = columns(rows)
    right = quality >= 0.5
    assume(0 < right.sum() < len(right))
    assert auc(confidence, quality) == pytest.approx(pairs(confidence, right))


@given(rows=ROWS)
def test_auc_only_knows_the_order_of_confidences(rows):
    confidence, quality = columns(rows)
    plain = auc(confidence, quality)
    assert auc(confidence**3 * 7 - 2, quality) == plain
    assert auc(np.exp(confidence), quality) == plain
    if plain is not None:
        assert auc(-confidence, quality) == pytest.approx(1 - plain)


@given(rows=ROWS, line=COARSE)
def test_auc_is_none_where_all_answers_are_alike(rows, line):
    confidence, quality = columns(rows)
    alike = (quality >= line).all() or (quality < line).all()
    assert (auc(confidence, quality, at_least=line) is None) == alike


def test_fractional_quality_is_right_from_a_half_on_unless_told_otherwise():
    confidence, quality = [0.1, 0.2, 0.3], [0.0, 0.6, 0.4]
    assert auc(confidence, quality) == 0.5
    assert auc(confidence, quality, at_least=0.3) == 1.0
    assert auc(confidence, quality, at_least=0.9) is None


def test_missing_confidences_and_qualities_are_left_out():
    assert auc([0.1, np.nan, 0.3, 0.9], [0, 1, 1, np.nan]) == 1.0
    assert brier([0.5, np.nan], [1, 1]) == 0.25
    assert reliability([np.nan], [1.0]) is None
    for metric in (auc, brier, calibration_error, reliability):
        assert metric([], []) is None
        assert metric([np.nan], [0.5]) is None


def test_the_interval_of_the_auc_resamples_groups():
    generator = np.random.default_rng(0)
    quality = generator.integers(0, 2, 60).astype(float)
    confidence = quality + generator.normal(size=60)
    alone = auc_interval(confidence, quality, np.arange(60))
    copies = auc_interval(
        np.repeat(confidence, 5), np.repeat(quality, 5), np.repeat(np.arange(60), 5)
    )
    assert alone.mean == pytest.approx(auc(confidence, quality))
    assert alone.low < alone.mean < alone.high
    assert copies == Measure(*(pytest.approx(x) for x in (alone.mean, alone.low, alone.high)))
    falsely_sure = auc_interval(np.repeat(confidence, 5), np.repeat(quality, 5), np.arange(300))
    assert falsely_sure.high - falsely_sure.low < 0.6 * (alone.high - alone.low)


def test_the_interval_of_the_auc_has_the_known_width():
    generator = np.random.default_rng(1)
    quality = np.repeat([0.0, 1.0], 500)
    confidence = generator.normal(size=1000) + quality
    measure = auc_interval(confidence, quality, np.arange(1000))
    area = measure.mean  # Hanley and McNeil (1982), equation 1
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + 499 * (q1 - area**2 + q2 - area**2)) / 500**2
    assert (measure.high - measure.low) / 2 == pytest.approx(1.96 * variance**0.5, rel=0.12)


def test_an_auc_without_both_classes_has_no_interval():
    assert auc_interval([0.1, 0.2], [1, 1], [0, 1]) is None
    assert auc_interval([np.nan], [1], [0]) is None
    assert auc_interval([0.1, 0.2], [0, 1], [0, 0]) is None


@given(rows=ROWS)
def test_brier_is_the_mean_squared_gap(rows):
    confidence, quality = columns(rows)
    score = brier(confidence, quality)
    assert score == pytest.approx(np.mean((confidence - quality) ** 2))
    assert brier(quality, quality) == 0


@given(rows=ROWS, bins=st.integers(1, 12), equal_mass=st.booleans())
def test_the_reliability_curve_loses_no_answer(rows, bins, equal_mass):
    confidence, quality = columns(rows)
    curve = reliability(confidence, quality, bins=bins, equal_mass=equal_mass)
    assert curve.count.sum() == len(rows)
    assert 1 <= len(curve.count) <= bins
    assert curve.count.min() >= 1
    assert (np.diff(curve.confidence) > 0).all()
    assert (curve.confidence * curve.count).sum() == pytest.approx(confidence.sum())
    assert (curve.quality * curve.count).sum() == pytest.approx(quality.sum())
    error = calibration_error(confidence, quality, bins=bins, equal_mass=equal_mass)
    assert error == curve.error
    assert abs(confidence.mean() - quality.mean()) - 1e-9 <= error <= 1


def test_bins_of_equal_mass_hold_as_many_answers_and_bins_of_equal_width_do_not():
    confidence = np.linspace(0, 1, 1000) ** 4
    quality = confidence
    mass = reliability(confidence, quality)
    width = reliability(confidence, quality, equal_mass=False)
    assert set(mass.count) == {100}
    assert width.count.max() > 3 * width.count.min()
    assert len(mass.count) == len(width.count) == 10
    assert mass.error == pytest.approx(0, abs=1e-12)


def test_an_overconfident_signal_is_off_by_its_overconfidence():
    confidence = np.full(10, 0.9)
    quality = np.array([1.0] * 6 + [0.0] * 4)
    assert calibration_error(confidence, quality) == pytest.approx(0.3)
    assert calibration_error(confidence, quality, equal_mass=False) == pytest.approx(0.3)


@pytest.mark.parametrize("metric", [brier, calibration_error, reliability])
def test_what_is_no_probability_has_no_calibration(metric):
    with pytest.raises(ConfigurationError, match=r"\[0, 1\]"):
        metric([-1.5], [0.5])


def test_columns_that_do_not_fit_together_are_refused():
    with pytest.raises(ConfigurationError, match="One confidence"):
        auc([0.1, 0.2], [1.0])
    with pytest.raises(ConfigurationError, match="at least one bin"):
        reliability([0.5], [0.5], bins=0)


def test_the_measure_of_a_signal_says_everything_at_once():
    confidence = [0.9, 0.8, np.nan, 0.3, 0.1]
    quality = [1.0, 1.0, 1.0, 1.0, 0.0]
    found = signal_quality(confidence, quality, np.arange(5))
    assert (found.rows, found.missing) == (4, 1)
    assert found.brier.mean == pytest.approx(brier(confidence, quality))
    assert found.ece.mean == pytest.approx(calibration_error(confidence, quality))
    assert found.auc is None  # in many resamples the one wrong answer is missing
    assert auc(confidence, quality) == 1.0


def test_a_signal_that_is_no_probability_is_only_ranked():
    found = signal_quality([-3.0, -2.0, -1.0, -0.5] * 10, [0, 0, 1, 1] * 10, np.arange(40))
    assert found.auc.mean == 1.0
    assert (found.brier, found.ece) == (None, None)


def test_a_signal_that_no_answer_has_says_nothing():
    found = signal_quality([np.nan, np.nan], [1.0, 0.0], [0, 1])
    assert (found.rows, found.missing, found.auc, found.brier, found.ece) == (
        0,
        2,
        None,
        None,
        None,
    )


def test_on_real_answers_the_likelihood_ranks_and_the_sampled_verdicts_do_not():
    text = TABLE.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    small = [row["arms"]["smollm2-135m"] for row in rows]
    groups = [row["group"] for row in rows]
    quality = [arm["quality"] for arm in small]
    likelihood = [arm["signals"].get("answer_logprob_sum", np.nan) for arm in small]
    verdicts = [arm.get("confidence", np.nan) for arm in small]
    ranked = auc_interval(np.array(likelihood, float), quality, groups)
    tossed = auc_interval(np.array(verdicts, float), quality, groups)
    assert ranked.low > 0.6
    assert tossed.low < 0.5 < tossed.high
