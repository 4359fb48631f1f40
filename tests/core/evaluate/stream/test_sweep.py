"""Routers under load, from one cost weight to the next."""

from dataclasses import replace

import pytest

from automix_core import ConfigurationError, Preference, Router
from automix_core.embed import Hashing
from automix_core.evaluate.stream import Stream, simulate, sweep
from tests.core.evaluate.stream.tables import ARMS, table

TABLE = table(200)
STREAM = Stream(requests=20, train_share=0.5)
ROUTERS = [("ridge", Router.preset("ridge", embedder=Hashing(16)))]


def test_each_point_is_what_a_simulation_at_that_weight_finds():
    swept, *beside = sweep(TABLE, ROUTERS, [0.05, 0.5], stream=STREAM)
    for weight, result in zip(swept.weights, swept.results, strict=True):
        alone = simulate(TABLE, ROUTERS, stream=STREAM, preference=Preference(weight))["ridge"]
        assert result.as_dict(ARMS) == alone.as_dict(ARMS)
    assert swept.results[1].cost < swept.results[0].cost
    assert [len(one.results) for one in beside] == [1] * 5
    assert all(one.baseline for one in beside)


def test_the_best_within_a_budget_is_the_best_of_those_that_keep_it():
    (swept, *_) = sweep(TABLE, ROUTERS, [0.0, 0.3], stream=STREAM)
    dear, cheap = swept.results
    assert swept.within(dear.cost).quality == max(dear.quality, cheap.quality)
    assert swept.within(cheap.cost) is cheap
    assert swept.within(cheap.cost / 2) is None
    tied = replace(swept, results=(replace(dear, quality=0.5), replace(cheap, quality=0.5)))
    assert tied.within(dear.cost).cost == cheap.cost


def test_a_weight_below_0_is_refused():
    with pytest.raises(ConfigurationError, match="cost_weight"):
        sweep(TABLE, ROUTERS, [-1.0])
