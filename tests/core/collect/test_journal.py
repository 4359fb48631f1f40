"""The journal gives back every reply as it was, and notices what has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.collect.journal import Journal, Key
from automix_core.errors import ConfigurationError
from automix_core.flow import Reply, Token, Usage

number = st.floats(allow_nan=False, allow_infinity=False)
tokens = st.builds(Token, st.text(), number, st.dictionaries(st.text(), number, max_size=2))
counts = st.integers(0, 10**9)
replies = st.builds(
    Reply,
    st.just("small"),
    st.lists(st.text(), min_size=1, max_size=3).map(tuple),
    usage=st.none() | st.builds(Usage, counts, counts, counts, st.booleans()),
    logprobs=st.none() | st.lists(tokens, min_size=1, max_size=2).map(tuple),
    latency=st.floats(0, 1e6),
)
keys = st.builds(Key, st.text(), st.just("small"), st.text(), st.integers(1, 9), st.integers(0, 9))


@given(kept=st.dictionaries(keys, replies, max_size=5), torn=st.integers(0, 40))
def test_replies_come_back_as_they_were(tmp_path_factory, kept, torn):
    path = tmp_path_factory.mktemp("journal") / "out.journal"
    with Journal(path) as journal:
        for key, reply in kept.items():
            journal.add(key, reply)
    whole = path.read_bytes()
    last = whole.rfind(b"\n", 0, max(0, len(whole) - 1)) + 1
    path.write_bytes(whole[: max(last, len(whole) - torn)])  # at most the last line is torn
    with Journal(path) as journal:
        lost = 1 if torn and kept else 0
        assert journal.replies == dict(list(kept.items())[: len(kept) - lost])
        for key, reply in list(kept.items())[len(kept) - lost :]:
            journal.add(key, reply)
    with Journal(path) as journal:
        assert journal.replies == kept


def test_failures_leave_only_what_they_cost(tmp_path):
    key = Key("q", "small", "answer", 1, 0)
    with Journal(tmp_path / "j") as journal:
        journal.fail(key, "RateLimitError 429", None)
        journal.fail(key, "empty answer", Usage(7, 1))
        journal.refuses_samples("small")
    with Journal(tmp_path / "j") as journal:
        assert journal.replies == {}
        assert journal.lost == [("small", Usage(7, 1))]
        assert journal.single == {"small"}


def test_one_writer_at_a_time(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(ConfigurationError, match="is in use"):
        Journal(tmp_path / "j")
    Journal(tmp_path / "j").close()


def agree(journal, **changes):
    given = {
        "settings": {"instruction": None},
        "models": {"small": {"model": "a", "options": {}}},
        "questions": {"1": "x", "2": "y"},
        "everything": ["1", "2"],
    }
    journal.agree(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"instruction": "Hm."}}, "instruction was null"),
        ({"models": {}}, "the model 'small' is gone"),
        ({"models": {"small": {"model": "b", "options": {}}}}, 'model was "a", is "b"'),
        ({"questions": {"1": "z"}}, "the question '1' has changed"),
        ({"everything": ["2"]}, "the question '1' is gone"),
    ],
)
def test_what_was_asked_before_must_not_change(tmp_path, changes, message):
    with Journal(tmp_path / "j") as journal:
        agree(journal)
    before = (tmp_path / "j").read_bytes()
    with Journal(tmp_path / "j") as journal:
        agree(journal)
        with pytest.raises(ConfigurationError, match=message):
            agree(journal, **changes)
    assert (tmp_path / "j").read_bytes() == before


def test_what_is_new_is_written_down_once(tmp_path):
    with Journal(tmp_path / "j") as journal:
        agree(journal, questions={"1": "x"})
        agree(journal)
        agree(journal)
    assert (tmp_path / "j").read_text().count('"question"') == 2


def test_what_cannot_be_read_names_the_line(tmp_path):
    path = tmp_path / "j"
    for text in ('{"kind": "begin", "format": 9}\n', "{}\n", "x\n", '{"kind": "reply"}\n'):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match="line 1: cannot be read"):
            Journal(path)
