"""Random evidence and estimates, for what estimators and policies must keep to."""

import numpy as np
from hypothesis import strategies as st

from automix_core.evidence import Estimates, Evidence

WIDTH = 3  # of the features
QUEUES = st.sampled_from([0.0, 3.0, 20.0, np.nan])  # seconds
COARSE = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])  # so that ties happen


@st.composite
def evidences(draw, rows=None):
    """Evidence of n rows over two to four arms, cheapest first."""
    n = draw(st.integers(1, 6)) if rows is None else rows
    arms = draw(st.integers(2, 4))
    answered = table(draw, n, arms, st.booleans())
    verified = answered & table(draw, n, arms, st.booleans())
    listed = np.sort(table(draw, 1, arms, st.sampled_from([0.01, 0.1, 0.5, 1.0])), axis=1)
    cost = np.repeat(listed, n, axis=0)  # one price list for all rows
    share = draw(st.sampled_from([0.0, 0.25, 0.5])) * (np.arange(arms) < arms - 1)
    confidence = table(draw, n, arms, COARSE | st.floats(0, 1))
    return Evidence(
        able=~answered & table(draw, n, arms, st.booleans()),
        answered=answered,
        confidence=np.where(verified, confidence, np.nan),
        cost=cost,
        checking=cost * share,
        reference_cost=draw(st.sampled_from([0.5, 1.0, 2.0])),
        draw=table(draw, n, 1, st.floats(0, 0.99))[:, 0],
        features=draw(st.sampled_from([None, np.sin(np.arange(n * WIDTH).reshape(n, WIDTH) ** 2)])),
        waiting=draw(st.sampled_from([None, table(draw, n, arms, QUEUES)])),
    )


@st.composite
def estimates_for(draw, evidence):
    """Estimates of any kind for some evidence."""
    shape = evidence.able.shape
    quality = table(draw, *shape, COARSE | st.floats(0, 1))
    latency = table(draw, *shape, st.sampled_from([0.0, 1.0, np.nan]))
    return Estimates(
        quality=quality,
        sd=np.zeros(shape),
        cost=np.where(evidence.answered, 0.0, evidence.cost),
        latency=np.where(evidence.answered, 0.0, latency),
        reference_cost=evidence.reference_cost,
        novelty=draw(st.sampled_from([None, table(draw, *shape, COARSE)])),
    )


def table(draw, rows, columns, values):
    cells = draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
    return np.array(cells).reshape(rows, columns)


def row_of(evidence, index):
    """One row alone."""
    return Evidence(
        able=evidence.able[[index]],
        answered=evidence.answered[[index]],
        confidence=evidence.confidence[[index]],
        cost=evidence.cost[[index]],
        checking=evidence.checking[[index]],
        reference_cost=evidence.reference_cost,
        draw=evidence.draw[[index]],
        features=None if evidence.features is None else evidence.features[[index]],
        waiting=None if evidence.waiting is None else evidence.waiting[[index]],
    )
