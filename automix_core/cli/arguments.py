"""Types of arguments, for argparse."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["at_least", "not_below_zero", "positive", "share"]


def at_least(least: int) -> Callable[[str], int]:
    """A whole number of at least `least`."""

    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            msg = f"must be a whole number of at least {least}, not {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return whole


def positive(text: str) -> float:
    """A finite number above 0."""
    value = _number(text)
    if not value > 0:
        msg = f"must be a number above 0, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def not_below_zero(text: str) -> float:
    """A finite number of at least 0."""
    value = _number(text)
    if not value >= 0:
        msg = f"must be a number of at least 0, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def share(text: str) -> float:
    """A number between 0 and 1, neither of them included."""
    value = _number(text)
    if not 0 < value < 1:
        msg = f"must be a number between 0 and 1, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
