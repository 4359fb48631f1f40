"""inspect."""

from __future__ import annotations
import argparse
from automix_core.cli.screen import Screen

__all__ = ["HELP", "add", "run"]
HELP = "inspect"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Run."""
    return 0
