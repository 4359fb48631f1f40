"""The script that measures our overhead runs, and the adapter imports nothing heavy."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "langchain_overhead.py"
WAYS = {"invoke", "ainvoke", "stream", "first chunk"}
IMPORTED = """
import sys, numpy, pydantic
from langchain_core.language_models.chat_models import BaseChatModel
before = {name.split(".")[0] for name in sys.modules}
import langchain_automix
print(sorted({name.split(".")[0] for name in sys.modules} - before))
"""


def run(*arguments):
    command = [sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_measures_every_way():
    extra = json.loads(run(str(SCRIPT), "--calls", "2", "--rounds", "1", "--json").splitlines()[-1])
    assert {"with_fallbacks", "nested run", "ours, accepted", "ours, pre-routed"} <= set(extra)
    assert all(set(ways) == WAYS for ways in extra.values())


def test_the_adapter_is_light():
    new = set(json.loads(run("-c", IMPORTED).replace("'", '"')))
    assert new <= {"automix_core", "langchain_automix", "tenacity"}
