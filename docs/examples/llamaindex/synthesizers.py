# runs in the tests
"""Routing between whole syntheses over one retrieval, and a verifier as an evaluator.

Set OPENAI_API_KEY, and OPENAI_API_BASE for another server than OpenAI's.
"""

from llama_index.core import Document, MockEmbedding, VectorStoreIndex, get_response_synthesizer
from llama_index.llms.openai_like import OpenAILike

from llamaindex_automix import RoutingQueryEngine, VerifierEvaluator, routing_decision

small, large = (
    OpenAILike(model=name, is_chat_model=True, context_window=128_000)
    for name in ("gpt-4.1-nano", "gpt-4.1")
)
documents = [
    Document(text="The Rhône and the Saône meet in Lyon."),
    Document(text="The Rhône ends in the Mediterranean."),
]
index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
engine = RoutingQueryEngine(
    index.as_retriever(similarity_top_k=2),
    {
        "small, step by step": get_response_synthesizer(llm=small, response_mode="refine"),
        "large, at once": get_response_synthesizer(llm=large, response_mode="compact"),
    },
)
question = "Where does the river end that meets the Saône?"
response = engine.query(question)
decision = routing_decision(response)
print(response)
print(f"{decision.arm}: {decision.why}")

evaluator = VerifierEvaluator(large, "self_verification")
result = evaluator.evaluate_response(query=question, response=response)
print(result.score, result.passing, result.feedback or result.invalid_reason)
