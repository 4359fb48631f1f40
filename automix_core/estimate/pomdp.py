"""The exact meta-verifier: backward induction over everything that verifiers may yet say.

AutoMix (arXiv 2310.12963, section 3 and appendix A) frames routing as a POMDP: the state is how
good each arm would be on this query, the observations are the verifiers' confidences, and the
reward is quality less weighted cost. Scores never change and each arm is asked at most once, so
the problem is a finite tree. It is solved here from its leaves, with no sampling of beliefs. For
two arms the solution is the best table of escalated cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import mean_row, ratio
from automix_core.errors import ConfigurationError, NotFittedError
from automix_core.estimate.cells import cells_of, edges_of, situations
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import at_least, not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Pomdp"]

Belief = tuple[int, ...]
"""The arms whose confidences are known, ascending. Each has a table over all they may be."""

MOST_STATES = 20_000
"""States of one belief; where they would be more, confidences are sorted into fewer cells."""
MOST_BELIEFS = 100
"""Beliefs of one size; where there would be more, fewer confidences are remembered."""


@dataclass(frozen=True, eq=False)
class Pomdp(Estimator):
    """Expected quality given every confidence in hand, and the value of asking on.

    The observation model is the table of examples: the probability of a cell, and the quality of
    each arm in it, among the examples that agree with every confidence seen so far. A cell with
    few examples is drawn towards the belief without its newest confidence. The dearest arm is
    never verified. Exact for up to 4 arms. With more, an approximation: once `depth` answers are
    verified, a further arm is only asked for good.

    Attributes:
        cells: Most cells that an arm's confidence is sorted into (the paper has 9, for k = 8).
        shrinkage: Examples that the coarser belief counts for; 0 trusts every cell as it is.
        depth: Most confidences that are remembered at once; of more, those of the dearest arms.
        edges_: (arms, cells - 1) borders of the cells.
        tables_: By belief, such as "0,1": expected quality, one axis of cells + 1 for each arm
            whose confidence is known, and one for the arms.
        chances_: By belief and arm asked, such as "0>1": probability of what its verifier will
            say, on the last axis; the last cell is for no verdict.
    """

    name = "pomdp"
    cells: int = 9
    shrinkage: float = 5.0
    depth: int = 3
    edges_: Floats | None = None
    tables_: dict[str, Floats] | None = None
    chances_: dict[str, Floats] | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(2, self.cells, "Pomdp.cells")
        at_least_one(self, "depth")
        not_negative(self.shrinkage, "Pomdp.shrinkage", "a number of at least 0")

    def fit(self, examples: Examples) -> Self:
        """Tabulate the examples by what was seen of them."""
        arms = examples.quality.shape[1]
        depth = self._remembered(arms)
        limit = min(self.cells, max(2, int(MOST_STATES ** (1 / depth)) - 1))
        edges = edges_of(examples.confidence, limit)
        places = cells_of(examples.confidence, edges)
        tally = _Tally(places, examples.quality, self.shrinkage, edges.shape[1] + 2)
        tables: dict[Belief, Floats] = {}
        chances: dict[tuple[Belief, int], Floats] = {}
        for belief in _beliefs(arms - 1, depth):
            parts = [tally.quality(belief, arm, tables) for arm in range(arms)]
            tables[belief] = np.stack(np.broadcast_arrays(*parts), axis=-1)
            onward = set(range(arms - 1)) - set(belief) if len(belief) < depth else ()
            for arm in onward:
                chances[belief, arm] = tally.chances(belief, arm, chances)
        return replace(
            self,
            edges_=edges,
            tables_={_key(belief): table for belief, table in tables.items()},
            chances_={_key(*asked): table for asked, table in chances.items()},
        )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Expected quality in each row's state, and the value of asking each arm there."""
        if self.edges_ is None or self.tables_ is None:
            raise NotFittedError(self.name)
        places = cells_of(evidence.confidence, self.edges_)
        depth = self._remembered(places.shape[1])
        quality = np.zeros(places.shape)
        ahead = np.zeros(places.shape)
        # What can still happen depends on who answered, and on who could answer at all.
        masks = np.hstack([evidence.answered, evidence.answered | evidence.able])
        for situation, rows in situations(masks):
            answered, reachable = np.split(situation, 2)
            belief = tuple(np.flatnonzero(answered[:-1]).tolist())[-depth:]
            reachable[np.flatnonzero(answered[:-1])[:-depth]] = False  # forgotten, not unasked
            state = tuple(places[rows, arm] for arm in belief)
            quality[rows] = self.tables_[_key(belief)][state]
            ahead[rows] = self.solve(evidence, preference, reachable)[belief][state]
        return Estimates.of(evidence, quality, np.zeros_like(quality), ahead)

    def prefixes(self) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Every rule for two arms that is best at some cost weight, or by its IBC lift.

        Cells are escalated in the order of what that gains, so the rules are the prefixes of one
        sorting, from none to all. With `shrinkage=0` the figures are means over the examples.

        Returns:
            The cells in that order, (cells + 1,), the last one standing for no verdict; and for
            each number of them that is escalated the share of requests and the mean quality,
            each (cells + 2,).

        Raises:
            NotFittedError: There are no examples yet.
            ConfigurationError: There are more than two arms.
        """
        if self.tables_ is None or self.chances_ is None:
            raise NotFittedError(self.name)
        if _key((1,)) in self.tables_:
            msg = "Pomdp.prefixes() is about two arms. With more, escalation is no single sorting."
            raise ConfigurationError(msg)
        chance = self.chances_[_key((), 0)]
        small, large = self.tables_[_key((0,))].T
        order = np.argsort(small - large, kind="stable")
        escalated = np.concatenate([[0.0], np.cumsum(chance[order])])
        gained = np.concatenate([[0.0], np.cumsum((chance * (large - small))[order])])
        return order, escalated, float(chance @ small) + gained

    def solve(
        self, evidence: Evidence, preference: Preference, reachable: Bools
    ) -> dict[Belief, Floats]:
        """The value of asking each arm in every state, by backward induction.

        Args:
            evidence: Its mean costs are the prices.
            preference: What they weigh.
            reachable: (arms,) who has answered or can be asked.

        Returns:
            By belief, arrays of shape (cells + 1, ..., arms): one axis for each arm whose
            confidence is known. NaN for an arm that is not asked to go on from, -inf for one
            whose confidence would be one too many to remember.
        """
        if self.tables_ is None or self.chances_ is None:
            raise NotFittedError(self.name)
        weight = preference.cost_weight / evidence.reference_cost
        asking = weight * mean_row(evidence.cost)
        answer = asking - weight * mean_row(evidence.checking)
        arms = len(asking)
        ahead: dict[Belief, Floats] = {}
        value: dict[Belief, Floats] = {}
        depth = self._remembered(arms)
        for belief in reversed(_beliefs(arms - 1, depth)):
            quality = self.tables_[_key(belief)]
            best = quality[..., list(belief)].max(axis=-1, initial=-np.inf)
            stop = best
            ahead[belief] = np.full_like(quality, np.nan)
            for arm in sorted(set(np.flatnonzero(reachable).tolist()) - set(belief)):
                best = np.maximum(best, np.maximum(stop, quality[..., arm]) - answer[arm])
                if arm < arms - 1 and len(belief) == depth:
                    ahead[belief][..., arm] = -np.inf
                elif arm < arms - 1:
                    after = np.moveaxis(value[_with(belief, arm)], _place(belief, arm), -1)
                    expected = (self.chances_[_key(belief, arm)] * after).sum(axis=-1)
                    ahead[belief][..., arm] = expected - asking[arm]
                    best = np.maximum(best, ahead[belief][..., arm])
            value[belief] = best
        return ahead

    def _remembered(self, arms: int) -> int:
        """Most confidences that a belief over so many arms holds."""
        depth = max(1, min(self.depth, arms - 1))
        while depth > 1 and comb(arms - 1, depth) > MOST_BELIEFS:
            depth -= 1
        return depth


@dataclass(frozen=True, eq=False)
class _Tally:
    """Examples counted by the cells of their confidences."""

    places: NDArray[np.int64]
    quality_of: Floats
    shrinkage: float
    width: int

    def quality(self, belief: Belief, arm: int, coarser: dict[Belief, Floats]) -> Floats:
        """Mean quality of an arm in every state of a belief."""
        known = self._rows(belief, arm)
        scores = self.quality_of[known, arm]
        count = self._count(known, belief, None)
        total = self._count(known, belief, scores)
        if not belief:
            return ratio(total, count, 0.0)
        dropped = belief[0] if arm != belief[0] else belief[-1]
        rest = tuple(other for other in belief if other != dropped)
        parent = np.expand_dims(coarser[rest][..., arm], _place(rest, dropped))
        return self._drawn(total, count, parent)

    def chances(
        self, belief: Belief, arm: int, coarser: dict[tuple[Belief, int], Floats]
    ) -> Floats:
        """Probability of each cell of an arm's confidence, in every state of a belief."""
        known = self._rows(belief, arm)
        counts = self._count(known, (*belief, arm), None)
        count = counts.sum(axis=-1, keepdims=True)
        if not belief:
            return ratio(counts, count, 0.0)
        rest = belief[1:]
        parent = np.expand_dims(coarser[rest, arm], _place(rest, belief[0]))
        return self._drawn(counts, count, parent)

    def _rows(self, belief: Belief, arm: int) -> Bools:
        unknown = np.isnan(self.quality_of[:, [*belief, arm]])
        return np.logical_not(unknown.any(axis=1))

    def _count(self, rows: Bools, axes: Belief, weights: Floats | None) -> Floats:
        shape = (self.width,) * len(axes)
        if not axes:
            return np.array(float(rows.sum()) if weights is None else weights.sum())
        state = np.ravel_multi_index(tuple(self.places[rows][:, list(axes)].T), shape)
        counted = np.bincount(state, weights, minlength=self.width ** len(axes))
        return counted.reshape(shape).astype(np.float64)

    def _drawn(self, total: Floats, count: Floats, parent: Floats) -> Floats:
        """A mean drawn towards the coarser belief's, which stands in where nothing was seen."""
        return ratio(total + self.shrinkage * parent, count + self.shrinkage, parent)


def _beliefs(arms: int, most: int) -> list[Belief]:
    """Every set of at most so many arms whose confidences may be known, smaller sets first."""
    return [some for size in range(most + 1) for some in combinations(range(arms), size)]


def _with(belief: Belief, arm: int) -> Belief:
    return tuple(sorted((*belief, arm)))


def _place(belief: Belief, arm: int) -> int:
    """The axis that an arm takes among those of a belief."""
    return sum(1 for other in belief if other < arm)


def _key(belief: Belief, arm: int | None = None) -> str:
    """A belief's name in saved files."""
    seen = ",".join(map(str, belief))
    return seen if arm is None else f"{seen}>{arm}"
