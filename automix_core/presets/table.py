"""All presets by name: the table, and what reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.presets.baselines import always, oracle, random
from automix_core.presets.beforehand import carrot, clusters, forest, joint, knn, ridge
from automix_core.presets.learning import metallm, mixllm, pickllm
from automix_core.presets.recipe_parts import Recipe, make_verifier
from automix_core.presets.verified import automix, calibrated, cascade, frugalgpt

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["names", "parse", "recipe", "suited"]


_PRESETS: dict[str, Callable[..., Recipe]] = {
    "always": always,
    "automix": automix,
    "calibrated": calibrated,
    "carrot": carrot,
    "cascade": cascade,
    "clusters": clusters,
    "forest": forest,
    "frugalgpt": frugalgpt,
    "joint": joint,
    "knn": knn,
    "metallm": metallm,
    "mixllm": mixllm,
    "oracle": oracle,
    "pickllm": pickllm,
    "random": random,
    "ridge": ridge,
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


def suited(outcomes: Outcomes) -> str:
    """The preset that makes the most of a table: `joint` where it holds texts and signals.

    Without texts that is `calibrated`, without signals `clusters`.
    """
    from automix_core.embed import has_texts  # a router that embeds nothing needs none of it

    signals = any(leaf.name in outcomes.signals for leaf in make_verifier("auto").leaves())
    if has_texts(outcomes):
        return "joint" if signals else "clusters"
    return "calibrated"


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
