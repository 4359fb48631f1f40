"""Estimators: evidence goes in, estimates of every arm come out. One estimator a file."""

from automix_core.estimate.amounts import Amounts
from automix_core.estimate.auto import AutoMeta
from automix_core.estimate.automaton import Automaton
from automix_core.estimate.averages import Averages
from automix_core.estimate.bandit import LinearBandit
from automix_core.estimate.bayes import Bayes
from automix_core.estimate.before import Before
from automix_core.estimate.calibrated import Calibrated
from automix_core.estimate.clusters import Clusters
from automix_core.estimate.curves import Curves, Isotonic, Neighbours
from automix_core.estimate.forecast import Forecast
from automix_core.estimate.forest import Forest
from automix_core.estimate.fused import Fused
from automix_core.estimate.hindsight import Hindsight
from automix_core.estimate.joint import Joint
from automix_core.estimate.nearest import NeighbourQuality
from automix_core.estimate.pomdp import Pomdp
from automix_core.estimate.prior import Prior
from automix_core.estimate.regions import (
    DoubleThreshold,
    FittedThreshold,
    Regions,
    TripleThreshold,
)
from automix_core.estimate.ridge import RidgeQuality
from automix_core.estimate.rule import Rule
from automix_core.estimate.satisfaction import Satisfaction
from automix_core.estimate.threshold import Threshold

__all__ = [
    "Amounts",
    "AutoMeta",
    "Automaton",
    "Averages",
    "Bayes",
    "Before",
    "Calibrated",
    "Clusters",
    "Curves",
    "DoubleThreshold",
    "FittedThreshold",
    "Forecast",
    "Forest",
    "Fused",
    "Hindsight",
    "Isotonic",
    "Joint",
    "LinearBandit",
    "NeighbourQuality",
    "Neighbours",
    "Pomdp",
    "Prior",
    "Regions",
    "RidgeQuality",
    "Rule",
    "Satisfaction",
    "Threshold",
    "TripleThreshold",
]
