"""The oracle: the best arm with hindsight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import oracle
from tests.core.worlds import table


@st.composite
def tables(draw):
    rows, arms = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    quality = table(draw, rows, arms, st.sampled_from([0.0, 0.5, 1.0]))
    cost = table(draw, rows, arms, st.sampled_from([0.125, 0.5, 1.0]))
    return quality, cost


@given(world=tables(), weight=st.sampled_from([0.0, 0.125, 0.5, 4.0]))
def test_no_arm_is_worth_more_and_none_as_good_is_cheaper(world, weight):
    quality, cost = world
    chosen = oracle(quality, cost, cost_weight=weight, reference_cost=1.0)
    worth = quality - weight * cost
    for row, arm in enumerate(chosen):
        best = worth[row].max()
        assert worth[row, arm] == best
        assert cost[row, arm] == cost[row, worth[row] == best].min()


def test_of_arms_equally_good_the_cheapest_then_the_first():
    assert oracle([[0.5, 0.5, 0.5]], [[3, 1, 1]]).tolist() == [1]
    assert oracle([[0.5, 0.9]], [[1, 99]]).tolist() == [1]


def test_with_a_cost_weight_a_dear_gain_is_declined():
    quality, cost = [[0.5, 0.6], [0.5, 1.0]], [[0, 10], [0, 10]]
    assert oracle(quality, cost, cost_weight=0.2).tolist() == [0, 1]


def test_an_arm_that_a_row_does_not_hold_is_not_chosen():
    quality, cost = [[np.nan, 0.1], [0.0, np.nan]], [[np.nan, 5], [1, np.nan]]
    assert oracle(quality, cost).tolist() == [1, 0]
    assert oracle(quality, cost, cost_weight=0.5).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("quality", "cost"), [([[np.nan]], [[1]]), ([[0.5]], [[np.nan]]), ([0.5], [1]), ([[]], [[]])]
)
def test_a_row_without_arms_is_refused(quality, cost):
    with pytest.raises(ConfigurationError, match="at least one arm"):
        oracle(quality, cost)


def test_costs_of_nothing_cannot_be_weighed():
    with pytest.raises(ConfigurationError, match="reference cost"):
        oracle([[0.5]], [[0.0]], cost_weight=0.1)
