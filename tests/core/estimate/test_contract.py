"""What every estimator keeps to."""

import numpy as np
import pytest
from hypothesis import given

from automix_core import Preference, Router
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.parts import parts_of_kind
from automix_core.verify import AnswerLikelihood
from tests.core.worlds import evidences, row_of

ESTIMATORS = {"threshold": Threshold(), "threshold, strict": Threshold(0.9)}

pytestmark = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
FIELDS = ("quality", "sd", "cost", "latency")


@given(evidence=evidences())
def test_many_rows_at_once_are_the_same_as_row_by_row(estimator, evidence):
    together = estimator.estimate(evidence, Preference())
    for index in range(len(evidence)):
        alone = estimator.estimate(row_of(evidence, index), Preference())
        for name in FIELDS:
            np.testing.assert_array_equal(
                getattr(together, name)[[index]], getattr(alone, name), err_msg=name
            )


@given(evidence=evidences())
def test_estimates_are_a_quality_a_cost_and_a_latency_of_every_arm(estimator, evidence):
    made = estimator.estimate(evidence, Preference())
    assert {getattr(made, name).shape for name in FIELDS} == {evidence.able.shape}
    assert ((made.quality >= 0) & (made.quality <= 1)).all()
    assert (made.sd >= 0).all()
    assert made.reference_cost == evidence.reference_cost


@given(evidence=evidences())
def test_an_answer_in_hand_costs_nothing_more_and_takes_no_time(estimator, evidence):
    made = estimator.estimate(evidence, Preference())
    assert (made.cost[evidence.answered] == 0).all()
    assert (made.latency[evidence.answered] == 0).all()
    np.testing.assert_array_equal(made.cost[~evidence.answered], evidence.cost[~evidence.answered])


@given(evidence=evidences(rows=1))
def test_the_evidence_is_left_as_it_was(estimator, evidence):
    before = row_of(evidence, 0)
    estimator.estimate(evidence, Preference())
    np.testing.assert_array_equal(evidence.confidence, before.confidence)
    np.testing.assert_array_equal(evidence.cost, before.cost)


def test_it_can_be_saved_and_loaded(estimator, tmp_path):
    Router(AnswerLikelihood(), estimator, Value()).save(tmp_path)
    assert Router.load(tmp_path).estimator == estimator


def test_every_estimator_is_under_this_contract(estimator):
    known = parts_of_kind("estimator")
    ours = {name for name, part in known.items() if part.__module__.startswith("automix")}
    assert ours == {made.name for made in ESTIMATORS.values()}
