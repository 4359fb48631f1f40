"""A replay does what the live loop does, row by row, and counts what it costs."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from automix_core import Needs, Outcomes, Preference, Request, Router
from automix_core.decide import Value
from automix_core.estimate import Rule, Threshold
from automix_core.evidence import Actions, Run
from automix_core.flow import Reply, Token, Usage
from automix_core.parts import Policy
from automix_core.replay import replay
from tests.core.conftest import RIGHT, WRONG, Model, describe, stepped
from tests.core.examples import SIGNAL, outcomes, recorded, told

COST = {2: [0.001, 0.012], 3: [0.001, 0.004, 0.012]}
LIKELY = "answer_likelihood"
ASKED = Request("What is it?", "It is so.")


def table(arms, rows=240, seed=0, *, signal=SIGNAL, missing=0.05, gaps=0.0):
    """A table in which each arm's confidence tells something; checks cost as much as the answer."""
    of = told(rows, arms, seed, missing=missing)
    if gaps:
        rng = np.random.default_rng(seed)
        lost = rng.random(of.quality.shape) < gaps
        lost[np.arange(rows), rng.integers(0, arms, rows)] = False  # each row holds one at least
        of.quality[lost] = of.confidence[lost] = np.nan
    cost = np.array(COST[arms])
    made = outcomes(of.quality, cost, of.confidence, check=cost)
    if signal == SIGNAL:
        return made
    said = np.clip(made.signals[SIGNAL], 0.01, 0.99)
    return Outcomes.from_arrays(made.arms, made.quality, cost, signals={LIKELY: said})


def script_for(row, of, verifier):
    """What the models say in one row: answers, and verdicts whose share is the confidence."""

    def script(ask):
        arm = of.arms.index(ask.to)
        if math.isnan(of.quality[row, arm]):
            return ConnectionError("not in the table")
        said = of.signals[verifier.name][row, arm]
        if ask.purpose == "verify":
            turn = turns[ask.to] = turns.get(ask.to, -1) + 1
            if math.isnan(said):
                return "Hm."
            return RIGHT if turn < round(said * verifier.samples) else WRONG
        likely = None
        if verifier.name == LIKELY and not math.isnan(said) and ask.options.logprobs:
            likely = (Token("x", math.log(said)),)
        return Reply(ask.to, ("It is so.",), logprobs=likely, usage=Usage(1000, 0))

    turns = {}
    return script


def bound(router, of, held=None):
    """The router over models that play the arms; those not held cannot see images."""
    mean = np.nanmean(of.cost, axis=0).tolist()
    able = [True] * len(of.arms) if held is None else held.tolist()
    models = [
        Model(name, {"logprobs": True, "images": can})
        for name, can in zip(of.arms, able, strict=True)
    ]
    prices = {name: (1000 * cost, 0) for name, cost in zip(of.arms, mean, strict=True)}
    return router.bind(models, describe=describe, prices=prices)


def live(router, of, row, preference, request=ASKED):
    """What the live loop does on one row: its decision, who was asked and who was verified."""
    outcome, waves = stepped(
        router.route(request, preference), script_for(row, of, router.verifier)
    )
    asks = [ask for wave in waves for ask in wave]
    return (
        outcome.decision,
        {ask.to for ask in asks if ask.purpose in ("draft", "answer")},
        {verdict.arm for verdict in outcome.decision.verdicts},
    )


def done(seen, row):
    """The same of a replay, without the decision."""
    names = np.array(seen.arms)
    return set(names[seen.asked[row]].tolist()), set(names[seen.verified[row]].tolist())


def fitted(kind, arms):
    train = table(arms, seed=1, signal=LIKELY if kind == "cascade" else SIGNAL)
    if kind == "cascade":
        return Router.preset("cascade", verifier=LIKELY, meta_verifier="bayes").fit(train)
    return Router.preset("automix", meta_verifier=kind).fit(train)


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("kind", ["cascade", "threshold", "bayes", "pomdp"])
def test_the_live_loop_and_the_replay_route_alike(kind, arms):
    router = fitted(kind, arms)
    of = table(arms, rows=30, seed=2, signal=router.verifier.name)
    at_work = bound(router, of)
    routes = set()
    for weight in (0.02, 0.1, 0.3):
        seen = router.replay(of, Preference(weight))
        for row in range(len(of)):
            decision, *did = live(at_work, of, row, Preference(weight))
            assert decision.arm == of.arms[seen.arm[row]]
            assert tuple(did) == done(seen, row)
            routes.add((decision.arm, *map(tuple, map(sorted, did))))
    assert len(routes) > 1


@pytest.mark.parametrize("kind", ["threshold", "bayes", "pomdp"])
def test_arms_that_a_row_does_not_hold_are_arms_that_cannot_be_asked(kind):
    router = fitted(kind, 3)
    of = table(3, rows=40, seed=5, gaps=0.4)
    assert {1, 2, 3} <= set(of.has.sum(axis=1).tolist())
    seen = router.replay(of, Preference(0.1))
    request = replace(ASKED, needs=Needs(images=True))
    for row in range(len(of)):
        decision, *did = live(bound(router, of, of.has[row]), of, row, Preference(0.1), request)
        assert decision.arm == of.arms[seen.arm[row]]
        assert tuple(did) == done(seen, row), of.has[row]
    assert np.isfinite(seen.quality).all()
    assert np.isfinite(seen.cost).all()


@pytest.mark.parametrize(("kind", "budget"), [("cascade", 0.004), ("bayes", 0.008)])
def test_a_budget_is_mixed_live_as_in_the_replay_and_the_propensity_is_exact(kind, budget):
    """Whatever is done in a row, its propensity is the share of the draws that lead to it."""
    router = fitted(kind, 2)
    of = table(2, rows=16, seed=3, signal=router.verifier.name)
    preference = Preference(budget=budget)
    ways = router.calibration.tradeoff.branches(preference)
    assert len(ways) == 2
    by_way = [router.replay(of, Preference(way.cost_weight)) for _, way in ways]
    at_work = bound(router, of)
    different = 0
    for row in range(len(of)):
        for _ in range(3):
            decision, *did = live(at_work, of, row, preference)
            alike = [tuple(did) == done(seen, row) for seen in by_way]
            assert any(alike)
            expected = sum(share for (share, _), same in zip(ways, alike, strict=True) if same)
            assert decision.propensity == pytest.approx(expected, abs=1e-12)
            different += expected < 1
    assert different > 5


def test_a_budget_is_drawn_row_by_row():
    router = fitted("bayes", 2)
    of = table(2, rows=600, seed=4)
    preference = Preference(budget=0.008)
    ways = router.calibration.tradeoff.branches(preference)
    mixed = router.replay(of, preference, seed=3)
    parts = [router.replay(of, Preference(way.cost_weight)) for _, way in ways]
    expected = sum(share * part.cost for (share, _), part in zip(ways, parts, strict=True))
    spread = np.sqrt(
        sum(share * part.cost**2 for (share, _), part in zip(ways, parts, strict=True))
        - expected**2
    )
    error = np.sqrt((spread**2).sum()) / len(of)
    assert abs(mixed.cost.mean() - expected.mean()) < 3 * error
    same = [np.isclose(mixed.cost, part.cost) for part in parts]
    assert (same[0] | same[1]).all()
    np.testing.assert_array_equal(mixed.cost, router.replay(of, preference, seed=3).cost)
    assert (mixed.cost != router.replay(of, preference, seed=4).cost).any()


def priced(rows=300, seed=6):
    """A table in which every single cost and latency differs, some checks have no latency."""
    rng = np.random.default_rng(seed)
    of = told(rows, 3, seed)
    shape = of.quality.shape
    made = Outcomes.from_arrays(
        ["m0", "m1", "m2"],
        of.quality,
        rng.uniform(0.5, 1.5, shape) * [1, 4, 12],
        latency=rng.uniform(1, 2, shape),
        signals={SIGNAL: of.confidence},
        checks={SIGNAL: rng.uniform(0.1, 0.2, shape)},
    )
    waits = rng.uniform(0.1, 0.2, shape)
    waits[::5] = np.nan
    return replace(made, check_latency={SIGNAL: waits})


def test_costs_and_latencies_are_those_of_what_was_asked_and_verified():
    of = priced()
    seen = Router.preset("automix").replay(of)
    assert 0 < seen.verified[:, 1].mean() < 1
    for row in range(len(of)):
        asked, checked = np.flatnonzero(seen.asked[row]), np.flatnonzero(seen.verified[row])
        cost = of.cost[row, asked].sum() + of.checks[SIGNAL][row, checked].sum()
        wait = of.latency[row, asked].sum() + of.check_latency[SIGNAL][row, checked].sum()
        assert seen.cost[row] == pytest.approx(cost)
        assert seen.latency[row] == pytest.approx(wait, nan_ok=True)
        assert seen.quality[row] == of.quality[row, seen.arm[row]]
        last = seen.verified[row, seen.arm[row]]
        said = of.signals[SIGNAL][row, seen.arm[row]] if last else np.nan
        assert seen.confidence[row] == pytest.approx(said, nan_ok=True)
    assert 0 < np.isnan(seen.latency).mean() < 1


def test_a_free_check_takes_no_time():
    of = priced()
    of = replace(of, checks={SIGNAL: np.zeros_like(of.cost)})
    seen = Router.preset("automix").replay(of)
    np.testing.assert_allclose(seen.latency, np.where(seen.asked, of.latency, 0).sum(axis=1))


def test_a_table_whose_arms_come_in_another_order_is_replayed_by_their_names():
    """What was the middle arm in the examples is the dearest here."""
    router = fitted("bayes", 3)
    of = table(3, seed=7)
    cost = of.cost * [1, 5, 1]
    other = Outcomes.from_arrays(
        of.arms, of.quality, cost, signals=of.signals, checks={SIGNAL: of.checks[SIGNAL]}
    )
    assert other.arms == ("m0", "m2", "m1")
    seen, usual = router.replay(other), router.replay(of)
    assert seen.arms == other.arms
    assert len(set(seen.arm.tolist())) > 1
    names = np.array(other.arms)[seen.arm]
    np.testing.assert_array_equal(names, np.array(of.arms)[usual.arm])
    places = [other.arms.index(name) for name in of.arms]
    np.testing.assert_array_equal(seen.asked[:, places], usual.asked)
    np.testing.assert_array_equal(seen.verified[:, places], usual.verified)
    np.testing.assert_array_equal(seen.quality, other.quality[np.arange(len(of)), seen.arm])
    paid = np.where(seen.asked, other.cost, 0) + np.where(seen.verified, other.checks[SIGNAL], 0)
    np.testing.assert_allclose(seen.cost, paid.sum(axis=1))


def test_a_row_that_holds_no_arm_has_no_answer_and_costs_nothing():
    of = table(3, rows=60, seed=8, gaps=0.5).only(["m0", "m2"])
    empty = ~of.has.any(axis=1)
    assert 0 < empty.mean() < 1
    for made in (of, of.in_order(["m2", "m0"])):
        seen = Router.preset("automix").replay(made)
        np.testing.assert_array_equal(seen.arm == -1, empty)
        np.testing.assert_array_equal(np.isnan(seen.quality), empty)
        assert (seen.cost[empty] == 0).all()
    assert (seen.in_order(("m0", "m2")).arm[empty] == -1).all()


def test_a_million_steps_at_once_are_the_same_as_row_by_row():
    router = fitted("pomdp", 3)
    of = table(3, rows=50, seed=9, gaps=0.2)
    together = router.replay(of, Preference(0.2))
    for row in range(len(of)):
        alone = router.replay(of.take([row]).in_order(of.arms), Preference(0.2))
        assert alone.arm[0] == together.arm[row]
        np.testing.assert_array_equal(alone.asked[0], together.asked[row])
        assert alone.cost[0] == together.cost[row]


def test_the_first_step_can_be_given():
    of = told(50, 3, seed=1)
    at = recorded(of, [1, 4, 12], [0.5, 0.5, 0])
    keep = Rule(((2.0, 3.0),), unverified=False)
    for run in (Run(1), Run(1, final=True), Run(2, final=True)):
        seen = replay(at, keep, Value(), Preference(), first=run)
        assert (seen.arm == run.arm).all()
        assert (seen.verified[:, run.arm] != run.final).all()
        assert seen.asked.sum() == 50


@dataclass(frozen=True)
class Tosses(Policy):
    """Asks the first or the second arm for good, by the toss of a coin."""

    name = ""

    def decide(self, estimates, evidence, preference):
        rows = len(evidence)
        sure = np.ones(rows, dtype=bool)
        arm = (evidence.draw < 0.3).astype(np.int64)
        return Actions(arm, sure, sure, np.full(rows, 0.5), np.zeros(rows), np.zeros(rows))


def test_policies_that_randomise_draw_anew_in_each_row_by_the_seed():
    at = recorded(told(2000, 2, seed=1), [1, 12], [0, 0])
    one, other, again = (
        replay(at, Threshold(), Tosses(), Preference(), seed=seed).arm for seed in (1, 2, 1)
    )
    assert one.mean() == pytest.approx(0.3, abs=0.05)
    assert (one != other).any()
    np.testing.assert_array_equal(one, again)
