"""Policy by kind of call: helper prompts go to one arm unverified, and so does a `bypass` block."""

import pytest
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import (
    KeywordExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import TextNode

from automix_core.verify.check import Check
from llamaindex_automix import ConfigurationError, Preference, Router, bypass, preferring
from tests.llamaindex.pair import ANSWER, DRAFT, index_of, script
from tests.llamaindex.test_tools import TOOL, turns
from tests.scripted_server import Scripted, ToolCall

NO = Router.preset("cascade", verifier=Check(lambda case: False))
ASKED = {"query": "Where?", "response": "In Lyon.", "contexts": ["Lyon lies on the Rhône."]}
JUDGES = {
    AnswerRelevancyEvaluator: "1. Yes\n2. Yes\n[RESULT] 2",
    ContextRelevancyEvaluator: "It does.\n[RESULT] 4",
    CorrectnessEvaluator: "4.0\nIt is so.",
    FaithfulnessEvaluator: "YES",
    GuidelineEvaluator: '{"passing": true, "feedback": "Fine."}',
    PairwiseComparisonEvaluator: "[[A]]",
    RelevancyEvaluator: "YES",
}


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.__name__)
@pytest.mark.parametrize("arm", [None, "large"])
async def test_a_judge_of_llamaindex_s_own_is_recognised(pair, judge, arm):
    models = pair(lambda body: Scripted(JUDGES[judge]))
    llm = models.routed(router=NO, utility_arm=arm)
    more = {"reference": "Lyon."} if judge is CorrectnessEvaluator else {}
    if judge is PairwiseComparisonEvaluator:
        more = {"second_response": "Nice."}
    result = await judge(llm=llm).aevaluate(**ASKED, **more)
    assert not result.invalid_result or judge is PairwiseComparisonEvaluator
    assert set(models.asked) == {arm or "small"}


@pytest.mark.parametrize(
    "extractor", [KeywordExtractor, QuestionsAnsweredExtractor, SummaryExtractor, TitleExtractor]
)
async def test_extractors_are_recognised(pair, extractor):
    models = pair(lambda body: Scripted("words"))
    made = extractor(llm=models.routed(router=NO), num_workers=1)
    await made.aextract([TextNode(text="Lyon lies on the Rhône.")])
    assert set(models.asked) == {"small"}


def test_a_hypothetical_document_is_no_answer(pair):
    models = pair(script())
    HyDEQueryTransform(llm=models.routed(router=NO)).run("Where is Lyon?")
    assert models.asked == ["small"]


def test_a_prompt_that_only_begins_like_one_is_an_answer(pair):
    models = pair(script())
    models.routed(router=NO).predict(
        PromptTemplate("Context: {context_str}. Sum up."), context_str="?"
    )
    assert models.asked == ["small", "large"]


@pytest.mark.parametrize("arm", [None, "small", "large"])
async def test_a_bypass_sends_everything_to_one_arm_unverified(pair, call, arm):
    models = pair(script())
    llm = models.routed(router=NO)
    with bypass(arm):
        heard = await call(llm, "Why?")
    assert models.asked == [arm or "small"]
    assert heard.text == (ANSWER if arm == "large" else DRAFT)
    assert (heard.routing["status"], heard.routing["verdicts"]) == ("final", [])
    await call(llm, "Why?")
    assert models.asked[1:] == ["small", "large"]  # the block is over


def test_a_bypass_reaches_through_an_engine_with_a_judge_of_the_user_s_own(pair):
    models = pair(lambda body: Scripted("YES"))
    template = PromptTemplate("Is {query_str} so, by {context_str}?")
    judge = FaithfulnessEvaluator(llm=models.routed(router=NO), eval_template=template)
    judge.evaluate(**ASKED)
    assert models.asked == ["small", "large"]  # nobody could know that this is a judge
    with bypass("small"):
        judge.evaluate(**ASKED)
    assert models.asked[2:] == ["small"]


def test_a_bypass_takes_tool_calls_and_streams_as_they_come(pair):
    models = pair(turns(small=Scripted(tool_calls=(ToolCall("divide", {}),))))
    with bypass():
        response = models.routed().chat_with_tools([TOOL], user_msg="6 by 7?")
        stream = models.routed().stream_chat_with_tools([TOOL], user_msg="6 by 7?")
    assert response.additional_kwargs["routing"]["arm"] == "small"
    assert list(stream)[-1].additional_kwargs["routing"]["arm"] == "small"
    assert models.server.bodies[1]["stream"] is True


def test_the_other_arms_serve_if_the_one_of_a_bypass_fails(pair):
    models = pair(script(small=Scripted(status=500, error="out of order")))
    with bypass("small"):
        assert models.routed().complete("Why?").text == ANSWER


def test_who_wins(pair):
    models = pair(script())
    llm = models.routed(router=NO, utility_arm="large")
    with preferring(Preference(force="small")), bypass():
        llm.complete("Why?")
    with preferring(Preference(force="small")), bypass("large"):
        llm.complete("Why?")
        llm.complete("Why?", force="small")
    with bypass():
        llm.complete("Why?")
    assert models.asked == ["small", "large", "small", "large"]


def test_an_arm_that_does_not_exist(pair):
    models = pair(script())
    with pytest.raises(ConfigurationError, match="'large', 'small'"):
        models.routed(utility_arm="middle")
    engine = index_of("A fact.").as_query_engine(llm=models.routed())
    with bypass("middle"), pytest.raises(ConfigurationError, match="'large', 'small'"):
        engine.query("Why?")
