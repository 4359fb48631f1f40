"""Before an answer the request speaks, and every verdict is weighed against what it said."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from automix_core import ConfigurationError, Preference
from automix_core.decide import Best, Value
from automix_core.estimate import Bayes, Clusters, Joint, Prior, RidgeQuality
from automix_core.evidence import Estimates, Examples, Run
from tests.core.examples import every_state, told

PREFERENCE = Preference(0.3)
ARMS = 4


def fitted(before=None, rows=400, **changed):
    return Joint(before or RidgeQuality()).fit(replace(told(rows, ARMS, seed=0), **changed))


def before_anything(of):
    """Evidence in which nobody has answered."""
    return after(of, np.zeros(of.quality.shape, dtype=bool))


def after(of, answered, confidence=None):
    """Evidence in which these arms have answered, at costs of 1 to 8."""
    cost = np.tile(2.0 ** np.arange(of.quality.shape[1]), (len(of), 1))
    said = of.confidence if confidence is None else confidence
    return replace(
        every_state(of),
        able=~answered,
        answered=answered,
        confidence=np.where(answered, said, np.nan),
        signals={name: np.where(answered, said, np.nan) for name in of.signals},
        cost=cost,
        checking=0.1 * cost,
        reference_cost=8.0,
    )


def only(arms, rows):
    seen = np.zeros((rows, ARMS), dtype=bool)
    seen[:, list(arms)] = True
    return seen


# Its corners


def test_with_nothing_known_of_requests_it_is_the_bayesian_meta_verifier():
    of, fresh = told(400, ARMS, seed=0), told(160, ARMS, seed=1)
    joint, bayes = Joint(Prior()).fit(of), Bayes().fit(of)
    evidence = every_state(fresh)
    found, known = (part.estimate(evidence, PREFERENCE).quality for part in (joint, bayes))
    within = ~evidence.answered[:, -1]  # the dearest arm is never verified
    assert within.sum() >= 80
    np.testing.assert_allclose(found[within], known[within], atol=1e-6)


def test_features_that_never_change_change_nothing():
    of, fresh = told(400, ARMS, seed=0), told(160, ARMS, seed=1)
    alike = Joint(RidgeQuality()).fit(replace(of, features=np.ones((400, 3))))
    evidence = replace(every_state(fresh), features=np.ones((160, 3)))
    found = alike.estimate(evidence, PREFERENCE)
    known = Joint(Prior()).fit(of).estimate(evidence, PREFERENCE)
    np.testing.assert_allclose(found.quality, known.quality, atol=1e-6)
    np.testing.assert_allclose(found.ahead, known.ahead, atol=1e-6)
    decided = [Value().decide(made, evidence, PREFERENCE) for made in (found, known)]
    for name in ("arm", "run", "final"):
        np.testing.assert_array_equal(*(getattr(actions, name) for actions in decided))


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("why", ["no verdict was ever seen", "a check costs a fortune"])
def test_without_verdicts_it_commits_to_the_arm_that_the_request_says(why, weight):
    if why == "no verdict was ever seen":
        joint = fitted(confidence=np.full((400, ARMS), np.nan), signals={})
        evidence = before_anything(told(200, ARMS, seed=1))
    else:
        joint, plain = fitted(), before_anything(told(200, ARMS, seed=1))
        checking = np.tile([1e6, 1e6, 1e6, 0.0], (200, 1))
        evidence = replace(plain, checking=checking, cost=plain.cost - plain.checking + checking)
        weight = weight or 0.01  # what costs nothing may be as dear as it likes
    preference = Preference(weight)
    made = joint.estimate(evidence, preference)
    found, best = (policy.decide(made, evidence, preference) for policy in (Value(), Best()))
    np.testing.assert_array_equal(found.arm, best.arm)
    assert found.run.all()
    assert found.final.all()
    assert len(set(found.arm.tolist())) > (weight in {0.1, 0.5})


# What it adds


def test_a_poor_verdict_lowers_what_is_expected_of_arms_that_were_not_asked():
    """Where the request does not tell, for hard requests are hard for all."""
    fresh, joint = told(50, ARMS, seed=1), fitted(features=None)
    poor, fine = (
        joint.estimate(after(fresh, only([0], 50), np.full((50, ARMS), said)), PREFERENCE).quality
        for said in (0.1, 0.9)
    )
    assert (poor < fine).all()
    assert (fine - poor)[:, 0].mean() > 2 * (fine - poor)[:, 1:].mean() > 0.2


def test_the_request_still_counts_once_there_is_a_verdict():
    """The first feature tells how easy a request is."""
    fresh, joint = told(200, ARMS, seed=1), fitted(rows=1500)
    same = np.full((200, ARMS), 0.5)
    made = joint.estimate(after(fresh, only([0], 200), same), PREFERENCE)
    easy = fresh.features[:, 0] > 0.5
    assert (made.quality[easy].mean(axis=0) > made.quality[~easy].mean(axis=0) + 0.1).all()


def test_a_request_that_tells_nothing_gets_hardly_any_weight():
    noise = np.random.default_rng(0).normal(size=(1400, 30))
    joint = fitted(rows=1000, features=noise[:1000])
    evidence = replace(before_anything(told(400, ARMS, seed=1)), features=noise[1000:])
    found = joint.estimate(evidence, PREFERENCE).quality
    alone = joint.before.estimate(evidence, PREFERENCE).quality
    assert found.std(axis=0).max() < 0.5 * alone.std(axis=0).min()


def test_what_is_verified_first_pays_where_the_request_leaves_open_what_it_is_worth():
    """Where a request is plainly easy or hard, verifying its answer can change little."""
    fresh, joint = told(400, ARMS, seed=1), fitted(rows=1500)
    evidence = before_anything(fresh)
    made = joint.estimate(evidence, PREFERENCE)
    actions = Value().decide(made, evidence, PREFERENCE)
    assert 0 < actions.final.mean() < 1
    ease = fresh.features[:, 0]
    assert ease[~actions.final].std() < ease.std()


def test_a_delay_is_foreseen_like_a_cost():
    joint, fresh = fitted(), told(20, ARMS, seed=1)
    evidence = before_anything(fresh)

    @dataclass(frozen=True, eq=False)
    class Slow(Prior):
        name = ""
        second: float = 1.0

        def estimate(self, evidence, preference):
            made = super().estimate(evidence, preference)
            return replace(made, latency=np.where(evidence.answered, 0.0, self.second))

    def ahead(preference):
        slow = replace(joint, before=Slow().fit(told(400, ARMS, seed=0)))
        return slow.estimate(evidence, preference).ahead[:, :-1]

    lost = ahead(Preference(0.1)) - ahead(Preference(0.1, latency_weight=0.05))
    assert (lost >= 0.05 - 1e-9).all()


# Answers without a verdict, and replies judged by their form


def test_an_answer_without_a_verdict_stays_as_good_as_the_request_says():
    joint, fresh = fitted(), told(50, ARMS, seed=1)
    mute = after(fresh, only([1], 50), np.full((50, ARMS), np.nan))
    found = joint.estimate(mute, PREFERENCE).quality
    known = joint.estimate(before_anything(fresh), PREFERENCE).quality
    np.testing.assert_array_equal(found, known)


def test_unless_the_examples_show_what_silence_means():
    of = told(600, ARMS, seed=0)
    silent = np.random.default_rng(1).random(of.quality.shape) < 0.2
    of.confidence[silent] = np.nan
    of.quality[silent] = 0.0
    joint, fresh = Joint(RidgeQuality()).fit(of), told(50, ARMS, seed=1)
    mute = after(fresh, only([1], 50), np.full((50, ARMS), np.nan))
    assert joint.estimate(mute, PREFERENCE).quality[:, 1].max() < 0.2


def test_a_reply_that_is_judged_by_its_form_is_as_good_as_that():
    joint, fresh = fitted(), told(4, ARMS, seed=1)
    form = np.full((4, ARMS), np.nan)
    form[:, 1] = [0.0, 1.0, 0.0, 1.0]
    evidence = replace(after(fresh, only([1], 4), form), signals={"validity": form})
    found = joint.estimate(evidence, PREFERENCE).quality
    known = joint.estimate(before_anything(fresh), PREFERENCE).quality
    np.testing.assert_array_equal(found[:, 1], form[:, 1])
    np.testing.assert_array_equal(np.delete(found, 1, axis=1), np.delete(known, 1, axis=1))


# Other arms, and more to learn


@dataclass(frozen=True, eq=False)
class Told(Prior):
    """Reads nothing, and lets arms come and go."""

    name = ""

    def over(self, places):
        old = [0.5 if was is None else self.prior_[was] for was in places]
        return replace(self, prior_=np.array(old), spread_=np.full(len(old), 0.5))

    def learn(self, examples):
        return self.fit(examples)


def test_when_an_arm_goes_the_same_is_said_of_the_others():
    joint = fitted(Told())
    left = joint.over([0, 2, 3])
    fresh = told(100, ARMS, seed=1)
    evidence = after(fresh, only([0], 100))
    kept = [0, 2, 3]
    less = replace(
        evidence,
        able=evidence.able[:, kept],
        answered=evidence.answered[:, kept],
        confidence=evidence.confidence[:, kept],
        signals={name: column[:, kept] for name, column in evidence.signals.items()},
        cost=evidence.cost[:, kept],
        checking=evidence.checking[:, kept],
    )
    found = left.estimate(less, PREFERENCE).quality
    np.testing.assert_array_equal(found, joint.estimate(evidence, PREFERENCE).quality[:, kept])
    assert not [name for name in left.moves_ if "3" in name or "2" in name]


def test_once_the_dearest_arm_has_gone_an_unchecked_answer_of_the_next_counts_as_nothing_said():
    """Where silence told of poor answers, that of an arm which is no longer verified does not."""
    of = told(400, ARMS, seed=0)
    said = of.confidence.copy()
    said[::3, 2], of.quality[::3, 2] = np.nan, 0.0
    joint = Joint(Told()).fit(replace(of, confidence=said, signals=dict.fromkeys(of.signals, said)))
    assert joint.silent_[2]
    left, fresh = joint.over([0, 1, 2]), told(30, ARMS - 1, seed=1)
    before, asked = (np.tile([True, False, last], (30, 1)) for last in (False, True))
    heard = np.where([True, True, False], fresh.confidence, np.nan)
    found, known = (
        left.estimate(after(fresh, answered, heard), PREFERENCE).quality
        for answered in (asked, before)
    )
    np.testing.assert_array_equal(found, known)


def test_a_new_arm_is_as_good_as_the_request_says_and_is_never_verified():
    more = fitted(Told()).over([0, 1, 2, 3, None])
    fresh = told(30, ARMS + 1, seed=1)
    for seen in ([], [0], [0, 1]):
        answered = np.zeros((30, ARMS + 1), dtype=bool)
        answered[:, seen] = True
        made = more.estimate(after(fresh, answered), PREFERENCE)
        np.testing.assert_allclose(made.quality[:, -1], 0.5)
        decided = Value().decide(made, after(fresh, answered), PREFERENCE)
        assert decided.final[decided.run & (decided.arm == ARMS)].all()


def test_arms_come_and_go_only_where_what_reads_the_request_lets_them():
    with pytest.raises(ConfigurationError, match="fit the router again"):
        fitted(Stiff()).over([0, 1, 2])


@dataclass(frozen=True, eq=False)
class Stiff(Prior):
    """Reads nothing, and knows no arms but its own."""

    name = ""

    def over(self, places):
        return super(Prior, self).over(places)


def test_what_reads_the_request_goes_on_learning():
    joint = fitted(Told())
    news = told(50, ARMS, seed=5)
    after_news = joint.learn(news)
    np.testing.assert_allclose(after_news.before.prior_, news.quality.mean(axis=0))
    assert after_news.weights_ is joint.weights_
    fixed = fitted()
    assert fixed.learn(news) is fixed


def test_without_features_it_makes_do_with_the_mean():
    joint = fitted(features=None)
    assert isinstance(joint.before, Prior)
    made = joint.estimate(before_anything(told(3, ARMS, seed=1)), PREFERENCE)
    assert isinstance(made, Estimates)
    np.testing.assert_allclose(made.quality, np.tile(made.quality[0], (3, 1)))


def test_the_first_decision_of_a_live_request_is_that_of_its_row():
    joint, fresh = fitted(), told(8, ARMS, seed=1)
    evidence = before_anything(fresh)
    actions = Value().decide(joint.estimate(evidence, PREFERENCE), evidence, PREFERENCE)
    assert isinstance(actions.first(), Run)


def test_it_is_known_by_what_it_reads():
    assert Joint(RidgeQuality()).label == "ridge and verdicts"


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"penalty": -1}, {"most_examples": 1}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="Joint"):
        Joint(**wrong)


def test_what_verdicts_chose_teaches_nothing_of_requests():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    quality = (rng.random((200, 2)) < 0.5).astype(float)
    nothing = np.full((200, 2), np.nan)
    fitted = Joint(Clusters(clusters=2)).fit(Examples(quality, nothing, features=features))
    told = np.column_stack([np.ones(200), np.full(200, np.nan)])  # every draft that was kept
    kept = Examples(told, nothing, features=features, judged=np.ones(200, dtype=bool))
    np.testing.assert_array_equal(fitted.learn(kept).before.table_, fitted.before.table_)
    asked_for_good = replace(kept, judged=np.arange(200) % 2 == 0)
    assert fitted.learn(asked_for_good).before.table_[:, 0].min() > 0.55


def test_of_an_arm_that_came_later_it_learns_from_what_verdicts_chose_as_well():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    nothing = np.full((200, 2), np.nan)
    quality = (rng.random((200, 2)) < 0.5).astype(float)
    fitted = Joint(Clusters(clusters=2)).fit(Examples(quality, nothing, features=features))
    more = fitted.over([0, 1, None])
    told = np.column_stack([np.ones(200), np.full(200, np.nan), np.ones(200)])
    kept = Examples(
        told, np.full((200, 3), np.nan), features=features, judged=np.ones(200, dtype=bool)
    )
    learned = more.learn(replace(kept, satisfied=told))
    assert learned.before.table_[:, 2].min() > more.before.table_[:, 2].max() + 0.2
    np.testing.assert_array_equal(learned.before.table_[:, :2], fitted.before.table_)
    left = learned.over([2, 0])
    assert left.new_.tolist() == [True, False]
    assert fitted.over([1, 0]).new_ is None
    again = more.fit(Examples(quality, nothing, features=features))
    assert again.new_ is None
