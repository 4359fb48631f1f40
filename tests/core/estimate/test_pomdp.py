"""The POMDP is exact: nothing that can be done on its examples is worth more."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference
from automix_core.decide import Value
from automix_core.estimate import Pomdp
from automix_core.evidence import Run
from automix_core.replay import replay
from tests.core.examples import every_state, examples, recorded, small_tables, told

WEIGHTS = st.sampled_from([0.0, 0.05, 0.1, 0.3, 1.0]) | st.floats(0, 2)
PRICES = st.sampled_from([[1.0, 10.0], [1.0, 50.0], [10.0, 10.0], [0.0, 1.0]])


def worth(of, cost, checking, weight, estimator, **how):
    """Mean value on the examples of following an estimator, and what was done."""
    table = recorded(of, cost, checking)
    seen = replay(table, estimator, Value(), Preference(weight), **how)
    return float((seen.quality - weight * seen.cost / table.workload.reference_cost).mean())


def best_of_all(of, cost, checking, weight):
    """The greatest mean value of any policy: every single one is written down.

    A policy is a tree: stop with an answer in hand, ask an arm for good, or ask an arm, have its
    answer verified, and have a policy for each thing the verifier may say.
    """
    price = weight * np.asarray(cost) / cost[-1]
    check = weight * np.asarray(checking) / cost[-1]
    arms = len(cost)

    def every(rows, asked):
        """The summed value, over these rows, of each policy that could follow."""
        found = [of.quality[rows, arm].sum() for arm in asked]
        for arm in sorted(set(range(arms)) - set(asked)):
            found.append((of.quality[rows, arm] - price[arm]).sum())
            if arm == arms - 1:
                continue
            totals = np.array([-(price[arm] + check[arm]) * len(rows)])
            for said in np.unique(of.confidence[rows, arm]):
                column = of.confidence[rows, arm]
                part = rows[np.isnan(column) if np.isnan(said) else column == said]
                totals = np.add.outer(totals, every(part, (*asked, arm))).ravel()
            found.extend(totals.tolist())
        return np.array(found)

    policies = every(np.arange(len(of)), ())
    return float(policies.max()) / len(of), len(policies)


@settings(max_examples=40)
@given(of=small_tables(2, 4), cost=PRICES, check=st.sampled_from([0.0, 0.5, 1.0]), weight=WEIGHTS)
def test_two_arms_are_the_best_of_all_escalation_tables(of, cost, check, weight):
    """Start with the small arm, and escalate any set of cells, no verdict being one of them."""
    checking = [check * cost[0], 0.0]
    said = np.nan_to_num(of.confidence[:, 0], nan=2.0)
    values, place = np.unique(said, return_inverse=True)
    price = weight * np.asarray(cost) / cost[-1]
    paid = price[0] + weight * checking[0] / cost[-1]
    best = max(
        np.where(np.array(table)[place], of.quality[:, 1] - price[1], of.quality[:, 0]).mean()
        for table in product([False, True], repeat=len(values))
    )
    reached = worth(of, cost, checking, weight, Pomdp(shrinkage=0).fit(of), first=Run(0))
    assert reached == pytest.approx(best - paid, abs=1e-8)


def test_nine_cells_are_the_best_of_all_escalation_tables():
    """As AutoMix has them: shares of 8 verdicts, some drafts without any."""
    of = told(400, 2, seed=3, missing=0.1)
    assert len(np.unique(of.confidence[~np.isnan(of.confidence[:, 0]), 0])) == 9
    said = np.nan_to_num(of.confidence[:, 0] * 8, nan=9).astype(int)
    tables = (np.arange(1024)[:, None] >> np.arange(10)) % 2 == 1
    fitted = Pomdp(shrinkage=0).fit(of)
    chosen = set()
    for weight in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0):
        gain = np.bincount(said, of.quality[:, 1] - weight - of.quality[:, 0], 10)
        best = (of.quality[:, 0].sum() + tables @ gain).max() / 400 - weight * 0.04
        reached = worth(of, [1, 50], [1, 0], weight, fitted, first=Run(0))
        assert reached == pytest.approx(best, abs=1e-8)
        chosen.add(int(np.argmax(tables @ gain)))
    assert len(chosen) > 3  # the tables really change with the weight


@settings(max_examples=40)
@given(
    of=small_tables(3, 2),
    cost=st.sampled_from([[1.0, 5.0, 20.0], [1.0, 1.0, 1.0], [0.0, 1.0, 10.0]]),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    weight=WEIGHTS,
)
def test_three_arms_are_the_best_of_all_policies(of, cost, share, weight):
    checking = [share * cost[0], share * cost[1], 0.0]
    best, _ = best_of_all(of, cost, checking, weight)
    fitted = Pomdp(shrinkage=0).fit(of)
    assert worth(of, cost, checking, weight, fitted) == pytest.approx(best, abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_three_arms_of_three_cells_and_four_of_two_are_too(seed):
    cases = (
        (told(40, 3, seed, grid=2), [1.0, 4.0, 10.0]),
        (told(30, 4, seed, grid=1), [1.0, 2.0, 5.0, 10.0]),
    )
    for of, cost in cases:
        checking = [*(0.2 * np.array(cost[:-1])), 0.0]
        fitted = Pomdp(shrinkage=0).fit(of)
        for weight in (0.1, 0.3):
            best, policies = best_of_all(of, cost, checking, weight)
            assert policies > 10_000
            assert worth(of, cost, checking, weight, fitted) == pytest.approx(best, abs=1e-8)


def test_it_skips_a_bad_middle_arm_but_uses_its_verifier():
    """The middle arm is no better than the small one, and free to ask; its verifier knows all."""
    hard = np.arange(40) % 2 == 0
    quality = np.stack([~hard, ~hard, np.ones(40)], axis=1)
    said = np.stack([np.full(40, 0.5), np.where(hard, 0.0, 1.0), np.full(40, np.nan)], axis=1)
    of = examples(quality, said)
    table = recorded(of, [1, 1.1, 10], [0, 0, 0])
    fitted = Pomdp(shrinkage=0).fit(of)
    seen = replay(table, fitted, Value(), Preference(0.3))
    np.testing.assert_array_equal(seen.asked[:, 0], np.zeros(40))
    np.testing.assert_array_equal(seen.asked[:, 2], hard)
    assert seen.quality.mean() == 1


def test_an_arm_that_cannot_be_asked_is_not_counted_on():
    """Without the large arm, looking at the small one's answer is not worth its price."""
    of = told(400, 2, seed=5)
    fitted = Pomdp(shrinkage=0).fit(of)
    fresh = every_state(of.take(slice(0, 1)))
    assert not fresh.answered.any()
    lonely = replace(fresh, able=np.array([[True, False]]))
    both, alone = (fitted.estimate(evidence, Preference(0.3)) for evidence in (fresh, lonely))
    paid = 0.3 * fresh.cost[0, 0] / fresh.reference_cost
    assert alone.ahead[0, 0] == pytest.approx(alone.quality[0, 0] - paid)
    assert both.ahead[0, 0] > alone.ahead[0, 0] + 0.01
    assert Value().decide(alone, lonely, Preference(0.3)).first() == Run(0, final=True)


@pytest.mark.parametrize("arms", [8, 20])
def test_with_many_arms_it_stays_small_and_sane(arms):
    of = told(200, arms, seed=1, missing=0.05)
    fitted = Pomdp().fit(of)
    held = sum(a.size for a in (*fitted.tables_.values(), *fitted.chances_.values()))
    assert held < 10_000_000
    cost = np.geomspace(1, 100, arms)
    checking = np.append(cost[:-1] / 2, 0)
    alone = (of.quality.mean(axis=0) - 0.1 * cost / cost[-1]).max()
    assert worth(of, cost, checking, 0.1, fitted) >= alone - 0.02
    made = fitted.estimate(every_state(of.take(slice(0, 40))), Preference(0.1))
    assert np.isfinite(made.quality).all()


@given(of=small_tables(3, 3, rows=(2, 12)), shrinkage=st.sampled_from([0.5, 5.0, 50.0]))
@settings(max_examples=25)
def test_beliefs_are_means_and_chances_add_up(of, shrinkage):
    fitted = Pomdp(shrinkage=shrinkage).fit(of)
    for table in fitted.tables_.values():
        assert (np.abs(table - 0.5) <= 0.5 + 1e-12).all()
    for chances in fitted.chances_.values():
        np.testing.assert_allclose(chances.sum(axis=-1), 1)


def test_a_rare_cell_is_drawn_towards_what_is_usual():
    quality = [[0.0, 1.0]] * 40 + [[1.0, 0.0]]
    of = examples(quality, [[0.2, np.nan]] * 40 + [[0.9, np.nan]])
    trusting, doubting = (Pomdp(shrinkage=s).fit(of).tables_["0"] for s in (0, 5))
    assert trusting[1].tolist() == [1, 0]
    assert doubting[1, 0] == pytest.approx((1 + 5 / 41) / 6)


@pytest.mark.parametrize("wrong", [{"cells": 1}, {"cells": 2.5}, {"shrinkage": -1}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="Pomdp"):
        Pomdp(**wrong)
