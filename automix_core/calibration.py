"""What a fit leaves in a router beside its parts: costs, the trade-off, and the report."""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.fit_report import FitReport
from automix_core.parts import Part
from automix_core.tradeoff import Tradeoff
from automix_core.workload import Workload

__all__ = ["Calibration"]


@dataclass(frozen=True, eq=False)
class Calibration(Part):
    """What was measured while a router was fitted.

    Attributes:
        workload: Mean cost and tokens of each arm.
        tradeoff: Quality and cost by cost weight.
        report: What was found.
    """

    kind = "calibration"
    name = "measured"
    workload: Workload
    tradeoff: Tradeoff
    report: FitReport
