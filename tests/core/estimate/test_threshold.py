"""The uncalibrated default: an answer is kept exactly if its confidence reaches the threshold."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.evidence import Evidence

SHARES = sorted({correct / valid for valid in range(1, 33) for correct in range(valid + 1)})


def kept(confidences, threshold, weight=0.1):
    """Whether each confidence is enough, with one call to the dearest arm left."""
    n = len(confidences)
    evidence = Evidence(
        able=np.tile([False, True], (n, 1)),
        answered=np.tile([True, False], (n, 1)),
        confidence=np.column_stack([confidences, np.full(n, np.nan)]),
        cost=np.tile([0.001, 0.012], (n, 1)),
        checking=np.zeros((n, 2)),
        reference_cost=0.012,
        draw=np.zeros(n),
    )
    estimates = Threshold(threshold).estimate(evidence, Preference())
    return ~Value().decide(estimates, evidence, Preference(cost_weight=weight)).run


@given(st.sampled_from(SHARES) | st.floats(0, 1).map(lambda x: round(x, 6)))
@example(0.3)
@example(0.9)
@example(0.95)
@example(1.0)
def test_the_line_is_exactly_where_it_says(threshold):
    """To the last share of verdicts, and also where the prior would be more than certain."""
    confidences = np.array([*SHARES, threshold, threshold - 1e-6, threshold + 1e-6])
    np.testing.assert_array_equal(kept(confidences, threshold), confidences >= threshold)


@given(st.floats(0.05, 0.85), st.floats(0, 0.4))
def test_the_line_moves_with_the_cost_weight(threshold, weight):
    line = threshold + 0.1 - weight
    confidences = np.array([line - 1e-6, line + 1e-6])
    assert list(kept(confidences, threshold, weight)) == [False, True]


@given(st.floats(0, 1))
def test_an_answer_without_a_verdict_is_kept_only_where_any_answer_would_be(threshold):
    assert list(kept([np.nan], threshold)) == list(kept([0.0], threshold))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_that_cannot_be_reached_is_refused(threshold):
    with pytest.raises(ConfigurationError, match=r"Threshold\.threshold"):
        Threshold(threshold)
