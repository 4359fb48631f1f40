"""The LangChain side of one request: an `Ask` goes in, a chat model is called, a `Reply` comes out.

Two ports, sync and async, share everything but the call itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables.config import set_config_context
from langchain_core.runnables.utils import coro_with_context

from automix_core.flow import Ask, Reply
from automix_core.ports import Piece
from langchain_automix import unheard
from langchain_automix.messages import without_router_id
from langchain_automix.sending import Sender, Sent

__all__ = ["AsyncChatPort", "ChatPort"]

_END: Any = object()


class ChatPort(Sender):
    """The sync port."""

    def ask(self, ask: Ask) -> Reply:
        """Call the model; once more without what the server refused."""
        sent = self.prepare(ask)
        try:
            return self.reply(ask, self._send(sent))
        except Exception as error:
            again = self.again(sent, error)
            if again is None:
                raise
            reply = self.reply(ask, self._send(again))
            self.learn(ask, again)
            return reply

    def stream(self, ask: Ask) -> Iterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        sent = self.prepare(ask, streaming=True)
        try:
            yield from self._streamed(ask, sent)
        except Exception as error:
            again = self.again(sent, error)
            if again is None:
                raise
            yield from self._streamed(ask, again)
            self.learn(ask, again)

    def _send(self, sent: Sent) -> Any:
        if sent.unheard:
            return unheard.generate(
                sent.model, sent.messages, self.who, sent.config, sent.all_keywords
            )
        with set_config_context(sent.config) as context:
            if sent.samples > 1:
                return context.run(sent.model.generate, [list(sent.messages)], **sent.run)
            messages = list(sent.messages)
            return context.run(sent.runnable.invoke, messages, sent.config, **sent.all_keywords)

    def _streamed(self, ask: Ask, sent: Sent) -> Iterator[Piece | Reply]:
        chunks: list[AIMessageChunk] = []
        with closing(self._chunks(sent)) as stream:
            for chunk in stream:
                chunks.append(chunk)
                if not _is_mark(chunk):
                    yield _piece(chunk, shared=not sent.unheard)
        if chunks:
            yield self.reply(ask, _whole(chunks))

    def _chunks(self, sent: Sent) -> Generator[AIMessageChunk, None, None]:
        keywords = sent.all_keywords
        if sent.unheard and unheard.streams(sent.model, keywords, is_async=False):
            yield from unheard.stream(sent.model, sent.messages, sent.config, keywords)
            return
        with set_config_context(sent.config) as context:
            stream: Any = context.run(
                sent.runnable.stream, list(sent.messages), sent.config, **keywords
            )
            try:
                while (chunk := context.run(next, stream, _END)) is not _END:
                    yield chunk
            finally:
                context.run(stream.close)


class AsyncChatPort(Sender):
    """The async port."""

    is_async = True

    async def ask(self, ask: Ask) -> Reply:
        """Call the model; once more without what the server refused."""
        sent = self.prepare(ask)
        try:
            return self.reply(ask, await self._send(sent))
        except Exception as error:
            again = self.again(sent, error)
            if again is None:
                raise
            reply = self.reply(ask, await self._send(again))
            self.learn(ask, again)
            return reply

    async def stream(self, ask: Ask) -> AsyncIterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        sent = self.prepare(ask, streaming=True)
        streamed = self._streamed(ask, sent)
        try:
            async with aclosing(streamed):
                async for piece in streamed:
                    yield piece
        except Exception as error:
            again = self.again(sent, error)
            if again is None:
                raise
            streamed = self._streamed(ask, again)
            async with aclosing(streamed):
                async for piece in streamed:
                    yield piece
            self.learn(ask, again)

    async def _send(self, sent: Sent) -> Any:
        if sent.unheard:
            return await unheard.agenerate(
                sent.model, sent.messages, self.who, sent.config, sent.all_keywords
            )
        with set_config_context(sent.config) as context:
            if sent.samples > 1:
                call = sent.model.agenerate([list(sent.messages)], **sent.run)
            else:
                call = sent.runnable.ainvoke(list(sent.messages), sent.config, **sent.all_keywords)
            return await coro_with_context(call, context)

    async def _streamed(self, ask: Ask, sent: Sent) -> AsyncGenerator[Piece | Reply, None]:
        chunks: list[AIMessageChunk] = []
        async with aclosing(self._chunks(sent)) as stream:
            async for chunk in stream:
                chunks.append(chunk)
                if not _is_mark(chunk):
                    yield _piece(chunk, shared=not sent.unheard)
        if chunks:
            yield self.reply(ask, _whole(chunks))

    async def _chunks(self, sent: Sent) -> AsyncGenerator[AIMessageChunk, None]:
        keywords = sent.all_keywords
        if sent.unheard and unheard.streams(sent.model, keywords, is_async=True):
            plain = unheard.astream(sent.model, sent.messages, sent.config, keywords)
            async with aclosing(plain):
                async for chunk in plain:
                    yield chunk
            return
        with set_config_context(sent.config) as context:
            stream: Any = sent.runnable.astream(list(sent.messages), sent.config, **keywords)
            try:
                while True:
                    chunk = await coro_with_context(_next(stream), context)
                    if chunk is _END:
                        break
                    yield chunk
            finally:
                await stream.aclose()


async def _next(stream: Any) -> Any:
    return await anext(stream, _END)


def _is_mark(chunk: AIMessageChunk) -> bool:
    """Whether a chunk says nothing but that it is the last; the router sets such a mark itself."""
    return chunk.chunk_position == "last" and not (
        chunk.content
        or chunk.tool_call_chunks
        or chunk.usage_metadata
        or chunk.response_metadata
        or chunk.additional_kwargs
    )


def _piece(chunk: AIMessageChunk, *, shared: bool) -> Piece:
    """A chunk on its way to the caller: without the usage, which the inner run has reported.

    Args:
        chunk: The model's chunk.
        shared: Handlers hold it as well, so it must stay as it is.
    """
    shown = chunk
    identifier = without_router_id(chunk.id)
    if shared or chunk.usage_metadata or chunk.chunk_position or identifier != chunk.id:
        shown = chunk.model_copy(
            update={"id": identifier, "usage_metadata": None, "chunk_position": None}
        )
    return Piece(ChatGenerationChunk(message=shown), bool(chunk.content or chunk.tool_call_chunks))


def _whole(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    whole: AIMessage = add_ai_message_chunks(chunks[0], *chunks[1:])
    return whole
