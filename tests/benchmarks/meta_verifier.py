"""Fitting and evaluating the two-arm meta-verifier, ours beside the AutoMix authors' package.

    python tests/benchmarks/meta_verifier.py [--rows 1000 10000 100000] [--million] [--json]

Both search the same 9 confidence bins for the rule with the greatest IBC lift on the training
rows, and evaluate it on as many test rows. Worlds follow three scenarios with costs 1 : 50 and a
verification cost of 1. The peer is left out where it is not installed: pip install automix-llm.
"""

import argparse
import importlib.util
import json
import resource
import sys
import time

import numpy as np

from automix_core import Outcomes, Preference, Router
from automix_core.estimate import Pomdp
from automix_core.evidence import Examples
from automix_core.metrics import ibc_lift, ibc_lifts

SMALL, LARGE, CHECK = 1.0, 50.0, 1.0
SCENARIOS = {
    "calibrated": ((0.45, 0.25, 0.25, 0.05), ((6, 2), (2, 4), (3, 4), (5, 2))),
    "non-monotone": ((0.33, 0.20, 0.42, 0.05), ((3, 3), (6, 3), (1.5, 6), (4, 3))),
    "noise": ((0.45, 0.20, 0.30, 0.05), ((4, 4), (4, 4.4), (4, 4.2), (4, 4))),
}
"""Shares of both right, only the large, nobody, only the small; and the verdict rate of each."""


def world(scenario, rows, seed):
    """Confidence, and quality of both arms; each (rows,)."""
    shares, rates = SCENARIOS[scenario]
    generator = np.random.default_rng(seed)
    kind = generator.choice(4, rows, p=shares)
    first, second = np.array(rates)[kind].T
    confidence = generator.binomial(8, generator.beta(first, second)) / 8
    right = 0.5 + 0.5 * np.round(generator.random(rows), 2)
    small = np.where(np.isin(kind, (0, 3)), right, 0.0)
    large = np.where(np.isin(kind, (0, 1)), right, 0.0)
    return confidence, small, large


def lifts(small, large, quality, escalated):
    """IBC lift of rules by their mean quality and share escalated; NaN where undefined."""
    return ibc_lifts(
        quality=quality,
        cost=SMALL + CHECK + LARGE * escalated,
        quality_small=small.mean(),
        cost_small=SMALL,
        quality_large=large.mean(),
        cost_large=LARGE,
    )


def ours(train, test):
    """Training seconds, evaluation seconds, training lift and test lift."""
    confidence, small, large = train
    began = time.perf_counter()
    unknown = np.full_like(confidence, np.nan)
    examples = Examples(np.stack([small, large], 1), np.stack([confidence, unknown], 1))
    fitted = Pomdp(shrinkage=0).fit(examples)
    order, escalated, quality = fitted.prefixes()
    found = lifts(small, large, quality, escalated)
    best = int(np.nanargmax(found))
    trained = time.perf_counter()
    table = np.isin(np.arange(len(order)), order[:best])
    sent = table[np.searchsorted(fitted.edges_[0], test[0], side="right")]
    quality = np.where(sent, test[2], test[1]).mean()
    reached = ibc_lift(
        quality=float(quality),
        cost=SMALL + CHECK + LARGE * float(sent.mean()),
        quality_small=float(test[1].mean()),
        cost_small=SMALL,
        quality_large=float(test[2].mean()),
        cost_large=LARGE,
    )
    return trained - began, time.perf_counter() - trained, float(found[best]), reached


def theirs(train, test):
    """The same with the authors' package."""
    import pandas as pd
    from automix import POMDP, Automix

    def frame(confidence, small, large):
        kinds = np.select(
            [small < large, (small == large) & (small > 0)], ["NEEDY", "GOOD"], "UNDEFINED"
        )
        kinds = np.where((small == 0) & (large == 0), "HOPELESS", kinds)
        return pd.DataFrame(
            {"p_ver_13b": confidence, "llama13b_f1": small, "llama70b_f1": large, "category": kinds}
        )

    router = Automix(POMDP(num_bins=8), costs=[SMALL, LARGE], verifier_cost=CHECK)
    training, testing = frame(*train), frame(*test)
    began = time.perf_counter()
    router.train(training)
    trained = time.perf_counter()
    reached = router.evaluate(testing)[0]
    evaluated = time.perf_counter()
    best = router.evaluate(training)[
        0
    ]  # they keep no training lift; this takes no part in the time
    return trained - began, evaluated - trained, float(best), float(reached)


def million():
    """Seconds to fit and replay a router over a million rows, and the peak memory in GB."""
    confidence, small, large = world("non-monotone", 1_000_000, 1)
    table = Outcomes.from_arrays(
        ["small", "large"],
        np.stack([small, large], 1),
        [SMALL, LARGE],
        signals={"self_verification": np.stack([confidence, np.full_like(small, np.nan)], 1)},
        checks={"self_verification": [CHECK, CHECK]},
    )
    found = {}
    for name in ("threshold", "pomdp"):
        began = time.perf_counter()
        router = Router.preset("automix", meta_verifier=name).fit(table)
        fitted = time.perf_counter()
        router.replay(table, Preference())
        found[name] = {"fit": fitted - began, "replay": time.perf_counter() - fitted}
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return {"seconds": found, "peak_gb": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    peer = importlib.util.find_spec("automix") is not None
    results = []
    for scenario in SCENARIOS:
        for rows in arguments.rows:
            train, test = world(scenario, rows, 1), world(scenario, rows, 2)
            ours(train, test)  # the first call pays for imports
            row = {"scenario": scenario, "rows": rows, "ours": ours(train, test)}
            if peer:
                row["theirs"] = theirs(train, test)
                mine, other = (sum(row[who][:2]) for who in ("ours", "theirs"))
                row["times_faster"] = other / mine
            results.append(row)
            if not arguments.json:
                sys.stdout.write(f"{row}\n")
    extra = million() if arguments.million else None
    if arguments.json:
        sys.stdout.write(json.dumps({"results": results, "million": extra}) + "\n")
    elif extra:
        sys.stdout.write(f"{extra}\n")


if __name__ == "__main__":
    main()
