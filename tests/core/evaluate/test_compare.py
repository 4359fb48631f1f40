"""Comparisons of routers: same rows, same resamples, baselines beside, honest intervals."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from automix_core import ConfigurationError, Preference, Router
from automix_core.evaluate import compare, ibc_lift
from automix_core.metrics import Hull
from automix_core.outcomes import Outcomes

CHECK = 0.1  # what the stand-ins' verifier costs


@dataclass(frozen=True)
class Replay:
    arms: tuple
    arm: np.ndarray
    asked: np.ndarray
    quality: np.ndarray
    cost: np.ndarray
    latency: np.ndarray


@dataclass(frozen=True)
class Cascade:
    """Ask the first arm, check it, and go to the last one if the signal is low.

    `fit` learns the mean of the signal over the training rows and remembers which they were.
    """

    line: float | None = None
    seen: frozenset = frozenset()
    fits: list | None = None
    fit_report: str | None = None

    def fit(self, outcomes, *, seed=0):
        if self.fits is not None:
            self.fits.append((seed, frozenset(outcomes.ids)))
        line = float(outcomes.signals["sure"][:, 0].mean())
        return replace(self, line=line, seen=frozenset(outcomes.ids), fit_report="fitted")

    def replay(self, outcomes, preference=None, *, seed=0):
        assert not self.seen & set(outcomes.ids), "held-out rows were trained on"
        weight = (preference or Preference()).cost_weight
        n, m = outcomes.quality.shape
        goes_on = outcomes.signals["sure"][:, 0] < self.line + 0.1 - weight
        arm = np.where(goes_on, m - 1, 0)
        rows = np.arange(n)
        asked = np.zeros((n, m), dtype=bool)
        asked[:, 0] = True
        asked[goes_on, m - 1] = True
        cost = outcomes.cost[:, 0] + CHECK + np.where(goes_on, outcomes.cost[:, -1], 0)
        latency = outcomes.latency[:, 0] + np.where(goes_on, outcomes.latency[:, -1], 0)
        return Replay(outcomes.arms, arm, asked, outcomes.quality[rows, arm], cost, latency)


@dataclass(frozen=True)
class Always:
    """One arm for everything, whatever is preferred."""

    arm: int

    def fit(self, outcomes, *, seed=0):
        return self

    def replay(self, outcomes, preference=None, *, seed=0):
        n, m = outcomes.quality.shape
        arm = np.full(n, self.arm)
        columns = [c[:, self.arm] for c in (outcomes.quality, outcomes.cost, outcomes.latency)]
        return Replay(outcomes.arms, arm, np.eye(m, dtype=bool)[arm], *columns)


@dataclass(frozen=True)
class Coin:
    """The dearest or the cheapest arm, by a toss."""

    share: float

    def fit(self, outcomes, *, seed=0):
        return self

    def replay(self, outcomes, preference=None, *, seed=0):
        n, m = outcomes.quality.shape
        arm = np.where(np.random.default_rng(seed).random(n) < self.share, m - 1, 0)
        rows = np.arange(n)
        columns = [c[rows, arm] for c in (outcomes.quality, outcomes.cost, outcomes.latency)]
        return Replay(outcomes.arms, arm, np.eye(m, dtype=bool)[arm], *columns)


def world(rows=400, *, costs=(1.0, 10.0), skill=(0.4, 0.8), informative=True, latency=1.0, seed=3):
    """A table in which the first arm's signal tells how good its answer is, or nothing."""
    generator = np.random.default_rng(seed)
    objects = []
    for i in range(rows):
        quality = [float(generator.random() < p) for p in skill]
        base = quality[0] if informative else 0.5
        signals = {"sure": float(np.clip(0.6 * base + 0.4 * generator.random(), 0, 1))}
        arms = {
            f"arm{k}": {"quality": quality[k], "cost": costs[k] * (0.8 + 0.4 * generator.random())}
            for k in range(len(costs))
        }
        for arm in arms.values():
            arm["latency"] = latency
        arms["arm0"]["signals"] = signals
        objects.append({"id": f"q{i}", "group": f"g{i // 2}", "arms": arms})
    return Outcomes.of(objects)


QUICK = {"seeds": 4, "resamples": 300}


@pytest.fixture(scope="module")
def table():
    return world()


@pytest.fixture(scope="module")
def compared(table):
    routers = [("cascade", Cascade()), ("coin", Coin(0.5)), ("small", Always(0))]
    return compare(table, routers, **QUICK)


def test_every_baseline_stands_beside_the_routers(compared):
    names = [score.router for score in compared.routers]
    assert names == ["cascade", "coin", "small", "always:arm0", "always:arm1", "random", "oracle"]
    assert [score.baseline for score in compared.routers] == [False] * 3 + [True] * 4


def test_a_router_may_have_the_name_of_a_baseline_which_then_says_what_it_is(table):
    given = ("random", "oracle", "always:arm0")
    routers = [(name, Coin(0.5) if name == "random" else Always(0)) for name in given]
    found = compare(table, routers, **QUICK)
    names = [score.router for score in found.routers]
    assert names[:3] == list(given)
    assert set(names[3:]) == {"always:arm1", *(f"{name} (baseline)" for name in given)}
    assert not found["oracle"].baseline
    assert found["oracle (baseline)"].quality.mean > found["oracle"].quality.mean
    assert found["always:arm0"].quality == found["always:arm0 (baseline)"].quality


def test_the_oracle_as_a_router_weighs_cost_and_puts_no_other_behind(table):
    routers = [("oracle", Router.preset("oracle")), ("cascade", Cascade())]
    found, plain = (compare(table, given, **QUICK) for given in (routers, routers[1:]))
    best, baseline = found["oracle"], found["oracle (baseline)"]
    assert best.quality.mean == pytest.approx(baseline.quality.mean, abs=0.02)
    assert best.area.mean == pytest.approx(baseline.area.mean, abs=0.01)
    assert found["cascade"].pareto_distance == plain["cascade"].pareto_distance


def test_a_router_that_knows_beats_random_mixing_and_a_coin_does_not(compared):
    assert compared["cascade"].gain.low > 0.05
    assert compared["cascade"].area_gain.low > 0
    assert compared["coin"].gain.low < 0 < compared["coin"].gain.high
    assert abs(compared["coin"].gain.mean) < 0.03


def test_models_alone_and_random_mixing_gain_nothing_over_random_mixing(compared):
    for name in ("always:arm0", "always:arm1", "random"):
        gain = compared[name].gain
        assert (gain.mean, gain.low, gain.high) == pytest.approx((0, 0, 0), abs=1e-12)
    area_gain = compared["random"].area_gain
    assert (area_gain.mean, area_gain.low, area_gain.high) == (0, 0, 0)


def test_a_router_that_is_one_model_scores_as_that_model(compared):
    router, alone = compared["small"], compared["always:arm0"]
    for metric in ("quality", "cost", "latency", "gain", "area", "pareto_distance"):
        one, other = getattr(router, metric), getattr(alone, metric)
        for end in ("mean", "low", "high"):
            assert getattr(one, end) == pytest.approx(getattr(other, end), abs=1e-9)
    for score in (router, alone):
        assert (score.ibc_lift, score.region_lift) == (None, None)  # by rounding it would be any


def test_nothing_is_better_than_the_oracle(compared):
    best = compared["oracle"]
    assert all(s.quality.mean <= best.quality.mean + 1e-12 for s in compared.routers)
    assert all(s.area.mean <= best.area.mean + 1e-12 for s in compared.routers)


def test_the_figures_are_means_over_rows_averaged_over_the_seeds_that_held_them_out(table):
    cascade = Cascade()
    found = compare(table, [("cascade", cascade)], **QUICK)
    quality, cost, times = (np.zeros(len(table)) for _ in range(3))
    for seed in range(4):
        train, held = table.split(0.5, seed)
        replay = cascade.fit(train, seed=seed).replay(held)
        places = [table.ids.index(name) for name in held.ids]
        quality[places] += replay.quality
        cost[places] += replay.cost
        times[places] += 1
        by_seed = found["cascade"].by_seed[seed]
        assert by_seed.seed == seed
        assert by_seed.quality == pytest.approx(replay.quality.mean())
        assert by_seed.cost == pytest.approx(replay.cost.mean())
    held = times > 0
    q, c = (np.mean(x[held] / times[held]) for x in (quality, cost))
    score = found["cascade"]
    assert found.measured == held.sum()
    assert score.quality.mean == pytest.approx(q)
    assert score.cost.mean == pytest.approx(c)
    assert score.share["arm1"].mean == pytest.approx(1 - score.share["arm0"].mean)


def test_gain_and_lift_compare_each_seed_with_the_models_on_its_own_rows(table):
    cascade = Cascade()
    found = compare(table, [("cascade", cascade)], **QUICK)["cascade"]
    gains, above, expected = [], [], []
    for seed in range(4):
        train, held = table.split(0.5, seed)
        replay = cascade.fit(train, seed=seed).replay(held)
        q, c = replay.quality.mean(), replay.cost.mean()
        alone_q, alone_c = held.quality.mean(axis=0), held.cost.mean(axis=0)
        gains.append(q - Hull.of(alone_c, alone_q).mixing_quality(c))
        slope = np.diff(alone_q)[0] * (c - alone_c[0])
        above.append((q - alone_q[0]) * np.diff(alone_c)[0] - slope)
        expected.append(slope)
        assert found.by_seed[seed].gain == pytest.approx(gains[-1])
    assert found.gain.mean == pytest.approx(np.mean(gains))
    assert found.ibc_lift.mean == pytest.approx(np.mean(above) / np.mean(expected))


@pytest.mark.parametrize("tested", [True, False], ids=["test table", "one seed"])
def test_of_one_split_the_lift_is_that_of_the_figures_beside_it(table, tested):
    test = world(150, seed=8) if tested else None
    found = compare(table, [("cascade", Always(1))], test=test, seeds=1, resamples=100)
    routed = compare(table, [("c", Coin(0.4))], test=test, seeds=1, resamples=100)["c"]
    small, large = found["always:arm0"], found["always:arm1"]
    lift = ibc_lift(
        quality=routed.quality.mean,
        cost=routed.cost.mean,
        quality_small=small.quality.mean,
        cost_small=small.cost.mean,
        quality_large=large.quality.mean,
        cost_large=large.cost.mean,
    )
    assert routed.ibc_lift.mean == pytest.approx(lift)
    hull = Hull.of([small.cost.mean, large.cost.mean], [small.quality.mean, large.quality.mean])
    mixing = float(hull.mixing_quality(routed.cost.mean))
    assert routed.gain.mean == pytest.approx(routed.quality.mean - mixing)


@dataclass(frozen=True)
class Undecided(Always):
    """One model alone: the one that was worth more on the training rows."""

    arm: int = 0

    def fit(self, outcomes, *, seed=0):
        worth = outcomes.quality.mean(axis=0) - 0.04 * outcomes.cost.mean(axis=0)
        return Undecided(int(np.argmax(worth)))


def test_a_model_alone_gains_nothing_even_if_the_seeds_choose_different_ones():
    table = world(120, seed=5)
    score = compare(table, [("undecided", Undecided())], seeds=8, resamples=200)["undecided"]
    assert 0.1 < score.share["arm0"].mean < 0.9
    assert (score.gain.mean, score.gain.low, score.gain.high) == (0, 0, 0)
    assert (score.ibc_lift.mean, score.pareto_distance.mean) == (0, 0)
    assert score.region_lift.mean == pytest.approx(0, abs=0.02)
    assert score.apgr.mean == pytest.approx(0.5, abs=0.02)


def test_every_router_meets_the_same_splits_and_is_never_measured_where_it_was_fitted(table):
    first, second = Cascade(fits=[]), Cascade(fits=[])
    compare(table, [("first", first), ("second", second)], **QUICK)
    assert first.fits == second.fits
    assert [seed for seed, _ in first.fits] == [0, 1, 2, 3]
    assert len({rows for _, rows in first.fits}) == 4


def test_two_comparisons_are_the_same_to_the_last_digit(table):
    routers = [("cascade", Cascade()), ("coin", Coin(0.3))]
    first, again = (compare(table, routers, **QUICK).as_dict() for _ in range(2))
    assert json.dumps(first) == json.dumps(again)


def test_a_gain_is_measured_in_pairs(compared):
    score = compared["cascade"]
    width = score.gain.high - score.gain.low
    assert width < (score.quality.high - score.quality.low) * 1.2


def test_the_interval_of_a_gain_holds_the_truth_about_that_often():
    held = 0
    for trial in range(40):
        table = world(120, informative=False, seed=trial)
        found = compare(table, [("coin", Coin(0.5))], seeds=2, resamples=200)
        gain = found["coin"].gain
        held += gain.low <= 0 <= gain.high
    assert held >= 0.85 * 40


def test_more_seeds_do_not_pretend_to_be_more_questions(table):
    few = compare(table, [("cascade", Cascade())], seeds=6, resamples=300)["cascade"].quality
    many = compare(table, [("cascade", Cascade())], seeds=24, resamples=300)["cascade"].quality
    assert many.high - many.low > 0.8 * (few.high - few.low)


def test_the_json_is_what_the_command_line_prints(compared):
    said = json.loads(json.dumps(compared.as_dict(), allow_nan=False))
    assert said["rows"] == 400
    assert said["measured"] <= 400
    measure = {"mean", "low", "high"}
    metrics = ("quality", "cost", "latency", "ibc_lift", "area", "pareto_distance", "gain")
    for entry in said["routers"]:
        assert {"router", *metrics, "share"} <= set(entry)
        assert set(entry["share"]) == {"arm0", "arm1"}
        assert sum(share["mean"] for share in entry["share"].values()) == pytest.approx(1)
        for metric in metrics:
            assert entry[metric] is None or set(entry[metric]) == measure
        for metric in (m for m in metrics if entry[m] is not None):
            assert entry[metric]["low"] <= entry[metric]["mean"] <= entry[metric]["high"]
        assert list(entry["quality_at"]) == ["0.1", "0.24", "0.5", "1"]
    assert said["routers"][0]["curve"][0]["cost_weight"] == 0


def test_an_unknown_router_has_no_score(compared):
    with pytest.raises(KeyError, match="nobody"):
        compared["nobody"]


def test_costs_hold_the_verifier_and_shares_hold_what_was_returned(compared):
    score, alone = compared["cascade"], compared["always:arm0"]
    expected = alone.cost.mean + CHECK + score.share["arm1"].mean * 10
    assert score.cost.mean == pytest.approx(expected, rel=0.03)


def test_routellm_and_region_metrics_come_with_two_arms(compared):
    for name in ("pgr", "apgr", "cpt_50", "cpt_80", "region_lift", "aiq"):
        assert getattr(compared["cascade"], name) is not None
    assert compared["cascade"].apgr.low > 0.5
    assert compared["cascade"].cpt_50.high < 0.5
    assert compared["always:arm1"].pgr.mean == pytest.approx(1)


def test_with_three_arms_the_two_arm_metrics_are_undefined_and_the_others_are_not():
    table = world(200, costs=(1.0, 3.0, 10.0), skill=(0.4, 0.7, 0.8))
    found = compare(table, [("cascade", Cascade())], **QUICK)
    score = found["cascade"]
    assert len(found.routers) == 1 + 3 + 2
    for name in ("ibc_lift", "pgr", "apgr", "cpt_50", "cpt_80"):
        assert getattr(score, name) is None
    for name in ("gain", "area", "area_gain", "aiq", "pareto_distance", "region_lift"):
        assert getattr(score, name) is not None
    assert sum(m.mean for m in score.share.values()) == pytest.approx(1)


def test_a_good_middle_model_raises_the_yardstick():
    with_it = world(300, costs=(1.0, 3.0, 10.0), skill=(0.4, 0.78, 0.8))
    without = with_it.only(["arm0", "arm2"])
    gain = compare(with_it, [("cascade", Cascade())], **QUICK)["cascade"].gain
    easier = compare(without, [("cascade", Cascade())], **QUICK)["cascade"].gain
    assert gain.mean < easier.mean - 0.05


@pytest.mark.parametrize("skill", [(0.8, 0.4), (0.5, 0.5)], ids=["worse", "alike"])
def test_a_large_model_that_is_not_better_is_never_a_success(skill):
    table = world(200, skill=skill)
    found = compare(table, [("cascade", Cascade()), ("large", Always(1))], **QUICK)
    json.dumps(found.as_dict(), allow_nan=False)
    if skill[0] > skill[1]:
        assert found["cascade"].ibc_lift is None
        assert found["large"].gain.mean < 0
        assert found["large"].pareto_distance.mean > 0


def test_equal_costs_leave_the_cost_metrics_undefined_and_nothing_nan():
    table = world(100)
    same = Outcomes.of(
        {**row, "arms": {k: {**arm, "cost": 1.0} for k, arm in row["arms"].items()}}
        for row in table.rows()
    )
    found = compare(same, [("small", Always(0)), ("large", Always(1))], **QUICK)
    json.dumps(found.as_dict(), allow_nan=False)
    for score in found.routers:
        assert score.ibc_lift is None
        assert score.area is None
        assert score.pareto_distance is None
        assert score.quality is not None
        assert score.gain is not None


def test_free_models_are_compared_by_quality():
    table = world(100, costs=(0.0, 0.0))
    found = compare(table, [("large", Always(1))], **QUICK)
    json.dumps(found.as_dict(), allow_nan=False)
    assert found["large"].quality.mean > found["always:arm0"].quality.mean


def test_an_unknown_latency_makes_the_latency_unknown_and_nothing_else():
    rows = list(world(100).rows())
    del rows[0]["arms"]["arm1"]["latency"]
    found = compare(Outcomes.of(rows), [("large", Always(1)), ("small", Always(0))], **QUICK)
    assert found["large"].latency is None
    assert found["large"].cost is not None
    assert found["small"].latency.mean == pytest.approx(1)


def test_where_a_router_cannot_be_run_so_cheaply_the_cheapest_model_answers(compared):
    small, large = compared["always:arm0"], compared["always:arm1"]
    assert small.area.mean == pytest.approx(small.quality.mean)
    expected = (100 * small.quality.mean + large.quality.mean) / 101
    assert large.area.mean == pytest.approx(expected)


def test_quality_at_a_share_of_the_dearest_cost_is_what_that_much_money_buys(compared):
    small, large = compared["always:arm0"], compared["always:arm1"]
    for share, measure in small.quality_at.items():  # ten times cheaper, so always affordable
        assert measure.mean == pytest.approx(small.quality.mean), share
    assert large.quality_at[1.0].mean == pytest.approx(large.quality.mean)
    assert large.quality_at[0.24].mean == pytest.approx(small.quality.mean)
    cascade = compared["cascade"].quality_at
    assert small.quality.mean < cascade[0.24].mean < cascade[0.5].mean <= cascade[1.0].mean
    mixed = small.quality.mean + (large.quality.mean - small.quality.mean) * (0.5 - 0.1) / 0.9
    assert cascade[0.5].mean > mixed + 0.02


def test_a_seed_that_holds_out_no_whole_row_is_passed_over():
    rows = list(world(16).rows())
    for row in rows[4:]:
        del row["arms"]["arm1"]
    table = Outcomes.of(rows)
    found = compare(table, [("small", Always(0))], seeds=12, resamples=50)
    whole = [s for s in range(12) if table.split(0.5, s)[1].has.all(axis=1).any()]
    assert 0 < len(whole) < 12
    assert [point.seed for point in found["small"].by_seed] == whole
    assert all(point.gain == 0 for point in found["small"].by_seed)


def test_rows_that_lack_an_arm_are_for_fitting_only():
    rows = list(world(200).rows())
    for row in rows[:60]:
        del row["arms"]["arm1"]
    table = Outcomes.of(rows)
    found = compare(table, [("small", Always(0))], seeds=8, resamples=100)
    assert found.rows == 200
    assert found.measured <= 140
    assert found["small"].quality.mean == pytest.approx(table.quality[60:, 0].mean(), abs=0.02)


def test_a_test_table_is_measured_whole_and_a_fitted_router_meets_it_as_it_is(table):
    test = Outcomes.of({**row, "id": f"t-{row['id']}"} for row in world(100, seed=9).rows())
    fresh, fitted = Cascade(fits=[]), replace(Cascade().fit(table), fits=[])
    found = compare(table, [("fresh", fresh), ("fitted", fitted)], test=test, **QUICK)
    assert (found.rows, found.measured) == (100, 100)
    assert {rows for _, rows in fresh.fits} == {frozenset(table.ids)}
    assert fitted.fits == []
    assert found["fitted"].quality == found["fresh"].quality


def test_a_fitted_router_is_fitted_anew_where_it_would_meet_its_own_rows(table):
    fitted = replace(Cascade().fit(table), fits=[])
    compare(table, [("fitted", fitted)], **QUICK)
    assert len(fitted.fits) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: compare(t, [("x", Always(0)), ("x", Always(1))]), "name of its own"),
        (lambda t: compare(t, [], seeds=0), "at least one seed"),
        (lambda t: compare(t.only(["arm0"]), []), "at least two arms"),
        (lambda t: compare(t, [], test=t.only(["arm0"])), "Both must hold the same"),
        (lambda t: compare(t, [], test=t.take([0])), "at least two such rows"),
        (lambda t: compare(t, [], test=t.take([])), "at least two such rows"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(table, make, message):
    with pytest.raises(ConfigurationError, match=message):
        make(table)


def test_without_routers_the_baselines_are_measured(table):
    assert len(compare(table, [], **QUICK).routers) == 4


@pytest.fixture(scope="module")
def measured():
    """Three real models on 356 real questions; see tests/data."""
    return Outcomes.read(Path(__file__).parents[2] / "data" / "xquad_local_models_numeric.jsonl")


def test_real_routers_are_fitted_and_measured_on_real_answers(measured):
    routers = [(name, Router.preset(name)) for name in ("automix", "cascade")]
    found = compare(measured, routers, seeds=2, resamples=200)
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.rows == 356
    assert found.groups < found.measured
    oracle, cheapest = found["oracle"], found["always:smollm2-135m"]
    for name in ("automix", "cascade"):
        score = found[name]
        assert cheapest.quality.mean < score.quality.mean < oracle.quality.mean
        assert score.gain is not None
        assert score.latency.mean > cheapest.latency.mean
        assert sum(share.mean for share in score.share.values()) == pytest.approx(1)


def test_a_budget_is_kept_on_rows_that_were_not_fitted_on(measured):
    pair = measured.only(measured.arms[1:])
    low, high = pair.cost.mean(axis=0)
    preference = Preference(budget=(low + high) / 2)
    routers = [("cascade", Router.preset("cascade"))]
    score = compare(pair, routers, seeds=3, resamples=200, preference=preference)["cascade"]
    assert score.cost.mean == pytest.approx((low + high) / 2, rel=0.1)
    assert score.gain.high > 0
