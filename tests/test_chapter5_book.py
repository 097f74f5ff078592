"""Chapter 5 in the `book` profile, from a hub on 127.0.0.1 (tests.book).

The hub serves 3,000 of the real abstracts (HANDSON_HUB_MIRROR) under the id of arxiv_nlp,
and small models under the ids of the book's: all-MiniLM-L6-v2 in the place of its embedder,
our `seq2seq` and `chat` in the place of FLAN-T5 and Phi-3. All abstracts have one category,
so the claims on hidden fields are not tested there, and the cells have to say so.
"""
import os
import re
from pathlib import Path

import pytest

from tests import book
from tests.book import MIRROR, book_environment
from tests.tools import notebooks as nbs

ARXIV, ROWS = "MaartenGr/arxiv_nlp", 3000
hub, home = book.hub, book.home
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>/*.parquet"
)


@pytest.fixture(scope="module")
def done(hub, tmp_path_factory):
    """(printed text, paths asked of the hub) of the whole chapter."""
    import pandas as pd

    folder = tmp_path_factory.mktemp("arxiv")
    rows = pd.read_parquet(Path(MIRROR, "datasets", ARXIV, "train.parquet"))
    rows.iloc[::len(rows) // ROWS][:ROWS].to_parquet(folder / "train.parquet")
    hub.add_dataset(ARXIV, folder)
    cache = os.environ.get("HANDSON_CACHE") or str(nbs.BUILD / "cache")
    home = tmp_path_factory.mktemp("home")
    env = book_environment(hub, home) | {"HANDSON_CACHE": cache}
    nb, _ = nbs.execute(nbs.notebooks("5")[0], env, timeout=1800)
    outputs = [o for c in nb.cells for o in c.get("outputs", [])]
    said = "\n".join(o["text"] for o in outputs if o.get("name") == "stderr").splitlines()
    bars = ("Fetching ", "Generating ")
    assert not [line for line in said if line.strip() and not line.startswith(bars)]
    texts = [o.get("text", "") or str(o.get("data", {}).get("text/plain", "")) for o in outputs]
    return "\n".join(texts), " ".join(path for _, path, status, _ in hub.requests if status < 300)


@needs_mirror
@pytest.mark.timeout(3600)
def test_the_whole_chapter_on_real_abstracts(done):
    """Every cell; vectors of the abstracts are cached in build/cache."""
    text, paths = done
    checks = re.search(r"(\d+) checks held", text)
    assert checks and int(checks[1]) >= 45
    assert "profile book" in text and "stands in for" not in text
    assert f"/datasets/{ARXIV}/resolve/" in paths


@needs_mirror
@pytest.mark.timeout(3600)
def test_claims_on_hidden_fields_are_not_tested_there(done):
    text, _ = done
    assert text.count("not tested, as all texts have one field") >= 8
    assert "agree with the fields" not in re.sub(r"not tested.*", "", text)
