"""An agent over two models, in both ways: the router as its model, and as a middleware.

Needs: pip install automix-routing[langchain-agents] langchain-openai, and OPENAI_API_KEY (or
OPENAI_BASE_URL of any server that speaks OpenAI's protocol).
"""
# runs in the tests

from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from langchain_automix import RoutingChatModel, RoutingMiddleware, routing_decision

LENGTHS = {"Rhône": 812, "Saône": 473}


@tool
def length_of(river: str) -> str:
    """Look up the length of a river."""
    return f"{LENGTHS[river]} km" if river in LENGTHS else f"Nothing is known of {river}."


models = {"small": ChatOpenAI(model="gpt-5-nano"), "large": ChatOpenAI(model="gpt-5")}
agents = {
    "as a model": create_agent(RoutingChatModel(models=models), [length_of]),
    "as a middleware": create_agent(
        models["large"], [length_of], middleware=[RoutingMiddleware(models)]
    ),
}
for way, agent in agents.items():
    state = agent.invoke({"messages": [("user", "How long is the Rhône?")]})
    print(f"{way}: {state['messages'][-1].text}")
    for message in state["messages"]:
        if isinstance(message, AIMessage):
            decision = routing_decision(message)
            print(f"  {decision.arm} ({decision.status}): {decision.why}")
