"""Structured output over two models, and three ways to say what it may cost.

Needs: pip install automix-routing[langchain] langchain-openai, and OPENAI_API_KEY (or
OPENAI_BASE_URL of any server that speaks OpenAI's protocol).
"""
# runs in the tests

from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_automix import Preference, Price, RoutingChatModel, collect_decisions, preferring


class River(BaseModel):
    """A river."""

    name: str
    countries: int


llm = RoutingChatModel(
    models={"small": ChatOpenAI(model="gpt-5-nano"), "large": ChatOpenAI(model="gpt-5")},
    prices={"small": Price(input=0.05, output=0.4), "large": Price(input=1.25, output=10)},
)
rivers = llm.with_structured_output(River, method="json_schema")

with collect_decisions() as decisions:
    print(rivers.invoke("Describe the Rhône."))
    with preferring(Preference(cost_weight=0.3)):  # money matters more, for all calls in the block
        print(rivers.invoke("Describe the Saône."))
    print(rivers.invoke("Describe the Ain.", config={"configurable": {"force": "dearest"}}))
for decision in decisions:
    print(f"{decision.arm}: {decision.cost} US dollars; {decision.always_largest}")
