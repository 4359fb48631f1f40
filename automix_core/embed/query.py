"""Which text is embedded: what was asked, and never a document that came along with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from automix_core.errors import ConfigurationError
from automix_core.numbers import at_least
from automix_core.request import Request

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["MOST_WORDS", "has_texts", "query_text", "query_texts", "shortened"]

MOST_WORDS = 256
"""Words of a question that are embedded; 93 % of LLMRouter's 5,608 questions are no longer."""

CHARACTERS_PER_WORD = 16
GAP = "\n"
_WORD = re.compile(r"\S+")


def query_text(request: Request, most: int = MOST_WORDS) -> str:
    """What is embedded of a request: its newest question, shortened. The context is left out."""
    return shortened(request.question, most)


def query_texts(outcomes: Outcomes, most: int = MOST_WORDS) -> tuple[str, ...]:
    """The same for every row of an outcome table, so that training sees what service will.

    It is a row's `question`; where there is none, its `query` without its `context`.

    Raises:
        ConfigurationError: A row has neither.
    """
    nothing = (None,) * len(outcomes)
    columns = [outcomes.texts.get(name, nothing) for name in ("question", "query", "context")]
    return tuple(
        shortened(_asked(name, *row), most)
        for name, *row in zip(outcomes.ids, *columns, strict=True)
    )


def has_texts(outcomes: Outcomes) -> bool:
    """Whether any row of an outcome table has a text to embed."""
    columns = [outcomes.texts.get(name, ()) for name in ("question", "query")]
    return any(text is not None for column in columns for text in column)


def shortened(text: str, most: int = MOST_WORDS) -> str:
    """A text cut to its first and last words, half of them each.

    Someone who pastes a document says before it or after it what is wanted. A word counts as 16
    characters at most, so that a pasted file without white space is cut as well.

    Args:
        text: The text.
        most: Most words to keep.
    """
    at_least(2, most, "The number of words to keep")
    if len(text) <= most:
        return text
    half = most // 2
    reach = half * CHARACTERS_PER_WORD
    if len(text) <= 2 * reach and len(text.split()) <= most:
        return text
    head, tail = text[:reach], text[-reach:]
    first, last = list(_WORD.finditer(head))[:half], list(_WORD.finditer(tail))[-half:]
    end = first[-1].end() if first else 0
    return head[:end] + GAP + (tail[last[0].start() :] if last else "")


def _asked(row: str, question: str | None, query: str | None, context: str | None) -> str:
    if question is not None:
        return question
    if query is None:
        msg = f"There is nothing to embed of row {row!r}: it needs a `question` or a `query`."
        raise ConfigurationError(msg)
    return query.replace(context, "\n").strip() if context else query
