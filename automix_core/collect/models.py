"""The models file: which models answer, how each is reached, and what it costs.

A model is a string for LangChain's `init_chat_model`, or the address of an OpenAI-compatible
server. The file holds no secret: it names the environment variable in which a key is found. The
models themselves are opened by an adapter, found through the entry points `automix.models`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from automix_core.arms import Arm, Described
from automix_core.capabilities import Capabilities
from automix_core.errors import ConfigurationError
from automix_core.flow import Prompt
from automix_core.ports import AsyncPort
from automix_core.prices import Price, Priced, as_price, listed_price
from automix_core.settings_files import read_settings

__all__ = ["ModelSpec", "OpenModels", "arm_of", "open_models", "read_models"]

GROUP = "automix.models"
"""Entry points of this group are functions from a sequence of `ModelSpec` to `OpenModels`."""

_SECRET = re.compile(
    r"(^|[_-])(api[_-]?key|key|secret|password|credentials?|authorization|bearer"
    r"|(access|auth|api|bearer)[_-]?token|token)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the models file.

    Attributes:
        name: How the outcome table names the arm.
        model: A string such as "openai:gpt-4o-mini"; with `base_url`, the server's own name.
        base_url: Address of an OpenAI-compatible server; empty for the provider's own.
        api_key_env: Environment variable that holds the key; empty for the client's own way.
        price: US dollars a million tokens, or `None` to look it up or to use `relative_cost`.
        relative_cost: Cost of one call in units of any other model's `relative_cost`.
        options: Settings for the client, such as `temperature` and `max_tokens`.
        capabilities: What the model can do, where that cannot be read off the client.
        requests_per_minute: Most calls to this model in a minute.
    """

    name: str
    model: str
    base_url: str = ""
    api_key_env: str = ""
    price: Priced | None = None
    relative_cost: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    requests_per_minute: float | None = None

    @property
    def api_key(self) -> str | None:
        """The key, from the named environment variable; `None` where none is named.

        Raises:
            ConfigurationError: The variable is not set.
        """
        if not self.api_key_env:
            return None
        if not os.environ.get(self.api_key_env):
            msg = f"{self.name}: the environment variable {self.api_key_env} is not set."
            raise ConfigurationError(msg)
        return os.environ[self.api_key_env]

    @property
    def definition(self) -> dict[str, Any]:
        """What the answers depend on, as JSON values. Prices are no part of it."""
        return {
            "model": self.model,
            "base_url": self.base_url,
            "options": dict(self.options),
            "capabilities": dict(self.capabilities),
        }


class OpenModels(Protocol):
    """Models that an adapter has opened."""

    @property
    def arms(self) -> Sequence[Arm]:
        """The arms, in the order in which they were asked for."""
        ...

    def port(self, prompt: Prompt) -> AsyncPort:
        """Where asks go whose request is this prompt."""
        ...


def read_models(path: str | Path) -> list[ModelSpec]:
    """The models of a TOML file (`.toml`), a JSON file (`.json`), or a YAML file otherwise.

    The file has a table `models`: a mapping from name to settings, or a list of settings with a
    `name`. `ModelSpec` explains the settings; a `price` is `[input, output]` or a table.

    Raises:
        ConfigurationError: The file, or one of its models, cannot be used.
    """
    file = Path(path)
    loaded = read_settings(file)
    models = loaded.get("models") if isinstance(loaded, dict) else None
    if isinstance(models, dict):
        models = [
            {"name": name, **entry} if isinstance(entry, dict) else entry
            for name, entry in models.items()
        ]
    if not isinstance(models, list) or not models:
        msg = f"{file.name} must hold `models`: a mapping from names to settings, or a list."
        raise ConfigurationError(msg)
    specs = [_spec(entry, f"{file.name}, models[{i}]") for i, entry in enumerate(models)]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            msg = f"{file.name}: two models are both named {name!r}."
            raise ConfigurationError(msg)
    return specs


def open_models(specs: Sequence[ModelSpec], framework: str | None = None) -> OpenModels:
    """The models, opened by the first adapter whose framework and client are installed.

    Args:
        specs: The models.
        framework: `langchain` or `llamaindex`; `None` for LangChain if it is there.

    Raises:
        ConfigurationError: No adapter can open them; the message says what to install.
    """
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    missing: list[str] = []
    for point in found:
        if framework not in (None, point.name):
            continue
        try:
            return point.load()(specs)  # type: ignore[no-any-return]
        except ImportError as error:
            missing.append(f"{point.name}: {error}")
    tried = f" What was tried: {'; '.join(missing)}" if missing else ""
    msg = (
        "No installed package can open these models. "
        "Run: pip install 'automix-routing[cli,langchain]' langchain langchain-openai. Or run: "
        f"pip install 'automix-routing[cli,llamaindex]' llama-index-llms-openai-like.{tried}"
    )
    raise ConfigurationError(msg)


def arm_of(spec: ModelSpec, model: Any, described: Described) -> Arm:
    """The arm of an opened model, for adapters: what the file says wins over what is read off.

    Args:
        spec: What the models file says.
        model: The framework's own model.
        described: What can be read off it.
    """
    price = spec.price
    if price is None and spec.relative_cost is None:
        price = listed_price(described.name, described.provider)
    can = replace(described.capabilities, **spec.capabilities)
    return Arm(model, spec.name, price, spec.relative_cost, can)


def _spec(entry: Any, where: str) -> ModelSpec:
    if not isinstance(entry, dict):
        msg = f"{where}: must be a table of settings, not {entry!r}."
        raise ConfigurationError(msg)
    where = f"{where} ({entry['name']})" if "name" in entry else where
    _no_secrets(entry, where)
    known = [f.name for f in fields(ModelSpec)]
    for name in entry:
        if name not in known:
            msg = f"{where}: there is no setting {name!r}. What exists: {', '.join(known)}."
            raise ConfigurationError(msg)
    for name in ("name", "model", "base_url", "api_key_env"):
        needed = name in ("name", "model")
        value = entry.get(name, None if needed else "")
        if not isinstance(value, str) or (needed and not value):
            msg = f"{where}, {name}: must be text{', and is missing' if value is None else ''}."
            raise ConfigurationError(msg)
    for name in ("options", "capabilities"):
        if not isinstance(entry.get(name, {}), dict):
            msg = f"{where}, {name}: must be a table."
            raise ConfigurationError(msg)
    return _checked(ModelSpec(**{**entry, "price": _price(entry.get("price"), where)}), where)


def _checked(spec: ModelSpec, where: str) -> ModelSpec:
    for name in ("relative_cost", "requests_per_minute"):
        value = getattr(spec, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value) and value > 0):
            msg = f"{where}, {name}: must be a number above 0, not {value!r}."
            raise ConfigurationError(msg)
    if spec.price is not None and spec.relative_cost is not None:
        msg = f"{where}: give a price or a relative_cost, not both."
        raise ConfigurationError(msg)
    known = [f.name for f in fields(Capabilities)]
    for name, value in spec.capabilities.items():
        whole = name == "context_window"
        if name not in known or not isinstance(value, int) or isinstance(value, bool) is whole:
            msg = f"{where}, capabilities.{name}: must be one of {', '.join(known)}, true or false."
            raise ConfigurationError(msg)
    return spec


def _price(given: Any, where: str) -> Priced | None:
    try:
        if isinstance(given, dict):
            return Price(**given)
        return None if given is None else as_price(given)
    except (TypeError, ConfigurationError) as error:
        msg = (
            f"{where}, price: must be [input, output] or {{input, output, cached_input}} in US "
            f"dollars a million tokens, not {given!r}."
        )
        raise ConfigurationError(msg) from error


def _no_secrets(value: Any, where: str) -> None:
    """Refuse keys and passwords, wherever in an entry they stand."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str | int) and _SECRET.search(str(name)):
                msg = (
                    f"{where}: {name!r} does not belong in the file. Put it in an environment "
                    "variable, and name that one: api_key_env = ..."
                )
                raise ConfigurationError(msg)
            _no_secrets(inner, where)
    elif isinstance(value, list):
        for inner in value:
            _no_secrets(inner, where)
