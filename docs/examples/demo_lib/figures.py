"""Quality and cost of a run, with intervals, and whether routing paid.

The yardstick is mixing at random: sending a share of the questions straight to the large model
and the rest to the small one reaches every point on the line between the two. Routing pays if it
lies above that line at its own cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_lib.asking import Answered

__all__ = ["Figures", "Interval", "Run", "baseline", "figures", "verdict"]

Floats = NDArray[np.float64]

_RESAMPLES = 4000
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """A mean over questions and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"

    def signed(self) -> str:
        """The same with signs, for differences."""
        mean, low, high = (f"{round(x, 2) + 0.0:+.2f}" for x in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"


@dataclass(frozen=True)
class Run:
    """One way of answering all questions.

    Attributes:
        name: A framework, or the model that was asked alone.
        answers: One a question.
    """

    name: str
    answers: Sequence[Answered]

    @property
    def scores(self) -> Floats:
        """Token F1 of each question."""
        return np.array([a.score for a in self.answers])

    @property
    def costs(self) -> Floats | None:
        """US dollars for each question; `None` if any is unknown."""
        costs = [a.cost for a in self.answers]
        known = [c for c in costs if c is not None]
        return np.array(known) if len(known) == len(costs) else None

    @property
    def cost(self) -> float | None:
        """Mean US dollars a question."""
        return None if self.costs is None else float(self.costs.mean())

    @property
    def known_cost(self) -> float:
        """Mean US dollars a question of the calls whose cost is known."""
        return float(np.mean([a.decision.known_cost for a in self.answers]))

    @property
    def escalated(self) -> int:
        """How many questions went beyond the first model."""
        return sum(a.decision.escalated for a in self.answers)

    @property
    def failed(self) -> int:
        """How many questions were left without an answer."""
        return sum(bool(a.error) for a in self.answers)

    def calls(self, model: str) -> int:
        """How many calls reached a model's server."""
        return sum(a.calls[model] for a in self.answers)


@dataclass(frozen=True)
class Figures:
    """A routed run beside the baselines.

    Attributes:
        run: The run.
        quality: Its mean score.
        mixed: What mixing at random reaches at the same cost; `None` where that is unknown.
        lift: `quality` less `mixed`, resampled question by question.
        curve: Mean cost and quality that the same drafts and the same confidences would have
            given at every cost weight; `None` where a cost is unknown.
    """

    run: Run
    quality: Interval
    mixed: float | None
    lift: Interval | None
    curve: tuple[Floats, Floats] | None = None


def baseline(run: Run) -> float | None:
    """The quality of a model asked alone; `None` if it could not answer every question."""
    return None if run.failed else float(run.scores.mean())


def figures(run: Run, small: Run, large: Run) -> Figures:
    """Compare a routed run with the two baselines on the same questions."""
    drawn = _resamples(len(run.answers))
    quality = _interval(run.scores, drawn)
    costs = [r.costs for r in (run, small, large) if r.costs is not None and not r.failed]
    if len(costs) < 3:
        return Figures(run, quality, None, None)
    own, cheap, dear = (c[drawn].mean(axis=1) for c in costs)
    reached, low, high = (r.scores[drawn].mean(axis=1) for r in (run, small, large))
    mixed = _on_line(own, cheap, dear, low, high)
    lifts = reached - mixed
    lift = Interval(float(lifts[0]), *np.quantile(lifts[1:], (0.025, 0.975)).tolist())
    return Figures(run, quality, float(mixed[0]), lift, _curve(run, small, large))


def verdict(found: Figures, large: Run) -> str:
    """Whether routing paid, in plain words."""
    cost, dear = found.run.cost, large.cost
    if found.lift is None or cost is None or dear is None:
        return "NO VERDICT: a model failed on the way, so the run cannot be compared."
    lift = found.lift.signed()
    count = len(found.run.answers)
    if found.lift.low > 0:
        return f"routing PAID: {lift} above random mixing at the same cost."
    if cost >= dear * (1 - 1e-9):  # the same sum in another order
        return (
            f"routing DID NOT PAY: it cost {cost / dear:.0%} of always asking the large model, "
            f"for a quality that differs by {lift}."
        )
    if found.lift.high < 0:
        return f"routing DID NOT PAY: {lift}, worse than random mixing at the same cost."
    return (
        f"routing was NOT SHOWN TO PAY: {lift} against random mixing at the same cost, an "
        f"interval that includes 0; {count} questions are too few to tell."
    )


def _curve(run: Run, small: Run, large: Run) -> tuple[Floats, Floats] | None:
    """Cost and quality for every line that could be drawn through the confidences of the drafts."""
    first = [next(iter(a.decision.verdicts), None) for a in run.answers]
    sure = np.array([-1.0 if v is None or v.confidence is None else v.confidence for v in first])
    spent = [[s.cost for s in a.decision.steps if s.to == "small"] for a in run.answers]
    if large.costs is None or any(cost is None for costs in spent for cost in costs):
        return None
    drafts = np.array([sum(cost or 0.0 for cost in costs) for costs in spent])
    lines = np.array([*np.unique(sure), np.inf])[:, None]
    kept = sure >= lines
    cost: Floats = (drafts + np.where(kept, 0.0, large.costs)).mean(axis=1)
    quality: Floats = np.where(kept, small.scores, large.scores).mean(axis=1)
    return cost, quality


def _resamples(count: int) -> NDArray[np.intp]:
    """Rows of question numbers; the first row is the questions themselves."""
    generator = np.random.default_rng(_SEED)
    drawn = generator.integers(0, count, size=(_RESAMPLES, count))
    return np.vstack([np.arange(count), drawn])


def _interval(values: Floats, drawn: NDArray[np.intp]) -> Interval:
    means = values[drawn].mean(axis=1)
    return Interval(float(means[0]), *np.quantile(means[1:], (0.025, 0.975)).tolist())


def _on_line(own: Floats, cheap: Floats, dear: Floats, low: Floats, high: Floats) -> Floats:
    """Quality at a cost on the line between two baselines; money beyond the dearer buys nothing."""
    span = dear - cheap
    share = np.divide(own - cheap, span, out=np.ones_like(own), where=span > 0)
    mixed: Floats = low + np.clip(share, 0.0, 1.0) * (high - low)
    return mixed
