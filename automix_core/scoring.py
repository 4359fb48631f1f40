"""How good an answer is, beside a reference answer: a number in [0, 1].

The scores are those of the question-answering literature, or the user's own function. Where there
are several references, the one that the answer is nearest to counts. An answer in which no choice
can be read is wrong, whatever the reference is.
"""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.text import exact_match, normalised, token_f1

__all__ = ["SCORES", "Scorer", "chosen", "contains", "scorer"]


def contains(answer: str, reference: str) -> float:
    """1.0 where the reference's words stand in the answer, in that order and side by side.

    Words are compared after `text.normalised`. A reference without any words is never contained.
    """
    words, wanted = normalised(answer), normalised(reference)
    starts = range(len(words) - len(wanted) + 1)
    return float(bool(wanted) and any(words[i : i + len(wanted)] == wanted for i in starts))


def chosen(answer: str, choices: Mapping[str, str]) -> str | None:
    """The label of the choice that an answer names, by its label or by its text.

    Tried in this order: the answer is a choice's text; it is a label, or begins with one that is
    set apart ("B.", "(B)"); it says "the answer is B"; it holds the text of one choice only.

    Args:
        answer: What the model said.
        choices: The choices' texts by label, such as `{"A": "red", "B": "blue"}`.

    Returns:
        The label, or `None` where no choice or more than one is named.
    """
    said = answer.strip()
    for same in (_same_text, _same_words):
        named = [label for label, text in choices.items() if same(said, text)]
        if len(named) == 1:
            return named[0]
    labels = {label.casefold(): label for label in choices}
    one = "|".join(sorted(map(re.escape, choices), key=len, reverse=True))
    alone = re.match(rf"\W*({one})\W*\Z", said, re.IGNORECASE)
    apart = re.match(rf"(?:\(({one})\)|\*\*({one})\b|({one})[.):](?!\w))", said, re.IGNORECASE)
    told = _last(
        rf"\b(?i:answer)\s*(?:is|:)\W*(?:(?![AI] [a-z])({one})\b|(?i:({one}))(?=[.):]|\W*\Z))", said
    )
    for match in (alone, apart, told, _only(rf"\(({one})\)", said)):
        if match is not None:
            return labels[next(filter(None, match.groups())).casefold()]
    held = [label for label, text in choices.items() if contains(said, text)]
    longest = [
        label
        for label in held
        if not any(other != label and contains(choices[other], choices[label]) for other in held)
    ]
    return longest[0] if len(longest) == 1 else None


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores answers.

    Attributes:
        name: What the user called it.
        compare: Called with question, answer and one reference (`None` where there is none).
        needs: What each question must have beside its text: `reference`, `choices` or nothing.
    """

    name: str
    compare: Callable[[str, str, str | None], Any] = field(repr=False)
    needs: str = "reference"

    def __call__(
        self,
        question: str,
        answer: str,
        references: Sequence[str],
        choices: Mapping[str, str] | None = None,
    ) -> float:
        """The quality of an answer, in [0, 1].

        Args:
            question: What was asked.
            answer: What the model said.
            references: Right answers; the best match counts. Under `choice`: labels or texts.
            choices: The choices' texts by label, if the question has any.

        Raises:
            ConfigurationError: The user's function raised, or gave no number in [0, 1].
        """
        if self.needs == "choices":
            right = {chosen(reference, choices or {}) for reference in references} - {None}
            return float(bool(answer.strip()) and chosen(answer, choices or {}) in right)
        if self.needs == "reference" and not references:
            msg = f"The score {self.name!r} needs a reference answer."
            raise ConfigurationError(msg)
        given: Sequence[str | None] = references or (None,)
        return max(self._checked(question, answer, reference) for reference in given)

    def _checked(self, question: str, answer: str, reference: str | None) -> float:
        try:
            value = self.compare(question, answer, reference)
            number = math.nan if isinstance(value, str | bytes) else float(value)
        except Exception as error:
            msg = f"The score {self.name} failed: {type(error).__name__}: {error}"
            raise ConfigurationError(msg) from error
        if not 0 <= number <= 1:
            msg = f"The score {self.name} must give a number from 0 to 1, not {value!r}."
            raise ConfigurationError(msg)
        return number


SCORES: Mapping[str, Scorer] = {
    "exact": Scorer("exact", lambda _, answer, right: exact_match(answer, right or "")),
    "f1": Scorer("f1", lambda _, answer, right: token_f1(answer, right or "")),
    "contains": Scorer("contains", lambda _, answer, right: contains(answer, right or "")),
    "choice": Scorer("choice", lambda *_: 0.0, needs="choices"),
}
"""The scores that have a name."""


def scorer(name: str) -> Scorer:
    """The score of that name, or the user's function behind `module:function`.

    The function takes question, answer and reference (a text, or `None` where the question has
    none) and returns a number in [0, 1]. Modules in the current folder are found.

    Raises:
        UnknownNameError: No score has that name.
        ConfigurationError: There is no such module or function.
    """
    if name in SCORES:
        return SCORES[name]
    module, colon, path = name.partition(":")
    if not colon:
        what = "score (beside module:function)"
        raise UnknownNameError(what, name, SCORES)
    return Scorer(name, _imported(module, path, name), needs="")


def _imported(module: str, path: str, name: str) -> Callable[[str, str, str | None], Any]:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"The score {name!r} cannot be imported: {error}"
        raise ConfigurationError(msg) from error
    if not callable(found):
        msg = f"The score {name!r} is no function."
        raise ConfigurationError(msg)
    return found  # type: ignore[no-any-return]


def _same_text(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.strip().casefold()


def _same_words(one: str, other: str) -> bool:
    words = normalised(one)
    return bool(words) and words == normalised(other)


def _last(pattern: str, text: str) -> re.Match[str] | None:
    return next(iter(list(re.finditer(pattern, text))[-1:]), None)


def _only(pattern: str, text: str) -> re.Match[str] | None:
    """The match of a pattern, if it matches always the same."""
    found = list(re.finditer(pattern, text))
    return found[0] if len({match.group() for match in found}) == 1 else None
