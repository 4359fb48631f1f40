"""What a comparison says of one router: every metric with its interval, its curve, its seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from automix_core.metrics.bootstrap import Measure

__all__ = ["METRICS", "SHARES", "CurvePoint", "Score", "SeedPoint"]

SHARES = (0.1, 0.24, 0.5, 1.0)
"""Shares of the dearest model's cost at which quality is read off; MixLLM quotes 24 %."""

METRICS = (
    "quality",
    "cost",
    "latency",
    "ibc_lift",
    "area",
    "pareto_distance",
    "gain",
    "area_gain",
    "aiq",
    "region_lift",
    "pgr",
    "apgr",
    "cpt_50",
    "cpt_80",
)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One setting of a trade-off curve.

    Attributes:
        cost: Mean cost, US dollars a request.
        quality: What random mixing reaches at this cost, and the mean gain over it.
        cost_weight: The setting; `None` where the curve has no knob.
    """

    cost: float
    quality: float
    cost_weight: float | None = None


@dataclass(frozen=True, slots=True)
class SeedPoint:
    """What a router came to on the rows that one seed held out.

    Attributes:
        seed: The seed.
        cost: Mean cost, US dollars a request.
        quality: Mean quality.
        gain: Quality less that of random mixing at equal cost, on the same rows.
    """

    seed: int
    cost: float
    quality: float
    gain: float


@dataclass(frozen=True, slots=True)
class Score:
    """What a router or a baseline is worth on held-out rows; a metric is `None` where undefined.

    Whatever compares it with the models alone does so seed by seed, on the rows that the seed held
    out, and is then averaged. Compared on all rows at once, a router that returns one model for
    each seed would seem to lose: what looks good on the rows that were fitted on looks the worse
    on the others. The points of the curve are put together likewise: what random mixing reaches
    at their mean cost, and their mean gain over it.

    Attributes:
        router: Its name.
        baseline: Whether it is one of the baselines.
        quality: Mean quality.
        cost: Mean cost in US dollars a request, verification included.
        latency: Mean seconds a request; `None` where it is not known of every row.
        ibc_lift: AutoMix's metric; of two arms only. Over several seeds it is a ratio of averages.
        area: Mean quality over budgets between the cheapest and the dearest model alone. Where
            the router cannot be run that cheaply, the cheapest model answers.
        pareto_distance: Distance to the upper hull of all that was compared but the oracle.
        gain: Quality less that of random mixing of the single models at equal cost.
        area_gain: Area less that of random mixing.
        aiq: RouterBench's area over the same range of cost.
        region_lift: Mean lift over five equally wide regions of cost, along the curve.
        pgr: Share of the gap between two arms that was recovered; of two arms only.
        apgr: The same, averaged over shares of calls to the dearer arm; of two arms only.
        cpt_50: Share of calls to the dearer arm that recovers half of the gap; likewise.
        cpt_80: The same for four fifths of it.
        share: Share of answers returned, by arm.
        quality_at: Quality at a mean cost of this share of the dearest model's, on the upper hull
            of the router's own curve. Where it cannot be run that cheaply, the cheapest model
            answers.
        curve: The trade-off curve, in the order of its settings.
        by_seed: What each seed found; empty for baselines, which have nothing to fit.
    """

    router: str
    baseline: bool
    quality: Measure | None
    cost: Measure | None
    latency: Measure | None
    ibc_lift: Measure | None
    area: Measure | None
    pareto_distance: Measure | None
    gain: Measure | None
    area_gain: Measure | None
    aiq: Measure | None
    region_lift: Measure | None
    pgr: Measure | None
    apgr: Measure | None
    cpt_50: Measure | None
    cpt_80: Measure | None
    share: Mapping[str, Measure | None] = field(default_factory=dict)
    quality_at: Mapping[float, Measure | None] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()
    by_seed: tuple[SeedPoint, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON values."""
        head = {"router": self.router, "baseline": self.baseline}
        metrics = {name: _as_json(getattr(self, name)) for name in METRICS}
        return {
            **head,
            **metrics,
            "share": {arm: _as_json(measure) for arm, measure in self.share.items()},
            "quality_at": {f"{share:g}": _as_json(m) for share, m in self.quality_at.items()},
            "curve": [asdict(point) for point in self.curve],
            "by_seed": [asdict(point) for point in self.by_seed],
        }


def _as_json(measure: Measure | None) -> dict[str, float] | None:
    return None if measure is None else measure.as_dict()
