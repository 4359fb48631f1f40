"""The tables of docs/results.md: each meta-verifier beside the baselines, on real and made tables.

    python tests/benchmarks/results.py [--seeds 10] [--made]

The real table is the measured one of tests/data; with --made the three worlds of
tests/benchmarks/meta_verifier.py are used instead, with 200 rows to fit on.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from automix_core import Outcomes, Preference, Router
from automix_core.evaluate import compare
from automix_core.metrics import Hull
from tests.benchmarks.meta_verifier import CHECK, LARGE, SCENARIOS, SMALL, world

TABLE = Path(__file__).parents[1] / "data" / "xquad_local_models_numeric.jsonl"
SPECS = (
    "calibrated",
    *(
        f"calibrated:meta_verifier={name}"
        for name in (
            "bayes",
            "isotonic",
            "threshold",
            "double_threshold",
            "triple_threshold",
            "knn",
            "pomdp",
        )
    ),
    "automix:meta_verifier=auto",
)


def made(scenario, rows, seed):
    """An outcome table of a made world."""
    confidence, small, large = world(scenario, rows, seed)
    unknown = np.full_like(small, np.nan)
    return Outcomes.from_arrays(
        ["small", "large"],
        np.stack([small, large], 1),
        [SMALL, LARGE],
        signals={"self_verification": np.stack([confidence, unknown], 1)},
        checks={"self_verification": [CHECK, CHECK]},
        ids=[f"{scenario}-{seed}-{row}" for row in range(rows)],
    )


def even_weight(outcomes):
    """The cost weight at which the last two arms of the hull are worth the same."""
    cost = np.nanmean(outcomes.cost, axis=0)
    hull = Hull.of(cost, np.nanmean(outcomes.quality, axis=0))
    slope = np.diff(hull.quality) / np.diff(hull.cost)
    return float(slope[-1] * cost[-1])


def show(title, outcomes, **options):
    """Print one comparison as a Markdown table."""
    weight = even_weight(outcomes)
    routers = [(spec, Router.from_spec(spec)) for spec in SPECS]
    found = compare(outcomes, routers, preference=Preference(weight), **options)
    lines = [
        f"\n{title}, at cost weight {weight:.3g} ({found.measured} rows)\n",
        "| router | quality | share of the dearest's cost | gain on mixing | over all budgets |",
        "|---|---|---|---|---|",
    ]
    dearest = found[f"always:{found.arms[-1]}"].cost.mean
    for score in found.routers:
        quality, cost = score.quality, score.cost
        lines.append(
            f"| `{score.router}` | {quality.mean:.3f} | {cost.mean / dearest:.0%} "
            f"| {points(score.gain)} | {points(score.area_gain)} |"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def points(measure):
    if measure is None:
        return ""
    mean, low, high = (100 * value for value in (measure.mean, measure.low, measure.high))
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--made", action="store_true")
    arguments = parser.parse_args()
    if arguments.made:
        for scenario in SCENARIOS:
            test = made(scenario, 10_000, 2)
            show(f"{scenario}, fitted on 200 rows", made(scenario, 200, 1), test=test, seeds=1)
        return
    outcomes = Outcomes.read(TABLE)
    small, middle, large = outcomes.arms
    for arms in ([middle, large], [small, large], [small, middle, large]):
        show(" and ".join(arms), outcomes.only(arms), seeds=arguments.seeds)


if __name__ == "__main__":
    main()
