"""The demo does what it says, on the smallest real model, and says so when routing did not pay."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from automix_core.decision import Decision, Step

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "docs" / "examples" / "demo.py"
FRAMEWORKS = {"langchain": "langchain_openai", "llamaindex": "llama_index.llms.openai_like"}
KEYS = {
    "questions",
    "escalated",
    "quality",
    "quality_small",
    "quality_large",
    "cost",
    "cost_always_small",
    "cost_always_large",
    "calls_small",
    "calls_large",
}


def installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def frameworks():
    """The frameworks that the demo can be run with here."""
    if not (installed("matplotlib") and installed("wordllama")):
        pytest.skip("needs the extra `demo`")
    found = [framework for framework, module in FRAMEWORKS.items() if installed(module)]
    return found or pytest.skip("needs a framework and its client")


def run_demo(*arguments, folder):
    command = [sys.executable, str(DEMO), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=150, check=False
    )


def small_twice(*arguments, folder):
    """Run the demo with the small model in both places: the large one is too much for a test.

    Gives what it showed, and its summary of each framework.
    """
    if not installed("xllamacpp"):
        pytest.skip("needs the extra `local`")
    here = frameworks()
    only = () if len(here) == len(FRAMEWORKS) else ("--framework", here[0])
    models = ("--small", "smollm2-135m", "--large", "smollm2-135m")
    done = run_demo(*models, *only, "--json", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    total = json.loads(done.stdout.splitlines()[-1])
    each = total.pop("frameworks", {here[0]: total})
    assert set(each) == set(here)
    for counted in ("questions", "escalated", "calls_small", "calls_large"):
        assert total[counted] == sum(summary[counted] for summary in each.values())
    assert all(set(summary) == KEYS for summary in [total, *each.values()])
    return done.stderr, each


@pytest.mark.models
def test_demo(tmp_path):
    shown, each = small_twice("--questions", "4", folder=tmp_path)
    for summary in each.values():
        assert summary["questions"] == 4
        assert summary["calls_small"] == 4
        assert summary["calls_large"] == summary["escalated"]
        assert summary["cost"] >= summary["cost_always_small"] > 0
        assert 0 <= summary["quality"] <= 1
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "Prices are nominal" in shown
    assert "confidence 0." in shown
    assert "Apache-2.0" in shown


@pytest.mark.models
def test_a_large_model_that_dies_on_the_way_shows_and_ends_in_answers(tmp_path):
    shown, each = small_twice("--questions", "2", "--kill-large-after", "1", folder=tmp_path)
    assert "was killed" in shown
    assert "NO VERDICT" in shown
    assert "Traceback" not in shown
    for summary in each.values():
        assert summary["calls_small"] == 2
        assert summary["calls_large"] <= 1
        assert summary["quality_large"] is None
        if summary["escalated"] > summary["calls_large"]:  # it was needed once it was dead
            assert "FALLBACK" in shown
            assert summary["cost"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--framework", "haystack"], "langchain"),
        (["--small", "gpt-17"], "smollm2-135m"),
        (["--small", "no.gguf"], "there is no file no.gguf"),
        (["--large", "http://127.0.0.1:9/v1"], "127.0.0.1:9"),
        (["--large", "http://127.0.0.1:9/v1#mystery"], "--price-large"),
        (["--router", "prophet"], "cascade"),
        (["--questions", "0"], "at least 1"),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(arguments, said, tmp_path):
    if "--framework" not in arguments:
        arguments = [*arguments, "--framework", frameworks()[0]]
    done = run_demo(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("demo: ")
    assert said in line


@pytest.fixture
def lib(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO.parent))
    names = ("asking", "figures", "material")
    return {name: importlib.import_module(f"demo_lib.{name}") for name in names}


def run_of(lib, name, scores, costs, error=""):
    """A run with the given scores and costs."""
    question = lib["material"].questions(1)[0]
    answers = []
    for score, cost in zip(scores, costs, strict=True):
        step = Step(to="small", purpose="answer", outcome="replied")
        decision = Decision(
            id="1", router="r", version="0", status="final", arm="small", why="", steps=(step,),
            cost=cost,
        )  # fmt: skip
        calls = {"small": 1, "large": 0}
        answers.append(lib["asking"].Answered(name, question, "x", decision, score, calls, error))
    return lib["figures"].Run(name, answers)


def said_of(lib, scores, costs, error=""):
    """The verdict on a run beside a small model at (1, 0.5) and a large one at (10, 1)."""
    small = run_of(lib, "small", [0, 1] * 12, [1.0] * 24)
    large = run_of(lib, "large", [1.0] * 24, [10.0] * 24, error)
    found = lib["figures"].figures(run_of(lib, "LangChain", scores, costs), small, large)
    return lib["figures"].verdict(found, large), found


def test_routing_that_escalates_only_what_is_wrong_paid(lib):
    said, found = said_of(lib, [1.0] * 24, [11.0, 1.0] * 12)
    assert "routing PAID" in said
    assert found.mixed == pytest.approx(0.5 + 0.5 * (6 - 1) / 9)


def test_routing_that_escalates_everything_did_not_pay(lib):
    said, found = said_of(lib, [1.0] * 24, [11.0] * 24)
    assert "routing DID NOT PAY: it cost 110%" in said
    assert found.mixed == 1.0


def test_routing_that_keeps_the_wrong_answers_did_not_pay(lib):
    said, _ = said_of(lib, [0, 1] * 12, [1.0, 11.0] * 12)
    assert "routing DID NOT PAY" in said


def test_routing_like_chance_is_not_shown_to_pay(lib):
    said, found = said_of(lib, [0, 1, 1, 1] * 6, [1.0, 11.0, 11.0, 1.0] * 6)
    assert "NOT SHOWN TO PAY" in said
    assert found.lift.low < 0 < found.lift.high


def test_no_verdict_where_a_baseline_failed(lib):
    said, _ = said_of(lib, [1.0] * 24, [11.0] * 24, error="APIConnectionError")
    assert "NO VERDICT" in said


def test_the_worked_examples_give_nothing_away(lib):
    material = lib["material"]
    shown = " ".join(turn.text for turn in material.few_shot())
    asked = {q.text for q in material.questions()}
    assert not any(text in shown for text in [*asked, *material.documents().values()])
    assert "Skerrow" not in shown


def test_the_passages_reach_the_router_as_context(lib):
    from automix_core.conversation import split_prompt

    for text in lib["material"].documents().values():
        assert split_prompt(lib["material"].user_message(text, "Why?")) == ("Why?", text)
