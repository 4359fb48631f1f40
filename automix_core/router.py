"""The router: parts, models and what was learned, put together, saved, loaded and set to work.

`route` returns a flow (`automix_core.loop`), and the driver of an adapter carries it out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automix_core import contexts
from automix_core.arms import Arm, Arms, CostBasis, Described, complete_arm
from automix_core.case import Case
from automix_core.decision import DecisionCallback
from automix_core.errors import ConfigurationError, SavedRouterError
from automix_core.flow import Flow
from automix_core.ledger import Ledger
from automix_core.loop import Loop, Outcome
from automix_core.parts import Estimator, Policy, Verifier
from automix_core.request import Preference, Request

__all__ = ["Outcome", "Router"]


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
        from automix_core import presets

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
        helpers = _helpers(self.verifier, arms, describe)
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
        from automix_core import saving

        saving.write_router(path, self._manifest())

    def as_dict(self) -> dict[str, Any]:
        """What the router is made of, as JSON values: equal for equal routers."""
        from automix_core import saving

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
        from automix_core import saving

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
        parts = Loop(self.verifier, self.estimator, self.policy, self._draw)
        return parts.answer(ledger, case)

    def _draw(self) -> float:
        with self._lock:
            return float(self._generator.random())


def _helpers(
    verifier: Verifier, arms: Arms, describe: Callable[[Any], Described]
) -> dict[str, Arm]:
    """The models other than the arms that a verifier asks, with everything read off them.

    Raises:
        ConfigurationError: One has the name of an arm.
    """
    given = verifier.helpers()
    if clash := set(given) & set(arms.names):
        msg = f"Models and helpers of the verifier share the name {min(clash)!r}."
        raise ConfigurationError(msg)
    return {name: complete_arm(model, describe, name=name) for name, model in given.items()}
