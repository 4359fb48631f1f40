"""The verdict: no gain without an interval that excludes 0, and never a saving that is none."""

from dataclasses import replace

from automix_core.evaluate.report.verdict import Evidence, judge
from automix_core.metrics.bootstrap import Measure

MINUS = "\N{MINUS SIGN}"
FOUND = Evidence(
    dearest="large",
    best_alone="middle",
    saved=Measure(0.41, 0.38, 0.44),
    difference=Measure(-0.012, -0.021, -0.004),
    gain=Measure(0.031, 0.011, 0.052),
    quality=0.75,
    cost=2e-5,
    mixing=0.719,
)


def test_a_gain_is_told_as_money_saved_and_quality_lost():
    verdict, reasons = judge(FOUND)
    assert verdict == (
        "Saves 41 % of the cost of always asking large, "
        f"at a quality difference of {MINUS}0.012 [{MINUS}0.021, {MINUS}0.004]."
    )
    assert "gain of +0.031 [+0.011, +0.052]" in reasons[0]
    assert "41 % [38 %, 44 %]" in reasons[1]


def test_an_interval_that_reaches_0_is_no_gain():
    verdict, reasons = judge(replace(FOUND, gain=Measure(0.031, 0.0, 0.06)))
    assert verdict == "NO SIGNIFICANT GAIN: use middle."
    assert "which includes 0" in reasons[0]
    assert reasons[1].startswith("It saves 41 % of the cost of always asking large")


def test_harm_is_called_harm():
    _, reasons = judge(replace(FOUND, gain=Measure(-0.05, -0.08, -0.01)))
    assert "routing does harm" in reasons[0]


def test_a_router_that_costs_more_saves_nothing():
    verdict, _ = judge(replace(FOUND, saved=Measure(-0.12, -0.2, -0.05)))
    assert verdict.startswith("Costs 12 % more than always asking large, at")


def test_nothing_can_be_saved_on_a_free_model():
    verdict, reasons = judge(replace(FOUND, saved=None))
    assert verdict.startswith("Always asking large costs nothing; routing comes to")
    assert not any("saved" in reason for reason in reasons)


def test_a_router_that_asks_one_model_only_says_so():
    verdict, reasons = judge(replace(FOUND, gain=Measure(0.0, 0.0, 0.0), only="large"))
    assert verdict == "NO SIGNIFICANT GAIN: use middle."
    assert reasons[0].startswith("The router sends every question to large")
