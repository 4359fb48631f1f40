"""Fitted thresholds are the best of their shape, and their shapes contain one another."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference
from automix_core.decide import Value
from automix_core.estimate import DoubleThreshold, FittedThreshold, Pomdp, TripleThreshold
from automix_core.evidence import Run
from automix_core.replay import replay
from tests.core.examples import every_state, examples, recorded, small_tables, told


def prefixes(n):
    return {frozenset(range(end)) for end in range(n + 1)}


def bands(n):
    return {frozenset(range(a, b)) for a in range(n + 1) for b in range(a, n + 1)}


def prefixes_and_bands(n):
    return {low | band for low in prefixes(n) for band in bands(n)}


SHAPES = {
    FittedThreshold: prefixes,
    DoubleThreshold: bands,
    TripleThreshold: prefixes_and_bands,
}
every_shape = pytest.mark.parametrize(("kind", "shape"), SHAPES.items(), ids=lambda x: x.__name__)
NETS = st.lists(st.integers(-4, 4).map(float) | st.floats(-1, 1), max_size=9).map(np.array)


@every_shape
@given(net=NETS)
def test_the_region_is_the_best_of_its_shape(kind, shape, net):
    chosen = frozenset(np.flatnonzero(kind().region(net)).tolist())
    assert chosen in shape(len(net))
    best = max(sum(net[list(region)]) for region in shape(len(net)))
    assert sum(net[list(chosen)]) == pytest.approx(best, abs=1e-12)


@every_shape
@pytest.mark.parametrize("net", [[], [0.0, 0.0], [-1.0, -2.0], [-1.0, 1.0, -1.0, 0.0]])
def test_nothing_is_escalated_that_does_not_gain(kind, shape, net):
    region = kind().region(np.array(net, dtype=float))
    assert (np.array(net)[region] > 0).all() or kind is FittedThreshold
    assert np.array(net)[region].sum() >= 0
    if max([0, *net]) == 0:
        assert not region.any()


def value(of, cost, checking, weight, estimator):
    """Mean value on the examples, when the small arm is asked and verified first."""
    table = recorded(of, cost, checking)
    seen = replay(table, estimator, Value(), Preference(weight), first=Run(0))
    return float((seen.quality - weight * seen.cost / cost[-1]).mean())


WEIGHTS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]) | st.floats(0, 1.5)
COSTS = st.sampled_from([[1.0, 10.0], [1.0, 50.0], [10.0, 10.0]])


@every_shape
@settings(max_examples=30)
@given(of=small_tables(2, 5), cost=COSTS, weight=WEIGHTS)
def test_followed_by_the_value_rule_it_is_the_best_region_of_all(kind, shape, of, cost, weight):
    """Answers without a verdict are a place of their own, escalated or not as they gain."""
    said = of.confidence[:, 0]
    values = np.unique(said[~np.isnan(said)])
    gain = of.quality[:, 1] - weight - of.quality[:, 0]
    silent = max(0.0, gain[np.isnan(said)].sum())
    best = max(gain[np.isin(said, values[list(region)])].sum() for region in shape(len(values)))
    expected = (of.quality[:, 0].sum() + silent + best) / len(of) - weight * cost[0] / cost[1]
    reached = value(of, cost, [0.0, 0.0], weight, kind().fit(of))
    assert reached == pytest.approx(expected, abs=1e-8)


@settings(max_examples=40)
@given(of=small_tables(2, 5), cost=COSTS, weight=WEIGHTS)
def test_each_shape_is_worth_at_least_what_a_narrower_one_is(of, cost, weight):
    kinds = {
        "threshold": FittedThreshold(),
        "double": DoubleThreshold(),
        "triple": TripleThreshold(),
        "pomdp": Pomdp(shrinkage=0),
    }
    worth = {
        name: value(of, cost, [cost[0], 0.0], weight, kind.fit(of)) for name, kind in kinds.items()
    }
    for less, more in combinations(kinds, 2):
        assert worth[less] <= worth[more] + 1e-8, (less, more)


def test_a_band_wins_where_the_least_confident_cannot_be_helped():
    """Easy, hard and hopeless questions: one threshold cannot tell the last two apart."""
    kinds = np.repeat([0, 1, 2], 30)  # hopeless, hard, easy
    quality = np.stack([kinds == 2, kinds >= 1], axis=1)
    of = examples(quality, np.stack([kinds / 2, np.full(90, np.nan)], axis=1))
    threshold, double = (
        value(of, [1.0, 10.0], [0.0, 0.0], 0.4, kind().fit(of))
        for kind in (FittedThreshold, DoubleThreshold)
    )
    assert double == pytest.approx(2 / 3 - 0.4 * 0.1 - 0.4 / 3)
    assert threshold == pytest.approx(2 / 3 - 0.4 * 0.1 - 0.4 * 2 / 3)


@every_shape
def test_the_region_follows_the_preference(kind, shape):
    of = told(300, 2, seed=2)
    fitted = kind().fit(of)
    table = recorded(of, [1, 10], [0, 0])
    escalated = [
        replay(table, fitted, Value(), Preference(w), first=Run(0)).asked[:, 1].mean()
        for w in (0.0, 0.2, 0.4, 2.0)
    ]
    assert escalated == sorted(escalated, reverse=True)
    assert escalated[0] > escalated[1] > escalated[3] == 0


@every_shape
def test_real_valued_confidences_and_many_rows_are_sorted_into_cells(kind, shape):
    rng = np.random.default_rng(4)
    said = rng.random((5000, 2))
    quality = (rng.random((5000, 2)) < np.stack([said[:, 0], np.full(5000, 0.8)], 1)).astype(float)
    fitted = kind().fit(examples(quality, said))
    made = fitted.estimate(every_state(examples(quality, said)), Preference(0.3))
    assert np.isfinite(made.quality).all()
    seen = replay(
        recorded(examples(quality, said), [1, 10], [0, 0]),
        fitted,
        Value(),
        Preference(0.3),
        first=Run(0),
    )
    assert seen.asked[:, 1].mean() == pytest.approx(0.5, abs=0.06)  # escalate below 0.8 - 0.3


@pytest.mark.parametrize("said", [0.5, np.nan])
@every_shape
def test_a_signal_that_says_one_thing_or_nothing_leaves_one_decision(kind, shape, said):
    quality = [[0.0, 1.0], [1.0, 1.0]] * 10
    fitted = kind().fit(examples(quality, np.full((20, 2), said)))
    table = recorded(examples(quality, np.full((20, 2), said)), [1, 10], [0, 0])
    for weight, escalates in ((0.4, True), (0.6, False)):
        seen = replay(table, fitted, Value(), Preference(weight), first=Run(0))
        assert (seen.asked[:, 1] == escalates).all()


@every_shape
def test_the_number_of_cells_is_checked(kind, shape):
    with pytest.raises(ConfigurationError, match=r"cells"):
        kind(cells=1)
