"""How fast arms are: given, read off the table, or assumed."""

import json
import math

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes
from automix_core.errors import UnknownNameError
from automix_core.evaluate.stream.speeds import (
    PARALLEL,
    STARTUP,
    TOKENS_PER_SECOND,
    Speed,
    read_speeds,
    timed,
)


def rows(*answers):
    made = [{"quality": 1.0, "cost": 0.1, **answer} for answer in answers]
    return Outcomes.of({"id": str(n), "arms": {"one": answer}} for n, answer in enumerate(made))


def test_a_line_is_found_where_longer_answers_take_longer():
    known = [{"latency": 0.4 + 0.02 * tokens, "output_tokens": tokens} for tokens in (10, 50, 90)]
    table, (pace,) = timed(rows(*known, {"output_tokens": 200}))
    assert (pace.source, pace.tokens, pace.parallel) == ("table", "table", PARALLEL)
    assert pace.startup == pytest.approx(0.4)
    assert pace.tokens_per_second == pytest.approx(50)
    assert table.latency[:, 0] == pytest.approx([0.6, 1.4, 2.2, 4.4])


def test_recorded_seconds_stay_as_they_are():
    known = [{"latency": s, "output_tokens": t} for s, t in ((1.0, 10), (5.0, 20), (2.0, 90))]
    table, _ = timed(rows(*known))
    assert table.latency[:, 0].tolist() == [1.0, 5.0, 2.0]


def test_no_start_up_time_is_below_0():
    _, (pace,) = timed(rows(*({"latency": t / 10 - 1, "output_tokens": t} for t in (20, 30, 90))))
    assert pace.startup == 0.0
    assert pace.tokens_per_second > 0


def test_where_length_is_unknown_or_makes_no_difference_the_mean_is_taken():
    for tokens in ({}, {"output_tokens": 7}):
        table, (pace,) = timed(rows({"latency": 1.0, **tokens}, {"latency": 3.0, **tokens}, tokens))
        assert (pace.startup, pace.tokens_per_second) == (2.0, math.inf)
        assert table.latency[:, 0].tolist() == [1.0, 3.0, 2.0]


def test_what_the_table_does_not_hold_is_assumed_and_said_to_be():
    table, (pace,) = timed(rows({}, {}))
    assert (pace.source, pace.tokens) == ("assumed", "assumed")
    assert table.output_tokens[:, 0].tolist() == [100, 100]
    assert table.latency[:, 0] == pytest.approx([STARTUP + 100 / TOKENS_PER_SECOND] * 2)


def test_what_is_given_comes_first():
    given = {"one": Speed(startup=1.0, tokens_per_second=10, parallel=3)}
    table, (pace,) = timed(rows({"latency": 9.0, "output_tokens": 20}), given)
    assert (pace.source, pace.parallel) == ("given", 3)
    assert table.latency[:, 0].tolist() == [3.0]


def test_who_gives_no_times_leaves_those_of_the_table():
    table, (pace,) = timed(rows({"latency": 9.0}), {"one": Speed(parallel=2)})
    assert (pace.source, pace.parallel) == ("table", 2)
    assert table.latency[:, 0].tolist() == [9.0]


def test_what_a_row_does_not_hold_stays_unknown():
    table = Outcomes.of(
        [
            {"id": "a", "arms": {"one": {"quality": 1, "cost": 1}}},
            {"id": "b", "arms": {"two": {"quality": 1, "cost": 2}}},
        ]
    )
    full, _ = timed(table)
    assert np.isnan(full.latency).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "settings",
    [
        {"startup": -1},
        {"startup": math.nan},
        {"tokens_per_second": 0},
        {"tokens_per_second": -5},
        {"parallel": 0},
        {"parallel": 2.5},
        {"parallel": "many"},
    ],
)
def test_rates_that_cannot_be_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Speed(**settings)


def test_an_unknown_arm_is_refused():
    with pytest.raises(UnknownNameError, match=r"'two'.*'one'"):
        timed(rows({}), {"two": Speed()})


GOOD = {"a.b": {"startup": 0.2, "tokens_per_second": 80, "parallel": 4}, "c": {}}


@pytest.mark.parametrize("name", ["speeds.json", "speeds.yaml", "speeds.toml"])
def test_files_are_read(name, tmp_path):
    if name.endswith("yaml"):
        pytest.importorskip("yaml", reason="needs the extra `cli`")
    text = '["a.b"]\nstartup = 0.2\ntokens_per_second = 80\nparallel = 4\n[c]\n'
    file = tmp_path / name
    file.write_text(text if name.endswith("toml") else json.dumps(GOOD), encoding="utf-8")
    assert read_speeds(file) == {"a.b": Speed(0.2, 80, 4), "c": Speed()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "must map"),
        ("{}", "must map"),
        ('{"a": 3}', "a: must be a table"),
        ('{"a": {"speed": 3}}', "'speed'.*'parallel', 'startup', 'tokens_per_second'"),
        ('{"a": {"parallel": 0}}', "speeds.json, a: parallel must be"),
        ("{", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(text, said, tmp_path):
    file = tmp_path / "speeds.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_speeds(file)
    assert "speeds.json" in str(caught.value)
