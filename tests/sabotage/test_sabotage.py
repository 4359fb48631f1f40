"""Each act of sabotage, done to a copy of the repository, is noticed by the tests named for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("langchain_openai")

from tests.sabotage.acts import ACTS, Act

ROOT = Path(__file__).parents[2]
COPIED = ("automix_core", "langchain_automix", "llamaindex_automix", "tests", "pyproject.toml")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository that may be damaged."""
    there = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "data")
            shutil.copytree(source, there / name, ignore=ignored)
        else:
            shutil.copy(source, there / name)
    return there


def outcomes(there: Path, tests: tuple[str, ...]) -> dict[str, bool]:
    """Whether each test passes in a copy; a test with parameters passes if all of them do."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=there, capture_output=True, text=True, timeout=120, check=False
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    verdicts = [(words[0], words[1]) for words in lines if words[:1] in (["PASSED"], ["FAILED"])]
    found = {
        test: [verdict for verdict, name in verdicts if name.split("[")[0] == test]
        for test in tests
    }
    assert all(found.values()), done.stdout + done.stderr
    return {test: "FAILED" not in seen for test, seen in found.items()}


def test_all_of_them_pass_in_an_unharmed_copy(copy):
    everyone = tuple(sorted({test for act in ACTS for test in act.noticed_by}))
    assert all(outcomes(copy, everyone).values())


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_of_sabotage_is_noticed(copy, act: Act):
    file = copy / act.file
    whole = file.read_text()
    assert whole.count(act.old) == 1, "the act no longer fits the code"
    file.write_text(whole.replace(act.old, act.new))
    try:
        unnoticed = [test for test, passed in outcomes(copy, act.noticed_by).items() if passed]
    finally:
        file.write_text(whole)
    assert not unnoticed
