"""Everyone who is sent through a stream: routers, fitted on the training rows, and baselines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from automix_core import fitting
from automix_core.branches import Branch
from automix_core.decide import Always, Random
from automix_core.errors import ConfigurationError
from automix_core.estimate import Prior
from automix_core.evaluate.stream.choosers import Mind, Oracle, places_of
from automix_core.evaluate.stream.course import Chooser
from automix_core.evaluate.stream.scene import Scene
from automix_core.evidence import Floats
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.replay import Recorded
from automix_core.request import Preference
from automix_core.verify import Unverified

if TYPE_CHECKING:
    from automix_core.calibration import Calibration
    from automix_core.router import Router

__all__ = ["Contender", "Trained", "baselines"]


@dataclass(frozen=True, eq=False)
class Contender:
    """Someone to be sent through a stream.

    Attributes:
        name: What it is called.
        chooser: What decides for it; used up by one stream.
        check_cost: (n, m) US dollars of verifying each answer.
        branches: The preferences that it follows.
        baseline: It is no router under test.
    """

    name: str
    chooser: Chooser
    check_cost: Floats
    branches: tuple[Branch, ...]
    baseline: bool = False

    @property
    def cost_weight(self) -> float:
        """The cost weight that it follows, on average."""
        return sum(share * preference.cost_weight for share, preference in self.branches)

    @property
    def follows_changes(self) -> bool:
        """Whether its estimator is told of models that come and go."""
        return isinstance(self.chooser, Mind) and self.chooser.flexible


@dataclass(frozen=True, eq=False)
class Trained:
    """A router that was fitted on the training rows of a scene.

    Attributes:
        name: What it is called.
        scene: The scene.
        router: The fitted router.
        calibration: What its fit measured.
        recorded: The requests of the stream, as it sees them.
        flexible: Models can come and go within it.
    """

    name: str
    scene: Scene
    router: Router
    calibration: Calibration
    recorded: Recorded
    flexible: bool

    @classmethod
    def of(cls, name: str, router: Router, scene: Scene) -> Self:
        """Fit a router on the training rows of a scene.

        Where models come that were not there at first, it is fitted without them, if it can be
        told of them later; else with them, and it must not ask them before.

        Raises:
            OutcomesError: Too few rows to fit on.
            ConfigurationError: The table lacks the verifier's signal or the texts to embed.
        """
        seed = scene.stream.seed
        first = [arm for arm, there in zip(scene.arms, scene.present(0.0), strict=True) if there]
        fitted = router.fit(scene.train.only(first), seed=seed)
        flexible = _is_flexible(fitted.estimator, fitted.policy, scene)
        if not flexible and len(first) < len(scene.arms):
            fitted = router.fit(scene.train, seed=seed)
        if fitted.calibration is None:
            msg = f"{name!r} was not calibrated by its fit, so it cannot be sent through a stream."
            raise ConfigurationError(msg)
        recorded = _recorded(scene, fitted.verifier, fitted.embedder)
        return cls(name, scene, fitted, fitted.calibration, recorded, flexible)

    def following(self, preference: Preference) -> Contender:
        """It sets out, as it was fitted.

        Raises:
            ConfigurationError: The preference cannot be met.
        """
        branches = self.calibration.tradeoff.branches(preference)
        mind = Mind(
            self.scene,
            self.recorded,
            self.router.estimator,
            self.router.policy,
            branches,
            reference_cost=self.calibration.workload.reference_cost,
            flexible=self.flexible,
        )
        return Contender(self.name, mind, self.recorded.check_cost, branches)


def baselines(scene: Scene, preference: Preference) -> list[Contender]:
    """Each model alone that is there all along, any model by chance, and hindsight."""
    branches = ((1.0, Preference(cost_weight=preference.cost_weight)),)
    recorded = _recorded(scene, Unverified(), None)
    prior = Prior().fit(fitting.recorded_by(scene.train, Unverified()).examples)
    always = [all(there) for there in zip(*(t for _, t in scene.presences), strict=True)]
    policies: list[tuple[str, Policy]] = [
        (f"always:{arm}", Always(arm).over(scene.arms))
        for arm, there in zip(scene.arms, always, strict=True)
        if there
    ]
    made: list[tuple[str, Chooser]] = [
        (
            name,
            Mind(
                scene,
                recorded,
                prior,
                policy,
                branches,
                reference_cost=scene.reference_cost or 1.0,  # nobody divides by nothing
                flexible=False,
            ),
        )
        for name, policy in [*policies, ("random", Random())]
    ]
    return [
        Contender(name, chooser, np.zeros_like(recorded.cost), branches, baseline=True)
        for name, chooser in [*made, ("oracle", Oracle(scene))]
    ]


def _is_flexible(estimator: Estimator, policy: Policy, scene: Scene) -> bool:
    """Whether a router's parts can follow all the comings and goings of a stream."""
    present = [np.flatnonzero(there) for _, there in scene.presences]
    try:
        for before, now in pairwise(present):
            places = places_of(before, now)
            if None in places and not estimator.adopts:
                return False
            estimator = estimator.over(places)
            policy = policy.over([scene.arms[place] for place in now])
    except ConfigurationError:
        return False
    return True


def _recorded(scene: Scene, verifier: Verifier, embedder: Embedder | None) -> Recorded:
    """The requests of a stream over all arms, with the mean costs of the training rows."""
    features = fitting.embedded(scene.held, embedder)
    workload = fitting.recorded_by(scene.train, verifier).workload
    return Recorded.of(scene.held, verifier, workload, features).take(scene.order)
