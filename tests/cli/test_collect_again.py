"""`automix collect` after a kill, an interrupt, failures, a spending cap; and what may change."""

import re
import signal
import threading
import time

import pytest

from automix_core.outcomes import Outcomes
from tests.cli.conftest import FRAMEWORKS, asked, right, stage
from tests.scripted_server import Scripted

LARGE = 0.01 + 0.002  # what `right` costs a call of 1,000 and 100 tokens
SMALL = LARGE / 10


class After:
    """Calls `act` when the server has been asked so many times; that request waits until told."""

    def __init__(self, count, act):
        self.left = count
        self.act = act
        self.done = threading.Event()
        self.lock = threading.Lock()

    def __call__(self, body):
        with self.lock:
            self.left -= 1
            due = self.left == 0
        if due:
            self.act()
            self.done.wait(20)
        return right(body)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    "count", [4, 8, 9]
)  # in a verification, in an answer, at the next question
def test_after_kill_9_nothing_is_asked_twice(desk, framework, count):
    arguments = ("--verify", "self_verification,true_probability", "--framework", framework)
    desk.questions(5)
    desk.script = After(count, lambda: process.kill())
    process = desk.spawn("--concurrency", "1", *arguments)
    process.communicate(timeout=120)
    desk.script.done.set()
    assert process.returncode == -signal.SIGKILL
    assert len(desk.server.bodies) == count
    lost = asked(desk.server.bodies[-1])  # its answer reached nobody
    desk.script = right
    ran = desk.run("--json", *arguments)
    assert (ran.code, ran.json["rows"]) == (0, 5)
    assert ran.json["calls"] == 20 - (count - 1)
    assert desk.counts.total() == 20 + 1
    assert desk.counts[lost] == 2
    assert {n for what, n in desk.counts.items() if what != lost} == {1}
    assert Outcomes.read("out.jsonl").has.all()


def test_half_a_line_in_the_journal_costs_that_call_alone(desk):
    desk.run()
    journal = desk.folder / "out.jsonl.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-9])
    before = desk.rows
    ran = desk.run("--json")
    assert (ran.code, ran.json["calls"], len(desk.server.bodies)) == (0, 1, 9)
    assert [row["arms"].keys() for row in desk.rows] == [row["arms"].keys() for row in before]
    assert desk.run("--json").json["calls"] == 0


def test_a_broken_line_elsewhere_is_an_error(desk):
    desk.run()
    journal = desk.folder / "out.jsonl.journal"
    lines = journal.read_bytes().split(b"\n")
    lines[7] = lines[7][:20]
    journal.write_bytes(b"\n".join(lines))
    ran = desk.run()
    assert ran.code == 2
    assert "out.jsonl.journal, line 8" in ran.err


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_running_calls_end_and_leaves_the_rest(desk, which):
    desk.questions(30)

    def interrupt():
        process.send_signal(which)
        time.sleep(0.3)
        desk.script.done.set()

    desk.script = After(5, interrupt)
    process = desk.spawn("--concurrency", "2", "--json")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + which, err
    assert "Traceback" not in err
    answered = len(desk.server.bodies)
    assert 5 <= answered <= 7
    assert sum(len(row["arms"]) for row in desk.rows) == answered
    desk.script = right
    assert desk.run("--json").json["calls"] == 60 - answered
    assert set(desk.counts.values()) == {1}


def test_a_second_interrupt_does_not_wait(desk):
    def interrupt():
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)

    desk.script = After(3, interrupt)
    process = desk.spawn("--concurrency", "1")
    _, err = process.communicate(timeout=60)
    desk.script.done.set()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "error: interrupted"
    assert len(desk.rows) == 1


def test_the_spending_cap_holds_and_everything_is_written(desk):
    desk.questions(10)
    cap = 4.5 * (SMALL + LARGE)
    ran = desk.run("--max-cost", str(cap), "--concurrency", "8", "--json")
    assert (ran.code, ran.json["stopped"]) == (0, "max_cost")
    assert ran.json["cost"] <= cap

    def spent():
        return sum(LARGE if b["model"] == "large" else SMALL for b in desk.server.bodies)

    assert ran.json["cost"] == pytest.approx(spent())
    # Every answer that was paid for is in the table; the large model had four, as the cap allows.
    assert sum(len(row["arms"]) for row in desk.rows) == len(desk.server.bodies)
    assert sum("large" in row["arms"] for row in desk.rows) == 4
    assert ran.json["missing"] == 20 - len(desk.server.bodies)
    assert "--max-cost does not cover the next answer" in ran.err
    # The cap is for all runs together: what is left of it may do for the small model, no more.
    assert desk.run("--max-cost", str(cap), "--json").json["stopped"] == "max_cost"
    assert spent() <= cap
    assert sum(body["model"] == "large" for body in desk.server.bodies) == 4
    assert desk.run("--max-cost", "1", "--json").json["rows"] == 10
    assert set(desk.counts.values()) == {1}


def test_a_cap_takes_nothing_from_the_table_that_was_there(desk):
    desk.run()
    desk.questions(6)
    arguments = ("--verify", "true_probability", "--concurrency", "1", "--json")
    ran = desk.run("--max-cost", str(4 * (SMALL + LARGE) + 1.5 * SMALL), *arguments)
    assert (ran.code, ran.json["stopped"]) == (0, "max_cost")
    assert [len(row["arms"]) for row in desk.rows] == [2, 2, 2, 2]
    checked = ["signals" in row["arms"]["small"] for row in desk.rows]
    assert checked == [True, False, False, False]
    assert ran.json["missing"] == 3 + 2 * 2
    assert desk.run("--max-cost", "1", *arguments).json["missing"] == 0
    assert set(desk.counts.values()) == {1}


def test_a_cap_before_a_new_model_takes_nothing_either(desk):
    desk.run()
    text = desk.models().read_text()
    desk.write("models.toml", text + text.replace("small", "middle").partition("[models.large]")[0])
    cap = ("--max-cost", str(4 * (SMALL + LARGE)))
    ran = desk.run(*cap, "--concurrency", "1", "--json")
    assert (ran.json["calls"], ran.json["stopped"]) == (0, "max_cost")
    assert [list(row["arms"]) for row in desk.rows] == [["small", "large"]] * 4


def test_calls_are_spaced(desk):
    started = time.monotonic()
    assert desk.run("--requests-per-minute", "240").code == 0
    assert time.monotonic() - started > 7 * 0.25  # eight calls


def test_one_model_can_have_a_limit_of_its_own(desk):
    text = desk.models().read_text()
    desk.write("models.toml", text + "requests_per_minute = 120\n")
    started = time.monotonic()
    assert desk.run("--concurrency", "16").code == 0
    by_model = {"small": [], "large": []}
    for request in desk.server.requests:
        by_model[request.body["model"]].append(request.at - started)
    assert by_model["large"][-1] > 3 * 0.5  # four calls
    assert by_model["small"][-1] < by_model["large"][-1] - 0.25


def test_no_more_calls_are_in_flight_than_allowed(desk):
    desk.questions(12)
    desk.script = lambda body: Scripted(text="Paris", usage=(1, 1), delay=0.05)
    desk.run("--concurrency", "3")
    assert desk.server.peak == 3


def test_what_fails_for_good_is_listed_and_asked_again_alone(desk):
    def script(body):
        if body["model"] == "large" and "What is 2?" in str(body["messages"]):
            return Scripted(status=500, error="out\nof order")
        if stage(body) == "true_probability" and "What is 1?" in str(body["messages"]):
            return Scripted(status=400, error="no such thing")
        return right(body)

    desk.script = script
    arguments = ("--verify", "true_probability", "--retries", "1", "--json")
    ran = desk.run(*arguments)
    assert ran.code == 1
    assert [
        (f["question"], f["arm"], f["stage"]) for f in sorted(ran.json["failures"], key=str)
    ] == [
        ("q1", "small", "true_probability"),
        ("q2", "large", "answer"),
    ]
    (line,) = [line for line in ran.err.splitlines() if "failed: large at q2 (answer): " in line]
    assert "500" in line
    assert re.search(r"out(\\n| )of order", line)  # one line, however the client words it
    assert [list(row["arms"]) for row in desk.rows][2] == ["small"]
    assert "signals" not in desk.rows[1]["arms"]["small"]
    assert desk.rows[1]["arms"]["small"]["quality"] == 1
    assert sum("What is 2?" in str(body["messages"]) for body in desk.server.bodies) == 2 + 2
    desk.script = right
    asked_before = len(desk.server.bodies)
    ran = desk.run(*arguments)
    assert (ran.code, ran.json["calls"]) == (0, 2)
    assert len(desk.server.bodies) == asked_before + 2
    assert Outcomes.read("out.jsonl").has.all()


def test_trouble_on_the_way_is_waited_out(desk):
    trouble = {1: Scripted(status=429), 3: Scripted(fault="drop"), 5: Scripted(status=503)}
    desk.script = lambda body: trouble.pop(len(desk.server.bodies), None) or right(body)
    ran = desk.run("--concurrency", "1", "--json")
    assert (ran.code, ran.json["calls"], len(desk.server.bodies)) == (0, 8, 11)


def test_a_model_that_only_fails_is_given_up(desk):
    desk.questions(40)
    desk.script = lambda body: Scripted(status=401) if body["model"] == "large" else right(body)
    ran = desk.run("--concurrency", "1", "--json")
    assert ran.code == 1
    assert sum(body["model"] == "large" for body in desk.server.bodies) == 10
    assert ran.json["arms"]["small"]["answers"] == 40
    assert ran.json["arms"]["large"]["failed"] == 40


def test_a_changed_question_is_refused_and_begun_anew_on_demand(desk):
    desk.run()
    text = (desk.folder / "questions.jsonl").read_text()
    desk.write("questions.jsonl", text.replace("What is 1?", "What was 1?"))
    ran = desk.run()
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert line.startswith("error: What out.jsonl.journal was begun with has changed: the question")
    assert "'q1'" in line
    assert "--restart" in line
    assert len(desk.server.bodies) == 8
    assert desk.run("--restart").code == 0
    assert len(desk.server.bodies) == 16
    assert (desk.folder / "out.jsonl.journal.old").exists()


def test_a_missing_question_and_a_changed_model_are_refused(desk):
    desk.run()
    desk.questions(3)
    assert "the question 'q3' is gone" in desk.run().err
    desk.questions(4)
    desk.models(options="{temperature = 0.5}")
    ran = desk.run()
    assert "the model 'small' has changed: options was {}, is {\"temperature\": 0.5}" in ran.err
    desk.models()
    ran = desk.run("--system", "Be kind.")
    assert "instruction was null" in ran.err
    ran = desk.run("--verify", "answer_likelihood")
    assert "logprobs was false" in ran.err
    assert len(desk.server.bodies) == 8


def test_more_questions_models_and_verifiers_ask_for_what_is_new(desk):
    assert desk.run("--limit", "2", "--json").json["calls"] == 4
    assert desk.run("--json").json["calls"] == 4
    desk.questions(5)
    assert desk.run("--json").json["calls"] == 2
    text = desk.models().read_text()
    desk.write("models.toml", text + text.replace("small", "middle").partition("[models.large]")[0])
    assert desk.run("--json").json["calls"] == 5
    assert desk.run("--verify", "true_probability", "--json").json["calls"] == 10
    assert set(desk.counts.values()) == {1}
    assert list(desk.rows[0]["arms"]) == ["small", "middle", "large"]


def test_a_changed_price_or_score_asks_nobody(desk):
    desk.run()
    text = desk.models().read_text()
    desk.write("models.toml", text.replace("[1.0, 2.0]", "[2.0, 4.0]"))
    ran = desk.run("--score", "contains", "--json")
    assert ran.json["calls"] == 0
    assert desk.rows[0]["arms"]["small"]["cost"] == pytest.approx(2 * SMALL)


def test_a_table_from_elsewhere_is_not_overwritten(desk):
    desk.write("out.jsonl", "mine\n")
    ran = desk.run()
    assert ran.code == 2
    assert "no journal beside it" in ran.err
    assert (desk.folder / "out.jsonl").read_text() == "mine\n"


def test_two_at_once_do_not_share_a_journal(desk):
    desk.script = After(1, lambda: None)
    process = desk.spawn("--concurrency", "1")
    while not desk.server.bodies:
        time.sleep(0.05)
    ran = desk.run()
    assert ran.code == 2
    assert "another `automix collect` is writing it" in ran.err
    desk.script.done.set()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(desk.rows) == 4
