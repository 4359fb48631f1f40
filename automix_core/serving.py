"""What a request begins with, as one whole: it keeps it while the router learns and changes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automix_core.arms import Arm, Arms
    from automix_core.calibration import Calibration
    from automix_core.case import Listing
    from automix_core.evidence import Actions
    from automix_core.load import Load
    from automix_core.parts import Embedder, Estimator, Policy, Verifier

__all__ = ["Serving"]


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """The parts of a bound router at one moment.

    Attributes:
        arms: The arms.
        helpers: Models other than the arms that the verifier asks, by name.
        verifier: Answer in, signal out.
        estimator: Evidence in, estimates out.
        policy: Estimates in, action out.
        embedder: Request in, features out.
        calibration: What a fit measured.
        first: What was decided for requests alike, before anything was asked.
        asked: Arms and helpers by name.
        listing: What asking each arm is listed to cost.
        load: How busy the arms are; `None` where nobody ever waits.
        forecasts: Whether the estimator reads the prompt's length, prices or the load.
    """

    arms: Arms
    helpers: Mapping[str, Arm]
    verifier: Verifier
    estimator: Estimator
    policy: Policy
    embedder: Embedder | None
    calibration: Calibration | None
    first: dict[Hashable, Actions]
    asked: Mapping[str, Arm]
    listing: Listing
    load: Load | None = None
    forecasts: bool = False

    @property
    def models(self) -> dict[str, Any]:
        """The framework's own models by the name they are asked under."""
        return {name: arm.model for name, arm in self.asked.items()}
