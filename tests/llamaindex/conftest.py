"""Two `OpenAILike` models on one scripted server, and the eight ways to call an LLM."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("llama_index.core")
pytest.importorskip("llama_index.llms.openai_like")

from llama_index.core.llms import ChatMessage

from tests.llamaindex.pair import Pair
from tests.scripted_server import ScriptedServer


@pytest.fixture
def pair() -> Iterator[Callable[..., Pair]]:
    """Makes a small and a large model whose answers a test scripts."""
    with ExitStack() as stack:

        def make(script, **options) -> Pair:
            server = stack.enter_context(ScriptedServer(script, **options))
            return Pair(server)

        yield make


@dataclass
class Heard:
    """What came back from a call: the text a reader saw, its pieces, the last response."""

    text: str
    last: Any
    deltas: list[str] = field(default_factory=list)

    @property
    def routing(self) -> dict[str, Any]:
        return self.last.additional_kwargs["routing"]


WAYS = [
    f"{stream}{method}"
    for method in ("chat", "complete")
    for stream in ("", "a", "stream_", "astream_")
]


@pytest.fixture(params=WAYS)
def call(request):
    """Each way to call an LLM, as one coroutine."""
    way = request.param

    async def run(llm, question, **keywords) -> Heard:
        given = [ChatMessage(content=question)] if "chat" in way else question
        made = getattr(llm, way)(given, **keywords)
        if way.startswith("a"):
            made = await made
        if "stream_" not in way:
            return Heard(str(made.message.content if "chat" in way else made.text), made)
        chunks = [c async for c in made] if way.startswith("a") else list(made)
        deltas = [chunk.delta for chunk in chunks]
        return Heard("".join(deltas), chunks[-1], deltas)

    run.streams = "stream_" in way
    return run
