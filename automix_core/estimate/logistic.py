"""Ridge logistic regression on the log-odds of signals, with labels anywhere in [0, 1]."""

from __future__ import annotations

import numpy as np

from automix_core.evidence import Evidence, Examples, Floats

__all__ = [
    "fit_logistic",
    "log_odds",
    "scale_of",
    "sigmoid",
    "signal_features",
    "standardised",
]

STEPS = 25
CLOSE_TO_CERTAIN = 1e-4
"""Confidences are kept this far from 0 and 1, so that their log-odds stay finite."""


def log_odds(confidence: Floats) -> Floats:
    """The logit of confidences, NaN where there is none. Any shape."""
    kept = np.clip(confidence, CLOSE_TO_CERTAIN, 1 - CLOSE_TO_CERTAIN)
    odds: Floats = np.log(kept / (1 - kept))
    return odds


def sigmoid(value: Floats) -> Floats:
    """The inverse of the logit."""
    probability: Floats = 1 / (1 + np.exp(-np.clip(value, -30, 30)))
    return probability


def fit_logistic(features: Floats, label: Floats, penalty: float) -> Floats:
    """The weights with the greatest penalised likelihood, by Newton's method.

    Args:
        features: (n, d), each column of about unit spread.
        label: (n,), in [0, 1]; a fraction counts as that share of a success.
        penalty: Ridge penalty on each weight but the intercept, in examples.

    Returns:
        (d + 1,), the intercept first. With nothing to learn from, the label is taken to be 0.
    """
    design = np.hstack([np.ones((len(features), 1)), features])
    ridge = np.diag([1e-6, *[penalty] * features.shape[1]])
    mean = np.clip(label.sum() / max(1, len(label)), CLOSE_TO_CERTAIN, 1 - CLOSE_TO_CERTAIN)
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(mean / (1 - mean))
    if not len(label):
        return weights
    for _ in range(STEPS):
        guess = sigmoid(design @ weights)
        slope = design.T @ (label - guess) - ridge @ weights
        bend = design.T @ (design * np.maximum(guess * (1 - guess), 1e-6)[:, None]) + ridge
        step = np.linalg.solve(bend, slope)
        weights += step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def signal_features(
    of: Examples | Evidence, belief: tuple[int, ...], names: tuple[str, ...]
) -> Floats:
    """The log-odds of every signal of these arms, then whether it is missing: (n, features)."""
    columns = [of.signals.get(name) for name in names] or [of.confidence]
    given = [
        log_odds(column[:, list(belief)])
        if column is not None
        else np.full((len(of.confidence), len(belief)), np.nan)
        for column in columns
    ]
    told = np.hstack(given)
    return np.hstack([told, np.isnan(told)])


def scale_of(features: Floats) -> Floats:
    """Centre and spread of each feature; a feature that never changes has an infinite spread."""
    some = ~np.isnan(features)
    count = np.maximum(some.sum(axis=0), 1)
    centre = np.where(some, features, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(some, features - centre, 0) ** 2).sum(axis=0) / count)
    return np.stack([centre, np.where(spread > 1e-9, spread, np.inf)])


def standardised(features: Floats, scale: Floats) -> Floats:
    """Features in units of their spread, 0 where missing."""
    told: Floats = np.nan_to_num((features - scale[0]) / scale[1], nan=0.0)
    return told
