"""llama-cpp-python's server with OpenAI's API, in a process of its own on 127.0.0.1.

    python -m utils.server --model model.gguf --port 8123     # by hand
    running = server.start(file, 1024, threads=1)                   # from a notebook

It ends with the process that started it, however that ends; what it says goes to a log.
"""
import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from utils import HandsOnError
from utils.adapters import cache_folder

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
WAIT = 120  # seconds that a server may take to load its model
FAIL = "/handson/fail"  # POST {"status": 429, "count": 2}: fail the next two requests
MAX_TOKENS = {"/v1/chat/completions": 128, "/v1/completions": 16}  # where none is asked for


@dataclass
class Server:
    """A server that this process started."""

    process: subprocess.Popen
    port: int
    file: Path  # the model it serves
    log: Path
    owner: int  # a fork of this process must not end it

    def ask(self, method, path, body=None) -> int:
        """The status of one request; 0 if there is no answer (yet)."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request(method, path, body and json.dumps(body))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def end(self):
        if self.owner == os.getpid():
            self.process.kill()  # it has nothing to save
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()


def start(file: Path, context: int, threads: int) -> Server:
    """Start a server and wait until it answers; HandsOnError, naming its log, if not."""
    log = cache_folder() / f"server-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "utils.server", "--model", str(file), "--context",
               str(context), "--threads", str(threads), "--parent", str(os.getpid())]  # fmt: skip
    with open(log, "wb") as out:  # a session of its own: interrupts are for the kernel
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=out,
                                   stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    port = int(process.stdout.readline() or 0)
    server, limit = Server(process, port, file, log, os.getpid()), time.monotonic() + WAIT
    try:
        while process.poll() is None and time.monotonic() < limit:
            if server.ask("GET", "/v1/models") == 200:
                return server
            time.sleep(0.05)
    except BaseException:  # the reader interrupts
        server.end()
        raise
    server.end()
    said = log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    raise HandsOnError(
        f"The server for {file.name} did not start: {said[-1][:200]}. Fix: see {log} for "
        f"the reason; `make doctor` checks packages and memory."
    )


class Front:
    """Before the app: injected failures, and the limits that OpenAI's API has.

    No web page may call it (llama-cpp-python would let any), max_completion_tokens is
    understood, an answer ends somewhere, and no penalty is applied that nobody asked for.
    """

    def __init__(self, app):
        self.app, self.status, self.count = app, 429, 0

    async def __call__(self, scope, receive, send):
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        if "origin" in request.headers:
            return await JSONResponse(error("no web pages"), 403)(scope, receive, send)
        if request.method != "POST":
            return await self.app(scope, receive, send)
        body = await request.body()
        if scope["path"] == FAIL:
            told = json.loads(body)
            self.status, self.count = told["status"], told["count"]
            return await JSONResponse(told)(scope, receive, send)
        if self.count > 0:
            self.count -= 1
            soon = {"Retry-After": "0", "Retry-After-Ms": "1"}  # the client ignores a 0
            answer = JSONResponse(error("a failure on request"), self.status, soon)
            return await answer(scope, receive, send)
        messages = [{"type": "http.request", "body": amended(scope["path"], body)}]

        async def replay():
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


def error(message):
    return {"error": {"message": message, "type": "handson", "param": None, "code": None}}


def amended(path, body):
    """The request's body with what llama-cpp-python takes differently from OpenAI."""
    try:
        asked = json.loads(body)
        limit = asked.pop("max_completion_tokens", None) or asked.get("max_tokens")
        asked["max_tokens"] = limit or MAX_TOKENS[path]
    except (ValueError, AttributeError, KeyError):  # no JSON, no object, another path
        return body
    return json.dumps({"repeat_penalty": 1.0} | asked).encode()  # its default is 1.1


def watch(parent):
    """End this process with its parent: killed, it closes the pipe, or leaves an orphan."""

    def pipe():
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=pipe, daemon=True).start()
    while os.name != "posix" or os.getppid() == parent:  # a fork may hold the pipe open
        time.sleep(0.2)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(prog="python -m utils.server")
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--context", type=int, default=1024, help="tokens")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parent", type=int, help="end with this process")
    told = parser.parse_args()
    door = socket.socket()
    door.bind((HOST, told.port))
    print(door.getsockname()[1], flush=True)
    if told.parent:
        os.dup2(2, 1)  # the rest is for the log
        threading.Thread(target=watch, args=(told.parent,), daemon=True).start()
    import uvicorn
    from llama_cpp.server import app, settings

    for name in list(os.environ):  # or SEED, CACHE, API_KEY ... would be settings
        if name.lower() in {*settings.Settings.model_fields, "config_file"}:
            del os.environ[name]
    n = told.threads
    model = settings.ModelSettings(
        model=told.model, model_alias="chat", n_ctx=told.context, n_threads=n,
        n_threads_batch=n, seed=7, verbose=False,
    )  # fmt: skip
    how = settings.ServerSettings(host=HOST, interrupt_requests=False)
    front = Front(app.create_app(server_settings=how, model_settings=[model]))
    uvicorn.Server(uvicorn.Config(front, log_level="warning")).run(sockets=[door])


if __name__ == "__main__":
    main()
