"""Small text tools that several parts need: comparing answers, shortening documents, tokens."""

from __future__ import annotations

import re
import string
from collections import Counter

__all__ = ["exact_match", "normalised", "rough_tokens", "shorten_middle", "token_f1"]

CHARACTERS_PER_TOKEN = 4
"""A rough rule for English text, used only where no count was reported."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> list[str]:
    """Lower-case words without ASCII punctuation and English articles (SQuAD's rule)."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def exact_match(one: str, other: str) -> float:
    """1.0 where both texts are the same after `normalised`, else 0.0."""
    return float(normalised(one) == normalised(other))


def token_f1(one: str, other: str) -> float:
    """Overlap of two texts in words, in [0, 1]: the harmonic mean of precision and recall.

    It is 0 where nothing overlaps, and also where both are empty (the papers' convention).
    """
    first, second = Counter(normalised(one)), Counter(normalised(other))
    shared = (first & second).total()
    return 2 * shared / (first.total() + second.total()) if shared else 0.0


def rough_tokens(text: str) -> int:
    """About how many tokens a text has, from its length."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def shorten_middle(text: str, tokens: int) -> str:
    """A text cut to about so many tokens by leaving out its middle.

    Args:
        text: The text.
        tokens: Most tokens to keep, at four characters each.
    """
    limit = max(0, tokens) * CHARACTERS_PER_TOKEN
    if len(text) <= limit:
        return text
    gap = "\n[...]\n"
    keep = max(0, limit - len(gap))
    head, tail = keep - keep // 2, keep // 2
    return text[:head] + gap + (text[-tail:] if tail else "")
