"""`RoutingLLM`: a drop-in LlamaIndex LLM that answers with the cheapest model that is good enough.

Settings.llm = RoutingLLM(models={"small": small, "large": large})
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
from llamaindex_automix.bypass import bypass
from llamaindex_automix.evaluator import VerifierEvaluator
from llamaindex_automix.events import RoutingDecisionEvent, VerificationEvent
from llamaindex_automix.query_engine import RoutingQueryEngine
from llamaindex_automix.routing import RoutingLLM
from llamaindex_automix.shapes import routing_decision

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
    "RoutingDecisionEvent",
    "RoutingLLM",
    "RoutingQueryEngine",
    "VerificationEvent",
    "VerifierEvaluator",
    "bypass",
    "collect_decisions",
    "grounding",
    "preferring",
    "routing_decision",
]
