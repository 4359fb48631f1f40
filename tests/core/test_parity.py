"""Sync and async do the same: the same asks in the same order, and the same decision."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from automix_core import (
    AllArmsFailed,
    Needs,
    Preference,
    Request,
    Router,
    StreamInterrupted,
)
from automix_core import collect_decisions as collecting
from automix_core.evidence import Signal
from automix_core.flow import Ask, Reply, Wave
from automix_core.parts import Verifier
from automix_core.ports import Piece
from automix_core.verify import Agreement, Check, Judge, SelfVerification
from tests.core.conftest import (
    RIGHT,
    WRONG,
    Async,
    Late,
    Model,
    Sync,
    bound,
    cascade,
    describe,
    says,
)

LIKELY, UNLIKELY = (says("Berlin", confidence=p) for p in (0.9, 0.1))
DOWN = ConnectionError("down")
ASKED = Request("What is the capital?", "Berlin is.")
LOGPROBS = {"logprobs": True}
SEEN, UNSEEN = Piece("Ber", visible=True), Piece("", visible=False)
ALL = ("small", "middle", "large")


@dataclass(frozen=True)
class Raced(Verifier):
    """Asks the arm in a wave of a given shape, which any reply ends."""

    name = ""
    afters: tuple = (0.0, 0.0)
    timeout: float | None = None

    def verify(self, request, answer, arm, settles):
        asks = tuple(Ask(arm.name, "verify", after=a, timeout=self.timeout) for a in self.afters)
        results = yield Wave(asks, until=lambda rs: any(isinstance(r, Reply) for r in rs))
        replied = [isinstance(result, Reply) for result in results]
        return Signal(1.0 if any(replied) else None, note="nobody replied")


@dataclass(frozen=True)
class Scenario:
    """What is asked of which router, what its models do, and how it must end.

    The models' answers are given by "arm" or "arm:purpose"; a list of answers is given in turn.
    """

    ends: Any
    answers: dict
    router: Router = field(default_factory=cascade)
    preference: Preference | None = None
    request: Request = ASKED
    stream: bool = False
    asks: int | None = None

    def script(self):
        turns = {to: iter(a) if isinstance(a, tuple) else None for to, a in self.answers.items()}

        def answer(ask):
            purpose = f"{ask.to}:{ask.purpose}"
            key = purpose if purpose in self.answers else ask.to
            return self.answers[key] if turns[key] is None else next(turns[key])

        return answer


def automix(*names, **can):
    return bound(Router.preset("automix", samples=4), *names, **can)


def verified_by(verifier, *names, **can):
    return bound(Router.preset("cascade", verifier=verifier), *names, **can)


TOOL_CALL = says("", kind="tool_calls", valid=True)
SCENARIOS = {
    "accept": Scenario("accepted small", {"small": LIKELY}, asks=1),
    "escalate": Scenario("final large", {"small": UNLIKELY, "large": "It is Berlin."}, asks=2),
    "small raises": Scenario("final large", {"small": DOWN, "large": "Berlin"}, asks=2),
    "small is empty": Scenario("final large", {"small": says(""), "large": "Berlin"}, asks=2),
    "large raises, a draft in hand": Scenario(
        "fallback small", {"small": UNLIKELY, "large": DOWN}, asks=2
    ),
    "all raise": Scenario(AllArmsFailed, {"small": DOWN, "large": OSError("gone")}, asks=2),
    "a bug in a model": Scenario(TypeError, {"small": TypeError("bug")}, asks=1),
    "checks say yes": Scenario(
        "accepted small", {"small": "Berlin", "small:verify": RIGHT}, automix(), asks=3
    ),
    "checks say no": Scenario(
        "final large", {"small": "Paris", "small:verify": WRONG, "large": "Berlin"}, automix()
    ),
    "checks disagree": Scenario(
        "accepted small",
        {"small": "Berlin", "small:verify": (RIGHT, WRONG, "?", RIGHT)},
        automix(samples=False),
        asks=5,
    ),
    "checks are garbage": Scenario(
        "final large", {"small": "Berlin", "small:verify": "Hm.", "large": "Berlin"}, automix()
    ),
    "checks fail": Scenario(
        "final large", {"small": "Berlin", "small:verify": DOWN, "large": "Berlin"}, automix()
    ),
    "several samples are refused": Scenario(
        "accepted small",
        {"small": "Berlin", "small:verify": (ValueError("n"), RIGHT, RIGHT)},
        automix(samples=True),
        asks=4,
    ),
    "a judge": Scenario(
        "accepted small", {"small": "Berlin", "judge": RIGHT}, verified_by(Judge(Model("gpt")))
    ),
    "agreement": Scenario(
        "final large",
        {"small": "Berlin", "small:sample": ("Paris", "Rome", DOWN, "Berlin"), "large": "Berlin"},
        verified_by(Agreement()),
    ),
    "a check of the user's": Scenario(
        "accepted small",
        {"small": "Berlin"},
        verified_by(Check(lambda case: case.answer == "Berlin")),
    ),
    "a check that raises": Scenario(
        "final large",
        {"small": "Berlin", "large": "Berlin"},
        verified_by(Check(lambda case: 1 / 0)),
    ),
    "free and paid together": Scenario(
        "accepted small",
        {"small": says("Berlin", confidence=0.4), "small:verify": RIGHT},
        verified_by(Check(lambda case: 0.3) | SelfVerification(samples=4)),
    ),
    "three arms": Scenario(
        "accepted middle", {"small": UNLIKELY, "middle": LIKELY}, cascade(*ALL), asks=2
    ),
    "three arms to the top": Scenario(
        "final large",
        {"small": UNLIKELY, "middle": UNLIKELY, "large": "Berlin"},
        cascade(*ALL),
        asks=3,
    ),
    "an arm that cannot is skipped": Scenario(
        "final large",
        {"small": UNLIKELY, "large": "Berlin"},
        Router.preset().bind(
            [Model("small", LOGPROBS), Model("middle", {"tools": False}), Model("large")],
            describe=describe,
        ),
        request=Request("q", kind="tools", needs=Needs(tools=True)),
        asks=2,
    ),
    "force": Scenario(
        "final large", {"large": "Berlin"}, preference=Preference(force="large"), asks=1
    ),
    "the forced arm fails": Scenario(
        "final small",
        {"large": DOWN, "small": "Berlin"},
        preference=Preference(force="large"),
        asks=2,
    ),
    "max_cost": Scenario(
        "fallback small", {"small": UNLIKELY}, preference=Preference(max_cost=0.0115), asks=1
    ),
    "max_cost allows nobody": Scenario(
        AllArmsFailed, {}, preference=Preference(max_cost=0), asks=0
    ),
    "max_latency": Scenario(
        "fallback small",
        {"small": [Late(0.05), UNLIKELY]},
        preference=Preference(max_latency=0.02),
        asks=1,
    ),
    "a tool call": Scenario(
        "accepted small", {"small": TOOL_CALL}, request=Request("q", kind="tools"), asks=1
    ),
    "a utility call": Scenario(
        "final small", {"small": UNLIKELY}, request=Request("q", kind="utility"), asks=1
    ),
    "a hedge that was not needed": Scenario(
        "accepted small",
        {"small": "Berlin"},
        verified_by(Raced((0.0, 5.0))),
        asks=3,
    ),
    "a hedge that won": Scenario(
        "accepted small",
        {"small": "Berlin", "small:verify": ([Late(3.0), RIGHT], RIGHT)},
        verified_by(Raced((0.0, 0.05))),
        asks=3,
    ),
    "timeouts": Scenario(
        "final large",
        {"small": "Berlin", "small:verify": [Late(0.5), RIGHT], "large": "Berlin"},
        verified_by(Raced(timeout=0.05)),
        asks=4,
    ),
    "a final answer streams": Scenario(
        "final large", {"small": UNLIKELY, "large": "It is Berlin."}, stream=True, asks=2
    ),
    "an accepted draft does not stream": Scenario(
        "accepted small", {"small": LIKELY}, stream=True, asks=1
    ),
    "a stream that fails before anything was seen": Scenario(
        "fallback small", {"small": UNLIKELY, "large": [UNSEEN, DOWN]}, stream=True, asks=2
    ),
    "a stream that fails after something was seen": Scenario(
        StreamInterrupted, {"small": UNLIKELY, "large": [UNSEEN, SEEN, DOWN]}, stream=True, asks=2
    ),
    "a stream without an answer": Scenario(
        "fallback small", {"small": UNLIKELY, "large": [UNSEEN]}, stream=True, asks=2
    ),
}


def carried_out(play, scenario):
    """Everything that can be seen of a scenario, without what differs from run to run."""
    with collecting() as decisions:
        flow = scenario.router.route(scenario.request, scenario.preference)
    asks, seen = [], {}
    try:
        played = play(flow, scenario.script(), stream=scenario.stream, asks=asks)
        seen["texts"], seen["chunks"] = played.value.reply.texts, played.chunks
        seen["live"] = played.value.reply.live
    except Exception as error:
        seen["error"] = (type(error), str(error))
    (decision,) = decisions
    record = decision.as_dict()
    for unstable in (record, *record["steps"]):
        unstable.pop("latency")
    record.pop("id")
    return {**seen, "asks": asks, "decision": record}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_sync_and_async_do_the_same(scenario):
    sync, parallel = (carried_out(play, scenario) for play in (Sync(), Async()))
    assert sync == parallel
    record = sync["decision"]
    if isinstance(scenario.ends, str):
        assert f"{record['status']} {record['arm']}" == scenario.ends
    else:
        assert sync["error"][0] is scenario.ends
    if scenario.asks is not None:
        assert len(sync["asks"]) == scenario.asks


def test_only_final_answers_leave_live():
    for name, chunks in {
        "a final answer streams": ["It", "is", "Berlin."],
        "an accepted draft does not stream": [],
        "a stream that fails before anything was seen": [],
    }.items():
        seen = carried_out(Sync(), SCENARIOS[name])
        assert (seen["chunks"], seen["live"]) == (chunks, bool(chunks))
