"""A made-up world in which the question and the verdict both tell something, each its own.

    python tests/benchmarks/both_halves.py [--seeds 5] [--rows 1200]

The subject, which shows in the question's words, says which models are good at it. How hard the
question is within its subject shows nowhere before a model has answered, and it is hard for all of
them. The likelihood of an answer tells something of whether it is right. A router that reads only
questions, or only answers, leaves something to be had.
"""

import argparse
import sys
import time
from collections.abc import Container

import numpy as np

from automix_core import Outcomes, Preference, Router
from automix_core.evaluate import compare

ARMS = ("small", "words", "numbers", "large")
COST = np.array([1.0, 4.0, 5.0, 20.0]) / 1e5
SKILL = np.array(
    [
        [1.5, 2.0, 1.0, 2.5],
        [1.0, 0.5, 2.0, 2.2],
        [-1.0, 2.0, -0.5, 2.2],
        [-1.0, -0.5, 2.0, 2.2],
        [-2.0, 0.5, -1.0, 1.8],
        [-2.0, -1.5, -1.5, 1.5],
    ]
)
"""Log-odds that an arm is right, by subject and arm, at middling ease."""
EASE = 1.5
TELLING = 2.0
SUBJECTS, WORDS, FILLERS = len(SKILL), 30, 200


def table(
    rows: int, seed: int, *, before: bool = True, after: bool = True, mute: Container[str] = ()
) -> Outcomes:
    """An outcome table of this world.

    Args:
        rows: How many questions.
        seed: Of everything.
        before: Whether questions tell their subject; else their words are drawn from all.
        after: Whether likelihoods tell right from wrong; else they are noise.
        mute: Arms whose answers have no likelihood.
    """
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, SUBJECTS, rows)
    odds = SKILL[subject] + EASE * rng.normal(size=(rows, 1))
    quality = (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(float)
    heard = TELLING * (quality - 0.5) * after + rng.normal(size=odds.shape)
    shown = subject if before else rng.integers(0, SUBJECTS, rows)
    said = np.round(1 / (1 + np.exp(-heard)), 4)
    return Outcomes.of(
        {
            "id": f"{seed}-{row}",
            "question": _question(rng, shown[row]),
            "arms": {
                name: {
                    "quality": quality[row, arm],
                    "cost": COST[arm],
                    "signals": {} if name in mute else {"answer_likelihood": said[row, arm]},
                }
                for arm, name in enumerate(ARMS)
            },
        }
        for row in range(rows)
    )


def _question(rng: np.random.Generator, subject: int) -> str:
    """Four words of the subject among six that any question may hold."""
    own = [f"s{subject}w{word}" for word in rng.integers(0, WORDS, 4)]
    words = own + [f"filler{word}" for word in rng.integers(0, FILLERS, 6)]
    return " ".join(rng.permutation(words)) + "?"


def main() -> int:
    """Print what `joint` and its two corners reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--cost-weight", type=float, default=0.3)
    given = parser.parse_args()
    began = time.perf_counter()
    names = ("joint", "clusters", "calibrated")
    found = compare(
        table(given.rows, 0),
        [(name, Router.preset(name)) for name in names],
        seeds=given.seeds,
        preference=Preference(given.cost_weight),
    )
    for name in names:
        score = found[name]
        sys.stdout.write(f"{name:12s} gain {score.gain} area gain {score.area_gain}\n")
    sys.stdout.write(f"{time.perf_counter() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
