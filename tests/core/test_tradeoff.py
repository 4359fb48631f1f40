"""Budgets, quality floors and lifts come down to cost weights, exactly on the measured curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference, Router
from automix_core.branches import drawn
from automix_core.metrics import ibc_lift
from automix_core.tradeoff import Tradeoff
from tests.core.examples import outcomes, told

points = st.tuples(st.floats(0.1, 10), st.floats(0, 1))


def curve(costs_and_qualities, ends=((0.2, 0.05), (0.9, 5.0))):
    """A measured curve; the weights are only names of its points."""
    cost, quality = np.array(costs_and_qualities, dtype=float).T
    return Tradeoff(np.arange(len(cost)) / 10.0, quality, cost, np.array(ends, dtype=float))


def mean(tradeoff, ways, column):
    """What following the ways comes to, on the measured curve."""
    places = [round(way.cost_weight * 10) for _, way in ways]
    shares = np.array([share for share, _ in ways])
    return float(shares @ getattr(tradeoff, column)[places])


CURVES = st.lists(points, min_size=1, max_size=8).map(curve)


@given(tradeoff=CURVES, place=st.floats(0, 1))
def test_a_budget_is_met_exactly_in_expectation(tradeoff, place):
    """Between the cheapest way and the dearest that is any better, all of it is spent."""
    best = int(np.argmax(tradeoff.quality))
    dearest = tradeoff.cost[tradeoff.quality == tradeoff.quality[best]].min()
    budget = tradeoff.cost.min() + place * (dearest - tradeoff.cost.min())
    ways = tradeoff.branches(Preference(budget=budget))
    assert sum(share for share, _ in ways) == pytest.approx(1)
    assert all(share > 0 for share, _ in ways)
    assert mean(tradeoff, ways, "cost") == pytest.approx(budget)


@given(tradeoff=CURVES, place=st.floats(0, 1), one=st.integers(0, 7), other=st.integers(0, 7))
def test_no_other_mixture_of_two_points_buys_more_quality(tradeoff, place, one, other):
    budget = tradeoff.cost.min() + place * np.ptp(tradeoff.cost)
    ways = tradeoff.branches(Preference(budget=budget))
    assert mean(tradeoff, ways, "cost") <= budget * (1 + 1e-9)
    one, other = (place % len(tradeoff.cost) for place in (one, other))
    for share in np.linspace(0, 1, 21):
        cost = (1 - share) * tradeoff.cost[one] + share * tradeoff.cost[other]
        if cost <= budget:
            reached = (1 - share) * tradeoff.quality[one] + share * tradeoff.quality[other]
            assert mean(tradeoff, ways, "quality") >= reached - 1e-9


@given(tradeoff=CURVES, place=st.floats(0, 1))
def test_a_quality_floor_is_met_exactly_and_as_cheaply_as_can_be(tradeoff, place):
    cheapest = tradeoff.cost == tradeoff.cost.min()
    least, most = tradeoff.quality[cheapest].max(), tradeoff.quality.max()
    floor = float(least + place * (most - least))
    ways = tradeoff.branches(Preference(min_quality=floor))
    assert sum(share for share, _ in ways) == pytest.approx(1)
    assert mean(tradeoff, ways, "quality") == pytest.approx(floor, abs=1e-9)
    bought = tradeoff.branches(Preference(budget=mean(tradeoff, ways, "cost")))
    assert mean(tradeoff, bought, "quality") == pytest.approx(floor, abs=1e-6)


def test_a_floor_below_everything_and_a_budget_above_it_take_the_ends():
    tradeoff = curve([(1, 0.4), (2, 0.6), (4, 0.7), (5, 0.65)])
    ((share, way),) = tradeoff.branches(Preference(min_quality=0.1))
    assert (share, way.cost_weight) == (1, 0.0)
    ((share, way),) = tradeoff.branches(Preference(budget=100))
    assert (share, way.cost_weight) == (1, 0.2)


@pytest.mark.parametrize(
    ("preference", "says"),
    [
        (Preference(budget=0.99), r"budget of 0\.99 .* cheapest way costs 1\b"),
        (Preference(budget=0), r"cheapest way costs 1\b"),
        (Preference(min_quality=0.71), r"0\.71 is out of reach: the best measured is 0\.7\b"),
    ],
)
def test_what_cannot_be_had_is_refused_and_what_can_is_said(preference, says):
    tradeoff = curve([(1, 0.4), (2, 0.6), (4, 0.7)])
    with pytest.raises(ConfigurationError, match=says):
        tradeoff.branches(preference)


def test_the_ends_themselves_can_be_had():
    tradeoff = curve([(1, 0.4), (2, 0.6), (4, 0.7)])
    assert mean(tradeoff, tradeoff.branches(Preference(budget=1.0)), "quality") == 0.4
    assert mean(tradeoff, tradeoff.branches(Preference(min_quality=0.7)), "cost") == 4


@given(tradeoff=CURVES)
def test_the_lift_is_the_greatest_of_all_measured_points(tradeoff):
    ((share, way),) = tradeoff.branches(Preference(maximise="ibc_lift"))
    (small_quality, small_cost), (large_quality, large_cost) = tradeoff.ends
    lifts = [
        ibc_lift(
            quality=float(quality),
            cost=float(cost),
            quality_small=small_quality,
            cost_small=small_cost,
            quality_large=large_quality,
            cost_large=large_cost,
        )
        for quality, cost in zip(tradeoff.quality, tradeoff.cost, strict=True)
    ]
    assert share == 1
    assert lifts[round(way.cost_weight * 10)] == pytest.approx(max(lifts), abs=1e-9)


def test_a_point_that_is_the_small_arm_itself_has_no_lift_and_is_not_chosen():
    tradeoff = curve([(4, 0.7), (2, 0.35), (1, 0.2)], ends=((0.2, 1.0), (0.8, 10.0)))
    ((_, way),) = tradeoff.branches(Preference(maximise="ibc_lift"))
    assert way.cost_weight == 0.0


@pytest.mark.parametrize(
    "ends", [((0.8, 1.0), (0.2, 10.0)), ((0.5, 1.0), (0.5, 10.0)), ((0.2, 1.0), (0.8, 1.0))]
)
def test_where_no_lift_is_defined_the_cheapest_weight_is_taken(ends):
    tradeoff = curve([(4, 0.7), (2, 0.35), (1, 0.2)], ends=ends)
    ((share, way),) = tradeoff.branches(Preference(maximise="ibc_lift"))
    assert (share, way.cost_weight) == (1, 0.2)


def test_without_an_objective_a_preference_is_followed_as_it_is():
    preference = Preference(0.2, latency_weight=0.1)
    assert curve([(1, 0.4)]).branches(preference) == ((1.0, preference),)


def test_whatever_else_a_preference_holds_is_kept():
    ways = curve([(1, 0.4), (4, 0.7)]).branches(Preference(budget=2, max_latency=3, force="m0"))
    assert [way.max_latency for _, way in ways] == [3, 3]
    assert [way.force for _, way in ways] == ["m0", "m0"]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True))
def test_a_number_falls_on_the_branch_of_its_share(weights, number):
    shares = np.array(weights) / sum(weights)
    ways = tuple((float(s), Preference(float(i))) for i, s in enumerate(shares))
    place = min(int(np.searchsorted(np.cumsum(shares), number, "right")), len(ways) - 1)
    assert drawn(ways, number).cost_weight == place


@pytest.mark.parametrize(
    "both",
    [
        {"budget": 1.0, "min_quality": 0.5},
        {"budget": 1.0, "maximise": "ibc_lift"},
        {"min_quality": 0.5, "maximise": "ibc_lift"},
    ],
)
def test_objectives_that_contradict_each_other_are_refused(both):
    with pytest.raises(ConfigurationError, match="one objective"):
        Preference(**both)


def world(rows, seed):
    of = told(rows, 2, seed)
    return outcomes(of.quality, [1.0, 10.0], of.confidence, check=1.0)


TRAIN = world(200, 0)


@pytest.mark.parametrize(
    "preference",
    [Preference(budget=3.0), Preference(min_quality=0.5), Preference(maximise="ibc_lift")],
)
def test_a_router_that_was_not_fitted_refuses_objectives_and_says_what_to_do(preference):
    objective = preference.objectives[0]
    with pytest.raises(ConfigurationError, match=rf"{objective}.*router\.fit\(outcomes\)"):
        Router.preset("automix").replay(TRAIN, preference)


@settings(max_examples=8)
@given(st.floats(0, 1))
def test_a_fitted_routers_budget_is_spent_on_its_measured_curve(place):
    router = fitted()
    measured = router.calibration.tradeoff
    best = measured.cost[int(np.argmax(measured.quality))]
    budget = float(measured.cost.min() + place * (best - measured.cost.min()))
    ways = measured.branches(Preference(budget=budget))
    places = [int(np.searchsorted(measured.weights, way.cost_weight)) for _, way in ways]
    spent = sum(share * measured.cost[p] for (share, _), p in zip(ways, places, strict=True))
    assert spent == pytest.approx(budget)


def test_one_fitted_router_serves_every_objective():
    fresh = world(3000, 1)
    router = fitted()
    costs = [
        router.replay(fresh, Preference(budget=budget)).cost.mean() for budget in (2.0, 4.0, 6.0)
    ]
    np.testing.assert_allclose(costs, [2, 4, 6], rtol=0.15)
    reached = [
        router.replay(fresh, Preference(min_quality=floor)).quality.mean() for floor in (0.5, 0.6)
    ]
    np.testing.assert_allclose(reached, [0.5, 0.6], atol=0.06)
    assert np.isfinite(router.replay(fresh, Preference(maximise="ibc_lift")).quality).all()


ROUTERS = []


def fitted():
    if not ROUTERS:
        ROUTERS.append(Router.preset("automix", meta_verifier="bayes").fit(TRAIN))
    return ROUTERS[0]
