"""The framework-free core of automix-routing: a router is one loop over interchangeable parts.

`Router.preset("cascade")` or `Router.preset("automix")` makes one. The adapters
`langchain_automix` and `llamaindex_automix` give it models.
"""

from typing import TYPE_CHECKING, Any

from automix_core._version import __version__
from automix_core.arms import Arm, Arms
from automix_core.capabilities import Capabilities
from automix_core.contexts import Grounding, collect_decisions, grounding, preferring
from automix_core.decision import AlwaysLargest, Decision, Step, Verdict
from automix_core.errors import (
    AllArmsFailed,
    AutomixError,
    ConfigurationError,
    FeedbackError,
    NotFittedError,
    OutcomesError,
    SavedRouterError,
    StoreError,
    StreamInterrupted,
    UnexpectedModelError,
    UnknownNameError,
)
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.prices import ListPrice, Price
from automix_core.request import Needs, Preference, Request
from automix_core.router import Outcome, Router

if TYPE_CHECKING:
    from automix_core.learn import Store
    from automix_core.outcomes import Outcomes

__all__ = [
    "AllArmsFailed",
    "AlwaysLargest",
    "Arm",
    "Arms",
    "AutomixError",
    "Capabilities",
    "ConfigurationError",
    "Decision",
    "Embedder",
    "Estimator",
    "FeedbackError",
    "Grounding",
    "ListPrice",
    "Needs",
    "NotFittedError",
    "Outcome",
    "Outcomes",
    "OutcomesError",
    "Policy",
    "Preference",
    "Price",
    "Request",
    "Router",
    "SavedRouterError",
    "Step",
    "Store",
    "StoreError",
    "StreamInterrupted",
    "UnexpectedModelError",
    "UnknownNameError",
    "Verdict",
    "Verifier",
    "__version__",
    "collect_decisions",
    "grounding",
    "preferring",
]


def __getattr__(name: str) -> Any:
    """What most requests do not need is imported when it is first asked for."""
    if name == "Outcomes":
        from automix_core.outcomes import Outcomes

        return Outcomes
    if name == "Store":
        from automix_core.learn import Store

        return Store
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
