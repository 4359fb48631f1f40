"""What routing adds to a call: extra time over the bare LLM, over models that answer at once.

    python -m tests.benchmarks.llamaindex_overhead [--rounds 300]

All cases take turns within each round, so that a busy machine slows them alike; medians are shown.
An accepted call asks one model and checks the answer, a forced one asks one and checks nothing, an
escalated one asks two and checks the first. `nested` is the least that a wrapper can cost in
LlamaIndex: one inner call below an outer span, and nothing else.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import ChatMessage

from automix_core.verify.check import Check
from llamaindex_automix import Preference, Router, RoutingLLM
from tests.llamaindex.fakes import Native

MESSAGES = [ChatMessage("Which rivers meet in Lyon, and where do they end?")]
WAYS = ("chat", "achat", "stream_chat")
SAID = "Two rivers meet."


class Nested(Native):
    """Passes every call on."""

    _inner: Any = PrivateAttr()

    def __init__(self) -> None:
        super().__init__()
        self._inner = Native(SAID)

    def chat(self, messages, **kwargs):
        return self._inner.chat(messages, **kwargs)

    async def achat(self, messages, **kwargs):
        return await self._inner.achat(messages, **kwargs)

    def stream_chat(self, messages, **kwargs):
        return self._inner.stream_chat(messages, **kwargs)


def routed(accept: bool) -> RoutingLLM:
    router = Router.preset("cascade", verifier=Check(lambda case: accept))
    prices = {"small": (1, 2), "large": (10, 20)}
    models = {"small": Native(SAID), "large": Native(SAID)}
    return RoutingLLM(models=models, router=router, prices=prices)


def cases() -> dict[str, tuple[Any, dict[str, Any]]]:
    """What is measured: an LLM and the keywords of its calls, by name."""
    forced = {"preference": Preference(force="small")}
    return {
        "bare": (Native(SAID), {}),
        "nested": (Nested(), {}),
        "forced": (routed(accept=True), forced),
        "accepted": (routed(accept=True), {}),
        "escalated": (routed(accept=False), {}),
    }


def once(llm: Any, way: str, given: dict[str, Any], loop: asyncio.AbstractEventLoop) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    made = getattr(llm, way)(MESSAGES, **given)
    if way == "achat":
        loop.run_until_complete(made)
    elif way == "stream_chat":
        list(made)
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Median microseconds of a call, by way and case."""
    loop, medians = asyncio.new_event_loop(), {}
    for way in WAYS:
        found = cases()
        gc.collect()
        seconds = {name: [] for name in found}
        for number in range(rounds + 20):  # the first twenty warm up
            for name, (llm, given) in found.items():
                spent = once(llm, way, given, loop)
                if number >= 20:
                    seconds[name].append(spent)
        medians[way] = {name: 1e6 * statistics.median(all_) for name, all_ in seconds.items()}
    loop.close()
    return medians


def table(medians: dict[str, dict[str, float]]) -> str:
    """Microseconds of a bare call; then what each case adds, and its ratio to the bare call."""
    names = list(next(iter(medians.values())))[1:]
    lines = [f"{'µs a call':<14}{'bare':>8}" + "".join(f"{name:>20}" for name in names)]
    for way, each in medians.items():
        bare = each["bare"]
        added = (f"{each[name] - bare:>+12.0f} ({each[name] / bare:>4.1f}x)" for name in names)
        lines.append(f"{way:<14}{bare:>8.0f}" + "".join(added))
    return "\n".join(lines)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    sys.stdout.write(table(measure(parser.parse_args().rounds)) + "\n")


if __name__ == "__main__":
    main()
