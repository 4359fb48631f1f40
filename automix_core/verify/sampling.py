"""Drawing several samples: one call where the model can do that, else as many calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from automix_core.flow import Ask, Flow, Prompt, Reply, Result, SampleOptions, Wave

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["draw"]


def draw(
    arm: Arm, purpose: str, prompt: Prompt | None, options: SampleOptions, count: int
) -> Flow[list[str]]:
    """Ask an arm for several independent replies.

    Args:
        arm: Whom to ask.
        purpose: Recorded with each ask.
        prompt: What to ask; `None` for the caller's own request.
        options: What each reply should be like.
        count: How many replies to draw.

    Returns:
        The texts that came back, at most `count`; an empty list where every ask failed.
    """
    texts: list[str] = []
    if arm.can.samples and count > 1:
        texts = _texts((yield Wave((Ask(arm.name, purpose, prompt, options, samples=count),))))
    # A server may take several samples in principle, and still refuse so many or draw but one.
    if missing := count - len(texts[:count]):
        texts += _texts((yield Wave((Ask(arm.name, purpose, prompt, options),) * missing)))
    return texts[:count]


def _texts(results: Sequence[Result]) -> list[str]:
    replies = [r for r in results if isinstance(r, Reply) and r.kind == "text"]
    return [text for reply in replies for text in reply.texts]
