"""Which verifiers and meta-verifiers may go together, and how well each signal tells.

A signal is measured before it is trusted: what does not tell right answers from wrong ones on
any arm is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import known_means
from automix_core.estimate import AutoMeta, Bayes, Fused
from automix_core.fit_report import Interval, interval
from automix_core.metrics.verifiers import auc_interval
from automix_core.parts import Estimator, Verifier

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Candidate", "Heard", "candidates", "hear"]

RESAMPLES = 400

Heard = Mapping[str, Mapping[str, Interval | None]]
"""The ROC-AUC of each signal with its interval, by signal and by arm."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A verifier and an estimator that may go together."""

    label: str
    verifier: Verifier
    estimator: Estimator


def hear(verifier: Verifier, outcomes: Outcomes, seed: int) -> Heard:
    """How well each signal that a verifier can use tells right answers from wrong ones.

    Raises:
        ConfigurationError: The table holds none of the verifier's signals.
    """
    present = [leaf.name for leaf in _present(verifier, outcomes)]
    return {name: _heard(outcomes, name, seed) for name in present if name in outcomes.signals}


def candidates(
    verifier: Verifier, estimator: Estimator, outcomes: Outcomes, heard: Heard
) -> list[Candidate]:
    """Everything that may be tried, the simplest first.

    Args:
        verifier: A composite one is narrowed down to what is informative.
        estimator: `AutoMeta` stands for several.
        outcomes: The examples.
        heard: What `hear` found.
    """
    choices = estimator.candidates if isinstance(estimator, AutoMeta) else (estimator,)
    return [
        Candidate(_label(chosen, option), option, _reading(chosen, option))
        for option in _options(verifier, outcomes, heard)
        for chosen in choices
    ]


def _present(verifier: Verifier, outcomes: Outcomes) -> list[Verifier]:
    """The verifiers whose signals the table holds, the cheapest first.

    Raises:
        ConfigurationError: It holds none of them.
    """
    leaves = [leaf for leaf in verifier.leaves() if leaf.name in outcomes.signals]
    if not leaves:
        verifier.recorded(outcomes)
        return [verifier]
    return sorted(
        leaves, key=lambda leaf: float(known_means(leaf.recorded(outcomes).cost)[:-1].sum())
    )


def _heard(outcomes: Outcomes, signal: str, seed: int) -> dict[str, Interval | None]:
    """How well a signal tells right answers from wrong ones, by arm."""
    values = outcomes.signals[signal]
    return {
        name: interval(
            auc_interval(
                values[:, arm],
                outcomes.quality[:, arm],
                outcomes.groups,
                resamples=RESAMPLES,
                seed=seed,
            )
        )
        for arm, name in enumerate(outcomes.arms[:-1])
        if not np.isnan(values[:, arm]).all()
    }


def _options(verifier: Verifier, outcomes: Outcomes, heard: Heard) -> list[Verifier]:
    """The verifiers to try: each informative one, and the cheapest two, three and more of them."""
    leaves = _present(verifier, outcomes)
    if len(leaves) == 1:
        return leaves
    telling = [
        leaf
        for leaf in leaves
        if any(area is not None and area[1] > 0.5 for area in heard[leaf.name].values())
    ]
    joined = [reduce(or_, telling[:count]) for count in range(2, len(telling) + 1)]
    return [*telling, *joined] or leaves[:1]


def _reading(estimator: Estimator, verifier: Verifier) -> Estimator:
    """An estimator that can read all of a verifier's signals."""
    several = len(verifier.leaves()) > 1
    reads_all = isinstance(estimator, Bayes | Fused)
    return Fused(estimator) if several and not reads_all else estimator


def _label(estimator: Estimator, verifier: Verifier) -> str:
    return f"{estimator.name} on {' + '.join(leaf.name for leaf in verifier.leaves())}"
