"""Fair comparisons of routers, and reports. `automix_core.metrics` holds all their metrics."""

from automix_core.evaluate.compare import Comparison, compare
from automix_core.evaluate.scores import CurvePoint, Score, SeedPoint
from automix_core.metrics import Measure, ibc_lift

__all__ = [
    "Comparison",
    "CurvePoint",
    "Measure",
    "Score",
    "SeedPoint",
    "compare",
    "ibc_lift",
]
