"""The store of events: what is in the file, who may open it, and the table that it is."""

import json
import multiprocessing
import pickle
import sqlite3
import threading

import numpy as np
import pytest

from automix_core import FeedbackError, Outcomes, OutcomesError, Store, StoreError
from automix_core.cli import main
from automix_core.learn import store as module
from tests.core.conftest import says
from tests.core.learn.learners import Tiny, ask, cascading, learning, over, same

SECRET = "my very secret question"


def rows(path, table):
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.db"


def test_feedback_may_come_after_a_restart(path):
    before = over(learning(), store=path)
    decision = ask(before)
    before.store.close()
    after = over(learning(), store=path)
    assert after.give_feedback(decision.id, 1.0, latency=2.0)
    at_once = over(learning())
    assert at_once.give_feedback(ask(at_once).id, 1.0, latency=2.0)
    assert same(after.estimator, at_once.estimator)
    assert after.estimator.told_[0].tolist()[1:] == [decision.cost, 2.0, 10.0, 1.0]


def test_feedback_is_taken_once_whatever_process_takes_it(path):
    one, other = over(learning(), store=path), over(learning(), store=path)
    decision = ask(one)
    assert one.give_feedback(decision.id, 1.0)
    assert not other.give_feedback(decision.id, 0.0)
    assert other.give_feedback(decision.id, satisfied=False)
    assert not one.give_feedback(decision.id, satisfied=True)
    assert other.estimator.told_[0, 4] == 1
    assert one.estimator.told_[0, 4] == 1


def test_feedback_that_could_not_be_learned_is_not_written_either(path):
    class Broken(Tiny):
        name = ""

        def learn(self, examples):
            raise ZeroDivisionError

    router = over(learning(Broken()), store=path)
    decision = ask(router)
    with pytest.raises(ZeroDivisionError):
        router.give_feedback(decision.id, 1.0)
    assert rows(path, "feedback") == []
    mended = over(learning(), store=path)
    assert mended.give_feedback(decision.id, 1.0)
    assert len(rows(path, "feedback")) == 1


def test_a_router_that_learns_nothing_may_still_write_down(path):
    router = over(cascading(), store=path)
    decision = ask(router, script=lambda ask: says("Four", confidence=0.9))
    assert router.give_feedback(decision.id, 1.0)
    assert not router.give_feedback(decision.id, 1.0)


def test_texts_are_written_only_when_asked_for(path, tmp_path):
    ask(over(learning(), store=path), SECRET, lambda ask: "a secret answer")
    ask(over(learning(), store=Store(tmp_path / "open.db", texts=True)), SECRET, lambda ask: "So.")
    (kept,) = rows(path, "decisions")
    assert (kept["question"], kept["context"], kept["answers"]) == (None, None, None)
    for file in tmp_path.glob("events.db*"):
        assert b"secret" not in file.read_bytes()
    (kept,) = rows(tmp_path / "open.db", "decisions")
    assert kept["question"] == SECRET
    assert json.loads(kept["answers"]) == {"small": "So."}


def test_it_is_an_outcome_table(path):
    router = over(cascading(), "small", "large", store=Store(path, texts=True))
    replies = {"small": says("Three", confidence=0.25), "large": "Four"}
    decision = ask(router, SECRET, lambda ask: replies[ask.to])
    unscored = ask(router, script=lambda ask: says("Four", confidence=0.9))
    router.give_feedback(unscored.id, satisfied=True)
    router.give_feedback(decision.id, 1.0, cost=0.5)
    router.give_feedback(decision.id, 0.25, arm="small")
    table = Outcomes.read(path)
    assert table.ids == (decision.id,)
    assert table.texts["question"] == (SECRET,)
    small, large = (table.arms.index(name) for name in ("small", "large"))
    assert table.quality[0, [small, large]].tolist() == [0.25, 1.0]
    assert table.cost[0, [small, large]].tolist() == [decision.steps[0].cost, 0.5]
    assert table.output_tokens[0, small] == 10
    assert table.signals["answer_likelihood"][0, small] == pytest.approx(0.25)
    assert np.isnan(table.signals["answer_likelihood"][0, large])
    assert Store(path).outcomes().ids == table.ids


def test_the_command_line_reads_it(path, capsys, tmp_path):
    pytest.importorskip("rich")
    router = over(cascading(), "small", "large", store=Store(path, texts=True))
    for n in range(30):
        replies = {"small": says("Three", confidence=0.3 + 0.02 * n), "large": "Four"}
        decision = ask(router, f"Question {n}?", lambda ask, replies=replies: replies[ask.to])
        router.give_feedback(decision.id, n % 2, arm="small")
        router.give_feedback(decision.id, 1.0, arm="large", cost=0.01)
    arguments = ["fit", str(path), "--router", "always:arm=small", "--out", str(tmp_path / "r")]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 30


def test_a_store_without_scores_is_no_table(path):
    ask(over(learning(), store=path))
    with pytest.raises(OutcomesError, match="no decision with a score and a known cost"):
        Outcomes.read(path)


def test_a_table_cannot_be_written_as_a_store(path):
    table = Outcomes.of([{"id": "1", "arms": {"a": {"quality": 1, "cost": 1}}}])
    with pytest.raises(OutcomesError, match="which only routers write to"):
        table.write(path)
    assert not path.exists()


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (id TEXT)")
    connection.close()


def newer(path):
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "says_why"),
    [
        (
            lambda path: path.write_text("not a database, but long enough to be looked at" * 9),
            "not a",
        ),
        (foreign, "no store of events"),
        (newer, "version 99"),
        (lambda path: path.mkdir(), "unable to open|no such file"),
    ],
    ids=["text", "another database", "newer", "folder"],
)
def test_a_file_that_is_no_store_says_so(path, make, says_why):
    make(path)
    with pytest.raises(StoreError, match=says_why):
        Store(path)
    with pytest.raises(OutcomesError, match=says_why):
        Outcomes.read(path)


def test_a_file_that_is_not_there_is_no_table(path):
    with pytest.raises(OutcomesError, match="no such file"):
        Outcomes.read(path)
    assert not path.exists()


def test_a_locked_file_harms_no_answer_and_refuses_feedback(path, monkeypatch, caplog):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    router = over(learning(), store=path)
    known = ask(router)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    late = ask(router)
    assert late.status == "final"
    assert "locked" in caplog.text
    with pytest.raises(StoreError, match="locked"):
        router.give_feedback(known.id, 1.0)
    assert router.estimator.weights_ is None
    other.execute("ROLLBACK")
    other.close()
    assert router.give_feedback(known.id, 1.0)


@pytest.mark.parametrize("written", ["{", '{"id": "1", "of_a_later_version": 1}'])
def test_a_decision_that_cannot_be_read_says_so(path, written):
    decision = ask(over(learning(), store=path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE decisions SET decision = ?", (written,))
    connection.close()
    with pytest.raises(StoreError, match=f"{decision.id}.*cannot be read"):
        over(learning(), store=path).give_feedback(decision.id, 1.0)


def test_a_decision_that_nobody_made_is_unknown(path):
    router = over(learning(), store=path)
    with pytest.raises(FeedbackError, match="not in its store"):
        router.give_feedback("0" * 32, 1.0)


def test_a_store_travels_by_name(path):
    store = Store(path, texts=True)
    again = pickle.loads(pickle.dumps(store))
    assert (again.path, again.texts) == (path, True)
    store.close()
    store.close()
    assert store.find("nobody") is None  # opened again


def write_many(path, which):
    router = over(learning(), store=path)
    for _ in range(20):
        assert router.give_feedback(ask(router).id, 1.0)


def test_processes_share_a_file(path):
    context = multiprocessing.get_context("fork")
    Store(path).close()
    processes = [context.Process(target=write_many, args=(path, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(rows(path, "feedback")) == len(rows(path, "decisions")) == 60


def test_many_may_make_the_file_at_the_same_time(tmp_path):
    """As the workers of a server do when it is started for the first time."""
    failed, ready = [], threading.Barrier(4)

    def make():
        for number in range(30):
            ready.wait()
            try:
                Store(tmp_path / f"{number}.db").close()
            except StoreError as error:
                failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_threads_share_a_store(path):
    router = over(learning(), store=path)
    threads = [threading.Thread(target=write_with, args=(router,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(path, "feedback")) == 40
    assert router.estimator.told_[:, 4].sum() == 40


def write_with(router):
    for n in range(10):
        router.give_feedback(ask(router, f"Number {n}?").id, 1.0)
