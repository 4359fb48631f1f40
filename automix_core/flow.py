"""The words in which the router asks for things to be done.

The router never calls a model. Its logic is a generator, a `Flow`, that yields a `Wave` of asks
and receives what came back; a driver (`automix_core.drive`) carries the wave out, sync or async.
This module holds that vocabulary and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

__all__ = [
    "Ask",
    "Call",
    "Failure",
    "Flow",
    "Prompt",
    "Reply",
    "ReplyKind",
    "Result",
    "SampleOptions",
    "Token",
    "Turn",
    "Usage",
    "Value",
    "Wave",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a prompt that the router itself wrote, such as a verification."""

    role: Literal["system", "user", "assistant"]
    text: str


Prompt = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the provider reported them.

    Attributes:
        input_tokens: Tokens of the prompt, cached ones included.
        output_tokens: Tokens of all choices of the reply together.
        cached_tokens: Prompt tokens served from the provider's cache.
        recounted: The server plainly reported one choice of several, and `output_tokens` was
            estimated for all of them.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    recounted: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token.

    Attributes:
        text: The token.
        logprob: Its natural log-probability.
        top: Log-probabilities of the likeliest tokens at this place, by text.
    """

    text: str
    logprob: float
    top: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """What an ask wants of the generation. `None` leaves the model's own setting alone.

    Attributes:
        temperature: Sampling temperature.
        max_tokens: Most tokens to generate.
        stop: Texts that end the reply.
        logprobs: Ask for the log-probability of each token.
        top_logprobs: How many alternatives to ask for at each token.
        schema: A JSON schema that the reply must follow, for arms that can be constrained.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top_logprobs: int = 0
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A call to a model.

    Attributes:
        to: Name of an arm, or of a helper model such as a judge.
        purpose: What the call is for: `draft`, `answer`, `verify`, `sample` or `tag`.
        prompt: What to ask; `None` stands for the caller's own request, untouched.
        options: What the ask wants of the generation, on top of the caller's own options.
        samples: How many independent replies to draw.
        final: The policy has committed: a usable reply is the answer, so it may stream live.
        after: Seconds to wait before starting; it starts only if nothing ended the wave by then.
        timeout: Seconds after which the ask counts as failed; `None` for the client's own limit.
    """

    to: str
    purpose: str
    prompt: Prompt | None = None
    options: SampleOptions = SampleOptions()
    samples: int = 1
    final: bool = False
    after: float = 0.0
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Any other work: a user's check, an embedding, a retriever. May be a coroutine function."""

    function: Callable[..., Any | Awaitable[Any]]
    args: tuple[Any, ...] = ()
    after: float = 0.0
    timeout: float | None = None


ReplyKind = Literal["text", "tool_calls", "object"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    Attributes:
        source: Name of the arm or helper that answered.
        texts: One text for each sample.
        kind: `text`, `tool_calls` or `object` (a structured result).
        valid: Whether a tool call or an object is what was asked for; `None` for plain text.
        logprobs: Tokens of the first sample, where the server returned them.
        usage: Tokens used, or `None` where the server does not say.
        latency: Seconds the call took.
        live: The reply has already been streamed to the caller.
        message: The framework's own object, opaque to the core.
    """

    source: str
    texts: tuple[str, ...]
    kind: ReplyKind = "text"
    valid: bool | None = None
    logprobs: tuple[Token, ...] | None = None
    usage: Usage | None = None
    latency: float = 0.0
    live: bool = False
    message: Any = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The first sample's text, or an empty string."""
        return self.texts[0] if self.texts else ""

    def timed(self, latency: float, *, live: bool = False) -> Reply:
        """The same reply, with how long it took and whether it was streamed."""
        return Reply(
            self.source,
            self.texts,
            self.kind,
            self.valid,
            self.logprobs,
            self.usage,
            latency,
            live,
            self.message,
        )

    @property
    def usable(self) -> bool:
        """Whether there is anything to return: text, a tool call or an object."""
        return self.kind != "text" or bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Value:
    """What a `Call` returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A model or a call that failed. That, too, is evidence.

    Attributes:
        source: Name of the arm, helper or call.
        kind: `error`, `timeout`, `empty`, or `abandoned` where the wave ended while it still ran.
        error: The exception, where there was one.
        latency: Seconds until it failed.
        usage: Tokens used all the same, as by an empty reply.
    """

    source: str
    kind: Literal["error", "timeout", "empty", "abandoned"]
    error: Exception | None = field(default=None, compare=False)
    latency: float = 0.0
    usage: Usage | None = None

    @property
    def refused(self) -> bool:
        """Whether the server answered with an error status, for which no provider bills tokens."""
        return isinstance(getattr(self.error, "status_code", None), int)

    @property
    def label(self) -> str:
        """The failure in a word or two, safe to record: no prompt, no answer, no secret."""
        if self.error is None:
            return {"timeout": "timed out", "empty": "empty answer"}.get(self.kind, self.kind)
        status = getattr(self.error, "status_code", None)
        return type(self.error).__name__ + (f" {status}" if isinstance(status, int) else "")

    def describe(self) -> str:
        """The failure in one line, with the model's own words."""
        return self.label if self.error is None else f"{self.label}: {self.error}"


Result = Reply | Value | Failure | None
"""What came back for one ask; `None` means that it was never started."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Asks that are carried out side by side.

    Attributes:
        asks: What to do.
        until: Called with the results so far, before each wait; `True` ends the wave early. A
            wave of one ask has nothing to end.
    """

    asks: tuple[Ask | Call, ...]
    until: Callable[[Sequence[Result]], bool] | None = None

    @property
    def streamable(self) -> Ask | None:
        """The one ask whose reply may be streamed to the caller as it comes, if there is one."""
        if len(self.asks) == 1 and isinstance(self.asks[0], Ask) and self.asks[0].final:
            return self.asks[0]
        return None


Flow = Generator[Wave, Sequence[Result], T]
"""A generator that yields waves, receives their results and returns a `T`."""
