"""Remembering which of the router's own options a model's server refuses.

The router asks for log-probabilities, a JSON schema or a usage report because a model's class can
ask for them; the server behind it may know better. What was refused is dropped, the call is made
once more, and that model is not asked for it again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection

__all__ = ["LOGPROBS", "Refusals", "refused"]

LOGPROBS = frozenset({"logprobs", "top_logprobs"})
"""The two options that ask for log-probabilities; they are refused together."""

_REFUSING = (400, 422)


class Refusals:
    """What each model has refused so far, shared by all calls of an adapter."""

    def __init__(self) -> None:
        self._refused: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def of(self, name: str) -> frozenset[str]:
        """What a model has refused."""
        with self._lock:
            return self._refused.get(name, frozenset())

    def note(self, name: str, options: frozenset[str]) -> None:
        """Remember what a model has refused."""
        with self._lock:
            self._refused[name] = self._refused.get(name, frozenset()) | options

    def forget(self, name: str) -> None:
        """Forget what a model has refused: it has gone, and another may come by its name."""
        with self._lock:
            self._refused.pop(name, None)


def refused(error: Exception, options: Collection[str]) -> frozenset[str]:
    """Which of the router's own options an error refuses; none if it is about something else.

    A server that refuses a request without naming an option may mean any of them, so all are
    dropped. A refused number of samples (`n`) is no matter of dropping it: more calls are needed.

    Args:
        error: What a call raised.
        options: The options that the router had added to it, in the words of OpenAI's API.
    """
    named = frozenset(word for word in options if _names(str(error), word))
    if isinstance(error, TypeError):
        found = named if "keyword" in str(error) else frozenset()
    elif getattr(error, "status_code", None) in _REFUSING and "n" not in named:
        found = named or frozenset(options)
    else:
        found = frozenset()
    return found | (LOGPROBS.intersection(options) if found & LOGPROBS else frozenset())


def _names(message: str, word: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_\\]){re.escape(word)}(?![A-Za-z0-9_])", message) is not None
