"""Several signals become one confidence, for meta-verifiers that read one."""

from dataclasses import dataclass, replace

import numpy as np

from automix_core.estimate import Fused, Isotonic
from automix_core.evidence import Examples
from automix_core.parts import Estimator
from tests.core.estimate.test_bayes import brier, estimated, world

KEPT = []


@dataclass(frozen=True, eq=False)
class Keeps(Estimator):
    """Keeps the examples it was given."""

    def fit(self, examples):
        KEPT.append(examples)
        return self

    def estimate(self, evidence, preference):
        raise AssertionError(preference)


def test_what_reads_the_confidence_learns_from_values_predicted_for_rows_left_out():
    """The half that a row is in has no say in its confidence."""
    of = world(80, 2, 1, telling=2)
    Fused(Keeps()).fit(of)
    even = np.arange(80) % 2 == 0
    for half in (even, ~even):
        changed = replace(of, quality=np.where(half[:, None], 1 - of.quality, of.quality))
        Fused(Keeps()).fit(changed)
        (before, after) = KEPT[0].confidence, KEPT[-1].confidence
        np.testing.assert_array_equal(before[half], after[half])
        assert (before[~half] != after[~half]).all()
    KEPT.clear()


def test_the_confidence_is_nan_exactly_where_all_signals_are_missing():
    of = world(300, 2, 2, telling=2, missing=0.5)
    silent = np.isnan(of.signals["telling0"]) & np.isnan(of.signals["telling1"])
    assert silent.any()
    combined = Fused().fit(of).confidence(of)
    np.testing.assert_array_equal(np.isnan(combined), silent)
    known = combined[~silent]
    assert ((known > 0) & (known < 1)).all()


def test_two_signals_together_tell_more_than_one_alone():
    of, fresh = world(1500, 2, 3, telling=2), world(1500, 2, 4, telling=2)
    alone = Isotonic().fit(of)
    together = Fused(Isotonic()).fit(of)
    losses = [
        brier(estimated(fitted, fresh, (0,))[:, 0], fresh.quality[:, 0])
        for fitted in (alone, together)
    ]
    assert losses[1] < losses[0] - 0.01


def test_an_arm_that_no_example_holds_leaves_everything_finite():
    of = world(60, 3, 5, telling=2)
    quality = of.quality.copy()
    quality[:, 1] = np.nan
    fitted = Fused().fit(Examples(quality, of.confidence, of.signals))
    assert np.isfinite(fitted.weights_).all()
    assert np.isfinite(estimated(fitted, of, (0, 1))).all()


def test_an_arm_that_only_one_half_holds_does_not_spoil_the_rest():
    of = world(60, 2, 6, telling=2)
    quality = of.quality.copy()
    quality[::2, 1] = np.nan
    fitted = Fused().fit(Examples(quality, of.confidence, of.signals))
    assert np.isfinite(estimated(fitted, of, (0,))).all()
    assert np.isfinite(estimated(fitted, of, (0, 1))).all()
