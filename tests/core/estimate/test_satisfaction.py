"""Thumbs alone: whose traffic they move, how far noise is trusted, and what they leave alone."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError, Preference
from automix_core.arrays import normalised
from automix_core.decide import Best, Explore
from automix_core.estimate import LinearBandit, Prior, RidgeQuality, Satisfaction
from automix_core.evidence import Examples
from tests.core.estimate.test_before import estimated, sorts
from tests.core.examples import every_state, told

TOPICS = np.array([[1.0, 0.0, 0.0, 0.2], [0.0, 1.0, 0.0, 0.2]])


def thumb(features, arm, satisfied, arms=2, chances=None):
    row = np.full((1, arms), np.nan)
    given = row.copy()
    given[0, arm] = satisfied
    return Examples(
        row,
        row,
        features=np.atleast_2d(features),
        satisfied=given,
        chances=None if chances is None else np.atleast_2d(chances).astype(float),
    )


def asked_nothing(features, arms=2, draw=0.0):
    of = Examples(
        np.zeros((len(features), arms)),
        np.full((len(features), arms), np.nan),
        features=np.atleast_2d(features),
    )
    evidence = every_state(of)
    none = np.zeros((len(features), arms), dtype=bool)
    return replace(evidence, able=~none, answered=none, draw=np.full(len(features), draw))


LIKED = np.array([[0.25, 0.85], [0.85, 0.25]])
"""How likely the users of each topic are satisfied with A and with B."""


def knows(quality):
    """An estimator that was told the quality of both arms on each topic."""
    quality = np.repeat(quality, 200, axis=0)
    features = np.repeat(TOPICS, 200, axis=0)
    return Satisfaction(RidgeQuality().fit(Examples(quality, quality, features=features)))


def told_a_is_better():
    """An estimator that was told that A is the better by 0.1, whatever is asked."""
    quality = np.tile([0.7, 0.6], (20, 1))
    return Satisfaction(Prior().fit(Examples(quality, quality)))


def served(estimator, policy, liked, seed=0):
    """Topic and arm of each step of a stream of two topics; `liked` has LIKED for each step."""
    rng = np.random.default_rng(seed)
    seen = []
    for shares in liked:
        topic = int(rng.random() < 0.5)
        features = TOPICS[[topic]] + rng.normal(0, 0.1, (1, 4))
        evidence = asked_nothing(features, draw=rng.random())
        wanted = Preference(0.0)
        actions = policy.decide(estimator.estimate(evidence, wanted), evidence, wanted)
        arm = int(actions.arm[0])
        happy = float(rng.random() < shares[topic, arm])
        estimator = estimator.learn(thumb(features, arm, happy, chances=actions.chances))
        seen.append((topic, arm))
    return np.array(seen)


def share(seen, topic, arm):
    return (seen[seen[:, 0] == topic, 1] == arm).mean()


@pytest.mark.parametrize("policy", [Best(), Explore(epsilon=0.1)], ids=["best", "by chance"])
@pytest.mark.parametrize("seed", [0, 1])
def test_thumbs_alone_move_the_traffic_of_a_topic_to_the_arm_its_users_prefer(policy, seed):
    """And back again, when they change their minds."""
    seen = served(told_a_is_better(), policy, [LIKED] * 400 + [LIKED[::-1]] * 400, seed)
    assert share(seen[:10], 0, 0) > 0.6
    for topic in (0, 1):
        assert share(seen[200:400], topic, 1 - topic) > 0.7
        assert share(seen[600:], topic, topic) > 0.7


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_thumbs_that_agree_with_the_estimates_leave_the_traffic_alone(seed):
    """However hard one topic is and however easy the other, and though B is nearly as good."""
    quality = np.array([[0.95, 0.9], [0.2, 0.15]])
    seen = served(knows(quality), Best(), [quality] * 400, seed)
    assert share(seen, 0, 0) > 0.95
    assert share(seen, 1, 0) > 0.95


@pytest.mark.parametrize("seed", [0, 1])
def test_users_who_are_harder_to_please_than_the_scores_say_are_not_held_against_an_arm(seed):
    quality = np.array([[0.9, 0.7], [0.7, 0.9]])
    seen = served(knows(quality), Best(), [quality - 0.3] * 400, seed)
    assert share(seen[100:], 0, 0) > 0.9
    assert share(seen[100:], 1, 1) > 0.9


def after(thumbs, **numbers):
    """What an estimator that expects 0.5 has learned from so many thumbs up for B."""
    estimator = Satisfaction(Prior(), **numbers)
    for _ in range(thumbs):
        estimator = estimator.learn(thumb(TOPICS[0], 1, 1.0))
    return estimator


def test_before_the_first_thumb_nothing_is_moved():
    train, _ = sorts(100, 0)
    bandit = LinearBandit().fit(train)
    made = estimated(Satisfaction().fit(train), train.features, 3)
    plain = estimated(bandit, train.features, 3)
    for name in ("quality", "sd", "novelty"):
        np.testing.assert_array_equal(getattr(made, name), getattr(plain, name))


def test_scores_reach_the_inner_estimator():
    train, _ = sorts(100, 0)
    fitted = Satisfaction().fit(train)
    event = replace(train.take([0]), satisfied=None)
    before, after = (
        fitted.inner.lines_[0].gram[0, 0],
        fitted.learn(event).inner.lines_[0].gram[0, 0],
    )
    assert after == before + 1
    assert fitted.learn(event).heads_ is None


def test_a_thumb_raises_the_arm_it_is_for_and_lowers_it_against_it():
    evidence = asked_nothing(TOPICS[:1])
    before = after(20).estimate(evidence, Preference()).quality[0]
    assert before[1] > before[0]
    for satisfied, sign in ((1.0, 1), (0.0, -1)):
        made = after(20).learn(thumb(TOPICS[0], 1, satisfied)).estimate(evidence, Preference())
        np.testing.assert_array_equal(np.sign(made.quality[0] - before), [-sign, sign])


def test_a_thumb_moves_the_scores_along_the_gradient_of_the_log_probability():
    """Against finite differences of log pi, with every layer's weights free."""
    estimator = Satisfaction(Prior(), step=1e-7, hidden=5)
    for arm in (0, 1, 1):
        estimator = replace(estimator, step=0.05).learn(thumb(TOPICS[0], arm, float(arm)))
    # Thumbs that were all foretold exactly: the network is trusted in full, with no offset.
    estimator = replace(estimator, step=1e-7, moments_=np.full((3, 3), 1e6))
    features = np.array([[0.3, -0.2, 0.5, 0.1]])

    def log_probability(of):
        quality = 0.5 + of._confidence * of._scores(of._layers(normalised(features))[-1])[0]
        raised = np.exp(quality / of.temperature)
        return float(np.log(raised[1] / raised.sum()))

    chance = np.exp(log_probability(estimator))
    later = estimator.learn(thumb(features, 1, 1.0, chances=[chance, chance]))
    advantage = 1.0 - 2.0 * estimator._scores(estimator._layers(normalised(features))[-1])[0, 1]
    for name in ("first_", "second_", "heads_"):
        weights = getattr(estimator, name)
        made = (getattr(later, name) - weights) / estimator.step
        for place in list(np.ndindex(weights.shape))[::3]:
            nudge = np.zeros_like(weights)
            nudge[place] = 1e-6
            ahead, behind = (
                log_probability(replace(estimator, **{name: weights + sign * nudge}))
                for sign in (1, -1)
            )
            slope = advantage * (ahead - behind) / 2e-6
            assert made[place] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_an_unlikely_arm_s_thumb_counts_for_more():
    before = after(20)
    rise = [
        before.learn(thumb(TOPICS[0], 1, 1.0, chances=[1 - chance, chance]))
        .estimate(asked_nothing(TOPICS[:1]), Preference())
        .quality[0, 1]
        for chance in (1.0, 0.5, 0.1)
    ]
    assert 0.5 < rise[0] < rise[1] < rise[2]


def test_thumbs_are_trusted_once_they_were_foretold_and_not_when_they_contradict_each_other():
    rng = np.random.default_rng(0)
    noisy = Satisfaction(Prior())
    for happy in rng.random(300) < 0.5:
        noisy = noisy.learn(thumb(TOPICS[0], 0, float(happy)))
    assert after(1)._confidence == 0.0
    assert after(5)._confidence < after(100)._confidence
    assert after(100)._confidence > 0.9
    assert noisy._confidence < 0.2


@pytest.mark.parametrize("places", [(1, 0), (0, None, 1), (1,)])
def test_arms_come_and_go_and_the_others_are_moved_as_before_to_the_last_bit(places):
    estimator = Satisfaction(Prior())
    for arm in (0, 1) * 5:
        estimator = estimator.learn(thumb(TOPICS[arm], arm, float(arm)))
    before = estimator.estimate(asked_nothing(TOPICS), Preference()).quality
    other = estimator.over(places)
    after = other.estimate(asked_nothing(TOPICS, len(places)), Preference()).quality
    for to, place in enumerate(places):
        expected = 0.5 if place is None else before[:, place]
        np.testing.assert_array_equal(after[:, to], expected)
    assert (before != 0.5).all()
    other.learn(thumb(TOPICS[0], len(places) - 1, 1.0, arms=len(places)))


BAD = {
    "half a thumb": thumb(TOPICS[0], 1, 0.5),
    "a thumb above 1": thumb(TOPICS[0], 1, 2.0),
    "NaN in the features": thumb([np.nan, 0, 0, 0], 1, 1.0),
    "features of another width": thumb([1.0, 0.0], 1, 1.0),
    "other arms": thumb(TOPICS[0], 1, 1.0, arms=3),
    "a chance above 1": thumb(TOPICS[0], 1, 1.0, chances=[0.0, 1.5]),
    "chances of other arms": thumb(TOPICS[0], 1, 1.0, chances=[1.0]),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_thumb_is_refused_and_changes_nothing(bad):
    estimator = Satisfaction(LinearBandit())
    for _ in range(3):
        estimator = estimator.learn(thumb(TOPICS[0], 0, 1.0))
    before = estimator.estimate(asked_nothing(TOPICS), Preference()).quality
    with pytest.raises(ConfigurationError):
        estimator.learn(bad)
    after = estimator.estimate(asked_nothing(TOPICS), Preference()).quality
    np.testing.assert_array_equal(after, before)


def test_a_thumb_that_was_expected_for_certain_is_no_news():
    certain = replace(Prior(), prior_=np.array([1.0, 0.0]), spread_=np.zeros(2))
    estimator = Satisfaction(certain)
    for arm, satisfied in ((0, 1.0), (1, 0.0), (0, 1.0)):
        estimator = estimator.learn(thumb(TOPICS[0], arm, satisfied))
    assert not estimator.heads_.any()
    assert estimator.learn(thumb(TOPICS[0], 0, 0.0)).heads_.any()


def test_a_thumb_without_features_teaches_nothing():
    estimator = Satisfaction(Prior())
    assert estimator.learn(replace(thumb(TOPICS[0], 0, 1.0), features=None)) is estimator


def test_other_features_than_it_learned_from_are_refused():
    estimator = Satisfaction(Prior()).learn(thumb(TOPICS[0], 0, 1.0))
    with pytest.raises(ConfigurationError, match=r"4 features.*gives 2"):
        estimator.estimate(asked_nothing(np.eye(2)), Preference())


def test_the_same_thumbs_teach_the_same():
    one, other = (
        Satisfaction(Prior()).learn(thumb(TOPICS[0], 0, 1.0)).learn(thumb(TOPICS[1], 1, 0.0))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.heads_, other.heads_)


def test_a_fit_starts_anew():
    train = replace(told(60, 2, seed=0), signals={})
    learned = Satisfaction(Prior()).fit(train).learn(thumb(train.features[0], 0, 1.0))
    assert learned.heads_ is not None
    assert learned.fit(train).heads_ is None


@pytest.mark.parametrize("numbers", [{"step": -1}, {"hidden": 0}, {"temperature": 0}])
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        Satisfaction(**numbers)
