"""Checks of numbers that users give, made once where they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import ConfigurationError

__all__ = ["at_least", "finite_vectors", "is_number", "not_negative"]


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; text and truth values are none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def not_negative(value: Any, what: str, unit: str) -> None:
    """Check that a value is a finite number of at least 0.

    Args:
        value: The value.
        what: Its name, for the message.
        unit: What it counts, for the message.

    Raises:
        ConfigurationError: It is not.
    """
    if not (is_number(value) and value >= 0):
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


def finite_vectors(given: Any, count: int, who: str) -> NDArray[np.float64]:
    """One vector for each of n texts, as an array.

    Args:
        given: Anything that becomes such an array.
        count: n.
        who: Where it came from, for the message.

    Returns:
        (n, width), every number finite.

    Raises:
        ConfigurationError: It is something else.
    """
    try:
        vectors = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        msg = f"{who} must give numbers, as many for each of {count} texts: {error}"
        raise ConfigurationError(msg) from error
    if vectors.ndim != 2 or len(vectors) != count:
        msg = f"{who} must give a vector for each of {count} texts; it gave shape {vectors.shape}."
        raise ConfigurationError(msg)
    if not np.isfinite(vectors).all():
        broken = int((~np.isfinite(vectors).all(axis=1)).sum())
        msg = f"{who} gave NaN or infinite numbers for {broken} of {count} texts."
        raise ConfigurationError(msg)
    return vectors
