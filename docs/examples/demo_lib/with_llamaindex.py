"""The pipeline as a LlamaIndex user would write it: a vector index and its query engine."""

from __future__ import annotations

from collections.abc import Callable

from llama_index.core import ChatPromptTemplate, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.schema import TextNode
from llama_index.llms.openai_like import OpenAILike

from automix_core import Preference, Price
from demo_lib.embedding import embed
from demo_lib.endpoints import Endpoint
from demo_lib.material import ANSWER_TOKENS, PASSAGES, documents, few_shot, user_message
from llamaindex_automix import RoutingLLM

__all__ = ["pipeline"]

CONTEXT_WINDOW = 2048


class WordEmbeddings(BaseEmbedding):
    """Static word embeddings, as LlamaIndex wants them."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return embed([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]


def pipeline(
    small: Endpoint, large: Endpoint, router: str, preference: Preference, timeout: float
) -> Callable[[str], str]:
    """A question in, an answer out, with two models that behave as one."""
    llm = RoutingLLM(  # type: ignore[call-arg, unused-ignore]  # written for pydantic
        models={end.name: _client(end, timeout) for end in (small, large)},
        prices={end.name: Price(end.price, end.price) for end in (small, large)},
        router=router,
        preference=preference,
    )
    nodes = [TextNode(id_=name, text=text) for name, text in documents().items()]
    index = VectorStoreIndex(nodes, embed_model=WordEmbeddings(model_name="wordllama"))
    turns = [ChatMessage(role=t.role, content=t.text) for t in few_shot()]
    last = ChatMessage(role="user", content=user_message("{context_str}", "{query_str}"))
    engine = index.as_query_engine(
        llm=llm,
        similarity_top_k=PASSAGES,
        text_qa_template=ChatPromptTemplate([*turns, last]),
    )
    return lambda question: str(engine.query(question))


def _client(end: Endpoint, timeout: float) -> OpenAILike:
    return OpenAILike(
        api_base=end.base_url,
        api_key=end.api_key,
        model=end.model,
        is_chat_model=True,
        context_window=CONTEXT_WINDOW,
        temperature=0,
        max_tokens=ANSWER_TOKENS,
        timeout=timeout,
        max_retries=0,
        additional_kwargs={"stop": ["\n"]},
    )
