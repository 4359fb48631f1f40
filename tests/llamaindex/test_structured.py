"""Structured results: each arm uses what it has, and one that gives none is passed over."""

import json

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from llamaindex_automix import AllArmsFailed, Preference, collect_decisions, preferring
from tests.llamaindex.pair import index_of
from tests.scripted_server import Scripted, ToolCall


class Town(BaseModel):
    """A town."""

    name: str
    river: str


LYON = {"name": "Lyon", "river": "Rhône"}
PROMPT = PromptTemplate("A town in {country}, please.")
WAYS = [f"{way}structured_predict" for way in ("", "a", "stream_", "astream_")]


def towns(small=LYON, large=LYON):
    """Both models fill in what they are made to, each in the way it is asked to."""

    def respond(body):
        given = small if body["model"] == "small" else large
        if isinstance(given, Scripted):
            return given
        if body.get("tools"):
            return Scripted(tool_calls=(ToolCall("Town", given),))
        return Scripted(json.dumps(given))

    return respond


async def predicted(llm, way, prompt=PROMPT, **given):
    made = getattr(llm, way)(Town, prompt, **{"country": "France", **given})
    if way.startswith("a"):
        made = await made
    if "stream_" not in way:
        return made
    return [town async for town in made][-1] if way.startswith("a") else list(made)[-1]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.mark.parametrize(
    "native", [{"should_use_structured_outputs": True}, {}, {"is_function_calling_model": False}]
)
async def test_a_valid_object_is_kept(pair, way, native):
    models = pair(towns())
    with collect_decisions() as decisions:
        town = await predicted(models.routed(models=models.models(**native)), way)
    assert (town.name, town.river) == ("Lyon", "Rhône")
    assert models.asked == ["small"]
    assert "France" in str(models.server.bodies[0]["messages"])
    assert ("response_format" in models.server.bodies[0]) is bool(
        native.get("should_use_structured_outputs")
    )
    assert [(d.status, d.arm) for d in decisions] == [("accepted", "small")]
    assert decisions[0].cost is not None  # the call inside was overheard


@pytest.mark.parametrize(
    "native", [{"should_use_structured_outputs": True}, {}, {"is_function_calling_model": False}]
)
@pytest.mark.parametrize("wrong", [{"name": "Lyon"}, Scripted("no idea"), Scripted(status=500)])
async def test_what_is_no_such_object_escalates(pair, way, native, wrong):
    models = pair(towns(small=wrong))
    town = await predicted(models.routed(models=models.models(**native)), way)
    assert town.name == "Lyon"
    assert town.river == "Rhône"
    assert models.asked[-1] == "large"


@pytest.mark.parametrize(
    "native", [{"should_use_structured_outputs": True}, {}, {"is_function_calling_model": False}]
)
async def test_a_failed_attempt_is_on_the_bill(pair, way, native):
    models = pair(towns(small={"name": "Lyon"}))
    with collect_decisions() as decisions:
        await predicted(models.routed(models=models.models(**native)), way)
    (decision,) = decisions
    assert [step.outcome for step in decision.steps if step.to == "small"] == ["failed"]
    assert all(step.output_tokens for step in decision.steps)
    assert decision.cost is not None


async def test_a_live_stream_is_on_the_bill_and_asks_for_it_no_further_than_it_is_let(pair):
    for refuses in (False, True):

        def respond(body, refuses=refuses):
            if refuses and "stream_options" in body:
                return Scripted(status=400, error="unknown field stream_options")
            return towns()(body)

        models = pair(respond)
        llm = models.routed()
        for _ in range(2):
            with collect_decisions() as decisions, preferring(Preference(force="large")):
                assert await predicted(llm, "stream_structured_predict") == Town(**LYON)
            assert decisions[0].status == "final"
            assert (decisions[0].cost is None) is refuses
        asked = ["stream_options" in body for body in models.server.bodies]
        assert asked == ([True, False, False] if refuses else [True, True])


async def test_a_template_is_not_changed_by_an_arm(pair, way):
    models = pair(towns(small={"name": "Lyon"}))
    small = models.model("small", is_function_calling_model=False)
    await predicted(models.routed(models=[small, models.model("large")]), way)
    first, second = (body["messages"][0]["content"] for body in models.server.bodies)
    assert "JSON schema" in first
    assert second == "A town in France, please."
    assert PROMPT.output_parser is None


async def test_when_no_arm_gives_one_every_cause_is_told(pair, way):
    models = pair(towns(small={"name": "Lyon"}, large=Scripted(status=500, error="closed")))
    with pytest.raises(AllArmsFailed, match="closed") as caught:
        await predicted(models.routed(), way)
    assert [cause.source for cause in caught.value.causes] == ["small", "large"]


async def test_the_router_s_own_system_prompt_reaches_the_arms(pair, way):
    models = pair(towns())
    await predicted(models.routed(system_prompt="Be brief."), way, country='{"a": {country}}')
    said = [message["content"] for message in models.server.bodies[0]["messages"]]
    assert said == ["Be brief.", 'A town in {"a": {country}}, please.']


async def test_an_engine_with_a_result_class(pair):
    models = pair(towns(small={"name": "Lyon"}))
    engine = index_of("Lyon lies on the Rhône.").as_query_engine(
        llm=models.routed(), output_cls=Town
    )
    assert engine.query("Which town?").response.river == "Rhône"
    assert (await engine.aquery("Which town?")).response.river == "Rhône"


def test_as_structured_llm(pair):
    models = pair(towns(small={"name": "Lyon"}))
    llm = models.routed().as_structured_llm(Town)
    assert llm.chat([ChatMessage(content="A town?")]).raw == Town(**LYON)
    assert index_of("Lyon lies on the Rhône.").as_query_engine(llm=llm).query("?").response


async def test_a_mock_arm_beside_a_real_one(pair):
    def respond(messages, **kwargs):
        return ChatMessage(role="assistant", content="no idea")

    models = pair(towns())
    mock = MockFunctionCallingLLM(response_generator=respond, is_chat_model=True)
    llm = models.routed(models={"small": mock, "large": models.model("large")}, prices=None)
    assert await llm.astructured_predict(Town, PROMPT, country="France") == Town(**LYON)
