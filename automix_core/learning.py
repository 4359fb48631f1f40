"""A router while it serves: it learns from feedback, and its models come and go.

What was learned is a value. A request keeps what it began with, and a change that fails leaves
everything as it was: the new state is made first and put in place as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automix_core.answering import Answering
from automix_core.arms import Arm, complete_arm
from automix_core.errors import ConfigurationError
from automix_core.evidence import Examples
from automix_core.load import Load
from automix_core.parts import Estimator
from automix_core.prices import as_price

if TYPE_CHECKING:
    from automix_core.learn import Store
    from automix_core.learn.arms import Changed
    from automix_core.outcomes import Outcomes

__all__ = ["Learning"]


class Learning(Answering):
    """The parts of a router that can change, and how they do. `Router` adds everything else."""

    @property
    def store(self) -> Store | None:
        """Where decisions and feedback are written down; `None` for nowhere."""
        return None if self._learner is None else self._learner.store

    def learn(self, examples: Examples) -> None:
        """Go on learning, in place; requests under way are not disturbed.

        Args:
            examples: n rows over this router's arms, cheapest first.

        Raises:
            ConfigurationError: They do not fit this router, or it has no arms yet. Nothing was
                learned then.
        """
        from automix_core.learn.feedback import checked

        with self._one_learns:
            if self._expected_arms is None:
                msg = (
                    "This router has no models yet, so nobody knows whose answers these are. Fit "
                    "it first, or pass it to RoutingChatModel or RoutingLLM."
                )
                raise ConfigurationError(msg)
            learned = self.estimator.learn(checked(examples, len(self._expected_arms)))
            if learned is not self.estimator:
                self._put(estimator=learned)

    def give_feedback(
        self,
        decision_id: str,
        score: float | None = None,
        *,
        satisfied: bool | None = None,
        cost: float | None = None,
        latency: float | None = None,
        output_tokens: int | None = None,
        arm: str | None = None,
    ) -> bool:
        """Say what became known of a decision, and learn from it; for any thread, at any time.

        A score and a thumb are each learned from once for each answer; what comes again is passed
        over. An answer from a cache counts as that of the decision that made it.

        Args:
            decision_id: The decision's `id`.
            score: How good the answer was, in [0, 1].
            satisfied: Whether its reader was satisfied.
            cost: US dollars of the answer; as the decision has it where left out, like the next.
            latency: Seconds of the answer.
            output_tokens: Tokens of the answer.
            arm: Whose answer it was, if not that of the model whose answer was returned.

        Returns:
            Whether anything of it was new.

        Raises:
            FeedbackError: An unknown decision or model, or a value that cannot be one.
            ConfigurationError: This router neither learns nor has a store.
            StoreError: The store cannot be used.
        """
        from automix_core.learn.feedback import Feedback

        given = Feedback(decision_id, score, satisfied, cost, latency, output_tokens, arm)
        if self._learner is None and self.estimator.learns:
            self._advising()  # nothing was decided before
        if self._learner is None:
            msg = (
                f"This router learns nothing from feedback: its estimator {self.estimator.label!r} "
                "is fixed, and there is no store. Take a router that learns, or give store=."
            )
            raise ConfigurationError(msg)
        with self._one_learns:
            return self._learner.give(given, self._advising().arms.names, self._learned_from)

    def link_cached(self, decision_id: str, origin: str) -> None:
        """Know a decision as the answer of an earlier one, which a cache has given again.

        Args:
            decision_id: The new decision.
            origin: The one that made the answer.
        """
        if self._learner is not None:
            self._learner.link(decision_id, origin)

    def add_arm(
        self, name: str, model: Any, price: Any = None, outcomes: Outcomes | None = None
    ) -> None:
        """Let one more model answer, from the next request on.

        Args:
            name: What decisions are to call it.
            model: The model, or an `Arm` of it.
            price: As in `prices=`; looked up in the price list where it is left out.
            outcomes: Its answers to known questions, for an estimator that goes on learning.

        Raises:
            ConfigurationError: The name or the model is there already, the cost is unknown, or
                the estimator cannot be told of other models. Nothing has changed then.
        """
        from automix_core.learn import arms as changes

        with self._one_learns:
            arm = self._completed(name, model, price)
            workload = None if self.calibration is None else self.calibration.workload
            changed = changes.with_arm(self.bound_arms, arm, workload, self.verifier, outcomes)
            estimator = changes.adopted(self.estimator, changed.places)
            if outcomes is not None:
                known = changes.profile(outcomes, arm.name, changed.arms.names, self.embedder)
                estimator = changes.taught(estimator, known)
            self._rearrange(changed, estimator)

    def remove_arm(self, name: str) -> None:
        """Let a model go, from the next request on; those under way may still ask it.

        Args:
            name: The model, as decisions call it.

        Raises:
            ConfigurationError: There is none of that name, a single one would be left, or the
                estimator or the policy cannot do without it. Nothing has changed then.
        """
        from automix_core.learn import arms as changes

        with self._one_learns:
            workload = None if self.calibration is None else self.calibration.workload
            changed = changes.without_arm(self.bound_arms, name, workload)
            self._rearrange(changed, self.estimator.over(changed.places))

    def _learned_from(self, examples: Examples) -> None:
        """Learn from an example, unless the features that it should have are missing."""
        if self.embedder is None or examples.features is not None:
            self.learn(examples)

    def _completed(self, name: str, model: Any, price: Any) -> Arm:
        """A new arm with everything read off the model.

        Raises:
            ConfigurationError: The router has no models yet, or a helper has that name.
        """
        if self._describe is None:
            self.bound_arms  # noqa: B018 - says what is missing
        describe: Any = self._describe
        arm = complete_arm(model, describe, name=name)
        if arm.name in self.helpers:
            msg = f"A helper of the verifier is named {arm.name!r}; give the model another name."
            raise ConfigurationError(msg)
        return arm if price is None else replace(arm, price=as_price(price))

    def _rearrange(self, changed: Changed, estimator: Estimator) -> None:
        """Put other arms in place, with everything that depends on them."""
        names, queue = changed.arms.names, self._queue
        queue = Load.of(changed.arms) if queue is None else queue.over(changed.arms)
        calibration = self.calibration
        if calibration is not None and changed.workload is not None:
            calibration = replace(calibration, workload=changed.workload)
        self._put(
            arms=changed.arms,
            _queue=queue,
            policy=self.policy.over(names),
            estimator=estimator,
            calibration=calibration,
            _cost_basis=changed.arms.basis,
            _expected_arms=names,
        )

    def _put(self, **parts: Any) -> None:
        """Put new parts in place, all at once."""
        with self._lock:
            for name, part in parts.items():
                setattr(self, name, part)
            self._first = {}
            self._serving = None

    def _learned_in(self, arms: Sequence[str] | None) -> None:
        """Bring what was learned from one order of arms into that of the arms now.

        A fit fixes the order, so only prices can change that of a router without one.
        """
        names = self.bound_arms.names
        if arms is not None and tuple(arms) != names and self.estimator.learns:
            self.estimator = self.estimator.over([list(arms).index(name) for name in names])
