"""Three `with` blocks that reach every call below them, in both frameworks.

They set context variables, which threads and tasks of both frameworks inherit. They are read when
a flow is created and not when it is first advanced, so a stream belongs to the block in which it
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automix_core.request import Preference

if TYPE_CHECKING:
    from automix_core.decision import Decision

__all__ = [
    "Contexts",
    "Grounding",
    "collect_decisions",
    "collectors",
    "current_grounding",
    "current_preference",
    "grounding",
    "preferring",
]


@dataclass(frozen=True, slots=True)
class Grounding:
    """The question a call is about, and the retrieved text that its answer must rest on."""

    question: str
    context: str = ""


_preference: ContextVar[Preference | None] = ContextVar("automix_preference", default=None)
_grounding: ContextVar[Grounding | None] = ContextVar("automix_grounding", default=None)
_collectors: ContextVar[tuple[list[Decision], ...]] = ContextVar("automix_collectors", default=())


@contextmanager
def preferring(preference: Preference) -> Iterator[None]:
    """Route every call in this block by a preference, unless the call brings its own."""
    token = _preference.set(preference)
    try:
        yield
    finally:
        _preference.reset(token)


@contextmanager
def grounding(question: str, context: str = "") -> Iterator[None]:
    """Tell the verifier what the calls in this block are about, instead of letting it find out."""
    token = _grounding.set(Grounding(question, context))
    try:
        yield
    finally:
        _grounding.reset(token)


@contextmanager
def collect_decisions() -> Iterator[list[Decision]]:
    """Collect the decision of every call in this block, in order of completion.

    A stream must be iterated inside the block: its decision is complete only when it ends.
    """
    decisions: list[Decision] = []
    token = _collectors.set((*_collectors.get(), decisions))
    try:
        yield decisions
    finally:
        _collectors.reset(token)


def current_preference() -> Preference | None:
    """The preference of the innermost `preferring` block, if any."""
    return _preference.get()


def current_grounding() -> Grounding | None:
    """The grounding of the innermost `grounding` block, if any."""
    return _grounding.get()


def collectors() -> tuple[list[Decision], ...]:
    """The lists that want the decisions of calls made here."""
    return _collectors.get()


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the blocks around one call say, for a flow that is created a little later.

    A framework may run a model's stream only when the caller starts to iterate, which can be
    after the block was left.
    """

    preference: Preference | None
    grounding: Grounding | None
    collectors: tuple[list[Decision], ...]

    @classmethod
    def here(cls) -> Contexts:
        """What holds in the blocks around this line."""
        return cls(_preference.get(), _grounding.get(), _collectors.get())

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put all of it in force again."""
        preference = _preference.set(self.preference)
        grounding = _grounding.set(self.grounding)
        collecting = _collectors.set(self.collectors)
        try:
            yield
        finally:
            _collectors.reset(collecting)
            _grounding.reset(grounding)
            _preference.reset(preference)
