"""The outcome table: which rows are refused, what the arrays hold, and how rows are split."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import automix_core
from automix_core import ConfigurationError, OutcomesError, UnknownNameError
from automix_core.flow import Token
from automix_core.outcomes import Outcomes
from automix_core.verify.answer_likelihood import likelihood
from tests.core.tables import assert_same, row, tables_of_rows

XQUAD = Path(__file__).parent.parent / "data" / "xquad_local_models_numeric.jsonl"


@pytest.fixture(scope="module")
def xquad():
    return Outcomes.read(XQUAD)


def one(**fields):
    """A table of one answer."""
    return Outcomes.of([row(small={"quality": 1, "cost": 1, **fields})])


def grouped(*names):
    return Outcomes.of([row(f"q{i}", name, a=(1, 1), b=(1, 2)) for i, name in enumerate(names)])


def test_arms_come_cheapest_first_by_the_mean_over_the_rows_that_hold_them():
    table = Outcomes.of(
        [row("1", dear=(1, 9.0), mid=(0, 3.0)), row("2", cheap=(0, 2.0)), row("3", mid=(1, 1.5))]
    )
    assert table.arms == ("cheap", "mid", "dear")
    np.testing.assert_array_equal(
        table.cost, [[np.nan, 3.0, 9.0], [2.0, np.nan, np.nan], [np.nan, 1.5, np.nan]]
    )
    np.testing.assert_array_equal(table.has, [[0, 1, 1], [1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("names", [("b", "a"), ("a", "b")])
def test_arms_of_equal_cost_keep_the_order_in_which_they_were_seen(names):
    first, second = names
    rows = [row("0", **{first: (1, 0.1), second: (1, 0.1)})]
    rows += [row(str(i), **{first: (1, 0.1)}) for i in range(1, 10)]  # sums of 0.1 are rounded
    assert Outcomes.of(rows).arms == names
    assert Outcomes.of([row("last", **{second: (1, 0.1)}), *rows]).arms == (second, first)


def test_every_field_comes_to_its_place():
    answer = {
        "quality": 0.5,
        "cost": 2,
        "latency": 0.25,
        "input_tokens": 7,
        "output_tokens": 3,
        "confidence": 0.75,
        "signals": {"p_true": 0.25, "mine": -4},
        "verification": {"cost": 1, "latency": 2, "costs": {"p_true": 3}, "latencies": {"mine": 4}},
        "answer": "not kept",
        "cpu_seconds": 1,
    }
    table = Outcomes.of(
        [
            row("q1", "g", small=answer)
            | {"query": "Q", "question": "q", "context": "c", "tags": ["law"]}
            | {"agreement": {"small|large": {"exact": 1, "f1": 0.5}}},
            row("q2", None, small=(1, 1)),
        ]
    )
    plain = [table.quality, table.cost, table.latency, table.input_tokens, table.output_tokens]
    assert [column[0, 0] for column in plain] == [0.5, 2, 0.25, 7, 3]
    assert {name: column[0, 0] for name, column in table.signals.items()} == {
        "self_verification": 0.75,
        "true_probability": 0.25,
        "mine": -4,
    }
    assert {k: c[0, 0] for k, c in table.checks.items()} == {
        "self_verification": 1,
        "true_probability": 3,
    }
    assert {k: c[0, 0] for k, c in table.check_latency.items()} == {
        "self_verification": 2,
        "mine": 4,
    }
    assert table.texts == {"query": ("Q", None), "question": ("q", None), "context": ("c", None)}
    assert table.tags == (("law",), ())
    assert table.agreement["small|large"]["f1"].tolist()[0] == 0.5
    assert np.isnan(table.agreement["small|large"]["exact"][1])
    assert np.isnan(table.signals["mine"][1, 0])


def test_texts_do_not_show_in_the_repr():
    table = Outcomes.of([row(small=(1, 1)) | {"question": "secret"}])
    assert "secret" not in repr(table)
    assert "small" in repr(table)


def test_a_column_that_no_row_fills_is_nan_and_takes_no_memory(xquad):
    table = Outcomes.from_arrays(["a", "b"], np.ones((1000, 2)), [1, 2])
    for view in (table, table.take([5, 6]), table.only(["b"])):
        assert view.latency.shape == view.quality.shape
        assert np.isnan(view.latency).all()
        assert view.latency.strides == (0, 0)
    assert not table.signals
    assert any(xquad.latency.strides)


def test_nothing_in_a_table_can_be_written_to(xquad):
    columns = [xquad.quality, xquad.groups, *xquad.signals.values(), xquad.take([1, 2]).cost]
    for column in columns:
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


@pytest.mark.parametrize("verdict", [{}, {"confidence": None}])
def test_no_confidence_is_not_a_confidence_of_zero(verdict):
    table = Outcomes.of([row("1", a={"quality": 1, "cost": 1, **verdict}), row("2", a=(1, 1))])
    assert "self_verification" not in table.signals
    mixed = one(**verdict).join([one(**verdict), Outcomes.of([row("z", small=full(confidence=0))])])
    np.testing.assert_array_equal(mixed.signals["self_verification"][:, 0], [np.nan, 0])


def full(**fields):
    return {"quality": 1, "cost": 1, **fields}


@pytest.mark.parametrize(
    ("counts", "confidence"),
    [
        ({"samples": 8, "valid": 8, "correct": 6}, 0.75),
        ({"valid": 7, "correct": 7}, 1.0),
        ({"samples": 8, "planned": 8, "valid": 4, "correct": 1}, 0.25),
        ({"samples": 8, "valid": 0, "correct": 0}, None),
        ({"samples": 3, "planned": 8, "valid": 3, "correct": 3}, None),
        ({"samples": 8, "valid": 8}, None),
    ],
)
def test_counts_of_verdicts_stand_in_for_a_missing_confidence(counts, confidence):
    got = one(verification=counts).signals.get("self_verification")
    assert (None if got is None else got[0, 0]) == confidence


def test_a_verification_that_was_cut_short_is_never_a_confidence():
    cut = one(confidence=1.0, verification={"planned": 8, "samples": 3, "cost": 2})
    assert "self_verification" not in cut.signals
    assert cut.checks["self_verification"][0, 0] == 2


def test_a_confidence_that_was_given_is_kept_though_counts_are_there():
    given_ = one(confidence=0.67, verification={"valid": 3, "correct": 2})
    assert given_.signals["self_verification"][0, 0] == 0.67


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 200])
@pytest.mark.parametrize("with_mean", [True, False])
def test_the_likelihood_of_an_answer_is_what_its_verifier_would_say(count, with_mean):
    tokens = tuple(Token("a", -0.031 * (i % 7 + 1)) for i in range(count))
    total = sum(token.logprob for token in tokens)
    signals = {"answer_logprob_sum": total}
    if with_mean:  # the mean says how many tokens there were, whatever else is billed
        signals["answer_logprob_mean"] = round(total / count, 6)
    table = one(signals=signals, output_tokens=count + 3 * with_mean)
    expected = likelihood(tokens, 32)
    assert table.signals["answer_likelihood"][0, 0] == pytest.approx(expected, rel=1e-12)
    assert table.signals["answer_logprob_sum"][0, 0] == total


def test_a_likelihood_that_is_given_is_not_computed_anew():
    table = one(signals={"answer_likelihood": 0.9, "answer_logprob_sum": -5}, output_tokens=5)
    assert table.signals["answer_likelihood"][0, 0] == 0.9
    assert "answer_likelihood" not in one(signals={"answer_logprob_sum": -5}).signals


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"quality": None}, "arms.small.quality", "is missing"),
        ({"cost": None}, "arms.small.cost", "is missing"),
        ({"quality": 1.01}, "arms.small.quality", r"in \[0, 1\], not 1.01"),
        ({"quality": -0.1}, "arms.small.quality", "not -0.1"),
        ({"quality": math.nan}, "arms.small.quality", "not nan"),
        ({"quality": True}, "arms.small.quality", "not True"),
        ({"quality": "1"}, "arms.small.quality", "not '1'"),
        ({"quality": [1]}, "arms.small.quality", "not a list"),
        ({"cost": -1}, "arms.small.cost", "at least 0, not -1"),
        ({"cost": math.inf}, "arms.small.cost", "not inf"),
        ({"cost": 10**400}, "arms.small.cost", "not 1000"),
        ({"cost": False}, "arms.small.cost", "not False"),
        ({"latency": -1}, "arms.small.latency", "not -1"),
        ({"latency": math.nan}, "arms.small.latency", "not nan"),
        ({"latency": {}}, "arms.small.latency", "not an object"),
        ({"input_tokens": -5}, "arms.small.input_tokens", "not -5"),
        ({"output_tokens": True}, "arms.small.output_tokens", "not True"),
        ({"confidence": 1.5}, "arms.small.confidence", "not 1.5"),
        ({"confidence": math.nan}, "arms.small.confidence", "not nan"),
        ({"confidence": "high"}, "arms.small.confidence", "not 'high'"),
        ({"signals": []}, "arms.small.signals", "must be an object"),
        ({"signals": {"p_true": 2}}, "arms.small.signals.p_true", "not 2"),
        ({"signals": {"mine": math.inf}}, "arms.small.signals.mine", "finite number, not inf"),
        ({"verification": 1}, "arms.small.verification", "must be an object"),
        ({"verification": {"cost": -1}}, "arms.small.verification.cost", "not -1"),
        ({"verification": {"costs": 1}}, "arms.small.verification.costs", "must be an object"),
        (
            {"verification": {"costs": {"judge": -1}}},
            "arms.small.verification.costs.judge",
            "not -1",
        ),
        ({"verification": {"latency": "1s"}}, "arms.small.verification.latency", "not '1s'"),
        ({"verification": {"samples": 1.5}}, "arms.small.verification.samples", "whole number"),
        (
            {"verification": {"valid": 3, "correct": 4}},
            "arms.small.verification.correct",
            "4 cannot be more than verification.valid, which is 3",
        ),
        (
            {"verification": {"samples": 8, "valid": 9}},
            "arms.small.verification.valid",
            "9 cannot be more than verification.samples, which is 8",
        ),
        (
            {"verification": {"valid": 0, "correct": 0}, "confidence": 0},
            "arms.small.confidence",
            "must be null",
        ),
    ],
)
def test_a_bad_field_of_an_answer_is_refused_by_name(fields, where, says):
    good = [row(str(i), small=(1, 1), large=(1, 2)) for i in range(5)]
    bad = row("bad", large=(1, 2), small={"quality": 1, "cost": 1, **fields})
    with pytest.raises(OutcomesError, match=says) as caught:
        Outcomes.of([*good, bad, *[{"id": 5}] * 3], source="table")
    assert str(caught.value).startswith(f"table, row 6, {where}: ")


@pytest.mark.parametrize(
    ("bad", "where", "says"),
    [
        ([], "", "must be a JSON object"),
        ("text", "", "must be a JSON object"),
        (None, "", "must be a JSON object"),
        ({"arms": {"a": full()}}, ", id", "is missing"),
        ({"id": "", "arms": {"a": full()}}, ", id", "not empty"),
        ({"id": 1.5, "arms": {"a": full()}}, ", id", "must be a text"),
        ({"id": True, "arms": {"a": full()}}, ", id", "must be a text"),
        ({"id": "0", "arms": {"a": full()}}, ", id", "'0' occurs twice"),
        ({"id": "x"}, ", arms", "is missing"),
        ({"id": "x", "arms": []}, ", arms", "must be an object"),
        ({"id": "x", "arms": {}}, ", arms", "at least one model"),
        ({"id": "x", "arms": {"a": None}}, ", arms", "at least one model"),
        ({"id": "x", "arms": {"a": 1}}, ", arms.a", "must be an object"),
        ({"id": "x", "arms": {"": full()}}, ", arms.", "under a name"),
        ({"id": "x", "arms": {"a": {}}}, ", arms.a.quality", "is missing"),
        ({**row(a=full()), "query": 1}, ", query", "must be text, not 1"),
        ({**row(a=full()), "context": []}, ", context", "must be text, not a list"),
        ({**row(a=full()), "tags": "law"}, ", tags", "must be a list of texts"),
        ({**row(a=full()), "tags": [1]}, ", tags", "must be a list of texts"),
        ({**row(a=full()), "group": 1.5}, ", group", "must be a text"),
        ({**row(a=full()), "agreement": 1}, ", agreement", "must be an object"),
        ({**row(a=full()), "agreement": {"a|b": 1}}, ", agreement.a|b", "must be an object"),
        ({**row(a=full()), "agreement": {"a|b": {"f1": 2}}}, ", agreement.a|b.f1", "not 2"),
        ({**row(a=full()), "agreement": {"a|b": {"f1": True}}}, ", agreement.a|b.f1", "not True"),
    ],
)
def test_a_bad_row_is_refused(bad, where, says):
    good = [row(str(i), a=(1, 1)) | {"agreement": {"a|b": {"f1": 1}}} for i in range(3)]
    with pytest.raises(OutcomesError, match=says) as caught:
        Outcomes.of([*good, bad])
    assert str(caught.value).startswith(f"rows, row 4{where}: ")


def test_the_first_bad_row_is_named_whatever_is_wrong_with_later_ones():
    rows = [row(str(i), a=(1, 1)) for i in range(2000)]
    rows[777]["arms"]["a"]["latency"] = -1  # checked after the fields below
    rows[778]["id"] = None
    rows[1500] = []
    with pytest.raises(OutcomesError, match=r"row 778, arms\.a\.latency"):
        Outcomes.of(rows)


def test_an_id_that_recurs_far_away_is_refused():
    rows = [row(str(i % 5000), a=(1, 1)) for i in range(5001)]
    with pytest.raises(OutcomesError, match="row 5001, id: '0' occurs twice"):
        Outcomes.of(rows)


@given(tables_of_rows())
def test_rows_come_back_as_they_were(rows):
    table = Outcomes.of(rows)
    again = list(table.rows())
    assert_same(Outcomes.of(again), table)
    assert_same(Outcomes.of(json.loads(json.dumps(again))), table)
    for given_, got in zip(rows, again, strict=True):
        assert given_["id"] == got["id"]
        assert set(given_["arms"]) == set(got["arms"])
        for name, answer in given_["arms"].items():
            for what in ("quality", "cost", "latency", "input_tokens", "output_tokens"):
                assert got["arms"][name].get(what) == answer.get(what)
            assert got["arms"][name].get("confidence") == answer.get("confidence")
        for what in ("query", "question", "context", "group"):
            assert got.get(what) == given_.get(what)


def test_the_real_table_comes_back_as_it_was(xquad):
    assert len(xquad) == 356
    assert xquad.arms == ("smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")
    np.testing.assert_allclose(xquad.quality.mean(axis=0), [0.268, 0.521, 0.769], atol=5e-4)
    assert set(xquad.signals) == {
        "self_verification",
        "true_probability",
        "answer_likelihood",
        "answer_logprob_sum",
        "answer_logprob_mean",
    }
    assert len(np.unique(xquad.groups)) < len(xquad)
    assert_same(Outcomes.of(xquad.rows()), xquad)


@given(tables_of_rows(min_size=1), st.data())
def test_rows_are_taken_by_place_mask_or_slice(rows, data):
    table = Outcomes.of(rows)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    places = np.flatnonzero(mask)
    assert_same(table.take(mask), table.take(places))
    assert_same(table.take(mask.tolist()), table.take(places.tolist()))
    assert_same(table.take(slice(0, None, 2)), table.take(np.arange(0, len(rows), 2)))
    taken = table.take(places)
    assert taken.arms == table.arms
    assert taken.ids == tuple(table.ids[i] for i in places)
    np.testing.assert_array_equal(taken.quality, table.quality[places])


def test_a_row_may_be_taken_twice_and_all_may_be_left_out(xquad):
    twice = xquad.take([3, 3, 0])
    assert twice.ids == (xquad.ids[3], xquad.ids[3], xquad.ids[0])
    none = xquad.take([])
    assert len(none) == 0
    assert none.quality.shape == (0, 3)


def test_only_some_arms_keep_their_order_and_their_rows():
    table = Outcomes.of(
        [
            row("1", a=(1, 1), b=(0.5, 2), c=(0, 3))
            | {"agreement": {"a|b": {"f1": 1}, "a|c": {"f1": 0}}},
            row("2", b=(1, 2)),
        ]
    )
    part = table.only(["c", "a"])
    assert part.arms == ("a", "c")
    np.testing.assert_array_equal(part.quality, [[1, 0], [np.nan, np.nan]])
    assert set(part.agreement) == {"a|c"}
    assert [found["id"] for found in part.rows()] == ["1"]
    with pytest.raises(UnknownNameError, match="'d'"):
        table.only(["a", "d"])


@given(
    st.lists(st.sampled_from(["x", "y", "z", None, None]), min_size=2, max_size=40),
    st.floats(0.05, 0.95),
    st.integers(0, 3),
)
def test_splits_and_folds_keep_groups_together_and_lose_no_row(names, share, seed):
    table = grouped(*names)
    if len(set(table.groups)) < 2:
        with pytest.raises(OutcomesError, match="cannot be split"):
            table.split(share, seed)
        return
    first, second = table.split(share, seed)
    assert len(first)
    assert len(second)
    assert not set(first.groups) & set(second.groups)
    assert sorted(first.ids + second.ids) == sorted(table.ids)
    largest = max(np.unique(table.groups, return_counts=True)[1])
    edge = max(largest, min(share, 1 - share) * len(table))
    assert abs(len(first) - share * len(table)) <= edge
    folds = table.folds(5, seed)
    held = np.concatenate([test for _, test in folds])
    assert sorted(held) == list(range(len(table)))
    for train, test in folds:
        assert len(test)
        assert sorted([*train, *test]) == list(range(len(table)))
        assert not set(table.groups[train]) & set(table.groups[test])


def test_splits_are_random_but_repeat_with_their_seed(xquad):
    assert xquad.split(0.5, 1)[0].ids == xquad.split(0.5, 1)[0].ids
    assert xquad.split(0.5, 1)[0].ids != xquad.split(0.5, 2)[0].ids
    assert len(xquad.split(0.8)[0]) == pytest.approx(0.8 * len(xquad), abs=5)
    sizes = [len(held) for _, held in xquad.folds(5)]
    assert len(sizes) == 5
    assert max(sizes) - min(sizes) <= 10
    first, again = xquad.folds(5, seed=3), xquad.folds(5, seed=3)
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("share", [0, 1, -1, 2, math.nan])
def test_a_share_of_nothing_or_all_is_refused(share, xquad):
    with pytest.raises(ConfigurationError, match="share"):
        xquad.split(share)


def test_a_table_is_not_split_where_it_cannot_be(xquad):
    with pytest.raises(ConfigurationError, match="at least 2"):
        xquad.folds(1)
    for table in (xquad.take([]), xquad.take([0]), grouped("one", "one")):
        with pytest.raises(OutcomesError, match="cannot be split"):
            table.folds(5)


@given(tables_of_rows(min_size=1), st.integers(0, 8))
def test_parts_are_joined_to_the_whole(rows, place):
    table = Outcomes.of(rows)
    assert_same(Outcomes.join([Outcomes.of(rows[:place]), Outcomes.of(rows[place:])]), table)
    assert_same(Outcomes.join([table]), table)


@pytest.mark.parametrize("p_true_first", [True, False])
def test_a_signal_given_under_two_names_is_the_one_under_its_own(p_true_first):
    signals = {"p_true": 0.1, "true_probability": 0.9}
    if not p_true_first:
        signals = dict(reversed(signals.items()))
    assert one(signals=signals).signals["true_probability"][0, 0] == 0.9


def test_large_groups_are_spread_over_the_folds():
    table = grouped(*(f"large-{i // 20}" for i in range(100)), *[None] * 100)
    assert {len(held) for _, held in table.folds(5)} == {40}


def test_arms_signals_and_agreement_may_begin_late_and_end_early():
    full = {"quality": 1, "cost": 9, "signals": {"mine": 5}}
    late = {"agreement": {"a|b": {"f1": 1}}, "query": "Q", "tags": ["t"]}
    plain = [row(str(i), a=(1, 1)) for i in range(3000)]
    plain[1700] = row("1700", a=(1, 2), b=full) | late
    table = Outcomes.of(plain)
    assert len(table) == 3000
    for column in (table.quality[:, 1], table.signals["mine"][:, 1], table.agreement["a|b"]["f1"]):
        assert np.flatnonzero(~np.isnan(column)).tolist() == [1700]
    assert [i for i, text in enumerate(table.texts["query"]) if text is not None] == [1700]
    assert [i for i, tags in enumerate(table.tags) if tags] == [1700]
    assert len(table.texts["query"]) == len(table.tags) == 3000


def test_joined_tables_order_their_arms_anew_and_may_hold_others():
    joined = Outcomes.join(
        [Outcomes.of([row("1", a=(1, 5))]), Outcomes.of([row("2", b=(1, 2)), row("3", a=(1, 1))])]
    )
    assert joined.arms == ("b", "a")
    assert joined.ids == ("1", "2", "3")
    assert len(Outcomes.join([])) == 0


def test_joined_rows_of_one_group_belong_together_and_one_id_is_one_row():
    parts = [grouped("x", None), Outcomes.of([row("other", "x", a=(1, 1)), row("z", a=(1, 1))])]
    numbers = Outcomes.join(parts).groups
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 3
    with pytest.raises(OutcomesError, match="'q0' occurs twice"):
        Outcomes.join([parts[0], parts[0].take([0])])


def test_a_table_is_made_of_arrays():
    quality = np.array([[1.0, 0.5], [0.25, np.nan]])
    table = Outcomes.from_arrays(
        ["dear", "cheap"],
        quality,
        [2.0, 1.0],
        signals={"self_verification": [[0.5, np.nan], [1, 1]]},
        checks={"self_verification": [0.5, 0.25]},
        groups=[4, 4],
    )
    assert table.arms == ("cheap", "dear")
    assert table.ids == ("0", "1")
    np.testing.assert_array_equal(table.quality, [[0.5, 1.0], [np.nan, 0.25]])
    np.testing.assert_array_equal(table.cost, [[1, 2], [np.nan, 2]])
    np.testing.assert_array_equal(table.checks["self_verification"], [[0.25, 0.5], [np.nan, 0.5]])
    np.testing.assert_array_equal(table.signals["self_verification"], [[np.nan, 0.5], [np.nan, 1]])
    assert table.groups.tolist() == [0, 0]
    quality[0, 0] = 0  # the table keeps a copy
    assert table.quality[0, 1] == 1
    assert_same(Outcomes.of(table.rows()), table)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quality": [[1, 2], [0, 0]]}, r"row 1, arms\.b\.quality: .* not 2"),
        ({"cost": [-1, 1]}, r"row 1, arms\.a\.cost: .* not -1"),
        ({"cost": [[1, 1], [1, np.nan]]}, r"row 2, arms\.b\.cost: is missing"),
        ({"cost": [1, 2, 3]}, "cost must be numbers of the shape"),
        ({"quality": [1, 1]}, "quality must be"),
        ({"arms": ["a", "a"]}, "different names"),
        ({"ids": ["1"]}, "2 rows, 1 ids"),
        ({"ids": ["1", "1"]}, "occurs twice"),
        ({"groups": [1]}, "1 groups"),
        ({"signals": {"self_verification": [[2, 1], [1, 1]]}}, "self_verification: .* not 2"),
        ({"signals": {"mine": [[np.inf, 1], [1, 1]]}}, "mine: .* not inf"),
    ],
)
def test_arrays_that_cannot_be_a_table_are_refused(change, says):
    good = {"arms": ["a", "b"], "quality": [[1, 1], [0, 0]], "cost": [1, 2]}
    assert len(Outcomes.from_arrays(**good)) == 2
    with pytest.raises(OutcomesError, match=says):
        Outcomes.from_arrays(**{**good, **change})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (Outcomes.of([]), "no rows"),
        (Outcomes.of([row(only=(1, 1))]), "one arm, 'only'"),
        (Outcomes.of([row("1", a=(1, 1)), row("2", a=(1, 1), b=(1, 2))]).take([0]), "the arm 'b'"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(table, says):
    with pytest.raises(OutcomesError, match=says):
        table.require_comparable()


def test_a_table_that_can_be_compared_passes(xquad):
    assert xquad.require_comparable() is xquad


def test_the_package_offers_the_table():
    assert automix_core.Outcomes is Outcomes
    with pytest.raises(AttributeError, match="NoSuchThing"):
        _ = automix_core.NoSuchThing
