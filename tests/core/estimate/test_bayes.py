"""The Bayesian meta-verifier weighs each signal by what it tells."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError, Preference
from automix_core.estimate import Bayes
from automix_core.evidence import Evidence, Examples

PREFERENCE = Preference()


def world(rows, arms, seed, *, telling=1, useless=0, missing=0.0, fractional=False):
    """Examples with informative and useless signals of every arm's answer."""
    rng = np.random.default_rng(seed)
    ease = rng.random((rows, 1))
    chance = np.clip(ease + np.linspace(-0.15, 0.15, arms), 0.02, 0.98)
    quality = chance if fractional else (rng.random((rows, arms)) < chance).astype(float)
    signals = {}
    for number in range(telling):
        odds = 3 * (quality - 0.5) + rng.normal(size=(rows, arms)) * 1.5
        signals[f"telling{number}"] = 1 / (1 + np.exp(-odds))
    for number in range(useless):
        signals[f"useless{number}"] = rng.random((rows, arms))
    for column in signals.values():
        column[rng.random((rows, arms)) < missing] = np.nan
    return Examples(quality, next(iter(signals.values())), signals)


def estimated(estimator, of, answered):
    """The quality of every arm once these arms have answered, (n, arms)."""
    seen = np.zeros(of.quality.shape, dtype=bool)
    seen[:, list(answered)] = True
    evidence = Evidence(
        able=~seen,
        answered=seen,
        confidence=np.where(seen, of.confidence, np.nan),
        cost=np.ones(seen.shape),
        checking=np.zeros(seen.shape),
        reference_cost=1.0,
        draw=np.zeros(len(of)),
        signals={name: np.where(seen, v, np.nan) for name, v in of.signals.items()},
    )
    return estimator.estimate(evidence, PREFERENCE).quality


def brier(guess, quality):
    return float(((guess - quality) ** 2).mean())


def test_before_any_answer_it_knows_the_mean():
    of = world(200, 3, 0)
    np.testing.assert_allclose(
        estimated(Bayes().fit(of), of, ()), np.tile(of.quality.mean(axis=0), (200, 1))
    )


@given(st.integers(0, 30))
@settings(max_examples=10)
def test_a_useless_signal_gets_nearly_no_weight(seed):
    of = world(400, 2, seed, telling=0, useless=1)
    guess = estimated(Bayes().fit(of), of, (0,))
    assert np.abs(guess - of.quality.mean(axis=0)).max() < 0.25
    assert np.abs(guess - of.quality.mean(axis=0)).mean() < 0.06


@given(st.integers(0, 30))
@settings(max_examples=10)
def test_beside_a_telling_signal_a_useless_one_hardly_matters(seed):
    of, fresh = (world(600, 2, s, telling=1, useless=1) for s in (seed, seed + 1000))
    both = Bayes().fit(of)
    weights = np.abs(both.weights_["0"][0, 1:])
    names = both.names_
    assert weights[names.index("useless0")] < 0.25 * weights[names.index("telling0")]
    only = {"telling0": of.signals["telling0"]}
    alone = Bayes().fit(Examples(of.quality, of.confidence, only))
    loss = brier(estimated(both, fresh, (0,))[:, 0], fresh.quality[:, 0])
    assert loss < brier(estimated(alone, fresh, (0,))[:, 0], fresh.quality[:, 0]) + 0.01


def test_more_signals_in_hand_tell_more():
    of, fresh = world(2000, 3, 1, telling=2), world(2000, 3, 2, telling=2)
    fitted = Bayes().fit(of)
    last = [
        brier(estimated(fitted, fresh, answered)[:, 2], fresh.quality[:, 2])
        for answered in ((), (0,), (0, 1), (0, 1, 2))
    ]
    assert all(more < less - 0.005 for less, more in pairwise(last))
    one = Examples(of.quality, of.confidence, {"telling0": of.signals["telling0"]})
    own = [
        brier(estimated(Bayes().fit(seen), fresh, (0,))[:, 0], fresh.quality[:, 0])
        for seen in (one, of)
    ]
    assert own[1] < own[0] - 0.01


def test_a_more_confident_answer_is_believed_more():
    of = world(300, 2, 3)
    guess = estimated(Bayes().fit(of), of, (0,))[:, 0]
    order = np.argsort(of.confidence[:, 0])
    assert (np.diff(guess[order]) >= 0).all()
    assert guess[order[-1]] > guess[order[0]] + 0.4


@pytest.mark.parametrize("answered", [(0,), (1,), (0, 1), (0, 1, 2)])
def test_missing_signals_say_something_of_their_own(answered):
    """Answers without a verdict are all wrong here, and that is learned; nothing is NaN."""
    of = world(300, 3, 4, telling=2, missing=0.3)
    silent = np.isnan(of.signals["telling0"])
    of = Examples(np.where(silent, 0.0, of.quality), of.confidence, of.signals)
    guess = estimated(Bayes().fit(of), of, answered)
    assert np.isfinite(guess).all()
    for arm in answered:
        assert guess[silent[:, arm], arm].mean() < guess[~silent[:, arm], arm].mean() - 0.2


def test_a_signal_never_seen_before_is_left_out_and_a_lost_one_is_missing():
    of = world(200, 2, 5, telling=2)
    fitted = Bayes().fit(of)
    more = Examples(of.quality, of.confidence, {**of.signals, "new": of.confidence})
    np.testing.assert_array_equal(estimated(fitted, more, (0,)), estimated(fitted, of, (0,)))
    less = Examples(of.quality, of.confidence, {"telling0": of.signals["telling0"]})
    assert np.isfinite(estimated(fitted, less, (0,))).all()


def test_fractional_qualities_are_learned_as_they_are():
    of = world(500, 2, 6, fractional=True)
    guess = estimated(Bayes().fit(of), of, (0, 1))
    assert np.abs(guess.mean(axis=0) - of.quality.mean(axis=0)).max() < 0.01
    assert np.corrcoef(guess[:, 0], of.quality[:, 0])[0, 1] > 0.4


def test_a_verifier_that_is_always_right_leaves_everything_finite():
    rng = np.random.default_rng(7)
    quality = (rng.random((100, 2)) < 0.5).astype(float)
    of = Examples(quality, quality.copy(), {"sure": quality.copy()})
    guess = estimated(Bayes().fit(of), of, (0,))
    assert (np.abs(guess[:, 0] - quality[:, 0]) < 0.1).all()


def test_an_arm_that_no_example_holds_is_worth_nothing_and_never_nan():
    of = world(60, 3, 8)
    quality = of.quality.copy()
    quality[:, 1] = np.nan
    fitted = Bayes().fit(Examples(quality, of.confidence, of.signals))
    for answered in ((), (0,), (0, 1)):
        guess = estimated(fitted, of, answered)
        assert np.isfinite(guess).all()
        assert (guess[:, 1] < 0.001).all()


def test_of_more_answers_than_it_remembers_the_dearest_count():
    of = world(200, 4, 9)
    fitted = Bayes(depth=2).fit(of)
    np.testing.assert_array_equal(
        estimated(fitted, of, (0, 1, 2, 3)), estimated(fitted, of, (2, 3))
    )


def test_of_very_many_examples_a_spread_sample_is_enough():
    of = world(3000, 2, 10)
    few, all_of_them = Bayes(most_examples=1000).fit(of), Bayes().fit(of)
    gap = np.abs(estimated(few, of, (0,)) - estimated(all_of_them, of, (0,)))
    assert 0 < gap.max() < 0.1


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"penalty": -1}, {"most_examples": 1}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="Bayes"):
        Bayes(**wrong)
