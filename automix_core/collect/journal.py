"""The journal of a collection: every call to a model that was answered, as it was answered.

It lies next to the outcome table and is only ever appended to, one line a call. After a crash the
calls in it are read back instead of made again, whatever they belonged to: an answer, or one of
the samples of a verification. Half a line at its end is what a killed process leaves, and is cut
off. It holds prompts' digests, answers and counts, and no secret.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automix_core.errors import ConfigurationError
from automix_core.flow import Reply, Token, Usage

__all__ = ["Journal", "Key"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Key:
    """Which call: the n-th of its kind for one question, one arm and one stage.

    Attributes:
        question: The question's id.
        arm: The arm's name.
        stage: `answer`, or the name of a verifier.
        samples: How many replies the call draws.
        number: Its place among such calls, from 0.
    """

    question: str
    arm: str
    stage: str
    samples: int
    number: int


@dataclass
class _Kept:
    """What a journal says."""

    settings: dict[str, Any] | None = None
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)  # what, by kind and name
    replies: dict[Key, Reply] = field(default_factory=dict)
    lost: list[tuple[str, Usage]] = field(default_factory=list)
    single: set[str] = field(default_factory=set)


class Journal:
    """A journal, open for appending. Use it as a context manager.

    Args:
        path: Its file; it is made if it does not exist.

    Attributes:
        replies: The replies it holds, each by its call; `Reply.latency` is that of the call.
        lost: Arm and usage of calls that failed and were billed all the same.
        single: Arms that refuse to draw several replies in one call.

    Raises:
        ConfigurationError: It is in use by another process, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("a+b")
        except OSError as error:
            msg = f"{path} cannot be written: {error}"
            raise ConfigurationError(msg) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = self._read()
        except BlockingIOError as error:
            self._file.close()
            msg = f"{path} is in use: another `automix collect` is writing it."
            raise ConfigurationError(msg) from error
        except ConfigurationError:
            self._file.close()
            raise
        self.settings = kept.settings
        self._definitions = kept.definitions
        self.replies = kept.replies
        self.lost = kept.lost
        self.single = kept.single

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def agree(
        self,
        settings: Mapping[str, Any],
        models: Mapping[str, Any],
        questions: Mapping[str, Any],
        everything: Iterable[str],
    ) -> None:
        """Check that this is what the journal was begun with; what is new is written down.

        Args:
            settings: What holds for all calls.
            models: What each model is, by name.
            questions: A digest of each question that will be asked, by its id.
            everything: The ids of all questions of the file.

        Raises:
            ConfigurationError: Something that was asked before has changed or is gone.
        """
        changed = [
            f"{name} was {json.dumps(was)}"
            for name, was in (self.settings or {}).items()
            if _plain(settings.get(name)) != was
        ]
        changed += self._changes("model", models, models)
        changed += self._changes("question", questions, everything)
        if changed:
            raise ConfigurationError(_refusal(self.path, changed))
        if self.settings is None:
            self._append({"kind": "begin", "format": FORMAT, "settings": settings})
        for kind, given in (("model", models), ("question", questions)):
            known = self._definitions.setdefault(kind, {})
            for name, what in given.items():
                if name not in known:
                    self._append({"kind": kind, "name": name, "is": what})
                    known[name] = _plain(what)

    def add(self, key: Key, reply: Reply) -> None:
        """Write a reply down; it is on its way to the disk when this returns."""
        self.replies[key] = reply
        self._append({"kind": "reply", **_key_out(key), **_reply_out(reply)})

    def fail(self, key: Key, label: str, usage: Usage | None) -> None:
        """Write down that a call failed for good."""
        tokens = usage and [usage.input_tokens, usage.output_tokens, usage.cached_tokens]
        self._append({"kind": "failure", **_key_out(key), "error": label, "usage": tokens})
        if usage is not None:
            self.lost.append((key.arm, usage))

    def refuses_samples(self, arm: str) -> None:
        """Write down that an arm refuses to draw several replies in one call."""
        if arm not in self.single:
            self.single.add(arm)
            self._append({"kind": "single", "arm": arm})

    def _changes(self, kind: str, given: Mapping[str, Any], all_of: Iterable[str]) -> list[str]:
        there = set(all_of)
        changes = []
        for name, was in self._definitions.get(kind, {}).items():
            if name not in there:
                changes.append(f"the {kind} {name!r} is gone")
            elif name in given and _plain(given[name]) != was:
                what = _differences(was, _plain(given[name]))
                changes.append(f"the {kind} {name!r} has changed{what}")
        return changes

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            msg = f"{self.path} cannot be written: {error}"
            raise ConfigurationError(msg) from error

    def _read(self) -> _Kept:
        self._file.seek(0)
        whole = self._file.read()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            self._file.truncate(end)  # half a line, from a process that was killed
        self._file.seek(0, os.SEEK_END)
        kept = _Kept()
        for number, raw in enumerate(whole[:end].split(b"\n")[:-1], 1):
            try:
                _take(json.loads(raw), kept)
            except (ValueError, KeyError, TypeError) as error:
                msg = f"{self.path}, line {number}: cannot be read ({error}). Use --restart."
                raise ConfigurationError(msg) from error
        return kept


def _take(line: dict[str, Any], kept: _Kept) -> None:
    kind = line["kind"]
    if kind == "begin":
        if line["format"] != FORMAT:
            msg = f"format {line['format']}, and this version reads format {FORMAT}"
            raise ValueError(msg)
        kept.settings = line["settings"]
    elif kind in ("model", "question"):
        kept.definitions.setdefault(kind, {})[line["name"]] = line["is"]
    elif kind == "reply":
        key = _key_in(line)
        kept.replies[key] = _reply_in(line)
    elif kind == "failure" and line["usage"]:
        kept.lost.append((line["arm"], Usage(*line["usage"])))
    elif kind == "single":
        kept.single.add(line["arm"])


def _key_out(key: Key) -> dict[str, Any]:
    return {name: getattr(key, name) for name in Key.__slots__}


def _key_in(line: Mapping[str, Any]) -> Key:
    return Key(**{name: line[name] for name in Key.__slots__})


def _reply_out(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "texts": reply.texts,
        "latency": reply.latency,
        "usage": usage and [usage.input_tokens, usage.output_tokens, usage.cached_tokens],
        "recounted": bool(usage and usage.recounted),
        "logprobs": reply.logprobs and [[t.text, t.logprob, dict(t.top)] for t in reply.logprobs],
    }


def _reply_in(line: Mapping[str, Any]) -> Reply:
    usage = None
    if line["usage"]:
        taken, given, cached = line["usage"]
        usage = Usage(taken, given, cached, line["recounted"])
    logprobs = line["logprobs"] and tuple(Token(*token) for token in line["logprobs"])
    return Reply(
        line["arm"],
        tuple(line["texts"]),
        usage=usage,
        logprobs=logprobs,
        latency=line["latency"],
    )


def _refusal(path: Path, changed: list[str]) -> str:
    more = [f"and {len(changed) - 5} more"] if len(changed) > 5 else []
    return (
        f"What {path.name} was begun with has changed: {'; '.join(changed[:5] + more)}. Put it "
        "back to go on, give another --out, or begin anew with --restart."
    )


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value))


def _differences(was: Any, now: Any) -> str:
    """Which settings differ, where both are tables of settings."""
    if not (isinstance(was, dict) and isinstance(now, dict)):
        return ""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return ": " + ", ".join(
        f"{name} was {json.dumps(was.get(name))}, is {json.dumps(now.get(name))}" for name in names
    )
