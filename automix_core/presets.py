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

__all__ = ["Recipe", "names", "parse", "recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of a router."""

    verifier: Verifier
    estimator: Estimator
    policy: Policy


def cascade(
    verifier: Verifier | str = "auto", threshold: float = 0.5, meta_verifier: str = "threshold"
) -> Recipe:
    """Ask the cheapest arm, check its answer, and go on while the confidence is too low.

    Args:
        verifier: A verifier or its name; `auto` takes the best signal that is free, and a fit
            narrows it down to the signals that prove informative.
        threshold: Confidence that an answer must reach, until the router is fitted.
        meta_verifier: As for `automix`.
    """
    return Recipe(_verifier(verifier), _meta_verifier(meta_verifier, threshold), Value())


def calibrated(verifier: Verifier | str = "auto", meta_verifier: str = "auto") -> Recipe:
    """Whatever does best on your own examples: signals and meta-verifier are chosen by a fit.

    Args:
        verifier: Where the signals come from; `auto` stands for every one that needs no set-up.
        meta_verifier: As for `automix`.
    """
    return Recipe(_verifier(verifier), _meta_verifier(meta_verifier, 0.5), Value())


def automix(samples: int = 8, meta_verifier: str = "threshold", threshold: float = 0.5) -> Recipe:
    """AutoMix (arXiv 2310.12963): few-shot self-verification and a meta-verifier.

    Args:
        samples: k, the self-verdicts drawn for each answer.
        meta_verifier: How far to trust the verdicts. `threshold` works as it is; the others
            learn from examples: `double_threshold`, `triple_threshold`, `pomdp`, `knn`,
            `isotonic`, `bayes`, or `auto` for the one that does best on held-out examples.
        threshold: Share of positive verdicts to accept, until the router is fitted.
    """
    return Recipe(SelfVerification(samples), _meta_verifier(meta_verifier, threshold), Value())


_PRESETS: dict[str, Callable[..., Recipe]] = {
    "automix": automix,
    "calibrated": calibrated,
    "cascade": cascade,
}


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


def parse(spec: str) -> tuple[str, dict[str, Any]]:
    """Read a preset and its parameters from text such as "automix:meta_verifier=pomdp".

    Args:
        spec: The preset's name, and after a colon its parameters, separated by commas. Values
            are numbers where they can be, else text.

    Raises:
        ConfigurationError: Something after the colon is no `name=value`.
    """
    name, _, rest = spec.partition(":")
    parameters: dict[str, Any] = {}
    for given in filter(None, rest.split(",")):
        key, equals, value = given.partition("=")
        if not equals:
            msg = f"{given!r} in {spec!r} is no parameter. Write name=value, separated by commas."
            raise ConfigurationError(msg)
        parameters[key.strip()] = _number_or_text(value.strip())
    return name.strip(), parameters


def _number_or_text(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _meta_verifier(given: str, threshold: float) -> Estimator:
    if given == Threshold.name:
        return Threshold(threshold)
    part: Any = find_part("estimator", given)
    made: Estimator = part()
    return made


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
