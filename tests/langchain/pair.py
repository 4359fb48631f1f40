"""A small and a large model behind one scripted server."""

import asyncio
from dataclasses import dataclass
from typing import Any

from langchain_openai import ChatOpenAI

from langchain_automix import Price, RoutingChatModel
from tests.scripted_server import ScriptedServer

PRICES = {"small": Price(input=1, output=2), "large": Price(input=10, output=20)}


@dataclass
class Pair:
    """The models, and what the server saw of them."""

    server: ScriptedServer

    def model(self, name: str, **options: Any) -> ChatOpenAI:
        return ChatOpenAI(
            base_url=self.server.base_url,
            api_key="sk-very-secret",
            model=name,
            max_retries=0,
            timeout=10,
            **options,
        )

    def routed(self, **options: Any) -> RoutingChatModel:
        models = {"small": self.model("small"), "large": self.model("large")}
        return RoutingChatModel(**{"models": models, "prices": PRICES, **options})

    @property
    def asked(self) -> list[str]:
        """The models in the order in which the server was asked."""
        return [body["model"] for body in self.server.bodies]


async def until(condition):
    """Wait for something that the event loop does a little later; for two seconds at most."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.02)
