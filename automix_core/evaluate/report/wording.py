"""Numbers as a reader wants them: few digits, units, and the interval beside the mean.

Costs are shown for 1,000 requests, because a single one costs too little to be pictured.
"""

from __future__ import annotations

import math

from automix_core.metrics.bootstrap import Measure

__all__ = [
    "dollars",
    "dollars_with_interval",
    "percent",
    "percent_with_interval",
    "quality",
    "quality_with_interval",
    "seconds_with_interval",
    "shortened",
    "signed_with_interval",
]

MINUS = "\N{MINUS SIGN}"


def quality(value: float) -> str:
    """A quality with three decimals, such as 0.716."""
    return f"{value:.3f}".replace("-", MINUS)


def quality_with_interval(measure: Measure | None) -> str:
    """Such as 0.716 [0.682, 0.750]."""
    return _with_interval(measure, 3)


def signed_with_interval(measure: Measure) -> str:
    """A difference with its sign, such as +0.031 [+0.011, +0.066]."""
    mean, low, high = (
        f"{value:+.3f}".replace("-", MINUS) for value in (measure.mean, measure.low, measure.high)
    )
    return f"{mean} [{low}, {high}]"


def dollars(cost: float) -> str:
    """What 1,000 requests cost, from the US dollars of one, to three digits."""
    return f"${_fixed(1000 * cost, _decimals(1000 * cost))}"


def dollars_with_interval(cost: Measure | None) -> str:
    """What 1,000 requests cost, with the interval, from the US dollars of one."""
    if cost is None or math.isnan(cost.mean):
        return "unknown"
    thousand = Measure(1000 * cost.mean, 1000 * cost.low, 1000 * cost.high)
    return f"${_with_interval(thousand, _decimals(thousand.mean))}"


def seconds_with_interval(latency: Measure | None) -> str:
    """Such as 2.1 [1.9, 2.3] s."""
    if latency is None or math.isnan(latency.mean):
        return "unknown"
    return f"{_with_interval(latency, max(_decimals(latency.mean) - 1, 0))} s"


def percent(share: float) -> str:
    """A share of 1 as a percentage; whole from 10 % up, so that 0.4 % is not shown as nothing."""
    text = f"{100 * share:.0f}" if abs(share) >= 0.0995 or share == 0 else f"{100 * share:.1f}"
    return f"{text.replace('-', MINUS)} %"


def percent_with_interval(share: Measure) -> str:
    """Such as 41 % [38 %, 44 %]."""
    return f"{percent(share.mean)} [{percent(share.low)}, {percent(share.high)}]"


def shortened(name: str, length: int = 26) -> str:
    """A name cut in the middle to fit a picture; both of its ends tell models apart."""
    line = " ".join("".join(c for c in name if c.isprintable() or c.isspace()).split())
    if len(line) <= length:
        return line
    half = (length - 1) // 2
    return f"{line[: length - 1 - half]}…{line[-half:]}"


def _with_interval(measure: Measure | None, decimals: int) -> str:
    if measure is None or math.isnan(measure.mean):
        return "unknown"
    mean, low, high = (
        _fixed(value, decimals) for value in (measure.mean, measure.low, measure.high)
    )
    return f"{mean} [{low}, {high}]"


def _fixed(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def _decimals(value: float) -> int:
    """How many decimals show three digits of a value."""
    if value == 0 or not math.isfinite(value):
        return 2
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 12)
