"""RouteLLM's metrics: how much of the gap between two models a router recovers, and for what.

They are about two models, a weak and a strong one, and measure what is spent by the share of
requests that the strong one answers. Routing by the toss of a coin recovers as much as it
spends: its APGR is 0.5, and its CPT(50 %) is 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats

__all__ = ["apgr", "cpt", "pgr", "routed_share"]

LEVELS = 10


def pgr(quality: float, *, weak: float, strong: float) -> float | None:
    """The performance gap recovered: 0 is the weak model's quality, 1 is the strong one's.

    Source: RouteLLM (arXiv 2406.18665), its section on metrics; so are `apgr` and `cpt`.

    Args:
        quality: Mean quality of the router.
        weak: Mean quality of the weak model alone.
        strong: Mean quality of the strong model alone.

    Returns:
        The share, which may lie outside [0, 1], or `None` if the strong model is not better.
    """
    return (quality - weak) / (strong - weak) if strong > weak else None


def apgr(
    share: ArrayLike, quality: ArrayLike, *, weak: float, strong: float, levels: int = LEVELS
) -> float | None:
    """The average gap recovered over evenly spaced shares of strong answers.

    The settings are joined by straight lines, and by lines to the two models alone: no strong
    answers recover nothing, strong answers alone recover everything. The levels are the middles
    of `levels` equal parts of [0, 1].

    Args:
        share: (settings,) share of requests that the strong model answers, in [0, 1].
        quality: (settings,) mean quality at each.
        weak: As for `pgr`.
        strong: As for `pgr`.
        levels: How many levels.

    Returns:
        The average, or `None` if the strong model is not better.
    """
    if not strong > weak:
        return None
    at = (np.arange(levels) + 0.5) / levels
    return float(np.interp(at, *_curve(share, quality, weak, strong)).mean())


def cpt(
    share: ArrayLike, quality: ArrayLike, target: float, *, weak: float, strong: float
) -> float | None:
    """The call-performance threshold: the smallest share of strong answers that recovers a target.

    Args:
        share: As for `apgr`; settings are joined as there.
        quality: As for `apgr`.
        target: Share of the gap to recover: 0.5 for CPT(50 %), 0.8 for CPT(80 %).
        weak: As for `pgr`.
        strong: As for `pgr`.

    Returns:
        The share, or `None` if the strong model is not better, or the target is never reached.
    """
    if not strong > weak:
        return None
    x, y = _curve(share, quality, weak, strong)
    reached = np.flatnonzero(y >= target)
    if not len(reached):
        return None
    first = int(reached[0])
    if first == 0:
        return 0.0
    part = (target - y[first - 1]) / (y[first] - y[first - 1])
    return float(x[first - 1] + part * (x[first] - x[first - 1]))


def routed_share(arm: ArrayLike, count: int) -> Floats:
    """The share of answers that each arm gave.

    Args:
        arm: (rows,) place of the arm whose answer was returned.
        count: How many arms there are.

    Returns:
        (count,) shares that add up to 1.

    Raises:
        ConfigurationError: There is no row.
    """
    places: NDArray[np.int64] = np.asarray(arm, dtype=np.int64)
    if not len(places):
        msg = "Shares of no answers are not defined: give at least one row."
        raise ConfigurationError(msg)
    return np.bincount(places, minlength=count) / len(places)


def _curve(
    share: ArrayLike, quality: ArrayLike, weak: float, strong: float
) -> tuple[Floats, Floats]:
    """Gap recovered by share of strong answers, from (0, 0) to (1, 1); of equal shares the best."""
    x = np.concatenate([[0.0], np.atleast_1d(np.asarray(share, float)), [1.0]])
    y = (np.atleast_1d(np.asarray(quality, float)) - weak) / (strong - weak)
    y = np.concatenate([[0.0], y, [1.0]])
    if not (np.isfinite(x).all() and np.isfinite(y).all() and x.min() >= 0 and x.max() <= 1):
        msg = "A share must lie in [0, 1], and a quality must be a finite number."
        raise ConfigurationError(msg)
    order = np.lexsort((-y, x))
    _, first = np.unique(x[order], return_index=True)
    return x[order][first], y[order][first]
