"""What a fit found, in numbers and in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from automix_core.parts import Part

if TYPE_CHECKING:
    from automix_core.metrics.bootstrap import Measure

__all__ = ["FitReport", "Interval", "Operation", "interval"]

Interval = tuple[float, float, float]
"""Mean, and the lower and upper end of its 95 % interval."""


@dataclass(frozen=True)
class Operation(Part):
    """What a fitted router does at one cost weight, as measured on rows it was not fitted on.

    Attributes:
        cost_weight: The weight.
        start: The arm that is asked first; `None` where that depends on the request.
        verified: Whether its answer is verified.
        best_alone: The single arm that is worth most at this weight.
        quality: Mean quality over the rows that hold every arm; `None`, as the next two, where
            those are too few.
        cost: Mean US dollars a request.
        gain: Quality above random mixing of single models at the same cost.
    """

    kind = "report"
    name = "operation"
    cost_weight: float
    start: str | None
    verified: bool
    best_alone: str
    quality: Interval | None
    cost: Interval | None
    gain: Interval | None


@dataclass(frozen=True)
class FitReport(Part):
    """What was learned from an outcome table, and how far it can be trusted.

    Attributes:
        rows: How many rows there were.
        groups: In how many groups.
        signals: ROC-AUC of each signal with its interval, by signal and by arm; `None` where it
            is undefined.
        used: The signals that the router uses; none where it commits before it sees an answer.
        meta_verifier: Name of the meta-verifier, or of the estimator where none is used.
        scores: Mean value that each candidate reached on held-out rows, by its name.
        operations: The default cost weight, and those at which routing can matter most.
        gain: Quality above random mixing of single models at the same cost, mean of these; `None`
            where too few rows hold every arm.
        halves: Mean value on held-out rows of routing by the request alone, by the answers alone,
            and by both, as far as they were tried, on the rows that all of these could be
            measured on; empty where there was no such choice.
        chosen: Which of them the router does; empty likewise.
    """

    kind = "report"
    name = "fit"
    rows: int
    groups: int
    signals: Mapping[str, Mapping[str, Interval | None]]
    used: tuple[str, ...]
    meta_verifier: str
    scores: Mapping[str, float]
    operations: tuple[Operation, ...]
    gain: Interval | None
    halves: Mapping[str, float] = field(default_factory=dict)
    chosen: str = ""

    @property
    def significant(self) -> bool:
        """Whether the gain over random mixing is above 0 with its whole interval."""
        return self.gain is not None and self.gain[1] > 0

    @property
    def verdict(self) -> str:
        """Whether routing pays on such requests, in one sentence or two."""
        if self.significant and self.gain is not None:
            gained = f"Routing pays: quality {_points(self.gain)} against random mixing."
            alone = [o for o in self.operations if o.start is not None and not o.verified]
            return gained + (f" {_alone(alone)}" if alone else "")
        if self.gain is None:
            return (
                "Whether routing pays is unknown: too few rows hold every model's answer. "
                "Collect the missing ones."
            )
        usual = self.operations[0].best_alone
        return f"No significant gain: use {usual}, or collect more examples."

    def lines(self) -> list[str]:
        """The report as sentences."""
        told = [f"Fitted on {self.rows} examples in {self.groups} groups.", self.verdict]
        for signal, arms in self.signals.items():
            heard = ", ".join(
                f"{arm} {area[0]:.2f} [{area[1]:.2f}, {area[2]:.2f}]" if area else f"{arm} unknown"
                for arm, area in arms.items()
            )
            use = "used" if signal in self.used else "dropped"
            told.append(f"Signal {signal} ({use}): AUC {heard}.")
        if len(self.halves) > 1:
            worth = ", ".join(f"{name} {value:.3f}" for name, value in self.halves.items())
            told.append(f"Routes by {self.chosen}; mean value on held-out rows: {worth}.")
        if self.used:
            tried = f", the best of {len(self.scores)} tried" if len(self.scores) > 1 else ""
            told.append(f"Meta-verifier: {self.meta_verifier}{tried}.")
        return told + [_told(operation) for operation in self.operations]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**asdict(self), "verdict": self.verdict, "significant": self.significant}


def interval(measure: Measure | None) -> Interval | None:
    """A measure as a triple."""
    return None if measure is None else (measure.mean, measure.low, measure.high)


def _told(operation: Operation) -> str:
    told = f"At cost weight {operation.cost_weight:.3g}, {_first(operation)}"
    if operation.quality is None or operation.cost is None or operation.gain is None:
        return f"{told}."
    quality, cost = operation.quality[0], operation.cost[0]
    gain = _points(operation.gain)
    spent = f"{1000 * cost:.3g} US dollars a thousand requests"
    return f"{told}: quality {quality:.3f} at {spent} ({gain} on random mixing)."


def _first(operation: Operation) -> str:
    if operation.start is None:
        check = " and what is verified" if operation.verified else ""
        return f"the request decides who is asked{check}"
    check = "its answer is verified" if operation.verified else "unverified"
    return f"{operation.start} is asked first, {check}"


def _alone(operations: list[Operation]) -> str:
    told = ", ".join(f"{o.best_alone} at {o.cost_weight:.3g}" for o in operations)
    return f"At some cost weights one model alone is best: {told}."


def _points(gain: Interval) -> str:
    mean, low, high = (f"{100 * value:+.1f}" for value in gain)
    return f"{mean} points [{low}, {high}]"
