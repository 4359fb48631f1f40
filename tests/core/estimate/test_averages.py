"""PickLLM's two learners: the best of late, and probabilities that follow rewards."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError, Preference
from automix_core.decide import Explore, Matching
from automix_core.estimate import Automaton, Averages
from automix_core.evidence import Examples
from tests.core.examples import every_state, told

LEARNERS = {"averages": Averages(), "automaton": Automaton(latency_weight=0.1)}
each = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)


def examples(quality, cost=None, latency=None):
    quality = np.array(quality, dtype=float)
    shape = quality.shape
    unknown = np.isnan(quality)
    cost, latency = (None if x is None else np.where(unknown, np.nan, x) for x in (cost, latency))
    return Examples(quality, np.full(shape, np.nan), cost=cost, latency=latency)


def event(arm, quality, arms=2, **more):
    row = np.full((1, arms), np.nan)
    row[0, arm] = quality
    return examples(row, **more)


def nothing_asked(rows=1, arms=2):
    evidence = every_state(told(rows, arms, seed=0))
    none = np.zeros((rows, arms), dtype=bool)
    return replace(evidence, able=~none, answered=none)


def quality(learner, arms=2):
    return learner.estimate(nothing_asked(arms=arms), Preference()).quality[0]


def stream(learner, policy, chances, steps, seed=0, preference=None):
    """Let the learner choose and learn; gives which arm was asked at each step."""
    rng = np.random.default_rng(seed)
    asked = []
    for step in range(steps):
        evidence = replace(nothing_asked(arms=len(chances)), draw=rng.random(1))
        wanted = preference or Preference(0.0)
        arm = int(policy.decide(learner.estimate(evidence, wanted), evidence, wanted).arm[0])
        chance = chances[arm](step) if callable(chances[arm]) else chances[arm]
        learner = learner.learn(event(arm, float(rng.random() < chance), arms=len(chances)))
        asked.append(arm)
    return np.array(asked)


def test_a_mean_is_moved_by_each_example_and_begins_as_the_mean_of_the_first():
    learner, mean = Averages(rate=0.25), 0.0
    values = np.random.default_rng(0).random(30)
    for count, value in enumerate(values, 1):
        learner = learner.learn(event(0, value))
        mean += max(0.25, 1 / count) * (value - mean)
        assert quality(learner)[0] == pytest.approx(mean)
    assert quality(learner)[1] == 0.5


@each
def test_a_table_is_gone_over_once_in_order(learner):
    """All at once, or in two halves: the means have no memory of where one batch ended."""
    of = told(80, 3, seed=0)
    of = replace(of, cost=of.quality + 1, latency=of.quality + 0.1)
    whole = learner.fit(of)
    if isinstance(learner, Averages):
        halves = learner.fit(of.take(slice(0, 30))).learn(of.take(slice(30, None)))
        np.testing.assert_allclose(halves.means_, whole.means_)
    np.testing.assert_array_equal(quality(whole, 3), quality(whole.fit(of), 3))
    assert not np.allclose(quality(whole, 3), quality(learner.fit(of.take(slice(0, 30))), 3))


def test_q_learning_settles_on_the_best_arm_and_follows_when_it_changes():
    policy = Explore(alpha=0, beta=0, epsilon=1.0, fading=True)
    chances = [lambda step: 0.8 if step < 700 else 0.1, 0.5, 0.2]
    asked = stream(Averages(), policy, chances, 1400)
    assert (asked[300:700] == 0).mean() > 0.9
    assert (asked[1100:] == 1).mean() > 0.9


def test_the_automaton_settles_on_the_best_arm_and_never_quite_gives_up_the_others():
    asked = stream(Automaton(rate=0.05), Matching(), [0.2, 0.9], 1500)
    assert 0.9 < (asked[700:] == 1).mean() < 1.0


def test_the_automaton_learns_by_reward_and_inaction():
    automaton = Automaton(rate=0.1, floor=0.0)
    after = quality(automaton.learn(event(1, 0.5)))
    np.testing.assert_allclose(after, [0.5 * 0.95, 0.5 * 0.95 + 0.05])
    np.testing.assert_array_equal(quality(automaton.learn(event(1, 0.0))), [0.5, 0.5])


def test_the_automaton_weighs_cost_and_latency_itself():
    automaton = Automaton(rate=0.5, floor=0.0, cost_weight=0.3, latency_weight=0.2)
    after = quality(automaton.learn(event(1, 0.9, cost=2.0, latency=10.0)))
    reward = 0.9 - 0.3 - 0.2
    np.testing.assert_allclose(after[1], 0.5 + 0.5 * reward * 0.5)


def test_no_probability_exceeds_what_the_floor_leaves():
    automaton = Automaton(rate=0.5, floor=0.1)
    for _ in range(50):
        automaton = automaton.learn(event(0, 1.0, arms=3))
    np.testing.assert_allclose(quality(automaton, 3), [0.9, 0.05, 0.05])


def test_means_of_cost_and_latency_are_used_once_they_are_known():
    evidence = nothing_asked()
    one = Averages().learn(event(0, 1.0, cost=7.0, latency=3.0))
    made = one.estimate(evidence, Preference())
    np.testing.assert_array_equal(made.cost, evidence.cost)
    np.testing.assert_array_equal(made.latency, [[3.0, np.nan]])
    both = one.learn(event(1, 1.0, cost=9.0, latency=4.0))
    made = both.estimate(replace(evidence, waiting=np.array([[0.0, 5.0]])), Preference())
    np.testing.assert_array_equal(made.cost - evidence.checking, [[7.0, 9.0]])
    np.testing.assert_array_equal(made.latency, [[3.0, 9.0]])


@each
def test_arms_come_and_go_and_the_others_are_estimated_as_before(learner):
    of = replace(told(50, 3, seed=0), cost=np.ones((50, 3)))
    fitted = learner.fit(of)
    before = quality(fitted, 3)
    after = quality(fitted.over([2, None, 0]), 3)
    np.testing.assert_array_equal(after[[0, 2]], before[[2, 0]])
    assert after[1] > 0
    again = quality(fitted.over([2, None, 0]).learn(event(1, 1.0, arms=3)), 3)
    assert again[1] / again.sum() > after[1] / after.sum()


@each
def test_before_anything_is_known_all_arms_are_alike(learner):
    assert len(set(quality(learner, 3).tolist())) == 1
    assert learner.over([0, None]) is learner


@each
@pytest.mark.parametrize("bad", [event(0, 2.0), event(0, -0.5), event(0, 1.0, arms=3)])
def test_a_bad_event_is_refused_and_changes_nothing(learner, bad):
    known = learner.learn(event(0, 1.0))
    before = quality(known).copy()
    with pytest.raises(ConfigurationError):
        known.learn(bad)
    np.testing.assert_array_equal(quality(known), before)


@pytest.mark.parametrize("rows", [1, 20, 300])
def test_the_same_reward_ever_again_is_never_exceeded(rows):
    made = Averages().fit(examples(np.ones((rows, 2))))
    assert quality(made).tolist() == pytest.approx([1, 1])
    assert quality(made).max() <= 1


def test_numbers_that_make_no_sense_are_refused():
    for made in (lambda: Averages(0.0), lambda: Automaton(rate=1.0), lambda: Automaton(floor=1)):
        with pytest.raises(ConfigurationError):
            made()
