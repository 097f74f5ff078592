"""Cohere's v2 API on 127.0.0.1: embed, rerank and chat with documents, by models of ours.

    python -m utils.cohere_app --port 8124     # by hand; else services.cohere_client()

Requests, answers and errors have the shapes of the real API, as the package `cohere`
reads them. A model is loaded when it is first asked for. What is not offered is refused.
"""
import argparse
import threading
import uuid
from functools import cache

from utils import HandsOnError, citations, local, models, services

ROLES = {"embedder": "embed", "reranker": "rerank", "chat": "chat"}  # name -> what it does
TEXTS = 96  # in a call of embed, as Cohere's
MAX_TOKENS = 128  # of an answer, where none is asked for
_lock = threading.Lock()  # one request computes at a time


class Refused(Exception):
    """What is wrong with a request, and the status that says so."""

    def __init__(self, message, status=400):
        self.message, self.status = message, status


@cache
def embedder():
    """texts -> vectors"""
    from sentence_transformers import SentenceTransformer

    spec = models.find("embedder")
    return SentenceTransformer(spec.path, **spec.options).encode


@cache
def reranker():
    """pairs of texts -> logits"""
    import torch
    from sentence_transformers import CrossEncoder

    spec = models.find("reranker")
    model = CrossEncoder(spec.path, **spec.options)
    return lambda pairs: model.predict(pairs, activation_fn=torch.nn.Identity())


@cache
def llm():
    return services.llama()


def embed(asked):
    if not 1 <= len(asked.texts) <= TEXTS:
        most = f"at most {TEXTS}" if asked.texts else "at least 1"
        raise Refused(f"invalid request: total number of texts must be {most} - "
                      f"received {len(asked.texts)}")  # fmt: skip
    vectors = embedder()(asked.texts)
    return {"response_type": "embeddings_by_type", "texts": asked.texts,
            "embeddings": {"float": vectors.tolist()}, "meta": meta()}  # fmt: skip


def rerank(asked):
    import numpy as np

    if not asked.documents or not asked.query.strip():
        raise Refused("invalid request: query and documents must not be empty")
    logits = reranker()([(asked.query, text) for text in asked.documents])
    scores = 1 / (1 + np.exp(-np.asarray(logits, float)))
    order = np.argsort(-scores, kind="stable")[:asked.top_n]
    found = [{"index": int(i), "relevance_score": float(scores[i])} for i in order]
    return {"results": found, "meta": meta(search_units=1)}


def chat(asked):
    if asked.stream:
        raise Refused("invalid request: streaming is not offered here: call chat()")
    turns = [{"role": m.role, "content": m.text()} for m in asked.messages]
    if not turns or turns[-1]["role"] != "user":
        raise Refused("invalid request: the last message must be from the user")
    given = [document(n, one) for n, one in enumerate(asked.documents or [])]
    if given:
        passages = [text for _, text in given]
        turns[-1]["content"] = citations.prompt(turns[-1]["content"], passages)
    llm().reset()  # an answer does not depend on what was asked before
    try:
        got = llm().create_chat_completion(
            turns, temperature=asked.temperature, top_p=asked.p, top_k=asked.k, min_p=0.0,
            repeat_penalty=1.0, max_tokens=asked.max_tokens or MAX_TOKENS, seed=asked.seed,
        )  # fmt: skip
    except ValueError as e:  # llama.cpp's words for a prompt that is too long
        raise Refused(f"too many tokens: {e}") from e
    answer = got["choices"][0]
    message = cited(answer["message"]["content"] or "", given, asked.quiet())
    used = got["usage"]["prompt_tokens"], got["usage"]["completion_tokens"]
    tokens = dict(zip(("input_tokens", "output_tokens"), used))
    ended = "MAX_TOKENS" if answer["finish_reason"] == "length" else "COMPLETE"
    return {"message": message, "finish_reason": ended,
            "usage": {"billed_units": tokens, "tokens": tokens}}  # fmt: skip


def document(n, given):
    """(what a citation returns of it, the text that the model reads)"""
    data = {"text": given} if isinstance(given, str) else given.data
    name = None if isinstance(given, str) else given.id
    return {**data, "id": name or f"doc:{n}"}, ": ".join(map(str, data.values()))


def cited(answer, given, quiet):
    """Cohere's message: the answer, its marks taken out and told as citations."""
    text, spans = citations.parse(answer, len(given)) if given else (answer.strip(), [])
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    if spans and not quiet:
        message["citations"] = [
            {"start": start, "end": end, "text": text[start:end], "type": "TEXT_CONTENT",
             "content_index": 0, "sources": [
                 {"type": "document", "id": given[n - 1][0]["id"], "document": given[n - 1][0]}
                 for n in numbers]}
            for start, end, numbers in spans]  # fmt: skip
    return message


def meta(**billed):
    return {"api_version": {"version": "2"}, "billed_units": billed}


def error(message):
    return {"message": message}


def answered(name, asked, work):
    """The answer of work(asked) if the model is one that does it."""
    from starlette.responses import JSONResponse

    if ROLES.get(asked.model) != name:
        here = next(role for role, does in ROLES.items() if does == name)
        raise Refused(f"model '{asked.model}' not found: {name} is done by '{here}' here", 404)
    with _lock:
        return JSONResponse({"id": str(uuid.uuid4()), **work(asked)})


def build():
    """The FastAPI app."""
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse

    from utils import cohere_bodies as bodies

    app = FastAPI(openapi_url=None)

    @app.post("/v2/embed")
    def _embed(asked: bodies.Embed):
        return answered("embed", asked, embed)

    @app.post("/v2/rerank")
    def _rerank(asked: bodies.Rerank):
        return answered("rerank", asked, rerank)

    @app.post("/v2/chat")
    def _chat(asked: bodies.Chat):
        return answered("chat", asked, chat)

    @app.get(local.ALIVE)
    def _models():
        return {"models": [{"name": role, "endpoints": [does]} for role, does in ROLES.items()]}

    def refuse(kind, told):
        def handler(request, e):
            message, status = told(e)
            return JSONResponse(error(message), status, local.SOON)

        app.add_exception_handler(kind, handler)

    refuse(Refused, lambda e: (e.message, e.status))
    refuse(HandsOnError, lambda e: (str(e), 404))  # no status that the client would retry
    refuse(HTTPException, lambda e: (str(e.detail).lower(), e.status_code))
    refuse(RequestValidationError, lambda e: (bodies.complaint(e), 400))
    refuse(Exception, lambda e: (f"internal server error: {e}"[:200], 500))
    return app


def main():
    _, opened = local.door(argparse.ArgumentParser(prog="python -m utils.cohere_app"))
    local.serve(local.Front(build(), error), opened)


if __name__ == "__main__":
    main()
