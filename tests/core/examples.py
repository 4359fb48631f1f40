"""Examples to learn from, for the tests of what learns."""

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import strategies as st

from automix_core import Outcomes
from automix_core.estimate import Calibrated
from automix_core.evidence import Evidence, Examples
from automix_core.replay import Recorded
from automix_core.workload import Workload
from tests.core.worlds import WIDTH

SIGNAL = "self_verification"


def examples(quality, confidence, **signals):
    """Examples from nested lists; `None` and NaN are what is missing."""
    quality, confidence = (np.array(x, dtype=float) for x in (quality, confidence))
    confidence = np.where(np.isnan(quality), np.nan, confidence)
    return Examples(quality, confidence, signals or {SIGNAL: confidence})


def outcomes(quality, cost, confidence, *, check=0.0, **more):
    """An outcome table whose one signal is `confidence`."""
    quality = np.array(quality, dtype=float)
    confidence = np.where(np.isnan(quality), np.nan, np.array(confidence, dtype=float))
    cost = np.where(np.isnan(quality), np.nan, np.broadcast_to(cost, quality.shape))
    check = np.where(np.isnan(quality), np.nan, np.broadcast_to(check, quality.shape))
    return Outcomes.from_arrays(
        [f"m{arm}" for arm in range(quality.shape[1])],
        quality,
        cost,
        signals={SIGNAL: confidence},
        checks={SIGNAL: check},
        **more,
    )


def recorded(of, cost, checking):
    """Examples as a replay takes them, each answer and each check at its mean cost."""
    shape = of.quality.shape
    cost, checking = np.array(cost, dtype=float), np.array(checking, dtype=float)
    unknown = np.full(shape, np.nan)
    return Recorded(
        examples=of,
        cost=np.broadcast_to(cost, shape),
        check_cost=np.broadcast_to(checking, shape),
        latency=unknown,
        check_latency=unknown,
        workload=Workload(
            tuple(f"m{arm}" for arm in range(shape[1])), cost, checking, unknown[0], unknown[0]
        ),
    )


def told(rows, arms, seed, *, missing=0.0, grid=8):
    """Examples in which confidence tells something of quality, in every arm but the dearest.

    The first of their features tells how easy a request is.
    """
    rng = np.random.default_rng(seed)
    ease = rng.random((rows, 1))
    chance = np.clip(ease + np.linspace(-0.2, 0.2, arms), 0, 1)
    quality = (rng.random((rows, arms)) < chance).astype(float)
    said = rng.binomial(grid, 0.25 + 0.5 * quality) / grid
    said[rng.random((rows, arms)) < missing] = np.nan
    features = np.hstack([ease, np.random.default_rng((seed, 1)).random((rows, WIDTH - 1))])
    return replace(examples(quality, said), features=features)


@cache
def fitted(estimator, arms):
    """An estimator that has learned from 300 examples, some of them without a verdict."""
    if isinstance(estimator, Calibrated):
        weights = np.array([0.0, 1.0])
        gain = np.tile(np.linspace(-0.1, 0.2, arms), (2, 1))
        gain[:, -1] = np.nan
        return Calibrated(fitted(estimator.inner, arms), weights, gain, np.full_like(gain, 0.02))
    return estimator.fit(replace(told(300, arms, seed=arms, missing=0.1), signals={}))


def every_state(of):
    """Evidence in which each set of the arms has answered, the rows taken in turn."""
    rows, arms = of.quality.shape
    answered = (np.arange(rows)[:, None] >> np.arange(arms)) % 2 == 1
    cost = np.tile(np.arange(1.0, arms + 1), (rows, 1))
    return Evidence(
        able=~answered,
        answered=answered,
        confidence=np.where(answered, of.confidence, np.nan),
        cost=cost,
        checking=cost * [*[0.25] * (arms - 1), 0],
        reference_cost=float(arms),
        draw=np.zeros(rows),
        signals={n: np.where(answered, v, np.nan) for n, v in of.signals.items()},
        features=of.features,
    )


@st.composite
def small_tables(draw, arms, cells, missing=True, rows=(1, 12)):
    """A few examples whose confidences take few values, with ties in plenty."""
    n = draw(st.integers(*rows))
    values = [round(cell / (cells - 1), 3) if cells > 1 else 0.5 for cell in range(cells)]
    said = st.sampled_from([*values, *([np.nan] if missing else [])])
    quality = st.sampled_from([0.0, 0.25, 0.5, 1.0])

    def table(of):
        return np.array(draw(st.lists(of, min_size=n * arms, max_size=n * arms))).reshape(n, arms)

    return examples(table(quality), table(said))
