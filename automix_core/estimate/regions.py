"""Fitted thresholds: which confidences to escalate, chosen among rules of a simple shape.

AutoMix's threshold, double threshold and triple threshold (arXiv 2310.12963) escalate where the
confidence lies in a prefix, in a band, or in a prefix and a band. The best region of each shape is
found exactly, in one pass over the cells, and anew for every preference.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.arrays import known_means, mean_row, ratio
from automix_core.errors import NotFittedError
from automix_core.estimate.cells import cells_of, edges_of, latest_answered
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import at_least
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["DoubleThreshold", "FittedThreshold", "Regions", "TripleThreshold"]


@dataclass(frozen=True, eq=False)
class Regions(Estimator):
    """A rule "escalate inside this region of confidences", chosen on examples.

    For two arms the region is the one of its shape with the greatest total value on the examples.
    With more arms each pair of them has a region of its own, read at the dearest answer in hand.

    Attributes:
        cells: Most cells that confidences are sorted into.
        edges_: (arms, cells - 1) their borders.
        prior_: (arms,) mean quality; 0 for an arm that no example holds.
        sums_: (3, arms, arms, cells + 1), over the examples in which the first arm's confidence
            lies in the cell and both arms answered: how many there are, the first arm's quality
            summed, the second's summed. The last cell is for answers without a verdict.
    """

    cells: int = 64
    edges_: Floats | None = None
    prior_: Floats | None = None
    sums_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the number of cells."""
        at_least(2, self.cells, f"{type(self).__name__}.cells")

    @abstractmethod
    def region(self, net: Floats) -> Bools:
        """The region of this shape with the greatest sum.

        Args:
            net: (cells,) what escalating each cell gains, less what it costs.

        Returns:
            (cells,) which to escalate; nothing at all where no region gains.
        """

    def fit(self, examples: Examples) -> Self:
        """Count and sum the examples in each cell."""
        edges = edges_of(examples.confidence, self.cells)
        places = cells_of(examples.confidence, edges)
        arms = examples.quality.shape[1]
        sums = np.zeros((3, arms, arms, self.cells + 1))
        for own in range(arms):
            for other in range(arms):
                pair = examples.quality[:, [own, other]]
                both = ~np.isnan(pair).any(axis=1)
                for of, weights in enumerate((None, *pair[both].T)):
                    sums[of, own, other] = np.bincount(
                        places[both, own], weights, minlength=self.cells + 1
                    )
        prior = known_means(examples.quality, unknown=0.0)
        return replace(self, edges_=edges, prior_=prior, sums_=sums)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Mean qualities inside and outside the region that is best for this preference."""
        if self.edges_ is None or self.prior_ is None or self.sums_ is None:
            raise NotFittedError(self.name)
        places = cells_of(evidence.confidence, self.edges_)
        latest = latest_answered(evidence.answered)
        quality = np.tile(self.prior_, (len(evidence), 1))
        price = preference.cost_weight * mean_row(evidence.cost) / evidence.reference_cost
        for arm in range(quality.shape[1]):
            earlier = evidence.answered[:, arm] & (latest > arm)
            alone = _means(self.sums_[:2, arm, arm], self.prior_[arm])
            quality[earlier, arm] = alone[places[earlier, arm]]
            if (here := latest == arm).any():
                quality[here] = self._table(self.sums_[:, arm], arm, price)[places[here, arm]]
        return Estimates.of(evidence, quality, np.zeros_like(quality))

    def _table(self, sums: Floats, own: int, price: Floats) -> Floats:
        """Quality of every arm for each cell of one arm's confidence, (cells + 1, arms).

        Inside and outside the region both arms are believed to be as good as they are there on
        average, so that the value rule escalates exactly inside it.
        """
        assert self.prior_ is not None  # noqa: S101 - for the type checker: fitted together
        table = np.tile(self.prior_, (sums.shape[-1], 1))
        others = [*range(own + 1, len(price)), *range(own)]
        for rank, other in enumerate(others):
            count, mine, theirs = sums[:, other]
            net = theirs - mine - price[other] * count
            inside = np.append(self.region(net[:-1]), net[-1] > 0)
            for part in (inside, ~inside):
                if (examples := count[part].sum()) == 0:
                    continue
                if rank == 0:
                    table[part, own] = mine[part].sum() / examples
                gain = (theirs[part].sum() - mine[part].sum()) / examples
                table[part, other] = np.clip(table[part, own] + gain, 0, 1)
        return table


@dataclass(frozen=True, eq=False)
class FittedThreshold(Regions):
    """Escalate at or below one confidence (AutoMix's threshold, chosen on examples)."""

    name = "fitted_threshold"

    def region(self, net: Floats) -> Bools:
        """The best prefix."""
        reached = np.concatenate([[0.0], np.cumsum(net)])
        inside: Bools = np.arange(len(net)) < int(np.argmax(reached))
        return inside


@dataclass(frozen=True, eq=False)
class DoubleThreshold(Regions):
    """Escalate between two confidences: below them nobody knows, above them the arm does."""

    name = "double_threshold"

    def region(self, net: Floats) -> Bools:
        """The best band (Kadane's algorithm)."""
        return _band(net, np.zeros(len(net) + 1))


@dataclass(frozen=True, eq=False)
class TripleThreshold(Regions):
    """Escalate at or below one confidence, and between two higher ones."""

    name = "triple_threshold"

    def region(self, net: Floats) -> Bools:
        """The best prefix and band."""
        reached = np.concatenate([[0.0], np.cumsum(net)])
        best_prefix = np.maximum.accumulate(reached)
        band = _band(net, best_prefix)
        start = int(np.argmax(band)) if band.any() else len(net)
        prefix = np.arange(len(net)) < int(np.argmax(reached[: start + 1]))
        inside: Bools = prefix | band
        return inside


def _band(net: Floats, before: Floats) -> Bools:
    """The band with the greatest sum, given what can be had before its start.

    Args:
        net: (cells,).
        before: (cells + 1,) the best that lies before each border.
    """
    reached = np.concatenate([[0.0], np.cumsum(net)])
    offered = before - reached
    start = np.maximum.accumulate(offered)
    end = int(np.argmax(reached + start))
    begin = int(np.argmax(offered[: end + 1]))
    places = np.arange(len(net))
    inside: Bools = (places >= begin) & (places < end)
    return inside


def _means(sums: Floats, prior: float) -> Floats:
    """Mean of each cell from its (count, total); the prior where the cell is empty."""
    count, total = sums
    return ratio(total, count, prior)
