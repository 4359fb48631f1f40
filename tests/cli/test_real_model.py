"""`automix collect` over a real local model, through the client that users have."""

import pytest

from automix_core.outcomes import Outcomes
from tests.cli.conftest import FRAMEWORKS

pytestmark = pytest.mark.models

CONTEXT = "The ferry Anna leaves Holm at 9:15 every morning. The crossing takes 40 minutes."


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_answers_and_signals_of_a_real_model(desk, smollm2, framework):
    questions = ["When does the ferry leave?", "How long is the crossing?"]
    desk.write(
        "q.csv",
        "question,context,answer\n"
        + "".join(f'{q},"{CONTEXT}",{a}\n' for q, a in zip(questions, ["9:15", "40"], strict=True)),
    )
    desk.write(
        "m.yaml",
        "models:\n"
        + "".join(
            f"  {name}: {{model: smollm2, base_url: '{smollm2.base_url}', price: {price}, "
            f"options: {{temperature: 0, max_tokens: {tokens}}}}}\n"
            for name, price, tokens in (("small", [1, 2], 8), ("large", [10, 20], 16))
        ),
    )
    arguments = ["collect", "q.csv", "--models", "m.yaml", "--out", "out.jsonl"]
    signals = "answer_likelihood,true_probability,self_verification"
    ran = desk.run(
        "--verify", signals, "--samples", "2", "--framework", framework, arguments=arguments
    )
    assert ran.code == 0, ran.err
    table = Outcomes.read("out.jsonl")
    assert table.arms == ("small", "large")
    assert (table.cost > 0).all()
    assert (table.output_tokens[:, 0] <= 8).all()
    for name in ("answer_likelihood", "true_probability"):
        assert ((table.signals[name][:, 0] > 0) & (table.signals[name][:, 0] < 1)).all()
    assert [row["arms"]["small"]["verification"]["samples"] for row in desk.rows] == [2, 2]
    assert all(row["arms"]["small"]["answer"].strip() for row in desk.rows)
