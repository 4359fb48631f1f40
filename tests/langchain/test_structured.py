"""Structured output in every way there is, and what happens to answers that do not fit."""

from typing import TypedDict

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from pydantic import BaseModel

from langchain_automix import ConfigurationError, RoutingChatModel, collect_decisions
from tests.scripted_server import Scripted, ToolCall

METHODS = ["json_schema", "json_mode", "function_calling"]
RIGHT = {"name": "Lyon", "founded": -43}


class City(BaseModel):
    """A city."""

    name: str
    founded: int


class CityDict(TypedDict):
    """A city."""

    name: str
    founded: int


CITY_SCHEMA = {**City.model_json_schema(), "title": "City", "description": "A city."}


def respond(small=RIGHT, large=RIGHT):
    """Answer each request in the form it asks for."""

    def answer(body):
        said = small if body["model"] == "small" else large
        if body.get("tools"):
            name = body["tools"][0]["function"]["name"]
            return Scripted(tool_calls=(ToolCall(name, said),))
        assert body["response_format"]["type"] in ("json_schema", "json_object")
        return Scripted(text=str(said).replace("'", '"'))

    return answer


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream"])
def ask(request):
    async def run(chain, question="?", **keywords):
        if request.param == "invoke":
            return chain.invoke(question, **keywords)
        if request.param == "ainvoke":
            return await chain.ainvoke(question, **keywords)
        if request.param == "stream":
            return list(chain.stream(question, **keywords))[-1]
        return [part async for part in chain.astream(question, **keywords)][-1]

    return run


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", [City, CityDict, CITY_SCHEMA], ids=["pydantic", "typed", "json"])
async def test_a_fitting_draft_is_the_answer(pair, ask, method, schema):
    two = pair(respond())
    chain = two.routed().with_structured_output(schema, method=method)
    assert await ask(chain) == (City(**RIGHT) if schema is City else RIGHT)
    assert two.asked == ["small"]
    sent = "tools" if method == "function_calling" else "response_format"
    assert sent in two.server.bodies[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", [City, CITY_SCHEMA], ids=["pydantic", "json"])
async def test_an_answer_that_does_not_fit_goes_up(pair, ask, method, schema):
    two = pair(respond(small={"name": "Lyon"}))
    chain = two.routed().with_structured_output(schema, method=method)
    with collect_decisions() as decisions:
        assert await ask(chain) == (City(**RIGHT) if schema is City else RIGHT)
    assert two.asked == ["small", "large"]
    if (schema, method) == (City, "json_schema"):  # OpenAI's own client reads the answer, and fails
        assert decisions[0].steps[0].error == "ValidationError"
    else:
        assert decisions[0].verdicts[0].values == {"validity": 0.0}


@pytest.mark.parametrize("method", METHODS)
async def test_raw_answers_and_parsing_errors(pair, ask, method):
    two = pair(respond(large={"name": "Lyon"}))
    chain = two.routed().with_structured_output(CITY_SCHEMA, method=method, include_raw=True)
    good = await ask(chain)
    assert (good["parsed"], good["parsing_error"]) == (RIGHT, None)
    assert good["raw"].response_metadata["routing"]["arm"] == "small"
    bad = await ask(chain, config={"configurable": {"force": "large"}})
    assert bad["parsed"] is None
    assert isinstance(bad["parsing_error"], OutputParserException)


async def test_an_error_where_nobody_fits(pair, ask):
    wrong = {"name": "Lyon"}
    chain = pair(respond(wrong, wrong)).routed().with_structured_output(City, method="json_mode")
    with pytest.raises(OutputParserException):
        await ask(chain)


async def test_a_refusal_goes_up(pair, ask):
    def refuse(body):
        return Scripted(text="I'm sorry.") if body["model"] == "small" else respond()(body)

    chain = pair(refuse).routed().with_structured_output(CITY_SCHEMA, method="json_schema")
    assert await ask(chain) == RIGHT


def test_strict_reaches_the_models(pair):
    two = pair(respond())
    two.routed().with_structured_output(City, method="json_schema", strict=True).invoke("?")
    two.routed().with_structured_output(City, strict=True).invoke("?")
    formatted, called = two.server.bodies
    assert formatted["response_format"]["json_schema"]["strict"] is True
    assert called["tools"][0]["function"]["strict"] is True


async def test_the_router_is_one_run_with_the_schema_on_it(pair, ask):
    class Starts(BaseCallbackHandler):
        def __init__(self):
            self.options = []

        def on_chat_model_start(self, *_args, **keywords):
            self.options.append(keywords["options"])

    ear, two = Starts(), pair(respond(small={}))
    chain = two.routed().with_structured_output(City, method="json_schema")
    await ask(chain, config={"callbacks": [ear]})
    (options,) = ear.options
    assert options["ls_structured_output_format"]["schema"]["title"] == "City"
    assert options["ls_structured_output_format"]["kwargs"]["method"] == "json_schema"


def test_other_schemas_are_other_cache_entries(pair):
    two = pair(respond())
    llm = two.routed(cache=InMemoryCache())
    for schema in (City, City, CITY_SCHEMA):
        llm.with_structured_output(schema, method="json_schema").invoke("?")
    llm.with_structured_output(City, method="json_mode").invoke("?")
    assert len(two.asked) == 3


def test_mistakes_are_told_at_once(pair):
    llm = pair(respond()).routed()
    with pytest.raises(ConfigurationError, match="by json_mode"):
        llm.with_structured_output(City, method="json_mode", strict=True)
    with pytest.raises(ConfigurationError, match="nonsense"):
        llm.with_structured_output(City, method="nonsense")
    with pytest.raises(ValueError, match="colour"):
        llm.with_structured_output(City, method="json_schema", colour=1)
    fakes = {name: FakeListChatModel(responses=["x"]) for name in ("small", "large")}
    with pytest.raises(ConfigurationError, match="FakeListChatModel does not answer"):
        RoutingChatModel(models=fakes).with_structured_output(City, method="json_schema")


async def test_a_model_without_any_way_is_passed_over(pair, ask):
    two = pair(respond())
    models = {"small": FakeListChatModel(responses=["x"]), "large": two.model("large")}
    chain = two.routed(models=models, prices=None).with_structured_output(
        City, method="json_schema"
    )
    assert await ask(chain) == City(**RIGHT)


async def test_an_answer_that_was_cut_short_goes_up(pair, ask):
    def cut(body):
        if body["model"] == "small":
            return Scripted(text='{"name": "Lyon", "founded": -4', finish_reason="length")
        return respond()(body)

    two = pair(cut)
    assert await ask(two.routed().with_structured_output(CITY_SCHEMA, method="json_mode")) == RIGHT
    assert two.asked == ["small", "large"]


@pytest.mark.parametrize("answer", ["{}", "Lyon"])
async def test_a_response_format_is_a_schema_too(pair, ask, answer):
    two = pair(lambda body: Scripted(text=answer if body["model"] == "small" else '{"name": "L"}'))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    shape = {"name": "city", "schema": {"title": "city", "description": "?", **schema}}
    form = {"type": "json_schema", "json_schema": shape}
    await ask(two.routed(), response_format=form)
    assert two.asked == ["small", "large"]
