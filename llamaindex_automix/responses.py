"""What LlamaIndex's responses say, in the core's words: texts, tokens, usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, LogProb

from automix_core.flow import Token, Usage

__all__ = ["Response", "merged", "text_of", "texts_of", "tokens_of", "usage_of"]

Response: TypeAlias = ChatResponse | CompletionResponse


def text_of(response: Response) -> str:
    """The text of a response, without reasoning blocks."""
    if isinstance(response, ChatResponse):
        return response.message.content or ""
    return response.text


def texts_of(response: Response) -> tuple[str, ...]:
    """The text of every sample of a response; LlamaIndex itself keeps the first one only."""
    choices = _listed(_get(response.raw, "choices"))
    if len(choices) < 2:
        return (text_of(response),)
    texts = (_get(c, "message", "content") or _get(c, "text") or "" for c in choices)
    return tuple(str(text) for text in texts)


def usage_of(response: Response) -> Usage | None:
    """The tokens a response reports, or `None` where it reports none."""
    raw = _get(response.raw, "usage")
    for reported in (raw, response.additional_kwargs):
        inputs = _first(reported, "prompt_tokens", "input_tokens")
        outputs = _first(reported, "completion_tokens", "output_tokens")
        if inputs is not None and outputs is not None:
            cached = _get(reported, "prompt_tokens_details", "cached_tokens")
            return Usage(inputs, outputs, cached if isinstance(cached, int) else 0)
    return None


def tokens_of(response: Response) -> tuple[Token, ...] | None:
    """The first sample's tokens with their log-probabilities, where the server returned them.

    LlamaIndex's own `logprobs` leaves out which token was generated, so the server's words go
    first.
    """
    choices = _listed(_get(response.raw, "choices"))
    reported = _get(choices[0], "logprobs") if choices else None
    if content := _listed(_get(reported, "content")):
        return tuple(_token(entry) for entry in content)
    if tokens := _listed(_get(reported, "tokens")):
        return _legacy_tokens(tokens, reported)
    places = [place for place in response.logprobs or () if place]
    return tuple(_likeliest(place) for place in places) or None


def merged(previous: Response | None, chunk: Response) -> Response:
    """Everything that a stream has said so far, when it has said one more chunk."""
    if previous is None:
        return chunk
    update: dict[str, Any] = {}
    extra = {**previous.additional_kwargs, **chunk.additional_kwargs}
    extra.pop("thinking_delta", None)
    update["additional_kwargs"] = extra
    if usage_of(chunk) is None and usage_of(previous) is not None:
        update["raw"] = previous.raw
    if isinstance(chunk, ChatResponse) and isinstance(previous, ChatResponse):
        if not chunk.message.blocks and previous.message.blocks:
            update["message"] = previous.message
    elif not text_of(chunk):
        update["text"] = text_of(previous)
    return chunk.model_copy(update=update)


def _token(entry: Any) -> Token:
    top = {str(_get(one, "token")): float(_get(one, "logprob")) for one in _tops(entry)}
    return Token(str(_get(entry, "token")), float(_get(entry, "logprob")), top)


def _tops(entry: Any) -> Sequence[Any]:
    return _listed(_get(entry, "top_logprobs"))


def _legacy_tokens(tokens: Sequence[Any], reported: Any) -> tuple[Token, ...] | None:
    """Tokens in the form of the older completions endpoint: three lists side by side."""
    logprobs = _listed(_get(reported, "token_logprobs"))
    tops = [*_listed(_get(reported, "top_logprobs")), *[None] * len(tokens)]
    if len(logprobs) != len(tokens) or None in logprobs:
        return None
    return tuple(
        Token(str(token), float(logprob), dict(top or {}))
        for token, logprob, top in zip(tokens, logprobs, tops, strict=False)
    )


def _likeliest(place: Sequence[LogProb]) -> Token:
    top = {one.token: one.logprob for one in place}
    return Token(place[0].token, place[0].logprob, top)


def _first(reported: Any, *names: str) -> int | None:
    values: Iterable[Any] = (_get(reported, name) for name in names)
    return next((value for value in values if isinstance(value, int)), None)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _get(value: Any, *path: str) -> Any:
    """A value inside nested dicts or objects, `None` where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value
