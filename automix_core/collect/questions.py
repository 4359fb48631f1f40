"""Labelled questions, read from JSON Lines or CSV, and how they are put to a model.

A bad row is an error that names the file, the line and the field. JSON Lines end at
line feeds alone, for texts may hold other characters that end a line.
"""

from __future__ import annotations

import csv
import hashlib
import json
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automix_core.errors import ConfigurationError
from automix_core.flow import Prompt, Turn
from automix_core.request import Request
from automix_core.scoring import chosen

__all__ = ["INSTRUCTIONS", "Question", "read_questions"]

INSTRUCTIONS: Mapping[str, str] = {
    "context": (
        "Answer the question from the context, in as few words as possible, "
        "without any explanation."
    ),
    "plain": "Answer the question in as few words as possible, without any explanation.",
    "choices": "Answer with the letter of the right choice, and nothing else.",
}
"""The system message that a question gets where the user gives none, by its kind."""

_REFERENCES = ("answer", "answers", "reference", "references")
_LISTS = {"choices", "tags", *_REFERENCES}
_BETWEEN = "|"  # what parts the values of one CSV cell


@dataclass(frozen=True, slots=True)
class Question:
    """One labelled question.

    Attributes:
        id: Its name.
        text: What is asked.
        context: The text that the answer must rest on; empty where there is none.
        references: Right answers; any of them will do.
        choices: The choices' texts by label, where the question has choices.
        query: The whole prompt as the user's application would send it; empty to have one made.
        group: Questions of one group must not be split apart, as those about one document.
        tags: What the question is about.
        line: Where it stands in its file.
        file: The file's name.
    """

    id: str
    text: str
    context: str = ""
    references: tuple[str, ...] = ()
    choices: Mapping[str, str] | None = None
    query: str = ""
    group: str | None = None
    tags: tuple[str, ...] = ()
    line: int = 0
    file: str = ""

    @property
    def asked(self) -> str:
        """The question with its choices, if it has any."""
        listed = "".join(f"\n{label}. {text}" for label, text in (self.choices or {}).items())
        return self.text + listed

    @property
    def request(self) -> Request:
        """The question as a verifier sees it."""
        return Request(self.asked, self.context)

    def prompt(self, instruction: str | None) -> Prompt:
        """What a model is sent.

        Args:
            instruction: The system message; empty for none, `None` for one that fits the question.
                A question that brings its whole prompt gets none but a given one.
        """
        kind = "choices" if self.choices else "context" if self.context else "plain"
        if instruction is None:
            instruction = "" if self.query else INSTRUCTIONS[kind]
        text = self.query or self.asked
        if self.context and not self.query:
            text = f"Context:\n{self.context}\n\nQuestion: {self.asked}"
        system = (Turn("system", instruction),) if instruction else ()
        return (*system, Turn("user", text))

    @property
    def digest(self) -> str:
        """A digest of all that a model is shown: equal for questions that are asked alike."""
        shown = [self.text, self.context, self.query, self.choices and dict(self.choices)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def read_questions(path: str | Path) -> list[Question]:
    """The questions of a file, in its order.

    Args:
        path: A `.csv` file with a header, or JSON Lines under any other name. The fields are
            `question` or `query`, and optionally `context`, `answer` (also `answers`, `reference`
            or `references`; one or several), `choices`, `id`, `group` and `tags`. In a CSV cell,
            several values are parted by `|` or written as a JSON list. Others are ignored.

    Raises:
        ConfigurationError: The file, or one of its rows, cannot be used.
    """
    file = Path(path)
    try:
        rows = list(_csv(file) if file.suffix.lower() == ".csv" else _json_lines(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{file} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    questions = [_question(row, _Place(file, line)) for line, row in rows]
    lines: dict[str, int] = {}
    for question in questions:
        if question.id in lines:
            where = _Place(file, question.line)
            raise where.wrong("id", f"{question.id!r} is also on line {lines[question.id]}.")
        lines[question.id] = question.line
    if not questions:
        msg = f"{file} holds no questions."
        raise ConfigurationError(msg)
    return questions


@dataclass(frozen=True, slots=True)
class _Place:
    file: Path
    line: int

    def wrong(self, field: str, what: str) -> ConfigurationError:
        where = f"{self.file.name}, line {self.line}"
        return ConfigurationError(f"{where}, {field}: {what}" if field else f"{where}: {what}")


def _json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, raw in enumerate(file.read_bytes().split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except ValueError as error:
            raise _Place(file, number).wrong("", f"no JSON: {error}") from error
        if not isinstance(row, dict):
            raise _Place(file, number).wrong("", "must be a JSON object.")
        yield number, row


def _csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        header = [name.strip() for name in next(reader, [])]
        line = reader.line_num + 1  # a row begins after the last line of the one before it
        for cells in reader:
            if len(cells) > len(header):
                what = f"{len(cells)} cells under {len(header)} headings."
                raise _Place(file, line).wrong("", what)
            if any(cell.strip() for cell in cells):
                place = _Place(file, line)
                pairs = zip(header, cells, strict=False)
                yield line, {name: _cell(name, text, place) for name, text in pairs if text}
            line = reader.line_num + 1


def _cell(name: str, text: str, place: _Place) -> Any:
    """The value of a cell: a list where the field takes one."""
    if name not in _LISTS:
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            if text.lstrip().startswith("{"):
                raise place.wrong(name, f"no JSON: {error}") from error
    return [part.strip() for part in text.split(_BETWEEN)]


def _question(row: Mapping[str, Any], place: _Place) -> Question:
    texts = {name: _text(row, name, place) for name in ("question", "query", "context")}
    if not (texts["question"].strip() or texts["query"].strip()):
        raise place.wrong("question", "is missing.")
    given = [name for name in _REFERENCES if row.get(name) is not None]
    if len(given) > 1:
        raise place.wrong(given[1], f"stands beside {given[0]}; give one of them.")
    choices = _choices(row.get("choices"), place)
    references = _texts(row.get(given[0]), given[0], place) if given else ()
    for reference in references if choices else ():
        if chosen(reference, choices or {}) is None:
            raise place.wrong(given[0], f"{reference!r} is none of the choices.")
    return Question(
        id=_name(row, "id", place) or f"line-{place.line}",
        text=texts["question"] or texts["query"],
        context=texts["context"],
        references=references,
        choices=choices,
        query=texts["query"],
        group=_name(row, "group", place),
        tags=_texts(row.get("tags"), "tags", place),
        line=place.line,
        file=place.file.name,
    )


def _text(row: Mapping[str, Any], name: str, place: _Place) -> str:
    value = row.get(name)
    if not isinstance(value, str | None):
        raise place.wrong(name, f"must be text, not {value!r}.")
    return value or ""


def _name(row: Mapping[str, Any], name: str, place: _Place) -> str | None:
    """An identifier; numbers will do."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise place.wrong(name, f"must be text, not {value!r}.")
    return None if value is None or value == "" else str(value)


def _texts(value: Any, name: str, place: _Place) -> tuple[str, ...]:
    """One text or several; numbers will do."""
    several: Sequence[Any] = value if isinstance(value, list) else [value]
    if value is None:
        return ()
    for one in several:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise place.wrong(name, f"must be a text or a list of texts, not {one!r}.")
    return tuple(str(one) for one in several)


def _choices(value: Any, place: _Place) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        texts = _texts(list(value.values()), "choices", place)
        choices = dict(zip(map(str, value), texts, strict=True))
    else:
        texts = _texts(value, "choices", place)
        if len(texts) > len(string.ascii_uppercase):
            raise place.wrong(
                "choices", f"there are {len(texts)}; label them, as in {{label: text}}."
            )
        choices = dict(zip(string.ascii_uppercase, texts, strict=False))
    if len(choices) < 2 or not all(text.strip() for text in choices.values()):
        raise place.wrong("choices", "must be two or more texts.")
    return choices
