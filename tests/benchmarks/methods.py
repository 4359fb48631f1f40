"""The tables of docs/results.md on choosing beforehand: every method beside the baselines.

    python tests/benchmarks/methods.py TABLE [--seeds 10] [--weight W] [--router SPEC ...]

TABLE is an outcome table with the texts of its questions. Every method is fitted on one half of the
rows and measured on the other, seed by seed, on the same halves. Printed as Markdown.
"""

import argparse
import sys
import time

from automix_core import Outcomes, Preference, Router
from automix_core.evaluate import compare
from tests.benchmarks.results import points

SPECS = (
    "mixllm",
    "joint",
    "calibrated",
    "knn",
    "clusters",
    "ridge",
    "forest",
    "carrot",
    "metallm",
    "pickllm",
    "pickllm:learner=automaton",
    "frugalgpt",
)

COLUMNS = (
    "router",
    "quality",
    "cost",
    "gain on mixing",
    "quality at 24 % of the cost",
    "over all budgets",
    "AIQ",
    "Pareto distance",
)


def show(outcomes, specs, preference, seeds):
    """Print one comparison as a Markdown table."""
    began = time.monotonic()
    routers = [(spec, Router.from_spec(spec)) for spec in specs]
    found = compare(outcomes, routers, preference=preference, seeds=seeds)
    dearest = found[f"always:{found.arms[-1]}"]
    lines = [
        "",
        f"{found.measured} rows in {found.groups} groups, {len(found.arms)} models, {seeds} seeds,",
        f"cost weight {preference.cost_weight:g}, {time.monotonic() - began:.0f} s",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for score in found.routers:
        at = score.quality_at[0.24]
        lines.append(
            f"| `{score.router}` | {score.quality.mean:.3f} "
            f"| {score.cost.mean / dearest.cost.mean:.0%} | {points(score.gain)} "
            f"| {at.mean:.3f} [{at.low:.3f}, {at.high:.3f}] | {points(score.area_gain)} "
            f"| {score.aiq.mean:.3f} | {score.pareto_distance.mean:.3f} |"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--weight", type=float, default=Preference().cost_weight)
    parser.add_argument("--router", action="append", help="instead of every method")
    parser.add_argument("--arms", help="only these, separated by commas")
    given = parser.parse_args()
    outcomes = Outcomes.read(given.table)
    if given.arms:
        outcomes = outcomes.only(given.arms.split(","))
    show(outcomes, given.router or SPECS, Preference(given.weight), given.seeds)


if __name__ == "__main__":
    main()
