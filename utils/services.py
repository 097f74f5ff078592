"""Models behind an API: the real one with a key in the book profile, else a server here.

    client, model = services.openai_client()
    client.chat.completions.create(model=model, messages=[...])
    llm = services.llama("q4_0")  # the same model inside this process
    client, names = services.cohere_client()
    client.embed(model=names.embed, texts=[...], input_type="search_query")

First used in chapter 4; Cohere's in chapter 8.
"""
import atexit
import os
import threading
import weakref
from pathlib import Path
from typing import NamedTuple

from utils import HandsOnError, checkpoint, download, gguf, local, models, server

NEEDED = ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context",
          "pydantic_settings")  # fmt: skip
COHERE_NEEDED = ("uvicorn", "fastapi", "llama_cpp", "sentence_transformers")
CONTEXT = 1024  # tokens
SMALL = 100e6  # bytes
_running, _cohere, _lock = None, None, threading.Lock()


class Names(NamedTuple):
    """What goes to `model` of Cohere's calls."""

    embed: str
    rerank: str
    chat: str


HERE = Names("embedder", "reranker", "chat")  # the roles
COHERE = Names("embed-v5.0-fast", "rerank-v5.0-pro", "command-a-plus-05-2026")


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
    address = f"http://{local.HOST}:{here.port}/v1"
    return openai.OpenAI(base_url=address, api_key="local", max_retries=5, timeout=60), "chat"


def cohere_client():
    """(client, names): Cohere's API in the book profile with a key, else a server here.

    names.embed, names.rerank and names.chat go to `model`; HANDSON_COHERE_EMBED, _RERANK
    and _CHAT choose other models of Cohere's. One line says which API answers.
    """
    gguf.need("cohere")
    import cohere

    key = os.environ.get("CO_API_KEY") or os.environ.get("COHERE_API_KEY")
    if models.profile() == "book" and key:
        asked = {k: os.environ.get(f"HANDSON_COHERE_{k.upper()}") for k in COHERE._fields}
        names = COHERE._replace(**{k: name for k, name in asked.items() if name})
        client = cohere.ClientV2(key)
        where = os.environ.get("CO_API_URL") or "api.cohere.com"
        print(f"Cohere API: {where}, models {', '.join(names)}; calls are billed")
        return client, names
    here = _serve_cohere()
    print(f"Cohere API: a server on this machine, models {', '.join(HERE)} (Cohere's own: in "
          f"the book profile with CO_API_KEY)")
    return cohere.ClientV2("local", base_url=f"http://{local.HOST}:{here.port}"), HERE


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


def inject(status: int = 429, count: int = 2, api: str = "openai") -> None:
    """Let the server here ("openai" or "cohere") fail the next `count` requests."""
    told = {"status": status, "count": count}
    running = {"openai": _running, "cohere": _cohere}[api]
    if not running or running.ask("POST", local.FAIL, told) != 200:
        raise HandsOnError(f"No server runs here. Fix: call services.{api}_client() first.")


def stop() -> None:
    """End the servers here, if there are any; the next client starts another."""
    global _running, _cohere
    with _lock:
        for one in (_running, _cohere):
            if one:
                one.end()
        _running = _cohere = None


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
    """The server with OpenAI's API in this process, on this file."""
    global _running
    gguf.need(*NEEDED)
    with _lock:
        _running = local.kept(_running, file, lambda: server.start(file, context, threads(file)))
        return _running


def _serve_cohere():
    """The server with Cohere's API in this process."""
    global _cohere
    gguf.need(*COHERE_NEEDED)
    where = models.profile()
    for role in ("embedder", "reranker"):  # fetched here, where the reader sees it
        models.find(role)
    with _lock:
        _cohere = local.kept(
            _cohere, where, lambda: local.start("cohere_app", [], where, "Cohere's API")
        )
        return _cohere
