"""Outcome tables as JSON Lines, one row a line, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast

from automix_core.columns.rows import gather, objects
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["PIECE", "read", "write"]

PIECE = 500
"""Rows that are best read at a time: few, for they are Python objects then."""

_MARK = b"\xef\xbb\xbf"


def read(path: Path, rows: int, source: Source) -> Iterator[Columns]:
    """Pieces of so many rows; empty lines and a leading byte order mark are passed over."""
    with _opened(path, "rb") as file:
        lines = _numbered(file, path)
        while some := list(islice(lines, rows)):
            at = source.at([number for number, _ in some])
            yield gather(_objects([line for _, line in some], at), at)


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


def _objects(lines: list[bytes], source: Source) -> list[Any]:
    """The lines as JSON values; a bad field above a line that is not JSON is the first error."""
    found: list[Any] = []
    for i, line in enumerate(lines):
        try:
            found.append(_parsed(line, source, i))
        except OutcomesError:
            if found:
                gather(found, source.at(source.places[:i]))
            raise
    return found


def _parsed(content: bytes, source: Source, row: int) -> Any:
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        cause = "the line is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise source.error(row, "", f"not JSON: {cause}.") from error
