"""Why an arm was asked, or an answer returned, in one sentence for people.

The sentences show the very numbers that the policy compared, and no prompt and no answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automix_core.case import Case
    from automix_core.decision import Status
    from automix_core.evidence import Actions

__all__ = ["why_first", "why_run", "why_stop"]


def why_first(case: Case, index: int, actions: Actions) -> str:
    """The reason for asking an arm first, told before it was asked."""
    name = case.arms[index].name
    if case.forced == index:
        return f"{name} was forced by the preference."
    worth = float(actions.run_value[0])
    if not math.isfinite(worth):
        return f"{name} is the only one that can be asked."
    return f"{name} would be asked first: that is worth {worth:.2f}, and asking no other is more."


def why_run(case: Case, index: int, actions: Actions) -> str:
    """The reason for asking an arm."""
    name = case.arms[index].name
    if case.forced == index:
        return f"{name} was forced by the preference."
    latest = case.in_hand
    if latest is not None:
        said = _said(case, case.arms.position(latest.arm))
        stop, run = float(actions.stop_value[0]), float(actions.run_value[0])
        return (
            f"{said} was not enough: what was in hand was worth {stop:.2f}, "
            f"asking {name} was worth {run:.2f}."
        )
    if case.failures:
        failed = "; ".join(f"{f.source}: {f.label}" for f in case.failures.values())
        return f"{name} was asked because others failed ({failed})."
    return f"{name} was asked first."


def why_stop(case: Case, index: int, actions: Actions) -> tuple[Status, str]:
    """The status of an answer that was stopped with, and the reason in a sentence."""
    said = _said(case, index)
    stop, run = float(actions.stop_value[0]), float(actions.run_value[0])
    if math.isfinite(run):
        why = f"{said} is worth {stop:.2f}, asking on would be worth {run:.2f}."
        return "accepted", why
    others = [
        f"{arm.name}: {case.failures[i].label if i in case.failures else case.ruled_out(i)}"
        for i, arm in enumerate(case.arms)
        if i not in case.answers
    ]
    return "fallback", f"{said}; nobody else could be asked ({'; '.join(others)})."


def _said(case: Case, index: int) -> str:
    confidence = case.confidence(index)
    said = "no verdict" if confidence is None else f"confidence {confidence:.2f}"
    return f"{case.arms[index].name}'s answer ({said})"
