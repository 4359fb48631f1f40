"""How verdicts update what the request tells: the regressions behind `Joint`, and their moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from automix_core.columns.splits import fold_of
from automix_core.estimate.logistic import log_odds, scale_of, signal_features, standardised
from automix_core.estimate.lookahead import moves_of
from automix_core.estimate.posterior import beliefs, fit_posteriors, key, posteriors
from automix_core.evidence import Bools, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = [
    "Belief",
    "Fold",
    "Posterior",
    "Updates",
    "folds_of",
    "moves_over",
    "posterior_over",
    "predicted",
    "spoken",
    "word",
    "words_of",
]

FEWEST = 10
"""Examples from which anything can be learned of an arm's verdicts."""
FOLDS = 5
POINTS = 32
"""Moves that stand for all that verdicts may say; twice as many gained nothing."""
SUREST = 0.98
"""The request's word is taken for no surer than this."""

Belief = tuple[int, ...]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Places of the examples to learn from, and of those held out."""
Posterior = tuple[Floats, Floats]
"""Scale of the features of a belief, (2, features + arms), and weights, (arms, features + 2)."""


@dataclass(frozen=True, eq=False)
class Updates:
    """Examples, and what is read of them.

    Attributes:
        examples: n rows.
        words: (n, arms) log-odds of quality as the request tells it, out of fold.
        penalty: Ridge penalty on each slope, in examples.
        names: The signals.
        speaks: (arms,) whether enough verdicts on the arm were seen; never on the dearest.
        silent: (arms,) whether enough answers without any were seen, beside them.
        beliefs: The sets of verified arms, the empty one first.
    """

    examples: Examples
    words: Floats
    penalty: float
    names: tuple[str, ...]
    speaks: Bools
    silent: Bools
    beliefs: tuple[Belief, ...]

    @classmethod
    def of(cls, examples: Examples, words: Floats, penalty: float, depth: int) -> Self:
        """The updates by verdicts on at most `depth` answers at once."""
        names = tuple(sorted(examples.signals))
        held = ~np.isnan(examples.quality)
        said = spoken(examples, names)
        speaks = (held & said).sum(axis=0) >= FEWEST
        speaks[-1] = False
        silent = speaks & ((held & ~said).sum(axis=0) >= FEWEST)
        some = np.flatnonzero(speaks).tolist()
        sets = [tuple(some[place] for place in belief) for belief in beliefs(len(some), depth)]
        return cls(examples, words, penalty, names, speaks, silent, ((), *sets))

    def fit(self, rows: NDArray[np.int64]) -> dict[Belief, Posterior]:
        """The regressions of every belief, learned from some of the rows."""
        of, words = self.examples.take(rows), self.words[rows]
        usable = self._usable(of)
        learned = {}
        for belief in self.beliefs:
            seen = usable[:, belief].all(axis=1)
            features = np.hstack([signal_features(of, belief, self.names), words])[seen]
            scale = scale_of(features)
            told, own = _apart(standardised(features, scale), words.shape[1])
            learned[belief] = scale, fit_posteriors(told, of.quality[seen], self.penalty, own)
        return learned

    def moves(self, folds: Sequence[Fold], depth: int) -> dict[str, Floats]:
        """How verdicts move estimates, by belief and what is asked, such as "0>1,2".

        Args:
            folds: Rows are moved by regressions that did not see them.
            depth: Most verdicts at once.
        """
        guesses = self._out_of_fold(folds)
        moves = {}
        for belief in self.beliefs:
            for asked in self.beliefs[1:]:
                both = tuple(sorted({*belief, *asked}))
                if len(both) < len(belief) + len(asked) or len(both) > depth:
                    continue
                known = ~np.isnan(guesses[both]).any(axis=1)
                if known.sum() >= FEWEST:
                    pair = guesses[belief][known], guesses[both][known]
                    moves[f"{key(belief)}>{key(asked)}"] = moves_of(*pair, asked[0], POINTS)
        return moves

    def _out_of_fold(self, folds: Sequence[Fold]) -> dict[Belief, Floats]:
        """Posteriors by belief, (n, arms), NaN where a row lacks an answer of the belief."""
        guesses = {belief: np.full(self.words.shape, np.nan) for belief in self.beliefs}
        usable: Bools = self._usable(self.examples)
        for rest, held in folds:
            learned = self.fit(rest)
            of, words = self.examples.take(held), self.words[held]
            heard = usable[held]
            for belief, guess in guesses.items():
                told = signal_features(of, belief, self.names)
                seen = heard[:, list(belief)].all(axis=1, keepdims=True)
                found = predicted(told, words, learned[belief])
                guess[held] = np.where(seen, found, np.nan)
        return guesses

    def _usable(self, of: Examples) -> Bools:
        """(n, arms) where there is an answer, and a verdict or a telling silence."""
        usable: Bools = ~np.isnan(of.quality) & (spoken(of, self.names) | self.silent)
        return usable


def folds_of(examples: Examples) -> list[Fold]:
    """Splits of the examples that keep groups together; a single group is its own test."""
    count = len(examples)
    groups = np.arange(count) if examples.groups is None else examples.groups
    if not count or (groups == groups[0]).all():
        return [(np.arange(count), np.arange(count))]
    fold = fold_of(groups, FOLDS, seed=0)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(fold.max() + 1)]


def words_of(before: Estimator, examples: Examples, folds: Sequence[Fold]) -> Floats:
    """What requests tell an estimator that did not learn from them: log-odds, (n, arms).

    All folds are given the same mean. An estimator that did not see a fold knows only the mean of
    the others, which is the higher the worse this one did: that is no word on any request.
    """
    words, mean = np.full(examples.quality.shape, np.nan), np.zeros(examples.quality.shape[1])
    for rest, held in folds:
        asked = _unasked(examples.take(held))
        said = word(before.fit(examples.take(rest)).estimate(asked, Preference()).quality)
        words[held] = said - said.mean(axis=0)
        mean += len(held) / len(words) * said.mean(axis=0)
    return words + mean


def word(quality: Floats) -> Floats:
    """The log-odds of a quality, which is taken for no surer than it can be. Any shape."""
    return log_odds(np.clip(quality, 1 - SUREST, SUREST))


def predicted(told: Floats, words: Floats, posterior: Posterior) -> Floats:
    """Mean quality of every arm, (n, arms), from signals, (n, features), and words, (n, arms)."""
    scale, weights = posterior
    features, own = _apart(standardised(np.hstack([told, words]), scale), words.shape[1])
    return posteriors(features, weights, own)


def posterior_over(
    belief: Belief, posterior: Posterior, places: Sequence[int | None]
) -> tuple[Belief, Posterior] | None:
    """The same regressions for other arms; a new one is as good as the request says.

    Args:
        belief: The verified arms.
        posterior: Their regressions.
        places: For each arm that there will be, its place among the arms so far, or `None`.

    Returns:
        The belief in the new places, and its regressions; `None` where one of its arms has gone.
    """
    scale, weights = posterior
    if not set(belief) <= set(places):
        return None
    now = tuple(place for place, was in enumerate(places) if was in belief)
    within = [belief.index(was) for was in places if was in belief]
    told = weights.shape[1] - 2
    steps = range(0, told, len(belief)) if belief else ()
    columns = [step + place for step in steps for place in within]
    own = [(0.0, 1.0) if was is None else scale[:, told + was] for was in places]
    alone = np.append(np.zeros(told + 1), 1.0)
    order = [0, *(1 + column for column in columns), told + 1]
    moved = [alone if was is None else weights[was][order] for was in places]
    return now, (np.column_stack([scale[:, columns], *own]), np.stack(moved))


def moves_over(moves: Floats, places: Sequence[int | None]) -> Floats:
    """The same moves for other arms; (arms, points). Verdicts do not move a new one."""
    still = np.zeros(moves.shape[1])
    return np.stack([still if was is None else moves[was] for was in places])


def spoken(of: Examples | Evidence, names: tuple[str, ...]) -> Bools:
    """(n, arms) where there is any of these signals, or the confidence where there are none."""
    columns = [of.signals[name] for name in names if name in of.signals]
    if not names:
        columns = [of.confidence]
    said: Bools = np.zeros(of.confidence.shape, dtype=bool)
    for column in columns:
        said |= ~np.isnan(column)
    return said


def _apart(features: Floats, arms: int) -> tuple[Floats, Floats]:
    """The features that all arms share, and those of each arm alone."""
    return features[:, :-arms], features[:, -arms:]


def _unasked(examples: Examples) -> Evidence:
    """The requests of examples before anything was asked."""
    shape = examples.quality.shape
    nothing, unknown = np.zeros(shape, dtype=bool), np.full(shape, np.nan)
    return Evidence(
        able=~nothing,
        answered=nothing,
        confidence=unknown,
        cost=np.zeros(shape),
        checking=np.zeros(shape),
        reference_cost=1.0,
        draw=np.zeros(len(examples)),
        features=examples.features,
    )
