"""Serves a model file as an OpenAI-compatible server on a free port of this machine.

The server (llama.cpp's, by way of xllamacpp) runs in a child process, which is stopped at the end
of the with-block and ends by itself when this process is killed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from automix_core.local_models import _child
from automix_core.local_models.catalogue import LocalModelError
from automix_core.local_models.download import obtain, require

__all__ = ["LocalServer", "serve"]

_READY_LINE = re.compile(rf"^{_child.READY} (\S+)$", re.MULTILINE)
# The server logs this once for each request it begins to answer; the further choices of a request
# with n > 1 are its children.
_REQUEST_LINE = "processing task, is_child = 0"
_LOG_TAIL_LINES = 12
_STARTUP_POLL_SECONDS = 0.05
_STOP_SECONDS = 5.0
_HTTP_SECONDS = 10.0
# No proxies: the loopback must be asked directly, whatever the environment names.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalServer:
    """A model server in a child process. Made by `serve`, which also stops it.

    Attributes:
        model: The name under which the server presents its model.
        base_url: The address for an OpenAI client, ending in `/v1`; any API key will do.
    """

    def __init__(self, model: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.model = model
        self.base_url = ""
        self._process = process
        self._log = log
        self._calls_at_stop = 0

    def __repr__(self) -> str:
        return f"LocalServer(model={self.model!r}, base_url={self.base_url!r})"

    @property
    def alive(self) -> bool:
        """Whether the child process runs."""
        return self._process.poll() is None

    def calls(self) -> int:
        """Count the completion requests that the server has begun to answer, by its own log.

        Chat and text requests count alike. A request with `n=8` is one call, and so is one that
        the client gave up on while it was being answered; a refused one (HTTP 400) is none. Works
        after `kill` and after the with-block, too.
        """
        if self._log.closed:
            return self._calls_at_stop
        return self._read_log().count(_REQUEST_LINE)

    def metrics(self) -> dict[str, float]:
        """Read the server's own counters, `prompt_tokens_total` among them.

        Unlike the usage in a response, `tokens_predicted_total` has the tokens of all `n` choices.

        Raises:
            LocalModelError: The server does not answer.
        """
        lines = self._get("/metrics").splitlines()
        pairs = (line.removeprefix("llamacpp:").split() for line in lines if line[:1] != "#")
        return {name: float(value) for name, value in pairs}

    def kill(self) -> None:
        """End the server at once, as a crash would; from then on connections are refused."""
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self, limit: float) -> None:
        deadline = time.monotonic() + limit
        while not self._is_ready():
            if not self.alive:
                raise LocalModelError(self._explain_end())
            if time.monotonic() > deadline:
                raise LocalModelError(
                    f"the server of {self.model} was not ready after {limit:g} s; "
                    f"the end of its log:\n{self._log_tail()}"
                )
            time.sleep(_STARTUP_POLL_SECONDS)

    def _is_ready(self) -> bool:
        if not self.base_url:
            found = _READY_LINE.search(self._read_log())
            if found is None:
                return False
            self.base_url = f"{found[1]}/v1"
        try:
            self._get("/health")
        except LocalModelError:
            return False
        return True

    def _get(self, path: str) -> str:
        address = self.base_url.removesuffix("/v1") + path
        try:
            with _http.open(address, timeout=_HTTP_SECONDS) as reply:
                return str(reply.read(), "utf-8")
        except OSError as error:
            raise LocalModelError(f"the server of {self.model} does not answer: {error}") from error

    def _explain_end(self) -> str:
        tail = self._log_tail()
        if "libgomp" in tail:
            return "xllamacpp needs the system's OpenMP library, which is missing: install libgomp1"
        return (
            f"the server of {self.model} ended at its start (status {self._process.returncode}); "
            f"the end of its log:\n{tail}"
        )

    def _read_log(self) -> str:
        # pread, because the child writes at the file position that a plain read would move.
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")

    def _log_tail(self) -> str:
        return "\n".join(self._read_log().splitlines()[-_LOG_TAIL_LINES:])

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._calls_at_stop = self.calls()


@contextmanager
def serve(
    model: str | Path,
    *,
    threads: int = 2,
    slots: int = 8,
    context: int = 2048,
    chat_template: str = "",
    start_timeout: float = 120.0,
    progress: bool = True,
) -> Iterator[LocalServer]:
    """Serve a model for the length of a with-block, which gets the running server.

    Args:
        model: A name of the catalogue, downloaded if need be, or the path of any `.gguf` file.
        threads: CPU threads for the model; more than there are cores slows it down.
        slots: How many completions can run at once, and the largest `n` of a request.
        context: Tokens of prompt and answer that one completion may take.
        chat_template: A Jinja template that turns messages into text, instead of the model's own.
        start_timeout: Seconds that the server may take to load the model.
        progress: Draw a progress bar on standard error while downloading.

    Raises:
        LocalModelError: No such model; or it cannot be obtained; or the server does not start.
    """
    require("xllamacpp")
    name, path = _locate(model, progress=progress)
    settings: dict[str, Any] = {"path": str(path), "model": name, "parent": os.getpid()}
    settings |= {"threads": threads, "slots": slots, "context": context, "template": chat_template}
    with tempfile.TemporaryFile() as log:
        server = LocalServer(name, _start_child(settings, log), log)
        try:
            server._wait_until_ready(start_timeout)
            yield server
        finally:
            server._stop()


def _locate(model: str | Path, *, progress: bool) -> tuple[str, Path]:
    """Return the name and the file of a model given either way."""
    if isinstance(model, str) and not model.endswith(".gguf"):
        return model, obtain(model, progress=progress)
    path = Path(model).expanduser().resolve()
    if not path.is_file():
        raise LocalModelError(f"there is no model file {path}")
    return path.stem, path


def _start_child(settings: dict[str, Any], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P keeps the folder of the program, whose files are no top-level modules, off sys.path.
        [sys.executable, "-P", _child.__file__, json.dumps(settings)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        start_new_session=True,  # Ctrl-C is for this process, which then stops the server
    )
