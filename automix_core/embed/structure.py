"""What a text looks like, as a few numbers in [0, 1]: how long, how many digits, what it asks.

On some tasks these say more of how hard a question is than its words do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

__all__ = ["STRUCTURE", "structure_of"]

STRUCTURE = (
    "length",  # log(1 + characters) / 12, at most 1
    "lines",  # log(1 + line breaks) / 6, at most 1
    "word_length",  # characters that are no white space, a word; over 20, at most 1
    "digits",  # share of the characters that are 0 to 9
    "code",  # share of the characters in {}[]()<>;=_`#|&"'
    "maths",  # share of the characters in +-*/^=<>%$\
    "non_ascii",  # share of the characters beyond ASCII
    "question_mark",  # 1 if there is a question mark
    "asks_what",  # 1 if it holds what, which, who, whose, whom, when or where
    "asks_how",  # 1 if it holds how or why
    "choices",  # share of four that are offered as A) or (A) or A. at the start of a line
)
"""The features, in order. A text without a character has 0 everywhere."""

_OTHER, _DIGIT, _CODE, _MATHS, _BOTH, _BEYOND, _LINE, _SPACE, _INSIDE = range(9)
_KINDS = 9


def _classes() -> np.ndarray:
    classes = np.full(256, _OTHER, dtype=np.uint8)
    classes[0x80:0xC0] = _INSIDE
    classes[0xC0:] = _BEYOND
    for kind, members in (
        (_DIGIT, b"0123456789"),
        (_CODE, b"{}[]();_`#|&\"'"),
        (_MATHS, b"+-*/^%$\\"),
        (_BOTH, b"<>="),
        (_LINE, b"\n"),
        (_SPACE, b" \t\r\v\f"),
    ):
        classes[list(members)] = kind
    return classes


_CLASSES = _classes()
_WHAT = frozenset(("what", "which", "who", "whose", "whom", "when", "where"))
_HOW = frozenset(("how", "why"))
_CHOICE = re.compile(r"^[ \t]*\(?[A-Ea-e][).:]", re.MULTILINE)


def structure_of(text: str, words: Sequence[str]) -> tuple[float, ...]:
    """The features of a text.

    Args:
        text: The text.
        words: Its words in lower case.
    """
    if not text:
        return (0.0,) * len(STRUCTURE)
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    kinds = np.bincount(_CLASSES[raw], minlength=_KINDS).tolist()
    size = len(text)
    return (
        min(1.0, math.log1p(size) / 12),
        min(1.0, math.log1p(kinds[_LINE]) / 6),
        min(1.0, (size - kinds[_SPACE] - kinds[_LINE]) / max(1, len(words)) / 20),
        kinds[_DIGIT] / size,
        (kinds[_CODE] + kinds[_BOTH]) / size,
        (kinds[_MATHS] + kinds[_BOTH]) / size,
        kinds[_BEYOND] / size,
        float("?" in text),
        float(not _WHAT.isdisjoint(words)),
        float(not _HOW.isdisjoint(words)),
        min(1.0, len(_CHOICE.findall(text)) / 4),
    )
