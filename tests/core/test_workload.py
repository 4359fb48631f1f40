"""Measured costs stay with a router, and follow its prices where the tokens are known."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import Price
from automix_core.workload import Workload, learned_rates


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


# What a token costs.

SENT = np.random.default_rng(0).integers(100, 900, (50, 2)).astype(float)
GOT = np.random.default_rng(1).integers(5, 300, (50, 2)).astype(float)
COST = SENT * [1e-6, 4e-6] + GOT * [3e-6, 8e-6]


def test_token_prices_are_read_off_a_table_made_with_them():
    np.testing.assert_allclose(learned_rates(COST, SENT, GOT), [[1e-6, 3e-6], [4e-6, 8e-6]])


def test_costs_that_tokens_do_not_explain_have_no_token_prices():
    odd = COST.copy()
    odd[:, 0] = np.random.default_rng(2).lognormal(0, 1, 50)
    rates = learned_rates(odd, SENT, GOT)
    assert np.isnan(rates[0]).all()
    np.testing.assert_allclose(rates[1], [4e-6, 8e-6])


def test_an_arm_without_tokens_or_without_costs_has_no_token_prices():
    sent, cost = SENT.copy(), COST.copy()
    sent[:, 0] = cost[:, 1] = np.nan
    assert np.isnan(learned_rates(cost, sent, GOT)).all()


def test_token_prices_that_fit_one_row_or_a_price_of_nothing_are_no_error():
    one = learned_rates(COST[:1], SENT[:1], GOT[:1])
    tokens = np.stack([SENT[0], GOT[0]], axis=1)
    np.testing.assert_allclose((one * tokens).sum(axis=1), COST[0])
    np.testing.assert_array_equal(learned_rates(0 * COST, SENT, GOT), np.zeros((2, 2)))


def test_known_prices_take_the_place_of_token_prices_that_were_learned():
    learned = replace(workload(), rates=np.full((2, 2), np.nan))
    now = learned.at({"small": Price(4, 8), "large": Price(20, 40)})
    np.testing.assert_allclose(now.rates, [[4e-6, 8e-6], [2e-5, 4e-5]])
    assert learned.at({"small": Price(4, 8), "large": None}) is learned


def test_where_tokens_are_unknown_known_prices_are_told_all_the_same():
    now = workload((np.nan, 10.0)).at({"small": Price(4, 8), "large": Price(20, 40)})
    np.testing.assert_allclose(now.rates, [[4e-6, 8e-6], [2e-5, 4e-5]])
