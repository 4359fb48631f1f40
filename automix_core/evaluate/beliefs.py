"""How far a router's beliefs about answers can be trusted, arm by arm.

The belief is the estimator's expected quality of an answer once its signal is known. Where the
estimator tells only a few cases apart, as a threshold does, it is the verifier's confidence.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from automix_core.evaluate.study import Bin, Belief
from automix_core.evidence import Floats
from automix_core.fitting import recorded_by
from automix_core.metrics.bootstrap import Bootstrap
from automix_core.metrics.verifiers import signal_quality
from automix_core.outcomes import Outcomes
from automix_core.request import Preference
from automix_core.router import Router

__all__ = ["beliefs"]

MOST_BINS = 8
ROWS_A_BIN = 20
FEWEST_BELIEFS = 4


def beliefs(
    router: Router, held: Outcomes, preference: Preference, bootstrap: Bootstrap
) -> tuple[Belief, ...]:
    """One calibration for each arm whose answers are verified, the cheapest first.

    Args:
        router: A fitted router.
        held: Rows that hold every arm.
        preference: The trade-off.
        bootstrap: Over these rows.
    """
    if router.calibration is None:
        return ()
    workload = router.calibration.workload
    ours = recorded_by(held.in_order(workload.arms), router.verifier)
    recorded = replace(ours, workload=workload)
    rows, arms = recorded.cost.shape
    found = []
    for arm in range(arms - 1):  # an answer of the dearest arm is never verified
        confidence = recorded.examples.confidence[:, arm]
        known = np.isfinite(confidence)
        if not known.any():
            continue
        asked = np.zeros((rows, arms), dtype=bool)
        asked[:, arm] = True
        evidence = recorded.evidence(np.arange(rows), asked, np.zeros(rows))
        expected = router.estimator.estimate(evidence, preference).quality[:, arm]
        told_apart = len(np.unique(expected[known])) >= FEWEST_BELIEFS
        believed = np.where(known, expected if told_apart else confidence, np.nan)
        quality = recorded.examples.quality[:, arm]
        measured = signal_quality(believed, quality, held.groups, seed=bootstrap.seed)
        found.append(
            Belief(
                arm=workload.arms[arm],
                what="expected quality" if told_apart else "the verifier's confidence",
                bins=_bins(believed, quality, bootstrap),
                auc=measured.auc,
                brier=measured.brier,
                ece=measured.ece,
            )
        )
    return tuple(found)


def _bins(believed: Floats, quality: Floats, bootstrap: Bootstrap) -> tuple[Bin, ...]:
    """Bins of about equally many answers, each with its interval; equal beliefs share a bin."""
    known = np.isfinite(believed)
    count = int(np.clip(known.sum() // ROWS_A_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(believed[known], np.arange(1, count) / count))
    place = np.where(known, np.searchsorted(edges, believed, side="right"), -1)
    bins = []
    for number in range(len(edges) + 1):
        inside = place == number
        measured = bootstrap.interval(
            np.column_stack([np.where(inside, quality, 0.0), inside]),
            lambda sums: sums[:, 0] / sums[:, 1],
        )
        if measured is not None:
            bins.append(Bin(float(believed[inside].mean()), measured, int(inside.sum())))
    return tuple(bins)
