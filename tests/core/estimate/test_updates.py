"""What is learned of requests and verdicts, and how it is told of other arms."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core.estimate import Prior, RidgeQuality
from automix_core.estimate.logistic import signal_features
from automix_core.estimate.updates import (
    Updates,
    folds_of,
    moves_over,
    posterior_over,
    predicted,
    words_of,
)
from tests.core.examples import told


def learned(of, depth=3):
    folds = folds_of(of)
    return Updates.of(of, words_of(RidgeQuality(), of, folds), 3.0, depth), folds


def test_what_a_request_tells_is_learned_from_requests_that_were_not_seen():
    """Nor was any of their group."""
    seen = []

    class Notes(RidgeQuality):
        name = ""

        def fit(self, examples):
            seen.append(set(examples.groups.tolist()))
            return super().fit(examples)

    of = replace(told(60, 2, seed=0), groups=np.arange(60) // 3)
    folds = folds_of(of)
    words_of(Notes(), of, folds)
    assert len(seen) == len(folds) == 5
    for groups, (_, held) in zip(seen, folds, strict=True):
        assert not groups & set(of.groups[held].tolist())


def test_a_constant_word_is_constant_out_of_fold_too():
    of = told(100, 3, seed=1)
    words = words_of(Prior(), of, folds_of(of))
    np.testing.assert_allclose(words, np.tile(words[0], (100, 1)))


def test_examples_of_one_group_are_their_own_test():
    of = replace(told(20, 2, seed=0), groups=np.zeros(20, dtype=np.int64))
    assert np.isfinite(words_of(RidgeQuality(), of, folds_of(of))).all()


def test_beliefs_are_of_arms_on_which_verdicts_were_seen_and_never_of_the_dearest():
    of = told(100, 4, seed=0)
    of.confidence[:, 1] = np.nan
    updates, folds = learned(of, depth=2)
    assert updates.speaks.tolist() == [True, False, True, False]
    assert updates.beliefs == ((), (0,), (2,), (0, 2))
    assert set(updates.moves(folds, 2)) == {">0", ">2", ">0,2", "0>2", "2>0"}


def test_verdicts_move_their_own_arm_most_and_the_others_the_same_way():
    updates, folds = learned(told(800, 3, seed=2))
    moves = updates.moves(folds, 3)[">0"]
    spread = moves.std(axis=1)
    assert spread[0] > 2 * spread[1] > 0.02
    assert np.corrcoef(moves)[0, 1] > 0.5
    assert updates.moves(folds, 3)[">0,1"].std(axis=1)[2] > spread[2]


@pytest.mark.parametrize("places", [(0, 2), (2, 0), (1, 0, 2), (0, None, 1, 2), (None, 2, 1)])
def test_of_other_arms_the_same_is_said_of_those_that_stay(places):
    of = told(200, 3, seed=3)
    of = replace(of, signals={"one": of.confidence, "two": of.confidence**2})
    of.signals["two"][::7] = np.nan
    updates, _ = learned(of)
    now = {was: place for place, was in enumerate(places) if was is not None}
    kept = [place for place, was in enumerate(places) if was is not None]
    words = np.zeros((len(of), len(places)))
    words[:, kept] = updates.words[:, [places[place] for place in kept]]
    for belief, posterior in updates.fit(np.arange(len(of))).items():
        moved = posterior_over(belief, posterior, places)
        if not set(belief) <= set(now):
            assert moved is None
            continue
        at, after = moved
        assert set(at) == {now[arm] for arm in belief}
        before = predicted(signal_features(of, belief, updates.names), updates.words, posterior)
        order = tuple(places[place] for place in at)
        later = predicted(signal_features(of, order, updates.names), words, after)
        for place in range(len(places)):
            was = places[place]
            said = before[:, was] if was is not None else 0.5  # the request's word: odds of 1
            np.testing.assert_allclose(later[:, place], said, rtol=1e-12)


def test_verdicts_do_not_move_a_new_arm():
    moves = np.arange(6.0).reshape(3, 2)
    assert moves_over(moves, (2, None, 0)).tolist() == [[4, 5], [0, 0], [0, 1]]
