"""Routing between chat models, as one LangChain chat model.

`RoutingChatModel(models=[small, large])` stands wherever a chat model stands.
"""

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

__all__ = [
    "AllArmsFailed",
    "Arm",
    "AutomixError",
    "Capabilities",
    "ConfigurationError",
    "Decision",
    "Preference",
    "Price",
    "Router",
    "RoutingChatModel",
    "collect_decisions",
    "grounding",
    "preferring",
    "routing_decision",
]
