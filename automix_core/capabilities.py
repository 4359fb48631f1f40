"""What an arm can do, and why it cannot serve a request."""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.request import Needs

__all__ = ["Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an arm can do. `None` means unknown, and an arm is then given the benefit of the doubt.

    Attributes:
        logprobs: Returns token log-probabilities when asked.
        samples: Draws several replies in one call (`n`).
        schema: Can be held to a JSON schema.
        tools: Can call tools.
        images: Accepts more than text.
        context_window: Tokens that prompt and reply may have together.
    """

    logprobs: bool = False
    samples: bool = False
    schema: bool = False
    tools: bool | None = None
    images: bool | None = None
    context_window: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there can be a request that this arm cannot serve."""
        return self.tools is False or self.images is False or self.context_window is not None

    def misfit(self, needs: Needs) -> str | None:
        """Why this arm cannot serve a request, or `None` where it can."""
        if needs.tools and self.tools is False:
            return "cannot call tools"
        if needs.images and self.images is False:
            return "accepts text only"
        if self.context_window is not None and needs.tokens > self.context_window:
            return f"holds {self.context_window} tokens, the prompt has about {needs.tokens}"
        return None
