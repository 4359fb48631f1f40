"""Routing between chat models, as one LangChain chat model.

`RoutingChatModel(models=[small, large])` stands wherever a chat model stands. `RoutingMiddleware`
does the same inside `create_agent`; it is imported on first use, for it needs `langchain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automix_core import (
    AllArmsFailed,
    Arm,
    AutomixError,
    Capabilities,
    ConfigurationError,
    Decision,
    Preference,
    Price,
    Router,
    collect_decisions,
    grounding,
    preferring,
)
from langchain_automix.billing import routing_decision
from langchain_automix.chat_model import RoutingChatModel
from langchain_automix.retrieved import RetrievedDocuments

if TYPE_CHECKING:
    from langchain_automix.middleware import RoutingMiddleware

__all__ = [
    "AllArmsFailed",
    "Arm",
    "AutomixError",
    "Capabilities",
    "ConfigurationError",
    "Decision",
    "Preference",
    "Price",
    "RetrievedDocuments",
    "Router",
    "RoutingChatModel",
    "RoutingMiddleware",
    "collect_decisions",
    "grounding",
    "preferring",
    "routing_decision",
]


def __getattr__(name: str) -> Any:
    """Import what needs the package `langchain` when it is first asked for."""
    if name != "RoutingMiddleware":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        from langchain_automix.middleware import RoutingMiddleware
    except ModuleNotFoundError as error:
        msg = "RoutingMiddleware needs: pip install 'automix-routing[langchain-agents]'."
        raise ModuleNotFoundError(msg, name=error.name) from error
    return RoutingMiddleware
