"""Write one HTML page about a router: what it saves and costs on an outcome table, in pictures.

The page needs no network. A router that is not fitted is fitted on a part of the rows and judged
on the rest; a saved one, given by its directory, is judged on all of them. It needs the extra
`plot`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from automix_core.cli.arguments import (
    add_outcomes,
    add_preference,
    add_router,
    add_seed,
    add_train_share,
    preference_of,
)
from automix_core.cli.screen import Screen

__all__ = ["HELP", "add", "run"]

HELP = "write one HTML page about a router, with pictures"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_outcomes(parser)
    take = parser.add_argument
    take("--out", metavar="FILE", type=Path, required=True, help="HTML file to write")
    add_router(parser, default="calibrated", otherwise="calibrated")
    take("--pictures", metavar="DIR", type=Path, help="also write each picture there, as PNG")
    add_train_share(parser, 0.5)
    add_seed(parser, of="split and resamples")
    add_preference(parser)


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Write the page; gives the exit code."""
    from automix_core.evaluate.report import write_pictures, write_report
    from automix_core.outcomes import Outcomes
    from automix_core.router import Router

    report = write_report(
        Outcomes.read(arguments.outcomes),
        arguments.out,
        router=Router.from_spec(arguments.router),
        preference=preference_of(arguments),
        train_share=arguments.train_share,
        seed=arguments.seed,
    )
    study = report.study
    made = [] if arguments.pictures is None else write_pictures(study, arguments.pictures)
    screen.result(
        {
            "out": str(report.path),
            "pictures": [str(path) for path in made],
            "router": arguments.router,
            "gain": study.gain,
            "verdict": study.verdict,
            "reasons": list(study.reasons),
        }
    )
    for line in (study.verdict, *study.reasons):
        screen.say(line)
    for path in (report.path, *made):
        screen.say(f"Wrote {path}.")
    return 0
