"""Chapters 10 and 11 in the `book` profile, a few steps on real data (HANDSON_HUB_MIRROR).

A hub on 127.0.0.1 serves MNLI's and the STS benchmark's columns, rotten_tomatoes, names marked
in CoNLL's columns (rows of WikiANN) and arXiv's abstracts, under the ids of the book's data
sets, and our small models under the ids of its models. Every cell runs, with the numbers of
steps and rows of the laptop. What the library computes has to be equal there, too; claims on
quality are counted and printed (pytest -s), as a mirror of 45 premises cannot bear them.
"""
import json
import os
from pathlib import Path

import nbformat
import pytest

from tests import book
from tests.book import MIRROR, book_environment
from tests.tools import notebooks as nbs
from utils import models

hub, home = book.hub, book.home
COUNTED = """
pick, claims = run.pick, []
run.pick = lambda laptop, book, long=None: laptop if isinstance(laptop, (int, float)) else book
run.check = lambda name, holds, detail="": claims.append([name, bool(holds), detail])
"""
EQUAL = (" = ", "by hand")  # in the names of the claims that must hold on any data


def counted(number: str, folder: Path) -> Path:
    """A copy of a chapter that counts its claims instead of stopping at the first."""
    nb = nbs.read(nbs.notebooks(number)[0])
    start = next(c for c in nb.cells if c.cell_type == "code" and "chapter.start" in c.source)
    start.source += COUNTED
    said = "import json; print('CLAIMS' + json.dumps(claims))"
    nb.cells.append(nbformat.v4.new_code_cell(said))
    copy = folder / f"copy{number}.ipynb"
    nbformat.write(nb, copy)
    return copy


@pytest.mark.skipif(not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>")
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("number, share", [("10", 0.7), ("11", 0.7)])
def test_every_cell_on_real_data(number, share, hub, home, tmp_path):
    folder = Path(MIRROR, "datasets")
    hub.add_dataset("lhoestq/conll2003", folder / "unimelb-nlp/wikiann/en")
    hub.add_dataset("MaartenGr/arxiv_nlp", folder / "MaartenGr/arxiv_nlp")
    for role in ("masked", "reranker"):
        row = models.catalogue()[role]["book"]
        hub.add_model(row["hub"], models.find(role, "laptop").path, revision=row.get("revision"))
    cache = os.environ.get("HANDSON_CACHE") or str(nbs.BUILD / "cache")
    env = book_environment(hub, home) | {"HANDSON_CACHE": cache}
    done, _ = nbs.execute(counted(number, tmp_path), env, timeout=1800)
    texts = [o.get("text", "") for c in done.cells for o in c.get("outputs", [])]
    claims = json.loads(texts[-1].split("CLAIMS")[1])
    assert "profile book" in "".join(texts)
    failed = [(name, detail) for name, holds, detail in claims if not holds]
    print(f"chapter {number}: {len(claims) - len(failed)} of {len(claims)} claims hold there")
    print(*failed, sep="\n")
    assert not [name for name, _ in failed if any(mark in name for mark in EQUAL)]
    assert len(failed) <= (1 - share) * len(claims)
