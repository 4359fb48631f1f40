"""The two models of a run: served here from a file, or reached at an address.

Prices are nominal, 0.1 US dollars a million tokens for each billion parameters, because models
on one's own machine have no price list.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automix_core.local_models import MODELS, LocalServer, serve

__all__ = ["Endpoint", "UsageError", "check", "open_endpoint"]

DOLLARS_PER_BILLION = 0.1
TEMPLATES = {
    # Chat markup makes a model of this size ramble. With the same turns as plain text it was right
    # twice as often (27 % against 12 % of 48 questions of another data set, XQuAD).
    "smollm2-135m": (
        "{%- for m in messages %}{%- if m.role == 'assistant' %} {{ m.content }}\n\n"
        "{% elif m.role == 'user' %}{{ m.content }}\nAnswer:"
        "{% else %}{{ m.content }}\n\n{% endif %}{% endfor -%}"
    ),
}
_BILLIONS = re.compile(r"(\d+(?:\.\d+)?)(b|m)\b", re.IGNORECASE)
_PROBE_SECONDS = 5.0


class UsageError(Exception):
    """Something on the command line cannot be used; the message is one line."""


@dataclass(frozen=True)
class Endpoint:
    """A model that can be asked.

    Attributes:
        name: `small` or `large`.
        base_url: Its OpenAI-compatible address.
        model: What the server calls it.
        price: Nominal US dollars a million tokens, of the prompt and of the answer alike.
        about: What it is, for people.
        api_key: For the client.
        server: The server, if it was started here.
    """

    name: str
    base_url: str
    model: str
    price: float
    about: str
    api_key: str = "none"
    server: LocalServer | None = None

    def calls(self) -> int | None:
        """The server's own count of the calls it has answered, if it keeps one."""
        return None if self.server is None else self.server.calls()


def check(name: str, given: str, price: float | None) -> None:
    """Find out, before anything is started, whether a model can be meant by what was given.

    Raises:
        UsageError: It cannot.
    """
    option = f"--{name}"
    if given.endswith(".gguf") and not _is_address(given):
        if not Path(given).expanduser().is_file():
            raise UsageError(f"{option}: there is no file {given}")
    elif not _is_address(given) and given not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise UsageError(
            f"{option}: no model is called {given!r}; give one of {known}, the path of a .gguf "
            "file, or an address such as http://localhost:8000/v1#model"
        )
    _price(option, given, price)


@contextmanager
def open_endpoint(name: str, given: str, price: float | None) -> Iterator[Endpoint]:
    """A model for the length of a with-block.

    Args:
        name: `small` or `large`.
        given: What the command line says.
        price: US dollars a million tokens, or `None` for the nominal price.
    """
    cost = _price(f"--{name}", given, price)
    if _is_address(given):
        base_url, model = _address(f"--{name}", given)
        key = os.environ.get("OPENAI_API_KEY", "none")
        yield Endpoint(name, base_url, model, cost, f"{model} at {base_url}", key)
        return
    about = f"{MODELS[given].origin}, {MODELS[given].licence}" if given in MODELS else given
    with serve(given, chat_template=TEMPLATES.get(given, "")) as server:
        yield Endpoint(name, server.base_url, server.model, cost, about, server=server)


def _price(option: str, given: str, price: float | None) -> float:
    """The given price, else the one that follows from the size in the model's name."""
    if price is not None:
        return price
    model = _address(option, given)[1] if _is_address(given) else Path(given).name
    sizes = _BILLIONS.findall(model)
    if not sizes:
        raise UsageError(f"{option}: {model!r} does not say its size; give --price-{option[2:]}")
    number, unit = sizes[-1]
    billions = float(number) / (1 if unit.lower() == "b" else 1000)
    return round(DOLLARS_PER_BILLION * billions, 6)


def _is_address(given: str) -> bool:
    return given.startswith(("http://", "https://"))


def _address(option: str, given: str) -> tuple[str, str]:
    """Address and model name; without a name, the first model that the server lists."""
    base_url, _, model = given.partition("#")
    base_url = base_url.rstrip("/")
    if model:
        return base_url, model
    try:
        with urllib.request.urlopen(f"{base_url}/models", timeout=_PROBE_SECONDS) as reply:
            listed: Any = json.load(reply)
        return base_url, str(listed["data"][0]["id"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(
            f"{option}: {base_url} does not list its models ({error}); "
            "is it an OpenAI-compatible server? Name the model as in http://.../v1#model"
        ) from error
