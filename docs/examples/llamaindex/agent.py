# runs in the tests
"""An agent whose tool calls are judged by their form, and whose answers by the tools' results.

Set OPENAI_API_KEY, and OPENAI_API_BASE for another server than OpenAI's.
"""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike

from llamaindex_automix import RoutingLLM, collect_decisions


def model(name):
    return OpenAILike(
        model=name,
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=128_000,
    )


def length_of(river: str) -> str:
    """Look up the length of a river."""
    return {"Rhône": "812 km", "Saône": "473 km"}.get(river, "unknown")


async def main():
    llm = RoutingLLM(models={"small": model("gpt-4.1-nano"), "large": model("gpt-4.1")})
    agent = FunctionAgent(tools=[length_of], llm=llm)
    with collect_decisions() as decisions:
        print(await agent.run("How long is the 'Rhône'?"))
    for decision in decisions:
        print(decision.arm, decision.status, [verdict.values for verdict in decision.verdicts])


asyncio.run(main())
