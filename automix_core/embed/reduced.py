"""Principal components: the few directions in which the vectors of an embedder differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.embed.projection import Projection, leading, moments
from automix_core.errors import ConfigurationError

__all__ = ["Reduced"]

ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Reduced(Projection):
    """The first principal components of another embedder's vectors, around their mean.

    It keeps as much of the squared distances between texts as so many numbers can. A request
    costs one matrix product more; whatever learns from the vectors then has far less to learn,
    which matters for an online estimator that holds a `dimensions`-square matrix for each arm.

    Attributes:
        inner: The embedder whose vectors are reduced.
        dimensions: How many components are kept.
        matrix_: (inner width, dimensions), orthonormal columns, the most important first.
        offset_: (dimensions,), the image of the mean.
    """

    name = "reduced"

    def fit(self, texts: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> Self:
        """Find the components of these texts.

        Raises:
            ConfigurationError: There is no text.
        """
        if not len(texts):
            msg = "Reduced needs texts to learn from, and there are none."
            raise ConfigurationError(msg)
        inner = self.inner.fit(texts, tags)
        seen = moments(inner, texts, np.ones((len(texts), 1)))
        spread, directions = np.linalg.eigh(seen.total)
        # Where the texts do not differ at all, a direction is an accident of rounding.
        directions[:, spread <= spread[-1] * ROUNDING] = 0.0
        matrix = leading(directions, self.dimensions)
        return replace(self, inner=inner, matrix_=matrix, offset_=seen.centre @ matrix)
