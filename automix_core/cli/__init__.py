"""The command `automix`: collect outcomes, fit a router on them, measure it, look into it.

Each command is a module with `add`, which declares its arguments, and `run`. Heavy imports are
inside `run`, so that `automix --help` is quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from automix_core._version import __version__
from automix_core.cli import collect, evaluate, fit, inspect, report, simulate
from automix_core.cli.screen import Screen
from automix_core.errors import AutomixError

__all__ = ["main"]

COMMANDS = (collect, fit, evaluate, simulate, report, inspect)

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code.

    0: done. 1: `collect` could not get every answer. 2: something cannot be used as it was given;
    one line on stderr says what. 130: interrupted.

    Args:
        argv: The arguments; those of the process by default.
    """
    arguments = _parser().parse_args(argv)
    screen = Screen(as_json=arguments.json)
    try:
        code: int = arguments.run(arguments, screen)
    except AutomixError as error:
        screen.error(str(error))
        return 2
    except KeyboardInterrupt:
        screen.error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="automix",
        description="Find out on your own questions what routing between models saves and costs.",
        epilog="automix COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"automix-routing {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[-1]
        described = command.__doc__ or ""
        own = commands.add_parser(
            name,
            help=command.HELP,
            description=described.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add(own)
        own.add_argument("--json", action="store_true", help="print one JSON object instead")
        own.set_defaults(run=command.run)
    return parser
