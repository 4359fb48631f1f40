"""The methods of the literature, each a few lines that put parts together.

A preset is a function that returns a `Recipe`. Adding a method means adding one function here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from automix_core.decide import Value
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.estimate import Threshold
from automix_core.parts import Estimator, Policy, Verifier, find_part
from automix_core.verify import SelfVerification

__all__ = ["Recipe", "names", "recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of a router."""

    verifier: Verifier
    estimator: Estimator
    policy: Policy


def cascade(verifier: Verifier | str = "auto", threshold: float = 0.5) -> Recipe:
    """Ask the cheapest arm, check its answer, and go on while the confidence is too low.

    Args:
        verifier: A verifier or its name; `auto` takes the best signal that is free.
        threshold: Confidence that an answer must reach; it needs no calibration data.
    """
    return Recipe(_verifier(verifier), Threshold(threshold), Value())


def automix(samples: int = 8, meta_verifier: str = "threshold", threshold: float = 0.5) -> Recipe:
    """AutoMix (arXiv 2310.12963): few-shot self-verification and a meta-verifier.

    Args:
        samples: k, the self-verdicts drawn for each answer.
        meta_verifier: Name of the estimator that judges how far to trust the verdicts.
        threshold: The meta-verifier's threshold on the share of positive verdicts.
    """
    part: Any = find_part("estimator", meta_verifier)
    return Recipe(SelfVerification(samples), part(threshold=threshold), Value())


_PRESETS: dict[str, Callable[..., Recipe]] = {"automix": automix, "cascade": cascade}


def names() -> list[str]:
    """The names of all presets."""
    return sorted(_PRESETS)


def recipe(name: str, **parameters: Any) -> Recipe:
    """The parts of a preset.

    Raises:
        UnknownNameError: No such preset, or no such parameter; the message lists them.
    """
    if name not in _PRESETS:
        what = "preset"
        raise UnknownNameError(what, name, _PRESETS)
    preset = _PRESETS[name]
    known = inspect.signature(preset).parameters
    for given in parameters:
        if given not in known:
            what = f"parameter of the preset {name!r}:"
            raise UnknownNameError(what, given, known)
    return preset(**parameters)


def _verifier(given: Verifier | str) -> Verifier:
    if isinstance(given, Verifier):
        return given
    part: Any = find_part("verifier", given)
    try:
        made: Verifier = part()
    except TypeError as error:
        msg = f"{given!r} needs an argument. Give verifier={part.__name__}(...)."
        raise ConfigurationError(msg) from error
    return made
