"""Say in plain words what a saved router is made of and what it has learned."""

from __future__ import annotations

import argparse
from pathlib import Path

from automix_core.cli.screen import Screen

__all__ = ["HELP", "add", "run"]

HELP = "say in plain words what a saved router knows"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("router", metavar="DIR", type=Path, help="directory of a saved router")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Look into a router; gives the exit code."""
    from automix_core.router import Router

    router = Router.load(arguments.router)
    lines = router.describe()
    report = router.fit_report
    screen.result(
        {
            "path": str(arguments.router),
            "router": router.name,
            "lines": lines,
            "report": report and report.as_dict(),
            "made_of": router.as_dict(),
        }
    )
    for line in lines:
        screen.say(line)
    return 0
