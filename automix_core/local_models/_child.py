"""The program of the child process: one model behind an OpenAI-compatible server.

It is run as a file, not as a module of the package, so that the child needs nothing but the
standard library and xllamacpp, and starts at once. Its one argument is a JSON object with `path`,
`model`, `threads`, `slots`, `context` (tokens a slot), `template` (of the chat; empty for the
model's own) and `parent` (process id). Once the server is ready it writes one line, READY and the
address. It ends when its parent does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

__all__ = ["READY", "main"]

READY = "automix-server-ready"
_PARENT_POLL_SECONDS = 0.5


def main(settings: dict[str, Any]) -> None:
    """Serve until the parent is gone. An error ends the process with a traceback in its log."""
    import xllamacpp

    server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), settings))
    sys.stdout.write(f"{READY} {server.listening_address}\n")
    sys.stdout.flush()
    # A killed parent cannot say goodbye, but its orphans are given to another process.
    while os.getppid() == settings["parent"]:
        time.sleep(_PARENT_POLL_SECONDS)


def _parameters(parameters: Any, settings: dict[str, Any]) -> Any:
    parameters.model.path = settings["path"]
    parameters.model_alias = {settings["model"]}
    parameters.port = 0
    parameters.n_parallel = settings["slots"]
    parameters.n_ctx = settings["slots"] * settings["context"]  # shared out over the slots
    parameters.chat_template = settings["template"]
    parameters.endpoint_metrics = True
    parameters.ui = False
    parameters.offline = True
    parameters.cache_ram_mib = 64  # by default old prompts may take 8 GiB
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = settings["threads"]
        cpu.poll = 0  # waiting threads that spin starve whatever else runs on the machine
    return parameters


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
