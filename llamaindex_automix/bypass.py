"""Past the router: a block whose calls all go to one arm, unverified.

LlamaIndex's own helper prompts take that way by themselves, as far as they can be recognised. A
judge or an extractor with a template of the user's own cannot be; this block is for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from automix_core.contexts import current_preference, preferring
from automix_core.request import Preference, Request

__all__ = ["below", "bypass", "forcing", "past_the_router"]


@dataclass(frozen=True, slots=True)
class _Bypass:
    arm: str | None


_current: ContextVar[_Bypass | None] = ContextVar("automix_bypass", default=None)


@contextmanager
def bypass(arm: str | None = None) -> Iterator[None]:
    """Send every call in this block to one arm, and verify nothing.

    The other arms serve only if that one fails. A call's own `force` names another one.

    Args:
        arm: The arm's name; `None` for the arm that serves utility calls.
    """
    token = _current.set(_Bypass(arm))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def below() -> Iterator[None]:
    """What a model of this router sees: if it routes itself, our arms' names mean nothing to it."""
    block, preference = _current.get(), current_preference()
    with ExitStack() as stack:
        if block is not None and block.arm is not None:
            stack.enter_context(bypass())
        if preference is not None and preference.force is not None:
            stack.enter_context(preferring(replace(preference, force=None)))
        yield


def past_the_router(
    request: Request, preference: Preference | None, utility_arm: str | None
) -> tuple[Request, Preference | None]:
    """A request and its preference, with what a surrounding block and its kind make of them.

    Args:
        request: What is asked.
        preference: The preference in force, if there is one.
        utility_arm: The arm that serves utility calls; `None` for the cheapest able one.
    """
    block = _current.get()
    if block is not None:
        request = replace(request, kind="utility")
    if request.kind != "utility":
        return request, preference
    arm = block.arm if block is not None else None
    if arm is None and (preference is None or preference.force is None):
        arm = utility_arm
    return request, preference if arm is None else forcing(preference, arm)


def forcing(preference: Preference | None, arm: str) -> Preference:
    """A preference that asks for one arm by name."""
    return replace(preference or Preference(), force=arm)
