"""A study: everything the report says of one router, as plain numbers and words.

The pictures and the page are drawn from a study and from nothing else, so both can be tested
without a router. Quality lies in [0, 1], cost is in US dollars a request, latency in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from automix_core.metrics.bootstrap import Measure

__all__ = ["Belief", "Bin", "CurvePoint", "Point", "Regret", "Share", "Study"]


@dataclass(frozen=True, slots=True)
class Point:
    """One way of answering every question, and what it comes to.

    Attributes:
        name: The router's name, an arm's, or that of a baseline.
        kind: `mixing` is random mixing of single models at the router's cost; `oracle` asks, for
            each question, the cheapest of the arms whose answer is the best.
        quality: Mean quality.
        cost: Mean US dollars a request, verification included.
        latency: Mean seconds one after another; `None` where unknown.
    """

    name: str
    kind: Literal["router", "model", "mixing", "oracle"]
    quality: Measure
    cost: Measure
    latency: Measure | None = None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The router at another cost weight."""

    cost_weight: float
    quality: Measure
    cost: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers about which alike was believed: what was believed of them, and what was true."""

    believed: float
    quality: Measure
    count: int


@dataclass(frozen=True, slots=True)
class Belief:
    """How far what the router believes of an arm's answers can be trusted.

    Attributes:
        arm: Whose answers.
        what: What was believed, in words, such as "expected quality".
        bins: In order of belief.
        auc: Chance that the belief puts a right answer above a wrong one; 0.5 is a coin toss.
        brier: Mean squared distance between belief and quality.
        ece: Expected calibration error.
    """

    arm: str
    what: str
    bins: tuple[Bin, ...]
    auc: Measure | None = None
    brier: Measure | None = None
    ece: Measure | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """An arm's part in the whole, each a share of 1.

    Attributes:
        arm: The arm.
        answers: Share of the answers returned.
        spend: Share of all money, spent on its answers, returned or not.
        checks: Share of all money, spent on verifying its answers.
    """

    arm: str
    answers: float
    spend: float
    checks: float


@dataclass(frozen=True, slots=True)
class Regret:
    """A question where another arm's answer would have been better than the one returned."""

    id: str
    question: str | None
    arm: str
    quality: float
    best_arm: str
    best_quality: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Study:
    """All that the report shows.

    Attributes:
        router: How the router is named.
        gain: Whether the router beats random mixing by an interval that excludes 0.
        verdict: The finding in one sentence.
        reasons: What the verdict rests on, a sentence each.
        points: The router first, then the arms cheapest first, mixing and oracle.
        setting: The trade-off that the router was judged at, such as "cost weight 0.1".
        curve: The router at other cost weights, in order of cost.
        hull: (cost, quality) corners of the upper hull of all single models, cheapest first.
        beliefs: One for each arm whose answers were believed something of.
        shares: One for each arm, cheapest first.
        regrets: The worst first.
        rule: What the router does, in plain words, a sentence each.
        method: How all of this was measured: pairs of a heading and a sentence.
        remarks: What a reader must be warned of.
    """

    router: str
    gain: bool
    verdict: str
    reasons: tuple[str, ...]
    points: tuple[Point, ...]
    setting: str
    curve: tuple[CurvePoint, ...]
    hull: tuple[tuple[float, float], ...]
    beliefs: tuple[Belief, ...]
    shares: tuple[Share, ...]
    regrets: tuple[Regret, ...]
    rule: tuple[str, ...]
    method: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...] = ()

    def of(self, kind: Literal["router", "model", "mixing", "oracle"]) -> tuple[Point, ...]:
        """The points of one kind."""
        return tuple(point for point in self.points if point.kind == kind)
