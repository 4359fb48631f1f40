"""The router: one loop that estimates, decides, asks, verifies, and stops when it is good enough.

The loop never calls a model. `route` returns a flow, and the driver of an adapter carries it out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from automix_core import contexts, presets, saving
from automix_core.arms import Arm, Arms, CostBasis, Described, complete_arm
from automix_core.case import Case, validity
from automix_core.decision import Decision, DecisionCallback
from automix_core.errors import AllArmsFailed, ConfigurationError, SavedRouterError
from automix_core.evidence import Actions, Answer, Evidence, Run, Signal
from automix_core.flow import Ask, Failure, Flow, Reply, SampleOptions, Wave
from automix_core.ledger import Ledger
from automix_core.parts import Estimator, Policy, Verifier
from automix_core.reasons import why_run, why_stop
from automix_core.request import Preference, Request

__all__ = ["Outcome", "Router"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow returns: the reply to hand to the caller, and the record."""

    reply: Reply
    decision: Decision


class Router:
    """A verifier, an estimator and a policy, and the loop that runs them.

    A router is made without models (`Router.preset("cascade")`), can be saved, and is bound to
    models by an adapter. Binding gives a copy: one router may serve in many places.

    Args:
        verifier: Answer in, signal out.
        estimator: Evidence in, estimates out.
        policy: Estimates in, action out.
        name: How decisions name it.
        seed: Seeds the draws of policies that randomise.
    """

    def __init__(
        self,
        verifier: Verifier,
        estimator: Estimator,
        policy: Policy,
        *,
        name: str = "custom",
        seed: int = 0,
    ) -> None:
        self.verifier = verifier
        self.estimator = estimator
        self.policy = policy
        self.name = name
        self.seed = seed
        self.arms: Arms | None = None
        self.helpers: dict[str, Arm] = {}
        self._expected_arms: tuple[str, ...] | None = None
        self._reference_cost: float | None = None
        self._cost_basis: CostBasis | None = None
        self._generator = np.random.default_rng(seed)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        arms = "" if self.arms is None else f", arms={list(self.arms.names)}"
        return f"Router({self.name!r}{arms})"

    @classmethod
    def preset(cls, name: str = "cascade", **parameters: Any) -> Router:
        """A router by the name of its method, such as "automix".

        Args:
            name: One of `automix_core.presets.names()`.
            parameters: The preset's own parameters.

        Raises:
            UnknownNameError: No such preset, or no such parameter; the message lists them.
        """
        recipe = presets.recipe(name, **parameters)
        return cls(recipe.verifier, recipe.estimator, recipe.policy, name=name)

    @classmethod
    def of(cls, given: Any) -> Router:
        """The router behind what a user passed as `router=`.

        Args:
            given: A router, the name of a preset, or `None` for the preset "cascade".

        Raises:
            ConfigurationError: It is none of these.
        """
        if isinstance(given, Router):
            return given
        if isinstance(given, str | None):
            return cls.preset(given or "cascade")
        msg = f"router must be a Router or the name of a preset, not {type(given).__name__}."
        raise ConfigurationError(msg)

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

    def bind(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        *,
        describe: Callable[[Any], Described],
        prices: Mapping[str, Any] | None = None,
    ) -> Router:
        """A copy of this router over real models.

        Args:
            models: Two or more models or `Arm`s; a mapping names them.
            describe: Reads name and capabilities off a model; raises for a foreign one.
            prices: Prices by arm name.

        Raises:
            ConfigurationError: Too few models, doubles, or names a saved router does not know.
        """
        arms = Arms.of(models, describe=describe, prices=prices)
        if self._expected_arms is not None and set(arms.names) != set(self._expected_arms):
            msg = (
                f"This router was made for the models {sorted(self._expected_arms)}, "
                f"and was given {sorted(arms.names)}. The names must match."
            )
            raise ConfigurationError(msg)
        helpers = {
            name: complete_arm(given, describe, name=name)
            for name, given in self.verifier.helpers().items()
        }
        if clash := set(helpers) & set(arms.names):
            msg = f"Models and helpers of the verifier share the name {min(clash)!r}."
            raise ConfigurationError(msg)
        bound = Router(
            self.verifier.with_helpers(helpers),
            self.estimator,
            self.policy,
            name=self.name,
            seed=self.seed,
        )
        bound.helpers = helpers
        # US dollars and relative units have nothing in common: another basis starts anew.
        known = self._reference_cost if arms.basis == self._cost_basis else None
        bound.arms = Arms(list(arms), known)
        bound._expected_arms = arms.names
        bound._reference_cost = bound.arms.reference_cost
        bound._cost_basis = arms.basis
        return bound

    def save(self, path: str | Path) -> None:
        """Write the router to a directory: `router.json`, and arrays beside it.

        Models, prices and other live objects are not saved. Replacing a saved router is atomic.
        """
        saving.write_router(path, self._manifest())

    def as_dict(self) -> dict[str, Any]:
        """What the router is made of, as JSON values: equal for equal routers."""
        return saving.as_json(self._manifest())

    @classmethod
    def load(cls, path: str | Path, *, resources: Mapping[str, Any] | None = None) -> Router:
        """Read a router that `save` wrote.

        Args:
            path: The directory.
            resources: Live objects for the named slots, such as a judge or a callable.

        Raises:
            SavedRouterError: Nothing readable there, a newer format, or a slot left empty.
        """
        match saving.read_router(path, resources or {}):
            case {
                "verifier": Verifier() as verifier,
                "estimator": Estimator() as estimator,
                "policy": Policy() as policy,
                "name": str(name),
                "seed": int(seed),
                "arms": tuple() | None as arms,
                "reference_cost": float() | None as reference_cost,
                "cost_basis": "prices" | "declared" | "assumed" | None as cost_basis,
            }:
                router = cls(verifier, estimator, policy, name=name, seed=seed)
            case _:
                msg = f"{path} does not hold everything that makes a router."
                raise SavedRouterError(msg)
        router._expected_arms = arms
        router._reference_cost = reference_cost
        router._cost_basis = cost_basis
        return router

    def _manifest(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "seed": self.seed,
            "arms": None if self._expected_arms is None else list(self._expected_arms),
            "reference_cost": self._reference_cost,
            "cost_basis": self._cost_basis,
            "verifier": self.verifier,
            "estimator": self.estimator,
            "policy": self.policy,
        }

    def route(
        self,
        request: Request,
        preference: Preference | None = None,
        on_decision: DecisionCallback | None = None,
    ) -> Flow[Outcome]:
        """The flow that answers one request. Contexts are read now, not when it is advanced.

        Args:
            request: What is asked.
            preference: Overrides a surrounding `preferring` block.
            on_decision: Called with the decision, however the request ends.

        Raises:
            ConfigurationError: The router has no models yet, or the preference cannot be met.
        """
        arms = self.bound_arms
        chosen = preference or contexts.current_preference() or Preference()
        listeners: list[DecisionCallback] = [
            decisions.append for decisions in contexts.collectors()
        ]
        if on_decision is not None:
            listeners.append(on_decision)
        ledger = Ledger(self.name, arms, self.helpers, chosen, listeners)
        case = Case(request, arms, chosen, ledger, self.verifier)
        return self._published(ledger, case)

    def _published(self, ledger: Ledger, case: Case) -> Flow[Outcome]:
        """The loop, with its decision published however it ends."""
        try:
            return (yield from ledger.keep(self._loop(ledger, case)))
        except Exception as error:
            ledger.end("failed", None, f"{type(error).__name__} was raised.")
            raise
        finally:
            ledger.publish()

    def _loop(self, ledger: Ledger, case: Case) -> Flow[Outcome]:
        draw = self._draw()
        while True:
            only = case.only_choice
            actions = (
                self._decide(case.evidence(draw), case)
                if only is None
                else Actions.without_choice(only)
            )
            ledger.propensity *= float(actions.propensity[0])
            action = actions.first()
            if action is None:
                raise AllArmsFailed(case.causes)
            if not isinstance(action, Run):
                return self._stopped(ledger, case, action.arm, actions)
            why = why_run(case, action.arm, actions)
            reply = yield from self._run(case, action)
            draw = self._draw()  # of the next step, to which the verifier looks ahead
            if reply is None:
                continue
            arm = case.arms[action.arm]
            if action.final or case.request.unverified:
                return Outcome(reply, ledger.end("final", arm.name, why))
            answer = case.answers[action.arm]
            signal = yield from self._verified(case, action.arm, answer, draw)
            ledger.judge(arm.name, signal)
            case.answered(action.arm, Answer(arm.name, reply, signal))

    def _run(self, case: Case, action: Run) -> Flow[Reply | None]:
        """Ask an arm; `None` where it failed, which the case then knows."""
        arm = case.arms[action.arm]
        final = action.final or case.request.unverified
        ask = Ask(
            arm.name,
            "answer" if final else "draft",
            options=SampleOptions() if final else self.verifier.wants(arm),
            final=final,
        )
        (result,) = yield Wave((ask,))
        if isinstance(result, Reply):
            case.answered(action.arm, Answer(arm.name, result))
            return result
        failure = result if isinstance(result, Failure) else Failure(arm.name, "error")
        case.failed(action.arm, failure)
        return None

    def _verified(self, case: Case, index: int, answer: Answer, draw: float) -> Flow[Signal]:
        """Have an answer judged: text by the verifier, anything else by its form."""
        if answer.reply.kind != "text":
            return validity(answer)
        if case.request.kind not in ("answer", "tools"):
            return Signal(None, note="plain text where something else was asked for")
        seen = case.evidence(draw)

        def settles(signals: Sequence[Signal]) -> bool:
            return self._decide(seen.supposing(index, signals), case).unanimous()

        return (yield from self.verifier.verify(case.request, answer, case.arms[index], settles))

    def _stopped(self, ledger: Ledger, case: Case, index: int, actions: Actions) -> Outcome:
        answer = case.answers[index]
        status, why = why_stop(case, index, actions)
        return Outcome(answer.reply, ledger.end(status, answer.arm, why))

    def _decide(self, evidence: Evidence, case: Case) -> Actions:
        return self.policy.decide(self.estimator.estimate(evidence), evidence, case.preference)

    def _draw(self) -> float:
        with self._lock:
            return float(self._generator.random())
