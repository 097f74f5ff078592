"""Chapter 2 in the `book` profile, from a hub on 127.0.0.1 (tests.book).

The cells about the nine tokenizers run on the real vocabularies of GPT-2, BERT, StarCoder,
Llama 2 and Phi-3 (HANDSON_HUB_MIRROR) under the ids of the book's; twins stand under the
ids that the mirror lacks. The whole chapter runs on our small models under the book's ids.
"""
import os
import re
from pathlib import Path

import nbformat
import pytest

from tests import book
from tests.book import MIRROR, REVIEWS, book_environment
from tests.hub import Hub
from tests.tools import notebooks as nbs
from utils import vocabularies

REAL = {"gpt2": "openai-community/gpt2", "bert-uncased": "google-bert/bert-base-uncased",
        "starcoder2": "bigcode/starcoder2-15b", "llama2": "meta-llama/Llama-2-7b-hf",
        "phi3": "microsoft/Phi-3-mini-4k-instruct"}  # name -> folder of the mirror
NINE = {"c2.07", "c2.12", "c2.13", "c2.14", "c2.15", "c2.17", *(f"c2.{n}" for n in range(20, 27))}
hub, home = book.hub, book.home
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with models/<id>/tokenizer.json"
)


def serve_tokenizers(hub, real=(), gated=()):
    """Every tokenizer under the id of the book's: the mirror's if in `real`, else the twin."""
    for name, entry in vocabularies.catalogue().items():
        if name in real:
            folder = Path(MIRROR, "models", REAL[name])
        else:
            folder = vocabularies.find(name, "laptop").path
        hub.add_model(entry["book"]["hub"], folder, gated=name in gated)


def run_book(hub, home, nb, tmp_path):
    copy = tmp_path / "copy.ipynb"
    nbformat.write(nb, copy)
    cache = os.environ.get("HANDSON_CACHE") or str(nbs.BUILD / "cache")
    env = book_environment(hub, home) | {"HANDSON_CACHE": cache, "HANDSON_PROFILE": "book"}
    done, _ = nbs.execute(copy, env)
    return "\n".join(o.get("text", "") for c in done.cells for o in c.get("outputs", []))


def nine_cells():
    """The notebook down to the cells about the nine, and what these need."""
    nb = nbs.read(nbs.notebooks("2")[0])
    needed = r"^reviews = |^from collections import Counter|^import json"
    kept = []
    for at, cell in enumerate(nb.cells):
        wanted = at < 4 or NINE & set(nbs.tags(cell)) or re.search(needed, cell.source, re.M)
        if cell.cell_type == "code" and wanted:
            cell.source = cell.source.replace("print(tokenizer.decode(start.input_ids[0]))", "")
            kept.append(cell)
    load = 'passages = corpora.load("passages")["all"]["text"]\nimport re'
    nb.cells = [*kept[:2], nbformat.v4.new_code_cell(load), *kept[2:]]
    return nb


@needs_mirror
def test_the_nine_cells_on_real_vocabularies(home, tmp_path):
    """Rules hold for the originals, too; the page of every check is printed by the cells."""
    with Hub() as hub:
        serve_tokenizers(hub, real=REAL)
        hub.add_dataset(REVIEWS, Path(MIRROR, "datasets", REVIEWS))
        text = run_book(hub, home, nine_cells(), tmp_path)
        paths = " ".join(path for _, path, status, _ in hub.requests if status < 300)
    assert "profile book" in text and "twins: none" in text
    assert text.count("✓") >= 25
    for name in REAL:
        assert f"/{vocabularies.catalogue()[name]['book']['hub']}/resolve/" in paths


@needs_mirror
def test_a_gated_tokenizer_is_replaced_by_its_twin_with_a_sentence(home, tmp_path):
    nb = nine_cells()
    opening = [i for i, c in enumerate(nb.cells) if "c2.26" in nbs.tags(c)][0]
    nb.cells = nb.cells[:opening + 1]
    with Hub() as hub:
        serve_tokenizers(hub, real=REAL, gated=["starcoder2"])
        text = run_book(hub, home, nb, tmp_path)
    assert "bigcode/starcoder2-15b is gated" in text and "twins: StarCoder2" in text


@needs_mirror
def test_the_whole_chapter(hub, home, tmp_path):
    """On real rotten_tomatoes and paper abstracts; small models under the book's ids.

    Under the ids of Phi-3 and TinyLlama stand `chat` and `base`, whose tokenizer is another:
    what is said of Llama 2's own rules is left to the test on the real vocabularies.
    """
    add_other_tokenizers(hub)
    hub.add_dataset("MaartenGr/arxiv_nlp", Path(MIRROR, "datasets", "MaartenGr/arxiv_nlp"))
    nb = nbs.read(nbs.notebooks("2")[0])
    nb.cells = [c for c in nb.cells if "c2.25" not in nbs.tags(c)
                and "fallback = " not in c.source]
    text = run_book(hub, home, nb, tmp_path)
    checks = re.search(r"(\d+) checks held", text)
    assert checks and int(checks[1]) >= 60 and "profile book" in text


def add_other_tokenizers(hub):
    """Ids that also name a model keep the model: its folder holds its tokenizer."""
    for name, entry in vocabularies.catalogue().items():
        if ("models", entry["book"]["hub"]) not in hub.repos:
            hub.add_model(entry["book"]["hub"], vocabularies.find(name, "laptop").path)
