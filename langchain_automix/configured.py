"""What a `RunnableConfig` says to the router: `preference` and `force` under `configurable`.

It holds for a call that is given the config, and for every call inside a chain or a graph that
was given it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config

from automix_core.errors import ConfigurationError
from automix_core.request import Preference

__all__ = ["as_preference", "configured"]


def configured(config: RunnableConfig | None, keywords: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a call, and what its config or the surrounding one adds to them."""
    own = config.get("configurable") if config else None
    around = var_child_runnable_config.get()
    found = own or (around.get("configurable") if around else None)
    if not found:
        return keywords
    added = {key: found[key] for key in ("preference", "force") if found.get(key) is not None}
    return {**added, **keywords}


def as_preference(given: Any) -> Preference | None:
    """A preference as a caller may write it: itself, or its fields as a mapping (JSON).

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(given, Preference) or given is None:
        return given
    if isinstance(given, Mapping):
        return Preference(**given)
    msg = f"preference must be a Preference or a mapping of its fields, not {given!r}."
    raise ConfigurationError(msg)
