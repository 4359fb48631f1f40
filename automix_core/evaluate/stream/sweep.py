"""Quality and cost of routers under load, from one cost weight to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automix_core.evaluate.stream.contenders import Trained, baselines
from automix_core.evaluate.stream.course import follow
from automix_core.evaluate.stream.protocol import Stream
from automix_core.evaluate.stream.results import Result, result_of
from automix_core.evaluate.stream.simulation import scene_of
from automix_core.evaluate.stream.speeds import Speed
from automix_core.outcomes import Outcomes
from automix_core.request import Preference

if TYPE_CHECKING:
    from automix_core.router import Router

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """One router, or one baseline, at several cost weights.

    Attributes:
        router: Its name.
        baseline: It is no router under test, and has one result for all weights.
        weights: The cost weights.
        results: What it came to at each of them.
    """

    router: str
    baseline: bool
    weights: tuple[float, ...]
    results: tuple[Result, ...]

    def within(self, cost: float) -> Result | None:
        """The best result that costs at most so many US dollars a request, if there is one.

        Between two cost weights nothing is interpolated: under load, mixing two ways of routing
        gives other queues than either, and so another quality than their mean.
        """
        affordable = [result for result in self.results if result.cost <= cost]
        return max(affordable, key=lambda r: (r.quality, -r.cost)) if affordable else None


def sweep(
    outcomes: Outcomes,
    routers: Sequence[tuple[str, Router]],
    weights: Sequence[float],
    *,
    stream: Stream | None = None,
    speeds: Mapping[str, Speed] | None = None,
    latency_weight: float = 0.0,
) -> list[Sweep]:
    """Send routers through the same stream at several cost weights; each is fitted once.

    Args:
        outcomes: As for `simulate`, and so are the next arguments.
        routers: Names and routers.
        weights: The cost weights.
        stream: The protocol.
        speeds: How fast arms are.
        latency_weight: Points of quality that one second is worth.

    Returns:
        The routers in the order given, then the baselines.

    Raises:
        ConfigurationError: As for `simulate`, or a weight below 0.
        OutcomesError: Too few rows or arms.
    """
    preferences = [Preference(weight, latency_weight) for weight in weights]
    scene = scene_of(outcomes, routers, stream or Stream(), speeds)
    found = []
    for name, router in routers:
        trained = Trained.of(name, router, scene)
        ways = [trained.following(preference) for preference in preferences]
        results = tuple(result_of(scene, way, follow(scene, way.chooser)) for way in ways)
        found.append(Sweep(name, baseline=False, weights=tuple(weights), results=results))
    names = {name for name, _ in routers}
    beside = [one for one in baselines(scene, Preference()) if one.name not in names]
    return found + [
        Sweep(one.name, True, tuple(weights), (result_of(scene, one, follow(scene, one.chooser)),))
        for one in beside
    ]
