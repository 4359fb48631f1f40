"""How much is lost by fitting a router where there is nothing to be learned.

    python tests/benchmarks/noise.py [--tables 200] [--spec calibrated] [--spec automix ...]

Each table has 200 rows of two or three arms whose quality, a coin toss, has nothing to do with the
confidences. A router is fitted on it and followed on fresh rows of the same world. The loss is by
how much its mean value falls short of that of the best arm, asked alone and unverified; which arm
that is, the router has to find out from its 200 rows.
"""

import argparse
import sys
import time

import numpy as np

from automix_core import Outcomes, Preference, Router

ROWS, FRESH = 200, 2000
WEIGHTS = (0.1, 0.3)
SIGNAL = "self_verification"
COSTS = {2: (0.2, 1.0), 3: (0.02, 0.2, 1.0)}


class World:
    """Arms of certain mean qualities, and a verifier that knows nothing.

    Args:
        seed: Of everything.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.arms = 3 if seed % 2 else 2
        steps = self._rng.uniform(0, 0.15, self.arms - 1)
        self.quality = self._rng.uniform(0.3, 0.6) + np.append(0, np.cumsum(steps))
        self.cost = np.array(COSTS[self.arms])
        self._says = self._rng.uniform(0.3, 0.7)

    def train(self) -> Outcomes:
        """A table to fit on: answers are right or wrong."""
        return self._table((self._rng.random((ROWS, self.arms)) < self.quality).astype(float))

    def fresh(self) -> Outcomes:
        """Rows to follow a router on; each holds the mean qualities, to leave out their noise."""
        return self._table(np.tile(self.quality, (FRESH, 1)))

    def best(self, weight: float) -> float:
        """The value of the best arm asked alone."""
        return float((self.quality - weight * self.cost / self.cost[-1]).max())

    def _table(self, quality: np.ndarray) -> Outcomes:
        said = self._rng.binomial(8, self._says, size=quality.shape) / 8
        names = [f"m{arm}" for arm in range(self.arms)]
        signals, checks = {SIGNAL: said}, {SIGNAL: self.cost}
        return Outcomes.from_arrays(names, quality, self.cost, signals=signals, checks=checks)


def lost_by_mean(seed: int) -> dict[float, float]:
    """What is lost by asking the arm alone that had the best mean value on the table: the floor.

    Args:
        seed: Of the world.
    """
    world = World(seed)
    quality = world.train().quality.mean(axis=0)
    lost = {}
    for weight in WEIGHTS:
        price = weight * world.cost / world.cost[-1]
        chosen = int(np.argmax(quality - price))
        lost[weight] = world.best(weight) - float((world.quality - price)[chosen])
    return lost


def losses(spec: str, seed: int) -> tuple[dict[float, float], bool]:
    """What fitting on one table of noise loses at each cost weight, and whether it claims a gain.

    Args:
        spec: The router, as on a command line.
        seed: Of the world.
    """
    world = World(seed)
    router = Router.from_spec(spec).fit(world.train())
    fresh, lost = world.fresh(), {}
    for weight in WEIGHTS:
        seen = router.replay(fresh, Preference(weight))
        value = float((seen.quality - weight * seen.cost / world.cost[-1]).mean())
        lost[weight] = world.best(weight) - value
    assert router.fit_report is not None
    return lost, router.fit_report.significant


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--spec", action="append")
    given = parser.parse_args()
    floor = [lost_by_mean(seed) for seed in range(given.tables)]
    for weight in WEIGHTS:
        mean = np.mean([lost[weight] for lost in floor])
        sys.stdout.write(f"best arm by its mean, cost weight {weight}: mean loss {mean:.4f}\n")
    for spec in given.spec or ["automix", "automix:meta_verifier=auto"]:
        began = time.perf_counter()
        found = [losses(spec, seed) for seed in range(given.tables)]
        took = time.perf_counter() - began
        sys.stdout.write(f"{spec}: {given.tables} tables in {took:.0f} s\n")
        for weight in WEIGHTS:
            lost = np.array([lost[weight] for lost, _ in found])
            sys.stdout.write(
                f"  cost weight {weight}: mean loss {lost.mean():.4f}, "
                f"largest {lost.max():.4f}, above 0.01 in {(lost > 0.01).sum()}\n"
            )
        claims = sum(claimed for _, claimed in found)
        sys.stdout.write(f"  a significant gain was claimed on {claims}\n")


if __name__ == "__main__":
    main()
