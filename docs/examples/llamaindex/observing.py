# runs in the tests
"""Tokens by LlamaIndex's own counter, and a table of spending from the router's events.

Set OPENAI_API_KEY, and OPENAI_API_BASE for another server than OpenAI's.
"""

from collections import Counter

from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.llms.openai_like import OpenAILike

from llamaindex_automix import Price, RoutingDecisionEvent, RoutingLLM, VerificationEvent

spent, confidences = Counter(), []


class Spending(BaseEventHandler):
    """Adds up what each model cost."""

    def handle(self, event, **kwargs):
        if isinstance(event, RoutingDecisionEvent):
            for step in event.decision.steps:
                spent[step.to] += step.cost or 0
        elif isinstance(event, VerificationEvent):
            confidences.append((event.verdict.arm, event.verdict.confidence))


get_dispatcher().add_event_handler(Spending())
counter = TokenCountingHandler(tokenizer=str.split)  # the servers' own counts go first
llm = RoutingLLM(
    models={
        name: OpenAILike(model=model, is_chat_model=True, context_window=128_000)
        for name, model in (("small", "gpt-4.1-nano"), ("large", "gpt-4.1"))
    },
    prices={"small": Price(input=0.1, output=0.4), "large": Price(input=2, output=8)},
    callback_manager=CallbackManager([counter]),
)
for question in ("Which rivers meet in Lyon?", "How many sonnets did Shakespeare write?"):
    print(llm.complete(question))

for name, cost in spent.items():
    print(f"{name}: {cost:.6f} US dollars")
print(f"{counter.total_llm_token_count} tokens in {len(counter.llm_token_counts)} calls")
print("confidence:", *confidences)
