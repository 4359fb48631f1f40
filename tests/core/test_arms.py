"""Arms stand in order of cost, and a wrong list of models is refused with advice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Arm, Arms, Capabilities, ConfigurationError, Needs, Price, UnknownNameError
from tests.core.conftest import Model, describe


def arms(models, prices=None):
    return Arms.of(models, describe=describe, prices=prices)


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=6))
def test_priced_arms_stand_cheapest_first_and_ties_keep_their_order(prices):
    named = {f"m{i}": Arm(Model("m"), price=(price, price)) for i, price in enumerate(prices)}
    made = arms(named)
    order = sorted(range(len(prices)), key=lambda i: (made.named(f"m{i}").price.input, i))
    assert made.names == tuple(f"m{i}" for i in order)
    assert made.basis == "prices"
    assert np.all(np.diff(made.costs) >= 0)
    assert made.reference_cost == made.costs[-1]


def test_declared_costs_decide_where_a_price_is_missing():
    dear = Arm(Model("dear"), price=(1, 1), relative_cost=30)
    made = arms([dear, Arm(Model("own"), relative_cost=2)])
    assert (made.names, made.basis, made.priced) == (("own", "dear"), "declared", False)
    assert list(made.costs) == [2, 30]


def test_the_declared_order_decides_where_nothing_is_known():
    made = arms([Model("b"), Model("a"), Arm(Model("c"), price=(9, 9))])
    assert (made.names, made.basis) == (("b", "a", "c"), "assumed")
    assert made.costs == pytest.approx([0.01, 0.1, 1.0])


def test_free_models_beside_priced_ones_keep_their_price_of_zero():
    made = arms([Arm(Model("paid"), price=(1, 1)), Arm(Model("local"), price=(0, 0))])
    assert (made.names, made.basis) == (("local", "paid"), "prices")
    assert made.costs[0] == 0


def test_models_that_are_all_free_stand_in_the_declared_order():
    assert arms([Arm(Model("b"), price=(0, 0)), Arm(Model("a"), price=(0, 0))]).basis == "assumed"


def test_prices_by_name_win_over_an_arms_own():
    made = arms({"a": Arm(Model("m"), price=(9, 9)), "b": Model("n")}, {"a": (1, 2), "b": (3, 4)})
    assert made.named("a").price == Price(1, 2)


def test_a_mapping_names_the_arms_and_a_list_takes_the_models_names():
    assert arms({"small": Model("x"), "large": Model("y")}).names == ("small", "large")
    assert arms([Model("x"), Arm(Model("y"), name="own")]).names == ("x", "own")


def test_capabilities_are_read_off_the_model_unless_stated():
    told = Arm(Model("a", {"logprobs": True}), capabilities=Capabilities(tools=True))
    made = arms([told, Model("b", {"logprobs": True})])
    assert made.named("a").can == Capabilities(tools=True)
    assert made.named("b").can == Capabilities(logprobs=True)


SAME = Model("same")


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ([], "at least two models, and got 0"),
        ([Model("a")], "at least two models, and got 1"),
        ([SAME, SAME], "same model object was given twice"),
        ({"a": SAME, "b": Arm(SAME)}, "same model object was given twice"),
        ([Model("a"), Model("a")], "both named 'a'"),
    ],
)
def test_a_list_of_models_that_cannot_work_is_refused(models, says):
    with pytest.raises(ConfigurationError, match=says):
        arms(models)


def test_a_price_for_an_arm_that_does_not_exist_lists_those_that_do():
    with pytest.raises(UnknownNameError, match=r"'c'.*'a', 'b'"):
        arms([Model("a"), Model("b")], {"c": (1, 1)})


@pytest.mark.parametrize("cost", [0, -1, float("nan"), float("inf")])
def test_a_relative_cost_must_be_a_cost(cost):
    with pytest.raises(ConfigurationError, match="positive"):
        Arm(Model("a"), relative_cost=cost)


def test_an_arm_never_shows_its_model():
    assert "secret" not in repr(Arm(Model("secret"), name="small"))


def test_what_is_unknown_is_no_reason_to_pass_an_arm_over():
    assert Capabilities().misfit(Needs(tools=True, images=True, tokens=10**9)) is None


def test_places_follow_the_names():
    made = arms([Model("a"), Model("b"), Model("c")])
    assert [made.position(name) for name in "abc"] == [0, 1, 2]
    assert (made[1].name, made.dearest.name) == ("b", "c")
    with pytest.raises(UnknownNameError, match="'d'"):
        made.position("d")
