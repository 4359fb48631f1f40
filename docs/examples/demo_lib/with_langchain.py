"""The pipeline as a LangChain user would write it: retriever, prompt, model, parser."""

from __future__ import annotations

from collections.abc import Callable

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

from automix_core import Preference, Price
from demo_lib.embedding import embed
from demo_lib.endpoints import Endpoint
from demo_lib.material import ANSWER_TOKENS, PASSAGES, documents, few_shot, user_message
from langchain_automix import RoutingChatModel

__all__ = ["pipeline"]


class WordEmbeddings(Embeddings):
    """Static word embeddings, as LangChain wants them."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return embed(texts)

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return embed([text])[0]


def pipeline(
    small: Endpoint, large: Endpoint, router: str, preference: Preference, timeout: float
) -> Callable[[str], str]:
    """A question in, an answer out, with two models that behave as one."""
    llm = RoutingChatModel(
        models={end.name: _client(end, timeout) for end in (small, large)},
        prices={end.name: Price(end.price, end.price) for end in (small, large)},
        router=router,
        preference=preference,
    )
    store = InMemoryVectorStore(WordEmbeddings())
    store.add_documents([Document(text, id=name) for name, text in documents().items()])
    retriever = store.as_retriever(search_kwargs={"k": PASSAGES})
    turns = [("ai" if t.role == "assistant" else t.role, t.text) for t in few_shot()]
    last = ("user", user_message("{context}", "{question}"))
    chain = (
        {"context": retriever | _joined, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages([*turns, last])
        | llm.bind(stop=["\n"])
        | StrOutputParser()
    )
    return chain.invoke


def _client(end: Endpoint, timeout: float) -> ChatOpenAI:
    return ChatOpenAI(  # type: ignore[call-arg]  # pydantic's plugin does not know the aliases
        base_url=end.base_url,
        api_key=end.api_key,
        model=end.model,
        temperature=0,
        max_tokens=ANSWER_TOKENS,
        timeout=timeout,
        max_retries=0,
    )


def _joined(found: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in found)
