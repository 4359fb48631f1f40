"""Compare routers on an outcome table. No model is called.

Every router is fitted on one part of the rows and measured on the others, all on the same splits;
rows of one group stay together. Beside them stand each model alone, random mixing of the single
models, and the oracle. The gain is the quality above random mixing at the same cost. Numbers in
brackets are 95 % intervals; costs are US dollars a request, verification included.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from automix_core.cli.arguments import (
    add_outcomes,
    add_preference,
    add_routers,
    add_train_share,
    at_least,
    preference_of,
)
from automix_core.cli.screen import Screen, number, shares

__all__ = ["HELP", "add", "run"]

HELP = "compare routers on an outcome table, without calling a model"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_outcomes(parser)
    add_routers(parser)
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument("--test", metavar="FILE", type=Path, help="another table to measure on")
    add_train_share(rows, 0.5)
    parser.add_argument(
        "--seeds", metavar="N", type=at_least(1), default=10, help="how many splits (10)"
    )
    add_preference(parser)


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Compare; gives the exit code."""
    from automix_core.evaluate import compare
    from automix_core.outcomes import Outcomes
    from automix_core.router import Router

    screen.need()
    comparison = compare(
        Outcomes.read(arguments.outcomes),
        [(spec, Router.from_spec(spec)) for spec in arguments.router],
        test=None if arguments.test is None else Outcomes.read(arguments.test),
        train_share=arguments.train_share,
        seeds=arguments.seeds,
        preference=preference_of(arguments),
    )
    found = comparison.as_dict()
    screen.result(found)
    _show(found, screen)
    return 0


def _show(found: dict[str, Any], screen: Screen) -> None:
    title = f"{found['rows']} rows, {found['measured']} of them measured, {found['seeds']} splits"
    columns = ["router", "quality", "cost (US $)", "gain", "area", "IBC lift", "answers by model"]
    rows = []
    for score in found["routers"]:
        metrics = [_metric(score.get(name)) for name in ("quality", "cost", "gain", "area")]
        answers = {arm: measure["mean"] for arm, measure in score["share"].items() if measure}
        rows.append([score["router"], *metrics, _metric(score["ibc_lift"]), shares(answers)])
    screen.table(columns, rows, title=title)


def _metric(measure: dict[str, float] | None) -> str:
    if measure is None:
        return "-"
    mean, low, high = (number(measure[name]) for name in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"
