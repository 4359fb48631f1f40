"""`RoutingMiddleware`: the same routing inside `create_agent`, where each model stays itself.

Each model call of the agent is routed; what the models are asked goes through the agent's own
handler, so tools, structured output and provider features work as if there were no router. It
needs the package `langchain`; the rest of this adapter does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage
from langchain_core.runnables import ensure_config

from automix_core.drive import afinish, finish
from automix_core.flow import Ask, Flow, Reply
from automix_core.router import Outcome
from langchain_automix.chat_model import RoutingChatModel
from langchain_automix.configured import configured
from langchain_automix.messages import ROUTING
from langchain_automix.port import AsyncChatPort, ChatPort
from langchain_automix.requests import request_of
from langchain_automix.sending import ChatCall, Sender, Sent
from langchain_automix.tools import valid_calls
from langchain_automix.tracing import NOSTREAM, Caller

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["RoutingMiddleware"]

Handler = Callable[[ModelRequest[Any]], Any]


class RoutingMiddleware(AgentMiddleware[Any, Any, Any]):
    """Answer each model call of an agent with the cheapest of several models that is good enough.

    The agent's own `model` is not asked; the models given here are. Only the answer that is
    returned appears in the agent's state and in its message stream.

    Args:
        models: Two or more chat models, as for `RoutingChatModel`.
        options: Any other option of `RoutingChatModel`: `router`, `prices`, `preference`,
            `on_decision`, `grounding`, `sticky`, `store`.

    Attributes:
        llm: The `RoutingChatModel` that decides: `middleware.llm.bound_router` is its router.

    Raises:
        ConfigurationError: As for `RoutingChatModel`.

    Example:
        ```python
        agent = create_agent(large, tools, middleware=[RoutingMiddleware([small, large])])
        ```
    """

    def __init__(self, models: Sequence[Any] | Mapping[str, Any], **options: Any) -> None:
        super().__init__()
        self.llm = RoutingChatModel(models=models, **options)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Route one model call."""
        flow, call = self._begin(request)
        port = _Port(self.llm, call, request, handler)
        return _answer(finish(flow, port), request)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Route one model call."""
        flow, call = self._begin(request)
        port = _AsyncPort(self.llm, call, request, handler)
        return _answer(await afinish(flow, port), request)

    def give_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """As `RoutingChatModel.give_feedback`; takes the agent's message as well."""
        return self.llm.give_feedback(decision, score, **known)

    async def agive_feedback(self, decision: Any, score: float | None = None, **known: Any) -> bool:
        """As `RoutingChatModel.agive_feedback`."""
        return await self.llm.agive_feedback(decision, score, **known)

    def add_arm(
        self, name: str, model: Any, price: Any = None, outcomes: Outcomes | None = None
    ) -> None:
        """As `RoutingChatModel.add_arm`."""
        self.llm.add_arm(name, model, price, outcomes)

    def remove_arm(self, name: str) -> None:
        """As `RoutingChatModel.remove_arm`."""
        self.llm.remove_arm(name)

    def _begin(self, request: ModelRequest[Any]) -> tuple[Flow[Outcome], ChatCall]:
        config = ensure_config()
        manager: Any = config.get("callbacks")
        parent = getattr(manager, "parent_run_id", None)
        who = Caller.of(manager, parent) if parent else Caller()
        system = [request.system_message] if request.system_message else []
        asked = request_of(
            [*system, *request.messages],
            request.tools,
            structured=request.response_format is not None,
            calls_a_tool=bool(request.tools),
            ground=self.llm.grounding,
            sticky=self.llm.sticky,
            retrieved=who.retrieved(),
        )
        preference = self.llm._preference(configured(config, {}))
        router, tell = self.llm.bound_router, self.llm.on_decision
        serving = router.serving
        call = ChatCall(serving.models, request.messages, None, (), {}, {}, who)
        return router.route(asked, preference, tell, serving=serving), call


class _Agents(Sender):
    """Asks the agent's handler for what the agent wants, and the models for the router's own."""

    def __init__(
        self, llm: RoutingChatModel, call: ChatCall, request: ModelRequest[Any], handler: Handler
    ) -> None:
        super().__init__(call, llm._refusals)
        self._request = request
        self._handler = handler

    def _routed(self, sent: Sent) -> ModelRequest[Any] | None:
        """The agent's request, to one of the models; `None` for a question of the router's own."""
        if sent.messages is not self._call.messages:
            return None
        model = sent.model
        purpose = sent.config["metadata"]["routing_purpose"]
        if purpose != "answer":  # it may be thrown away, so nobody is to see its tokens
            tags = [*(model.tags or []), NOSTREAM, f"routing:{purpose}"]
            model = model.model_copy(update={"tags": tags})
        added = {key: value for key, value in sent.all_keywords.items() if value is not None}
        settings = {**self._request.model_settings, **added}
        return self._request.override(model=model, model_settings=settings)

    def reply(self, ask: Ask, result: Any) -> Reply:
        """What came back, as the core sees it."""
        if not isinstance(result, ModelResponse):
            return super().reply(ask, result)
        message = _message(result)
        reply = replace(super().reply(ask, message), message=result)
        if result.structured_response is not None:
            return replace(reply, kind="object", valid=True)
        if reply.kind == "tool_calls":
            return replace(reply, valid=valid_calls(message, self._request.tools))
        return reply


class _Port(_Agents, ChatPort):
    def _send(self, sent: Sent) -> Any:
        routed = self._routed(sent)
        return super()._send(sent) if routed is None else self._handler(routed)


class _AsyncPort(_Agents, AsyncChatPort):
    async def _send(self, sent: Sent) -> Any:
        routed = self._routed(sent)
        return await (super()._send(sent) if routed is None else self._handler(routed))


def _message(response: ModelResponse[Any]) -> AIMessage:
    return next(message for message in response.result if isinstance(message, AIMessage))


def _answer(outcome: Outcome, request: ModelRequest[Any]) -> ModelResponse[Any]:
    """The winner's response, with the decision on a copy of its message."""
    response: ModelResponse[Any] = outcome.reply.message
    message = _message(response)
    metadata = {**message.response_metadata, ROUTING: outcome.decision.as_dict()}
    if not request.model_settings.get("logprobs"):
        metadata.pop("logprobs", None)
    shown = message.model_copy(update={"response_metadata": metadata})
    result = [shown if each is message else each for each in response.result]
    return replace(response, result=result)
