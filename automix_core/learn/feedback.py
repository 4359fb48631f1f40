"""What became known later about a decision, checked once where it is given.

A score says how good an answer was, a thumb whether its reader was satisfied. They are two kinds
of feedback: each is learned from once for each answer, and what comes again is passed over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.errors import ConfigurationError, FeedbackError
from automix_core.evidence import Examples, Floats
from automix_core.numbers import finite_vectors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from automix_core.decision import Step
    from automix_core.learn.memory import Known

__all__ = ["KINDS", "Feedback", "checked", "example"]

KINDS = ("score", "satisfied")
"""The two kinds of feedback."""

_AMOUNTS = {"cost": "US dollars", "latency": "seconds"}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became known of one answer.

    Attributes:
        decision: The id of the decision.
        score: How good the answer was, in [0, 1].
        satisfied: Whether its reader was satisfied.
        cost: US dollars of the answer, where the bill says otherwise than the decision.
        latency: Seconds of the answer, likewise.
        output_tokens: Tokens of the answer, likewise.
        arm: Whose answer it was, if not that of the arm whose answer was returned.

    Raises:
        FeedbackError: Neither a score nor a thumb, or a value that cannot be one.
    """

    decision: str
    score: float | None = None
    satisfied: bool | None = None
    cost: float | None = None
    latency: float | None = None
    output_tokens: int | None = None
    arm: str | None = None

    def __post_init__(self) -> None:
        """Check every value; nothing that is wrong may reach what was learned."""
        given: Any = self.decision
        if not (isinstance(given, str) and given):
            msg = f"Feedback needs the id of a decision (decision.id), not {self.decision!r}."
            raise FeedbackError(msg)
        if self.score is None and self.satisfied is None:
            msg = "Feedback says nothing: give score=, in [0, 1], or satisfied=, True or False."
            raise FeedbackError(msg)
        self._keep("score", _score(self.score))
        self._keep("satisfied", _thumb(self.satisfied))
        for name, unit in _AMOUNTS.items():
            self._keep(name, _amount(getattr(self, name), name, unit))
        self._keep("output_tokens", _count(self.output_tokens))
        arm: Any = self.arm
        if not isinstance(arm, str | None):
            msg = f"Feedback.arm must be the name of a model, not {self.arm!r}."
            raise FeedbackError(msg)

    def _keep(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of feedback that were given."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


def example(
    feedback: Feedback, known: Known, arm: str, arms: Sequence[str], fresh: Collection[str]
) -> Examples:
    """Feedback as one example, in which the answer of a single arm is known.

    What the feedback does not say of cost, latency and tokens is taken from the decision. They
    come with the first feedback on an answer and not again with the second.

    Args:
        feedback: What became known.
        known: The decision.
        arm: Whose answer it was; one of `arms`.
        arms: The names of the router's arms as they are now, cheapest first.
        fresh: The kinds of feedback that were not learned from before.
    """
    place, width = list(arms).index(arm), len(arms)

    def row(value: float | None) -> Floats:
        values = np.full((1, width), np.nan)
        if value is not None:
            values[0, place] = value
        return values

    verdict = known.verdict(arm)
    # Of an answer that was learned from before, only what is new.
    spent = {} if known.taken_of(arm) else _spent(feedback, known.asked(arm))
    return Examples(
        quality=row(feedback.score if "score" in fresh else None),
        confidence=row(None if verdict is None else verdict.confidence),
        signals={name: row(value) for name, value in verdict.values.items()} if verdict else {},
        features=known.features,
        satisfied=row(feedback.satisfied if "satisfied" in fresh else None),
        chances=known.chances_of(arms),
        judged=np.array([bool(known.decision.verdicts)]),
        cost=row(spent.get("cost")),
        latency=row(spent.get("latency")),
        input_tokens=row(spent.get("input_tokens")),
        output_tokens=row(spent.get("output_tokens")),
    )


def checked(examples: Examples, arms: int) -> Examples:
    """Examples that can be learned from, so that nothing else ever is.

    Args:
        examples: n rows.
        arms: How many arms there are.

    Raises:
        ConfigurationError: Another number of arms, a quality outside [0, 1], or features that
            are no finite numbers.
    """
    shape = examples.quality.shape
    if shape[1:] != (arms,):
        msg = f"The examples must have a column for each of {arms} models, and have shape {shape}."
        raise ConfigurationError(msg)
    for name in ("quality", "satisfied"):
        values = getattr(examples, name)
        if values is not None and ((values < 0) | (values > 1)).any():
            msg = f"The {name} of examples must lie in [0, 1]; NaN stands for unknown."
            raise ConfigurationError(msg)
    if examples.features is not None:
        finite_vectors(examples.features, shape[0], "What made the features of the examples")
    return examples


def _spent(feedback: Feedback, step: Step | None) -> dict[str, float | None]:
    """What an answer took: as the feedback says, else as the decision has it."""
    names = ("cost", "latency", "input_tokens", "output_tokens")
    given = {name: getattr(feedback, name, None) for name in names}
    return {
        name: getattr(step, name, None) if value is None else value for name, value in given.items()
    }


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        msg = "A score is a number in [0, 1]; a thumb up or down is satisfied=True or False."
        raise FeedbackError(msg)
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:  # NaN is in no interval
        msg = f"A score must be a number in [0, 1], not {value!r}."
        raise FeedbackError(msg)
    return float(value)


def _thumb(value: Any) -> bool | None:
    if isinstance(value, bool | np.bool_ | None):
        return None if value is None else bool(value)
    msg = f"satisfied must be True or False, not {value!r}. A number is a score=, in [0, 1]."
    raise FeedbackError(msg)


def _amount(value: Any, name: str, unit: str) -> float | None:
    if value is None:
        return None
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value >= 0):
        msg = f"{name} must be {unit}, a number of at least 0, not {value!r}."
        raise FeedbackError(msg)
    return float(value)


def _count(value: Any) -> int | None:
    if value is None:
        return None
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and value >= 0):
        msg = f"output_tokens must be a whole number of at least 0, not {value!r}."
        raise FeedbackError(msg)
    return int(value)
