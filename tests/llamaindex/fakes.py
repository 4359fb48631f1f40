"""Small LLMs that need no server."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    ToolCallBlock,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llamaindex_automix.tools import selections


class Fake(CustomLLM):
    """Says what a function says of the messages it is given; keeps every call."""

    model: str = "fake"
    window: int = 3900
    output: int = -1
    temperature: float = 0.5
    _say: Callable[[str], Any] = PrivateAttr()
    _calls: list[tuple[str, str, dict[str, Any]]] = PrivateAttr(default_factory=list)

    def __init__(self, say: Any = "hello", model: str = "fake", **kwargs: Any) -> None:
        super().__init__(model=model, **kwargs)
        self._say = say if callable(say) else lambda text: say

    @property
    def calls(self) -> list[tuple[str, str, dict[str, Any]]]:
        return self._calls

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model,
            is_chat_model=True,
            context_window=self.window,
            num_output=self.output,
        )

    def _said(self, how: str, text: str, kwargs: dict[str, Any]) -> str:
        self._calls.append((how, text, kwargs))
        said = self._say(text)
        if isinstance(said, Exception):
            raise said
        return said

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        said = self._said("chat", str(messages[-1].content), kwargs)
        return ChatResponse(message=ChatMessage(role="assistant", content=said))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        said = self._said("complete", prompt, {**kwargs, "formatted": formatted})
        return CompletionResponse(text=said)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        said = self._said("stream_chat", str(messages[-1].content), kwargs)

        def chunks() -> Any:  # without deltas, as some models stream
            for end in range(1, len(said) + 1):
                yield ChatResponse(message=ChatMessage(role="assistant", content=said[:end]))

        return chunks()

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        said = self._said("stream_complete", prompt, {**kwargs, "formatted": formatted})
        return (CompletionResponse(text=text, delta=text) for text in [said] if text)


class Native(FunctionCallingLLM):
    """A model of its own, sync and async, that announces each call once and keeps it.

    It says what a function says of the last message: text, or the arguments of its one tool.
    """

    model: str = "native"
    tools: bool = True
    _say: Callable[[str], Any] = PrivateAttr()
    _calls: list[list[ChatMessage]] = PrivateAttr(default_factory=list)

    def __init__(self, say: Any = "hello", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._say = say if callable(say) else lambda text: say

    @property
    def calls(self) -> list[list[ChatMessage]]:
        return self._calls

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model,
            is_chat_model=True,
            is_function_calling_model=self.tools,
            context_window=8192,
        )

    def _prepare_chat_with_tools(
        self, tools, user_msg=None, chat_history=None, tool_required=False, **kwargs
    ) -> dict[str, Any]:
        messages = list(chat_history or ())
        if user_msg is not None:
            given = isinstance(user_msg, ChatMessage)
            messages.append(user_msg if given else ChatMessage(content=user_msg))
        return {"messages": messages, "tools": tools}

    def get_tool_calls_from_response(self, response, error_on_no_tool_call=True, **kwargs):
        return selections(response)

    def _answered(self, messages: Sequence[ChatMessage], tools: Any = None) -> ChatResponse:
        self._calls.append(list(messages))
        said = self._say(str(messages[-1].content))
        if isinstance(said, Exception):
            raise said
        if isinstance(said, dict):
            name = tools[0].metadata.name
            said = [ToolCallBlock(tool_call_id="1", tool_name=name, tool_kwargs=said)]
        return ChatResponse(message=ChatMessage("" if said is None else said, role="assistant"))

    def _words(self, messages: Sequence[ChatMessage], tools: Any = None) -> list[ChatResponse]:
        whole = self._answered(messages, tools)
        words, text = re.findall(r"\S+\s*", whole.message.content or ""), ""
        if not words:
            return [whole.model_copy(update={"delta": ""})]
        chunks = []
        for word in words:
            text += word
            chunks.append(ChatResponse(message=ChatMessage(text, role="assistant"), delta=word))
        return chunks

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answered(messages, kwargs.get("tools"))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answered(messages, kwargs.get("tools"))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        return (chunk for chunk in self._words(messages, kwargs.get("tools")))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        chunks = self._words(messages, kwargs.get("tools"))

        async def streamed() -> Any:
            for chunk in chunks:
                yield chunk

        return streamed()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._answered([ChatMessage(prompt)]).message.content)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return CompletionResponse(text=self._answered([ChatMessage(prompt)]).message.content)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        chunks = self._words([ChatMessage(prompt)])
        return (CompletionResponse(text=c.message.content, delta=c.delta) for c in chunks)

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        chunks = self._words([ChatMessage(prompt)])

        async def streamed() -> Any:
            for c in chunks:
                yield CompletionResponse(text=c.message.content, delta=c.delta)

        return streamed()
