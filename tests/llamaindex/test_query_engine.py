"""Routing whole syntheses: one retrieval, several synthesizers; and a verifier that evaluates."""

import pytest
from llama_index.core import get_response_synthesizer
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.evaluation import BatchEvalRunner
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetryQueryEngine
from llama_index.core.retrievers import BaseRetriever

from automix_core.verify import Agreement, AnswerLikelihood, Judge, SelfVerification
from automix_core.verify.check import Check
from llamaindex_automix import (
    AllArmsFailed,
    Arm,
    AutomixError,
    ConfigurationError,
    Preference,
    Price,
    Router,
    RoutingQueryEngine,
    VerifierEvaluator,
    bypass,
    collect_decisions,
    preferring,
    routing_decision,
)
from tests.llamaindex.fakes import Fake
from tests.llamaindex.pair import ANSWER, DRAFT, PRICES, SECRET, index_of, script
from tests.scripted_server import Scripted

LYON, NICE = "Lyon lies on the Rhône.", "Nice lies on the sea."
YES = Check(lambda case: True)
OUT_OF_ORDER = Scripted(status=500, error="out of order")


class Counting(BaseRetriever):
    """Counts how often it is asked."""

    def __init__(self, *texts):
        super().__init__()
        self._inner = index_of(*texts).as_retriever() if texts else None
        self.asked = 0

    def _retrieve(self, query_bundle):
        self.asked += 1
        return self._inner.retrieve(query_bundle) if self._inner else []


def engine(models, accept=True, retriever=None, streaming=False, mode="compact", **options):
    """An engine over two synthesizers, and what its verifier was shown."""
    seen = []

    def look(case):
        seen.append((case.question, case.context, case.answer, case.arm))
        return accept

    synthesizers = {
        name: get_response_synthesizer(llm=llm, response_mode=mode, streaming=streaming)
        for name, llm in models.models().items()
    }
    router = Router.preset("cascade", verifier=Check(look))
    given = {"router": router, "prices": PRICES, **options}
    return RoutingQueryEngine(retriever or Counting(LYON, NICE), synthesizers, **given), seen


async def queried(engine, question, *, sync):
    return engine.query(question) if sync else await engine.aquery(question)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("accept", [True, False])
async def test_one_retrieval_serves_all_synthesizers(pair, accept, sync, streaming):
    models, retriever = pair(script()), Counting(LYON, NICE)
    made, seen = engine(models, accept, retriever, streaming)
    with collect_decisions() as decisions:
        response = await queried(made, "Where is Lyon?", sync=sync)
    assert str(response) == (DRAFT if accept else ANSWER)
    assert retriever.asked == 1
    assert models.asked == ["small"] if accept else ["small", "large"]
    assert seen == [("Where is Lyon?", f"{LYON}\n\n{NICE}", DRAFT, "small")]
    assert len(response.source_nodes) == 2
    decision = routing_decision(response)
    assert decision == decisions[0]
    assert [verdict.confidence for verdict in decision.verdicts] == [float(accept)]
    assert set(response.metadata) > {"routing"}  # what the nodes say is there as well
    if not streaming:
        assert decision.cost is not None


@pytest.mark.parametrize("mode", ["refine", "tree_summarize", "accumulate"])
async def test_a_synthesis_of_several_calls_is_one_step_with_the_bill_of_all(pair, mode):
    models = pair(script())
    made, _ = engine(models, accept=False, mode=mode)
    decision = routing_decision(made.query("Where?"))
    assert [(step.to, step.purpose) for step in decision.steps] == [
        ("small", "draft"),
        ("large", "answer"),
    ]
    calls = len(models.asked) // 2
    assert decision.steps[0].output_tokens == 5 * calls
    assert (calls > 1) is (mode != "tree_summarize")


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("preset", ["cascade", "automix"])
async def test_checks_go_to_the_llm_of_the_synthesizer(pair, sync, preset):
    def respond(body):
        if "You check whether" in str(body["messages"]):
            return Scripted("It does not say so.\nVerdict: incorrect")
        return Scripted(DRAFT if body["model"] == "small" else ANSWER)

    models = pair(respond)
    made, _ = engine(models, router=preset)
    response = await queried(made, "Where is Lyon?", sync=sync)
    assert str(response) == ANSWER
    assert models.asked[0] == models.asked[1] == "small"
    assert models.asked[-1] == "large"
    assert LYON in str(models.server.bodies[1]["messages"])


@pytest.mark.parametrize("sync", [True, False])
async def test_a_judge_may_check(pair, sync):
    def respond(body):
        checks = "You check whether" in str(body["messages"])
        return Scripted("So.\nVerdict: correct" if checks else DRAFT)

    models = pair(respond)
    router = Router.preset("cascade", verifier=Judge(models.model("judge")))
    made, _ = engine(models, router=router)
    assert str(await queried(made, "Where?", sync=sync)) == DRAFT
    assert models.asked == ["small", "judge"]


@pytest.mark.parametrize("sync", [True, False])
async def test_failures(pair, sync):
    made, _ = engine(pair(script(small=OUT_OF_ORDER)))
    assert str(await queried(made, "Where?", sync=sync)) == ANSWER
    made, _ = engine(pair(lambda body: OUT_OF_ORDER))
    with pytest.raises(AllArmsFailed, match="out of order"):
        await queried(made, "Where?", sync=sync)


def test_an_error_that_a_synthesizer_swallows_is_a_failure_all_the_same(pair):
    arms = {"small": Fake(lambda text: ValueError("broken")), "large": Fake("fine")}
    synthesizers = {name: get_response_synthesizer(llm=llm) for name, llm in arms.items()}
    made = RoutingQueryEngine(
        Counting(LYON), synthesizers, router=Router.preset("cascade", verifier=YES)
    )
    assert str(made.query("Where?")) == "fine"


def test_nothing_found_asks_nobody(pair):
    models = pair(script())
    made, seen = engine(models, retriever=Counting())
    assert str(made.query("Where?")) == "Empty Response"
    assert (models.asked, seen) == ([], [])


def test_preferences_bypass_and_postprocessors(pair):
    models = pair(script())
    made, seen = engine(models, node_postprocessors=[SimilarityPostprocessor()])
    with preferring(Preference(force="large")):
        assert str(made.query("Where?")) == ANSWER
    with bypass("large"):
        assert str(made.query("Where?")) == ANSWER
    assert seen == []
    other = made.with_retriever(Counting(NICE))
    other.query("Where?")
    assert seen[0][1] == NICE
    cheap, _ = engine(models, preference=Preference(force="large"))
    assert str(cheap.query("Where?")) == ANSWER


def test_other_engines_may_be_built_on_it(pair):
    made, _ = engine(pair(script()))
    chat = CondenseQuestionChatEngine.from_defaults(made, llm=pair(script()).routed())
    assert str(chat.chat("Where?")) == DRAFT


@pytest.mark.parametrize("given", [[], ["x"], [Fake(), Fake("b", model="b")]])
def test_what_is_no_pair_of_synthesizers(given):
    with pytest.raises(AutomixError, match=r"synthesizer|at least two"):
        RoutingQueryEngine(Counting(), given)


def test_arms_with_prices_and_routing_llms_inside(pair):
    models = pair(script(sure=False))
    inner = get_response_synthesizer(llm=models.routed())
    third = get_response_synthesizer(llm=models.model("large"))
    arms = {"pair": Arm(inner, price=Price(1, 2)), "third": Arm(third, price=Price(10, 20))}
    made = RoutingQueryEngine(Counting(LYON), arms, router=Router.preset("cascade", verifier=YES))
    with collect_decisions() as decisions:
        assert str(made.query("Where?")) == ANSWER
    assert [decision.arm for decision in decisions] == ["large", "pair"]


# The verifier as an evaluator.


def verdicts(*words):
    """A judge that gives these verdicts, in turn and over again."""
    given = list(words)

    def respond(body):
        word = given.pop(0)
        given.append(word)
        return Scripted(f"So.\nVerdict: {word}")

    return respond


async def evaluated(evaluator, *, sync, **given):
    asked = {"query": "Where?", "response": "In Lyon.", "contexts": [LYON, NICE], **given}
    return evaluator.evaluate(**asked) if sync else await evaluator.aevaluate(**asked)


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(("threshold", "passing"), [(0.4, True), (0.6, False)])
async def test_a_verifier_scores_an_answer(pair, sync, threshold, passing):
    models = pair(verdicts("correct", "incorrect"), choices="one")
    evaluator = VerifierEvaluator(
        models.model("judge"), SelfVerification(samples=4, form="text"), threshold=threshold
    )
    result = await evaluated(evaluator, sync=sync)
    assert (result.score, result.passing, result.invalid_result) == (0.5, passing, False)
    assert result.feedback == "2 of 4 checks call it right."
    assert (result.query, result.response, result.contexts) == ("Where?", "In Lyon.", [LYON, NICE])
    assert all(text in str(models.server.bodies[0]["messages"]) for text in (LYON, NICE, "In Lyon"))


@pytest.mark.parametrize("sync", [True, False])
async def test_without_a_verdict_a_result_is_invalid_and_no_zero(pair, sync):
    evaluator = VerifierEvaluator(pair(lambda body: Scripted("no idea")).model("judge"))
    result = await evaluated(evaluator, sync=sync)
    assert (result.score, result.passing, result.invalid_result) == (None, None, True)
    assert "verdict" in result.invalid_reason
    result = await evaluated(VerifierEvaluator(Fake(), AnswerLikelihood()), sync=sync)
    assert result.invalid_result


@pytest.mark.parametrize("sync", [True, False])
async def test_further_answers_come_from_the_contexts(pair, sync):
    models = pair(lambda body: Scripted("In Lyon."))
    result = await evaluated(VerifierEvaluator(models.model("m"), Agreement(2)), sync=sync)
    assert result.score == 1.0
    assert LYON in str(models.server.bodies[0]["messages"])


async def test_checks_and_judges_and_routers_may_evaluate(pair):
    assert (await evaluated(VerifierEvaluator(Fake(), YES), sync=False)).passing
    models = pair(verdicts("correct"))
    judged = VerifierEvaluator(Fake(), Judge(models.model("judge")))
    assert (await evaluated(judged, sync=True)).passing
    never = Router.preset("cascade", verifier=Check(lambda case: False))
    routed = VerifierEvaluator(models.routed(router=never), "self_verification")
    for sync in (True, False):
        assert (await evaluated(routed, sync=sync)).passing
    assert set(models.asked) == {"judge", "small"}  # a check is not itself routed


async def test_a_batch_runner_and_a_retrying_engine_take_it(pair):
    models = pair(verdicts("correct"))
    evaluator = VerifierEvaluator(models.model("judge"))
    runner = BatchEvalRunner({"verifier": evaluator}, workers=2)
    results = await runner.aevaluate_response_strs(
        queries=["Where?", "Why?"], response_strs=["There.", "So."], contexts_list=[[LYON], [NICE]]
    )
    assert [result.passing for result in results["verifier"]] == [True, True]
    inner = index_of(LYON).as_query_engine(llm=pair(script()).routed())
    assert str(RetryQueryEngine(inner, evaluator).query("Where?")) == DRAFT


def test_wrong_input_is_told(pair):
    for given, says in [
        ({"verifier": "mind_reader"}, "self_verification"),
        ({"verifier": 3}, "name of one"),
        ({"threshold": 2}, r"in \[0, 1\]"),
    ]:
        with pytest.raises(ConfigurationError, match=says):
            VerifierEvaluator(Fake(), **given)
    with pytest.raises(ConfigurationError, match="query and response"):
        VerifierEvaluator(Fake()).evaluate(response="So.")
    with pytest.raises(ConfigurationError, match="LlamaIndex LLM"):
        VerifierEvaluator("gpt")
    assert SECRET not in repr(vars(VerifierEvaluator(pair(script()).model("small"))))
