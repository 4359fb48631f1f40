"""From feedback to an example: finds the decision it is about, and sees that it counts once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from automix_core.errors import FeedbackError
from automix_core.learn.feedback import Feedback, example
from automix_core.learn.memory import Known, Memory

if TYPE_CHECKING:
    from automix_core.case import Case
    from automix_core.decision import Decision
    from automix_core.evidence import Examples
    from automix_core.learn.store import Store

__all__ = ["Learner"]


class Learner:
    """What a bound router remembers of its decisions, and what it does with feedback on them.

    Args:
        store: Where decisions and feedback are written down as well; `None` for nowhere.
        memory: The latest decisions.
    """

    def __init__(self, store: Store | None = None, memory: Memory | None = None) -> None:
        self.store = store
        self.memory = Memory() if memory is None else memory

    def keep(self, decision: Decision, case: Case) -> None:
        """Remember a decision, with what it rested on."""
        known = Known(decision, case.arms.names, case.features, case.chances)
        self.memory.keep(decision.id, known)
        if self.store is not None:
            answers = (
                {a.arm: a.reply.text for a in case.answers.values()} if self.store.texts else {}
            )
            request = case.request
            self.store.keep(
                known, question=request.question, context=request.context, answers=answers
            )

    def link(self, identifier: str, origin: str) -> None:
        """Remember that a decision gave the answer of an earlier one, from a cache."""
        known = self.memory.find(origin)
        if known is not None:
            self.memory.keep(identifier, known)
        if self.store is not None:
            self.store.link(identifier, origin)

    def give(
        self, feedback: Feedback, arms: Sequence[str], learn: Callable[[Examples], None]
    ) -> bool:
        """Take feedback on a decision; the router sees that one thread at a time does.

        Args:
            feedback: What became known.
            arms: The names of the router's arms now, cheapest first.
            learn: Takes the example; if it raises, the feedback counts as not given.

        Returns:
            Whether anything of it was new.

        Raises:
            FeedbackError: The decision or the arm is unknown, or no answer was returned.
            StoreError: The store cannot be used.
        """
        known = self._found(feedback.decision)
        arm = _arm(feedback, known, arms)
        fresh = tuple(kind for kind in feedback.kinds if (arm, kind) not in known.taken)
        if not fresh:
            return False
        if self.store is None:
            _learned(feedback, known, arm, arms, fresh, learn)
        else:
            given = fresh
            with self.store.noting(known.decision.id, arm, feedback, given) as fresh:
                _learned(feedback, known, arm, arms, fresh, learn)
            known.taken |= {(arm, kind) for kind in given}  # of other processes as well
        known.taken |= {(arm, kind) for kind in fresh}
        return bool(fresh)

    def _found(self, identifier: str) -> Known:
        known = self.memory.find(identifier)
        if known is None and self.store is not None:
            known = self.store.find(identifier)
        if known is not None:
            return known
        where = "its store" if self.store else f"its memory of the latest {self.memory.size}"
        msg = (
            f"The decision {identifier!r} is not known to this router: it is not in {where}. "
            "Feedback on older decisions, or after a restart, needs a store: store='events.db'."
        )
        raise FeedbackError(msg)


def _arm(feedback: Feedback, known: Known, arms: Sequence[str]) -> str:
    """Whose answer the feedback is about."""
    arm = known.decision.arm if feedback.arm is None else feedback.arm
    if arm is None:
        msg = (
            f"The decision {known.decision.id!r} returned no answer ({known.decision.status}). "
            "Name the model that the feedback is about: arm=..."
        )
        raise FeedbackError(msg)
    if arm not in arms and arm not in known.arms:
        listed = ", ".join(repr(name) for name in dict.fromkeys([*arms, *known.arms]))
        msg = f"Feedback on {arm!r}, which is none of the router's models: {listed}."
        raise FeedbackError(msg)
    return arm


def _learned(
    feedback: Feedback,
    known: Known,
    arm: str,
    arms: Sequence[str],
    fresh: Sequence[str],
    learn: Callable[[Examples], None],
) -> None:
    """Learn from feedback, unless it is about a model that is no longer there."""
    if fresh and arm in arms:
        learn(example(feedback, known, arm, arms, fresh))
