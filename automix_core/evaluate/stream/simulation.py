"""Routers in a stream of requests: arms have queues, users lose patience, models come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automix_core.errors import ConfigurationError
from automix_core.evaluate.stream.contenders import Trained, baselines
from automix_core.evaluate.stream.course import follow
from automix_core.evaluate.stream.protocol import Stream
from automix_core.evaluate.stream.results import Result, result_of
from automix_core.evaluate.stream.scene import Scene
from automix_core.evaluate.stream.speeds import STARTUP, TOKENS_PER_SECOND, Pace, Speed, timed
from automix_core.outcomes import Outcomes
from automix_core.prices import NOMINAL
from automix_core.request import Preference

if TYPE_CHECKING:
    from automix_core.router import Router

__all__ = ["Simulation", "scene_of", "simulate"]


@dataclass(frozen=True, eq=False)
class Simulation:
    """What a simulation found.

    Attributes:
        stream: The protocol.
        arms: Names of the arms, cheapest first.
        paces: How fast each arm was, and how that is known.
        trained: How many rows the routers were fitted on.
        held: How many rows were held out.
        requests: How many requests came.
        duration: Seconds until the last one had come.
        preference: The trade-off that the routers followed.
        results: The routers in the order given, then the baselines: `always:<arm>` for each arm
            that was there all along, `random` and `oracle`.
    """

    stream: Stream
    arms: tuple[str, ...]
    paces: tuple[Pace, ...]
    trained: int
    held: int
    requests: int
    duration: float
    preference: Preference
    results: tuple[Result, ...]

    def __getitem__(self, router: str) -> Result:
        """The result of a router or a baseline, by its name."""
        for result in self.results:
            if result.router == router:
                return result
        raise KeyError(router)

    def remarks(self) -> list[str]:
        """What a reader of the results must be told, in plain sentences."""
        assumed = [a for a, p in zip(self.arms, self.paces, strict=True) if p.source == "assumed"]
        length = [a for a, p in zip(self.arms, self.paces, strict=True) if p.tokens == "assumed"]
        told = []
        if assumed:
            told.append(
                f"Assumed speed ({STARTUP:g} s, then {TOKENS_PER_SECOND:g} tokens a second), since "
                f"the table holds no latency: {', '.join(assumed)}."
            )
        if length:
            told.append(
                f"Assumed length of every answer ({NOMINAL.output_tokens} tokens), since the "
                f"table holds none: {', '.join(length)}."
            )
        masked = [r.router for r in self.results if r.follows_changes is False and not r.baseline]
        if masked:
            told.append(
                "Fitted with every model from the start, and only kept from asking those that are "
                f"not there, since models cannot come and go in them: {', '.join(masked)}."
            )
        return told

    def as_dict(self) -> dict[str, Any]:
        """The simulation as JSON values, as `automix simulate --json` prints them."""
        paces = zip(self.arms, self.paces, strict=True)
        return {
            "stream": self.stream.as_dict(),
            "arms": list(self.arms),
            "speeds": {arm: pace.as_dict() for arm, pace in paces},
            "trained": self.trained,
            "held": self.held,
            "requests": self.requests,
            "duration": self.duration,
            "preference": self.preference.as_dict(),
            "remarks": self.remarks(),
            "routers": [result.as_dict(self.arms) for result in self.results],
        }


def simulate(
    outcomes: Outcomes,
    routers: Sequence[tuple[str, Router]],
    *,
    stream: Stream | None = None,
    speeds: Mapping[str, Speed] | None = None,
    preference: Preference | None = None,
) -> Simulation:
    """Send routers through a stream of the held-out rows of a table. No model is called.

    Every router is fitted on the same training rows and meets the same requests at the same
    times. One that can learn then goes on from feedback, if the stream gives any. The same
    arguments give the same result to the last bit.

    Args:
        outcomes: The table.
        routers: Names and routers; each is fitted here.
        stream: How requests come, what users put up with, and what changes.
        speeds: How fast arms are, where that is not to be read off the table.
        preference: The trade-off; the default one where left out.

    Raises:
        ConfigurationError: A name occurs twice, an unknown arm, changes that cannot be, or a
            preference that cannot be met.
        OutcomesError: Too few rows or arms.
    """
    scene = scene_of(outcomes, routers, stream or Stream(), speeds)
    wanted, names = preference or Preference(), [name for name, _ in routers]
    tested = [Trained.of(name, router, scene).following(wanted) for name, router in routers]
    beside = [one for one in baselines(scene, wanted) if one.name not in names]
    return Simulation(
        stream=scene.stream,
        arms=scene.arms,
        paces=scene.paces,
        trained=len(scene.train),
        held=len(scene.held),
        requests=len(scene.arrived),
        duration=scene.duration,
        preference=wanted,
        results=tuple(
            result_of(scene, one, follow(scene, one.chooser)) for one in [*tested, *beside]
        ),
    )


def scene_of(
    outcomes: Outcomes,
    routers: Sequence[tuple[str, Router]],
    stream: Stream,
    speeds: Mapping[str, Speed] | None,
) -> Scene:
    """The world that all these routers meet; arguments and errors as those of `simulate`."""
    names = [name for name, _ in routers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"Every router of a simulation needs a name of its own; given twice: {twice}."
        raise ConfigurationError(msg)
    table, paces = timed(outcomes.require_comparable(), speeds)
    return Scene.of(table, paces, stream)
