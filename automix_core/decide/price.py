"""What cost and latency are worth in points of quality."""

from __future__ import annotations

import numpy as np

from automix_core.evidence import Estimates, Floats
from automix_core.request import Preference

__all__ = ["price_of"]


def price_of(estimates: Estimates, cost: Floats, preference: Preference) -> Floats:
    """What a cost and each arm's latency are worth in points of quality, (n, arms).

    Args:
        estimates: Give the reference cost and the latency; unknown latency counts as none.
        cost: (n, arms).
        preference: The weights.
    """
    priced: Floats = preference.cost_weight * (cost / estimates.reference_cost)
    if preference.latency_weight:
        priced += preference.latency_weight * np.nan_to_num(estimates.latency, nan=0.0)
    return priced
