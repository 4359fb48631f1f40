"""Settings that users write by hand: TOML, JSON, or YAML under any other name."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from automix_core.errors import ConfigurationError

__all__ = ["read_settings"]


def read_settings(path: str | Path) -> Any:
    """What a file of settings holds.

    Raises:
        ConfigurationError: The file cannot be read, or YAML cannot be read here.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix.lower() == ".toml":
            return tomllib.loads(text)
        return json.loads(text) if file.suffix.lower() == ".json" else _yaml(text)
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}"
        raise ConfigurationError(msg) from error


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        msg = "reading YAML needs: pip install 'automix-routing[cli]'; or write the file as TOML."
        raise ValueError(msg) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
