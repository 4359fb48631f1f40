"""What a decision needs that calls no model, beside the loop: arms of a fit, and features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.flow import Flow

if TYPE_CHECKING:
    from automix_core.arms import Arms
    from automix_core.calibration import Calibration
    from automix_core.flow import Ask

__all__ = ["awaited", "row", "unbound_arms"]


def unbound_arms(calibration: Calibration | None, reference_cost: float | None) -> Arms:
    """The arms of a fit, without models.

    Args:
        calibration: What the fit measured.
        reference_cost: What one call to the dearest arm costs, if that was fixed before.

    Raises:
        ConfigurationError: There was no fit.
    """
    if calibration is None:
        msg = (
            "This router knows of no models: fit it with router.fit(outcomes), or pass it to "
            "RoutingChatModel or RoutingLLM."
        )
        raise ConfigurationError(msg)
    return calibration.workload.unbound(reference_cost)


def row(features: Any) -> Floats:
    """The features of one request as (1, d), from what a caller gave.

    Raises:
        ConfigurationError: They are no finite numbers of that shape.
    """
    try:
        given = np.asarray(features, dtype=float)
    except (TypeError, ValueError) as error:
        msg = f"features= takes numbers, of shape (d,) or (1, d): {error}"
        raise ConfigurationError(msg) from error
    made = given[None] if given.ndim == 1 else given
    if made.ndim != 2 or len(made) != 1:
        msg = (
            "features= takes the numbers of one request, of shape (d,) or (1, d); "
            f"these have the shape {given.shape}."
        )
        raise ConfigurationError(msg)
    square = float(made[0].dot(made[0]))  # which is quickly made, and tells of any that is not
    if not (math.isfinite(square) or np.isfinite(made).all()):
        msg = "features= holds NaN or infinite numbers."
        raise ConfigurationError(msg)
    return made


def awaited(flow: Flow[Floats | None]) -> Floats | None:
    """What an embedder's flow comes to, waiting for its server where it has one."""
    from automix_core.drive import finish  # only those who let the router embed need it

    return finish(flow, _NoModels())


class _NoModels:
    """The port of a flow that asks no model."""

    def ask(self, ask: Ask) -> NoReturn:
        raise NotImplementedError

    def stream(self, ask: Ask) -> NoReturn:
        raise NotImplementedError

    def passes(self, error: Exception) -> bool:
        return False
