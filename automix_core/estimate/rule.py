"""A fixed rule on the confidence, as published routers state theirs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Estimates, Evidence
from automix_core.parts import Estimator
from automix_core.request import Preference

__all__ = ["Rule"]


@dataclass(frozen=True)
class Rule(Estimator):
    """Escalate to the next arm where the confidence lies in certain ranges, whatever it costs.

    An answer inside a range is taken to be worthless and one outside to be perfect, so with a
    cost weight below 1 the rule is followed to the letter.

    Attributes:
        ranges: Pairs (low, high), both ends included.
        unverified: Whether an answer without a verdict is escalated.
    """

    name = "rule"
    ranges: tuple[tuple[float, float], ...] = ((0.0, 0.5),)
    unverified: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        pairs = tuple((float(low), float(high)) for low, high in self.ranges)
        object.__setattr__(self, "ranges", pairs)
        for low, high in pairs:
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                msg = f"A range of Rule must be (low, high) with low <= high, not {(low, high)}."
                raise ConfigurationError(msg)

    @classmethod
    def table(cls, bins: str) -> Self:
        """The rule of a table over evenly spaced confidences from 0 to 1, nearest value.

        Args:
            bins: One digit a value, the lowest confidence first; 1 escalates. "110000000".

        Raises:
            ConfigurationError: Fewer than two digits, or others than 0 and 1.
        """
        if len(bins) < 2 or set(bins) - {"0", "1"}:
            msg = f"A table is written in two or more digits 0 and 1, not {bins!r}."
            raise ConfigurationError(msg)
        half = 0.5 / (len(bins) - 1)
        at = [2 * half * place for place, digit in enumerate(bins) if digit == "1"]
        return cls(tuple((centre - half, np.nextafter(centre + half, 0)) for centre in at))

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """1 for answers that are kept and for arms not asked yet, 0 for answers to escalate."""
        escalated = np.isnan(evidence.confidence) & self.unverified
        for low, high in self.ranges:
            escalated |= (evidence.confidence >= low) & (evidence.confidence <= high)
        quality = np.where(evidence.answered & escalated, 0.0, 1.0)
        return Estimates.of(evidence, quality, np.zeros_like(quality))
