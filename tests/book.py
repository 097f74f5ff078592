"""A hub with the models of the `book` profile, and processes that run in this profile."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.tools import notebooks as nbs
from utils import gguf, models

MIRROR = os.environ.get("HANDSON_HUB_MIRROR")
REVIEWS, GLUE = "cornell-movie-review-data/rotten_tomatoes", "nyu-mll/glue"
MINILM, PIN = "sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"


def add_generative(hub, folder):
    """Our small T5, Phi-3 and Llama, and a GGUF file, under the ids of the book's models."""
    table = models.catalogue()
    for role in ("seq2seq", "chat", "base"):
        hub.add_model(table[role]["book"]["hub"], models.find(role, "laptop").path,
                      revision=table[role]["book"].get("revision"))
    offered = table["chat"]["book"]["gguf"]
    Path(folder, "gguf").mkdir()
    file = gguf.write(models.find("chat", "laptop").path, "q8_0")
    Path(folder, "gguf", offered["files"]["q4_0"]).symlink_to(file)
    hub.add_model(offered["hub"], Path(folder, "gguf"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    table = models.catalogue()
    minilm = models.find("embedder", "laptop").path
    with Hub() as hub:
        book = table["embedder"]["book"]
        hub.add_model(book["hub"], minilm, revision=book["revision"])
        hub.add_model(MINILM, minilm, revision=PIN)
        hub.add_model(table["sentiment"]["book"]["hub"], models.find("sentiment", "laptop").path)
        add_generative(hub, tmp_path_factory.mktemp("offered"))
        if MIRROR:
            for name in (REVIEWS, GLUE):
                hub.add_dataset(name, Path(MIRROR, "datasets", name))
        yield hub


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "home"
    shutil.rmtree(tmp_path / "home", ignore_errors=True)  # pytest would keep 90 MB of weights


def book_environment(hub, home):
    return hub.environment(home) | {"HANDSON_PROFILE": "book"}


def client(hub, home, code, **env):
    """Run `code` in a book-profile process; its stdout, or its stderr if it failed."""
    command, env = [sys.executable, "-c", textwrap.dedent(code)], book_environment(hub, home) | env
    done = subprocess.run(command, capture_output=True, env=env, text=True, cwd=nbs.ROOT,
                          timeout=300)
    return done.stdout if done.returncode == 0 else done.stderr
