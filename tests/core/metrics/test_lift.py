"""AutoMix's metric, against the figures its authors published and at every edge."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import ibc_lift, ibc_lifts, mean_region_lift, region_lifts

POINTS = Path(__file__).parents[2] / "data" / "automix_operating_points.json"
PAPER = {
    "quality_small": 0.4,
    "cost_small": 1,
    "quality_large": 0.55,
    "cost_large": 50,
}
QUALITIES = st.integers(0, 64).map(lambda k: k / 64)


def published_points():
    tables = json.loads(POINTS.read_text(encoding="utf-8"))["data_sets"]
    for name, table in tables.items():
        for point in table["points"]:
            yield pytest.param(table, point, id=f"{name}: {point['rule']}")


PUBLISHED = list(published_points())


def alone(table):
    names = ("quality_small", "cost_small", "quality_large", "cost_large")
    return {name: table[name] for name in names}


def test_the_published_points_are_of_three_data_sets():
    assert len({param.id.split(":")[0] for param in PUBLISHED}) == 3
    assert len(PUBLISHED) > 30


@pytest.mark.parametrize(("table", "point"), PUBLISHED)
def test_the_lift_of_the_published_means_is_the_published_lift(table, point):
    means = {"quality": point["mean_quality"], "cost": point["mean_cost"], **alone(table)}
    assert ibc_lift(**means) == pytest.approx(point["ibc_lift"], abs=1e-9, rel=0)
    assert ibc_lifts(**means) == pytest.approx(point["ibc_lift"], abs=1e-9, rel=0)


@pytest.mark.parametrize(("table", "point"), PUBLISHED)
def test_the_lift_of_the_recovered_counts_is_the_published_lift(table, point):
    rows, large = table["rows"], table["cost_large"]
    lift = ibc_lift(
        quality=table["quality_small"] + point["summed_gain"] / rows,
        cost=table["cost_small"] + table["cost_verify"] + large * point["escalated"] / rows,
        **alone(table),
    )
    assert lift == pytest.approx(point["ibc_lift"], abs=1e-9, rel=0)


@given(verifier=st.floats(1e-9, 1e9), small=st.floats(0, 0.5))
def test_never_escalating_is_exactly_minus_one_whatever_the_verifier_costs(verifier, small):
    means = {**PAPER, "cost_small": 1e-3, "quality_small": small}
    assert ibc_lift(quality=small, cost=1e-3 + verifier, **means) == -1.0
    assert ibc_lifts(quality=small, cost=1e-3 + verifier, **means) == -1.0


@given(small=QUALITIES, large=QUALITIES)
def test_always_escalating_at_the_papers_costs_is_exactly_the_known_loss(small, large):
    means = {**PAPER, "quality_small": small, "quality_large": large}
    lift = ibc_lift(quality=large, cost=1 + 1 + 50, **means)
    assert lift == (-0.0392156862745098 if large > small else None)


@pytest.mark.parametrize(
    ("share", "ratio", "lift"), [(0.1, 50, -0.183), (1, 4.5, -0.36), (1, 15, -0.125)]
)
def test_escalating_at_random_loses(share, ratio, lift):
    means = {**PAPER, "cost_large": ratio}
    quality = 0.4 + share * (0.55 - 0.4)
    found = ibc_lift(quality=quality, cost=2 + share * ratio, **means)
    assert found == pytest.approx(lift, abs=5e-3)


@pytest.mark.parametrize(
    "means",
    [
        {"cost_large": 1},
        {"cost_large": 0.5},
        {"quality_large": 0.4},
        {"quality_large": 0.3},
        {"cost": 1},
        {"cost": 0.5},
        {"quality": math.nan},
        {"cost": math.nan},
        {"cost": math.inf},
        {"quality_small": math.nan},
        {"quality_large": math.nan},
        {"cost_large": math.inf},
    ],
    ids=str,
)
def test_a_lift_that_means_nothing_is_none_and_never_a_number(means):
    whole = {"quality": 0.45, "cost": 10, **PAPER}
    assert ibc_lift(**whole) is not None
    assert ibc_lift(**{**whole, **means}) is None
    assert np.isnan(ibc_lifts(**{**whole, **means}))


def test_a_verifier_that_is_free_and_never_escalates_has_no_lift():
    assert ibc_lift(quality=0.4, cost=1, **PAPER) is None


@given(
    quality=QUALITIES,
    cost=st.integers(2, 60),
    power=st.integers(-40, 40),
    factor=st.sampled_from([0.25, 0.5]),
    shift=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_the_lift_knows_no_unit_of_cost_nor_of_quality(quality, cost, power, factor, shift):
    means = {"quality_small": 0.25, "cost_small": 1, "quality_large": 0.75, "cost_large": 50}
    lift = ibc_lift(quality=quality, cost=cost, **means)
    dollars = {k: v * 2.0**power if "cost" in k else v for k, v in means.items()}
    assert ibc_lift(quality=quality, cost=cost * 2.0**power, **dollars) == lift
    graded = {k: v * factor + shift if "quality" in k else v for k, v in means.items()}
    assert ibc_lift(quality=quality * factor + shift, cost=cost, **graded) == lift


@given(
    rows=st.lists(st.tuples(*[st.floats(-1, 2) | st.just(math.nan)] * 6), min_size=1, max_size=5),
)
def test_many_at_once_are_the_same_as_one_by_one(rows):
    names = ("quality", "cost", "quality_small", "cost_small", "quality_large", "cost_large")
    grid = np.round(np.array(rows), 3)
    together = ibc_lifts(**dict(zip(names, grid.T, strict=True)))
    for row, lift in zip(grid, together, strict=True):
        single = ibc_lift(**dict(zip(names, row, strict=True)))
        assert (single is None) == np.isnan(lift)
        assert single is None or single == pytest.approx(lift, rel=1e-6, abs=1e-9)


def regions(quality, cost, quality_alone=(0.4, 0.9), cost_alone=(0, 50), **more):
    return region_lifts(
        quality=quality, cost=cost, quality_alone=quality_alone, cost_alone=cost_alone, **more
    )


def test_every_region_of_cost_counts_its_own_points():
    cost = [5, 15, 15, 52]
    base = 0.01
    quality = [0.4 + 2 * base * 5, 0.4 + base * 15, 0.4 + 2 * base * 15, 0.9]
    lifts = regions(quality, cost)
    assert lifts == pytest.approx([1.0, 0.5, None, None, 50 / 52 - 1])
    assert mean_region_lift(lifts) == pytest.approx((1.0 + 0.5 + 50 / 52 - 1) / 3)


def test_with_three_models_each_point_is_compared_with_the_best_pair_at_its_cost():
    alone = {"quality_alone": [0.4, 0.8, 0.9], "cost_alone": [0, 10, 50]}
    assert regions([0.6], [5], **alone)[0] == pytest.approx(0)
    assert regions([0.8 + 0.05], [30], **alone)[3] == pytest.approx(0, abs=1e-9)
    assert regions([0.8 + 0.10], [30], **alone)[3] == pytest.approx(1)


def test_a_middle_model_under_the_line_plays_no_part():
    with_it = regions([0.7], [25], quality_alone=[0.4, 0.5, 0.9], cost_alone=[0, 25, 50])
    assert with_it == regions([0.7], [25])
    assert with_it[2] == pytest.approx((0.3 / 25) / (0.5 / 50) - 1)


def test_regions_without_a_defined_lift_say_so():
    assert regions([0.9], [10], quality_alone=[0.9, 0.4]) == [None] * 5
    assert regions([0.9], [10], cost_alone=[5, 5]) == [None] * 5
    assert regions([], []) == [None] * 5
    assert mean_region_lift([None] * 5) is None
    with pytest.raises(ConfigurationError, match="at least one region"):
        regions([0.9], [10], regions=0)
