"""What a routing chat model does beside answering: it learns, and its models come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage
from pydantic import PrivateAttr

from automix_core.decision import Decision
from automix_core.errors import FeedbackError
from automix_core.refusals import Refusals
from automix_core.router import Router
from langchain_automix.describe import built
from langchain_automix.messages import ROUTING
from langchain_automix.surrounding import SurroundedChatModel

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["LearningChatModel"]


class LearningChatModel(SurroundedChatModel):
    """The part of a routing chat model that changes. `RoutingChatModel` adds the answering."""

    _refusals: Refusals = PrivateAttr(default_factory=Refusals)
    _profiled: bool = PrivateAttr(default=True)  # the profile is made from those of the models

    @property
    def bound_router(self) -> Router:
        """The router over these models, with everything that it has learned since.

        `llm.bound_router.save(path)` keeps that; the router that was passed to the constructor is
        left as it was.
        """
        return self._bound

    def give_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """Say what became known of an answer, and learn from it; for any thread, at any time.

        A score and a thumb are each learned from once for each answer; what comes again is passed
        over.

        Args:
            decision: The decision, its id, or the message that it came with.
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
        return self._bound.give_feedback(_id(decision), score, **known)

    async def agive_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """The same off the event loop, which a store or a large estimator could hold up."""
        return await asyncio.to_thread(self.give_feedback, decision, score, **known)

    def add_arm(
        self, name: str, model: Any, price: Any = None, outcomes: Outcomes | None = None
    ) -> None:
        """Let one more chat model answer, from the next call on.

        Args:
            name: What decisions are to call it.
            model: The chat model, an `Arm` of it, or a string for `init_chat_model`.
            price: As in `prices=`.
            outcomes: Its answers to known questions, for a router that goes on learning.

        Raises:
            ConfigurationError: As in `Router.add_arm`. Nothing has changed then.
        """
        (made,) = built([model])
        self._bound.add_arm(name, made, price, outcomes)
        self._profile_anew()

    def remove_arm(self, name: str) -> None:
        """Let a chat model go, from the next call on; calls under way may still ask it.

        Raises:
            ConfigurationError: As in `Router.remove_arm`. Nothing has changed then.
        """
        self._bound.remove_arm(name)
        self._refusals.forget(name)
        self._profile_anew()

    def _profile_anew(self) -> None:
        """Say what all models can do, unless the user has said it."""
        if self._profiled:
            self.profile = self._resolve_model_profile()


def _id(given: Any) -> Any:
    """The id of a decision that was given in any of the ways in which a caller has it."""
    if isinstance(given, Decision):
        return given.id
    if isinstance(given, BaseMessage):
        routing = given.response_metadata.get(ROUTING)
        if not isinstance(routing, Mapping):
            msg = "This message carries no decision: it is no answer of a RoutingChatModel."
            raise FeedbackError(msg)
        return routing["id"]
    return given
