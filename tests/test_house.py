"""The house keeps its rules: import directions, docstrings, export lists, light imports."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("automix_core", "langchain_automix", "llamaindex_automix")
NEEDS = {"langchain_automix": "langchain", "llamaindex_automix": "llama_index.core"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = {
    "genai_prices",
    "langchain",
    "langchain_core",
    "llama_index",
    "matplotlib",
    "openai",
    "pyarrow",
    "torch",
    "wordllama",
    "xllamacpp",
}
SHOW_HEAVY = (
    "import sys, automix_core;"
    f"print(sorted({{name.split('.')[0] for name in sys.modules}} & {HEAVY!r}))"
)

# Pydantic imports most of itself when the first model class is made; that is its time, not ours.
SHOW_TIME = """
import time, numpy, pydantic
pydantic.create_model("First", x=int)
start = time.process_time()
import automix_core
print(time.process_time() - start)
"""


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module(name):
    needed = NEEDS.get(name.split(".", maxsplit=1)[0])
    if needed:
        pytest.importorskip(needed)
    return importlib.import_module(name)


def test_imports_point_one_way():
    pytest.importorskip("importlinter")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_three_packages_are_there_and_typed():
    assert len(MODULES) > len(PACKAGES)
    for package in PACKAGES:
        assert (ROOT / package / "__init__.py").exists()
        assert (ROOT / package / "py.typed").exists()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_module_says_what_it_is_and_what_it_offers(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module starts with a docstring"
    private = path.stem.startswith("_") and path.stem != "__init__"
    names = getattr(module(dotted(path)), "__all__", [] if private else None)
    assert names is not None, "a module lists what it offers in __all__"
    assert len(set(names)) == len(names)
    missing = [name for name in names if not hasattr(importlib.import_module(dotted(path)), name)]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_package_exports_are_sorted(package):
    names = list(module(package).__all__)
    assert names == sorted(names, key=kind_then_name)


def kind_then_name(name):
    """Constants, then classes, then the rest, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def test_the_core_is_light():
    command = [sys.executable, "-c", SHOW_HEAVY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_core_is_quick_to_import():
    command = [sys.executable, "-c", SHOW_TIME]
    seconds = [float(subprocess.check_output(command, cwd=ROOT, text=True)) for _ in range(5)]
    assert min(seconds) < 0.1


@pytest.mark.parametrize(
    ("package", "stranger"),
    [("langchain_automix", "llama_index"), ("llamaindex_automix", "langchain_core")],
)
def test_an_adapter_does_not_bring_the_other_framework(package, stranger):
    module(package)
    code = f"import sys, {package}; print({stranger!r} in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
