"""Outcome tables as JSON Lines, one row a line, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from automix_core.columns.rows import gather, objects
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["read", "write"]

_MARK = b"\xef\xbb\xbf"


def read(path: Path, rows: int, source: Source) -> Iterator[Columns]:
    """Pieces of so many rows; empty lines and a leading byte order mark are passed over."""
    found: list[Any] = []
    places: list[int] = []
    with _opened(path, "rb") as file:
        # A binary file is split at "\n" alone: texts may hold the other ends of a line.
        for number, line in enumerate(_lines(file, path), 1):
            content = line.removeprefix(_MARK) if number == 1 else line
            if content.isspace() or not content:
                continue
            found.append(_parsed(content, source.at([number])))
            places.append(number)
            if len(found) == rows:
                yield gather(found, source.at(places))
                found, places = [], []
    if found:
        yield gather(found, source.at(places))


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


def _opened(path: Path, mode: Any) -> IO[bytes]:
    packed = path.name.lower().endswith(".gz")
    return gzip.open(path, mode) if packed else path.open(mode)  # type: ignore[return-value]


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except zlib.error as error:
        msg = f"{path} cannot be read: {error}"
        raise OutcomesError(msg) from error


def _parsed(content: bytes, source: Source) -> Any:
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        cause = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise source.error(0, "", f"not JSON: {cause}.") from error
