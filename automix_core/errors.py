"""Every error this project raises on purpose, as one small tree.

    AutomixError
    ├── ConfigurationError     something was set up wrongly; the message says what to do
    │   ├── UnknownNameError   a name that does not exist; the message lists those that do
    │   └── NotFittedError     a part that learns from examples was used before it saw any
    ├── SavedRouterError       a saved router that cannot be read here
    ├── OutcomesError          an outcome table that cannot be read or used
    ├── FeedbackError          feedback that cannot be learned from; nothing was learned
    ├── StoreError             a store of events that cannot be opened, read or written
    ├── AllArmsFailed          no arm gave a usable answer; `causes` holds every reason
    ├── StreamInterrupted      a model failed after its answer had begun to stream
    └── UnexpectedModelError   a programming error inside a model, met in a framework
                               that would have swallowed it

The root derives from `RuntimeError` and never from `ValueError` or `TypeError`: LlamaIndex's
default synthesizer swallows those two and answers "Empty Response".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automix_core.flow import Failure

__all__ = [
    "AllArmsFailed",
    "AutomixError",
    "ConfigurationError",
    "FeedbackError",
    "NotFittedError",
    "OutcomesError",
    "SavedRouterError",
    "StoreError",
    "StreamInterrupted",
    "UnexpectedModelError",
    "UnknownNameError",
]


class AutomixError(RuntimeError):
    """Root of all errors raised on purpose by this project."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as a message; what a cause holds may not be able to."""
        return _revived, (type(self), str(self))


class ConfigurationError(AutomixError):
    """Something was set up wrongly. The message says what to do about it."""


class UnknownNameError(ConfigurationError):
    """A name that does not exist.

    Args:
        what: The kind of thing that was named, such as "preset".
        name: The name that was given.
        known: The names that exist.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        listed = ", ".join(repr(k) for k in sorted(known)) or "none"
        super().__init__(f"There is no {what} {name!r}. What exists: {listed}.")


class NotFittedError(ConfigurationError):
    """A part that learns from examples was used before it saw any.

    Args:
        what: The part's name.
        instead: What else can be done, as a sentence.
    """

    def __init__(self, what: str, instead: str = "") -> None:
        told = f"{what!r} learns from examples: call router.fit(outcomes) first."
        super().__init__(f"{told} {instead}".strip())
        self.what = what


class SavedRouterError(AutomixError):
    """A saved router that cannot be read, or that was made for other arms."""


class OutcomesError(AutomixError):
    """An outcome table that cannot be read or used; names the file, the line and the field."""


class FeedbackError(AutomixError):
    """Feedback on an unknown decision or model, or with a value that cannot be one.

    Nothing was learned from it, and what was learned before is as it was.
    """


class StoreError(AutomixError):
    """A store of events that cannot be opened, read or written; names the file."""


class AllArmsFailed(AutomixError):
    """No arm gave a usable answer.

    Attributes:
        causes: Every failure, in the order in which it happened, then why other arms could not
            be asked. The first one that carries an exception is also this error's `__cause__`.
    """

    causes: tuple[Failure, ...] = ()

    def __init__(self, causes: Sequence[Failure]) -> None:
        self.causes = tuple(causes)
        listed = "; ".join(f"{c.source}: {c.describe()}" for c in self.causes)
        super().__init__(f"No model gave a usable answer. {listed or 'No model could be asked.'}")
        self.__cause__ = next((c.error for c in self.causes if c.error is not None), None)


class StreamInterrupted(AutomixError):
    """A model failed after part of its answer had left; the original error is `__cause__`."""


class UnexpectedModelError(AutomixError):
    """A programming error inside a model, passed on under a type that no framework swallows."""


def _revived(kind: type[AutomixError], message: str) -> AutomixError:
    """An error of that kind, made from its message alone."""
    return kind.__new__(kind, message)
