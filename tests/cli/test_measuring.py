"""`automix evaluate` and `automix report`."""

import json

import pytest

from tests.cli.tables import write_table

ALONE = {"always:small", "always:large", "random", "oracle"}


def test_routers_and_baselines_are_compared(ran):
    arguments = ("--router", "cascade", "--router", "cascade:threshold=0.9", "--seeds", "2")
    code, out, err = ran("evaluate", "table.jsonl", *arguments, "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    found = json.loads(line)
    by_name = {score["router"]: score for score in found["routers"]}
    assert found["rows"] == 160
    assert set(by_name) == {"cascade", "cascade:threshold=0.9", *ALONE}
    for name in ("quality", "cost", "latency", "ibc_lift", "area", "pareto_distance"):
        measure = by_name["cascade"][name]
        assert measure["low"] <= measure["mean"] <= measure["high"]
    assert by_name["always:small"]["cost"]["mean"] == pytest.approx(1e-4)
    assert set(by_name["cascade"]["share"]) == {"small", "large"}
    code, out, _ = ran("evaluate", "table.jsonl", *arguments)
    assert code == 0
    assert all(name in out for name in by_name)


def test_baselines_may_be_given_as_routers_as_well(ran):
    given = ("--router", "random", "--router", "oracle", "--router", "always:arm=cheapest")
    code, out, _ = ran("evaluate", "table.jsonl", *given, "--seeds", "2", "--json")
    assert code == 0
    quality = {s["router"]: s["quality"]["mean"] for s in json.loads(out)["routers"]}
    assert list(quality)[:3] == list(given[1::2])
    assert {"random (baseline)", "oracle (baseline)"} < set(quality)
    assert quality["oracle"] > max(quality["random"], quality["always:arm=cheapest"])
    code, _, err = ran("fit", "table.jsonl", "--router", "oracle", "--out", "mine")
    assert code == 2
    assert "cannot be saved for use" in err


def test_a_saved_router_is_measured_on_another_table_as_it_is(ran, tmp_path):
    assert ran("fit", "table.jsonl", "--router", "cascade", "--out", "mine")[0] == 0
    write_table(tmp_path / "other.jsonl", rows=100, seed=1)
    aim = ("--test", "other.jsonl", "--cost-weight", "0.3", "--json")
    code, out, _ = ran("evaluate", "table.jsonl", "--router", "mine", *aim)
    assert code == 0
    assert json.loads(out)["rows"] == 100
    assert json.loads(out)["preference"]["cost_weight"] == 0.3


def test_a_budget_is_met(ran):
    aim = ("--budget", "0.004", "--seeds", "3", "--json")
    code, out, _ = ran("evaluate", "table.jsonl", "--router", "cascade", *aim)
    assert code == 0
    (score,) = [s for s in json.loads(out)["routers"] if s["router"] == "cascade"]
    assert score["cost"]["low"] <= 0.004 <= score["cost"]["high"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "nowhere.jsonl", "--router", "cascade"],
        ["evaluate", "table.jsonl", "--router", "cascade", "--test", "nowhere.jsonl"],
        ["evaluate", "table.jsonl", "--router", "nowhere.jsonl"],
        ["report", "nowhere.jsonl", "--out", "x.html"],
    ],
)
def test_what_is_not_there_is_one_line_on_stderr(ran, arguments):
    code, out, err = ran(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert "nowhere.jsonl" in line


def test_objectives_exclude_each_other(ran, capsys):
    with pytest.raises(SystemExit) as end:
        ran("evaluate", "table.jsonl", "--router", "cascade", "--budget", "1", "--cost-weight", "1")
    assert end.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_page_and_its_pictures(ran, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    arguments = ("report", "table.jsonl", "--router", "cascade", "--out", "page.html")
    code, out, _ = ran(*arguments, "--pictures", "pictures", "--json")
    assert code == 0
    found = json.loads(out)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!")
    assert found["verdict"]
    assert len(found["pictures"]) >= 3
    assert all((tmp_path / path).read_bytes().startswith(b"\x89PNG") for path in found["pictures"])
    code, out, _ = ran(*arguments)
    assert found["verdict"] in out
    assert out.endswith("Wrote page.html.\n")
