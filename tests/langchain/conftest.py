"""Two `ChatOpenAI` models on one scripted server, and the four ways to call a chat model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("langchain_openai")

from langchain_core.messages import AIMessage, AIMessageChunk

from tests.langchain.pair import Pair
from tests.scripted_server import ScriptedServer


@pytest.fixture
def pair() -> Iterator[Callable[..., Pair]]:
    """Makes a small and a large model whose answers a test scripts."""
    with ExitStack() as stack:

        def make(script, **options) -> Pair:
            server = stack.enter_context(ScriptedServer(script, **options))
            return Pair(server)

        yield make


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream"])
def call(request):
    """Each way to call a chat model, as one coroutine that returns the whole message."""

    async def run(llm, messages, **keywords) -> AIMessage:
        if request.param == "invoke":
            return llm.invoke(messages, **keywords)
        if request.param == "ainvoke":
            return await llm.ainvoke(messages, **keywords)
        if request.param == "stream":
            chunks = list(llm.stream(messages, **keywords))
        else:
            chunks = [chunk async for chunk in llm.astream(messages, **keywords)]
        whole: AIMessageChunk = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return whole

    run.way = request.param
    return run
