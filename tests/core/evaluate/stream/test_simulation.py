"""Routers in a stream: load, limits, feedback, models that come and go."""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from automix_core import ConfigurationError, OutcomesError, Preference, Router
from automix_core.decide import Best
from automix_core.embed import Hashing
from automix_core.errors import UnknownNameError
from automix_core.evaluate.stream import Change, Feedback, Speed, Stream, simulate
from automix_core.evaluate.stream.speeds import timed
from automix_core.evidence import Estimates
from automix_core.parts import Estimator
from automix_core.verify import Unverified
from tests.core.evaluate.stream.tables import ARMS, table

TABLE = table(300)
CHECKED = table(300, likelihood=True)
BRISK = {arm: Speed(startup=0.1, tokens_per_second=1000, parallel=500) for arm in ARMS}
SLOW = {arm: Speed(startup=4.0, tokens_per_second=1000, parallel=2) for arm in ARMS}
SHORT = Stream(requests=20, period=10, train_share=0.5)


@dataclass(frozen=True, eq=False)
class Running(Estimator):
    """The running mean quality of each arm, which begins at one half and knows no examples."""

    total_: tuple[float, ...] = ()
    count_: tuple[int, ...] = ()

    def fit(self, examples):
        arms = examples.quality.shape[1]
        return Running((0.5,) * arms, (1,) * arms)

    def estimate(self, evidence, preference):
        mean = np.array(self.total_) / np.array(self.count_)
        quality = np.broadcast_to(mean, evidence.able.shape)
        return Estimates.of(evidence, quality, np.zeros(quality.shape))

    def learn(self, examples):
        told = examples.quality if examples.satisfied is None else examples.satisfied
        known = ~np.isnan(told)
        total = np.array(self.total_) + np.where(known, told, 0).sum(axis=0)
        count = np.array(self.count_) + known.sum(axis=0)
        return Running(tuple(total.tolist()), tuple(count.tolist()))

    def over(self, places):
        return Running(
            tuple(0.99 if p is None else self.total_[p] for p in places),
            tuple(1 if p is None else self.count_[p] for p in places),
        )


class Ear(Running):
    """Notes what it is told, and when it is told of other arms."""

    heard = None

    def fit(self, examples):
        return Ear(**vars(super().fit(examples)))

    def learn(self, examples):
        type(self).heard.append(examples)
        return self

    def over(self, places):
        return Ear(**vars(super().over(places)))


class Stubborn(Running):
    """Cannot be told of other arms."""

    def fit(self, examples):
        return Stubborn(**vars(super().fit(examples)))

    def over(self, places):
        return Estimator.over(self, places)


@pytest.fixture
def heard(monkeypatch):
    told = []
    monkeypatch.setattr(Ear, "heard", told)
    return told


def ridge():
    return Router.preset("ridge", embedder=Hashing(32))


def over(estimator):
    return Router(Unverified(), estimator, Best())


def run(router, outcomes=TABLE, stream=SHORT, **more):
    return simulate(outcomes, [("it", router)], stream=stream, **more)


def one(*given, **more):
    return run(*given, **more)["it"]


ROUTERS = {
    "ridge": (ridge, TABLE),
    "always": (lambda: Router.preset("always", arm="middle"), TABLE),
    "carrot": (lambda: Router.preset("carrot", embedder=Hashing(32)), TABLE),
    "oracle": (lambda: Router.preset("oracle"), TABLE),
    "cascade": (lambda: Router.preset("cascade"), CHECKED),
}


@pytest.mark.parametrize("name", ROUTERS)
def test_without_queues_it_does_what_a_replay_does(name):
    make, outcomes = ROUTERS[name]
    preference = Preference(0.3)
    result = one(make(), outcomes, speeds=BRISK, preference=preference)
    train, held = timed(outcomes, BRISK)[0].split(0.5, 0)
    seen = make().fit(train).replay(held, preference)
    assert result.quality == pytest.approx(seen.quality.mean())
    assert result.cost == pytest.approx(seen.cost.mean())
    share = [(seen.arm == place).mean() for place in range(len(ARMS))]
    assert list(result.share.values()) == pytest.approx(share)
    assert result.waiting.p95 == 0.0
    assert result.late == 0.0


def test_a_budget_is_met_by_several_ways_at_once():
    result = one(ridge(), table(800), speeds=BRISK, preference=Preference(budget=0.004))
    assert result.cost == pytest.approx(0.004, rel=0.15)


def test_a_cascade_pays_for_every_call_and_takes_the_time_of_each():
    speeds = {arm: Speed(3.0, 1e9, 500) for arm in ARMS}
    router, preference = Router.preset("cascade"), Preference(0.3)
    result = one(router, CHECKED, speeds=speeds, preference=preference)
    train, held = CHECKED.split(0.5, 0)
    calls = router.fit(train).replay(held, preference).asked
    assert 1.1 < calls.sum(axis=1).mean() < 3
    assert result.latency.mean == pytest.approx(3 * calls.sum(axis=1).mean())
    assert result.cost == pytest.approx((calls * held.cost).sum(axis=1).mean())


def test_a_cascade_stops_with_what_it_has_once_max_latency_is_over():
    speeds = {arm: Speed(3.0, 1e9, 500) for arm in ARMS}
    router = Router.preset("cascade")
    most = [2.0, 4.0, 30.0]
    seconds = [
        one(router, CHECKED, speeds=speeds, preference=Preference(0.3, max_latency=limit)).latency
        for limit in most
    ]
    assert [round(s.p95) for s in seconds[:2]] == [3, 6]
    assert seconds[0].mean == pytest.approx(3.0)
    assert seconds[0].mean < seconds[1].mean <= seconds[2].mean
    plain = one(router, CHECKED, speeds=speeds, preference=Preference(0.3))
    assert seconds[2] == plain.latency


def test_raising_the_load_makes_waits_grow_and_quality_fall():
    loads = [Stream(requests=n, period=10, train_share=0.5) for n in (4, 10, 40)]
    found = [one(ridge(), stream=load, speeds=SLOW) for load in loads]
    waits = [result.waiting.mean for result in found]
    assert waits[0] < waits[1] < waits[2]
    assert found[2].late > found[0].late
    assert found[2].quality < found[0].quality


def test_an_answer_after_the_time_limit_scores_0_and_satisfies_nobody():
    speeds = {arm: Speed(startup=20.0, tokens_per_second=1e9, parallel=500) for arm in ARMS}
    stream = replace(SHORT, time_limit=19.0)
    late = one(ridge(), stream=stream, speeds=speeds)
    assert (late.quality, late.late, late.satisfied) == (0.0, 1.0, 0.0)
    assert late.cost > 0
    patient = one(ridge(), stream=replace(stream, time_limit=math.inf), speeds=speeds)
    assert patient.quality > 0.5
    assert (patient.late, patient.satisfied) == (0.0, 0.0)  # 20 s is beyond anyone's patience
    assert one(ridge(), stream=replace(stream, time_limit=21, patience=21), speeds=speeds).satisfied


def test_users_are_satisfied_by_quality_above_what_they_want():
    result = one(ridge(), speeds=BRISK)
    assert result.satisfied == pytest.approx(result.quality)  # every quality here is 0 or 1
    assert one(ridge(), stream=replace(SHORT, wanted=1.0), speeds=BRISK).satisfied == 0.0


def test_the_baselines_stand_beside():
    found = run(ridge(), speeds=BRISK)
    names = [result.router for result in found.results]
    assert names == ["it", "always:small", "always:middle", "always:large", "random", "oracle"]
    assert [result.baseline for result in found.results] == [False] + [True] * 5
    _, held = TABLE.split(0.5, 0)
    for place, arm in enumerate(ARMS):
        alone = found[f"always:{arm}"]
        assert alone.quality == pytest.approx(held.quality[:, place].mean())
        assert alone.share[arm] == 1.0
    assert found["oracle"].quality == pytest.approx(held.quality.max(axis=1).mean())
    assert all(found["oracle"].quality >= result.quality for result in found.results)
    assert found["always:large"].of_dearest == pytest.approx({"quality": 1.0, "cost": 1.0})
    assert all(0 < share < 0.6 for share in found["random"].share.values())


def test_the_oracle_knows_the_queues():
    """The cheapest arm is always right, but serves 5 requests in the limit of 30 s."""
    speeds = {"small": Speed(6.0, 1e9, 1), "middle": BRISK["middle"], "large": BRISK["large"]}
    even = replace(TABLE, quality=np.ones_like(TABLE.quality))
    found = run(ridge(), even, speeds=speeds)
    assert found["oracle"].quality == 1.0
    assert found["always:small"].late > 0.5
    assert 0 < found["oracle"].share["small"] < 0.3


def test_regret_is_against_the_best_arm_of_each_request_and_against_the_best_arm_of_all():
    found = run(ridge(), speeds=BRISK, preference=Preference(0.1))
    _, held = TABLE.split(0.5, 0)
    value = held.quality - 0.1 * held.cost / held.cost[0, -1]
    for place, arm in enumerate(ARMS):
        alone = found[f"always:{arm}"]
        missed = value.max(axis=1).mean() - value[:, place].mean()
        assert alone.regret == pytest.approx(missed)
        best = value.mean(axis=0).max()
        assert alone.regret_best_arm == pytest.approx(best - value[:, place].mean())


def test_curves_are_means_by_period_and_add_up_to_the_totals():
    result = one(ridge(), stream=replace(SHORT, length=110), speeds=SLOW)
    curves = result.curves
    assert curves.time.tolist() == [0, 10, 20, 30, 40, 50]
    assert curves.requests.tolist() == [20] * 5 + [10]
    for name in ("quality", "cost", "satisfied", "late", "regret", "regret_best_arm"):
        total = (getattr(curves, name) * curves.requests).sum() / 110
        assert total == pytest.approx(getattr(result, name))
    assert curves.waiting.shape == (6, 3)
    assert (curves.waiting[0] == 0).all()
    assert curves.waiting[-1].max() > 0
    assert curves.moving("quality", 1) == pytest.approx(curves.quality)
    whole = curves.moving("quality", 6)[-1]
    assert whole == pytest.approx(result.quality)
    last = (curves.quality[4] * 20 + curves.quality[5] * 10) / 30
    assert curves.moving("quality", 2)[-1] == pytest.approx(last)


def test_rows_come_again_in_a_long_stream_each_as_often():
    result = run(ridge(), stream=replace(SHORT, length=450), speeds=BRISK)
    _, held = TABLE.split(0.5, 0)
    assert result.requests == 450
    assert len(held) == 150
    assert result["always:large"].quality == pytest.approx(held.quality[:, -1].mean())


def test_the_same_seed_gives_the_same_to_the_last_bit_and_another_something_else():
    stream = replace(
        SHORT,
        feedback=Feedback("refined", 5.0, 0.3),
        changes=(Change("middle", 40.0, comes=False),),
    )
    routers = [("ridge", ridge()), ("random", Router.preset("random")), ("r", over(Running()))]
    found = [
        json.dumps(simulate(TABLE, routers, stream=s, speeds=SLOW).as_dict())
        for s in (stream, stream, replace(stream, seed=1))
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_a_router_that_takes_a_baselines_name_takes_its_place():
    found = simulate(TABLE, [("random", Router.preset("random"))], stream=SHORT)
    assert [result.router for result in found.results].count("random") == 1
    assert not found["random"].baseline


def by_arm(result, arm, since, until=math.inf):
    """Waiting times that were read off, which tell whether requests were sent there."""
    rows = (result.curves.time > since) & (result.curves.time <= until)
    return result.curves.waiting[rows, ARMS.index(arm)]


ONE_PLACE = {arm: Speed(startup=6.0, tokens_per_second=1e9, parallel=1) for arm in ARMS}
CHANGING = {
    "ridge": (ridge, "large"),
    "random": (lambda: Router.preset("random"), "large"),
    "told of it": (lambda: over(Running()), "small"),
    "stubborn": (lambda: over(Stubborn()), "small"),
}


@pytest.mark.parametrize("name", CHANGING)
def test_an_arm_that_goes_is_asked_no_more(name):
    """The arms answer in 6 s, one request at a time, and a request comes each second."""
    make, arm = CHANGING[name]
    stream = Stream(requests=10, changes=(Change(arm, 75.0, comes=False),), train_share=0.5)
    found = run(make(), stream=stream, speeds=ONE_PLACE, preference=Preference(0.01))
    waiting = by_arm(found["it"], arm, 75.0)
    assert waiting[0] > 0  # so it was asked before
    assert np.diff(waiting[waiting > 0]) == pytest.approx(-10)  # what had begun is finished
    assert f"always:{arm}" not in [result.router for result in found.results]


@pytest.mark.parametrize("name", ["random", "told of it"])
def test_an_arm_that_comes_is_asked_from_then_on(name):
    stream = Stream(requests=10, changes=(Change("large", 75.0, comes=True),), train_share=0.5)
    result = one(CHANGING[name][0](), stream=stream, speeds=ONE_PLACE, preference=Preference(0.01))
    assert (by_arm(result, "large", 0.0, 75.0) == 0).all()
    assert by_arm(result, "large", 80.0).max() > 0


def test_it_is_said_who_cannot_be_told_of_other_arms():
    stream = replace(SHORT, changes=(Change("middle", 40.0, comes=True),))
    routers = [("told", over(Running())), ("stubborn", over(Stubborn()))]
    found = simulate(TABLE, routers, stream=stream)
    assert (found["told"].follows_changes, found["stubborn"].follows_changes) == (True, False)
    (line,) = [line for line in found.remarks() if line.startswith("Fitted with every model")]
    assert line.endswith(": stubborn.")
    assert one(over(Running())).follows_changes is None


def test_who_can_be_told_knows_nothing_of_an_arm_before_it_comes(heard):
    stream = replace(
        SHORT,
        changes=(Change("small", 60.0, comes=True),),
        feedback=Feedback("refined"),
    )
    one(over(Ear()), stream=stream, speeds=BRISK)
    widths = [told.quality.shape[1] for told in heard]
    assert widths == sorted(widths)
    assert set(widths) == {2, 3}


@pytest.mark.parametrize("kind", ["refined", "binary"])
def test_feedback_tells_of_the_answering_arm_alone(kind, heard):
    one(over(Ear()), stream=replace(SHORT, feedback=Feedback(kind)), speeds=SLOW)
    assert heard
    for told in heard:
        scored, pleased = told.quality, told.satisfied
        assert (~np.isnan(told.cost)).sum(axis=1).tolist() == [1] * len(told)
        assert (np.isnan(told.latency) == np.isnan(told.cost)).all()
        assert (np.isnan(told.output_tokens) == np.isnan(told.cost)).all()
        if kind == "refined":
            assert (np.isnan(scored) == np.isnan(told.cost)).all()
            assert pleased is None
        else:
            assert np.isnan(scored).all()
            assert set(pleased[~np.isnan(told.cost)]) <= {0.0, 1.0}
            assert (np.isnan(pleased) == np.isnan(told.cost)).all()


def test_nobody_is_told_anything_without_feedback(heard):
    one(over(Ear()))
    one(over(Ear()), stream=replace(SHORT, feedback=Feedback("refined", missing=1.0)))
    assert heard == []


def test_feedback_comes_late_and_some_of_it_never(heard):
    def count(feedback):
        heard.clear()
        one(over(Ear()), stream=replace(SHORT, feedback=feedback), speeds=BRISK)
        return sum(map(len, heard))

    prompt, half = count(Feedback("refined")), count(Feedback("refined", missing=0.5))
    assert prompt == 140  # of 150 requests, all but those of the last period
    assert 50 <= half <= 90
    assert count(Feedback("refined", delay=25.0)) == 90
    assert count(Feedback("refined", delay=1000.0)) == 0


@pytest.mark.parametrize("kind", ["refined", "binary"])
def test_who_learns_finds_the_better_arm_on_the_way(kind):
    """At first all arms are thought alike, and the cheapest is asked; a third of it is right."""
    poor = replace(TABLE, quality=np.where([True, False, False], 0.0, TABLE.quality))
    stream = replace(SHORT, requests=10)
    aim = Preference(0.01)
    fixed = one(over(Running()), poor, stream, speeds=BRISK, preference=aim)
    learning = replace(stream, feedback=Feedback(kind))
    learned = one(over(Running()), poor, learning, speeds=BRISK, preference=aim)
    assert (fixed.quality, fixed.share["small"]) == (0.0, 1.0)
    assert learned.quality > 0.5
    assert learned.curves.regret[0] > learned.curves.regret[-3:].mean() + 0.3


def test_a_request_that_no_arm_can_answer_scores_0():
    quality = TABLE.quality.copy()
    quality[::3, 1:] = np.nan  # these rows hold the cheapest arm alone
    holes = replace(TABLE, quality=quality, cost=np.where(np.isnan(quality), np.nan, TABLE.cost))
    stream = replace(SHORT, changes=(Change("small", 30.0, comes=False),))
    result = one(Router.preset("random"), holes, stream, speeds=BRISK)
    assert 0.1 < result.unanswered < 0.4
    assert sum(result.share.values()) == pytest.approx(1 - result.unanswered)
    assert result.quality < 1 - result.unanswered


def test_what_was_assumed_is_said():
    told = " ".join(run(ridge()).remarks())
    assert "Assumed speed (0.5 s, then 50 tokens a second)" in told
    assert "Assumed length of every answer (100 tokens)" in told
    timed = table(60, latency=(1.0, 2.0, 3.0))
    assert "Assumed speed" not in " ".join(run(ridge(), timed).remarks())


def test_two_routers_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="given twice: \\['x'\\]"):
        simulate(TABLE, [("x", ridge()), ("x", ridge())])


def test_unknown_arms_are_refused():
    with pytest.raises(UnknownNameError, match="'tiny'"):
        run(ridge(), speeds={"tiny": Speed()})
    with pytest.raises(UnknownNameError, match="'tiny'"):
        run(ridge(), stream=replace(SHORT, changes=(Change("tiny", 5.0, comes=False),)))


def test_a_table_with_one_arm_is_refused():
    with pytest.raises(OutcomesError, match="at least two"):
        run(ridge(), TABLE.only(["small"]))


def test_baselines_stand_alone_even_where_nothing_costs_anything():
    free = replace(TABLE, cost=np.zeros_like(TABLE.cost))
    found = simulate(free, [], stream=SHORT, speeds=BRISK)
    assert [result.baseline for result in found.results] == [True] * 5
    assert found["oracle"].regret == pytest.approx(0.0)
    assert math.isnan(found["oracle"].of_dearest["cost"])


@pytest.mark.parametrize("name", ["mixllm", "metallm"])
def test_the_presets_that_learn_follow_models_that_come_and_go(name):
    """The arm that comes is the only one that is ever right, which feedback alone can tell."""
    four = table(300, arms=("small", "middle", "large", "huge"))
    right = np.zeros_like(four.quality)
    right[:, 0] = 1.0
    stream = replace(
        SHORT,
        length=400,
        feedback=Feedback("refined"),
        changes=(Change("middle", 30.0, comes=False), Change("small", 60.0, comes=True)),
    )
    brisk = dict.fromkeys(four.arms, BRISK["small"])
    router = Router.preset(name, embedder=Hashing(16))
    result = one(router, replace(four, quality=right), stream, speeds=brisk)
    assert result.follows_changes
    assert (result.curves.quality[:6] == 0).all()
    assert result.curves.quality[-5:].mean() > 0.9
