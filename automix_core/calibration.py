"""What a fit leaves in a router beside its parts: costs, the trade-off, and the report."""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.errors import ConfigurationError
from automix_core.fit_report import FitReport
from automix_core.parts import Part
from automix_core.request import Preference
from automix_core.tradeoff import Branch, Tradeoff
from automix_core.workload import Workload

__all__ = ["Calibration", "branches"]


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


def branches(calibration: Calibration | None, preference: Preference) -> tuple[Branch, ...]:
    """The ways to follow a preference, and how often each is drawn.

    Raises:
        ConfigurationError: It cannot be met, or needs a fit that was not made.
    """
    if calibration is not None:
        return calibration.tradeoff.branches(preference)
    if preference.objectives:
        msg = (
            f"Preference({preference.objectives[0]}=...) needs a calibrated router: "
            "fit it with router.fit(outcomes), or give cost_weight."
        )
        raise ConfigurationError(msg)
    return ((1.0, preference),)
