"""The Bayesian meta-verifier: one logistic posterior of every arm's quality on all signals in hand.

For each set of arms that may have answered, and for each arm whose quality is wanted, asked or
not, a regularised logistic regression on the log-odds of every signal. Few examples and several
signals are its home ground: a signal that says nothing gets a weight near 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.arrays import known_means
from automix_core.errors import NotFittedError
from automix_core.estimate.cells import situations
from automix_core.estimate.logistic import scale_of, signal_features, standardised
from automix_core.estimate.posterior import (
    beliefs,
    fit_posteriors,
    key,
    posteriors,
    spread_sample,
)
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.numbers import at_least, not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Bayes"]


@dataclass(frozen=True, eq=False)
class Bayes(Estimator):
    """Quality of every arm as a logistic function of all signals seen so far.

    Attributes:
        penalty: Ridge penalty on each slope, in examples: the prior precision of a standardised
            weight. The intercept is free.
        depth: Most answers whose signals are used at once; of more, the dearest are.
        most_examples: A fit takes an evenly spread sample of so many; more teach it nothing.
        names_: The signals, in order; none where there is only the confidence.
        prior_: (arms,) mean quality; 0 for an arm that no example holds.
        scales_: By the arms that answered, such as "0,1": (2, features) the centre and the
            spread of each feature, whatever the scale of its signal.
        weights_: By the same: (arms, features + 1), the intercept first.
    """

    name = "bayes"
    penalty: float = 3.0
    depth: int = 3
    most_examples: int = 20_000
    names_: tuple[str, ...] | None = None
    prior_: Floats | None = None
    scales_: dict[str, Floats] | None = None
    weights_: dict[str, Floats] | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "depth")
        at_least(2, self.most_examples, "Bayes.most_examples")
        not_negative(self.penalty, "Bayes.penalty", "a number of at least 0")

    def fit(self, examples: Examples) -> Self:
        """One regression for each set of answers in hand and each arm."""
        examples = spread_sample(examples, self.most_examples)
        names = tuple(sorted(examples.signals))
        scales: dict[str, Floats] = {}
        weights: dict[str, Floats] = {}
        for belief in beliefs(examples.quality.shape[1], self.depth):
            features = signal_features(examples, belief, names)
            seen = ~np.isnan(examples.quality[:, belief]).any(axis=1)
            scale = scale_of(features[seen])
            told, quality = standardised(features[seen], scale), examples.quality[seen]
            scales[key(belief)] = scale
            weights[key(belief)] = fit_posteriors(told, quality, self.penalty)
        prior = known_means(examples.quality, unknown=0.0)
        return replace(self, names_=names, prior_=prior, scales_=scales, weights_=weights)

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """The posterior mean quality of every arm."""
        if self.prior_ is None or self.scales_ is None or self.weights_ is None:
            raise NotFittedError(self.name)
        quality = np.tile(self.prior_, (len(evidence), 1))
        for pattern, rows in situations(evidence.answered):
            belief = tuple(np.flatnonzero(pattern).tolist())[-self.depth :]
            if not belief:
                continue
            features = signal_features(evidence, belief, self.names_ or ())[rows]
            told = standardised(features, self.scales_[key(belief)])
            quality[rows] = posteriors(told, self.weights_[key(belief)])
        return Estimates.of(evidence, quality, np.zeros_like(quality))
