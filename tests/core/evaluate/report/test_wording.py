"""Numbers as a reader wants them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.evaluate.report import wording
from automix_core.metrics.bootstrap import Measure


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (4.3e-5, "$0.0430"),
        (0.000123456, "$0.123"),
        (0.0061, "$6.10"),
        (0.06, "$60.0"),
        (4.5, "$4,500"),
        (0.0, "$0.00"),
        (3e-9, "$0.00000300"),
    ],
)
def test_costs_are_for_a_thousand_requests_to_three_digits(cost, text):
    assert wording.dollars(cost) == text


def test_an_interval_has_as_many_decimals_as_its_mean():
    cost = Measure(2.61e-5, 2.471e-5, 2.7e-5)
    assert wording.dollars_with_interval(cost) == "$0.0261 [0.0247, 0.0270]"
    assert wording.seconds_with_interval(Measure(12.31, 9.4, 15.0)) == "12 [9, 15] s"


def test_what_is_not_known_is_said_to_be_unknown():
    nothing = Measure(float("nan"), float("nan"), float("nan"))
    assert wording.seconds_with_interval(None) == "unknown"
    assert wording.seconds_with_interval(nothing) == "unknown"
    assert wording.dollars_with_interval(nothing) == "unknown"
    assert wording.quality_with_interval(None) == "unknown"


def test_differences_carry_their_sign():
    text = wording.signed_with_interval(Measure(0.031, -0.004, 0.066))
    assert text == "+0.031 [\N{MINUS SIGN}0.004, +0.066]"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.004, "0.4 %"), (0.0996, "10 %"), (0.411, "41 %"), (1.0, "100 %")],
)
def test_a_small_share_is_not_shown_as_nothing(share, text):
    assert wording.percent(share) == text


def test_a_long_name_keeps_both_of_its_ends():
    name = "anthropic/claude-very-long-name-2026-11-22"
    short = wording.shortened(name, 20)
    assert len(short) == 20
    assert short.startswith("anthropic/")
    assert short.endswith("11-22")


@given(st.text(max_size=80), st.integers(3, 40))
def test_a_name_fits_on_one_line(name, length):
    short = wording.shortened(name, length)
    assert len(short) <= length
    assert "\n" not in short
