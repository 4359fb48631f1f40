"""What asking arms is worth before their answers and verdicts are known: cascade routing.

Cascade routing (arXiv 2410.10347, section 4) values each set of arms that might be asked next by
the best answer that it is expected to leave in hand, less what it costs. Here a set is of arms
whose answers are verified, and one more arm may be asked for good afterwards, whichever is then
worth most: a verdict on one answer moves the estimates of all arms. What verdicts may say is drawn
from examples, instead of from a normal distribution of the same covariance, as in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from automix_core.evidence import Bools, Floats

__all__ = ["Prospect", "moves_of"]

Arms = tuple[int, ...]
"""A set of arms, ascending."""

CELLS = 200_000
"""Numbers that are worked on at once."""


def moves_of(before: Floats, after: Floats, first: int, points: int) -> Floats:
    """How estimates move when answers are verified, as so many moves that are equally likely.

    They are those of examples, taken evenly from one end to the other of what happens to one arm,
    and stretched to the spread that all examples have.

    Args:
        before: (n, arms) estimates of n examples before the verdicts, inside 0 and 1.
        after: (n, arms) the same after them.
        first: The arm by which examples are put in order.
        points: How many moves.

    Returns:
        (arms, points) of mean 0, in units of sqrt(quality * (1 - quality)).
    """
    moves = (after - before) / np.sqrt(before * (1 - before))
    order = np.argsort(moves[:, first], kind="stable")
    even = order[((np.arange(points) + 0.5) * len(order) / points).astype(int)]
    drawn = moves[even] - moves[even].mean(axis=0)
    spread = drawn.std(axis=0)
    stretch = np.divide(moves.std(axis=0), spread, out=np.ones_like(spread), where=spread > 1e-9)
    return np.ascontiguousarray((drawn * np.minimum(stretch, 2.0)).T)


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """What is believed of n requests at which the same arms have answered, each (n, arms).

    Attributes:
        quality: Expected quality.
        asking: Price of an answer and of its check, in points of quality.
        committing: Price of an answer alone; 0 for one in hand, infinite for an arm that cannot
            be asked.
    """

    quality: Floats
    asking: Floats
    committing: Floats

    def ahead(self, askable: Sequence[int], moves: Mapping[Arms, Floats], most: int) -> Floats:
        """The value of asking each arm, having it verified, and acting best from there on.

        What an arm adds to a set falls as the set grows (lemma 1 of the paper). So a set is only
        tried in rows where each of its arms adds something alone, and where its last arm but one
        did so too.

        Args:
            askable: The arms that may be asked and verified, ascending.
            moves: By set of arms: (arms, points) what verifying them all may do.
            most: How many arms a set may hold.

        Returns:
            (n, arms), the best set that an arm is in; -inf for arms that are not askable.
        """
        ahead = np.full_like(self.quality, -np.inf)
        worth: dict[Arms, Floats] = {(): (self.quality - self.committing).max(axis=1)}
        grows: dict[Arms, Bools] = {}
        for size in range(1, most + 1):
            counted = {
                some: rows
                for some in combinations(askable, size)
                if some in moves and (rows := self._counted(some, grows)).any()
            }
            if not counted:
                break
            values = self._values(list(counted), [moves[some] for some in counted])
            for (some, rows), value in zip(counted.items(), values.T, strict=True):
                worth[some] = value
                grows[some] = rows & (value > worth[some[:-1]])
                reached = np.where(rows, value, -np.inf)
                for arm in some:
                    ahead[:, arm] = np.maximum(ahead[:, arm], reached)
        return ahead

    def _counted(self, some: Arms, grows: Mapping[Arms, Bools]) -> Bools:
        """The rows in which a set may be worth more than those it has grown from, (n,)."""
        if len(some) == 1:
            return np.ones(len(self.quality), dtype=bool)
        nowhere = np.zeros(len(self.quality), dtype=bool)
        return grows.get(some[:-1], nowhere) & grows.get(some[-1:], nowhere)

    def _values(self, sets: Sequence[Arms], moves: Sequence[Floats]) -> Floats:
        """The value of having each set verified and acting best then, (n, sets)."""
        stacked = np.stack(moves)
        asked = np.zeros((len(sets), self.quality.shape[1]), dtype=bool)
        for place, some in enumerate(sets):
            asked[place, some] = True
        values = np.empty((len(self.quality), len(sets)))
        step = max(1, CELLS // stacked.size)
        for begin in range(0, len(values), step):
            block = slice(begin, begin + step)
            later = _moved(self.quality[block], stacked)
            later -= np.where(asked, 0.0, self.committing[block, None])[..., None]
            values[block] = later.max(axis=2).mean(axis=-1)
        paid: Floats = values - np.where(asked, self.asking[:, None], 0.0).sum(axis=-1)
        return paid


def _moved(quality: Floats, moves: Floats) -> Floats:
    """What estimates may become, of the same mean and within [0, 1] or nearly so.

    Args:
        quality: (n, arms).
        moves: (sets, arms, points).

    Returns:
        (n, sets, arms, points).
    """
    now = quality[:, None, :, None]
    later = np.sqrt(now * (1 - now)) * moves
    later += now
    np.clip(later, 0.0, 1.0, out=later)
    later += now - later.mean(axis=-1, keepdims=True)
    return later
