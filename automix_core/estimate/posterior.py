"""What Bayesian estimators share: one logistic posterior for each set of verified answers.

The arms whose answers were verified are called the belief. Each belief has its own regressions,
one for each arm, asked or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from automix_core.estimate.logistic import fit_logistic, sigmoid
from automix_core.evidence import Examples, Floats

__all__ = ["beliefs", "fit_posteriors", "key", "posteriors", "spread_sample", "unkey"]


def beliefs(arms: int, depth: int) -> Iterator[tuple[int, ...]]:
    """Every set of at most `depth` of these arms but the empty one, smaller sets first."""
    for size in range(1, min(depth, arms) + 1):
        yield from combinations(range(arms), size)


def key(belief: tuple[int, ...]) -> str:
    """A belief's name in saved files, such as "0,1"."""
    return ",".join(map(str, belief))


def unkey(name: str) -> tuple[int, ...]:
    """The belief of such a name."""
    return tuple(int(arm) for arm in name.split(",") if arm)


def fit_posteriors(
    told: Floats, quality: Floats, penalty: float, own: Floats | None = None
) -> Floats:
    """The weights of every arm's regression, the intercept first.

    Args:
        told: (n, f) standardised features that all arms share.
        quality: (n, arms); NaN where it is unknown, or where the row is not to be used.
        penalty: Ridge penalty on each weight but the intercept, in examples.
        own: (n, arms) a further feature of each arm alone.

    Returns:
        (arms, 1 + f), or (arms, 2 + f) with features of their own, whose weights come last.
    """
    weights = []
    for arm, column in enumerate(quality.T):
        known = ~np.isnan(column)
        features = told if own is None else np.column_stack([told, own[:, arm]])
        weights.append(fit_logistic(features[known], column[known], penalty))
    return np.stack(weights)


def posteriors(told: Floats, weights: Floats, own: Floats | None = None) -> Floats:
    """Mean quality of every arm, (n, arms), by what `fit_posteriors` gave.

    Args:
        told: (n, f).
        weights: As fitted.
        own: (n, arms), where it was fitted on.
    """
    shared = weights[:, 1:] if own is None else weights[:, 1:-1]
    odds = weights[:, 0] + told @ shared.T
    return sigmoid(odds if own is None else odds + own * weights[:, -1])


def spread_sample(examples: Examples, most: int) -> Examples:
    """All examples, or so many of them, evenly spread."""
    if len(examples) <= most:
        return examples
    return examples.take(np.linspace(0, len(examples) - 1, most).astype(int))
