"""What the demo prints: each answer as it comes, then a table, a verdict, and one JSON object."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, TextIO

from demo_lib.asking import Answered
from demo_lib.endpoints import Endpoint
from demo_lib.figures import Figures, Run, baseline, verdict
from demo_lib.material import RIGHT

__all__ = ["Screen", "as_json"]

_WIDTH = 100


class Screen:
    """Prints for people.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(text, file=self._stream, flush=True)

    def models(self, ends: Sequence[Endpoint], cost_weight: float) -> None:
        """Say which models there are, that prices are nominal, and how cost is weighed."""
        for end in ends:
            self.say(f"{end.name}: {end.about}, {end.price:g} US dollars a million tokens")
        self.say("Prices are nominal, 0.1 US dollars for each billion parameters, unless given.")
        worth = f"{cost_weight:g} points of quality are worth one call to the large model"
        self.say(f"--cost-weight {cost_weight:g}: {worth} (the library's own default is 0.1).")

    def alone(self, answered: Answered) -> None:
        """The answer of a model asked alone."""
        said = f"no answer ({answered.error})" if answered.error else repr(answered.text)
        self._entry(f"{answered.asker} alone", f"{said}  {_mark(answered)}")

    def routed(self, answered: Answered) -> None:
        """The answer of the router, with the model that gave it, the reason and the cost."""
        decision = answered.decision
        if answered.error:
            self._entry(answered.asker, f"FAILED  {answered.error}")
            return
        flag = "  FALLBACK" if decision.status == "fallback" else ""
        said = f"{decision.arm}: {answered.text!r}  {_mark(answered)}"
        self._entry(answered.asker, f"{said}  {_dollars(answered.cost)}{flag}")
        self._entry("", decision.why)

    def table(self, routed: Sequence[Figures], small: Run, large: Run) -> None:
        """Quality and cost of every way of answering."""
        head = ("", "quality", "US dollars / 1,000", "of always large", "large calls")
        rows = [head, _row("always small", small, large)]
        for found in routed:
            name = f"routed, {found.run.name}"
            rows.append(_row(name, found.run, large, quality=str(found.quality)))
            if found.mixed is not None:
                at = f"random mixing at {found.run.name}'s cost"
                rows.append((at, f"{found.mixed:.2f}", *rows[-1][2:4], ""))
        rows.append(_row("always large", large, large))
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        self.say()
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            self.say("  ".join(cells).rstrip())
        self.say()
        for found in routed:
            self.say(textwrap.fill(f"{found.run.name}: {verdict(found, large)}", _WIDTH))
        passed_on = all(found.run.escalated == len(found.run.answers) for found in routed)
        if passed_on and not large.failed:
            self.say("The small model was never sure enough, so every question was passed on.")
            self.say("Where money counts for more, less will do: try a larger --cost-weight.")

    def _entry(self, label: str, text: str) -> None:
        start, later = f"  {label:<12}", " " * 14
        self.say(textwrap.fill(text, _WIDTH, initial_indent=start, subsequent_indent=later))


def as_json(routed: Sequence[Figures], small: Run, large: Run) -> dict[str, Any]:
    """The figures of the whole run, and of each framework where there are several.

    Counts are summed over the frameworks; quality and cost are means a question, `None` where
    they are not known.
    """
    total = _summary([f.run for f in routed], small, large)
    if len(routed) > 1:
        each = {f.run.name.lower(): _summary([f.run], small, large) for f in routed}
        total["frameworks"] = each
    return total


def _summary(runs: Sequence[Run], small: Run, large: Run) -> dict[str, Any]:
    costs = [run.cost for run in runs]
    known = [cost for cost in costs if cost is not None]
    return {
        "questions": sum(len(run.answers) for run in runs),
        "escalated": sum(run.escalated for run in runs),
        "quality": sum(float(run.scores.mean()) for run in runs) / len(runs),
        "quality_small": baseline(small),
        "quality_large": baseline(large),
        "cost": sum(known) / len(known) if len(known) == len(costs) else None,
        "cost_always_small": None if small.failed else small.cost,
        "cost_always_large": None if large.failed else large.cost,
        "calls_small": sum(run.calls("small") for run in runs),
        "calls_large": sum(run.calls("large") for run in runs),
    }


def _row(name: str, run: Run, large: Run, quality: str = "") -> tuple[str, ...]:
    alone = baseline(run)
    quality = quality or ("unknown" if alone is None else f"{alone:.2f}")
    cost = f"{1000 * run.cost:.4f}" if run.cost else f"at least {1000 * run.known_cost:.4f}"
    known = run.cost is not None and large.cost is not None and not large.failed
    share = f"{(run.cost or 0) / large.cost:.0%}" if known and large.cost else ""
    return name, quality, cost, share, str(run.calls("large"))


def _mark(answered: Answered) -> str:
    if answered.error:
        return ""
    return f"{'right' if answered.score > RIGHT else 'wrong'} ({answered.score:.2f})"


def _dollars(cost: float | None) -> str:
    return "cost unknown" if cost is None else f"${cost:.7f}"
