"""Data that may lie beside the repository, or where `AUTOMIX_SHARED_DATA` says."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2] / "shared" / "data"


def shared(name):
    """The path of a file, or a skip with the reason."""
    path = Path(os.environ.get("AUTOMIX_SHARED_DATA", BESIDE)) / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    return path
