"""What all parts have in common, and the registry in which they are found by kind and name.

A name in a preset or a saved file leads to a class this way. Subclassing `Part` registers it.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Self

from automix_core.errors import UnknownNameError
from automix_core.numbers import at_least

__all__ = ["Part", "at_least_one", "find_part", "parts_of_kind"]

_REGISTRY: dict[tuple[str, str], type[Part]] = {}

_ROOMS = {
    "verifier": "automix_core.verify",
    "estimator": "automix_core.estimate",
    "policy": "automix_core.decide",
    "embedder": "automix_core.embed",
    "trees": "automix_core.estimate.forest",
    "amounts": "automix_core.estimate.amounts",
    "paces": "automix_core.estimate.paces",
    "line": "automix_core.estimate.line",
    "calibration": "automix_core.calibration",
    "report": "automix_core.fit_report",
    "tradeoff": "automix_core.tradeoff",
    "workload": "automix_core.workload",
}
"""Where this package keeps its own parts. They are imported when a name is first looked up."""


class Part:
    """Something a router is put together from. Subclasses with a `name` are found by it."""

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the class under its kind and name, if it has a name of its own."""
        super().__init_subclass__(**kwargs)
        if cls.__dict__.get("name"):
            _REGISTRY[cls.kind, cls.name] = cls

    def having(self, **learned: Any) -> Self:
        """A copy that has learned something: `dataclasses.replace` in a third of its time.

        Nothing is checked, so it is for what was learned and not for parameters.
        """
        part: Any = type(self)
        made: Self = object.__new__(part)
        known = vars(self)
        vars(made).update({name: known[name] for name in _field_names(part)}, **learned)
        return made


@cache
def _field_names(part: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(part))


def at_least_one(part: Part, *names: str) -> None:
    """Check that these parameters are whole numbers of at least 1.

    Raises:
        ConfigurationError: One is not.
    """
    for name in names:
        at_least(1, getattr(part, name), f"{type(part).__name__}.{name}")


def parts_of_kind(kind: str) -> dict[str, type[Part]]:
    """Every registered part of a kind, by name."""
    import_module(_ROOMS[kind])
    return {name: part for (k, name), part in _REGISTRY.items() if k == kind}


def find_part(kind: str, name: str) -> type[Part]:
    """The part registered under a name.

    Raises:
        UnknownNameError: There is none; the message lists those that exist.
    """
    known = parts_of_kind(kind)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]
