"""How far a router's beliefs about answers can be trusted, arm by arm.

The belief is the estimator's expected quality of an answer once its signal is known. Where the
estimator tells only a few cases apart, as a threshold does, it is the verifier's confidence.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from automix_core.evaluate.report.study import Belief, Bin
from automix_core.evidence import Floats
from automix_core.fitting import embedded, recorded_by
from automix_core.metrics.bootstrap import Bootstrap
from automix_core.metrics.verifiers import signal_quality
from automix_core.outcomes import Outcomes
from automix_core.replay import Recorded
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
    ours = held.in_order(workload.arms)
    seen = recorded_by(ours, router.verifier, embedded(ours, router.embedder))
    recorded = replace(seen, workload=workload)
    found = []
    for place, arm in enumerate(workload.arms[:-1]):  # the dearest arm's are never verified
        if not np.isfinite(recorded.examples.confidence[:, place]).any():
            continue
        what, believed = _believed(router, recorded, place, preference)
        quality = recorded.examples.quality[:, place]
        measured = signal_quality(believed, quality, held.groups, seed=bootstrap.seed)
        bins = _bins(believed, quality, bootstrap)
        found.append(Belief(arm, what, bins, measured.auc, measured.brier, measured.ece))
    return tuple(found)


def _believed(
    router: Router, recorded: Recorded, place: int, preference: Preference
) -> tuple[str, Floats]:
    """What is believed of one arm's answers, in words and in numbers; NaN without a signal."""
    asked = np.zeros(recorded.cost.shape, dtype=bool)
    asked[:, place] = True
    rows = np.arange(len(asked))
    evidence = recorded.evidence(rows, asked, np.zeros(len(asked)))
    expected = router.estimator.estimate(evidence, preference).quality[:, place]
    confidence = recorded.examples.confidence[:, place]
    known = np.isfinite(confidence)
    if len(np.unique(expected[known])) < FEWEST_BELIEFS:
        return "the verifier's confidence", confidence
    return "expected quality", np.where(known, expected, np.nan)


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
