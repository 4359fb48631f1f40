"""Estimators: evidence goes in, estimates of every arm come out. One estimator a file."""

from automix_core.estimate.auto import AutoMeta
from automix_core.estimate.bayes import Bayes
from automix_core.estimate.calibrated import Calibrated
from automix_core.estimate.curves import Curves, Isotonic, Neighbours
from automix_core.estimate.fused import Fused
from automix_core.estimate.pomdp import Pomdp
from automix_core.estimate.regions import (
    DoubleThreshold,
    FittedThreshold,
    Regions,
    TripleThreshold,
)
from automix_core.estimate.rule import Rule
from automix_core.estimate.threshold import Threshold

__all__ = [
    "AutoMeta",
    "Bayes",
    "Calibrated",
    "Curves",
    "DoubleThreshold",
    "FittedThreshold",
    "Fused",
    "Isotonic",
    "Neighbours",
    "Pomdp",
    "Regions",
    "Rule",
    "Threshold",
    "TripleThreshold",
]
