"""A verifier as a LlamaIndex evaluator, so that what routes can also be measured with.

The evaluator runs the same flow as the router does, over an answer that is already there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.evaluation import BaseEvaluator, EvaluationResult
from llama_index.core.llms import LLM
from llama_index.core.prompts.default_prompts import DEFAULT_TEXT_QA_PROMPT
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.settings import Settings

from automix_core.arms import Arm, complete_arm
from automix_core.drive import afinish, finish
from automix_core.errors import ConfigurationError
from automix_core.evidence import Answer, Signal
from automix_core.flow import Flow, Reply
from automix_core.parts import Verifier, find_part
from automix_core.refusals import Refusals
from automix_core.request import Request
from llamaindex_automix.base import outer_edge
from llamaindex_automix.bypass import bypass
from llamaindex_automix.describe import describe
from llamaindex_automix.port import AsyncPort, Port
from llamaindex_automix.requests import chat_operation

__all__ = ["VerifierEvaluator"]


class VerifierEvaluator(BaseEvaluator):
    """Scores an answer by a verifier's confidence in it.

    Without a verdict the result is invalid and has no score: never a 0. A verifier that reads the
    log-probabilities of the answer itself has nothing to read here.

    Args:
        llm: Who checks, or an `Arm` of it; `None` for `Settings.llm`.
        verifier: A verifier, or the name of one.
        threshold: Confidence from which an answer passes.

    Raises:
        ConfigurationError: No such verifier, or a threshold outside 0 to 1.
    """

    def __init__(
        self,
        llm: LLM | Arm | None = None,
        verifier: Verifier | str = "self_verification",
        *,
        threshold: float = 0.5,
    ) -> None:
        if isinstance(verifier, str):
            made: Any = find_part("verifier", verifier)
            verifier = made()
        if not isinstance(verifier, Verifier):
            msg = f"verifier must be a Verifier or the name of one, not {verifier!r}."
            raise ConfigurationError(msg)
        if not 0 <= threshold <= 1:
            msg = f"threshold must be a number in [0, 1], not {threshold!r}."
            raise ConfigurationError(msg)
        self._threshold = threshold
        self._arm = complete_arm(Settings.llm if llm is None else llm, describe)
        helpers = {
            name: complete_arm(given, describe, name=name)
            for name, given in verifier.helpers().items()
        }
        self._verifier = verifier.with_helpers(helpers)
        self._arms = {self._arm.name: self._arm, **helpers}
        self._refusals = Refusals()

    def evaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Check an answer; needs `query` and `response`."""
        request = _request(query, response, contexts)
        with outer_edge(), bypass():
            signal = finish(self._flow(request, response), Port(*self._port_parts(request)))
        return self._result(signal, query, response, contexts)

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        sleep_time_in_seconds: float = 0,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Check an answer; needs `query` and `response`."""
        await asyncio.sleep(sleep_time_in_seconds)
        request = _request(query, response, contexts)
        with outer_edge(), bypass():
            port = AsyncPort(*self._port_parts(request))
            signal = await afinish(self._flow(request, response), port)
        return self._result(signal, query, response, contexts)

    def _flow(self, request: Request, response: str | None) -> Flow[Signal]:
        answer = Answer(self._arm.name, Reply(self._arm.name, (response or "",)))
        # The score matters, and not only on which side of the threshold it falls: no early end.
        return self._verifier.verify(request, answer, self._arm, lambda _: False)

    def _port_parts(self, request: Request) -> tuple[Any, ...]:
        """For a port on which a verifier that wants further answers gets them from the contexts."""
        again = DEFAULT_TEXT_QA_PROMPT.format_messages(
            query_str=request.question, context_str=request.context
        )
        return self._arms, chat_operation(again, {}), self._refusals, None

    def _result(
        self,
        signal: Signal,
        query: str | None,
        response: str | None,
        contexts: Sequence[str] | None,
    ) -> EvaluationResult:
        confidence = signal.confidence
        return EvaluationResult(
            query=query,
            contexts=contexts,
            response=response,
            passing=None if confidence is None else confidence >= self._threshold,
            score=confidence,
            feedback=signal.note or _counted(signal),
            invalid_result=confidence is None,
            invalid_reason=signal.note or None if confidence is None else None,
        )

    def _get_prompts(self) -> PromptDictType:
        """No prompts to change: the verifier has its own."""
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """No prompts to change."""


def _request(query: str | None, response: str | None, contexts: Sequence[str] | None) -> Request:
    if query is None or response is None:
        msg = "VerifierEvaluator needs query and response."
        raise ConfigurationError(msg)
    return Request(query, "\n\n".join(contexts or ()))


def _counted(signal: Signal) -> str | None:
    if not signal.asked:
        return None
    return f"{signal.correct} of {signal.valid} checks call it right."
