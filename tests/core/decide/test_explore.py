"""Trade-off, bonus, queue, deadline and chance: what each does to who is asked."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.decide import Best, Explore, Matching
from tests.core.decide.test_committing import chosen, world


def waiting(of, seconds, latency=None):
    """The same world with queues, and with expected latencies."""
    estimates, evidence = of
    shape = evidence.able.shape
    if latency is not None:
        estimates = replace(estimates, latency=np.broadcast_to(latency, shape).astype(float))
    if seconds is None:
        return estimates, evidence
    return estimates, replace(evidence, waiting=np.broadcast_to(seconds, shape).astype(float))


def untried(of, novelty):
    estimates, evidence = of
    return replace(estimates, novelty=np.broadcast_to(novelty, evidence.able.shape)), evidence


def many(rows=400, arms=4, seed=0):
    rng = np.random.default_rng(seed)
    draw = (np.arange(rows) + 0.5) / rows
    return world(rng.random((rows, arms)), np.arange(1.0, arms + 1), draw=draw)


def traffic(policy, of, arms=4, **preference):
    return np.bincount(chosen(policy, of, **preference).arm, minlength=arms)


@pytest.mark.parametrize("cost_weight", [0.0, 0.1, 0.7, 3.0])
def test_without_bonus_and_penalty_it_is_the_best_trade_off(cost_weight):
    """Acceptance property 1 of MixLLM."""
    of = waiting(untried(many(), [0.1, 0.5, 0.2, 0.9]), [1, 9, 3, 30])
    plain = chosen(Explore(alpha=0, beta=0), of, cost_weight=cost_weight)
    np.testing.assert_array_equal(plain.arm, chosen(Best(), of, cost_weight=cost_weight).arm)
    assert (plain.propensity == 1).all()
    assert plain.chances is None


def test_with_cost_no_object_it_takes_the_best_and_with_cost_everything_the_cheapest():
    """The rest of property 1, with the paper's bonus and penalty in place."""
    of = waiting(untried(many(), 0.3), 2.0)
    best = of[0].quality.argmax(axis=1)
    np.testing.assert_array_equal(chosen(Explore(), of, cost_weight=0).arm, best)
    assert (chosen(Explore(), of, cost_weight=1e6).arm == 0).all()


def test_what_was_hardly_tried_is_tried():
    of = untried(world([[0.7, 0.6]], [1, 1]), [0.01, 0.36])
    assert chosen(Explore(alpha=0.2), of, cost_weight=0).arm == 0
    assert chosen(Explore(alpha=0.4), of, cost_weight=0).arm == 1
    assert chosen(Explore(alpha=0.25, root=True), of, cost_weight=0).arm == 1
    assert chosen(Explore(alpha=0.15, root=True), of, cost_weight=0).arm == 0


def test_a_growing_queue_drives_traffic_away_and_an_empty_one_brings_it_back():
    """Acceptance property 3 of MixLLM."""
    of = many()
    rising = [0, 2, 5, 8, 11, 14, 17, 20, 30, 60, 300, 1e6, np.inf]
    shares = [traffic(Explore(), waiting(of, [0, w, 0, 0]))[1] for w in [*rising, *rising[::-1]]]
    up, down = shares[: len(rising)], shares[len(rising) :]
    assert all(np.diff(up) <= 0)
    assert up[0] > 50
    assert up[-1] == 0
    assert len(set(up)) > 5
    assert down == up[::-1]


def test_at_the_tolerance_an_arm_loses_beta():
    of = waiting(world([[0.7, 0.61]], [1, 1]), [10, np.nan])
    assert chosen(Explore(beta=0.08, tolerance=10), of, cost_weight=0).arm == 0
    assert chosen(Explore(beta=0.1, tolerance=10), of, cost_weight=0).arm == 1
    assert chosen(Explore(beta=0.1, tolerance=20, patience=0.5), of, cost_weight=0).arm == 1


def test_an_unknown_queue_costs_nothing():
    of = world([[0.7, 0.61]], [1, 1])
    known = waiting(of, [np.nan, np.nan])
    assert chosen(Explore(), known).run_value == chosen(Explore(), of).run_value


def test_with_every_queue_endless_somebody_is_asked_without_a_warning():
    with np.errstate(all="raise"):
        actions = chosen(Explore(growth=1e6), waiting(many(), 1e300))
    assert (actions.arm >= 0).all()
    assert np.isfinite(actions.run_value).all()


def test_an_arm_that_would_be_late_is_worth_nothing():
    slow = waiting(world([[0.9, 0.4]], [1, 1]), None, latency=[40, 5])
    assert chosen(Explore(), slow).arm == 0
    assert chosen(Explore(), slow, max_latency=30).arm == 1
    assert chosen(Explore(), slow, max_latency=50).arm == 0


def test_where_latency_is_unknown_a_queue_beyond_the_deadline_is_enough():
    of = waiting(world([[0.9, 0.4]], [1, 1]), [40, 0])
    assert chosen(Explore(beta=0), of, max_latency=30).arm == 1
    assert chosen(Explore(beta=0), of, max_latency=41).arm == 0


def test_where_all_would_be_late_the_cheapest_is_asked():
    of = waiting(world([[0.4, 0.9]], [1, 2]), None, latency=60)
    assert chosen(Explore(), of, max_latency=30).arm == 0


def test_epsilon_asks_every_arm_as_often_as_it_says():
    able = np.tile([[True, True, False, True]], (1000, 1))
    draw = (np.arange(1000) + 0.5) / 1000
    of = world(np.tile([[0.1, 0.9, 0.5, 0.2]], (1000, 1)), 1, able=able, draw=draw)
    actions = chosen(Explore(epsilon=0.3), of)
    assert np.bincount(actions.arm, minlength=4).tolist() == [100, 800, 0, 100]
    np.testing.assert_allclose(actions.chances, np.tile([0.1, 0.8, 0, 0.1], (1000, 1)))
    np.testing.assert_allclose(actions.propensity, np.where(actions.arm == 1, 0.8, 0.1))


def test_epsilon_fades_as_arms_become_known():
    of = world([[0.9, 0.1]], [1, 1])
    policy = Explore(alpha=0, epsilon=1.0, fading=True)
    for novelty, by_chance in ((3.0, 1.0), (1.0, 1.0), (0.1, 0.1), (0.0, 0.0)):
        chances = chosen(policy, untried(of, novelty)).chances
        np.testing.assert_allclose(chances, [[1 - by_chance / 2, by_chance / 2]])


@pytest.mark.parametrize(
    ("policy", "draws"),
    [(Explore(), False), (Explore(epsilon=0.1), True), (Explore(temperature=0.1), True)],
)
def test_it_draws_only_where_chance_has_a_say(policy, draws):
    assert policy.draws == draws


def test_temperature_draws_by_the_scores():
    of = world([[0.5, 0.6, 0.9]], [1, 1, 1], able=[[True, True, False]])
    ((one, two, none),) = chosen(Explore(temperature=0.1), of, cost_weight=0).chances
    assert two / one == pytest.approx(np.e)
    assert one + two == pytest.approx(1)
    assert none == 0
    cold = chosen(Explore(temperature=1e-6), of, cost_weight=0)
    assert (cold.arm, cold.propensity) == (1, 1.0)


def test_chances_are_those_of_asking_so_none_where_it_stops():
    of = world([[0.9, 0.1], [0.1, 0.9]], [1, 1], answered=[[True, False]] * 2)
    actions = chosen(Explore(epsilon=0.2), of, cost_weight=0)
    assert actions.run.tolist() == [False, True]
    np.testing.assert_array_equal(actions.chances, [[0, 0], [0, 1]])


def test_matching_asks_in_proportion_to_the_estimates():
    draw = (np.arange(100) + 0.5) / 100
    of = world(np.tile([[0.6, 0.2, 0.2]], (100, 1)), [1, 2, 3], draw=draw)
    assert traffic(Matching(), of, arms=3, cost_weight=5).tolist() == [60, 20, 20]
    flat = world(np.zeros((100, 2)), [1, 2], draw=draw)
    assert traffic(Matching(), flat, arms=2).tolist() == [50, 50]


@pytest.mark.parametrize(
    "numbers", [{"alpha": -1}, {"epsilon": 1.5}, {"temperature": np.nan}, {"growth": np.inf}]
)
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        Explore(**numbers)
