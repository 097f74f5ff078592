"""utils.services and utils.server: a real server of a tiny model, and the real client."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from tests import tiny
from utils import HandsOnError, models, server, services

openai, llama_cpp = pytest.importorskip("openai"), pytest.importorskip("llama_cpp")

ASK = dict(model="chat", messages=[{"role": "user", "content": "12 + 30?"}], temperature=0)
LINE = ("OpenAI API: a server on this machine, model chat as q8_0 (OpenAI's own: in the book "
        "profile with OPENAI_API_KEY)\n")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A tiny `chat`, and what a reader's environment may hold."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("services")
        path = str(tiny.folder(folder / "chat"))
        patch.setattr(models, "find", lambda role, profile=None: SimpleNamespace(path=path))
        patch.setenv("HANDSON_CACHE", str(folder / "cache"))
        for name in ("OPENAI_API_KEY", "HANDSON_PROFILE", "no_proxy", "NO_PROXY"):
            patch.delenv(name, raising=False)
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there
        patch.setenv("API_KEY", "llama-cpp-python would take this for a setting")
        yield folder
        services.stop()


@pytest.fixture(scope="module")
def client(home):
    return services.openai_client()[0]


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args):
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def gone(pid, seconds=5):
    """Does the process end within this time? (A zombie has ended.)"""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_it_says_which_api_answers_and_is_started_once(client, capfd):
    pid = services._running.process.pid
    again, name = services.openai_client()
    assert again.chat.completions.create(**ASK).choices[0].message.role == "assistant"
    assert name == "chat" and services._running.process.pid == pid
    assert capfd.readouterr() == (LINE, "")


def test_answers_are_those_of_the_model_in_this_process(client):
    llm = services.llama()
    want = llm.create_chat_completion(ASK["messages"], temperature=0, max_tokens=30)
    got = client.chat.completions.create(**ASK, max_tokens=30)
    assert got.choices[0].message.content == want["choices"][0]["message"]["content"]
    assert got.usage.prompt_tokens == want["usage"]["prompt_tokens"]
    parts = client.chat.completions.create(**ASK, max_tokens=30, stream=True)
    text = "".join(part.choices[0].delta.content or "" for part in parts)
    assert text == got.choices[0].message.content
    assert llm.n_ctx() == 512  # no more than the model was made for
    llm.close()


def test_an_answer_ends_where_it_is_asked_to_or_at_128_tokens(client):
    never = dict(logit_bias={str(tiny.TAGS.index(t)): -100 for t in tiny.TAGS})
    for asked, tokens in (({}, 128), ({"max_tokens": 3}, 3), ({"max_completion_tokens": 4}, 4)):
        got = client.chat.completions.create(**ASK, **never, **asked)
        assert (got.usage.completion_tokens, got.choices[0].finish_reason) == (tokens, "length")


def test_injected_failures_are_mended_by_the_clients_own_retries(client, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", lambda seconds: waits.append(seconds))
    services.inject(429, 2)
    assert client.chat.completions.create(**ASK, max_tokens=2).usage.completion_tokens == 2
    assert len(waits) == 2 and max(waits) < 0.1
    services.inject(429, 1)
    with pytest.raises(openai.RateLimitError, match="failure on request") as e:
        client.with_options(max_retries=0).chat.completions.create(**ASK)
    assert e.value.response.headers["retry-after"] == "0"
    services.inject(503, 1)
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=0).chat.completions.create(**ASK)
    client.with_options(max_retries=0).chat.completions.create(**ASK)  # it was one


def test_it_listens_on_the_loopback_alone_and_to_no_web_page(client):
    process = psutil.Process(services._running.process.pid)
    heard = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert [(a.ip, a.port) for a in heard] == [("127.0.0.1", services._running.port)]
    with pytest.raises(openai.PermissionDeniedError):
        client.models.list(extra_headers={"Origin": "https://example.com"})


def test_errors_of_the_server_go_to_its_log(client, capfd):
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=0).chat.completions.create(
            **ASK, response_format={"type": "json_schema", "json_schema": {}})  # fmt: skip
    assert capfd.readouterr() == ("", "")
    process, log = services._running.process, services._running.log
    assert "Traceback" in log.read_text()
    if os.path.exists("/proc"):  # Linux: what it prints goes there too, not into the pipe
        assert os.path.samefile(f"/proc/{process.pid}/fd/1", log)


def test_a_server_that_died_or_was_stopped_is_started_again(client, home):
    first, log = services._running, services._running.log
    first.process.kill()
    first.process.wait()
    second, name = services.openai_client()
    assert second.chat.completions.create(**ASK, max_tokens=1).model == name
    services.stop()
    assert not log.exists() and gone(first.process.pid) and services._running is None
    with pytest.raises(HandsOnError, match="No server.*Fix: call services.openai_client"):
        services.inject()


PARENT = """
import json, os, sys, time
from pathlib import Path
from utils import server
running = server.start(Path(sys.argv[1]), 256, 1)
fork = os.fork()  # as a worker of a data loader, it holds the pipe to the server
if fork:
    print(json.dumps([running.process.pid, fork]), flush=True)
time.sleep(60)
"""


def test_the_server_ends_with_a_parent_that_is_killed_but_not_with_an_interrupt(home):
    file, _ = services.gguf_file("chat", "q8_0")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(file)], cwd=server.ROOT,
                              stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    child, fork = json.loads(parent.stdout.readline())
    assert os.getpgid(child) != parent.pid  # Jupyter interrupts the group of the kernel
    parent.kill()
    parent.wait()
    assert gone(child), "the server outlived its parent"
    assert psutil.pid_exists(fork)
    os.kill(fork, signal.SIGKILL)
    parent.stdout.close()


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(home, tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF")
    with pytest.raises(HandsOnError, match="bad.gguf did not.* load .*Fix: see .*log ") as e:
        server.start(bad, 256, 1)
    log = str(e.value).split("Fix: see ")[1].split(" for")[0]
    assert "Traceback" in open(log).read()


@pytest.mark.parametrize("package", ["llama_cpp", "openai", "sse_starlette"])
def test_a_missing_package_is_named_with_the_fix(package, home, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(HandsOnError, match=f"^{package}: not installed. Fix: make setup"):
        services.openai_client()


def test_the_real_api_needs_the_book_profile_and_a_key(home, monkeypatch, capsys, no_network):
    monkeypatch.setattr(services, "_serve", lambda *a: SimpleNamespace(port=1))
    monkeypatch.setattr(models, "catalogue", dict)        # no GGUF file is offered on the hub
    for profile, key, host in (("laptop", "sk-x", "127.0.0.1"), ("book", "", "127.0.0.1"),
                               ("book", "sk-x", "api.openai.com")):  # fmt: skip
        monkeypatch.setenv("HANDSON_PROFILE", profile)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        client, name = services.openai_client()
        assert client.base_url.host == host and (name == "chat") == (host == "127.0.0.1")
        said = "a server on this machine" if name == "chat" else "api.openai.com, model gpt-4o-mini"
        assert capsys.readouterr().out.startswith(f"OpenAI API: {said}")


def test_a_large_model_gets_the_cores_and_a_small_one_a_single_thread(tmp_path, monkeypatch):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"")
    assert services.threads(file) == 1
    monkeypatch.setattr(services, "SMALL", -1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert services.threads(file) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= services.threads(file) <= 8
