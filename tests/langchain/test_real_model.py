"""The router over a real local model, through the client that users have."""

import pytest
from langchain_openai import ChatOpenAI

from automix_core.verify import AnswerLikelihood, SelfVerification, TrueProbability
from langchain_automix import Router, RoutingChatModel, routing_decision

pytestmark = pytest.mark.models

ASKED = (
    "Context:\nThe ferry Anna leaves Holm at 9:15 every morning. The crossing takes 40 minutes.\n\n"
    "Question: When does the ferry leave?"
)


@pytest.fixture
def routed(smollm2):
    """A router over two differently configured arms of the same small model."""

    def make(verifier, **options):
        models = {
            name: ChatOpenAI(
                base_url=smollm2.base_url,
                api_key="none",
                model=name,
                max_retries=0,
                max_tokens=tokens,
                temperature=0,
            )
            for name, tokens in (("small", 16), ("large", 20))
        }
        router = Router.preset("cascade", verifier=verifier, **options)
        prices = {"small": (1, 2), "large": (10, 20)}
        return RoutingChatModel(models=models, router=router, prices=prices)

    return make


def test_the_free_signals_are_there(routed):
    decision = routing_decision(routed(AnswerLikelihood() | TrueProbability()).invoke(ASKED))
    (verdict,) = decision.verdicts
    assert 0 < verdict.values["answer_likelihood"] < 1
    assert 0 < verdict.values["true_probability"] < 1


@pytest.mark.parametrize("form", ["text", "schema"])
def test_a_model_of_135_million_parameters_can_be_brought_to_a_verdict(routed, form):
    verifier = SelfVerification(samples=4, form=form, eager=True, max_tokens=80)
    decision = routing_decision(routed(verifier).invoke(ASKED))
    (verdict,) = decision.verdicts
    assert verdict.planned == verdict.asked == 4
    assert verdict.valid_share >= 0.5


def test_the_bill_is_what_the_server_counted(routed, smollm2):
    before, calls = smollm2.metrics()["tokens_predicted_total"], smollm2.calls()
    verifier = SelfVerification(samples=4, form="text", eager=True, max_tokens=80)
    decision = routing_decision(routed(verifier, threshold=1.0).invoke(ASKED))
    generated = smollm2.metrics()["tokens_predicted_total"] - before
    billed = sum(output for _, output in decision.tokens.values())
    assert smollm2.calls() - calls == decision.calls
    assert decision.cost is not None
    assert billed == pytest.approx(generated, rel=0.5)  # the server reports one sample of four


def test_a_final_answer_streams_from_the_real_server(routed):
    chunks = list(routed(AnswerLikelihood(), threshold=1.0).stream(ASKED))
    whole = sum(chunks[1:], chunks[0])
    decision = routing_decision(whole)
    assert decision.arm == "large"
    assert len([chunk for chunk in chunks if chunk.text]) > 3
    assert decision.cost is not None
