"""A router at work on requests: what it is made of, and what each request begins with.

What a request begins with is one whole, made once and shared until something changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core import advice, contexts
from automix_core.arms import Arm, Arms, CostBasis, Described
from automix_core.branches import Branch, drawn, undrawn
from automix_core.case import Case, Listing
from automix_core.decision import Decision, DecisionCallback
from automix_core.errors import ConfigurationError
from automix_core.evidence import Actions
from automix_core.flow import Flow
from automix_core.ledger import Ledger
from automix_core.load import Load
from automix_core.loop import Loop, Outcome
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.request import Preference, Request
from automix_core.serving import Serving

if TYPE_CHECKING:
    from automix_core.calibration import Calibration
    from automix_core.learn import Store
    from automix_core.learn.learner import Learner

__all__ = ["Answering"]

_DEFAULT = Preference()


class Answering:
    """The parts of a router, and what they do with a request. `Learning` lets them change."""

    def __init__(
        self,
        verifier: Verifier,
        estimator: Estimator,
        policy: Policy,
        embedder: Embedder | None,
        name: str,
        seed: int,
    ) -> None:
        self.name = name
        self.seed = seed
        self.verifier = verifier
        self.estimator = estimator
        self.policy = policy
        self.embedder = embedder
        self.arms: Arms | None = None
        self.helpers: dict[str, Arm] = {}
        self.calibration: Calibration | None = None
        self._expected_arms: tuple[str, ...] | None = None
        self._reference_cost: float | None = None
        self._cost_basis: CostBasis | None = None
        self._first: dict[Hashable, Actions] = {}
        self._queue: Load | None = None
        self._serving: Serving | None = None
        self._describe: Callable[[Any], Described] | None = None
        self._remember: Callable[[Decision, Case], None] | None = None
        self._learner: Learner | None = None
        self._generator = np.random.default_rng(seed)
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
        serving = self._serving
        if serving is not None:
            return serving
        if self.arms is not None:
            return self.serving
        arms = advice.unbound_arms(self.calibration, self._reference_cost)
        with self._one_learns:  # a single memory, whoever asks first
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

    def route(
        self,
        request: Request,
        preference: Preference | None = None,
        on_decision: DecisionCallback | None = None,
        *,
        serving: Serving | None = None,
    ) -> Flow[Outcome]:
        """The flow that answers one request. Contexts are read now, not when it is advanced.

        Args:
            request: What is asked.
            preference: Overrides a surrounding `preferring` block.
            on_decision: Called with the decision, however the request ends.
            serving: What the request begins with, for adapters that need the models of just that.

        Raises:
            ConfigurationError: The router has no models yet, or the preference cannot be met.
        """
        begun = serving or self.serving
        ledger, case, loop = self._begin(begun, request, preference, on_decision)
        return loop.answer(ledger, case)

    def decide(
        self,
        request: Request | str,
        preference: Preference | None = None,
        *,
        features: Any = None,
    ) -> Decision:
        """Which model this router would ask first, and why. No model is called.

        For gateways that call models themselves. A fitted router needs no models for it: the arms
        are those of the fit, at the costs that were measured there.

        Args:
            request: What is asked, or the question alone.
            preference: Overrides a surrounding `preferring` block.
            features: What the embedder would make of the request, (d,) or (1, d), for those who
                have it at hand. Otherwise the request is embedded now, which can mean waiting for
                a server; where that fails, it is decided without features, as `route` does.

        Returns:
            A decision with the status "advised" and without steps, which `collect_decisions`
            blocks collect as well.

        Raises:
            ConfigurationError: The router has neither models nor a fit, the preference cannot be
                met, or the features have another width or hold NaN.
            AllArmsFailed: No arm can serve the request.
        """
        asked = Request(request) if isinstance(request, str) else request
        ledger, case, loop = self._begin(self._advising(), asked, preference, None)
        if features is None:
            case.features = advice.awaited(loop.features(case))
        else:
            case.features = advice.row(features)
        return loop.advise(ledger, case)

    def _begin(
        self,
        serving: Serving,
        request: Request,
        preference: Preference | None,
        on_decision: DecisionCallback | None,
    ) -> tuple[Ledger, Case, Loop]:
        """What one request is carried through with."""
        chosen = preference or contexts.current_preference() or _DEFAULT
        listeners: tuple[DecisionCallback, ...] = ()
        if collectors := contexts.collectors():
            listeners = tuple([decisions.append for decisions in collectors])
        if on_decision is not None:
            listeners = (*listeners, on_decision)
        ways: tuple[Branch, ...] = ()
        if serving.calibration is not None or chosen.objectives:
            ways = self._ways(chosen)
            chosen = drawn(ways, self._draw() if len(ways) > 1 else 0.0)
        named = self.name, serving.arms, serving.helpers, chosen, listeners
        ledger = Ledger(*named, serving.load)
        case = Case(request, serving.listing, chosen, ledger)
        deciding = serving.verifier, serving.estimator, serving.policy, self._draw
        known = ways, serving.first, serving.embedder, serving.forecasts
        return ledger, case, Loop(*deciding, *known, self._remember)

    def _ways(self, preference: Preference) -> tuple[Branch, ...]:
        """The ways to follow a preference, and how often each is drawn.

        Raises:
            ConfigurationError: It cannot be met, or needs a fit that was not made.
        """
        if self.calibration is not None:
            return self.calibration.tradeoff.branches(preference)
        return undrawn(preference)

    def _draw(self) -> float:
        with self._lock:
            return float(self._generator.random())

    def _go_on_learning(
        self, store: Store | str | Path | None, describe: Callable[[Any], Described] | None
    ) -> None:
        """Remember decisions from now on, if anything is learned from them or written down."""
        self._describe = describe
        if store is None and not self.estimator.learns:
            return
        from automix_core.learn.learner import Learner
        from automix_core.learn.store import Store

        opened = Store(store) if isinstance(store, str | Path) else store
        self._learner = Learner(opened)
        self._remember = self._learner.keep
