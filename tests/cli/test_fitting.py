"""`automix fit` and `automix inspect`."""

import json

import pytest

from automix_core.outcomes import Outcomes
from automix_core.router import Router
from tests.benchmarks import both_halves
from tests.cli.tables import write_table


def test_a_fitted_router_is_saved_and_explained(ran):
    code, out, _ = ran("fit", "table.jsonl", "--router", "cascade", "--out", "mine")
    assert code == 0
    assert "Fitted on 160 examples in 80 groups." in out
    assert "Signal answer_likelihood (used): AUC small 0." in out
    assert out.endswith("Saved in mine.\n")
    loaded = Router.load("mine")
    assert loaded.fit_report is not None
    code, inspected, _ = ran("inspect", "mine")
    assert code == 0
    assert out.startswith(inspected)


def test_json(ran):
    code, out, err = ran("fit", "table.jsonl", "--router", "cascade", "--out", "mine", "--json")
    (line,) = out.splitlines()
    found = json.loads(line)
    assert (code, err) == (0, "")
    assert (found["rows"], found["arms"], found["out"]) == (160, ["small", "large"], "mine")
    assert found["report"]["used"] == ["answer_likelihood"]
    code, out, _ = ran("inspect", "mine", "--json")
    looked = json.loads(out)
    assert looked["report"] == found["report"]
    assert looked["lines"] == Router.load("mine").describe()


@pytest.mark.parametrize(("signals", "spec"), [(True, "calibrated"), (False, "clusters")])
def test_without_a_router_it_fits_what_suits_the_table(ran, tmp_path, signals, spec):
    rows = list(both_halves.table(60, 0).rows())
    for row in rows:
        row["arms"] = {name: row["arms"][name] for name in ("small", "large")}
        if signals:
            del row["question"]
        else:
            for arm in row["arms"].values():
                del arm["signals"]
    Outcomes.of(rows).write(tmp_path / "other.jsonl")
    code, out, _ = ran("fit", "other.jsonl", "--out", "mine", "--json")
    assert (code, json.loads(out)["router"]) == (0, spec)
    assert Router.load("mine").name == spec


def test_a_saved_router_can_be_fitted_again(ran, tmp_path):
    ran("fit", "table.jsonl", "--router", "cascade", "--out", "mine")
    write_table(tmp_path / "other.jsonl", rows=200, seed=1)
    code, out, _ = ran("fit", "other.jsonl", "--router", "mine", "--out", "again", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == 200


def test_the_same_seed_gives_the_same_router(ran):
    for name in ("one", "two"):
        ran("fit", "table.jsonl", "--router", "cascade", "--out", name, "--seed", "3")
    assert Router.load("one").as_dict() == Router.load("two").as_dict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.jsonl", "--out", "x"], "nowhere.jsonl"),
        (["fit", "table.jsonl", "--router", "nonsense", "--out", "x"], "There is no preset"),
        (["fit", "table.jsonl", "--router", "automix:k=8", "--out", "x"], "'k'"),
        (["fit", "bad.jsonl", "--out", "x"], "bad.jsonl, line 1, arms.a.cost"),
        (["inspect", "nowhere"], "There is no readable router"),
    ],
)
def test_what_cannot_be_used_is_one_line_on_stderr(ran, tmp_path, arguments, message):
    (tmp_path / "bad.jsonl").write_text('{"id": "1", "arms": {"a": {"quality": 1, "cost": -1}}}\n')
    code, out, err = ran(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "x").exists()
