"""The router: parts, models and what was learned, put together, saved, loaded and set to work.

`route` returns a flow (`automix_core.loop`), and the driver of an adapter carries it out. The
class is the whole public face of the core and mostly docstrings; the modules it names do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automix_core.arms import Arm, Arms, Described, complete_arm
from automix_core.errors import ConfigurationError
from automix_core.learning import Learning
from automix_core.load import Load
from automix_core.loop import Outcome
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.request import Preference

if TYPE_CHECKING:
    from automix_core.fit_report import FitReport
    from automix_core.learn import Store
    from automix_core.manifest import Manifest
    from automix_core.outcomes import Outcomes
    from automix_core.replay import Replay

__all__ = ["Outcome", "Router"]


class Router(Learning):
    """A verifier, an estimator and a policy, and the loop that runs them.

    A router is made without models (`Router.preset("cascade")`), can be saved, and is bound to
    models by an adapter. Binding gives a copy: one router may serve in many places, and each copy
    learns for itself.

    Args:
        verifier: Answer in, signal out.
        estimator: Evidence in, estimates out.
        policy: Estimates in, action out.
        embedder: Request in, features out, for estimators that judge before an answer.
        name: How decisions name it.
        seed: Seeds the draws of policies that randomise.
    """

    def __init__(
        self,
        verifier: Verifier,
        estimator: Estimator,
        policy: Policy,
        *,
        embedder: Embedder | None = None,
        name: str = "custom",
        seed: int = 0,
    ) -> None:
        super().__init__(verifier, estimator, policy, embedder, name, seed)

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

        made = presets.recipe(name, **parameters)
        return cls(made.verifier, made.estimator, made.policy, embedder=made.embedder, name=name)

    @classmethod
    def from_spec(cls, spec: str) -> Router:
        """A router by a text that a command line can hold.

        Args:
            spec: A preset, with parameters after a colon ("automix:meta_verifier=pomdp"), or the
                directory of a saved router.

        Raises:
            UnknownNameError: No such preset or parameter, and no such directory.
        """
        if (Path(spec) / "router.json").is_file():
            return cls.load(spec)
        from automix_core import presets

        name, parameters = presets.parse(spec)
        return cls.preset(name, **parameters)

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

    def bind(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        *,
        describe: Callable[[Any], Described],
        prices: Mapping[str, Any] | None = None,
        store: Store | str | Path | None = None,
    ) -> Router:
        """A copy of this router over real models.

        Args:
            models: Two or more models or `Arm`s; a mapping names them.
            describe: Reads name and capabilities off a model; raises for a foreign one.
            prices: Prices by arm name.
            store: Where decisions and feedback are written down; a path opens a `Store` there.

        Raises:
            ConfigurationError: Too few models, doubles, names a saved router does not know, or an
                estimator with hindsight, for which there is nothing to see live.
            StoreError: The store cannot be opened.
        """
        self._require_foresight("answer requests")
        arms = Arms.of(models, describe=describe, prices=prices)
        self._require_arms(arms.names)
        helpers = _helpers(self.verifier, arms, describe)
        bound = Router(
            self.verifier.with_helpers(helpers),
            self.estimator,
            self.policy.over(arms.names),
            embedder=self.embedder,
            name=self.name,
            seed=self.seed,
        )
        bound.helpers = helpers
        bound.arms = self._at_known_costs(arms)
        bound._queue = Load.of(bound.arms)
        bound.calibration = self.calibration
        bound._learned_in(self._expected_arms)
        bound._expected_arms = bound.arms.names
        bound._reference_cost = bound.arms.reference_cost
        bound._cost_basis = bound.arms.basis
        bound._go_on_learning(store, describe)
        return bound

    def fit(self, outcomes: Outcomes, *, seed: int = 0) -> Router:
        """A copy of this router that has learned from examples; it has no models yet.

        A composite verifier is narrowed down to the signals that prove informative, and where to
        start is chosen, both on rows that were not fitted on. The preset `joint` becomes what did
        best there: the request alone, the answers alone, or both. `fit_report` says what was found.

        Args:
            outcomes: What every arm answered to 50 or more requests, and how good that was.
            seed: Of the splits and resamples.

        Raises:
            OutcomesError: Too few rows or arms, or costs that leave nothing to trade.
            ConfigurationError: The table does not hold the verifier's signal, or, for a router
                with an embedder, the questions' texts.
        """
        from automix_core import fitting

        policy = self.policy.over(outcomes.arms)
        parts = self.verifier, self.estimator, policy
        found = fitting.fit(*parts, outcomes, embedder=self.embedder, seed=seed)
        fitted = Router(
            found.verifier,
            found.estimator,
            found.policy,
            embedder=found.embedder,
            name=self.name,
            seed=self.seed,
        )
        fitted.calibration = found.calibration
        fitted._expected_arms = found.calibration.workload.arms
        fitted._reference_cost = found.calibration.workload.reference_cost
        return fitted

    def replay(
        self, outcomes: Outcomes, preference: Preference | None = None, *, seed: int = 0
    ) -> Replay:
        """What this router would do on recorded outcomes. No model is called.

        Args:
            outcomes: n rows that hold the arms the router was fitted for.
            preference: The trade-off; the default one where left out.
            seed: Of the draws of policies and budgets that randomise.

        Raises:
            ConfigurationError: The table holds other arms, lacks the verifier's signal or the
                texts to embed, or the preference cannot be met.
        """
        from automix_core import fitting
        from automix_core.replay import Recorded, replayed

        self._require_arms(outcomes.arms)
        ours = outcomes.in_order(self._expected_arms or outcomes.arms)
        features = fitting.embedded(ours, self.embedder)
        if self.calibration is None:
            recorded = fitting.recorded_by(ours, self.verifier, features)
        else:
            recorded = Recorded.of(ours, self.verifier, self.calibration.workload, features)
        ways = self._ways(preference or Preference())
        policy = self.policy.over(ours.arms)
        seen = replayed(recorded, self.estimator, policy, ways, seed=seed)
        return seen.in_order(outcomes.arms)

    def describe(self) -> list[str]:
        """What this router is made of and what it learned, in plain sentences."""
        told = [f"{self.name}: {self._parts()}."]
        if self._expected_arms is not None:
            told.append(f"Models, cheapest first: {', '.join(self._expected_arms)}.")
        report = self.fit_report
        if report is None:
            return [*told, "Not calibrated: fit it on examples of your own."]
        return [*told, *report.lines()]

    def _parts(self) -> str:
        if self.policy.commits:
            return f"estimator {self.estimator.label}, policy {self.policy.name}, unverified"
        check = " and ".join(leaf.name for leaf in self.verifier.leaves())
        return f"verifier {check}, meta-verifier {self.estimator.label}"

    def _at_known_costs(self, arms: Arms) -> Arms:
        """Arms at the costs that a fit measured, or else at the reference cost of before."""
        if self.calibration is not None:
            now = self.calibration.workload.at({arm.name: arm.price for arm in arms})
            return Arms(list(arms), self._reference_cost, measured=now.costs, rates=now.rates)
        # US dollars and relative units have nothing in common: another basis starts anew.
        reference = self._reference_cost if arms.basis == self._cost_basis else None
        return Arms(list(arms), reference)

    def _require_arms(self, names: Sequence[str]) -> None:
        if self._expected_arms is not None and set(names) != set(self._expected_arms):
            msg = (
                f"This router was made for the models {sorted(self._expected_arms)}, "
                f"and was given {sorted(names)}. The names must match."
            )
            raise ConfigurationError(msg)

    def _require_foresight(self, to: str) -> None:
        if self.estimator.hindsight:
            msg = (
                f"The router {self.name!r} knows every outcome beforehand, so it cannot {to}. "
                "It is a yardstick for Router.replay, compare and `automix evaluate`."
            )
            raise ConfigurationError(msg)

    @property
    def fit_report(self) -> FitReport | None:
        """What the fit found; `None` for a router that was not fitted."""
        return None if self.calibration is None else self.calibration.report

    def save(self, path: str | Path) -> None:
        """Write the router to a directory: `router.json`, and arrays beside it.

        Models, prices and other live objects are not saved. Replacing a saved router is atomic.

        Raises:
            ConfigurationError: The router has hindsight, so it could never be used.
            SavedRouterError: The directory cannot be written, or a part cannot be found again.
        """
        self._require_foresight("be saved for use")
        self._manifest().write(path)

    def as_dict(self) -> dict[str, Any]:
        """What the router is made of, as JSON values: equal for equal routers."""
        return self._manifest().as_json()

    @classmethod
    def load(cls, path: str | Path, *, resources: Mapping[str, Any] | None = None) -> Router:
        """Read a router that `save` wrote.

        Args:
            path: The directory.
            resources: Live objects for the named slots, such as a judge or a callable.

        Raises:
            SavedRouterError: Nothing readable there, a newer format, or a slot left empty.
        """
        from automix_core.manifest import Manifest

        saved = Manifest.read(path, resources or {})
        router = cls(
            saved.verifier,
            saved.estimator,
            saved.policy,
            embedder=saved.embedder,
            name=saved.name,
            seed=saved.seed,
        )
        router.calibration = saved.calibration
        router._expected_arms = saved.arms
        router._reference_cost = saved.reference_cost
        router._cost_basis = saved.cost_basis
        return router

    def _manifest(self) -> Manifest:
        from automix_core.manifest import Manifest

        with self._lock:  # all of one moment
            return Manifest(
                name=self.name,
                seed=self.seed,
                arms=self._expected_arms,
                reference_cost=self._reference_cost,
                cost_basis=self._cost_basis,
                verifier=self.verifier,
                estimator=self.estimator,
                policy=self.policy,
                calibration=self.calibration,
                embedder=self.embedder,
            )


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
