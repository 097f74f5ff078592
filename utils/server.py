"""llama-cpp-python's server with OpenAI's API, in a process of its own on 127.0.0.1.

    python -m utils.server --model model.gguf --port 8123     # by hand
    running = server.start(file, 1024, threads=1)                   # from a notebook

It ends with the process that started it, however that ends; what it says goes to a log.
"""
import argparse
import json
import os
from pathlib import Path

from utils import local
from utils.local import ROOT as ROOT

MAX_TOKENS = {"/v1/chat/completions": 128, "/v1/completions": 16}  # where none is asked for


def start(file: Path, context: int, threads: int) -> local.Server:
    """Start a server and wait until it answers; HandsOnError, naming its log, if not."""
    options = ["--model", str(file), "--context", str(context), "--threads", str(threads)]
    return local.start("server", options, file, file.name)


def error(message):
    return {"error": {"message": message, "type": "handson", "param": None, "code": None}}


def amended(path, body):
    """The request's body with what llama-cpp-python takes differently from OpenAI.

    max_completion_tokens is understood, an answer ends somewhere, and no penalty is
    applied that nobody asked for.
    """
    try:
        asked = json.loads(body)
        limit = asked.pop("max_completion_tokens", None) or asked.get("max_tokens")
        asked["max_tokens"] = limit or MAX_TOKENS[path]
    except (ValueError, AttributeError, KeyError):  # no JSON, no object, another path
        return body
    return json.dumps({"repeat_penalty": 1.0} | asked).encode()  # its default is 1.1


def main():
    parser = argparse.ArgumentParser(prog="python -m utils.server")
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--context", type=int, default=1024, help="tokens")
    parser.add_argument("--threads", type=int, default=1)
    told, opened = local.door(parser)
    from llama_cpp.server import app, settings

    for name in list(os.environ):  # or SEED, CACHE, API_KEY ... would be settings
        if name.lower() in {*settings.Settings.model_fields, "config_file"}:
            del os.environ[name]
    n = told.threads
    model = settings.ModelSettings(
        model=told.model, model_alias="chat", n_ctx=told.context, n_threads=n,
        n_threads_batch=n, seed=7, verbose=False,
    )  # fmt: skip
    how = settings.ServerSettings(host=local.HOST, interrupt_requests=False)
    made = app.create_app(server_settings=how, model_settings=[model])
    local.serve(local.Front(made, error, amended), opened)


if __name__ == "__main__":
    main()
