"""The user's own check as the verifier: a schema, a regular expression, a reward model."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automix_core.errors import ConfigurationError
from automix_core.evidence import Answer, Signal
from automix_core.flow import Call, Failure, Flow, Result, Value, Wave
from automix_core.parts import Settles, Verifier
from automix_core.request import Request

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["Check", "Checked"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check is given.

    Attributes:
        question: What was asked.
        context: The retrieved text, or an empty string.
        answer: The answer's text.
        arm: Name of the arm that gave it.
    """

    question: str
    context: str
    answer: str
    arm: str


Confidence = bool | float | None
CheckFunction = Callable[[Checked], Confidence | Awaitable[Confidence]]


@dataclass(frozen=True)
class Check(Verifier):
    """Any callable, sync or async, that is given a `Checked` and says how good the answer is.

    It returns a bool, a confidence in [0, 1], or `None` for no verdict. A check that raises, or
    returns anything else, has given no verdict: the answer is not accepted, and the decision
    says why.

    Attributes:
        function: The callable. It is a live object: `Router.load` wants it back under
            `resources={"check": function}`.
        timeout: Seconds after which there is no verdict; `None` for no limit.
    """

    name = "check"
    function: CheckFunction
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Tell at once of what cannot be called."""
        if not callable(self.function):
            msg = f"Check needs a callable, not {self.function!r}."  # type: ignore[unreachable]
            raise ConfigurationError(msg)

    def relative_cost(self, arm: Arm) -> float:
        """Nothing: it is the user's own code."""
        return 0.0

    def verify(
        self,
        request: Request,
        answer: Answer,
        arm: Arm,
        settles: Settles,
    ) -> Flow[Signal]:
        """Call the function, once."""
        case = Checked(request.question, request.context, answer.reply.text, arm.name)
        (result,) = yield Wave((Call(self.function, (case,), timeout=self.timeout),))
        confidence, note = _read(result)
        return Signal(confidence, values={self.name: confidence}, note=note)


def _read(result: Result) -> tuple[float | None, str]:
    """The confidence in what a check returned, and why there is none."""
    if isinstance(result, Failure):
        return None, f"the check failed ({result.label})"
    value = result.value if isinstance(result, Value) else None
    if value is None:
        return None, "the check gave no verdict"
    try:
        confidence = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        confidence = math.nan
    if math.isnan(confidence):
        return None, f"the check returned {type(value).__name__}, and no number"
    if not 0 <= confidence <= 1:
        return None, f"the check returned {confidence}, outside 0 to 1"
    return confidence, ""
