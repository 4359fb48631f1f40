"""A real OpenAI-compatible HTTP server for the tests, on a free loopback port.

The test says what the model answers: `respond` gets the parsed body of each request and returns a
`Scripted` reply. Everything between the client library and that function is real: sockets, HTTP,
server-sent events, errors, lost connections. Every request is kept as it was received, and a client
that hangs up is counted.

    with ScriptedServer(lambda body: Scripted(text="Paris")) as server:
        client = ChatOpenAI(base_url=server.base_url, api_key="none", model="small", max_retries=0)
"""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from tests.scripted_echo import echo
from tests.scripted_wire import Json, Scripted, ToolCall, UsageMode, chunks, completion

__all__ = ["Received", "Respond", "Scripted", "ScriptedServer", "ToolCall", "echo"]

Respond = Callable[[Json], Scripted]


@dataclass(frozen=True)
class Received:
    """One request as the server received it, with the names of its headers in lower case."""

    path: str
    headers: dict[str, str]
    raw: bytes
    body: Json
    at: float


class ScriptedServer:
    """An HTTP server whose answers a function decides.

    Args:
        respond: Decides each reply from the request's body; called on several threads at once.
        usage: Whether the reported usage counts all choices, only one, or is left out.
        logprobs: False refuses requests for log-probabilities, as some servers do.
        choices: What is done with `n`: `all` sends as many, `one` ignores it, `refuse` answers 400.
    """

    def __init__(
        self,
        respond: Respond = echo,
        *,
        usage: UsageMode = "all",
        logprobs: bool = True,
        choices: Literal["all", "one", "refuse"] = "all",
    ) -> None:
        self.respond = respond
        self.usage = usage
        self.logprobs = logprobs
        self.choices = choices
        self.log = Log()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """The address to give to a client, version path included."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order of arrival."""
        return list(self.log.requests)

    @property
    def bodies(self) -> list[Json]:
        """The parsed body of every request so far."""
        return [request.body for request in self.log.requests]

    @property
    def aborts(self) -> int:
        """How many clients hung up before their reply was complete."""
        return self.log.aborts

    @property
    def peak(self) -> int:
        """The largest number of requests that were being answered at one time."""
        return self.log.peak

    def close(self) -> None:
        """Stop listening; what is being answered dies with its connection."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, and raise what `respond` raised: a test's mistake is no failing model."""
        self.close()
        if kind is None and self.log.mistakes:
            raise self.log.mistakes[0]


@dataclass
class Log:
    """What happened on a server; shared by its threads, so counts change under the lock."""

    requests: list[Received] = field(default_factory=list)
    mistakes: list[Exception] = field(default_factory=list)
    aborts: int = 0
    peak: int = 0
    active: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def answering(self, request: Received) -> Iterator[None]:
        """Note a request and count it while it is answered; a lost client ends it quietly."""
        with self.lock:
            self.requests.append(request)
            self.active += 1
            self.peak = max(self.peak, self.active)
        try:
            yield
        except ConnectionError:
            with self.lock:
                self.aborts += 1
        finally:
            with self.lock:
                self.active -= 1


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, scripted: ScriptedServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scripted = scripted

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: lost clients are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        """List one model, which is all that clients ask for."""
        self._send({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def do_POST(self) -> None:
        """Answer a chat or a plain completion."""
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, raw, body, time.monotonic())
        with self.server.scripted.log.answering(received):
            self._answer(body)

    def _answer(self, body: Json) -> None:
        scripted = self.server.scripted
        refusal = self._refusal(body)
        reply = refusal or self._scripted(body)
        self._wait(reply.delay)
        if reply.fault == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif reply.status != 200:
            error = {"message": reply.error, "type": "scripted", "param": None, "code": None}
            self._send({"error": error}, reply)
        else:
            seen = {**body, "n": 1} if scripted.choices == "one" else body
            (self._stream if body.get("stream") else self._whole)(seen, reply)

    def _refusal(self, body: Json) -> Scripted | None:
        scripted = self.server.scripted
        if not self.path.endswith("/completions"):
            return Scripted(status=404, error=f"nothing at {self.path}")
        if body.get("logprobs") and not scripted.logprobs:
            return Scripted(status=400, error="logprobs not supported")
        if scripted.choices == "refuse" and (body.get("n") or 1) > 1:
            return Scripted(status=400, error="n > 1 is not supported")
        return None

    def _scripted(self, body: Json) -> Scripted:
        try:
            return self.server.scripted.respond(body)
        except Exception as mistake:
            self.server.scripted.log.mistakes.append(mistake)
            return Scripted(status=500, error=f"respond raised {mistake!r}")

    def _whole(self, body: Json, reply: Scripted) -> None:
        self._send(completion(body, reply, self.server.scripted.usage, self._is_chat), reply)

    def _stream(self, body: Json, reply: Scripted) -> None:
        self._head(200, "text/event-stream", ("Transfer-Encoding", "chunked"))
        for number, chunk in enumerate(
            chunks(body, reply, self.server.scripted.usage, self._is_chat)
        ):
            self._wait(reply.chunk_delay)
            text = json.dumps(chunk, ensure_ascii=False)
            if reply.fault and number == 2:
                self._event(text[: len(text) // 2])
                if reply.fault == "cut":
                    return
            else:
                self._event(text)
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, text: str) -> None:
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _send(self, answer: Json, reply: Scripted | None = None) -> None:
        reply = reply or Scripted()
        data = json.dumps(answer, ensure_ascii=False).encode()
        sent = data[: len(data) // 2] if reply.fault else data
        size = len(data) if reply.fault == "cut" else len(sent)
        self._head(reply.status, "application/json", ("Content-Length", str(size)))
        self.wfile.write(sent)

    def _head(self, status: int, kind: str, length: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), length, ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()

    def _wait(self, seconds: float) -> None:
        """Wait, and notice a client that has hung up, even with nothing to wait for."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            message = "the client hung up"
            raise ConnectionAbortedError(message)

    @property
    def _is_chat(self) -> bool:
        return self.path.endswith("/chat/completions")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing on the terminal."""
