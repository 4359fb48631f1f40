"""Preferences that one is drawn from, to meet in expectation what no single one meets."""

from __future__ import annotations

from automix_core.errors import ConfigurationError
from automix_core.request import Preference

__all__ = ["Branch", "drawn", "undrawn"]

Branch = tuple[float, Preference]
"""A probability, and the preference that is followed with it."""


def drawn(branches: tuple[Branch, ...], number: float) -> Preference:
    """The branch that a uniform number in [0, 1) falls on."""
    reached = 0.0
    for share, preference in branches:
        reached += share
        if number < reached:
            return preference
    return branches[-1][1]


def undrawn(preference: Preference) -> tuple[Branch, ...]:
    """The preference itself, as an uncalibrated router follows it.

    Raises:
        ConfigurationError: It asks for something that only a fit can tell how to reach.
    """
    if preference.objectives:
        msg = (
            f"Preference({preference.objectives[0]}=...) needs a calibrated router: "
            "fit it with router.fit(outcomes), or give cost_weight."
        )
        raise ConfigurationError(msg)
    return ((1.0, preference),)
