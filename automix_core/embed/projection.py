"""Learned linear maps behind an embedder: what `Reduced` and `Tagged` share.

A request costs one embedding and one matrix product. Fitting reads the texts in blocks and keeps
sums alone, so that it needs no more memory for a million texts than for a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from automix_core.errors import ConfigurationError, NotFittedError
from automix_core.evidence import Floats
from automix_core.flow import Failure, Flow
from automix_core.parts import Embedder, at_least_one

__all__ = ["Moments", "Projection", "leading", "moments"]

BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Projection(Embedder):
    """A linear map of another embedder's vectors: `vectors @ matrix_ - offset_`.

    Attributes:
        inner: The embedder whose vectors are mapped.
        dimensions: How many numbers a mapped vector has. Where the texts do not span so many,
            the last ones are 0.
        matrix_: (inner width, dimensions).
        offset_: (dimensions,), the image of the mean.
    """

    inner: Embedder
    dimensions: int = 64
    matrix_: Floats | None = None
    offset_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the number of dimensions."""
        at_least_one(self, "dimensions")

    @property
    def width(self) -> int:
        """The number of dimensions."""
        return self.dimensions

    def flow(self, texts: Sequence[str]) -> Flow[Floats | Failure]:
        """Embed as the inner embedder does, then map."""
        vectors = yield from self.inner.flow(texts)
        return vectors if isinstance(vectors, Failure) else self.mapped(vectors)

    def mapped(self, vectors: Floats) -> Floats:
        """The images of vectors of the inner embedder, (n, inner width) to (n, dimensions)."""
        if self.matrix_ is None or self.offset_ is None:
            raise NotFittedError(self.name)
        if vectors.shape[1] != len(self.matrix_):
            msg = (
                f"The embedder {self.name!r} was fitted on vectors of width {len(self.matrix_)}, "
                f"and {self.inner.name!r} gives {vectors.shape[1]}: fit it again, or give it the "
                "embeddings it was fitted with."
            )
            raise ConfigurationError(msg)
        return vectors @ self.matrix_ - self.offset_

    def _vectors(self, texts: Sequence[str]) -> Floats:
        return self.mapped(self.inner.embed(texts))


class Moments(NamedTuple):
    """Weighted sums over vectors that belong to t classes, all taken around an origin.

    Attributes:
        origin: (d,), near the vectors, so that what they have in common costs no digits.
        weight: (t,), the total weight of each class.
        mean: (t, d), the mean of each class, less the origin.
        second: (d, d), the sum of all outer products.
    """

    origin: Floats
    weight: Floats
    mean: Floats
    second: Floats

    @property
    def centre(self) -> Floats:
        """The mean over everything, (d,)."""
        return self.origin + self._shift

    @property
    def within(self) -> Floats:
        """The mean scatter around the mean of the own class, (d, d)."""
        between = (self.mean.T * self.weight) @ self.mean
        scatter: Floats = (self.second - between) / self.weight.sum()
        return scatter

    @property
    def total(self) -> Floats:
        """The mean scatter around the mean over everything, (d, d)."""
        around: Floats = self.second / self.weight.sum()
        return around - np.outer(self._shift, self._shift)

    @property
    def _shift(self) -> Floats:
        shift: Floats = self.weight @ self.mean / self.weight.sum()
        return shift


def moments(embedder: Embedder, texts: Sequence[str], weights: Floats) -> Moments:
    """Embed texts block by block, and sum up.

    Args:
        embedder: Gives the vectors.
        texts: n texts, at least one.
        weights: (n, t), how far each text belongs to each class; no class is without weight.
    """
    origin = embedder.embed(texts[:1])[0]
    sums = np.zeros((weights.shape[1], len(origin)))
    second = np.zeros((len(origin), len(origin)))
    for begin in range(0, len(texts), BLOCK):
        share = weights[begin : begin + BLOCK]
        vectors = embedder.embed(texts[begin : begin + BLOCK]) - origin
        sums += share.T @ vectors
        second += (vectors.T * share.sum(axis=1)) @ vectors
    weight = weights.sum(axis=0)
    return Moments(origin, weight, sums / weight[:, None], second)


def leading(columns: Floats, count: int) -> Floats:
    """The last `count` columns, last first, made up with zeros where there are not so many.

    Eigenvectors come in this order and with either sign: here the largest number of each column
    is positive, so that the same texts give the same vectors on every machine.
    """
    kept = columns[:, ::-1][:, :count]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    signed = kept * np.where(largest < 0, -1.0, 1.0)
    return np.pad(signed, ((0, 0), (0, count - kept.shape[1])))
