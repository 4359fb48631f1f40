"""`automix simulate`."""

import json
import math

import pytest

from automix_core.cli import main

ROUTERS = ("--router", "cascade", "--router", "random")
SMALL = ("--train-share", "0.5", "--requests", "20")


def test_routers_and_baselines_meet_the_stream(ran):
    code, out, err = ran("simulate", "table.jsonl", "--router", "cascade", *SMALL, "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    found = json.loads(line)
    names = [result["router"] for result in found["routers"]]
    assert names == ["cascade", "always:small", "always:large", "random", "oracle"]
    assert (found["trained"], found["held"], found["requests"]) == (80, 80, 80)
    assert found["speeds"]["small"]["source"] == "table"
    for result in found["routers"]:
        assert len(result["periods"]) == 4
        assert set(result["periods"][0]["waiting"]) == {"small", "large"}
        assert len(result["moving"]["regret"]) == 4
        assert 0 <= result["satisfied"] <= result["quality"] <= 1
    code, out, err = ran("simulate", "table.jsonl", "--router", "cascade", *SMALL)
    assert (code, err) == (0, "")
    assert all(name in out for name in names)
    assert "80 requests in 40 s" in out


def test_every_option_reaches_the_stream(ran, tmp_path):
    speeds = {"small": {"startup": 0.2, "tokens_per_second": 80, "parallel": 4}}
    (tmp_path / "speeds.json").write_text(json.dumps(speeds), encoding="utf-8")
    protocol = {
        "requests": 5,
        "period": 2.0,
        "time-limit": 9.0,
        "patience": 4.0,
        "wanted": 0.4,
        "length": 50,
        "train-share": 0.3,
        "seed": 7,
    }
    given = [part for name, value in protocol.items() for part in (f"--{name}", str(value))]
    learning = ("--feedback", "binary", "--feedback-delay", "3", "--feedback-missing", "0.25")
    aim = ("--cost-weight", "0.2", "--latency-weight", "0.01", "--speeds", "speeds.json")
    aim += ("--max-latency", "8")
    code, out, _ = ran(
        "simulate", "table.jsonl", "--router", "random", *given, *learning, *aim, "--json"
    )
    assert code == 0
    found = json.loads(out)
    stream = found["stream"]
    assert {name: stream[name.replace("-", "_")] for name in protocol} == protocol
    assert stream["feedback"] == {"kind": "binary", "delay": 3.0, "missing": 0.25}
    assert found["preference"]["cost_weight"] == 0.2
    assert found["preference"]["latency_weight"] == 0.01
    assert found["preference"]["max_latency"] == 8
    assert found["speeds"]["small"]["source"] == "given"
    assert found["speeds"]["small"]["parallel"] == 4


def test_without_a_time_limit_nothing_is_late(ran):
    options = ("--requests", "2000", "--train-share", "0.5", "--json")
    late = {}
    for limit in ("1", "none"):
        _, out, _ = ran("simulate", "table.jsonl", *ROUTERS, "--time-limit", limit, *options)
        found = json.loads(out)
        assert found["stream"]["time_limit"] == (None if limit == "none" else 1.0)
        late[limit] = [result["late"] for result in found["routers"]]
    assert max(late["none"]) == 0
    assert max(late["1"]) > 0


def test_a_picture_is_drawn(ran, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    arguments = ("simulate", "table.jsonl", *ROUTERS, *SMALL, "--picture", "stream.png")
    code, out, _ = ran(*arguments)
    assert code == 0
    assert out.endswith("Wrote stream.png.\n")
    assert (tmp_path / "stream.png").read_bytes().startswith(b"\x89PNG")
    _, out, _ = ran(*arguments, "--json")
    assert json.loads(out)["picture"] == "stream.png"
    assert math.isfinite(json.loads(out)["routers"][0]["quality"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--remove", "tiny@5"], "'tiny'"),
        (["--remove", "small"], "large@120"),
        (["--remove", "small@5"], "Fewer than two"),
        (["--add", "small@500"], "outside the stream"),
        (["--speeds", "nowhere.toml"], "nowhere.toml"),
        (["--speeds", "wrong.json"], "parallel"),
        (["--feedback-missing", "2"], "probability"),
        (["--router", "random"], "given twice"),
        (["--picture", "no/where.png"], "no folder"),
    ],
)
def test_what_cannot_be_is_one_line_on_stderr(ran, tmp_path, arguments, said):
    (tmp_path / "wrong.json").write_text('{"small": {"parallel": 0}}', encoding="utf-8")
    code, out, err = ran("simulate", "table.jsonl", "--router", "random", *SMALL, *arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--requests", "0"],
        ["--period", "-1"],
        ["--time-limit", "0"],
        ["--patience", "soon"],
        ["--feedback", "loud"],
        ["--feedback-delay", "-1"],
        ["--seed", "-1"],
        ["--train-share", "1"],
    ],
)
def test_numbers_that_make_no_sense_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["simulate", "table.jsonl", "--router", "random", *arguments])
    assert end.value.code == 2
    assert arguments[0] in capsys.readouterr().err
