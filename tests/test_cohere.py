"""services.cohere_client: the real client against the server here, with the shipped models."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from tests.test_services import gone
from utils import HandsOnError, citations, local, models, services

cohere = pytest.importorskip("cohere")
pytest.importorskip("llama_cpp")

TEXTS = ["A ship is lost at sea.", "The ship vanished in a storm. " * 45, "", " Bread, cheese ",
         "Überraschung: naïve café, 東京, 🙂!", "What does the bakery sell?"]  # fmt: skip
QUESTION = "Who directed The Silent Harbour?"
FACTS = ["The River Brenot is 340 kilometres long. It is cold in winter.",
         "The Silent Harbour was directed by Mara Lindqvist.", "Bread costs 2 euros."]  # fmt: skip
ASK = [{"role": "user", "content": QUESTION}]
LINE = ("Cohere API: a server on this machine, models embedder, reranker, chat (Cohere's own: "
        "in the book profile with CO_API_KEY)\n")  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """The client and the names, in what a reader's environment may hold."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CO_API_KEY", "COHERE_API_KEY", "CO_API_URL", "HANDSON_PROFILE", "no_proxy",
                     "NO_PROXY"):  # fmt: skip
            patch.delenv(name, raising=False)
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there
        patch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        yield services.cohere_client()
        services.stop()


@pytest.fixture
def client(made):
    return made[0]


@pytest.fixture
def chat(client):
    def ask(messages=ASK, **more):
        return client.chat(model="chat", messages=messages, **{"temperature": 0} | more)

    return ask


@pytest.fixture
def waits(monkeypatch):
    told = []
    monkeypatch.setattr(time, "sleep", told.append)
    return told


def test_it_says_which_api_answers_and_is_started_once(made, capfd):
    pid = services._cohere.process.pid
    again, names = services.cohere_client()
    assert names == made[1] == ("embedder", "reranker", "chat")
    assert {m.name for m in again.models.list().models} == set(names)
    assert services._cohere.process.pid == pid and capfd.readouterr() == (LINE, "")


def test_vectors_are_those_of_the_embedder(client):
    got = client.embed(model="embedder", texts=TEXTS, input_type="search_document",
                       embedding_types=["float"])  # fmt: skip
    assert got.texts == TEXTS and got.response_type == "embeddings_by_type"
    query = client.embed(model="embedder", texts=["a"] * 96, input_type="search_query")
    assert np.shape(query.embeddings.float_) == (96, 384)
    from sentence_transformers import SentenceTransformer

    want = SentenceTransformer(models.find("embedder").path).encode(TEXTS)
    assert np.abs(np.array(got.embeddings.float_) - want).max() < 1e-5


def test_reranking_orders_by_the_scores_of_the_cross_encoder(client):
    best = client.rerank(model="reranker", query=QUESTION, documents=FACTS, top_n=1).results
    many = [*FACTS, TEXTS[1], ""]
    got = client.rerank(model="reranker", query=QUESTION, documents=many).results
    scores = [one.relevance_score for one in got]
    assert scores == sorted(scores, reverse=True) and 0 < min(scores) < max(scores) < 1
    assert [one.index for one in best] == [1] and sorted(one.index for one in got) == list(range(5))
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(models.find("reranker").path)
    want = model.predict([(QUESTION, many[one.index]) for one in got])
    assert np.abs(want - scores).max() < 1e-5
    two = client.rerank(model="reranker", query=QUESTION, documents=many, top_n=2).results
    assert two == got[:2]


@pytest.mark.parametrize("as_dict", [True, False])
def test_an_answer_cites_the_documents_it_was_given(as_dict, chat):
    given = [{"id": f"p{n}", "data": {"text": t}} for n, t in enumerate(FACTS)]
    got = chat(documents=given if as_dict else FACTS, max_tokens=60)
    (content,), (citation,) = got.message.content, got.message.citations
    text, (source,) = content.text, citation.sources
    assert "Lindqvist" in text and "[" not in text and got.finish_reason == "COMPLETE"
    assert citation.text == text[citation.start:citation.end] and text.endswith(".")
    name = "p1" if as_dict else "doc:1"
    assert (source.type, source.id) == ("document", name)
    assert source.document == {"id": name, "text": FACTS[1]}
    assert citation.text in FACTS[1]
    quiet = chat(documents=FACTS, citation_options={"mode": "OFF"})
    assert quiet.message.citations is None and quiet.message.content[0].text == text


def test_it_answers_without_documents_and_as_it_is_asked_to(chat, client):
    short = chat(max_tokens=3)
    assert short.finish_reason == "MAX_TOKENS" and short.usage.tokens.output_tokens == 3
    assert short.message.citations is None and short.message.role == "assistant"
    plain = chat([{"role": "system", "content": "Be brief."}, *ASK,
                  {"role": "assistant", "content": "Ada."},
                  {"role": "user", "content": [{"type": "text", "text": "Why?"}]}])  # fmt: skip
    assert plain.message.content[0].text
    story = [{"role": "user", "content": "Write a story about a cat."}]
    told = [chat(story, temperature=1.0, p=0.99, seed=seed, max_tokens=30) for seed in (1, 2, 1)]
    first, other, again = (one.message.content[0].text for one in told)
    assert first == again != other


WRONG = [
    ("embed", dict(model="embedder", texts=["a"], input_type=None), "valid input_type"),
    ("embed", dict(model="embedder", texts=["a"], input_type="query"), "valid input_type"),
    ("embed", dict(model="embedder", texts=["a"] * 97, input_type="clustering"),
     "at most 96 - received 97"),
    ("embed", dict(model="embedder", texts=[], input_type="clustering"), "at least 1"),
    ("embed", dict(model="embedder", texts=["a"], input_type="clustering",
                   output_dimension=256), "output_dimension is not offered here"),
    ("embed", dict(model="embedder", texts=["a"], input_type="clustering",
                   embedding_types=["int8"]), "valid embedding_types.0"),
    ("rerank", dict(model="reranker", query="a", documents=[]), "must not be empty"),
    ("rerank", dict(model="reranker", query="a", documents=["b"], top_n=0), "top_n"),
    ("chat", dict(model="chat", messages=[]), "last message must be from the user"),
    ("chat", dict(model="chat", messages=ASK, temperature=-1), "temperature"),
    ("chat", dict(model="chat", messages=ASK, documents=["word " * 2000]), "too many tokens"),
]  # fmt: skip


@pytest.mark.parametrize("call, asked, message", WRONG)
def test_a_wrong_request_is_refused_with_a_message(call, asked, message, client, waits):
    with pytest.raises(cohere.BadRequestError) as e:
        getattr(client, call)(**asked)
    assert message in e.value.body["message"] and not waits  # nor was it tried again


def test_what_is_not_there_is_not_found_and_streaming_is_refused(client):
    with pytest.raises(cohere.NotFoundError) as e:
        client.embed(model="embed-v4.0", texts=["a"], input_type="clustering")
    told = "model 'embed-v4.0' not found: embed is done by 'embedder' here"
    assert e.value.body["message"] == told
    with pytest.raises(cohere.NotFoundError) as e:
        client.tokenize(text="a", model="chat", offline=False)
    assert e.value.body == {"message": "not found"}
    with pytest.raises(cohere.BadRequestError, match="streaming is not offered"):
        list(client.chat_stream(model="chat", messages=ASK))


def test_injected_failures_are_mended_by_the_clients_own_retries(client, waits):
    asked = dict(model="embedder", texts=["a"], input_type="search_query")
    services.inject(429, 2, "cohere")
    assert len(client.embed(**asked).embeddings.float_) == 1
    assert len(waits) == 2 and max(waits) < 0.1
    once = {"max_retries": 0}
    for status, kind in ((429, cohere.TooManyRequestsError), (503, cohere.ServiceUnavailableError)):
        services.inject(status, 1, "cohere")
        with pytest.raises(kind) as e:
            client.embed(**asked, request_options=once)
        assert e.value.body == {"message": "a failure on request"}
    client.embed(**asked, request_options=once)  # it was one


def test_it_listens_on_the_loopback_alone_and_to_no_web_page(client):
    process = psutil.Process(services._cohere.process.pid)
    heard = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert [(a.ip, a.port) for a in heard] == [("127.0.0.1", services._cohere.port)]
    with pytest.raises(cohere.ForbiddenError):
        client.rerank(model="reranker", query="a", documents=["b"],
                      request_options={"additional_headers": {"Origin": "https://e.com"}})


PARENT = """
import json, os, time
from utils import local
running = local.start("cohere_app", [], None, "Cohere's API")
fork = os.fork()
if fork:
    print(json.dumps([running.process.pid, fork]), flush=True)
time.sleep(60)
"""


def test_the_server_ends_with_a_parent_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path))  # its log stays behind
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=local.ROOT,
                              stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    child, fork = json.loads(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert gone(child), "the server outlived its parent"
    os.kill(fork, signal.SIGKILL)
    parent.stdout.close()


@pytest.mark.parametrize("package", ["cohere", "fastapi", "llama_cpp"])
def test_a_missing_package_is_named_with_the_fix(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(HandsOnError, match=f"^{package}: not installed. Fix: make setup.* cohere"):
        services.cohere_client()


@pytest.mark.parametrize("profile, key, real", [
    ("laptop", "CO_API_KEY", False), ("book", None, False), ("book", "CO_API_KEY", True),
    ("book", "COHERE_API_KEY", True)])  # fmt: skip
def test_the_real_api_needs_the_book_profile_and_a_key(profile, key, real, monkeypatch, capsys):
    def refuse(*args):
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(services, "_serve_cohere", lambda: SimpleNamespace(port=1))
    for name in ("CO_API_KEY", "COHERE_API_KEY", "CO_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HANDSON_PROFILE", profile)
    monkeypatch.setenv("HANDSON_COHERE_RERANK", "rerank-v4.0-fast")
    if key:
        monkeypatch.setenv(key, "secret")
    client, names = services.cohere_client()
    wrapper = client._client_wrapper
    assert (wrapper.get_base_url() == "https://api.cohere.com") == real
    assert (wrapper._get_token() == "secret") == real
    want = ("embed-v5.0-fast", "rerank-v4.0-fast", "command-a-plus-05-2026")
    assert names == (want if real else services.HERE)
    said = capsys.readouterr().out
    assert said.startswith("Cohere API: api.cohere.com, models" if real else LINE)
    assert "secret" not in said


@pytest.mark.parametrize("answer, text, spans", [
    ("Ada made it [1].", "Ada made it.", [("Ada made it", [1])]),
    ("Ada made it. [1] It is red [2].", "Ada made it. It is red.",
     [("Ada made it", [1]), ("It is red", [2])]),
    ("A b [1][2]. D e [2, 9].", "A b. D e.", [("A b", [1, 2]), ("D e", [2])]),
    ("Mr. Jones and J. Smith paid 12.50 euros [2].", "Mr. Jones and J. Smith paid 12.50 euros.",
     [("Mr. Jones and J. Smith paid 12.50 euros", [2])]),
    ("It is blue [3].", "It is blue.", []), ("Nobody knows.", "Nobody knows.", []),
    ("First. Second [2].", "First. Second.", [("Second", [2])]),
    (" [1] Yes.\n\nB [2] ", "Yes.\n\nB", [("B", [2])]), ("[3]", "", []), ("", "", []),
])  # fmt: skip
def test_marks_become_spans_of_the_text_without_them(answer, text, spans):
    got, found = citations.parse(answer, 2)
    assert (got, [(got[a:b], n) for a, b, n in found]) == (text, spans)


def test_the_prompt_has_the_form_that_chat_was_trained_on():
    assert citations.prompt(" Who? ", ["One\n\ntwo.", "Three."]) == (
        "[1] One two.\n[2] Three.\n\nAnswer the question using only the passages and cite them.\n"
        "Question: Who?")  # fmt: skip
