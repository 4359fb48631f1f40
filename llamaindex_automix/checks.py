"""What is refused or warned of when a routing LLM is made."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms import LLM

from automix_core.arms import Arm
from automix_core.errors import ConfigurationError, UnknownNameError

__all__ = ["refuse", "warn"]

_PARAMETERS = (
    "context_window",
    "models",
    "num_output",
    "on_decision",
    "preference",
    "prices",
    "router",
    "utility_arm",
)


def refuse(models: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse what pydantic would ignore or misread."""
    if not isinstance(models, Mapping | Sequence) or isinstance(models, str):
        msg = (
            "models must be a list of two or more LlamaIndex LLMs, or a mapping that names them, "
            f"not {type(models).__name__}."
        )
        raise ConfigurationError(msg)
    known = LLM.model_fields
    for name in kwargs:
        if name not in known:
            what = "parameter of RoutingLLM:"
            raise UnknownNameError(what, name, [*_PARAMETERS, *known])


def warn(arms: Sequence[Arm], context_window: int | None) -> None:
    """Say what of the arms' own settings will have no effect."""
    for arm in arms:
        ignored = [
            name
            for name in ("system_prompt", "output_parser", "query_wrapper_prompt")
            if getattr(arm.model, name) is not None
        ]
        if ignored:
            warnings.warn(
                f"The {' and '.join(ignored)} of the model {arm.name!r} will not be used: "
                "LlamaIndex applies them outside of chat and complete. Set them on the RoutingLLM.",
                UserWarning,
                stacklevel=4,
            )
    unknown = [arm.name for arm in arms if arm.can.context_window is None]
    if unknown and len(unknown) < len(arms) and not context_window:
        warnings.warn(
            f"The context window of {', '.join(unknown)} is unknown (left at LlamaIndex's default "
            f"of {DEFAULT_CONTEXT_WINDOW}) and is ignored. Set it, or context_window here.",
            UserWarning,
            stacklevel=4,
        )
