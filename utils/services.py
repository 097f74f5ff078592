"""Chat models behind an API: OpenAI's with a key in the book profile, else a server here.

    client, model = services.openai_client()
    client.chat.completions.create(model=model, messages=[...])
    llm = services.llama("q4_0")  # the same model inside this process

First used in chapter 4.
"""
import atexit
import os
import threading
import weakref
from pathlib import Path

from utils import HandsOnError, checkpoint, download, gguf, models, server

NEEDED = ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context",
          "pydantic_settings")  # fmt: skip
CONTEXT = 1024  # tokens
SMALL = 100e6  # bytes
_running, _lock = None, threading.Lock()


def openai_client(kind: str = "q8_0"):
    """(client, model name): OpenAI's API in the book profile with a key, else a server here.

    One line says which. kind: of the GGUF file of the role `chat`, one of gguf.KINDS.
    The server starts on first use, is shared in this process, and ends with it.
    """
    gguf.need("openai")
    import openai

    if models.profile() == "book" and os.environ.get("OPENAI_API_KEY"):
        client = openai.OpenAI()
        name = os.environ.get("HANDSON_OPENAI_MODEL") or "gpt-4o-mini"
        print(f"OpenAI API: {client.base_url.host}, model {name}; calls are billed")
        return client, name
    here = _serve(*gguf_file("chat", kind))
    print(f"OpenAI API: a server on this machine, model chat as {kind} (OpenAI's own: in "
          f"the book profile with OPENAI_API_KEY)")
    address = f"http://{server.HOST}:{here.port}/v1"
    return openai.OpenAI(base_url=address, api_key="local", max_retries=5, timeout=60), "chat"


def llama(kind: str = "q8_0", role: str = "chat", **options):
    """llama_cpp.Llama on the GGUF file of a role; `options` are Llama's own keywords."""
    file, context = gguf_file(role, kind)
    from llama_cpp import Llama

    n = threads(file)
    usual = dict(n_ctx=context, n_threads=n, n_threads_batch=n, seed=7, verbose=False)
    llm = Llama(str(file), **usual | options)
    alive = weakref.ref(llm)
    atexit.register(lambda: alive() and alive().close())  # else it complains at exit
    return llm


def inject(status: int = 429, count: int = 2) -> None:
    """Let the server here answer the next `count` requests with an error status."""
    told = {"status": status, "count": count}
    if not _running or _running.ask("POST", server.FAIL, told) != 200:
        raise HandsOnError("No server runs here. Fix: call services.openai_client() first.")


def stop() -> None:
    """End the server here, if there is one; openai_client() starts another."""
    with _lock:
        _stop()


def gguf_file(role: str, kind: str) -> tuple[Path, int]:
    """The GGUF file of a role's checkpoint, written if need be, and the context to take.

    A model of the book whose makers offer GGUF files is fetched as one of these.
    """
    gguf.need("llama_cpp")
    kind = gguf.ALIASES.get(kind, kind)
    offered = models.catalogue().get(role, {}).get(models.profile(), {}).get("gguf")
    if offered:
        name = offered["files"].get(kind)
        if name is None:
            name = offered["files"]["q4_0"]
            print(f"{offered['hub']} has no {kind}: {name} is taken")
        return download.single(offered["hub"], name), CONTEXT
    folder = Path(models.find(role).path)
    most = checkpoint.config(folder)["max_position_embeddings"]
    return gguf.write(folder, kind), min(CONTEXT, most)


def threads(file: Path) -> int:
    """How many threads suit a model: OMP_NUM_THREADS, else the cores, but 8 at most.

    A small one gets a single thread: more of them mostly wait for each other, and on a
    busy machine for ever so long (measured: 330 tokens a second with 1, 4 to 90 with 2).
    """
    if file.stat().st_size < SMALL:
        return 1
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
        return int(asked)
    from utils import machine

    return min(machine.look().cores, 8)


def _serve(file, context):
    """The server of this process, on this file."""
    global _running
    gguf.need(*NEEDED)
    with _lock:
        if _running and (_running.file != file or _running.process.poll() is not None):
            _stop()
        if not _running:
            _running = server.start(file, context, threads(file))
            _bypass_proxies()
            atexit.register(stop)
        return _running


def _stop():
    global _running
    if _running:
        _running.end()
        _running.log.unlink(missing_ok=True)
    _running = None


def _bypass_proxies():
    """Every client in this process reaches 127.0.0.1 directly, whatever HTTP_PROXY says."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, server.HOST]))
