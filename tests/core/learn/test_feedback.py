"""Feedback that cannot be learned from is refused where it is given."""

import math

import numpy as np
import pytest

from automix_core import ConfigurationError, FeedbackError
from automix_core.evidence import Examples
from automix_core.learn import Feedback
from automix_core.learn.feedback import checked


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "says nothing"),
        ({"cost": 0.1}, "says nothing"),
        ({"score": math.nan}, r"in \[0, 1\], not nan"),
        ({"score": 1.5}, "not 1.5"),
        ({"score": -0.1}, "not -0.1"),
        ({"score": "good"}, "not 'good'"),
        ({"score": True}, "satisfied=True"),
        ({"satisfied": 1}, "score="),
        ({"satisfied": "yes"}, "True or False"),
        ({"score": 1, "cost": -1}, "cost must be US dollars"),
        ({"score": 1, "cost": math.nan}, "cost must be US dollars"),
        ({"score": 1, "latency": math.inf}, "latency must be seconds"),
        ({"score": 1, "output_tokens": 1.5}, "output_tokens"),
        ({"score": 1, "output_tokens": -1}, "output_tokens"),
        ({"score": 1, "arm": 3}, "Feedback.arm"),
    ],
)
def test_what_cannot_be_feedback_says_why(given, says):
    with pytest.raises(FeedbackError, match=says):
        Feedback("some id", **given)


@pytest.mark.parametrize("decision", [None, "", 7])
def test_feedback_needs_the_id_of_a_decision(decision):
    with pytest.raises(FeedbackError, match=r"decision\.id"):
        Feedback(decision, 1.0)


def test_numbers_of_any_kind_become_plain_ones():
    given = Feedback("id", np.float32(0.5), np.True_, np.int64(1), 2, np.int64(3))
    assert (given.score, given.satisfied, given.cost, given.latency) == (0.5, True, 1.0, 2.0)
    assert given.output_tokens == 3
    assert given.kinds == ("score", "satisfied")


def examples(**changed):
    given = {"quality": np.array([[0.5, np.nan]]), "confidence": np.full((1, 2), np.nan)}
    return Examples(**{**given, **changed})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"quality": np.array([[0.5]])}, "a column for each of 2 models"),
        ({"quality": np.array([[1.5, np.nan]])}, "quality of examples"),
        ({"satisfied": np.array([[-1.0, np.nan]])}, "satisfied of examples"),
        ({"features": np.array([[np.nan]])}, "NaN"),
        ({"features": np.ones((2, 1))}, "shape"),
    ],
)
def test_examples_that_do_not_fit_are_refused(changed, says):
    with pytest.raises(ConfigurationError, match=says):
        checked(examples(**changed), 2)
    assert checked(examples(), 2).quality[0, 0] == 0.5
