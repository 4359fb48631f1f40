"""Every outcome known beforehand: what routing is measured against, and no router can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Estimates, Evidence
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Hindsight"]


@dataclass(frozen=True)
class Hindsight(Estimator):
    """What was recorded of every arm's answer to the very request: quality, cost and latency.

    There is none live, so it is for replays alone. It flatters itself as `metrics.oracle` does,
    which finds the same arms, except that of arms worth the same this takes the one that is
    cheaper on average, and that one the arm that was cheaper on the request.
    """

    name = "hindsight"
    hindsight = True

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """What was recorded; costs that were not are taken as listed.

        Raises:
            ConfigurationError: The evidence holds no truth, as everywhere but in a replay.
        """
        truth = evidence.truth
        if truth is None:
            msg = (
                "Hindsight needs outcomes that were recorded: use the router in Router.replay, "
                "compare or `automix evaluate`, and another one to answer requests."
            )
            raise ConfigurationError(msg)
        plain = Estimates.of(evidence, np.nan_to_num(truth.quality), np.zeros_like(truth.quality))
        to_ask = ~evidence.answered
        spent = evidence.cost if truth.cost is None else truth.cost + evidence.checking
        known = to_ask & ~np.isnan(spent)
        taken = plain.latency if truth.latency is None else truth.latency
        return replace(
            plain,
            cost=np.where(known, spent, plain.cost),
            latency=np.where(to_ask, taken, plain.latency),
        )
