"""Types of arguments for argparse, and the arguments that several commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automix_core.request import Preference

__all__ = [
    "add_outcomes",
    "add_preference",
    "add_router",
    "add_routers",
    "add_seed",
    "add_train_share",
    "at_least",
    "not_below_zero",
    "positive",
    "preference_of",
    "share",
]

SPEC = (
    "a method with its parameters, such as automix:meta_verifier=pomdp,samples=8, or the directory "
    "of a saved router"
)


def at_least(least: int) -> Callable[[str], int]:
    """A whole number of at least `least`."""

    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            msg = f"must be a whole number of at least {least}, not {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return whole


def positive(text: str) -> float:
    """A finite number above 0."""
    value = _number(text)
    if not value > 0:
        msg = f"must be a number above 0, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def not_below_zero(text: str) -> float:
    """A finite number of at least 0."""
    value = _number(text)
    if not value >= 0:
        msg = f"must be a number of at least 0, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def share(text: str) -> float:
    """A number between 0 and 1, neither of them included."""
    value = _number(text)
    if not 0 < value < 1:
        msg = f"must be a number between 0 and 1, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def add_outcomes(parser: argparse.ArgumentParser) -> None:
    """Declare the outcome table that a command reads."""
    parser.add_argument(
        "outcomes",
        metavar="OUTCOMES",
        type=Path,
        help="outcome table: .jsonl or .parquet; or a store of events: .db",
    )


def add_router(
    parser: argparse.ArgumentParser, *, default: str | None = None, otherwise: str
) -> None:
    """Declare the one router of a command; `otherwise` says what is taken where none is given."""
    parser.add_argument("--router", metavar="SPEC", default=default, help=f"{SPEC} ({otherwise})")


def add_routers(parser: argparse.ArgumentParser, remark: str = "") -> None:
    """Declare the routers that a command compares; the remark is on a saved one."""
    parser.add_argument(
        "--router",
        metavar="SPEC",
        action="append",
        required=True,
        help=f"{SPEC}{remark}; may be given several times",
    )


def add_train_share(group: Any, default: float) -> None:
    """Declare how much of the table is fitted on, in a parser or a group of its arguments."""
    group.add_argument(
        "--train-share",
        metavar="X",
        type=share,
        default=default,
        help=f"of the rows to fit on ({default:g})",
    )


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    """Declare the seed of all that is drawn at random."""
    parser.add_argument("--seed", metavar="N", type=at_least(0), default=0, help=f"of {of} (0)")


def add_preference(parser: argparse.ArgumentParser) -> None:
    """Declare the trade-off that routers are measured at."""
    take = parser.add_mutually_exclusive_group().add_argument
    take(
        "--cost-weight",
        metavar="W",
        type=not_below_zero,
        help="points of quality that one call to the dearest model is worth (0.1)",
    )
    take("--budget", metavar="USD", type=positive, help="mean US dollars a request")
    take("--min-quality", metavar="Q", type=share, help="mean quality to be reached")


def preference_of(arguments: argparse.Namespace) -> Preference | None:
    """The trade-off that was given; `None` for the default one."""
    from automix_core.request import Preference

    names = ("cost_weight", "budget", "min_quality")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    return Preference(**given) if given else None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
