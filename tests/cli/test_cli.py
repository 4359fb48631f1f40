"""The command line itself: help, errors, exit codes, what it needs installed."""

import subprocess
import sys

import pytest

from automix_core.cli import main

COMMANDS = ["collect", "fit", "evaluate", "simulate", "report", "inspect"]
WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from automix_core.cli import main; "
LOADED = (
    "import sys; from automix_core.cli import main\n"
    "try: main(['--help'])\n"
    "except SystemExit: pass\n"
    "print({'rich', 'yaml', 'langchain_core', 'llama_index', 'matplotlib'} & set(sys.modules))"
)


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    assert python(LOADED).stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("arguments", [[], ["collect"], ["nothing"], ["evaluate", "x.jsonl"]])
def test_wrong_usage_has_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: automix" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--concurrency", "0"),
        ("--max-cost", "-1"),
        ("--requests-per-minute", "nan"),
        ("--limit", "x"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(option, value, capsys):
    with pytest.raises(SystemExit) as end:
        main(["collect", "q.jsonl", "--models", "m.toml", "--out", "o.jsonl", option, value])
    assert end.value.code == 2
    assert f"argument {option}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [["fit", "--out", "x"], ["report", "--out", "x"], ["simulate", "--router", "cascade"]],
)
def test_a_seed_below_zero_is_refused(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command, "table.jsonl", "--seed", "-1"])
    assert end.value.code == 2
    assert "--seed: must be a whole number of at least 0" in capsys.readouterr().err


def test_errors_are_one_line_on_stderr(tmp_path, capsys):
    pytest.importorskip("rich", reason="needs the extra `cli`")
    code = main(["inspect", str(tmp_path / "nowhere"), "--json"])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith("error: There is no readable router")


def test_without_the_extra_it_says_what_to_install():
    done = python(
        WITHOUT_RICH + "sys.exit(main(['collect', 'q', '--models', 'm', '--out', 'o.jsonl']))"
    )
    assert done.returncode == 2
    assert done.stderr == "error: The command line needs: pip install 'automix-routing[cli]'.\n"


def test_without_an_adapter_it_says_what_to_install(tmp_path):
    pytest.importorskip("rich", reason="needs the extra `cli`")
    (tmp_path / "q.jsonl").write_text('{"question": "?", "answer": "!"}\n')
    (tmp_path / "m.toml").write_text('[models.a]\nmodel = "a"\nbase_url = "http://127.0.0.1:1"\n')
    names = ["langchain_core", "llama_index", "llama_index.core"]
    hidden = f"import sys; sys.modules.update(dict.fromkeys({names})); "
    files = ["collect", str(tmp_path / "q.jsonl"), "--models", str(tmp_path / "m.toml")]
    run = f"sys.exit(main({[*files, '--out', str(tmp_path / 'o.jsonl')]}))"
    done = python(hidden + "from automix_core.cli import main; " + run)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "pip install 'automix-routing[cli,langchain]' langchain langchain-openai" in line
    assert "llama-index-llms-openai-like" in line
