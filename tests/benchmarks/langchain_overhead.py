"""What routing adds to a call: extra time over the bare model, ours beside others'.

    python tests/benchmarks/langchain_overhead.py [--calls 2000] [--rounds 20] [--json]

The models are instant fakes, so that what remains is the wrapper. All subjects take turns within
each round, and the median over the rounds is shown. Peers that are not installed are left out:
pip install cascadeflow langchain-model-router.
"""

import argparse
import asyncio
import gc
import importlib.util
import json
import logging
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.callbacks import CallbackManager
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from automix_core.verify import Check
from langchain_automix import Preference, Router, RoutingChatModel

WAYS = ("invoke", "ainvoke", "stream", "first chunk")
WORDS = ("Two ", "rivers ", "meet.")
QUESTION = "Which rivers meet in Lyon?"


class Instant(BaseChatModel):
    """A model that answers at once."""

    model_name: str

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        usage = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
        named = {"model_name": self.model_name}
        message = AIMessage("".join(WORDS), usage_metadata=usage, response_metadata=named)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        return self._generate(messages)

    def _stream(
        self, messages, stop=None, run_manager=None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for word in WORDS:
            yield ChatGenerationChunk(message=AIMessageChunk(word))

    async def _astream(
        self, messages, stop=None, run_manager=None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            yield chunk


class Nested(Instant):
    """The least that a nested run can cost: one inner call below the outer run, no routing."""

    inner: Any

    def _generate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        inner = self.inner.invoke(messages, {"callbacks": self._child(run_manager)})
        return ChatResult(generations=[ChatGeneration(message=inner.model_copy())])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        inner = await self.inner.ainvoke(messages, {"callbacks": self._child(run_manager)})
        return ChatResult(generations=[ChatGeneration(message=inner.model_copy())])

    def _stream(
        self, messages, stop=None, run_manager=None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self.inner.stream(messages):
            yield ChatGenerationChunk(message=chunk)

    def _child(self, run_manager: Any) -> CallbackManager:
        return CallbackManager(run_manager.handlers, parent_run_id=run_manager.run_id)


def subjects() -> dict[str, Runnable]:
    """What is measured, by name."""
    small, large = Instant(model_name="small"), Instant(model_name="large")
    prices = {"small": (1, 2), "large": (10, 20)}

    def ours(good: bool, **options: Any) -> RoutingChatModel:
        check = Router.preset("cascade", verifier=Check(lambda case: good))
        models = {"small": small, "large": large}
        return RoutingChatModel(models=models, prices=prices, router=check, **options)

    found: dict[str, Runnable] = {
        "bare": large,
        "with_fallbacks": large.with_fallbacks([small]),
        "nested run": Nested(model_name="nested", inner=large),
        "ours, accepted": ours(True),
        "ours, pre-routed": ours(True, preference=Preference(force="large")),
        "ours, escalated": ours(False),
    }
    if importlib.util.find_spec("cascadeflow"):
        from cascadeflow.integrations.langchain import CascadeFlow

        found |= {
            "cascadeflow, accepted": CascadeFlow(
                small, large, quality_validator=lambda *_: 1.0, enable_pre_router=False
            ),
            "cascadeflow, pre-routed": CascadeFlow(small, large, cascade_complexities=["none"]),
            "cascadeflow, escalated": CascadeFlow(
                small, large, quality_validator=lambda *_: 0.0, enable_pre_router=False
            ),
        }
    if importlib.util.find_spec("langchain_model_router"):
        from langchain_model_router import ChatRouter

        routes = {"small": small, "large": large}
        found["langchain-model-router, pre-routed"] = ChatRouter(
            routes=routes, default_route="small", strategy=lambda request: "large"
        )
    return found


def timed(llm: Runnable, way: str, calls: int) -> float:
    """Seconds a call."""
    if way == "ainvoke":
        return asyncio.run(_timed_async(llm, calls))
    once: Callable[[], Any] = {
        "invoke": lambda: llm.invoke(QUESTION),
        "stream": lambda: list(llm.stream(QUESTION)),
        "first chunk": lambda: next(iter(llm.stream(QUESTION))),
    }[way]
    once()
    began = time.perf_counter()
    for _ in range(calls):
        once()
    return (time.perf_counter() - began) / calls


async def _timed_async(llm: Runnable, calls: int) -> float:
    await llm.ainvoke(QUESTION)
    began = time.perf_counter()
    for _ in range(calls):
        await llm.ainvoke(QUESTION)
    return (time.perf_counter() - began) / calls


def measure(calls: int, rounds: int) -> dict[str, dict[str, float]]:
    """Extra microseconds a call over the bare model, by subject and way."""
    found = subjects()
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for way in WAYS:
            gc.collect()
            for name, llm in found.items():
                spent = timed(llm, way, max(1, calls // rounds))
                seconds.setdefault((name, way), []).append(spent)
    typical = {key: statistics.median(values) for key, values in seconds.items()}
    return {
        name: {way: 1e6 * (typical[name, way] - typical["bare", way]) for way in WAYS}
        for name in found
        if name != "bare"
    }


def table(extra: dict[str, dict[str, float]]) -> str:
    """Microseconds, and in brackets how many times what `with_fallbacks` adds."""
    head = f"{'extra µs a call':<36}" + "".join(f"{way:>18}" for way in WAYS)
    unit = extra["with_fallbacks"]
    lines = [
        f"{name:<36}"
        + "".join(f"{each[way]:>10.0f} ({each[way] / unit[way]:>4.1f}x)" for way in WAYS)
        for name, each in extra.items()
    ]
    return "\n".join([head, *lines])


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000, help="calls a cell")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    extra = measure(asked.calls, asked.rounds)
    sys.stdout.write((json.dumps(extra) if asked.json else table(extra)) + "\n")


if __name__ == "__main__":
    main()
