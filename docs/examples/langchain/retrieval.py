"""A retrieval chain over two models: the draft is checked against what was found.

Needs: pip install automix-routing[langchain] langchain-openai, and OPENAI_API_KEY (or
OPENAI_BASE_URL of any server that speaks OpenAI's protocol).
"""
# runs in the tests

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI

from langchain_automix import RoutingChatModel, collect_decisions

LIBRARY = [
    Document("The Rhône and the Saône meet in Lyon."),
    Document("The Garonne flows through Toulouse and Bordeaux."),
]


def look_up(question: str) -> list[Document]:
    """Stands for any retriever: the documents that share most words with the question."""
    words = set(question.lower().strip("?").split())
    return sorted(LIBRARY, key=lambda d: -len(words & set(d.page_content.lower().split())))[:1]


def joined(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


llm = RoutingChatModel(
    models={"small": ChatOpenAI(model="gpt-5-nano"), "large": ChatOpenAI(model="gpt-5")}
)
prompt = ChatPromptTemplate.from_template(
    "Answer from the context.\n\nContext:\n{context}\n\nQuestion: {question}"
)
chain = (
    {"context": RunnableLambda(look_up) | joined, "question": RunnablePassthrough()}
    | prompt
    | llm
    | StrOutputParser()
)

with collect_decisions() as decisions:
    for part in chain.stream("Which rivers meet in Lyon?"):
        print(part, end="", flush=True)
    print()
for decision in decisions:
    print(f"{decision.arm} ({decision.status}): {decision.why}")
