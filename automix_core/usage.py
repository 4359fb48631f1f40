"""Recounting the tokens of several samples where a server reported only one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from automix_core.flow import Usage

__all__ = ["recounted"]

TOKENS_PER_CHARACTER = 0.25
"""About what short English replies have in common tokenisers."""


def recounted(usage: Usage, texts: Sequence[str]) -> Usage:
    """The usage of a call with several samples, corrected where it plainly covers only one.

    Some servers report the output tokens of one choice for `n > 1`. The report is taken for
    whichever of the two, all choices or one, makes the tokens a character more ordinary. The
    corrected number is an estimate, and is marked so.

    Args:
        usage: What the server reported.
        texts: The text of every sample.
    """
    characters = sum(len(text) for text in texts)
    if len(texts) < 2 or not characters or not usage.output_tokens:
        return usage
    rate = usage.output_tokens / characters / TOKENS_PER_CHARACTER
    if abs(math.log(rate * len(texts))) >= abs(math.log(rate)):
        return usage
    return replace(usage, output_tokens=usage.output_tokens * len(texts), recounted=True)
