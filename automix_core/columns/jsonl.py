"""Outcome tables as JSON Lines, one row a line, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast

from automix_core.columns.rows import gather, objects
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["PIECE", "read", "values", "write"]

PIECE = 500
"""Rows that are best read at a time: few, for they are Python objects then."""

_MARK = b"\xef\xbb\xbf"


def read(path: Path, rows: int, source: Source) -> Iterator[Columns]:
    """Pieces of so many rows; empty lines and a leading byte order mark are passed over."""
    for found, at in values(path, rows, source):
        yield gather(found, at)


def values(path: Path, count: int, source: Source) -> Iterator[tuple[list[Any], Source]]:
    """The lines as JSON values, so many at a time, with where they come from.

    What stands above a line that is not JSON is given before that line is an error.
    """
    with _opened(path, "rb") as file:
        lines = _numbered(file, path)
        while some := list(islice(lines, count)):
            at = replace(source, unit="line", places=[number for number, _ in some])
            found: list[Any] = []
            for i, (_, line) in enumerate(some):
                try:
                    found.append(_parsed(line, at, i))
                except OutcomesError:
                    if found:
                        yield found, at.at(at.places[:i])
                    raise
            yield found, at


def write(path: Path, columns: Columns) -> None:
    """Write every row as one line of UTF-8."""
    with _opened(path, "wb") as file:
        for row in objects(columns):
            text = json.dumps(row, ensure_ascii=False, allow_nan=False)
            try:
                line = text.encode()
            except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 does not have
                line = json.dumps(row, allow_nan=False).encode()
            file.write(line + b"\n")


def _opened(path: Path, mode: Literal["rb", "wb"]) -> IO[bytes]:
    packed = path.name.lower().endswith(".gz")
    return cast(IO[bytes], gzip.open(path, mode)) if packed else path.open(mode)


def _numbered(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that hold anything, with their numbers."""
    try:
        # A binary file is split at "\n" alone: texts may hold other characters that end lines.
        for number, line in enumerate(file, 1):
            content = line.removeprefix(_MARK) if number == 1 else line
            if content and not content.isspace():
                yield number, content
    except zlib.error as error:
        msg = f"{path} cannot be read: {error}"
        raise OutcomesError(msg) from error


def _parsed(content: bytes, source: Source, row: int) -> Any:
    try:
        return json.loads(content.decode())
    except UnicodeDecodeError as error:
        msg = "not JSON: the line is not UTF-8."
        raise source.error(row, "", msg) from error
    except json.JSONDecodeError as error:
        msg = f"not JSON: {error.msg} at character {error.pos + 1}."
        raise source.error(row, "", msg) from error
    except (ValueError, RecursionError) as error:  # a number too long, or brackets too deep
        raise source.error(row, "", f"not JSON: {error}.") from error
