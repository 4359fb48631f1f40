"""What a fit found, in numbers and in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from automix_core.parts import Part

__all__ = ["FitReport"]

Interval = tuple[float, float, float]
"""Mean, and the lower and upper end of its 95 % interval."""


@dataclass(frozen=True)
class FitReport(Part):
    """What was learned from an outcome table, and how far it can be trusted.

    Every number was measured on rows that the router had not been fitted on, at the default cost
    weight of 0.1.

    Attributes:
        rows: How many rows there were.
        groups: In how many groups.
        signals: ROC-AUC of each signal with its interval, by signal and by arm; `None` where it
            is undefined.
        used: The signals that the router uses.
        meta_verifier: Name of the meta-verifier.
        scores: What each candidate reached, by its name; the best was taken.
        start: The arm that is asked first.
        verified: Whether its answer is verified.
        quality: Mean quality, with its interval.
        cost: Mean US dollars a request, with its interval.
        gain: Quality above random mixing of single models at the same cost.
        best_alone: The single arm of greatest value.
    """

    kind = "report"
    name = "fit"
    rows: int
    groups: int
    signals: Mapping[str, Mapping[str, Interval | None]]
    used: tuple[str, ...]
    meta_verifier: str
    scores: Mapping[str, float]
    start: str
    verified: bool
    quality: Interval | None
    cost: Interval | None
    gain: Interval | None
    best_alone: str

    @property
    def significant(self) -> bool:
        """Whether the gain over random mixing is above 0 with its whole interval."""
        return self.verified and self.gain is not None and self.gain[1] > 0

    @property
    def verdict(self) -> str:
        """Whether routing pays on such requests, in one sentence."""
        if not self.verified:
            return (
                f"No significant gain: use {self.best_alone}. "
                "On these examples no signal tells well enough when to go on."
            )
        gained = "unknown" if self.gain is None else _points(self.gain)
        if self.significant:
            return f"Routing pays: quality {gained} against random mixing at the same cost."
        return (
            f"No significant gain: use {self.best_alone}, or collect more examples. "
            f"Quality is {gained} against random mixing at the same cost."
        )

    def lines(self) -> list[str]:
        """The report as sentences."""
        told = [f"Fitted on {self.rows} examples in {self.groups} groups.", self.verdict]
        for signal, arms in self.signals.items():
            heard = ", ".join(
                f"{arm} {area[0]:.2f} [{area[1]:.2f}, {area[2]:.2f}]" if area else f"{arm} unknown"
                for arm, area in arms.items()
            )
            use = "used" if signal in self.used else "not used"
            told.append(f"Signal {signal} ({use}): AUC {heard}.")
        names = ", ".join(f"{name} {score:.3f}" for name, score in self.scores.items())
        told.append(f"Meta-verifier: {self.meta_verifier} (held-out value: {names}).")
        check = "its answer is verified" if self.verified else "its answer is returned unverified"
        told.append(f"At cost weight 0.1, {self.start} is asked first and {check}.")
        return told

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**found, "verdict": self.verdict, "significant": self.significant}


def _points(gain: Interval) -> str:
    mean, low, high = (f"{100 * value:+.1f}" for value in gain)
    return f"{mean} points [{low}, {high}]"
