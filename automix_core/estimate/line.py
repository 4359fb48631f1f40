"""One arm's part of a linear bandit: a ridge regression that takes its examples one by one.

Each arm has a `Line` of its own, so that learning of one copies that one and no other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from automix_core.evidence import Floats
from automix_core.parts import Part

__all__ = ["Line"]

REFRESHED = 500
"""Updates after which inv(A) is computed anew, before rounding errors can add up."""

FEW = 8
"""Examples up to which they are taken one by one, which is faster than another inversion."""


@dataclass(frozen=True, eq=False)
class Line(Part):
    """A ridge regression of what an arm's quality is above what was expected.

    With A = kept * penalty * I + gram the weights are inv(A) target. An update is
    gram <- forgetting * gram + e e' and target <- forgetting * target + r e, with inv(A) updated
    by the formula of Sherman and Morrison. The ridge fades with everything else, kept <-
    forgetting * kept, and is put back to its full size whenever A is inverted anew: after 500
    updates, or sooner, before it has faded to half. So A never becomes singular, and e' inv(A) e
    never exceeds 2 e'e / penalty, however much was forgotten.

    Attributes:
        gram: (d, d) sum of e e', older ones weighing less where something is forgotten.
        target: (d,) sum of r e, likewise.
        inverse: (d, d) inv(A).
        weights: (d,).
        since: Updates since the ridge was at its full size.
    """

    kind = "line"
    name = "line"
    gram: Floats
    target: Floats
    inverse: Floats
    weights: Floats
    since: int = 0

    @classmethod
    def fresh(cls, width: int, penalty: float) -> Self:
        """Nothing learned yet, over vectors of so many numbers."""
        nothing = np.zeros(width)
        return cls(np.zeros((width, width)), nothing, np.eye(width) / penalty, nothing)

    def learned(self, vectors: Floats, above: Floats, penalty: float, forgetting: float) -> Self:
        """A copy that has taken examples, one after another.

        Many are summed up first, which gives the same but for rounding.

        Args:
            vectors: (n, d) e of each example, the oldest first.
            above: (n,) r, its quality above what was expected.
            penalty: The ridge penalty.
            forgetting: What older examples keep of their weight with each new one, at most 1.
        """
        if len(vectors) > FEW:
            return self._summed(vectors, above, penalty, forgetting)
        line = self
        for vector, over in zip(vectors, above.tolist(), strict=True):
            line = line._with_one(vector, over, penalty, forgetting)
        return line

    def _with_one(self, vector: Floats, above: float, penalty: float, forgetting: float) -> Self:
        gram = _outer(vector, vector)
        since = self.since + 1
        if forgetting == 1.0:
            gram += self.gram
            target = above * vector
            target += self.target
        else:
            gram += forgetting * self.gram
            target = forgetting * self.target + above * vector
        if since >= _refreshed(forgetting):
            return self._solved(gram, target, penalty)
        seen = self.inverse.dot(vector)
        inverse = _outer(seen, seen / -(forgetting + float(vector.dot(seen))))
        inverse += self.inverse
        if forgetting != 1.0:
            inverse /= forgetting
        return type(self)(gram, target, inverse, inverse.dot(target), since)

    def _summed(self, vectors: Floats, above: Floats, penalty: float, forgetting: float) -> Self:
        count = len(vectors)
        kept = forgetting ** np.arange(count - 1, -1, -1.0)
        past = forgetting**count
        gram = past * self.gram + (vectors.T * kept) @ vectors
        target = past * self.target + vectors.T @ (kept * above)
        since = (self.since + count) % _refreshed(forgetting)
        return self._solved(gram, target, penalty * forgetting**since, since)

    def _solved(self, gram: Floats, target: Floats, penalty: float, since: int = 0) -> Self:
        """A line with inv(A) computed anew."""
        gram = (gram + gram.T) / 2
        inverse = np.linalg.inv(gram + penalty * np.eye(len(gram)))
        inverse = (inverse + inverse.T) / 2
        return type(self)(gram, target, inverse, inverse @ target, since)


def _outer(one: Floats, other: Floats) -> Floats:
    """The outer product, (d, d), in a third of the time that `np.outer` takes."""
    product: Floats = np.dot(one[:, None], other[None, :])
    return product


@cache
def _refreshed(forgetting: float) -> int:
    """Updates after which A is inverted anew."""
    if forgetting == 1.0:
        return REFRESHED
    return min(REFRESHED, max(1, math.floor(math.log(0.5) / math.log(forgetting))))
