"""A small and a large model behind one scripted server, and an index over documents."""

from dataclasses import dataclass
from typing import Any

import httpx
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.llms.openai_like import OpenAILike

from llamaindex_automix import Price, RoutingLLM
from tests.scripted_server import Scripted, ScriptedServer

PRICES = {"small": Price(input=1, output=2), "large": Price(input=10, output=20)}
SECRET = "sk-very-secret"
DRAFT, ANSWER = "a small draft of words", "the large answer of words"


def script(*, sure=True, small=None, large=None):
    """Both models' answers: the small one's draft is sure of itself or not."""
    draft = small or Scripted(DRAFT, logprob=-0.001 if sure else -3.0)
    answer = large or Scripted(ANSWER)
    return lambda body: draft if body["model"] == "small" else answer


class Length(BaseEmbedding):
    """Embeddings that know the length of a text: whatever the question, the longest wins."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(len(text)), 20.0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return [1.0, 0.0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def index_of(*texts: str) -> VectorStoreIndex:
    """An index over documents; the two longest are found."""
    documents = [Document(text=text) for text in texts]
    return VectorStoreIndex.from_documents(documents, embed_model=Length())


@dataclass
class Pair:
    """The models, and what the server saw of them."""

    server: ScriptedServer

    def model(self, name: str, **options: Any) -> OpenAILike:
        given = {
            "is_chat_model": True,
            "is_function_calling_model": True,
            "context_window": 8192,
            "max_retries": 0,
            "timeout": 10,
            "http_client": httpx.Client(verify=False),  # certificates take long to load
            "async_http_client": httpx.AsyncClient(verify=False),
            **options,
        }
        return OpenAILike(model=name, api_base=self.server.base_url, api_key=SECRET, **given)

    def models(self, **options: Any) -> dict[str, OpenAILike]:
        return {name: self.model(name, **options) for name in ("small", "large")}

    def routed(self, **options: Any) -> RoutingLLM:
        return RoutingLLM(**{"models": self.models(), "prices": PRICES, **options})

    @property
    def asked(self) -> list[str]:
        """The models in the order in which the server was asked."""
        return [body["model"] for body in self.server.bodies]
