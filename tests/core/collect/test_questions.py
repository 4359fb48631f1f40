"""Reading labelled questions: every shape that is accepted, and what is said of the others."""

import json

import pytest

from automix_core.collect import read_questions
from automix_core.errors import ConfigurationError


def lines(tmp_path, *rows, name="q.jsonl"):
    path = tmp_path / name
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_references_choices_and_names(tmp_path):
    path = lines(
        tmp_path,
        {"question": "One?", "answer": "1"},
        "",
        {"id": 7, "question": "Two?", "references": ["2", 2.0], "group": 4, "tags": ["n"]},
        {"id": "c", "question": "Three?", "choices": {"x": "3", "y": "4"}, "answer": "y"},
        {"id": "w", "query": "Say four.", "answer": None},
    )
    one, two, three, four = read_questions(path)
    assert (one.id, one.references, one.group, one.line) == ("line-1", ("1",), None, 1)
    assert (two.id, two.references, two.group, two.tags) == ("7", ("2", "2.0"), "4", ("n",))
    assert three.asked == "Three?\nx. 3\ny. 4"
    assert (four.text, four.query, four.references) == ("Say four.", "Say four.", ())


def test_only_line_feeds_end_a_line(tmp_path):
    (question,) = read_questions(lines(tmp_path, {"question": "A\u2028B\u0085C", "answer": "x"}))
    assert question.text == "A\u2028B\u0085C"


def test_csv(tmp_path):
    path = tmp_path / "q.CSV"
    path.write_bytes(
        "\ufeffid,question,answers,choices,tags\r\n"
        '1,"Where,\nnow?",Rome|Paris,,law|old\r\n'
        '2,Who?,"[""a|b""]","[""x"",""a|b""]",\r\n'.encode()
    )
    one, two = read_questions(path)
    assert (one.text, one.references, one.tags, one.choices) == (
        "Where,\nnow?",
        ("Rome", "Paris"),
        ("law", "old"),
        None,
    )
    assert (two.references, two.choices, two.line) == (("a|b",), {"A": "x", "B": "a|b"}, 4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "q.jsonl, line 2: no JSON"),
        ("[1]", "q.jsonl, line 2: must be a JSON object"),
        ({"answer": "1"}, "q.jsonl, line 2, question: is missing"),
        ({"question": " "}, "line 2, question: is missing"),
        ({"question": 3}, "line 2, question: must be text, not 3"),
        ({"question": "?", "context": ["x"]}, "line 2, context: must be text"),
        ({"question": "?", "answer": {"a": 1}}, "line 2, answer: must be a text or a list"),
        ({"question": "?", "answers": ["a", None]}, "line 2, answers: must be a text or a list"),
        ({"question": "?", "answer": "a", "references": "b"}, "line 2, references: stands beside"),
        ({"question": "?", "choices": ["a"]}, "line 2, choices: must be two or more"),
        ({"question": "?", "choices": ["a", "b"], "answer": "C"}, "answer: 'C' is none of the"),
        ({"question": "?", "id": True}, "line 2, id: must be text"),
        ({"question": "?", "id": "first"}, "line 2, id: 'first' is also on line 1"),
        ({"question": "?", "tags": [["x"]]}, "line 2, tags: must be a text or a list"),
    ],
)
def test_a_bad_row_names_file_line_and_field(tmp_path, row, message):
    path = lines(tmp_path, {"id": "first", "question": "?"}, row)
    with pytest.raises(ConfigurationError) as error:
        read_questions(path)
    assert message in str(error.value)


def test_a_bad_csv_row(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text('question,answer\n"two\nlines?",x\nwhat?,a,b\n')
    with pytest.raises(ConfigurationError, match=r"q\.csv, line 4: 3 cells under 2 headings"):
        read_questions(path)


def test_files_without_questions(tmp_path):
    with pytest.raises(ConfigurationError, match="holds no questions"):
        read_questions(lines(tmp_path, ""))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_questions(tmp_path / "nowhere.jsonl")
    (tmp_path / "x.csv").write_bytes(b"question\n\xff\n")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_questions(tmp_path / "x.csv")


def test_the_prompt_depends_on_what_there_is(tmp_path):
    path = lines(
        tmp_path,
        {"question": "Plain?", "answer": "1"},
        {"question": "Where?", "context": "There.", "answer": "1"},
        {"question": "Which?", "choices": ["a", "b"], "answer": "A"},
        {"query": "All of it.", "answer": "1"},
    )
    plain, grounded, choice, whole = read_questions(path)
    assert [turn.role for turn in plain.prompt(None)] == ["system", "user"]
    assert grounded.prompt(None)[-1].text == "Context:\nThere.\n\nQuestion: Where?"
    assert "letter" in choice.prompt(None)[0].text
    assert [turn.text for turn in whole.prompt(None)] == ["All of it."]
    assert [turn.text for turn in whole.prompt("Hm.")] == ["Hm.", "All of it."]
    assert [turn.text for turn in plain.prompt("")] == ["Plain?"]


def test_the_digest_is_that_of_what_is_asked(tmp_path):
    def digest(**row):
        return read_questions(lines(tmp_path, {"question": "?", "answer": "1"} | row))[0].digest

    same = digest()
    assert digest(answer="2", group="g", id="other") == same
    assert len({same, digest(question="!"), digest(context="c"), digest(choices=["1", "2"])}) == 4
