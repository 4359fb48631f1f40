"""An outcome table as a fit and a replay see it: with features, and as a verifier read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import known_means
from automix_core.evidence import Floats
from automix_core.parts import Embedder, Verifier
from automix_core.replay import Recorded
from automix_core.workload import Workload, learned_rates

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Table", "embedded", "recorded_by", "texts_of"]


def embedded(outcomes: Outcomes, embedder: Embedder | None) -> Floats | None:
    """The features of every row, (n, d); `None` without an embedder.

    Raises:
        ConfigurationError: A row has no text to embed.
    """
    return None if embedder is None else embedder.embed(texts_of(outcomes))


def recorded_by(outcomes: Outcomes, verifier: Verifier, features: Floats | None = None) -> Recorded:
    """A table as a verifier sees it, with its own mean costs as what is known beforehand.

    Args:
        outcomes: n rows.
        verifier: Reads its signals.
        features: (n, d) what an embedder made of the rows.

    Raises:
        ConfigurationError: The table does not hold the verifier's signal.
    """
    said = verifier.recorded(outcomes).cost
    checking = known_means(said, unknown=0.0)
    checking[-1] = 0.0  # an answer of the dearest arm is never verified
    workload = Workload(
        arms=outcomes.arms,
        cost=known_means(outcomes.cost),
        checking=checking,
        input_tokens=known_means(outcomes.input_tokens),
        output_tokens=known_means(outcomes.output_tokens),
        rates=learned_rates(outcomes.cost, outcomes.input_tokens, outcomes.output_tokens),
    )
    return Recorded.of(outcomes, verifier, workload, features)


@dataclass(frozen=True, eq=False)
class Table:
    """Examples with their features."""

    outcomes: Outcomes
    features: Floats | None

    def sample(self, most: int, seed: int) -> Table:
        """At most so many rows, at random."""
        count = len(self.outcomes)
        if count <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
        features = None if self.features is None else self.features[rows]
        return Table(self.outcomes.take(rows), features)

    def recorded(self, verifier: Verifier) -> Recorded:
        """The examples as a verifier sees them."""
        return recorded_by(self.outcomes, verifier, self.features)


def texts_of(outcomes: Outcomes) -> tuple[str, ...]:
    """The texts to embed, one a row.

    Raises:
        ConfigurationError: A row has none.
    """
    from automix_core.embed import query_texts  # only routers with an embedder need it

    return query_texts(outcomes)
