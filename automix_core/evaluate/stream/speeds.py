"""How fast each arm answers: what a user says, else what the table shows, else an assumption.

An answer takes the arm's start-up time and its tokens at so many a second, and an arm serves a
few requests side by side. The table is completed with these times, so that routers that forecast
latency learn the times of the very world they are then put into.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from automix_core.arrays import known_means
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.evidence import Floats
from automix_core.numbers import at_least, not_negative
from automix_core.outcomes import Outcomes
from automix_core.prices import NOMINAL
from automix_core.settings_files import read_settings

__all__ = ["PARALLEL", "STARTUP", "TOKENS_PER_SECOND", "Pace", "Speed", "read_speeds", "timed"]

STARTUP = 0.5
"""Seconds before the first token, where nothing is known of an arm."""
TOKENS_PER_SECOND = 50.0
"""Tokens a second, where nothing is known of an arm."""
PARALLEL = 16
"""Requests that an arm serves side by side, where nothing is said."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What a user says of an arm's speed; whatever is `None` comes from the table.

    Attributes:
        startup: Seconds before the first token.
        tokens_per_second: Tokens of the answer in a second.
        parallel: How many requests the arm serves side by side; the others queue.

    Raises:
        ConfigurationError: A start-up time below 0, or a rate that is not above 0.
    """

    startup: float | None = None
    tokens_per_second: float | None = None
    parallel: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no arm can be."""
        if self.startup is not None:
            not_negative(self.startup, "startup", "seconds, a number of at least 0")
        if self.tokens_per_second is not None:
            not_negative(self.tokens_per_second, "tokens_per_second", "a number above 0")
            if not self.tokens_per_second:
                msg = f"tokens_per_second must be a number above 0, not {self.tokens_per_second!r}."
                raise ConfigurationError(msg)
        if self.parallel is not None:
            at_least(1, self.parallel, "parallel")


@dataclass(frozen=True, slots=True)
class Pace:
    """How an arm answers in a simulation.

    Attributes:
        startup: Seconds before the first token.
        tokens_per_second: Infinite where the table shows that length does not matter.
        parallel: How many requests it serves side by side.
        source: Where the times come from: `given`, `table` or `assumed`.
        tokens: Where the tokens come from: `table` or `assumed`.
    """

    startup: float
    tokens_per_second: float
    parallel: int
    source: str
    tokens: str

    def seconds(self, tokens: Floats) -> Floats:
        """How long answers of so many tokens take."""
        taken: Floats = self.startup + tokens / self.tokens_per_second
        return taken

    def as_dict(self) -> dict[str, Any]:
        """The pace as JSON values; an infinite rate is `null`."""
        rate = self.tokens_per_second if math.isfinite(self.tokens_per_second) else None
        return {**asdict(self), "tokens_per_second": rate}


def read_speeds(path: str | Path) -> dict[str, Speed]:
    """The speeds of a TOML, JSON or YAML file: a mapping from arms to settings of a `Speed`.

    Raises:
        ConfigurationError: The file, or one of its entries, cannot be used.
    """
    loaded, name = read_settings(path), Path(path).name
    if not isinstance(loaded, dict) or not loaded:
        msg = f"{name} must map each model's name to startup, tokens_per_second and parallel."
        raise ConfigurationError(msg)
    return {str(arm): _speed(entry, f"{name}, {arm}") for arm, entry in loaded.items()}


def timed(
    outcomes: Outcomes, given: Mapping[str, Speed] | None = None
) -> tuple[Outcomes, tuple[Pace, ...]]:
    """A table in which the seconds and tokens of every answer are known, and each arm's pace.

    An arm whose start-up or rate is given takes as long as these say. Any other takes the seconds
    that the table recorded; where a row lacks them, a line through those of other rows is
    followed, and where all lack them, the assumption.

    Args:
        outcomes: n rows.
        given: What a user says, by arm.

    Raises:
        UnknownNameError: A speed for an arm that the table does not hold.
    """
    said = given or {}
    for arm in said:
        if arm not in outcomes.arms:
            what = "model in the outcome table named"
            raise UnknownNameError(what, arm, outcomes.arms)
    tokens, latency, paces = [], [], []
    for place, arm in enumerate(outcomes.arms):
        length, recorded = outcomes.output_tokens[:, place], outcomes.latency[:, place]
        pace = _pace(said.get(arm, Speed()), recorded, length)
        mean = float(known_means(length, unknown=NOMINAL.output_tokens))
        full = np.where(np.isnan(length), mean, length)
        seconds = pace.seconds(full)
        if pace.source == "table":
            seconds = np.where(np.isnan(recorded), seconds, recorded)
        tokens.append(full)
        latency.append(seconds)
        paces.append(pace)
    full_latency, full_tokens = (
        np.where(outcomes.has, np.stack(columns, axis=1), np.nan) for columns in (latency, tokens)
    )
    return replace(outcomes, latency=full_latency, output_tokens=full_tokens), tuple(paces)


def _speed(entry: Any, where: str) -> Speed:
    if not isinstance(entry, dict):
        msg = f"{where}: must be a table of settings, not {entry!r}."
        raise ConfigurationError(msg)
    known = [f.name for f in fields(Speed)]
    for setting in entry:
        if setting not in known:
            what = f"setting of {where}:"
            raise UnknownNameError(what, str(setting), known)
    try:
        return Speed(**entry)
    except ConfigurationError as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error


def _pace(speed: Speed, latency: Floats, tokens: Floats) -> Pace:
    """What is given, and the rest from the table or as assumed."""
    line = _line(latency, tokens)
    startup, rate = (STARTUP, TOKENS_PER_SECOND) if line is None else line
    source = "assumed" if line is None else "table"
    if speed.startup is not None or speed.tokens_per_second is not None:
        source = "given"
    return Pace(
        startup=startup if speed.startup is None else float(speed.startup),
        tokens_per_second=float(speed.tokens_per_second or rate),
        parallel=speed.parallel or PARALLEL,
        source=source,
        tokens="assumed" if np.isnan(tokens).all() else "table",
    )


def _line(latency: Floats, tokens: Floats) -> tuple[float, float] | None:
    """Start-up and tokens a second by least squares, neither of them negative."""
    if np.isnan(latency).all():
        return None
    both = ~np.isnan(latency) & ~np.isnan(tokens)
    x, y = tokens[both], latency[both]
    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    slope = float(((x - x.mean()) * y).sum()) / spread if spread > 0 else 0.0
    if slope <= 0:  # longer answers take no longer, or nothing is known of their length
        return float(np.nanmean(latency)), math.inf
    start = float(y.mean() - slope * x.mean())
    if start < 0:
        return 0.0, float((x * x).sum() / (x * y).sum())
    return start, 1 / slope
