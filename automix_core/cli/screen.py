"""Everything that the commands print goes through here.

Results go to stdout: tables for people, or one JSON object and nothing else. Progress, warnings
and errors go to stderr.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from automix_core.errors import ConfigurationError

__all__ = ["Screen", "number", "shares"]


class Screen:
    """Prints.

    Args:
        as_json: Results are one JSON object.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    def result(self, value: Mapping[str, Any]) -> None:
        """Print the result for programs; does nothing where people read."""
        if self.as_json:
            sys.stdout.write(json.dumps(_finite(value), ensure_ascii=False) + "\n")

    def say(self, text: str = "") -> None:
        """Print a line for people."""
        if not self.as_json:
            sys.stdout.write(text + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
        """Print a table for people: words in the first and the last column, numbers between."""
        if self.as_json:
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD)
        for place, name in enumerate(columns):
            side: Any = "right" if 0 < place < len(columns) - 1 else "left"
            table.add_column(name, justify=side, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        # A pipe has no width: there, a table is as wide as it needs to be.
        Console(width=None if sys.stdout.isatty() else 1000).print(table)

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def error(self, text: str) -> None:
        """Print an error, in one line."""
        self.note("error: " + " ".join(text.split()))

    def need(self) -> None:
        """Check that tables and progress can be printed.

        Raises:
            ConfigurationError: The extra `cli` is not installed.
        """
        try:
            import rich  # noqa: F401 - an extra
        except ModuleNotFoundError as error:
            msg = "The command line needs: pip install 'automix-routing[cli]'."
            raise ConfigurationError(msg) from error


def number(value: float | None, digits: int = 3) -> str:
    """A number for people: so many significant digits, and a dash where it is unknown."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        places = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
        return f"{value:.{max(0, places)}f}"
    return f"{value:.{digits - 1}e}"


def shares(parts: Mapping[str, float]) -> str:
    """Parts of a whole by name, for people; what is below half a percent is left out."""
    return ", ".join(f"{name} {part:.0%}" for name, part in parts.items() if part >= 0.005)


def _finite(value: Any) -> Any:
    """The same JSON value with null for what JSON has no word for."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
