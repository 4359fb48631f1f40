"""Another model as the judge, with its own abilities."""

from automix_core import Arm, Request, Router
from automix_core.flow import Reply
from automix_core.verify import Judge, SelfVerification
from tests.core.conftest import RIGHT, WRONG, Model, bound, describe, stepped


def routed(judge, script):
    router = bound(Router.preset("cascade", verifier=judge), prices={})
    outcome, waves = stepped(router.route(Request("q", "c")), script)
    return outcome.decision, [ask for wave in waves for ask in wave if ask.purpose == "verify"]


def test_the_judge_is_asked_once_and_calmly():
    decision, (ask,) = routed(Judge(Model("gpt")), lambda ask: RIGHT)
    assert (ask.to, ask.options.temperature, ask.samples) == ("judge", 0.0, 1)
    assert decision.arm == "small"
    assert decision.verdicts[0].values == {"judge": 1.0}


def test_a_judge_who_says_no_escalates():
    script = lambda ask: WRONG if ask.to == "judge" else "Berlin"
    assert routed(Judge(Model("gpt")), script)[0].arm == "large"


def test_a_judge_who_is_down_has_not_said_yes():
    script = lambda ask: OSError("down") if ask.to == "judge" else "Berlin"
    decision, _ = routed(Judge(Model("gpt")), script)
    assert decision.arm == "large"
    assert decision.verdicts[0].confidence is None


def test_what_the_judge_can_do_is_read_off_the_judge():
    able = Model("gpt", {"schema": True, "samples": True})
    answer = lambda ask: Reply("judge", (RIGHT,) * ask.samples)
    _, (ask,) = routed(Judge(able, SelfVerification(samples=3)), answer)
    assert ask.options.schema
    assert ask.samples == 2, "two of three settle it"


def test_a_judge_may_be_an_arm_with_a_price():
    judge = Judge(Arm(Model("gpt"), name="own name", price=(1, 1)))
    router = bound(Router.preset("cascade", verifier=judge))
    assert router.helpers["judge"].price.input == 1


def test_a_model_may_judge_and_answer():
    model = Model("large")
    router = Router.preset("cascade", verifier=Judge(model))
    both = router.bind([Model("small"), model], describe=describe)
    assert both.helpers["judge"].model is both.arms.named("large").model
