"""What lies ahead: the value of asking and verifying, worked out over sets of arms."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.estimate.lookahead import Prospect, _moved, moves_of

NOTHING = -np.inf


def prospect(quality, asking, committing):
    return Prospect(*(np.array(row, dtype=float)[None] for row in (quality, asking, committing)))


def drawn(arms, *, points=8, seed=0, size=0.5):
    """Moves by every set of at most three arms: the more arms are verified, the wider."""
    rng = np.random.default_rng(seed)
    made = {}
    for count in (1, 2, 3):
        for some in combinations(range(arms), count):
            moves = size * count * rng.normal(size=(arms, points))
            made[some] = moves - moves.mean(axis=1, keepdims=True)
    return made


def value_of(some, at, moves):
    """The value of verifying a set, written out slowly for one row."""
    quality, asking, committing = at.quality[0], at.asking[0], at.committing[0]
    later = _moved(at.quality, moves[some][None])[0, 0]
    total = 0.0
    for point in later.T:
        total += max(
            point[arm] - (0.0 if arm in some else committing[arm]) for arm in range(len(quality))
        )
    return total / later.shape[1] - sum(asking[arm] for arm in some)


def test_verdicts_that_say_nothing_are_not_worth_their_price():
    """Then the value of asking is that of acting on what is known, less the price."""
    at = prospect([0.4, 0.7, 0.8], [0.1, 0.1, 0.3], [0.05, 0.05, 0.3])
    still = {(arm,): np.zeros((3, 4)) for arm in range(3)}
    ahead = at.ahead([0, 1], still, 1)
    assert ahead[0].tolist() == pytest.approx([0.65 - 0.1, 0.7 - 0.1, NOTHING])


def test_a_verifier_that_knows_is_worth_what_hindsight_gains():
    """A half of the answers are right and known to be; for the others the dear arm is asked."""
    knows = {(0,): np.array([[1.0, -1.0], [0.0, 0.0]])}
    at = prospect([0.5, 0.9], [0.1, 0.5], [0.1, 0.5])
    assert at.ahead([0], knows, 1)[0].tolist() == pytest.approx([(1 + 0.4) / 2 - 0.1, NOTHING])


def test_a_poor_verdict_on_one_answer_may_send_the_request_to_another_arm_unverified():
    """Not so in the non-adaptive form, which pays for all arms and keeps the best answer."""
    apart = {(0,): np.array([[0.8, -0.8], [-0.8, 0.8], [0.0, 0.0]])}
    at = prospect([0.5, 0.5, 0.6], [0.05, 0.1, 0.2], [0.05, 0.1, 0.2])
    adaptive = at.ahead([0], apart, 1)[0, 0]
    assert adaptive == pytest.approx((0.9 + (0.9 - 0.1)) / 2 - 0.05)


arms_of = st.integers(2, 4)


@st.composite
def prospects(draw):
    arms, rows = draw(arms_of), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    quality = rng.uniform(0.05, 0.95, (rows, arms))
    committing = np.sort(rng.uniform(0, 0.3, (rows, arms)), axis=1)
    asking = committing + rng.uniform(0, 0.1, (rows, arms))
    return Prospect(quality, asking, committing), drawn(arms, seed=draw(st.integers(0, 9)))


@given(prospects())
def test_each_arm_is_worth_the_best_set_it_is_in_and_pruning_loses_nothing_that_counts(world):
    at, moves = world
    rows, arms = at.quality.shape
    ahead = at.ahead(range(arms), moves, 3)
    for row in range(rows):
        one = Prospect(*(x[[row]] for x in (at.quality, at.asking, at.committing)))
        worth = {some: value_of(some, one, moves) for some in moves}
        nobody = (one.quality - one.committing).max()
        for arm in range(arms):
            assert ahead[row, arm] >= worth[arm,] - 1e-9
            assert ahead[row, arm] <= max(w for some, w in worth.items() if arm in some) + 1e-9
        if not any(worth[arm,] > nobody for arm in range(arms)):
            assert ahead[row] == pytest.approx([worth[arm,] for arm in range(arms)])


@given(prospects())
def test_it_is_worth_no_less_than_paying_for_a_set_and_keeping_the_best_of_it(world):
    at, moves = world
    ahead = at.ahead(range(at.quality.shape[1]), moves, 1)
    for arm in range(at.quality.shape[1]):
        kept = _moved(at.quality, moves[arm,][None])[:, 0, arm].mean(axis=-1)
        assert (ahead[:, arm] >= kept - at.asking[:, arm] - 1e-9).all()


@given(prospects())
def test_many_rows_at_once_are_the_same_as_row_by_row(world):
    at, moves = world
    together = at.ahead(range(at.quality.shape[1]), moves, 3)
    for row in range(len(at.quality)):
        alone = Prospect(*(x[[row]] for x in (at.quality, at.asking, at.committing)))
        np.testing.assert_allclose(
            alone.ahead(range(at.quality.shape[1]), moves, 3)[0], together[row], rtol=0, atol=1e-12
        )


def test_a_larger_set_is_tried_where_each_of_its_arms_is_worth_asking():
    """Two verdicts together tell more than each: the pair is worth more than either alone."""
    one, other = np.zeros((3, 2)), np.zeros((3, 2))
    one[0] = other[1] = 0.4, -0.4
    both = np.array([[1.0, -1.0], [1.0, -1.0], [0.0, 0.0]])
    moves = {(0,): one, (1,): other, (0, 1): both}
    at = prospect([0.5, 0.5, 0.6], [0.01, 0.01, 0.3], [0.01, 0.01, 0.3])
    assert at.ahead([0, 1], moves, 2)[0, 0] > at.ahead([0, 1], moves, 1)[0, 0] + 0.03
    dear = prospect([0.5, 0.5, 0.6], [0.01, 0.3, 0.3], [0.01, 0.01, 0.3])
    assert dear.ahead([0, 1], moves, 2)[0, 0] == dear.ahead([0, 1], moves, 1)[0, 0]


@given(st.integers(0, 100))
def test_estimates_move_around_their_mean_and_stay_qualities(seed):
    rng = np.random.default_rng(seed)
    quality = rng.uniform(0.02, 0.98, (5, 3))
    later = _moved(quality, drawn(3, points=32, seed=seed)[0, 1][None])
    np.testing.assert_allclose(later[:, 0].mean(axis=-1), quality)
    assert later.min() > -0.5
    assert later.max() < 1.5


def test_moves_are_those_of_examples():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.2, 0.8, (2000, 2))
    unit = np.sqrt(before * (1 - before))
    step = rng.normal(size=2000)
    after = before + unit * np.column_stack([0.3 * step, -0.1 * step])
    moves = moves_of(before, after, 0, 32)
    assert moves.shape == (2, 32)
    np.testing.assert_allclose(moves.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(moves.std(axis=1), [0.3, 0.1], rtol=0.05)
    assert np.corrcoef(moves)[0, 1] < -0.99
