"""The code in the documentation runs.

Every ```python block of the README, of CONTRIBUTING and of the pages under docs/ runs, top to
bottom, one namespace a page, in a process and a folder of its own. `await` works at the top level,
as in a notebook. Clients that read the usual OPENAI_ variables reach a scripted server. A block
that is not meant to run says why in a comment before it, `<!-- no-run: the reason -->`, or has a
title. `<!-- with-file: name from path -->` puts a copy of a file of the repository into the folder.
An example file runs if it says so: `# runs in the tests`.
"""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripted_server import ScriptedServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    path
    for path in sorted((ROOT / "docs" / "examples").rglob("*.py"))
    if "# runs in the tests\n" in path.read_text(encoding="utf-8")
]
WITH_FILE = re.compile(r"<!-- with-file: (\S+) from (\S+) -->")
NO_RUN = re.compile(r"<!-- no-run: \S.* -->")
OPTIONAL = {
    "genai_prices": "genai_prices",
    "langchain": "langchain",
    "langchain_automix": "langchain_core",
    "langchain_core": "langchain_core",
    "langchain_openai": "langchain_openai",
    "langgraph": "langgraph",
    "llama_index": "llama_index",
    "llamaindex_automix": "llama_index",
    "matplotlib": "matplotlib",
    "xllamacpp": "xllamacpp",
}
# Runs the code as if it stood in the page itself, so that a traceback shows the page's own lines.
RUN = """
import ast, asyncio, inspect, sys
code, page = sys.stdin.read(), sys.argv[1]
compiled = compile(code, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
result = eval(compiled, {"__name__": "__main__"})
if inspect.iscoroutine(result):
    asyncio.run(result)
"""


def relative(path):
    return str(path.relative_to(ROOT))


def runnable(page):
    """Return the page's code with every other line blanked, so that line numbers stay."""
    kept, before, inside, run_it, indent = [], "", False, False, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = line.strip()
        if not inside and fence.startswith("```"):
            inside, run_it = True, fence == "```python" and not NO_RUN.fullmatch(before)
            indent = line[: line.index("```")]
            kept.append("")
        elif inside and fence == "```":
            inside = False
            kept.append("")
        else:
            kept.append(line.removeprefix(indent) if inside and run_it else "")
        before = fence or before
    return "\n".join(kept) + "\n"


def skip_without(code):
    """Skip where a framework that the code imports is not installed."""
    for node in ast.walk(compile(code, "page", "exec", ast.PyCF_ONLY_AST)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            needed = OPTIONAL.get(name.split(".")[0])
            if needed and importlib.util.find_spec(needed) is None:
                pytest.skip(f"needs {needed}")


def run(code, page, folder):
    skip_without(code)
    with ScriptedServer() as server:
        address = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_BASE": server.base_url}
        environment = {**os.environ, **address, "OPENAI_API_KEY": "none", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(page)],
            cwd=folder,
            env=environment,
            input=code,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_python_blocks_are_spelled_so_that_they_run(page):
    assert not re.search(r"```[ ]*(py|Python|python3)\b", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page).strip()], ids=relative)
def test_page(page, tmp_path):
    for name, source in WITH_FILE.findall(page.read_text(encoding="utf-8")):
        shutil.copyfile(ROOT / source, tmp_path / name)
    run(runnable(page), page, tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=relative)
def test_example(example, tmp_path):
    run(example.read_text(encoding="utf-8"), example, tmp_path)


def test_a_page_runs_in_order_and_keeps_its_line_numbers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nfirst = 1\n```\n\n"
        "<!-- no-run: needs a key -->\n```python\n1 / 0\n```\n\n"
        '```python title="a file"\n1 / 0\n```\n\n'
        "    ```python\n    async def later():\n        return first\n    ```\n"
        "```python\nassert await later() == 1\nprint(unknown)\n```\n"
    )
    code = runnable(page)
    assert code.splitlines()[1] == "first = 1"
    assert "1 / 0" not in code
    with pytest.raises(AssertionError, match=r'page\.md", line 20'):
        run(code, page, tmp_path)
