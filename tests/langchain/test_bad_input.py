"""Wrong input on purpose: each mistake is told at once, and the message says what to do."""

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage

from langchain_automix import (
    Arm,
    AutomixError,
    Capabilities,
    ConfigurationError,
    Preference,
    Router,
    RoutingChatModel,
    routing_decision,
)


def fake(text="hello"):
    return FakeListChatModel(responses=[text])


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ([], "at least two models"),
        ([fake()], "at least two models"),
        ({"small": fake(), "large": object()}, "not a LangChain chat model"),
        ({"small": fake(), "large": fake().with_retry()}, "belong on the RoutingChatModel"),
        ([fake(), fake()], "Name them"),
    ],
)
def test_models_that_cannot_be_routed(models, says):
    with pytest.raises(ConfigurationError, match=says):
        RoutingChatModel(models=models)


def test_the_same_model_twice():
    model = fake()
    with pytest.raises(ConfigurationError, match="same model object"):
        RoutingChatModel(models={"small": model, "large": model})


def two(**options):
    return RoutingChatModel(models={"small": fake("a"), "large": fake("b")}, **options)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: two(router="automixx"), "'automix', 'calibrated', 'carrot', 'cascade'"),
        (lambda: two(router=3), "name of a preset"),
        (lambda: two(router=Router.preset("cascade", verifier="mind_reader")), "'self_verif"),
        (lambda: two(router=Router.preset("cascade", treshold=0.5)), "'threshold'"),
        (lambda: Preference(cost_wieght=1), "'cost_weight'"),
        (lambda: two(prices={"middle": (1, 2)}), "'large', 'small'"),
        (lambda: two(prices={"small": "cheap"}), "million tokens"),
        (lambda: two().invoke("?", force="middle"), "'large', 'small'"),
        (lambda: two().invoke("?", preference=Preference(max_cost=1.0)), "needs the price"),
        (lambda: two().bind_tools([]), "can call tools"),
        (lambda: routing_decision(AIMessage("hello")), "no routing decision"),
    ],
)
def test_names_and_values_that_do_not_exist(make, says):
    with pytest.raises(AutomixError, match=says):
        make()


def test_a_saved_router_is_refused_for_other_models(tmp_path):
    router = Router.preset("cascade")
    bound = RoutingChatModel(models={"small": fake(), "large": fake()}, router=router)
    bound._bound.save(tmp_path / "router")
    loaded = Router.load(tmp_path / "router")
    with pytest.raises(ConfigurationError, match=r"\['large', 'small'\].*\['big', 'tiny'\]"):
        RoutingChatModel(models={"tiny": fake(), "big": fake()}, router=loaded)


def test_a_model_that_cannot_serve_a_request_is_never_asked():
    models = {
        "small": Arm(fake("short"), capabilities=Capabilities(context_window=10)),
        "large": fake("long"),
    }
    llm = RoutingChatModel(models=models)
    assert llm.invoke("word " * 100).text == "long"


def test_fakes_without_any_capability_still_answer():
    assert two(router="automix").invoke("?").text == "b"  # nobody can read a verdict in "a"
