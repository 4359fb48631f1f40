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

__all__ = ["apgr", "apgrs", "cpt", "cpts", "gap_curves", "pgr", "routed_share"]

LEVELS = 10

Curves = tuple[Floats, Floats]


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
    curve = _curve(share, quality, weak, strong)
    return None if curve is None else float(apgrs(curve, levels)[0])


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
    curve = _curve(share, quality, weak, strong)
    reached = np.nan if curve is None else float(cpts(curve, target)[0])
    return None if np.isnan(reached) else reached


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


def gap_curves(share: Floats, quality: Floats, weak: Floats, strong: Floats) -> Curves:
    """Gap recovered by share of strong answers, from (0, 0) to (1, 1), in many worlds at once.

    Args:
        share: (worlds, settings) as for `apgr`.
        quality: (worlds, settings) likewise.
        weak: (worlds,) likewise.
        strong: (worlds,) likewise.

    Returns:
        Shares in rising order and what each recovers, both (worlds, settings + 2). Of equal
        shares all recover what the best of them does; NaN where the strong model is not better.
    """
    gap = np.where(strong > weak, strong - weak, np.nan)[:, None]
    nothing, everything = np.zeros_like(gap), np.ones_like(gap)
    x = np.concatenate([nothing, share, everything], axis=1)
    y = np.concatenate([nothing, (quality - weak[:, None]) / gap, everything], axis=1)
    alike = x[:, :, None] == x[:, None, :]
    best = np.where(alike, y[:, None, :] + 0 * gap[:, :, None], -np.inf).max(axis=2)
    order = np.argsort(x, axis=1, kind="stable")
    return np.take_along_axis(x, order, axis=1), np.take_along_axis(best, order, axis=1)


def apgrs(curves: Curves, levels: int = LEVELS) -> Floats:
    """`apgr` of many curves, (worlds,); NaN where undefined."""
    x, y = curves
    total = np.zeros(len(x))
    for level in (np.arange(levels) + 0.5) / levels:
        right = (x < level).sum(axis=1)
        total += _between(x, y, right, level)
    return total / levels


def cpts(curves: Curves, target: float) -> Floats:
    """`cpt` of many curves, (worlds,); NaN where undefined."""
    x, y = curves
    reached = y >= target
    first = reached.argmax(axis=1)
    share = np.where(first == 0, 0.0, _between(y, x, first, target))
    return np.where(reached.any(axis=1), share, np.nan)


def _between(x: Floats, y: Floats, right: NDArray[np.int64], at: float) -> Floats:
    """The height at `at` of the line from the point before `right` to the one at `right`."""
    ends = np.stack([np.maximum(right - 1, 0), right], axis=1)
    (x0, x1), (y0, y1) = (np.take_along_axis(column, ends, axis=1).T for column in (x, y))
    run = np.where(x1 == x0, 1.0, x1 - x0)
    height: Floats = y0 + (at - x0) / run * (y1 - y0)
    return height


def _curve(share: ArrayLike, quality: ArrayLike, weak: float, strong: float) -> Curves | None:
    """The curve of one router, checked; `None` if the strong model is not better."""
    if not strong > weak:
        return None
    x = np.atleast_1d(np.asarray(share, float))
    y = np.atleast_1d(np.asarray(quality, float))
    if not (np.isfinite(y).all() and ((x >= 0) & (x <= 1)).all() and x.shape == y.shape):
        msg = "Each share must lie in [0, 1] and have a quality, which must be a finite number."
        raise ConfigurationError(msg)
    return gap_curves(x[None], y[None], np.array([weak]), np.array([strong]))
