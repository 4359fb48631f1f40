"""Prices: what a call costs, from the user or from the price lists, and None where unknown."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError, ListPrice, Price
from automix_core.flow import Usage
from automix_core.prices import NOMINAL, as_price, listed_price, rates_of

TOKENS = st.integers(0, 10**6)


def test_a_price_is_us_dollars_a_million_tokens():
    assert Price(2, 8).cost(Usage(1_000_000, 500_000)) == 6.0


@given(TOKENS, TOKENS, TOKENS)
def test_cached_tokens_are_part_of_the_prompt_and_never_dearer_than_fresh(fresh, cached, output):
    usage = Usage(fresh + cached, output, cached)
    plain = Price(2, 8).cost(usage)
    assert Price(2, 8, cached_input=2).cost(usage) == pytest.approx(plain)
    assert Price(2, 8, cached_input=0).cost(usage) == pytest.approx(
        (2 * fresh + 8 * output) / 10**6
    )


def test_more_cached_tokens_than_tokens_cost_no_less_than_nothing():
    assert Price(2, 8, cached_input=1).cost(Usage(10, 0, cached_tokens=999)) == 10 / 10**6


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", None, True])
def test_what_is_no_price_is_refused_by_name(value):
    with pytest.raises(ConfigurationError, match=r"Price\.output"):
        Price(1, value)


@pytest.mark.parametrize("given", [(1, 2), [1, 2], Price(1, 2)])
def test_a_pair_will_do_for_a_price(given):
    assert as_price(given) == Price(1, 2)


@pytest.mark.parametrize("given", [(1,), "0.1", 3, None])
def test_anything_else_is_refused_with_the_form_that_works(given):
    with pytest.raises(ConfigurationError, match=r"Price\(input=\.\.\., output=\.\.\.\)"):
        as_price(given)


def test_anything_that_knows_what_a_call_cost_is_a_price():
    class Flat:
        def cost(self, usage):
            return 0.01

    assert as_price(Flat()).cost(NOMINAL) == 0.01


def test_known_models_are_found_in_the_price_lists():
    pytest.importorskip("genai_prices")
    price = listed_price("gpt-4o-mini", "openai")
    assert price == ListPrice("gpt-4o-mini", "openai")
    assert 0 < price.cost(NOMINAL) < listed_price("gpt-4o", "openai").cost(NOMINAL)


def test_a_model_that_no_list_knows_has_no_price():
    pytest.importorskip("genai_prices")
    assert listed_price("my-own-llama") is None
    assert ListPrice("my-own-llama").cost(NOMINAL) is None
    assert listed_price("gpt-4o", "no-such-provider") is None


def test_without_the_extra_there_are_no_list_prices(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert listed_price("gpt-4o-mini", "openai") is None


# What one more token costs.


@dataclass(frozen=True)
class Fee:
    """So much a call, and so much a token."""

    def cost(self, usage):
        return 0.5 + 2e-6 * usage.input_tokens + 6e-6 * usage.output_tokens


def test_a_price_says_what_a_token_costs():
    assert rates_of(Price(3, 15)) == (3e-6, 15e-6)


def test_any_other_price_is_read_off_typical_calls_and_a_fee_is_no_token_price():
    np.testing.assert_allclose(rates_of(Fee()), (2e-6, 6e-6))


@pytest.mark.parametrize("price", [None, ListPrice("no-such-model")], ids=["none", "unlisted"])
def test_what_has_no_known_price_has_no_token_price(price):
    if price is not None:
        pytest.importorskip("genai_prices")
    assert np.isnan(rates_of(price)).all()


def test_list_prices_are_read_off_the_list():
    pytest.importorskip("genai_prices")
    sent, got = rates_of(ListPrice("gpt-4o-mini", "openai"))
    assert 0 < sent < got < 1e-4
