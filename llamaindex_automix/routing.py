"""`RoutingLLM`: one LlamaIndex LLM that answers with the cheapest of several that is good enough.

Each endpoint hands over a whole operation (`chat`, `chat_with_tools`, `structured_predict`, ...),
and the arm that answers carries it out with its own method. Nothing is prepared with one arm and
sent to another. The arms emit LlamaIndex's events; this class emits none of its own, so that
every real call is counted once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection, default_completion_to_prompt
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode, TokenAsyncGen, TokenGen

from automix_core.decision import DecisionCallback
from automix_core.errors import UnexpectedModelError
from automix_core.request import Preference
from automix_core.router import Router
from llamaindex_automix.base import Models, RoutingLLMBase, outer_edge
from llamaindex_automix.operation import Operation
from llamaindex_automix.requests import chat_operation, completion_operation, object_operation
from llamaindex_automix.shapes import ROUTING
from llamaindex_automix.tools import selections
from llamaindex_automix.variables import current_variables, using_variables, variables_of

if TYPE_CHECKING:
    from llama_index.core.program.utils import FlexibleModel
    from llama_index.core.tools import BaseTool

    from automix_core.learn import Store

__all__ = ["RoutingLLM"]


class RoutingLLM(RoutingLLMBase):
    """An LLM over two or more LLMs: the cheapest drafts, and a draft that does not hold goes up.

    Args:
        models: Two or more LlamaIndex LLMs or `Arm`s; a mapping names them, a list takes the
            models' own names. A function that makes them lets the LLM be pickled.
        router: A `Router`, the name of a preset, or `None` for the preset "cascade".
        prices: US dollars a million tokens by name: `Price(...)` or `(input, output)`.
        preference: The trade-off of calls that bring none and are in no `preferring` block.
        on_decision: Called with every decision, on whatever thread or task made it.
        context_window: Overrides the smallest context window among the arms.
        num_output: Overrides the largest output limit among the arms.
        utility_arm: The arm that serves LlamaIndex's helper prompts (condensing, selecting,
            judging, extracting); `None` for the cheapest able one.
        store: A `Store`, or the path of one: decisions and feedback are written down there.
        kwargs: Whatever every LlamaIndex LLM takes, such as `system_prompt`.

    Raises:
        ConfigurationError: Fewer than two models, one given twice, or one of another framework.

    Examples:
        `Settings.llm = RoutingLLM(models={"small": small, "large": large})`
    """

    def __init__(  # noqa: PLR0913 - one keyword for each setting
        self,
        models: Models | Callable[[], Models],
        *,
        router: Router | str | None = None,
        prices: Mapping[str, Any] | None = None,
        preference: Preference | None = None,
        on_decision: DecisionCallback | None = None,
        context_window: int | None = None,
        num_output: int | None = None,
        utility_arm: str | None = None,
        store: Store | str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            models,
            router=router,
            prices=prices,
            preference=preference,
            on_decision=on_decision,
            context_window=context_window,
            num_output=num_output,
            utility_arm=utility_arm,
            store=store,
            **kwargs,
        )

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex reports this class."""
        return "RoutingLLM"

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation; the decision is in `additional_kwargs["routing"]`."""
        return self._answer(self._chat(messages, kwargs))  # type: ignore[no-any-return]

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation; the decision is in `additional_kwargs["routing"]`."""
        return await self._aanswer(self._chat(messages, kwargs))  # type: ignore[no-any-return]

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation in chunks; no draft leaves before it is accepted."""
        return self._stream(self._chat(messages, kwargs))

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Answer a conversation in chunks; no draft leaves before it is accepted."""
        return self._astream(self._chat(messages, kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Complete a prompt; the decision is in `additional_kwargs["routing"]`."""
        return self._answer(self._complete(prompt, formatted, kwargs))  # type: ignore[no-any-return]

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Complete a prompt; the decision is in `additional_kwargs["routing"]`."""
        return await self._aanswer(self._complete(prompt, formatted, kwargs))  # type: ignore[no-any-return]

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Complete a prompt in chunks; no draft leaves before it is accepted."""
        return self._stream(self._complete(prompt, formatted, kwargs))

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Complete a prompt in chunks; no draft leaves before it is accepted."""
        return self._astream(self._complete(prompt, formatted, kwargs))

    # Where templates are filled in: their variables name the question and the retrieved text.

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Answer a prompt template."""
        with outer_edge(), using_variables(variables_of(prompt, prompt_args)):
            return super().predict(prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Answer a prompt template."""
        with outer_edge(), using_variables(variables_of(prompt, prompt_args)):
            return await super().apredict(prompt, **prompt_args)

    def stream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenGen:
        """Answer a prompt template token by token; no draft leaves before it is accepted."""
        with outer_edge(), using_variables(variables_of(prompt, prompt_args)):
            return super().stream(prompt, **prompt_args)

    async def astream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenAsyncGen:
        """Answer a prompt template token by token; no draft leaves before it is accepted."""
        with outer_edge(), using_variables(variables_of(prompt, prompt_args)):
            return await super().astream(prompt, **prompt_args)

    # Tools. Each arm prepares and reads its own request; a call is judged by its validity.

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The turn as the four `chat` methods take it: no provider's words, for any arm to read."""
        turn = [ChatMessage(content=user_msg)] if isinstance(user_msg, str) else [user_msg]
        return {
            "messages": [*(chat_history or ()), *(message for message in turn if message)],
            "tools": list(tools),
            "verbose": verbose,
            "allow_parallel_tool_calls": allow_parallel_tool_calls,
            "tool_required": tool_required,
            **kwargs,
        }

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tool calls of a response, as the arm that gave it reads them."""
        decision = response.additional_kwargs.get(ROUTING)
        asked = self._router.serving.asked
        arm = asked.get(decision["arm"]) if isinstance(decision, dict) else None
        if arm is not None and isinstance(arm.model, FunctionCallingLLM):
            with outer_edge():
                return arm.model.get_tool_calls_from_response(
                    response, error_on_no_tool_call=error_on_no_tool_call, **kwargs
                )
        found = selections(response)
        if error_on_no_tool_call and not found:
            msg = "The response calls no tool."
            raise UnexpectedModelError(msg)
        return found

    # Structured results. Each arm uses what it has: a response format, a tool, or plain text.

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An instance of a class; an arm that cannot give one is passed over."""
        return self._answer(  # type: ignore[no-any-return]
            self._object(output_cls, prompt, llm_kwargs, prompt_args)
        )

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An instance of a class; an arm that cannot give one is passed over."""
        return await self._aanswer(  # type: ignore[no-any-return]
            self._object(output_cls, prompt, llm_kwargs, prompt_args)
        )

    def stream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | FlexibleModel, None, None]:
        """An instance of a class, growing; a draft comes whole, once it is accepted."""
        return self._stream(self._object(output_cls, prompt, llm_kwargs, prompt_args))

    async def astream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | FlexibleModel, None]:
        """An instance of a class, growing; a draft comes whole, once it is accepted."""
        return self._astream(self._object(output_cls, prompt, llm_kwargs, prompt_args))

    def _chat(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> Operation:
        with outer_edge():
            return chat_operation(messages, kwargs)

    def _complete(self, prompt: str, formatted: bool, kwargs: dict[str, Any]) -> Operation:
        # A template of this class's own is the identity: what `predict` filled in is not
        # formatted yet, and each arm has to put it into its own form.
        own = self.completion_to_prompt is not default_completion_to_prompt
        with outer_edge():
            return completion_operation(
                prompt, kwargs, formatted=formatted and (own or current_variables() is None)
            )

    def _object(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> Operation:
        mode = self.pydantic_program_mode
        settings = {} if mode == PydanticProgramMode.DEFAULT else {"pydantic_program_mode": mode}
        extend = self._extend_messages if self.system_prompt else None
        with outer_edge():
            return object_operation(
                output_cls, prompt, llm_kwargs, prompt_args, settings=settings, extend=extend
            )
