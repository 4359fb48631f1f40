# runs in the tests
"""A query engine over your documents: who answered, what it cost, what was saved.

Set OPENAI_API_KEY, and OPENAI_API_BASE for another server than OpenAI's.
"""

from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
from llama_index.llms.openai_like import OpenAILike

from llamaindex_automix import Preference, Price, RoutingLLM, collect_decisions, preferring


def model(name):
    return OpenAILike(model=name, is_chat_model=True, context_window=128_000)


Settings.llm = RoutingLLM(
    models={"small": model("gpt-4.1-nano"), "large": model("gpt-4.1")},
    prices={"small": Price(input=0.1, output=0.4), "large": Price(input=2, output=8)},
)
documents = [
    Document(text="The Rhône and the Saône meet in Lyon."),
    Document(text="The Garonne runs through Toulouse and Bordeaux."),
]
# MockEmbedding finds anything: put your own embedding here.
index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
engine = index.as_query_engine()

questions = ["Which rivers meet in Lyon?", "Which river runs through Toulouse?"]
with collect_decisions() as decisions:
    for question in questions:
        print(engine.query(question))
    with preferring(Preference(cost_weight=0.0)):  # quality at any price
        for token in index.as_query_engine(streaming=True).query(questions[0]).response_gen:
            print(token, end="")
print()

for decision in decisions:
    print(f"{decision.arm}: {decision.why}")
spent = sum(decision.known_cost for decision in decisions)
always = sum(decision.always_largest.cost or 0 for decision in decisions)
print(f"{spent:.6f} US dollars; always the large model: {always:.6f}")
