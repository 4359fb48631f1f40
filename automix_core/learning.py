"""A router while it serves: it learns from feedback, and its models come and go.

What was learned is a value. A request keeps what it began with, and a change that fails leaves
everything as it was: the new state is made first and put in place as a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automix_core import advice
from automix_core.arms import Arm, Arms, Described, complete_arm
from automix_core.case import Listing
from automix_core.errors import ConfigurationError
from automix_core.evidence import Actions, Examples
from automix_core.load import Load
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.prices import as_price
from automix_core.serving import Serving

if TYPE_CHECKING:
    from automix_core.calibration import Calibration
    from automix_core.case import Case
    from automix_core.decision import Decision
    from automix_core.learn import Store
    from automix_core.learn.arms import Changed
    from automix_core.learn.learner import Learner
    from automix_core.outcomes import Outcomes

__all__ = ["Learning"]


class Learning:
    """The parts of a router that can change, and how they do. `Router` adds everything else."""

    def __init__(
        self, verifier: Verifier, estimator: Estimator, policy: Policy, embedder: Embedder | None
    ) -> None:
        self.verifier = verifier
        self.estimator = estimator
        self.policy = policy
        self.embedder = embedder
        self.arms: Arms | None = None
        self.helpers: dict[str, Arm] = {}
        self.calibration: Calibration | None = None
        self._expected_arms: tuple[str, ...] | None = None
        self._reference_cost: float | None = None
        self._first: dict[Hashable, Actions] = {}
        self._queue: Load | None = None
        self._serving: Serving | None = None
        self._describe: Callable[[Any], Described] | None = None
        self._remember: Callable[[Decision, Case], None] | None = None
        self._learner: Learner | None = None
        self._lock = threading.Lock()  # held for a moment: to put things in place, to draw
        self._one_learns = threading.RLock()  # held while something is learned

    @property
    def bound_arms(self) -> Arms:
        """The arms of a bound router.

        Raises:
            ConfigurationError: It has no models yet.
        """
        if self.arms is None:
            msg = "This router has no models yet. Pass it to RoutingChatModel or RoutingLLM."
            raise ConfigurationError(msg)
        return self.arms

    @property
    def serving(self) -> Serving:
        """What a request that comes now begins with, and keeps whatever changes meanwhile.

        Raises:
            ConfigurationError: The router has no models yet.
        """
        arms = self.bound_arms
        return self._serving or self._served_by(arms)

    def _advising(self) -> Serving:
        """The same for decisions that call no model: without models, over the arms of the fit.

        Raises:
            ConfigurationError: There was no fit either.
        """
        if self._serving is not None or self.arms is not None:
            return self._serving or self.serving
        arms = advice.unbound_arms(self.calibration, self._reference_cost)
        if self._learner is None:
            self._go_on_learning(None, None)
        return self._served_by(arms)

    def _served_by(self, arms: Arms) -> Serving:
        with self._lock:
            arms = self.arms or arms  # there may be others by now
            asked = {arm.name: arm for arm in (*arms, *self.helpers.values())}
            deciding = self.verifier, self.estimator, self.policy, self.embedder
            measured = self.calibration, self._first
            listing = Listing(arms, self.verifier)
            parts = *deciding, *measured, asked, listing, self._queue, self.estimator.forecasts
            found = Serving(arms, self.helpers, *parts)
            self._serving = found
        return found

    @property
    def store(self) -> Store | None:
        """Where decisions and feedback are written down; `None` for nowhere."""
        return None if self._learner is None else self._learner.store

    def learn(self, examples: Examples) -> None:
        """Go on learning, in place; requests under way are not disturbed.

        Args:
            examples: n rows over this router's arms, cheapest first.

        Raises:
            ConfigurationError: They do not fit this router. Nothing was learned then.
        """
        from automix_core.learn.feedback import checked

        with self._one_learns:
            width = None if self._expected_arms is None else len(self._expected_arms)
            learned = self.estimator.learn(checked(examples, width))
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
            estimator = self.estimator.over(changed.places)
            if outcomes is not None:
                known = changes.profile(outcomes, name, changed.arms.names, self.embedder)
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
        if name in self.helpers:
            msg = f"A helper of the verifier is named {name!r}; give the model another name."
            raise ConfigurationError(msg)
        describe: Any = self._describe
        arm = complete_arm(model, describe, name=name)
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
        if arms is not None and tuple(arms) != names and _learns(self.estimator):
            self.estimator = self.estimator.over([list(arms).index(name) for name in names])

    def _go_on_learning(
        self, store: Store | str | Path | None, describe: Callable[[Any], Described] | None
    ) -> None:
        """Remember decisions from now on, if anything is learned from them or written down."""
        self._describe = describe
        if store is None and not _learns(self.estimator):
            return
        from automix_core.learn.learner import Learner
        from automix_core.learn.store import Store

        opened = Store(store) if isinstance(store, str | Path) else store
        self._learner = Learner(opened)
        self._remember = self._learner.keep


def _learns(estimator: Estimator) -> bool:
    """Whether an estimator goes on learning after its fit."""
    return type(estimator).learn is not Estimator.learn
