"""One whole operation of an LLM, as the caller asked for it, ready to be run on any arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate

from automix_core.request import Preference, Request
from llamaindex_automix.options import with_settings
from llamaindex_automix.shapes import ObjectShape, Shape

__all__ = ["Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of LLMs, with its arguments and what the router may know of the call.

    The twins of a method (`achat`, `stream_chat`, `astream_chat`) take the same arguments, so one
    operation serves all four.

    Attributes:
        method: Name of the sync method that does not stream.
        args: Its positional arguments.
        kwargs: Its keywords.
        request: The request, as far as the router may see it.
        shape: How results are read.
        settings: Settings of the routing LLM that an arm takes on for this operation.
        preference: The preference that the call brought along.
        force: The arm that the call asked for by name.
    """

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    request: Request
    shape: Shape
    settings: Mapping[str, Any] = field(default_factory=dict)
    preference: Preference | None = None
    force: str | None = None

    def __post_init__(self) -> None:
        """Keep what was passed, whatever the caller does to it later."""
        object.__setattr__(self, "args", tuple(_copied(value) for value in self.args))
        object.__setattr__(self, "kwargs", _copied(dict(self.kwargs)))

    @property
    def structured(self) -> bool:
        """Whether the operation gives an object, and takes no options of the router's."""
        return isinstance(self.shape, ObjectShape)

    def on(self, model: LLM) -> LLM:
        """The arm's model with the routing LLM's settings."""
        return with_settings(model, self.settings)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Fresh copies of the arguments, for arms that change what they are given."""
        return tuple(_copied(value) for value in self.args), _copied(dict(self.kwargs))


def _copied(value: Any) -> Any:
    """A copy of what arms are known to change: lists, dicts and templates."""
    if isinstance(value, BasePromptTemplate):
        return value.partial_format()
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, list) else value
