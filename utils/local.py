"""A server of ours in a process of its own on 127.0.0.1: start, injected failures, end.

What utils.server (OpenAI's API) and utils.cohere_app (Cohere's) share. A server ends with
the process that started it, however that ends; what it says goes to a log.
"""
import atexit
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
WAIT = 120  # seconds that a server may take until it answers
FAIL = "/handson/fail"  # POST {"status": 429, "count": 2}: fail the next two requests
ALIVE = "/v1/models"  # both APIs have it
SOON = {"Retry-After": "0", "Retry-After-Ms": "1"}  # the clients ignore a 0


@dataclass
class Server:
    """A server that this process started."""

    process: subprocess.Popen
    port: int
    serves: object  # another one needs another server
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

    def end(self, keep_log: bool = False):
        """End it, once or again."""
        if self.owner == os.getpid():
            self.process.kill()  # it has nothing to save
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            if not keep_log:
                self.log.unlink(missing_ok=True)


def start(module: str, options: list, serves, name: str) -> Server:
    """Start `python -m utils.<module>` and wait until it answers; else HandsOnError."""
    log = cache_folder() / f"{module}-{os.getpid()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"utils.{module}", *options, "--parent", str(os.getpid())]
    with open(log, "wb") as out:  # a session of its own: interrupts are for the kernel
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=out,
                                   stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    port = int(process.stdout.readline() or 0)
    server, limit = Server(process, port, serves, log, os.getpid()), time.monotonic() + WAIT
    try:
        while process.poll() is None and time.monotonic() < limit:
            if server.ask("GET", ALIVE) == 200:
                return server
            time.sleep(0.05)
    except BaseException:  # the reader interrupts
        server.end()
        raise
    server.end(keep_log=True)
    said = log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    raise HandsOnError(
        f"The server for {name} did not start: {said[-1][:200]}. Fix: see {log} for "
        f"the reason; `make doctor` checks packages and memory."
    )


def kept(running: Server | None, serves, make) -> Server:
    """`running` if it lives and serves just that, else what make() starts instead of it."""
    if running and (running.serves != serves or running.process.poll() is not None):
        running.end()
        running = None
    if not running:
        running = make()
        bypass_proxies()
        atexit.register(running.end)
    return running


def bypass_proxies():
    """Every client in this process reaches 127.0.0.1 directly, whatever HTTP_PROXY says."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, HOST]))


class Front:
    """Before an app: injected failures, and no web page may call it.

    error: a message in the shape of the API; amended: a path and a body, what it becomes.
    """

    def __init__(self, app, error, amended=None):
        self.app, self.status, self.count = app, 429, 0
        self.error, self.amended = error, amended or (lambda path, body: body)

    async def __call__(self, scope, receive, send):
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        if "origin" in request.headers:
            return await JSONResponse(self.error("no web pages"), 403)(scope, receive, send)
        if request.method != "POST":
            return await self.app(scope, receive, send)
        body = await request.body()
        if scope["path"] == FAIL:
            told = json.loads(body)
            self.status, self.count = told["status"], told["count"]
            return await JSONResponse(told)(scope, receive, send)
        if self.count > 0:
            self.count -= 1
            answer = JSONResponse(self.error("a failure on request"), self.status, SOON)
            return await answer(scope, receive, send)
        messages = [{"type": "http.request", "body": self.amended(scope["path"], body)}]

        async def replay():
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


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


def door(parser):
    """Read the command line; (options, socket on 127.0.0.1), the port printed for start()."""
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--parent", type=int, help="end with this process")
    told = parser.parse_args()
    opened = socket.socket()
    opened.bind((HOST, told.port))
    print(opened.getsockname()[1], flush=True)
    if told.parent:
        os.dup2(2, 1)  # the rest is for the log
        threading.Thread(target=watch, args=(told.parent,), daemon=True).start()
    return told, opened


def serve(app, opened):
    """Answer requests at the socket until this process ends."""
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])
