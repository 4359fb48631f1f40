"""On real answers of real models, what the uncalibrated default accepts is right more often.

356 questions over 92 paragraphs (see tests/data). The router is the default one; a script plays
the models with the answers' measured log-probabilities.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from automix_core import Request, Router
from automix_core.flow import Reply, Token
from tests.core.conftest import Model, describe, stepped

TABLE = Path(__file__).parents[1] / "data" / "xquad_local_models_numeric.jsonl"
LARGE = "qwen2.5-coder-1.5b"
PAIRS = ["smollm2-135m", "qwen2.5-coder-0.5b"]
RESAMPLES = 2000


@pytest.fixture(scope="module")
def rows():
    return [json.loads(line) for line in TABLE.read_text(encoding="utf-8").split("\n") if line]


def measured_reply(arm, outcome):
    """A reply with as many tokens, all alike, as the answer had; an empty one had none."""
    total = outcome["signals"].get("answer_logprob_sum")
    if total is None:
        return Reply(arm, ("",))
    mean = outcome["signals"]["answer_logprob_mean"]
    count = max(1, round(total / mean))
    return Reply(arm, ("an answer",), logprobs=(Token("x", total / count),) * count)


def is_accepted(router, arms):
    """Whether the router returns the small model's answer; nobody else may be asked anything."""
    outcome, waves = stepped(
        router.route(Request("a question", "a paragraph")),
        lambda ask: measured_reply(ask.to, arms[ask.to]),
    )
    assert all(ask.purpose in ("draft", "answer") for wave in waves for ask in wave)
    return outcome.decision.status == "accepted"


def routed(rows, small):
    """Which answers of the small model the default router accepts."""
    models = [Model(name, {"logprobs": True}) for name in (small, LARGE)]
    router = Router.preset().bind(models, describe=describe)
    return np.array([is_accepted(router, row["arms"]) for row in rows])


def gains(rows, small):
    """Share of right answers among the accepted less that among all: measured, and resampled."""
    accepted = routed(rows, small)
    right = np.array([row["arms"][small]["quality"] >= 0.5 for row in rows])
    groups, place = np.unique([row["group"] for row in rows], return_inverse=True)
    counts = np.array(
        [
            np.bincount(place, weights=column, minlength=len(groups))
            for column in (accepted & right, accepted, right, np.ones(len(rows)))
        ]
    )
    drawn = np.random.default_rng(20261122).multinomial(
        len(groups), np.full(len(groups), 1 / len(groups)), size=RESAMPLES
    )
    good, kept, base, total = (np.vstack([np.ones_like(drawn[0]), drawn]) @ counts.T).T
    gain = good / kept - base / total
    return gain[0], gain[1:]


@pytest.mark.parametrize("small", PAIRS)
def test_accepted_answers_are_right_more_often_than_the_small_models_answers_are(rows, small):
    gain, resampled = gains(rows, small)
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert 0 < low < gain < high


@pytest.mark.parametrize("small", PAIRS)
def test_an_answer_is_accepted_where_its_own_model_gives_it_at_least_one_half(rows, small):
    totals = [row["arms"][small]["signals"].get("answer_logprob_sum") for row in rows]
    likely = [total is not None and total >= np.log(0.5) for total in totals]
    np.testing.assert_array_equal(routed(rows, small), likely)
