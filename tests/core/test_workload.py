"""Measured costs stay with a router, and follow its prices where the tokens are known."""

import numpy as np
import pytest

from automix_core import Price
from automix_core.workload import Workload


def workload(tokens=(1000.0, 10.0), cost=(0.001, 0.01)):
    sent, got = (np.full(2, number) for number in tokens)
    return Workload(("small", "large"), np.array(cost), np.array([0.0005, 0.0]), sent, got)


def test_the_reference_is_the_dearest_arms_answer():
    assert workload().reference_cost == 0.01
    assert workload().costs == {"small": (0.001, 0.0005), "large": (0.01, 0.0)}


def test_at_new_prices_answers_are_priced_anew_and_checks_in_proportion():
    prices = {"small": Price(4, 0), "large": Price(20, 0)}
    now = workload().at(prices)
    np.testing.assert_allclose(now.cost, [0.004, 0.02])
    np.testing.assert_allclose(now.checking, [0.002, 0])
    np.testing.assert_array_equal(now.input_tokens, [1000, 1000])


@pytest.mark.parametrize("tokens", [(np.nan, 10.0), (1000.0, np.nan)])
def test_where_tokens_are_unknown_the_measured_costs_stand(tokens):
    now = workload(tokens).at({"small": Price(4, 0), "large": Price(20, 0)})
    assert now.cost.tolist() == [0.001, 0.01]
    assert now.checking.tolist() == [0.0005, 0.0]


def test_where_a_price_is_unknown_the_measured_costs_stand():
    assert workload().at({"small": Price(4, 0), "large": None}).cost.tolist() == [0.001, 0.01]
    assert workload().at({"small": Price(4, 0)}).cost.tolist() == [0.001, 0.01]


def test_prices_of_nothing_leave_nothing_to_compare_and_are_ignored():
    free = {"small": Price(0, 0), "large": Price(0, 0)}
    assert workload().at(free).reference_cost == 0.01


def test_an_arm_that_was_free_gets_its_price_and_its_checks_stay():
    now = workload(cost=(0.0, 0.01)).at({"small": Price(4, 0), "large": Price(20, 0)})
    np.testing.assert_allclose(now.cost, [0.004, 0.02])
    np.testing.assert_allclose(now.checking, [0.0005, 0])
