"""What a router does in LlamaIndex beside answering: it learns, and its models come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automix_core.decision import Decision
from automix_core.errors import FeedbackError
from automix_core.refusals import Refusals
from automix_core.router import Router
from llamaindex_automix.shapes import ROUTING

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Learns"]


class Learns:
    """The part of a routing LLM or query engine that changes."""

    _router: Router
    _refusals: Refusals

    @property
    def router(self) -> Router:
        """The router, bound to its models, with everything that it has learned since.

        `llm.router.save(path)` keeps that; the router that was passed to the constructor is left
        as it was.
        """
        return self._router

    @property
    def bound_router(self) -> Router:
        """The same, under the name that it has in both frameworks."""
        return self._router

    def give_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """Say what became known of an answer, and learn from it; for any thread, at any time.

        A score and a thumb are each learned from once for each answer; what comes again is passed
        over.

        Args:
            decision: The decision, its id, or the response that it came with.
            score: How good the answer was, in [0, 1].
            known: As in `Router.give_feedback`: `satisfied`, `cost`, `latency`, `output_tokens`
                and `arm`.

        Returns:
            Whether anything of it was new.

        Raises:
            FeedbackError: An unknown decision or model, or a value that cannot be one.
            ConfigurationError: The router neither learns nor has a store.
            StoreError: The store cannot be used.
        """
        return self._router.give_feedback(_id(decision), score, **known)

    async def agive_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """The same off the event loop, which a store or a large estimator could hold up."""
        return await asyncio.to_thread(self.give_feedback, decision, score, **known)

    def add_arm(
        self, name: str, model: Any, price: Any = None, outcomes: Outcomes | None = None
    ) -> None:
        """Let one more model answer, from the next call on.

        Args:
            name: What decisions are to call it.
            model: What the constructor takes for each model, or an `Arm` of it.
            price: As in `prices=`.
            outcomes: Its answers to known questions, for a router that goes on learning.

        Raises:
            ConfigurationError: As in `Router.add_arm`. Nothing has changed then.
        """
        self._router.add_arm(name, model, price, outcomes)
        self._rearranged()

    def remove_arm(self, name: str) -> None:
        """Let a model go, from the next call on; calls under way may still ask it.

        Raises:
            ConfigurationError: As in `Router.remove_arm`. Nothing has changed then.
        """
        self._router.remove_arm(name)
        self._refusals.forget(name)
        self._rearranged()

    def _rearranged(self) -> None:
        """Note that there are other arms now."""


def _id(given: Any) -> Any:
    """The id of a decision that was given in any of the ways in which a caller has it."""
    if isinstance(given, Decision):
        return given.id
    if given is None or isinstance(given, str):
        return given
    for holder in (getattr(given, "additional_kwargs", None), getattr(given, "metadata", None)):
        routing = holder.get(ROUTING) if isinstance(holder, Mapping) else None
        if isinstance(routing, Mapping):
            return routing["id"]
    msg = f"{type(given).__name__} carries no decision: give decision.id, or a routed response."
    raise FeedbackError(msg)
