"""Which model has been best of late, whatever was asked: PickLLM's stateless Q-learning.

PickLLM (arXiv 2412.12170) learns for each arm one number, its mean reward. Here quality, cost and
latency are averaged apart and weighed when it is decided, so that preferences may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.estimate.before import UNKNOWN, WORST_VARIANCE, moved, newcomer
from automix_core.estimate.events import checked
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.numbers import is_number
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Averages"]


@dataclass(frozen=True, eq=False)
class Averages(Estimator):
    """Running means of each arm, the newest examples counting most.

    Each example moves a mean by `rate` of the way, Q += rate * (R - Q), and by 1 / n of it while
    an arm has fewer than 1 / rate examples, so that no guess at the start lingers. As a reward
    that weighs quality, cost and latency is linear in them, weighing their means gives the mean
    reward. PickLLM puts the logarithm of latency into its reward; here it is seconds.

    A fit goes over the rows of the table once, in order. It works without a fit: an arm that was
    never tried is worth one half, and a new arm as much as the best of the others. The novelty is
    1 / (1 + examples). Means of cost are used once every arm has one.

    Attributes:
        rate: Share of the way that a mean moves with each example; 0.02 remembers about 50.
        means_: (3, arms) of quality, cost in US dollars, and latency in seconds.
        counts_: (3, arms) how many examples each rests on.
    """

    name = "averages"
    rate: float = 0.02
    means_: Floats | None = None
    counts_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the rate."""
        if not (is_number(self.rate) and 0 < self.rate <= 1):
            msg = f"Averages.rate must be above 0 and at most 1, not {self.rate!r}."
            raise ConfigurationError(msg)

    def fit(self, examples: Examples) -> Self:
        """Start anew, and go over the rows once."""
        return replace(self, means_=None, counts_=None).learn(examples)

    def learn(self, examples: Examples) -> Self:
        """A copy that has gone over more rows.

        Raises:
            ConfigurationError: A quality outside [0, 1], or another number of arms.
        """
        arms = None if self.means_ is None else self.means_.shape[1]
        checked(examples, self.name, arms)
        shape = 3, examples.quality.shape[1]
        means = np.zeros(shape) if self.means_ is None else self.means_.copy()
        counts = np.zeros(shape) if self.counts_ is None else self.counts_.copy()
        for place, values in enumerate((examples.quality, examples.cost, examples.latency)):
            if values is None:
                continue
            for arm, column in enumerate(values.T):
                seen = column[np.isfinite(column)]
                if len(seen):
                    before = float(means[place, arm]), float(counts[place, arm])
                    means[place, arm] = _followed(*before, seen, self.rate)
                    counts[place, arm] += len(seen)
        return replace(self, means_=means, counts_=counts)

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms."""
        if self.means_ is None or self.counts_ is None:
            return self
        tried = self.means_[0, self.counts_[0] > 0]
        means = moved(self.means_, places, [newcomer(tried), 0.0, 0.0], axis=1)
        return replace(self, means_=means, counts_=moved(self.counts_, places, 0.0, axis=1))

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The same for every request."""
        shape = evidence.able.shape
        none = np.zeros((3, shape[1]))
        means = none if self.means_ is None else self.means_
        counts = none if self.counts_ is None else self.counts_
        untried = (counts[0] == 0) & (means[0] == 0)
        novelty = 1 / (1 + counts[0])
        sd = np.sqrt(WORST_VARIANCE * np.maximum(novelty, self.rate / 2))
        rows = np.ones((shape[0], 1))
        made = Estimates.of(
            evidence, rows * np.where(untried, UNKNOWN, np.minimum(means[0], 1.0)), rows * sd
        )
        latency = np.where(counts[2] > 0, means[2], np.nan)
        if evidence.waiting is not None:
            latency = latency + np.nan_to_num(evidence.waiting, nan=0.0)
        priced = bool((counts[1] > 0).all())
        cost = np.where(evidence.answered, 0.0, means[1] + evidence.checking)
        return replace(
            made,
            cost=cost if priced else made.cost,
            latency=np.where(evidence.answered, 0.0, latency),
            novelty=rows * novelty,
        )


def _followed(mean: float, count: float, values: Floats, rate: float) -> float:
    """A running mean after more values, the oldest of them first.

    Args:
        mean: The mean so far.
        count: How many values that rests on.
        values: (n,), at least one.
        rate: Least share of the way that it moves each time.
    """
    shares = np.maximum(rate, 1 / (count + 1 + np.arange(len(values))))
    after = np.append(np.cumprod((1 - shares)[:0:-1])[::-1], 1.0)  # what later values leave of each
    return float(mean * after[0] * (1 - shares[0]) + (shares * after) @ values)
