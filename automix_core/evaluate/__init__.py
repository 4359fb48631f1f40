"""Evaluation: metrics of routers and of verifiers, intervals, and fair comparisons."""

from automix_core.evaluate.compare import Comparison, compare
from automix_core.evaluate.scores import CurvePoint, Score, SeedPoint
from automix_core.metrics.bootstrap import Bootstrap, Measure
from automix_core.metrics.gaps import apgr, cpt, pgr, routed_share
from automix_core.metrics.hull import Hull, aiq, area, pareto_distance
from automix_core.metrics.lift import ibc_lift, ibc_lifts, mean_region_lift, region_lifts
from automix_core.metrics.oracle import oracle
from automix_core.metrics.verifiers import (
    Reliability,
    SignalQuality,
    auc,
    auc_interval,
    brier,
    calibration_error,
    reliability,
    signal_quality,
)

__all__ = [
    "Bootstrap",
    "Comparison",
    "CurvePoint",
    "Hull",
    "Measure",
    "Reliability",
    "Score",
    "SeedPoint",
    "SignalQuality",
    "aiq",
    "apgr",
    "area",
    "auc",
    "auc_interval",
    "brier",
    "calibration_error",
    "compare",
    "cpt",
    "ibc_lift",
    "ibc_lifts",
    "mean_region_lift",
    "oracle",
    "pareto_distance",
    "pgr",
    "region_lifts",
    "reliability",
    "routed_share",
    "signal_quality",
]
