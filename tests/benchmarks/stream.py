"""Routers under load: quality at equal cost with the time limit off and on, and what learning adds.

    python tests/benchmarks/stream.py TABLE [--router SPEC ...] [--seeds 3] [--parallel 16]
        [--requests 100] [--length N] [--weights W ...] [--learning]

TABLE is an outcome table, with the texts of its questions for routers that read them. The first
table has, for each router, the best quality that it reaches at one of the cost weights for at most
24 %, 50 % and 100 % of what the dearest model costs. With --learning a second one follows the
paper's Table 1: shares to fit on, and each kind of feedback. Printed as Markdown.
"""

import argparse
import math
import sys
from dataclasses import replace

import numpy as np

from automix_core import Outcomes, Preference, Router
from automix_core.evaluate.stream import Feedback, Speed, Stream, simulate, sweep

SPECS = ("automix", "cascade", "knn", "carrot", "metallm", "mixllm", "joint")
WEIGHTS = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 2.0)
SHARES = (0.24, 0.5, 1.0)
SPLITS = (0.8, 0.5, 0.3)
ROUNDING = 1e-9


def say(*lines):
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def spread(values):
    """The mean over seeds, and how far it reaches from the least to the greatest."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{np.mean(known):.3f}"
    return mean if len(known) == 1 else f"{mean} ({min(known):.3f} to {max(known):.3f})"


def equal_cost(outcomes, specs, weights, stream, speeds, seeds):
    """Quality for at most so much of the dearest model's cost, without a time limit and with it."""
    head = [f"{share:.0%} of the dearest's cost" for share in SHARES]
    for limit in (math.inf, stream.time_limit):
        say("", f"Time limit: {limit:g} s", "", f"| router | {' | '.join(head)} |")
        say("|---" * (len(SHARES) + 1) + "|")
        reached = {}
        for seed in range(seeds):
            world = replace(stream, time_limit=limit, seed=seed)
            routers = [(spec, Router.from_spec(spec)) for spec in specs]
            swept = sweep(outcomes, routers, weights, stream=world, speeds=speeds)
            alone = {one.router: one.results[0].cost for one in swept if one.baseline}
            dearest = alone[f"always:{outcomes.arms[-1]}"] * (1 + ROUNDING)
            for one in swept:
                for share in SHARES:
                    best = one.within(share * dearest)
                    found = reached.setdefault(one.router, {}).setdefault(share, [])
                    found.append(None if best is None else best.quality)
        for name, found in reached.items():
            say(f"| `{name}` | {' | '.join(spread(found[share]) for share in SHARES)} |")


def learning(outcomes, specs, stream, speeds, seeds, weight):
    """Quality by the share that was fitted on and by the kind of feedback."""
    kinds = ("none", "refined", "binary")
    say("", f"| router | fitted on | {' | '.join(kinds)} |", "|---" * (len(kinds) + 2) + "|")
    for split in SPLITS:
        reached = {}
        for kind in kinds:
            for seed in range(seeds):
                world = replace(stream, train_share=split, seed=seed, feedback=Feedback(kind))
                routers = [(spec, Router.from_spec(spec)) for spec in specs]
                aim = Preference(weight)
                found = simulate(outcomes, routers, stream=world, speeds=speeds, preference=aim)
                for spec in specs:
                    quality = found[spec].quality
                    reached.setdefault(spec, {}).setdefault(kind, []).append(quality)
        for name, found in reached.items():
            cells = " | ".join(spread(found[kind]) for kind in kinds)
            say(f"| `{name}` | {split:.0%} | {cells} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--router", action="append", dest="routers")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--length", type=int)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--train-share", type=float, default=0.5)
    parser.add_argument("--learning", action="store_true")
    given = parser.parse_args()
    outcomes = Outcomes.read(given.table)
    speeds = {arm: Speed(parallel=given.parallel) for arm in outcomes.arms}
    stream = Stream(given.requests, length=given.length, train_share=given.train_share)
    specs = given.routers or SPECS
    if given.learning:
        learning(outcomes, specs, stream, speeds, given.seeds, Preference().cost_weight)
    else:
        equal_cost(outcomes, specs, given.weights, stream, speeds, given.seeds)


if __name__ == "__main__":
    main()
