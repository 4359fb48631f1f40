"""What the router tells LlamaIndex's instrumentation: each verdict, and each decision.

The events go out when a decision is complete, verdicts first. They carry the span and the tags of
the call they belong to, even where a stream ends on another thread, and no prompt and no answer.
"""

from __future__ import annotations

from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base.event import BaseEvent
from llama_index_instrumentation.dispatcher import active_instrument_tags
from llama_index_instrumentation.span import active_span_id

from automix_core.decision import Decision, DecisionCallback, Verdict

__all__ = ["RoutingDecisionEvent", "VerificationEvent", "announcing"]

_dispatcher = get_dispatcher(__name__)


class VerificationEvent(BaseEvent):
    """What the verifier said of one arm's answer."""

    decision_id: str
    verdict: Verdict

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex reports this class."""
        return "VerificationEvent"


class RoutingDecisionEvent(BaseEvent):
    """What the router did with one request, and why."""

    decision: Decision

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex reports this class."""
        return "RoutingDecisionEvent"


def announcing(on_decision: DecisionCallback | None) -> DecisionCallback:
    """A listener that tells the instrumentation of a decision, in the span of this line.

    Args:
        on_decision: Whom to tell next.
    """
    span, tags = active_span_id.get(), active_instrument_tags.get()

    def announce(decision: Decision) -> None:
        for verdict in decision.verdicts:
            _dispatcher.event(
                VerificationEvent(
                    decision_id=decision.id, verdict=verdict, span_id=span, tags={**tags}
                )
            )
        _dispatcher.event(RoutingDecisionEvent(decision=decision, span_id=span, tags={**tags}))
        if on_decision is not None:
            on_decision(decision)

    return announce
