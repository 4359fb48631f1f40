"""What one routing decision takes, ours beside that of the package paretobandit.

    python tests/benchmarks/decision.py [--calls 100] [--rounds 30] [--million] [--json]

Five arms and 64 features, given as an array, so that no embedder is timed. A decision is timed
through the public path: from `Router.decide` to the finished Decision, and from
`BanditRouter.route` to its log. All subjects take turns within each round; shown are microseconds
over all calls; on a busy machine the least and the 20th percentile say more than the median. On
two shared cores in a quiet hour we saw, least and median: ridge 34 and 36, clusters 32 and 37,
metallm 39 and 45, mixllm 50 and 57 (49 and 56 after 100,000 events), joint 345 and 468,
paretobandit 32 and 35. `--million` folds a million events of feedback into what learns, one by one
and in batches. The peer is left out where it is not installed: pip install paretobandit.
"""

import argparse
import gc
import importlib.util
import json
import logging
import os
import resource
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as a server with many workers would

import numpy as np

from automix_core import Outcomes, Preference, Request, Router, presets
from automix_core.embed import External
from automix_core.evidence import Examples

ARMS = ("a", "b", "c", "d", "e")
COSTS = (0.001, 0.002, 0.004, 0.008, 0.016)
WIDTH = 64
ROWS = 1_000
ASKED = Request("Which rivers meet in Lyon?")
OURS = ("ridge", "clusters", "knn", "metallm", "mixllm", "joint")
LEARNS = "mixllm"
EVENTS = (0, 10_000, 100_000)
BATCH = 1_000
SHOWN = (0, 20, 50, 95)


def world(rows, seed):
    """Features of unit length, (rows, WIDTH), and the quality of each arm, (rows, arms)."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(rows, WIDTH))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    noise = generator.normal(0, 0.1, (rows, len(ARMS)))
    return features, np.clip(0.5 + features[:, : len(ARMS)] + noise, 0, 1)


def fitted(name):
    """A preset's router, fitted on features that stand ready."""
    features, quality = world(ROWS, 1)
    rows = [
        {
            "id": str(place),
            "question": str(place),
            "arms": {
                arm: {"quality": got, "cost": cost, "signals": {"answer_likelihood": got}}
                for arm, got, cost in zip(ARMS, row, COSTS, strict=True)
            },
        }
        for place, row in enumerate(quality.tolist())
    ]
    embedder = External(lambda texts: features[[int(text) for text in texts]])
    return Router.preset(name, embedder=embedder).fit(Outcomes.of(rows))


def feedback(count, seed):
    """Features and quality of so many answers of one arm each, the rest of a row unknown."""
    features, quality = world(count, seed)
    asked = np.random.default_rng((seed, 1)).integers(len(ARMS), size=count)
    quality[np.arange(len(ARMS)) != asked[:, None]] = np.nan
    return features, quality


def taught(estimator, count, batch, seed=2):
    """The estimator after so many events of feedback, given in batches."""
    for begin in range(0, count, BATCH):
        features, quality = feedback(min(BATCH, count - begin), (seed, begin))
        unknown = np.full_like(quality, np.nan)
        events = Examples(quality, unknown, {}, features)
        for row in range(0, len(quality), batch):
            estimator = estimator.learn(events.take(slice(row, row + batch)))
    return estimator


def subjects():
    """What is timed, by name: a function of features, (WIDTH,)."""
    found = {}
    for name in OURS:
        if name not in presets.names():
            continue
        router = fitted(name)
        found[f"ours, {name}"] = decider(router)
        if name == LEARNS:
            for count in EVENTS[1:]:
                more = fitted(name)
                more.estimator = taught(more.estimator, count, BATCH)
                found[f"ours, {name} after {count:,} events"] = decider(more)
    if importlib.util.find_spec("pareto_bandit") is not None:
        for count in (0, 10_000):
            found[f"paretobandit after {count:,} events"] = peer(count)
    return found


def decider(router):
    """One decision of a router of ours."""
    preference = Preference()
    return lambda features: router.decide(ASKED, preference, features=features)


def peer(count):
    """One decision of theirs, on as many features, after so many events of feedback."""
    from pareto_bandit import BanditRouter
    from pareto_bandit.feature_service import FeatureService

    logging.disable(logging.WARNING)
    prices = {"input_cost_per_m": 0.0, "output_cost_per_m": 0.0}
    router = BanditRouter.create(
        {arm: dict.fromkeys(prices, cost * 1000) for arm, cost in zip(ARMS, COSTS, strict=True)},
        priors="none",
        feature_service=FeatureService.for_precomputed(WIDTH),
        bandit_seed=0,
    )
    features, quality = world(count, 3)
    for row, got in zip(features, quality, strict=True):
        arm, log = router.route(row)
        router.process_feedback(log.request_id, reward=float(got[ARMS.index(arm)]))
    return router.route


def timed(found, calls, rounds):
    """Seconds of each call, by subject; they take turns."""
    features, _ = world(calls, 4)
    taken = {name: [] for name in found}
    for _ in range(rounds):
        for name, decide in found.items():
            gc.collect()
            gc.disable()
            for row in features:
                began = time.perf_counter()
                decide(row)
                taken[name].append(time.perf_counter() - began)
            gc.enable()
    return taken


def million():
    """Seconds to fold a million events, and by how many megabytes the process grew meanwhile."""
    if LEARNS not in presets.names():
        return None
    learner = fitted(LEARNS).estimator
    learner = taught(learner, 10_000, BATCH)  # the first calls pay for what is made once
    found = {}
    for batch in (1, BATCH):
        before, began = peak(), time.perf_counter()
        taught(learner, 1_000_000, batch)
        found[f"in batches of {batch:,}"] = {
            "seconds": round(time.perf_counter() - began, 1),
            "grown_mb": round(peak() - before, 1),
        }
    return found


def peak():
    """Greatest memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    taken = timed(subjects(), arguments.calls, arguments.rounds)
    table = {
        name: dict(zip(SHOWN, (np.percentile(each, SHOWN) * 1e6).round(1).tolist(), strict=True))
        for name, each in taken.items()
    }
    folded = million() if arguments.million else None
    if arguments.json:
        sys.stdout.write(json.dumps({"microseconds": table, "million": folded}) + "\n")
        return
    sys.stdout.write(
        f"{'microseconds a decision':36}{'least':>9}{'p20':>9}{'median':>9}{'p95':>9}\n"
    )
    for name, shown in table.items():
        cells = "".join(f"{value:9.1f}" for value in shown.values())
        sys.stdout.write(f"{name:36}{cells}\n")
    if folded:
        sys.stdout.write(f"a million events of feedback: {folded}\n")


if __name__ == "__main__":
    main()
