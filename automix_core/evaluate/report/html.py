"""HTML that is escaped unless it says otherwise.

A report shows questions and names that strangers wrote. Every piece of text goes through `tag`,
which escapes it; only what `tag` made, or what is marked as `Html`, is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Html", "Number", "details", "table", "tag"]

_PERCENT = re.compile(r"(?<=\d) %")


class Html(str):
    """Markup of our own, not to be escaped."""

    __slots__ = ()


class Number(NamedTuple):
    """A number as text, and its interval, which stands below it."""

    text: str
    interval: str = ""


def tag(name: str, *content: str, **attributes: str) -> Html:
    """An element around its content.

    Args:
        name: Such as "p".
        content: Text, which is escaped, and `Html`, which is not.
        attributes: By name; a trailing underscore is dropped and others become hyphens. One
            without a value is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value
    )
    inner = "".join(c if isinstance(c, Html) else _text(c) for c in content)
    return Html(f"<{name}{given}>{inner}</{name}>")


def table(
    what: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Number]],
    *,
    marked: int | None = None,
    stacked: bool = False,
) -> Html:
    """A table that scrolls inside its own box where it is too wide for the page.

    Args:
        what: What it holds, for those who cannot see it.
        heads: One for each column.
        rows: The cells; the first of a row is its heading.
        marked: The row to point out.
        stacked: On a phone, each row becomes a card that names every value.
    """
    body = list(rows)
    numbers = [isinstance(cell, Number) for cell in body[0]] if body else [False] * len(heads)
    head = [
        tag("th", text, scope="col", class_="number" if number else "long")
        for text, number in zip(heads, numbers, strict=True)
    ]
    lines = [
        tag(
            "tr",
            _first(row[0]),
            *map(_cell, row[1:], heads[1:]),
            class_="marked" if at == marked else "",
        )
        for at, row in enumerate(body)
    ]
    kind = "stacked" if stacked else ""
    whole = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *lines), class_=kind)
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=what)


def details(summary: str, content: Html) -> Html:
    """Something that is folded away until a reader opens it."""
    return tag("details", tag("summary", summary), content)


def _text(text: str) -> str:
    """Escaped text, in which no line ends between a number and its percent sign."""
    return _PERCENT.sub("\N{NO-BREAK SPACE}%", escape(text))


def _first(cell: str | Number) -> Html:
    if isinstance(cell, Number):
        return tag("th", cell.text, scope="row", class_="number")
    return tag("th", cell, scope="row")


def _cell(cell: str | Number, head: str) -> Html:
    if isinstance(cell, Number):
        below = [tag("span", cell.interval, class_="interval")] if cell.interval else []
        return tag("td", cell.text, *below, class_="number", data_head=head)
    return tag("td", cell, data_head=head)
