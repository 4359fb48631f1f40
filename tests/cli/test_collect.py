"""`automix collect` against a real server: what it asks, writes and says."""

import json

import pytest

from automix_core.outcomes import Outcomes
from tests.cli.conftest import FRAMEWORKS, stage
from tests.scripted_server import Scripted

ALL = "self_verification,answer_likelihood,true_probability"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_table_with_answers_costs_and_signals(desk, framework):
    def script(body):
        if stage(body) == "self_verification":
            verdicts = ["correct"] * 6 + ["incorrect", "what?"]
            texts = tuple(json.dumps({"verdict": v, "reasoning": ""}) for v in verdicts)
            return Scripted(texts=texts, usage=(500, 80))
        if stage(body) == "true_probability":
            return Scripted(text="yes", logprob=-0.5, alternatives={"no": -1.5}, usage=(300, 1))
        text = "Paris" if body["model"] == "large" else "Paris maybe"
        return Scripted(text=text, usage=(100, 10), logprob=-0.25)

    desk.script = script
    ran = desk.run("--verify", ALL, "--framework", framework, "--json")
    assert ran.code == 0
    assert ran.json["rows"] == 4
    table = Outcomes.read("out.jsonl")
    assert table.arms == ("small", "large")
    assert table.quality.tolist() == [[2 / 3, 1.0]] * 4
    assert table.cost[3].tolist() == pytest.approx([120e-6, 1200e-6])
    assert (table.input_tokens[:, 0] == 100).all()
    assert (table.output_tokens[:, 1] == 10).all()
    assert (table.latency > 0).all()
    assert table.signals["self_verification"][:, 0] == pytest.approx(6 / 7)
    assert table.signals["true_probability"][0, 0] == pytest.approx(0.7311, abs=1e-4)
    assert table.signals["answer_likelihood"][0].tolist() == pytest.approx(
        [0.6065, 0.7788], abs=1e-4
    )
    assert table.checks["self_verification"][0, 0] == pytest.approx((500 + 160) * 1e-6)
    assert table.checks["true_probability"][0, 0] == pytest.approx(302e-6)
    assert (table.checks["answer_likelihood"] == 0).all()
    row = desk.rows[0]
    assert row["arms"]["small"]["verification"]["samples"] == 8
    assert row["arms"]["small"]["verification"]["correct"] == 6
    assert row["agreement"]["small|large"] == {"exact": 0, "f1": pytest.approx(2 / 3, abs=1e-6)}
    # What costs something is not spent on the dearest model.
    assert "confidence" not in row["arms"]["large"]
    assert desk.counts.total() == 4 * 2 + 4 * 2


def test_the_dearest_model_is_verified_on_demand(desk):
    ran = desk.run("--verify", "true_probability", "--verify-dearest", "--json")
    assert ran.json["arms"]["large"]["signals"] == {"true_probability": 4}


def test_json_is_all_there_is_on_stdout_and_people_get_a_table(desk):
    ran = desk.run("--json")
    assert ran.json["calls"] == 8
    assert "8/8" in ran.err  # the progress bar
    ran = desk.run()
    assert "quality" in ran.out
    assert "out.jsonl: 4 rows" in ran.out
    assert desk.counts.total() == 8


def test_it_runs_as_a_program_of_its_own(desk):
    process = desk.spawn("--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, json.loads(out)["rows"]) == (0, 4), err


def test_context_choices_and_whole_prompts_reach_the_model(desk):
    rows = [
        {"id": "c", "question": "Where?", "context": "A\u2028B", "answers": ["x", "in Paris"]},
        {"id": "m", "question": "Which?", "choices": ["Rome", "Paris"], "answer": "B"},
        {"id": "w", "query": "Just say Paris.", "answer": "Paris", "group": 7, "tags": ["t"]},
    ]
    desk.write("questions.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    assert desk.run().code == 0
    prompts = {row["id"]: row["query"] for row in desk.rows}
    assert "Context:\nA\u2028B\n\nQuestion: Where?" in prompts["c"]
    assert "Which?\nA. Rome\nB. Paris" in prompts["m"]
    assert prompts["w"] == "Just say Paris."
    sent = {"\n\n".join(m["content"] for m in body["messages"]) for body in desk.server.bodies}
    assert sent == set(prompts.values())
    # F1 against the nearest reference, and a choice named by its text.
    assert [row["arms"]["small"]["quality"] for row in desk.rows] == [pytest.approx(2 / 3), 1, 1]
    assert (desk.rows[2]["group"], desk.rows[2]["tags"]) == ("7", ["t"])


def test_csv_and_yaml(desk):
    desk.write(
        "q.csv", 'id,question,answers,extra\n1,"Where,\nnow?",Rome|Paris,x\n2,Who?,"[""a|b""]",\n'
    )
    url = desk.server.base_url
    desk.write(
        "m.yaml",
        "models:\n"
        f"  - {{name: one, model: small, base_url: '{url}', price: {{input: 1, output: 2}}}}\n"
        f"  - {{name: two, model: large, base_url: '{url}', price: [3, 4], "
        "options: {temperature: 0.5, max_tokens: 7}}\n",
    )
    ran = desk.run(
        "--score",
        "exact",
        arguments=["collect", "q.csv", "--models", "m.yaml", "--out", "out.jsonl"],
    )
    assert ran.code == 0, ran.err
    assert [row["arms"]["one"]["quality"] for row in desk.rows] == [1.0, 0.0]
    settings = {
        (b["model"], b.get("temperature"), b.get("max_tokens") or b.get("max_completion_tokens"))
        for b in desk.server.bodies
    }
    assert ("large", 0.5, 7) in settings


def test_the_users_own_score(desk):
    desk.write("mine.py", "def score(question, answer, reference):\n    return len(answer) / 10\n")
    assert desk.run("--score", "mine:score").code == 0
    assert desk.rows[0]["arms"]["small"]["quality"] == 0.5
    desk.write("worse.py", "def score(question, answer, reference):\n    return 3\n")
    ran = desk.run("--score", "worse:score")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("error: The score worse:score must give a number")
    assert desk.counts.total() == 8  # another score asks nobody again


def test_an_empty_answer_is_an_answer_worth_nothing(desk):
    desk.script = lambda body: Scripted(
        text="" if body["model"] == "small" else "Paris", usage=(9, 1)
    )
    ran = desk.run("--verify", "true_probability", "--json")
    assert ran.code == 0
    assert ran.json["arms"]["small"] | {"empty": 4, "quality": 0.0} == ran.json["arms"]["small"]
    assert desk.counts.total() == 8


def test_keys_come_from_the_environment_and_go_nowhere_else(desk, monkeypatch):
    desk.models(api_key_env='"MY_KEY"')
    ran = desk.run()
    assert ran.code == 2
    assert "MY_KEY is not set" in ran.err
    monkeypatch.setenv("MY_KEY", "sk-quite-secret")
    desk.script = lambda body: Scripted(status=403, error="the key sk-quite-secret may not")
    ran = desk.run("--json")
    assert ran.code == 1
    sent = {request.headers["authorization"] for request in desk.server.requests}
    assert sent == {"Bearer sk-quite-secret"}
    assert "the key *** may not" in ran.err
    written = "".join(path.read_text() for path in desk.folder.iterdir())
    assert "sk-quite-secret" not in ran.out + ran.err + written


def test_unknown_prices_are_an_error_that_lists_the_models(desk):
    desk.models(prices=False)
    ran = desk.run()
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert line.startswith("error: What these models cost is not known: small, large.")
    assert not desk.server.bodies


def test_relative_costs(desk):
    desk.server.usage = "none"
    text = desk.models(prices=False).read_text()
    first, _, second = text.partition("[models.large]")
    desk.write(
        "models.toml", f"{first}relative_cost = 1\n[models.large]{second}relative_cost = 10\n"
    )
    ran = desk.run("--verify", "true_probability", "--json")
    assert (ran.code, ran.json["cost"]) == (0, None)
    small = desk.rows[0]["arms"]["small"]
    assert (small["cost"], small["verification"]["costs"]["true_probability"]) == (1, 1)
    assert "input_tokens" not in small
    ran = desk.run("--max-cost", "1")
    assert ran.code == 2
    assert "needs the price of every model" in ran.err


def test_a_server_that_reports_no_usage_is_said_so_and_nothing_is_lost(desk):
    desk.server.usage = "none"
    ran = desk.run("--concurrency", "1")
    assert ran.code == 2
    assert "Give every model a relative_cost" in ran.err
    first, _, second = desk.models(prices=False).read_text().partition("[models.large]")
    desk.write(
        "models.toml", f"{first}relative_cost = 1\n[models.large]{second}relative_cost = 10\n"
    )
    assert desk.run().code == 0
    assert set(desk.counts.values()) == {1}


def test_a_server_without_choices_is_asked_for_them_at_one_question_only(desk):
    desk.server.choices = "refuse"
    ran = desk.run("--verify", "self_verification", "--concurrency", "1", "--json")
    assert ran.code == 0
    assert ran.json["arms"]["small"]["signals"] == {"self_verification": 4}
    wanted = [body for body in desk.server.bodies if body.get("n", 1) > 1]
    assert len({json.dumps(body["messages"]) for body in wanted}) == 1
    desk.questions(5)
    desk.run("--verify", "self_verification")
    assert [body for body in desk.server.bodies if body.get("n", 1) > 1] == wanted
    assert desk.rows[0]["arms"]["small"]["verification"]["valid"] == 8


def test_a_server_without_logprobs_still_answers(desk):
    desk.server.logprobs = False
    ran = desk.run("--verify", "answer_likelihood,true_probability", "--json")
    assert ran.code == 0
    assert ran.json["arms"]["small"]["signals"] == {}


def test_an_option_that_the_client_does_not_know_is_an_error_in_one_line(desk):
    desk.models(options="{no_such_option = 1}")
    ran = desk.run()
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert "no_such_option" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("row", "score", "message"),
    [
        ({}, (), "questions.jsonl, line 2, answer: is missing, and the score f1 needs it"),
        ({"choices": ["a", "b"]}, (), "line 2, answer: is missing, and the score choice needs it"),
        ({"answer": "a"}, ("--score", "choice"), "line 2, choices: is missing, and the score"),
    ],
)
def test_questions_without_what_the_score_needs_are_refused_at_once(desk, row, score, message):
    rows = [{"question": "?", "answer": "a", "choices": ["a", "b"]}, {"question": "??"} | row]
    desk.write("questions.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    ran = desk.run(*score)
    assert ran.code == 2
    assert message in ran.err
    assert not desk.server.bodies
