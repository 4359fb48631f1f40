"""One router, two frameworks: the same questions over the same documents are decided alike.

Each framework's own retrieval pipeline runs over the same documents, with the same embedding,
against the same scripted server. What the verifier sees on the wire is compared byte by byte.
"""

import asyncio
import hashlib
import itertools
import math

import pytest

pytest.importorskip("langchain_openai")
pytest.importorskip("llama_index.llms.openai_like")

from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.llms.openai_like import OpenAILike

from automix_core import Router, collect_decisions
from langchain_automix import RoutingChatModel
from llamaindex_automix import RoutingLLM
from tests.scripted_server import Scripted, ScriptedServer

TOWNS = ("Holm", "Varn", "Skerrow", "Ketter", "Linn", "Osk", "Marten", "Fenn", "Gannet", "Rook")
THINGS = ("ferry", "mill", "library", "bakery", "museum")
PASSAGES = [
    f"The {thing} of {town} was opened in {1800 + 7 * place}.\nIt has {place} rooms > and a yard."
    for place, (town, thing) in enumerate(itertools.product(TOWNS, THINGS))
]
QUESTIONS = [
    f"{ask} the {thing} of {town} {rest}?"
    for town, thing in itertools.product(TOWNS, THINGS)
    for ask, rest in (
        ("When was", "opened"),
        ("How large is", "today"),
        ("Who has seen", "when it was new"),
        ("When did one see", "for the first time"),
    )
]
FEW = QUESTIONS[::5]
KEYS = {"api_key": "none", "max_retries": 0, "timeout": 10}


def embedded(text: str) -> list[float]:
    """A bag of words as a vector: nothing learned, but the same for both frameworks.

    The last number differs from text to text, so that no two passages are equally near.
    """
    own = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
    vector = [0.0] * 256 + [0.1 + own / 4]
    for word in text.lower().replace("?", " ").replace(".", " ").split():
        vector[hashlib.sha256(word.encode()).digest()[0]] += 1.0
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / length for x in vector]


class Words(Embeddings):
    def embed_documents(self, texts):
        return [embedded(text) for text in texts]

    def embed_query(self, text):
        return embedded(text)


class WordsToo(BaseEmbedding):
    def _get_text_embedding(self, text):
        return embedded(text)

    def _get_query_embedding(self, query):
        return embedded(query)

    async def _aget_query_embedding(self, query):
        return embedded(query)


def respond(body):
    """Answers, confidences and verdicts that depend on what is asked, and on nothing else."""
    messages = body["messages"]
    asked = messages[-1]["content"]
    town = max(TOWNS, key=lambda name: asked.rfind(f" {name} "))  # the question stands last
    if messages[0]["content"].startswith("You check whether"):
        verdict = "correct" if "When" in asked or len(town) > 4 else "incorrect"
        return Scripted(text=f"It says so of {town}.\nVerdict: {verdict}")
    if body["model"] == "small":
        return Scripted(text=f"In {town}", logprob=-0.1 if len(town) > 4 else -2.0)
    return Scripted(text=f"Certainly in {town}")


def ask_langchain(router, server, way, questions):
    small, large = (
        ChatOpenAI(base_url=server.base_url, model=name, **KEYS) for name in ("small", "large")
    )
    llm = RoutingChatModel(models={"small": small, "large": large}, router=router)
    store = InMemoryVectorStore(Words())
    store.add_texts(PASSAGES)
    prompt = ChatPromptTemplate.from_template("Context:\n{context}\n\nQuestion: {question}")
    chain = (
        {
            "context": store.as_retriever(search_kwargs={"k": 2})
            | (lambda found: "\n\n".join(document.page_content for document in found)),
            "question": RunnablePassthrough(),
        }
        | prompt
        | llm
        | StrOutputParser()
    )
    if way == "async":

        async def asked():
            return [await chain.ainvoke(question) for question in questions]

        return asyncio.run(asked())
    if way == "streamed":
        return ["".join(chain.stream(question)) for question in questions]
    return [chain.invoke(question) for question in questions]


def ask_llamaindex(router, server, way, questions):
    small, large = (
        OpenAILike(
            api_base=server.base_url, model=name, is_chat_model=True, context_window=8192, **KEYS
        )
        for name in ("small", "large")
    )
    llm = RoutingLLM(models={"small": small, "large": large}, router=router)
    documents = [Document(text=passage) for passage in PASSAGES]
    index = VectorStoreIndex.from_documents(documents, embed_model=WordsToo())
    engine = index.as_query_engine(llm=llm, similarity_top_k=2, streaming=way == "streamed")
    if way == "async":

        async def asked():
            return [str(await engine.aquery(question)) for question in questions]

        return asyncio.run(asked())
    if way == "streamed":
        return ["".join(engine.query(question).response_gen) for question in questions]
    return [str(engine.query(question)) for question in questions]


def run(ask, folder, way, questions):
    """The answers, what the verifier was sent, and the decisions without their times."""
    with ScriptedServer(respond) as server, collect_decisions() as decisions:
        answers = ask(Router.load(folder), server, way, questions)
    checks = [
        body["messages"]
        for body in server.bodies
        if body["messages"][0]["content"].startswith("You check whether")
    ]
    return answers, checks, [telling(decision) for decision in decisions]


def telling(decision):
    steps = [(step.to, step.purpose, step.samples, step.outcome) for step in decision.steps]
    verdicts = [verdict.as_dict() for verdict in decision.verdicts]
    return decision.status, decision.arm, decision.why, steps, verdicts


@pytest.mark.parametrize(
    ("preset", "way", "questions"),
    [
        ("cascade", "whole", QUESTIONS),
        ("automix", "whole", QUESTIONS[::2]),
        ("cascade", "streamed", FEW),
        ("automix", "streamed", FEW[::2]),
        ("cascade", "async", FEW),
        ("automix", "async", FEW[::2]),
    ],
    ids=lambda value: value if isinstance(value, str) else len(value),
)
def test_the_same_saved_router_decides_alike_in_both_frameworks(tmp_path, preset, way, questions):
    Router.preset(preset).save(tmp_path)
    theirs = run(ask_langchain, tmp_path, way, questions)
    ours = run(ask_llamaindex, tmp_path, way, questions)
    assert len(theirs[0]) == len(ours[0]) == len(theirs[2]) == len(ours[2]) == len(questions)
    assert theirs[0] == ours[0]  # answers
    assert theirs[1] == ours[1]  # verifier prompts, to the byte
    assert theirs[2] == ours[2]  # decisions
    assert {decision[1] for decision in ours[2]} == {"small", "large"}
    if preset == "automix":
        assert "> The " in theirs[1][0][-1]["content"]
        assert any("\n> \n> The " in check[-1]["content"] for check in theirs[1])


def test_there_are_two_hundred_different_questions():
    assert len(set(QUESTIONS)) == 200
