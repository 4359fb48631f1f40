"""What routers in a stream are compared with: single arms and hindsight, without any queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from automix_core.arrays import known_means
from automix_core.evaluate.stream.scene import Scene
from automix_core.evidence import Floats

__all__ = ["Yardsticks"]


@dataclass(frozen=True, eq=False)
class Yardsticks:
    """What everyone is compared with, in a world without queues.

    Attributes:
        cost_weight: Points of quality that `reference_cost` is worth.
        reference_cost: US dollars.
        best: (n,) value of the best arm of each request.
        best_arm: (n,) value of the arm that is best on average between two changes.
        dearest: Mean quality and cost of the dearest arm.
        top: Mean quality and cost of the arm of the best mean quality.
    """

    cost_weight: float
    reference_cost: float
    best: Floats
    best_arm: Floats
    dearest: tuple[float, float]
    top: tuple[float, float]

    def value(self, quality: Floats, cost: Floats) -> Floats:
        """Quality less what the cost is worth, in points of quality."""
        return _value(quality, cost, self.cost_weight, self.reference_cost)

    @classmethod
    def of(cls, scene: Scene, cost_weight: float) -> Self:
        """The yardsticks of a scene at a trade-off."""
        quality, cost = scene.requests.quality, scene.requests.cost
        worth = _value(quality, cost, cost_weight, scene.reference_cost)
        value = np.where(scene.presence(), worth, np.nan)
        none = np.isnan(value).all(axis=1)
        means = zip(known_means(quality).tolist(), known_means(cost).tolist(), strict=True)
        alone = list(means)
        return cls(
            cost_weight=cost_weight,
            reference_cost=scene.reference_cost,
            best=np.where(none, 0.0, np.where(np.isnan(value), -np.inf, value).max(axis=1)),
            best_arm=_best_arm(scene, value),
            dearest=alone[-1],
            top=max(alone, key=lambda pair: (pair[0], -pair[1])),
        )


def _value(quality: Floats, cost: Floats, cost_weight: float, reference_cost: float) -> Floats:
    """Quality less what the cost is worth; where nothing costs anything, quality."""
    return quality - cost * (cost_weight / reference_cost if reference_cost > 0 else 0.0)


def _best_arm(scene: Scene, value: Floats) -> Floats:
    """(n,) value of the arm that is best on average until the next change; 0 in rows without it."""
    starts = [start for start, _ in scene.presences]
    stretch = np.searchsorted(starts, scene.arrived, side="right")
    found = np.zeros(len(value))
    for number in np.unique(stretch):
        rows = stretch == number
        arm = int(np.argmax(known_means(value[rows], unknown=-np.inf)))
        found[rows] = np.nan_to_num(value[rows, arm])
    return found
