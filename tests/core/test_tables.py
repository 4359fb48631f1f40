"""Outcome tables as files: what is written is read again, and what is bad is named."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from automix_core import ConfigurationError, OutcomesError
from automix_core.outcomes import Outcomes
from automix_core.tables import read_automix_release, scan
from tests.core.tables import assert_same, row, tables_of_rows
from tests.shared import shared

XQUAD = Path(__file__).parent.parent / "data" / "xquad_local_models_numeric.jsonl"
RELEASED = {
    "id": "d1",
    "pid": "d1_0",
    "base_ctx": "a long text",
    "question": "Who?",
    "output": "Ada",
    "dataset": "qasper",
    "split": "train",
    "llama13b_pred_ans": "Bob",
    "llama70b_pred_ans": "Ada",
    "p_ver_13b": 0.25,
    "llama13b_f1": 0.0,
    "llama70b_f1": 1.0,
    "category": "NEEDY",
}
COSTS = {"llama13b": 1, "llama70b": 50}
SUFFIXES = ("jsonl", "jsonl.gz", "parquet")


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


@pytest.fixture
def written(tmp_path):
    """Writes lines as they are, and gives the file."""

    def write(*lines, name="outcomes.jsonl"):
        path = tmp_path / name
        content = b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
            for line in lines
        )
        path.write_bytes(content)
        return path

    return write


def rows_of(count):
    return [row(f"q{i}", f"g{i // 3}", a=(i % 2, 1 + i), b=(1, 2000)) for i in range(count)]


def test_a_table_is_read_as_it_was_written(tmp_path, suffix):
    @given(tables_of_rows())
    def check(rows):
        table = Outcomes.of(rows)
        path = tmp_path / f"table.{suffix}"
        table.write(path)
        assert_same(Outcomes.read(path), table)

    check()


def test_a_real_table_is_read_as_it_was_written(tmp_path, suffix):
    table = Outcomes.read(XQUAD)
    table.write(tmp_path / f"copy.{suffix}")
    assert_same(Outcomes.read(tmp_path / f"copy.{suffix}"), table)
    assert [path.name for path in tmp_path.iterdir()] == [f"copy.{suffix}"]


def test_a_table_of_nine_models_is_read(tmp_path, suffix):
    table = Outcomes.read(shared("llmrouter_scores.jsonl"))
    assert table.quality.shape == (5608, 9)
    assert not np.isnan(table.quality).any()
    assert all(len(tags) == 1 for tags in table.tags)
    assert (np.diff(table.cost.mean(axis=0)) >= 0).all()
    table.write(tmp_path / f"copy.{suffix}")
    assert_same(Outcomes.read(tmp_path / f"copy.{suffix}"), table)


def test_a_row_that_holds_no_arm_is_not_written(tmp_path, suffix):
    part = Outcomes.of([row("1", a=(1, 1)), row("2", b=(1, 1)), row("3", a=(0, 1))]).only(["a"])
    part.write(tmp_path / f"part.{suffix}")
    assert Outcomes.read(tmp_path / f"part.{suffix}").ids == ("1", "3")


@pytest.mark.parametrize("text", ["one\u2028two", "a\u0085b\x0cc\rd\n", "\ufeff", "🙂", ""])
def test_texts_survive_whatever_they_hold(tmp_path, suffix, text):
    table = Outcomes.of([row("1", a=(1, 1)) | {"question": text, "tags": [text]}])
    table.write(tmp_path / f"t.{suffix}")
    again = Outcomes.read(tmp_path / f"t.{suffix}")
    assert again.texts["question"] == (text,)
    assert again.tags == ((text,),)


def test_lines_end_at_newlines_alone(tmp_path):
    path, text = tmp_path / "outcomes.jsonl", "a\u2028b\u2029c\u0085d"
    lines = [json.dumps(r | {"query": text}, ensure_ascii=False) for r in rows_of(3)]
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    assert Outcomes.read(path).texts["query"] == (text,) * 3


def test_a_byte_order_mark_empty_lines_and_carriage_returns_do_no_harm(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    body = "\r\n\r\n".join(json.dumps(r) for r in rows_of(3))
    path.write_bytes(b"\xef\xbb\xbf" + body.encode() + b"\r\n\n \n")
    assert_same(Outcomes.read(path), Outcomes.of(rows_of(3)))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_a_table_without_rows(tmp_path, content):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    table = Outcomes.read(path)
    assert len(table) == 0
    assert table.arms == ()
    with pytest.raises(OutcomesError, match="no rows"):
        table.require_comparable()


def test_half_a_surrogate_pair_comes_back(tmp_path):
    table = Outcomes.of([row("1", a=(1, 1)) | {"query": "\ud83d"}])
    table.write(tmp_path / "t.jsonl")
    assert Outcomes.read(tmp_path / "t.jsonl").texts["query"] == ("\ud83d",)


def test_what_parquet_cannot_hold_is_an_error_and_leaves_no_file(tmp_path):
    pytest.importorskip("pyarrow")
    table = Outcomes.of([row("1", a=(1, 1)) | {"query": "\ud83d"}])
    with pytest.raises(OutcomesError, match="cannot be written"):
        table.write(tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"id": "x", "arms": {"a": {"quality": 1, "cost": NaN}}}', "arms.a.cost: .* not nan"),
        (b'{"id": "x", "arms": {"a": {"quality": 1, "cost": 1e999}}}', "arms.a.cost: .* not inf"),
        (b'{"id": "x", "arms": {"a": {"quality": 1}}}', "arms.a.cost: is missing"),
        (b'{"id": "q0", "arms": {"a": {"quality": 1, "cost": 1}}}', "id: 'q0' occurs twice"),
        (b'{"id": "x", "arms": ', "not JSON: "),
        (b'{"id": "x"} {}', "not JSON: "),
        (b"[" * 100_000, "not JSON: "),
        (b"9" * 5_000, "not JSON: "),
        (b'{"id": "\xff"}', "not JSON: the line is not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
@pytest.mark.parametrize("name", ["outcomes.jsonl", "outcomes.jsonl.gz"])
def test_a_bad_line_is_named(written, line, says, name):
    path = written(rows_of(1)[0], b"", line, b"{", b"\xff")
    if name.endswith("gz"):
        path.with_name(name).write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(OutcomesError, match=rf"^{name}, line 3(, |: ).*{says}"):
        Outcomes.read(path.with_name(name))


def test_a_bad_field_above_a_line_that_is_not_json_comes_first(written):
    path = written(*rows_of(3), row("x", a=(1, -1)), b"{")
    with pytest.raises(OutcomesError, match=r"line 4, arms\.a\.cost"):
        Outcomes.read(path)


@pytest.mark.parametrize("name", ["outcomes.json", "outcomes.csv", "outcomes", "jsonl"])
def test_an_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(OutcomesError, match=r"\.jsonl, \.jsonl\.gz or \.parquet"):
        Outcomes.read(tmp_path / name)
    with pytest.raises(OutcomesError, match=r"\.jsonl, \.jsonl\.gz or \.parquet"):
        Outcomes.of(rows_of(1)).write(tmp_path / name)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, suffix):
    path = tmp_path / f"outcomes.{suffix}"
    with pytest.raises(OutcomesError, match="cannot be read"):
        Outcomes.read(path)
    path.mkdir()
    with pytest.raises(OutcomesError, match="cannot be read"):
        Outcomes.read(path)
    with pytest.raises(OutcomesError, match="cannot be written"):
        Outcomes.of(rows_of(1)).write(tmp_path / "nowhere" / f"outcomes.{suffix}")


@pytest.mark.parametrize("suffix", ["jsonl.gz", "parquet"])
@pytest.mark.parametrize("harm", ["cut", "bits", "other"])
def test_a_damaged_file_is_an_error(tmp_path, suffix, harm):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"outcomes.{suffix}"
    Outcomes.of(rows_of(500)).write(path)
    content = bytearray(path.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "bits":
        content[len(content) // 3 : len(content) // 3 + 60] = b"\xff" * 60
    else:
        content = b"something else"
    path.write_bytes(content)
    with pytest.raises(OutcomesError):
        Outcomes.read(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "outcomes.jsonl"
    Outcomes.of(rows_of(2)).write(path)
    before = path.read_bytes()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("automix_core.columns.jsonl.json.dumps", full)
    with pytest.raises(OutcomesError, match="No space left"):
        Outcomes.of(rows_of(3)).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("rows", [1, 4, 10, 99])
def test_a_scan_goes_through_the_table_in_pieces(tmp_path, suffix, rows):
    table = Outcomes.of(rows_of(10))
    table.write(tmp_path / f"t.{suffix}")
    pieces = list(scan(tmp_path / f"t.{suffix}", rows=rows))
    assert [len(piece) for piece in pieces] == [min(rows, 10 - i) for i in range(0, 10, rows)]
    assert_same(Outcomes.join(pieces), table)


def test_a_scan_reads_no_further_than_it_is_asked(written):
    path = written(*rows_of(4), b"{")
    pieces = scan(path, rows=2)
    assert next(pieces).ids == ("q0", "q1")
    assert next(pieces).ids == ("q2", "q3")
    with pytest.raises(OutcomesError, match="line 5: not JSON"):
        next(pieces)


def test_a_scan_remembers_the_ids_of_one_piece(written):
    path = written(*rows_of(2), *rows_of(2))
    assert len(list(scan(path, rows=2))) == 2
    with pytest.raises(OutcomesError, match="line 3, id: 'q0' occurs twice"):
        list(scan(path, rows=3))
    far = written(*rows_of(1500), *rows_of(1), name="far.jsonl")
    with pytest.raises(OutcomesError, match="line 1501, id: 'q0' occurs twice"):
        Outcomes.read(far)


def test_a_scan_of_no_rows_at_a_time_is_refused(written):
    with pytest.raises(ConfigurationError, match="at least 1"):
        next(scan(written(*rows_of(2)), rows=0))


def test_equal_contexts_are_kept_once(written):
    context = "the same paragraph " * 10
    path = written(*(r | {"context": context} for r in rows_of(1200)))
    assert len({id(text) for text in Outcomes.read(path).texts["context"]}) == 1


def test_parquet_asks_for_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = Outcomes.of(rows_of(1))
    with pytest.raises(ConfigurationError, match=r"pip install 'automix-routing\[parquet\]'"):
        table.write(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").touch()
    with pytest.raises(ConfigurationError, match=r"pip install 'automix-routing\[parquet\]'"):
        Outcomes.read(tmp_path / "t.parquet")


class TestAutomixRelease:
    """The table that the authors of AutoMix released, of which only the columns are known."""

    def test_its_columns_come_to_their_places(self, written):
        other = RELEASED | {"pid": "d1_1", "p_ver_13b": None, "split": "val"}
        third = RELEASED | {"pid": "d2_0", "base_ctx": "another"}
        table = read_automix_release(written(RELEASED, other, third), COSTS)
        assert table.arms == ("llama13b", "llama70b")
        assert table.ids == ("qasper/train/d1_0", "qasper/val/d1_1", "qasper/train/d2_0")
        assert table.quality.tolist() == [[0, 1]] * 3
        assert table.cost.tolist() == [[1, 50]] * 3
        confidence = table.signals["self_verification"]
        np.testing.assert_array_equal(confidence, [[0.25, np.nan], [np.nan] * 2, [0.25, np.nan]])
        assert table.checks["self_verification"][:, 0].tolist() == [1, 1, 1]
        assert table.tags == (("qasper", "train"), ("qasper", "val"), ("qasper", "train"))
        assert table.groups.tolist() == [0, 0, 1]
        assert table.texts == {"question": ("Who?",) * 3}

    def test_what_verifying_costs_may_be_given(self, written):
        table = read_automix_release(written(RELEASED), COSTS, verification_cost=0)
        assert table.checks["self_verification"][0, 0] == 0

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            (RELEASED | {"llama13b_f1": None, "pid": "x"}, "line 2, arms.llama13b.quality: is mis"),
            (RELEASED, "line 2, id: 'qasper/train/d1_0' occurs twice"),
            ([], "line 2: a row must be a JSON object"),
            (b"{", "line 2: not JSON"),
        ],
    )
    def test_a_bad_row_is_named(self, written, line, says):
        with pytest.raises(OutcomesError, match=says):
            read_automix_release(written(RELEASED, line), COSTS)

    @pytest.mark.parametrize("costs", [{}, {"llama13b": 1}, COSTS | {"gpt-4": 100}])
    def test_costs_are_of_the_two_models(self, written, costs):
        with pytest.raises(ConfigurationError, match="There is no"):
            read_automix_release(written(RELEASED), costs)

    def test_a_file_that_is_not_there_is_an_error(self, tmp_path):
        with pytest.raises(OutcomesError, match="cannot be read"):
            read_automix_release(tmp_path / "nothing.jsonl", COSTS)


class TestParquetOfOthers:
    """Files that other programs made of the same rows."""

    @pytest.fixture
    def arrow(self):
        return pytest.importorskip("pyarrow")

    @pytest.fixture
    def made(self, arrow, tmp_path):
        def write(rows, **columns):
            table = arrow.Table.from_pylist(rows)
            for name, column in columns.items():
                place = table.schema.get_field_index(name)
                table = table.set_column(place, name, column)
            path = tmp_path / "outcomes.parquet"
            arrow.parquet.write_table(table, path)
            return path

        import pyarrow.parquet  # noqa: F401

        return write

    def test_arrows_own_reading_of_the_json_lines(self, arrow, tmp_path):
        from pyarrow import json as arrow_json
        from pyarrow import parquet

        parquet.write_table(arrow_json.read_json(XQUAD), tmp_path / "x.parquet")
        assert_same(Outcomes.read(tmp_path / "x.parquet"), Outcomes.read(XQUAD))

    def test_an_arm_of_nothing_but_nulls_is_not_there(self, made):
        nulls = {"quality": None, "cost": None, "signals": {"mine": None}}
        rows = [row("1", a=(1, 1)), row("2", b=(1, 2), a=nulls), row("3", a=None, b=(0, 1))]
        for r in rows:
            r["arms"] = {name: r["arms"].get(name) for name in ("a", "b", "never")}
        table = Outcomes.read(made(rows))
        assert table.arms == ("a", "b")
        np.testing.assert_array_equal(table.has, [[1, 0], [0, 1], [0, 1]])

    @pytest.mark.parametrize(
        ("fields", "where", "says"),
        [
            ({"quality": None}, ", arms.a.quality", "is missing"),
            ({"cost": None}, ", arms.a.cost", "is missing"),
            ({"cost": float("nan")}, ", arms.a.cost", "not nan"),
            ({"quality": 1.5}, ", arms.a.quality", "not 1.5"),
            ({"latency": -1}, ", arms.a.latency", "not -1"),
            ({"confidence": float("nan")}, ", arms.a.confidence", "not nan"),
            ({"confidence": -0.5}, ", arms.a.confidence", "not -0.5"),
            ({"signals": {"p_true": 2.0}}, ", arms.a.signals.p_true", "not 2.0"),
            ({"verification": {"cost": -1}}, ", arms.a.verification.cost", "not -1"),
        ],
    )
    def test_a_bad_field_is_named(self, made, fields, where, says):
        full = dict.fromkeys(fields) | {"quality": 1.0, "cost": 1.0}
        rows = [row(str(i), a=full) for i in range(4)]
        rows[2] = row("2", a=full | fields)
        with pytest.raises(OutcomesError, match=says) as caught:
            Outcomes.read(made(rows))
        assert str(caught.value).startswith(f"outcomes.parquet, row 3{where}: ")

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"quality": True}, "arms.a.quality"),
            ({"cost": "1"}, "arms.a.cost"),
            ({"confidence": "high"}, "arms.a.confidence"),
            ({"signals": 1}, "arms.a.signals"),
            ({"signals": {"p_true": False}}, "arms.a.signals.p_true"),
        ],
    )
    def test_a_column_of_the_wrong_type_is_named(self, made, fields, where):
        path = made([row("1", a={"quality": 1, "cost": 1, **fields})])
        with pytest.raises(OutcomesError, match=rf"outcomes\.parquet, row 1, {where}: must be"):
            Outcomes.read(path)

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            ({"id": None}, "row 2, id: is missing"),
            ({"id": "1"}, "row 2, id: '1' occurs twice"),
            ({"arms": None}, "row 2, arms: a row needs the answer"),
            ({"agreement": {"a|b": {"f1": 7.0}}}, r"row 2, agreement.a\|b.f1: .* not 7.0"),
        ],
    )
    def test_a_bad_row_is_named(self, made, bad, says):
        good = row("1", a=(1, 1)) | {"agreement": {"a|b": {"f1": 1.0}}}
        with pytest.raises(OutcomesError, match=says):
            Outcomes.read(made([good, {**good, "id": "2", **bad}]))

    def test_a_table_without_ids_or_arms_is_refused(self, made):
        with pytest.raises(OutcomesError, match="row 1, id: is missing"):
            Outcomes.read(made([{"arms": {"a": {"quality": 1, "cost": 1}}}]))
        with pytest.raises(OutcomesError, match="row 1, arms: must be a struct"):
            Outcomes.read(made([{"id": "1"}]))
        with pytest.raises(OutcomesError, match="row 1, arms: must be a struct"):
            Outcomes.read(made([{"id": "1", "arms": 3}]))

    def test_numbers_of_any_width_will_do(self, arrow, made):
        struct = arrow.struct([("quality", arrow.float32()), ("cost", arrow.decimal128(9, 6))])
        from decimal import Decimal

        values = [{"a": {"quality": 0.5, "cost": Decimal("0.000120")}}]
        arms = arrow.array(values, arrow.struct([("a", struct)]))
        table = Outcomes.read(made([row("1", a=(1, 1))], arms=arms))
        assert table.quality[0, 0] == 0.5
        assert table.cost[0, 0] == pytest.approx(0.00012, rel=1e-15)
