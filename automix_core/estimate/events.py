"""What estimators share that learn from feedback: events are checked before anything changes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Bools, Evidence, Examples, Floats
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["asked_nothing", "checked", "expected", "known_share"]

_PREFERENCE = Preference()


def checked(
    examples: Examples, who: str, arms: int | None = None, width: int | None = None
) -> Bools:
    """Where a quality is known, (n, arms), once it is certain that all of them can be learned from.

    Args:
        examples: n rows.
        who: The name of the estimator, for the message.
        arms: How many arms it knows; `None` where that is not settled yet.
        width: How many features a request has, likewise.

    Raises:
        ConfigurationError: A quality outside [0, 1], features that are not finite numbers, or
            another number of arms or features.
    """
    quality, features = examples.quality, examples.features
    known: Bools = ~np.isnan(quality)
    if arms is not None and quality.shape[1] != arms:
        msg = f"The estimator {who!r} knows {arms} models; this is about {quality.shape[1]}."
        raise ConfigurationError(msg)
    if np.count_nonzero((quality < 0) | (quality > 1)):
        worst = quality[(quality < 0) | (quality > 1)][0]
        msg = f"A quality must lie between 0 and 1, and {who!r} was given {worst:g}: scale it."
        raise ConfigurationError(msg)
    if features is None:
        return known
    if features.ndim != 2 or len(features) != len(quality):
        msg = f"{who!r} needs one row of features for each example, not shape {features.shape}."
        raise ConfigurationError(msg)
    if width is not None and features.shape[1] != width:
        msg = (
            f"The estimator {who!r} was fitted on {width} features, and this example has "
            f"{features.shape[1]}. Fit the router again."
        )
        raise ConfigurationError(msg)
    if np.count_nonzero(np.isfinite(features)) < features.size:
        msg = f"{who!r} was given features that are NaN or infinite: nothing was learned from them."
        raise ConfigurationError(msg)
    return known


def known_share(values: Floats | None, examples: Examples, what: str) -> Bools:
    """Where a share is known, (n, arms), once it is certain that all of them lie in [0, 1].

    Args:
        values: (n, arms), NaN where unknown, or `None`.
        examples: What they belong to.
        what: Their name, for the message.

    Raises:
        ConfigurationError: One lies elsewhere, or the shape is another.
    """
    shape = examples.quality.shape
    if values is None:
        return np.zeros(shape, dtype=bool)
    if values.shape != shape:
        msg = f"Examples.{what} must have shape {shape}, like quality, not {values.shape}."
        raise ConfigurationError(msg)
    if ((values < 0) | (values > 1)).any():
        msg = f"Examples.{what} must lie between 0 and 1 wherever it is known."
        raise ConfigurationError(msg)
    known: Bools = ~np.isnan(values)
    return known


def expected(estimator: Estimator, examples: Examples) -> Floats:
    """The quality that an estimator expects before anything is asked, (n, arms)."""
    return estimator.estimate(asked_nothing(examples), _PREFERENCE).quality


def asked_nothing(examples: Examples) -> Evidence:
    """The evidence on some examples before any arm was asked."""
    rows, arms = examples.quality.shape
    blank = _blank_row(arms) if rows == 1 else _blank(rows, arms)
    able, answered, unknown, nothing = blank
    return Evidence(
        able=able,
        answered=answered,
        confidence=unknown,
        cost=nothing,
        checking=nothing,
        reference_cost=1.0,
        draw=nothing[:, 0],
        features=examples.features,
    )


def _blank(rows: int, arms: int) -> tuple[Bools, Bools, Floats, Floats]:
    shape = rows, arms
    none = np.zeros(shape, dtype=bool)
    return ~none, none, np.full(shape, np.nan), np.zeros(shape)


@lru_cache(maxsize=64)
def _blank_row(arms: int) -> tuple[Bools, Bools, Floats, Floats]:
    return _blank(1, arms)  # the same arrays every time; nobody writes to them
