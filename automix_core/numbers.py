"""Checks of numbers that users give, made once where they are given."""

from __future__ import annotations

import math
from typing import Any

from automix_core.errors import ConfigurationError

__all__ = ["at_least", "not_negative"]


def not_negative(value: Any, what: str, unit: str) -> None:
    """Check that a value is a finite number of at least 0.

    Args:
        value: The value.
        what: Its name, for the message.
        unit: What it counts, for the message.

    Raises:
        ConfigurationError: It is not.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and value >= 0):
        msg = f"{what} must be {unit}, not {value!r}."
        raise ConfigurationError(msg)


def at_least(least: int, value: Any, what: str) -> None:
    """Check that a value is a whole number of at least `least`.

    Raises:
        ConfigurationError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        msg = f"{what} must be a whole number of at least {least}, not {value!r}."
        raise ConfigurationError(msg)
