"""A folder with questions and models, a scripted server behind the models, and the command."""

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from automix_core.cli import main
from tests.cli.tables import write_table
from tests.scripted_echo import question
from tests.scripted_server import Scripted, ScriptedServer

CLIENTS = {"langchain": "langchain_openai", "llamaindex": "llama_index.llms.openai_like"}
VERDICT = json.dumps({"reasoning": "It says so.", "verdict": "correct"})


def installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


FRAMEWORKS = [name for name, client in CLIENTS.items() if installed(client)]


def stage(body):
    """What a request is for."""
    first = str(body["messages"][0]["content"])
    if "one word: yes" in first:
        return "true_probability"
    return "self_verification" if "You check whether" in first else "answer"


def asked(body):
    """A request in short: model, stage, and the question it ends with."""
    return (
        body["model"],
        stage(body),
        question(body).rpartition("Question:")[2].split("\n\nAnswer")[0],
    )


def right(body):
    """A model that knows everything, and says so."""
    told = {"self_verification": VERDICT, "true_probability": "yes", "answer": "Paris"}
    return Scripted(text=told[stage(body)], usage=(1000, 100))


@dataclass
class Ran:
    """What the command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        return json.loads(line)


@dataclass
class Desk:
    """The command's surroundings."""

    folder: Path
    server: ScriptedServer
    capsys: Any
    script: Any = field(default=right)

    def answer(self, body):
        return self.script(body)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def questions(self, count=4, name="questions.jsonl", **more) -> Path:
        rows = [
            {"id": f"q{i}", "question": f"What is {i}?", "answer": "Paris"} for i in range(count)
        ]
        return self.write(name, "".join(json.dumps(row | more) + "\n" for row in rows))

    def models(self, name="models.toml", prices=True, **options) -> Path:
        text = ""
        for arm, price in (("small", "[1.0, 2.0]"), ("large", "[10.0, 20.0]")):
            text += f'[models.{arm}]\nmodel = "{arm}"\nbase_url = "{self.server.base_url}"\n'
            text += f"price = {price}\n" if prices else ""
            text += "".join(f"{key} = {value}\n" for key, value in options.items())
        return self.write(name, text)

    @property
    def arguments(self) -> list[str]:
        return ["collect", "questions.jsonl", "--models", "models.toml", "--out", "out.jsonl"]

    def run(self, *more, arguments=None) -> Ran:
        """Run the command in this process."""
        self.capsys.readouterr()
        code = main([*(self.arguments if arguments is None else arguments), *more])
        said = self.capsys.readouterr()
        return Ran(code, said.out, said.err)

    def spawn(self, *more, arguments=None) -> subprocess.Popen:
        """Start the command as a process of its own."""
        command = [sys.executable, "-m", "automix_core.cli"]
        return subprocess.Popen(
            [*command, *(self.arguments if arguments is None else arguments), *more],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def counts(self) -> Counter:
        """How often the server was asked each thing."""
        return Counter(asked(body) for body in self.server.bodies)

    @property
    def rows(self) -> list[dict[str, Any]]:
        text = (self.folder / "out.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    """Four questions, two models, and a server that answers as `desk.script` says."""
    pytest.importorskip("rich", reason="needs the extra `cli`")
    if not FRAMEWORKS:
        pytest.skip("needs a framework and its OpenAI-compatible client")
    monkeypatch.chdir(tmp_path)
    with ScriptedServer(lambda body: here.answer(body)) as server:
        here = Desk(tmp_path, server, capsys)
        here.questions()
        here.models()
        yield here


@pytest.fixture
def ran(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with an outcome table; gives exit code, stdout and stderr."""
    pytest.importorskip("rich", reason="needs the extra `cli`")
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "table.jsonl")

    def run(*arguments):
        capsys.readouterr()
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
