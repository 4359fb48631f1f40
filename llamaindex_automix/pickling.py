"""Taking a routing LLM to another process, without its models and without their keys.

What travels is how the LLM was made: the function that makes its models, by reference; the router,
as the files that `Router.save` writes; plain settings. The models are made anew on arrival, from
whatever that function reads there, such as the environment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from automix_core.errors import ConfigurationError
from automix_core.router import Router

__all__ = ["packed", "unpacked"]


def packed(router: Router, make_models: Any, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a pickle holds, as the arguments of `unpacked` after the class.

    Args:
        router: The router.
        make_models: What makes the models; `None` if they were given as they are.
        settings: The constructor's other arguments.

    Raises:
        ConfigurationError: The models cannot be made anew, or the router holds live objects.
    """
    if make_models is None:
        msg = (
            "A RoutingLLM over models cannot be pickled: models hold clients and keys. Give a "
            "function of a module that makes them, RoutingLLM(models=make_models); it is called "
            "again where the pickle is opened."
        )
        raise ConfigurationError(msg)
    if "live" in router.as_dict():
        msg = (
            "This RoutingLLM cannot be pickled: its router holds live objects, such as a check or "
            "a judge. Make it anew where it is needed."
        )
        raise ConfigurationError(msg)
    with tempfile.TemporaryDirectory() as folder:
        router.save(folder)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return make_models, files, dict(settings)


def unpacked(
    cls: Callable[..., Any],
    make_models: Callable[[], Any],
    files: Mapping[str, bytes],
    settings: Mapping[str, Any],
) -> Any:
    """The LLM behind what `packed` gave."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        router = Router.load(folder)
    return cls(models=make_models, router=router, **settings)
