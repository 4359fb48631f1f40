"""Hulls, random mixing, areas and distances in the cost-quality plane."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import Hull, aiq, area, pareto_distance
from automix_core.metrics.hull import hull_at, pareto_distances

COARSE = st.integers(0, 8).map(lambda k: k / 8)
FINE = st.integers(0, 10**6).map(lambda k: k / 10**6)
POINTS = st.lists(st.tuples(COARSE | FINE, COARSE | FINE), min_size=1, max_size=8)


def columns(points):
    cost, quality = np.array(points, float).T
    return cost, quality


@given(points=POINTS)
def test_the_hull_is_concave_rising_and_above_every_point(points):
    cost, quality = columns(points)
    hull = Hull.of(cost, quality)
    assert (np.diff(hull.cost) > 0).all()
    assert (np.diff(hull.quality) > 0).all()
    slopes = np.diff(hull.quality) / np.diff(hull.cost)
    assert (np.diff(slopes) < 0).all()
    assert (hull.mixing_quality(cost) >= quality - 1e-12).all()
    assert hull.quality.max() == quality.max()
    assert hull.cost.min() == cost.min()


@given(points=POINTS)
def test_mixing_at_a_vertex_is_that_vertex(points):
    cost, quality = columns(points)
    hull = Hull.of(cost, quality)
    assert (hull.mixing_quality(hull.cost) == hull.quality).all()
    for place, x, y in zip(hull.places, hull.cost, hull.quality, strict=True):
        assert (cost[place], quality[place]) == (x, y)
        assert hull.mix(x)[place] == pytest.approx(1)


@given(points=POINTS, at=st.floats(-0.5, 1.5))
def test_the_mix_costs_what_was_asked_and_reaches_the_hull(points, at):
    cost, quality = columns(points)
    hull = Hull.of(cost, quality)
    shares = hull.mix(at)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    spent = sum(share * cost[place] for place, share in shares.items())
    reached = sum(share * quality[place] for place, share in shares.items())
    assert spent == pytest.approx(min(max(at, hull.cost[0]), hull.cost[-1]), abs=1e-9)
    assert reached == pytest.approx(float(hull.mixing_quality(at)), abs=1e-9)


@given(points=POINTS, at=st.floats(-0.5, 1.5), extra=st.tuples(FINE, FINE))
def test_one_more_point_never_lowers_the_hull_within_reach(points, at, extra):
    less, more = Hull.of(*columns(points)), Hull.of(*columns([*points, extra]))
    at = max(at, less.cost[0])
    assert more.mixing_quality(at) >= less.mixing_quality(at) - 1e-12


@given(worlds=st.lists(st.lists(st.tuples(FINE, FINE), min_size=3, max_size=3), min_size=1))
def test_many_hulls_at_once_are_the_same_as_one_by_one(worlds):
    cost, quality = (np.array([[p[i] for p in world] for world in worlds]) for i in (0, 1))
    at = (cost.min(axis=1) + cost.max(axis=1)) / 2
    one_by_one = [
        float(Hull.of(c, q).mixing_quality(x)) for c, q, x in zip(cost, quality, at, strict=True)
    ]
    assert hull_at(cost, quality, at) == pytest.approx(one_by_one, abs=1e-9)


def test_a_useless_middle_model_is_not_part_of_the_hull():
    hull = Hull.of([1, 5, 10, 20], [0.2, 0.3, 0.8, 0.7])
    assert hull.places == (0, 2)
    assert hull.mixing_quality(5.5) == pytest.approx(0.5)
    assert hull.mixing_quality(20) == 0.8
    assert hull.mix(5.5) == pytest.approx({0: 0.5, 2: 0.5})


def test_nothing_is_cheaper_than_the_cheapest_model():
    assert Hull.of([1, 2], [0.2, 0.4]).mixing_quality(0.1) == 0.2


@pytest.mark.parametrize(
    ("cost", "quality"), [([], []), ([1], [1, 2]), ([1, math.nan], [1, 2]), ([1], [math.inf])]
)
def test_points_that_were_not_measured_are_refused(cost, quality):
    with pytest.raises(ConfigurationError, match="hull needs"):
        Hull.of(cost, quality)


def test_area_is_the_mean_over_evenly_spaced_budgets():
    found = area([1, 3], [0.2, 0.6], low=1, high=5, below=0.1, budgets=5)
    assert found == pytest.approx((0.2 + 0.4 + 0.6 + 0.6 + 0.6) / 5)


def test_area_counts_the_fallback_where_the_router_cannot_be_run():
    found = area([2, 3], [0.5, 0.6], low=1, high=3, below=0.1, budgets=5)
    assert found == pytest.approx((0.1 + 0.1 + 0.5 + 0.55 + 0.6) / 5)


def test_aiq_is_the_exact_area_and_counts_nothing_under_the_cheapest_setting():
    assert aiq([1, 3], [0.2, 0.6], low=1, high=5) == pytest.approx((0.4 * 2 + 0.6 * 2) / 4)
    assert aiq([2, 3], [0.5, 0.6], low=1, high=3) == pytest.approx(0.55 / 2)
    assert aiq([9], [0.5], low=1, high=3) == 0


@given(points=POINTS)
def test_aiq_is_what_area_comes_to_with_ever_more_budgets(points):
    cost, quality = columns(points)
    exact = aiq(cost, quality, low=-0.25, high=1.25)
    assert area(cost, quality, low=-0.25, high=1.25, below=0, budgets=20_001) == pytest.approx(
        exact, abs=1e-3
    )


@pytest.mark.parametrize("high", [1, 0.5, math.nan])
def test_without_a_range_of_cost_there_is_no_area(high):
    assert area([1], [0.5], low=1, high=high, below=0) is None
    assert aiq([1], [0.5], low=1, high=high) is None


def front(cost, quality, points):
    front_cost, front_quality = columns(points)
    return pareto_distance(
        cost=cost, quality=quality, front_cost=front_cost, front_quality=front_quality
    )


def test_pareto_distance_is_to_the_nearest_side_of_the_front():
    points = [(0, 0.0), (10, 1.0)]
    assert front(5, 0.5, points) == pytest.approx(0)
    assert front(5, 0.3, points) == pytest.approx(0.2 / math.sqrt(2))
    assert front(20, 1.0, points) == 0  # it is as good as the best
    assert front(20, 0.9, points) == pytest.approx(0.1)
    assert front(1, 0.0, points) == pytest.approx(0.1 / math.sqrt(2))
    assert front(5, 0.9, points) == 0


@given(points=POINTS)
def test_nothing_on_the_hull_is_away_from_it(points):
    cost, quality = columns(points)
    hull = Hull.of(cost, quality)
    for x, y in zip(hull.cost, hull.quality, strict=True):
        distance = front(x, y, points)
        assert (distance is None) == (np.ptp(cost) == 0)
        assert distance is None or distance == pytest.approx(0, abs=1e-9)


@given(
    points=st.lists(st.tuples(FINE, FINE), min_size=2, max_size=6),
    asked=st.tuples(FINE, FINE),
)
def test_pareto_distance_is_the_shortest_of_all_ways_to_the_front(points, asked):
    cost, quality = columns(points)
    width = np.ptp(cost)
    distance = front(*asked, points)
    if distance is None:
        assert width == 0
        return
    hull = Hull.of(cost, quality)
    outside = asked[0] < hull.cost[0] or asked[1] >= hull.mixing_quality(asked[0])
    if outside:
        assert distance == pytest.approx(0, abs=1e-9)
        return
    x = np.concatenate([np.linspace(hull.cost[0], hull.cost[-1], 4001), [asked[0]]])
    x = x[x <= asked[0]]
    ways = np.hypot((x - asked[0]) / width, hull.mixing_quality(x) - asked[1])
    if asked[1] <= hull.quality[0]:
        ways = np.append(ways, (asked[0] - hull.cost[0]) / width)
    step = (hull.cost[-1] - hull.cost[0]) / width / 4000
    assert distance <= ways.min() + 1e-9
    slack = step + np.diff(hull.mixing_quality(x), prepend=hull.quality[0]).max()
    assert distance >= ways.min() - slack - 1e-9


def test_many_points_are_measured_in_worlds_of_their_own():
    cost, quality = np.array([[0.0, 10.0], [0.0, 10.0]]), np.array([[0.0, 1.0], [0.5, 1.0]])
    asked = np.array([[5.0, 10.0], [5.0, 10.0]]), np.array([[0.3, 0.9], [0.3, 1.0]])
    found = pareto_distances(*asked, cost, quality)
    for world in range(2):
        for place in range(2):
            single = front(
                asked[0][world, place],
                asked[1][world, place],
                list(zip(cost[world], quality[world], strict=True)),
            )
            assert found[world, place] == pytest.approx(single)


def test_without_a_range_of_cost_there_is_no_distance():
    assert front(1, 0.5, [(1, 0.5), (1, 0.7)]) is None
