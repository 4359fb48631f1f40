"""Small LLMs that need no server."""

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM


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
