"""Send routers through a stream of requests, with queues, a time limit and feedback.

Models are busy, users lose patience, and models come and go. No model is called. The protocol is
MixLLM's: 100 requests come in 10 seconds, waiting times are read off every 10 seconds, an answer
after 30 seconds scores 0, and a user is satisfied whose answer has a quality above 0.7 within 15
seconds. Routers are fitted on a part of the table and meet the rest as a stream; with --feedback
those that can learn go on learning. Beside them stand each model alone, random choice, and the
oracle. FILE of --speeds maps models to startup (seconds), tokens_per_second and parallel (requests
served side by side).
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automix_core.cli.arguments import (
    add_outcomes,
    add_preference,
    add_routers,
    add_seed,
    add_train_share,
    at_least,
    not_below_zero,
    positive,
    preference_of,
)
from automix_core.cli.screen import Screen, number, shares

if TYPE_CHECKING:
    from automix_core.evaluate.stream import Simulation, Stream
    from automix_core.request import Preference

__all__ = ["HELP", "add", "run"]

HELP = "send routers through a stream of requests, with queues, a time limit and feedback"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_outcomes(parser)
    add_routers(parser, remark=", which is fitted anew")
    take = parser.add_argument
    take("--speeds", metavar="FILE", type=Path, help="how fast the models are: .toml, .json, .yaml")
    add_train_share(parser, 0.8)
    take("--length", metavar="N", type=at_least(1), help="requests (the held-out rows, once)")
    add_seed(parser, of="split, order and draws")
    _add_protocol(parser.add_argument_group("protocol"))
    _add_changes(parser.add_argument_group("learning and change"))
    add_preference(parser)
    take(
        "--latency-weight",
        metavar="W",
        type=not_below_zero,
        default=0.0,
        help="points of quality that one second is worth (0)",
    )
    take(
        "--max-latency",
        metavar="S",
        type=positive,
        help="seconds after which a router asks no further model once it has an answer",
    )
    take("--picture", metavar="FILE", type=Path, help="draw the curves, as PNG")


def _add_protocol(group: Any) -> None:
    take = group.add_argument
    take("--requests", metavar="N", type=at_least(1), default=100, help="in a period (100)")
    take("--period", metavar="S", type=positive, default=10.0, help="seconds (10)")
    take(
        "--time-limit",
        metavar="S",
        type=_seconds_or_none,
        default=30.0,
        help="seconds after which an answer scores 0, or `none` (30)",
    )
    take("--patience", metavar="S", type=positive, default=15.0, help="of a user, seconds (15)")
    take(
        "--wanted",
        metavar="Q",
        type=not_below_zero,
        default=0.7,
        help="quality above which a user is satisfied (0.7)",
    )


def _add_changes(group: Any) -> None:
    take = group.add_argument
    take(
        "--feedback",
        choices=("none", "refined", "binary"),
        default="none",
        help="nothing, the score and cost of each answer, or whether the user was satisfied",
    )
    take(
        "--feedback-delay",
        metavar="S",
        type=not_below_zero,
        default=0.0,
        help="seconds from the answer to the feedback (0)",
    )
    take(
        "--feedback-missing",
        metavar="P",
        type=not_below_zero,
        default=0.0,
        help="probability that no feedback comes (0)",
    )
    take("--remove", metavar="ARM@S", action="append", default=[], help="a model goes at a time")
    take("--add", metavar="ARM@S", action="append", default=[], help="a model comes, not before")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Simulate; gives the exit code."""
    from automix_core.evaluate.stream import picture, read_speeds, simulate
    from automix_core.outcomes import Outcomes
    from automix_core.router import Router

    screen.need()
    if arguments.picture is not None:
        picture.require(arguments.picture)  # said before the work, not after it
    found = simulate(
        Outcomes.read(arguments.outcomes),
        [(spec, Router.from_spec(spec)) for spec in arguments.router],
        stream=_stream_of(arguments),
        speeds=None if arguments.speeds is None else read_speeds(arguments.speeds),
        preference=_preference_of(arguments),
    )
    drawn = None if arguments.picture is None else picture.write(found, arguments.picture)
    screen.result({**found.as_dict(), "picture": drawn and str(drawn)})
    _show(found, screen)
    if drawn is not None:
        screen.say(f"Wrote {drawn}.")
    return 0


def _stream_of(arguments: argparse.Namespace) -> Stream:
    from automix_core.evaluate.stream import Change, Feedback, Stream

    goes = [Change.parse(text, comes=False) for text in arguments.remove]
    comes = [Change.parse(text, comes=True) for text in arguments.add]
    return Stream(
        requests=arguments.requests,
        period=arguments.period,
        time_limit=arguments.time_limit,
        wanted=arguments.wanted,
        patience=arguments.patience,
        length=arguments.length,
        train_share=arguments.train_share,
        feedback=Feedback(arguments.feedback, arguments.feedback_delay, arguments.feedback_missing),
        changes=(*goes, *comes),
        seed=arguments.seed,
    )


def _preference_of(arguments: argparse.Namespace) -> Preference:
    from automix_core.request import Preference

    given = preference_of(arguments) or Preference()
    weight, limit = arguments.latency_weight, arguments.max_latency
    return replace(given, latency_weight=weight, max_latency=limit)


def _show(found: Simulation, screen: Screen) -> None:
    limit = found.stream.time_limit
    title = f"{found.requests} requests in {found.duration:g} s; fitted on {found.trained} rows"
    late = "late" if math.isfinite(limit) else "-"
    columns = ["router", "quality", "cost (US $)", "of the best model alone", "satisfied", late]
    columns += ["wait, mean / 95 % (s)", "regret", "answers by model"]
    rows = []
    for result in found.results:
        alone = result.of_best
        waiting = result.waiting
        rows.append(
            [
                result.router,
                number(result.quality),
                number(result.cost),
                f"{_percent(alone['quality'])} at {_percent(alone['cost'])} of the cost",
                _percent(result.satisfied),
                _percent(result.late),
                "-" if waiting is None else f"{waiting.mean:.1f} / {waiting.p95:.1f}",
                number(result.regret),
                shares(result.share),
            ]
        )
    screen.table(columns, rows, title=title)
    for line in found.remarks():
        screen.say(line)


def _percent(part: float) -> str:
    return f"{part:.1%}" if math.isfinite(part) else "-"


def _seconds_or_none(text: str) -> float:
    """Seconds above 0, or infinitely many."""
    return math.inf if text.strip().lower() == "none" else positive(text)
