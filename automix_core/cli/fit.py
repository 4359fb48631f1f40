"""Fit a router on an outcome table, and save it.

SPEC is the name of a method with its parameters, such as automix or
automix:meta_verifier=pomdp,samples=8, or the directory of a saved router. Without one it is what
makes the most of the table: joint where it holds texts and signals, clusters where it holds texts
alone, calibrated where it holds signals alone. Load the result with
Router.load(DIR), and look into it with: automix inspect DIR.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from automix_core.cli.arguments import add_outcomes, add_router, add_seed
from automix_core.cli.screen import Screen

__all__ = ["HELP", "add", "run"]

HELP = "fit a router on an outcome table, and save it"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_outcomes(parser)
    add_router(parser, otherwise="joint, clusters or calibrated, by what the table holds")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="directory to save the router in"
    )
    add_seed(parser, of="splits and resamples")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Fit; gives the exit code."""
    from automix_core import presets
    from automix_core.outcomes import Outcomes
    from automix_core.router import Router

    outcomes = Outcomes.read(arguments.outcomes)
    spec = arguments.router or presets.suited(outcomes)
    router = Router.from_spec(spec).fit(outcomes, seed=arguments.seed)
    router.save(arguments.out)
    report = router.fit_report
    screen.result(
        {
            "router": spec,
            "out": str(arguments.out),
            "rows": len(outcomes),
            "arms": list(outcomes.arms),
            "report": report and report.as_dict(),
        }
    )
    for line in router.describe():
        screen.say(line)
    screen.say(f"Saved in {arguments.out}.")
    return 0
