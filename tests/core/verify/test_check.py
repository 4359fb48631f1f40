"""The user's own check: any callable, and nothing that it does can break the routing."""

import asyncio
import time
from decimal import Decimal

import numpy as np
import pytest

from automix_core import Arm, ConfigurationError, Request
from automix_core.verify import Check, Checked
from tests.core.conftest import verify

ARM = Arm(None, name="small")
REQUEST = Request("What is the capital?", "Berlin is the capital.")


def checked(play, function, timeout=None):
    signal, asks = verify(play, Check(function, timeout), REQUEST, "Berlin", ARM, None)
    assert asks == []
    return signal


def test_the_check_is_given_question_context_answer_and_arm(play):
    seen = []
    checked(play, seen.append)
    assert seen == [Checked(REQUEST.question, REQUEST.context, "Berlin", "small")]


@pytest.mark.parametrize(
    ("value", "confidence"),
    [
        (True, 1.0),
        (False, 0.0),
        (0.25, 0.25),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1.0),
        (Decimal("0.5"), 0.5),
    ],
)
def test_a_yes_a_no_or_a_confidence_is_taken(play, value, confidence):
    signal = checked(play, lambda case: value)
    assert (signal.confidence, signal.values) == (confidence, {"check": confidence})


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (None, "no verdict"),
        ("yes", "str"),
        ("1", "str"),
        (b"1", "bytes"),
        ([1], "list"),
        (1.5, "outside 0 to 1"),
        (-0.1, "outside 0 to 1"),
        (float("nan"), "float"),
        (10**400, "int"),
        (1j, "complex"),
    ],
)
def test_anything_else_is_no_verdict(play, value, note):
    signal = checked(play, lambda case: value)
    assert signal.confidence is None
    assert note in signal.note


def test_a_check_that_raises_is_no_verdict_and_says_of_what_kind(play):
    signal = checked(play, lambda case: {}["sk-secret"])
    assert signal.confidence is None
    assert "KeyError" in signal.note
    assert "sk-secret" not in signal.note


def test_a_coroutine_function_will_do(play):
    async def check(case):
        await asyncio.sleep(0)
        return case.answer == "Berlin"

    assert checked(play, check).confidence == 1.0


@pytest.mark.parametrize("wait", [asyncio.sleep, time.sleep])
def test_a_check_that_takes_too_long_is_no_verdict(play, wait):
    signal = checked(play, lambda case: wait(0.3), timeout=0.02)
    assert signal.confidence is None
    assert "timed out" in signal.note


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ConfigurationError, match="callable"):
        Check("a regular expression")


def test_it_costs_nothing():
    assert Check(len).relative_cost(ARM) == 0
