"""What a scripted reply looks like on the wire of an OpenAI-compatible server.

Everything here is a plain function from a request body and a `Scripted` reply to the JSON that goes
back, whole or in stream chunks. Tokens are words with the space before them, so texts join back to
exactly what was scripted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Json", "Scripted", "ToolCall", "UsageMode", "chunks", "completion", "tokens"]

Json = dict[str, Any]
UsageMode = Literal["all", "one", "none"]

ALTERNATIVE = -9.0  # the log-probability of a filler alternative


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool, with its arguments as Python values."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scripted:
    """One scripted reply, or one scripted accident.

    Attributes:
        text: The reply's text; every choice gets it when `n` asks for more.
        texts: One text a choice instead, taken round and round.
        tool_calls: Tool calls instead of text.
        logprob: The log-probability of every token, or one a token (the last is repeated).
        alternatives: Other candidates for the first token, with their log-probabilities.
        finish_reason: Said instead of `stop`, `length` or `tool_calls`.
        usage: Prompt and completion tokens to report instead of the words counted.
        delay: Seconds before the reply starts.
        chunk_delay: Seconds before each chunk of a stream.
        status: The HTTP status; anything but 200 sends `error` and nothing else.
        error: The message of an error reply.
        fault: `drop` closes the connection unanswered, `cut` breaks off halfway, `malformed` sends
            broken JSON.
    """

    text: str = ""
    texts: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    logprob: float | tuple[float, ...] = -0.1
    alternatives: Mapping[str, float] = field(default_factory=dict)
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    status: int = 200
    error: str = "a scripted error"
    fault: Literal["drop", "cut", "malformed"] | None = None


def completion(body: Json, reply: Scripted, usage: UsageMode, chat: bool = True) -> Json:
    """Return the whole reply to one request, for chat or for plain text completion."""
    choices = _choices(body, reply)
    answer = _envelope(body, "chat.completion" if chat else "text_completion")
    answer["choices"] = [
        _whole(index, choice, body, reply, chat) for index, choice in enumerate(choices)
    ]
    if usage != "none":
        answer["usage"] = _usage(body, choices, reply, usage)
    return answer


def chunks(body: Json, reply: Scripted, usage: UsageMode, chat: bool = True) -> Iterator[Json]:
    """Yield the same reply as stream chunks: role, words or tool calls, end, usage if asked for."""
    choices = _choices(body, reply)
    for index, choice in enumerate(choices):
        for part in _stream(index, choice, body, reply) if chat else _text_stream(index, choice):
            chunk = _envelope(body, "chat.completion.chunk" if chat else "text_completion")
            yield {**chunk, "choices": [part]}
    if (body.get("stream_options") or {}).get("include_usage") and usage != "none":
        chunk = _envelope(body, "chat.completion.chunk" if chat else "text_completion")
        yield {**chunk, "choices": [], "usage": _usage(body, choices, reply, usage)}


def tokens(text: str) -> list[str]:
    """Split a text into words, each with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


@dataclass(frozen=True)
class _Choice:
    """One choice after `stop` and the token limit were applied."""

    words: Sequence[str]
    calls: Sequence[ToolCall]
    finish_reason: str

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def size(self) -> int:
        return len(self.words) + sum(
            len(tokens(json.dumps(dict(c.arguments)))) + 1 for c in self.calls
        )


def _choices(body: Json, reply: Scripted) -> list[_Choice]:
    scripted = reply.texts or (reply.text,)
    return [_choice(body, reply, scripted[i % len(scripted)]) for i in range(body.get("n") or 1)]


def _choice(body: Json, reply: Scripted, text: str) -> _Choice:
    if reply.tool_calls:
        return _Choice((), reply.tool_calls, reply.finish_reason or "tool_calls")
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop, 1)[0]
    words = tokens(text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(words)
    ending = "length" if len(words) > limit else "stop"
    return _Choice(words[:limit], (), reply.finish_reason or ending)


def _envelope(body: Json, kind: str) -> Json:
    model = body.get("model", "scripted")
    return {"id": "reply-1", "object": kind, "created": 1_700_000_000, "model": model}


def _whole(index: int, choice: _Choice, body: Json, reply: Scripted, chat: bool) -> Json:
    ending: Json = {"index": index, "finish_reason": choice.finish_reason}
    if not chat:
        logprobs = _legacy_logprobs(choice.words, reply) if body.get("logprobs") else None
        return {**ending, "text": choice.text, "logprobs": logprobs}
    message: Json = {"role": "assistant", "content": None if choice.calls else choice.text}
    if choice.calls:
        message["tool_calls"] = [_tool_call(i, call) for i, call in enumerate(choice.calls)]
    return {**ending, "message": message, "logprobs": _logprobs(choice.words, 0, body, reply)}


def _stream(index: int, choice: _Choice, body: Json, reply: Scripted) -> Iterator[Json]:
    yield _delta(index, {"role": "assistant", "content": None if choice.calls else ""})
    for position, word in enumerate(choice.words):
        logprobs = _logprobs([word], position, body, reply)
        yield {**_delta(index, {"content": word}), "logprobs": logprobs}
    for number, call in enumerate(choice.calls):
        whole = _tool_call(number, call)
        arguments = whole["function"].pop("arguments")
        start = {**whole, "index": number, "function": {**whole["function"], "arguments": ""}}
        yield _delta(index, {"tool_calls": [start]})
        for fragment in tokens(arguments):
            yield _delta(
                index, {"tool_calls": [{"index": number, "function": {"arguments": fragment}}]}
            )
    yield {**_delta(index, {}), "finish_reason": choice.finish_reason}


def _delta(index: int, delta: Json) -> Json:
    return {"index": index, "delta": delta, "finish_reason": None}


def _text_stream(index: int, choice: _Choice) -> Iterator[Json]:
    for word in choice.words:
        yield {"index": index, "text": word, "logprobs": None, "finish_reason": None}
    yield {"index": index, "text": "", "logprobs": None, "finish_reason": choice.finish_reason}


def _tool_call(number: int, call: ToolCall) -> Json:
    function = {
        "name": call.name,
        "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
    }
    return {"id": f"call-{number}", "type": "function", "function": function}


def _usage(body: Json, choices: Sequence[_Choice], reply: Scripted, mode: UsageMode) -> Json:
    counted = choices if mode == "all" else choices[:1]
    given = body.get("prompt") or [m.get("content") for m in body.get("messages", [])]
    asked = len(tokens(given if isinstance(given, str) else json.dumps(given)))
    prompt, answer = reply.usage or (asked, sum(choice.size for choice in counted))
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _logprobs(words: Sequence[str], start: int, body: Json, reply: Scripted) -> Json | None:
    if not body.get("logprobs"):
        return None
    entries = []
    for position, word in enumerate(words, start):
        candidates = _candidates(word, position, reply)[: body.get("top_logprobs") or 0]
        top = [_entry(token, value) for token, value in candidates]
        entries.append({**_entry(word, _logprob(position, reply)), "top_logprobs": top})
    return {"content": entries, "refusal": None}


def _legacy_logprobs(words: Sequence[str], reply: Scripted) -> Json:
    return {
        "tokens": list(words),
        "token_logprobs": [_logprob(i, reply) for i in range(len(words))],
        "top_logprobs": [dict(_candidates(word, i, reply)) for i, word in enumerate(words)],
        "text_offset": [len("".join(words[:i])) for i in range(len(words))],
    }


def _candidates(word: str, position: int, reply: Scripted) -> list[tuple[str, float]]:
    others = reply.alternatives if position == 0 and reply.alternatives else {"~": ALTERNATIVE}
    return sorted({**others, word: _logprob(position, reply)}.items(), key=lambda item: -item[1])


def _logprob(position: int, reply: Scripted) -> float:
    if isinstance(reply.logprob, tuple):
        return reply.logprob[min(position, len(reply.logprob) - 1)]
    return reply.logprob


def _entry(token: str, logprob: float) -> Json:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
