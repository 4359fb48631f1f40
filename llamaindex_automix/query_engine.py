"""A query engine that retrieves once and routes between whole synthesizers.

Where a `RoutingLLM` routes every call inside a synthesis, this engine routes the synthesis: the
cheapest synthesizer drafts an answer from the retrieved nodes, and if it does not hold, the next
one answers from the same nodes. It decides nothing itself: the core's loop does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher

from automix_core.arms import Described
from automix_core.contexts import current_preference
from automix_core.decision import DecisionCallback
from automix_core.drive import afinish, finish
from automix_core.errors import ConfigurationError
from automix_core.flow import Ask, Flow, Reply
from automix_core.refusals import Refusals
from automix_core.request import Preference, Request
from automix_core.router import Outcome, Router
from automix_core.serving import Serving
from llamaindex_automix.base import outer_edge
from llamaindex_automix.bypass import below, past_the_router
from llamaindex_automix.describe import describe
from llamaindex_automix.events import announcing
from llamaindex_automix.learning import Learns
from llamaindex_automix.overheard import overhearing, usage_of_all
from llamaindex_automix.port import AsyncPort, Port
from llamaindex_automix.requests import chat_operation
from llamaindex_automix.responses import Response
from llamaindex_automix.shapes import ROUTING

if TYPE_CHECKING:
    from automix_core.learn import Store

__all__ = ["RoutingQueryEngine"]

dispatcher = get_dispatcher(__name__)

_NOTHING = "Empty Response"  # what a synthesizer says where it swallowed an error


class RoutingQueryEngine(Learns, RetrieverQueryEngine):
    """Retrieves once, and lets the cheapest synthesizer answer that is good enough.

    Args:
        retriever: Finds the nodes.
        synthesizers: Two or more response synthesizers, or `Arm`s of such, each over an LLM of its
            own; a mapping names them, a list takes the names of their LLMs.
        router: A `Router`, the name of a preset, or `None` for the preset "cascade".
        prices: US dollars a million tokens by name: `Price(...)` or `(input, output)`.
        preference: The trade-off of queries outside of `preferring` blocks.
        on_decision: Called with every decision.
        store: A `Store`, or the path of one: decisions and feedback are written down there.
        node_postprocessors: As in any query engine.
        callback_manager: As in any query engine.

    Raises:
        ConfigurationError: Fewer than two synthesizers, or something that is none.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each setting
        self,
        retriever: BaseRetriever,
        synthesizers: Sequence[Any] | Mapping[str, Any],
        *,
        router: Router | str | None = None,
        prices: Mapping[str, Any] | None = None,
        preference: Preference | None = None,
        on_decision: DecisionCallback | None = None,
        store: Store | str | Path | None = None,
        node_postprocessors: list[BaseNodePostprocessor] | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        bound = Router.of(router).bind(synthesizers, describe=_describe, prices=prices, store=store)
        for arm in bound.bound_arms:
            if not isinstance(arm.model, BaseSynthesizer):
                msg = f"{arm.name!r} is no response synthesizer. An LLM belongs into one."
                raise ConfigurationError(msg)
        self._router = bound
        self._preference = preference
        self._on_decision = on_decision
        self._refusals = Refusals()
        super().__init__(
            retriever,
            bound.bound_arms[0].model,
            node_postprocessors=node_postprocessors,
            callback_manager=callback_manager,
        )

    def with_retriever(self, retriever: BaseRetriever) -> RoutingQueryEngine:
        """The same engine over another retriever; what one learns, the other knows."""
        made = RoutingQueryEngine(
            retriever,
            list(self._router.bound_arms),
            router=self._router,
            preference=self._preference,
            on_decision=self._on_decision,
            node_postprocessors=self._node_postprocessors,
            callback_manager=self.callback_manager,
        )
        made._router = self._router
        return made

    @dispatcher.span
    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer from these nodes; the decision is in `metadata["routing"]`."""
        if not nodes:  # nobody is asked
            return super().synthesize(query_bundle, nodes, additional_source_nodes)
        with outer_edge():
            flow, parts = self._begin(query_bundle, nodes, additional_source_nodes)
            return _decided(finish(flow, _Port(*parts)))

    @dispatcher.span
    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer from these nodes; the decision is in `metadata["routing"]`."""
        if not nodes:
            return await super().asynthesize(query_bundle, nodes, additional_source_nodes)
        with outer_edge():
            flow, parts = self._begin(query_bundle, nodes, additional_source_nodes)
            return _decided(await afinish(flow, _AsyncPort(*parts)))

    @dispatcher.span
    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return self.synthesize(query_bundle, self.retrieve(query_bundle))

    @dispatcher.span
    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await self.asynthesize(query_bundle, await self.aretrieve(query_bundle))

    def _begin(
        self,
        query: QueryBundle,
        nodes: list[NodeWithScore],
        more: Sequence[NodeWithScore] | None,
    ) -> tuple[Flow[Outcome], tuple[Any, ...]]:
        """The flow that answers a query, and what its port is made of."""
        texts = [node.node.get_content(metadata_mode=MetadataMode.LLM) for node in nodes]
        request = Request(query.query_str, "\n\n".join(texts))
        given = current_preference() or self._preference
        request, given = past_the_router(request, given, None)
        serving, tell = self._router.serving, announcing(self._on_decision)
        flow = self._router.route(request, given, tell, serving=serving)
        return flow, (serving, self._refusals, (query, nodes, more))


class _Port(Port):
    """The sync port: the caller's request is a synthesis, a check goes to a synthesizer's LLM."""

    def __init__(self, serving: Serving, refusals: Refusals, asked: tuple[Any, ...]) -> None:
        super().__init__(*_parts(serving, refusals))
        self._synthesizers, self._asked = serving.models, asked

    def ask(self, ask: Ask) -> Reply:
        """Have a synthesizer answer, or its LLM check an answer."""
        if ask.prompt is not None:
            return super().ask(ask)
        responses: list[Response] = []
        with overhearing(responses), below():
            response = self._synthesizers[ask.to].synthesize(*self._asked)
            if isinstance(response, StreamingResponse):
                response = response.get_response()
        return _reply(ask, response, responses)


class _AsyncPort(AsyncPort):
    """The async port."""

    def __init__(self, serving: Serving, refusals: Refusals, asked: tuple[Any, ...]) -> None:
        super().__init__(*_parts(serving, refusals))
        self._synthesizers, self._asked = serving.models, asked

    async def ask(self, ask: Ask) -> Reply:
        """Have a synthesizer answer, or its LLM check an answer."""
        if ask.prompt is not None:
            return await super().ask(ask)
        responses: list[Response] = []
        with overhearing(responses), below():
            response = await self._synthesizers[ask.to].asynthesize(*self._asked)
            if isinstance(response, AsyncStreamingResponse):
                response = await response.get_response()
        return _reply(ask, response, responses)


def _parts(serving: Serving, refusals: Refusals) -> tuple[Any, ...]:
    """What a port for checks needs: the LLMs behind the synthesizers, and the helpers."""
    arms = {arm.name: replace(arm, model=arm.model._llm) for arm in serving.arms}
    return {**arms, **serving.helpers}, chat_operation([], {}), refusals, None


def _reply(ask: Ask, response: Any, responses: list[Response]) -> Reply:
    text = str(response)
    said = "" if text == _NOTHING else text
    return Reply(ask.to, (said,), usage=usage_of_all(responses), message=response)


def _decided(outcome: Outcome) -> RESPONSE_TYPE:
    response: RESPONSE_TYPE = outcome.reply.message
    response.metadata = {**(response.metadata or {}), ROUTING: outcome.decision.as_dict()}
    return response


def _describe(given: Any) -> Described:
    """Read off a synthesizer what its LLM can do; a judge is an LLM."""
    if isinstance(given, BaseSynthesizer):
        return describe(given._llm)
    try:
        return describe(given)
    except ConfigurationError as error:
        msg = f"{error} A RoutingQueryEngine expects response synthesizers."
        raise ConfigurationError(msg) from error
