"""The data rules of `abstracts`, and its book version from a hub on 127.0.0.1."""
import json
from pathlib import Path

import numpy as np
import pytest

from data.recipes import abstracts
from tests.book import MIRROR, client
from tests.hub import Hub
from utils import corpora, models

ARXIV = "MaartenGr/arxiv_nlp"
ROUNDING = 2e-3  # of a cosine of float16 vectors


@pytest.fixture(scope="module")
def rows():
    return corpora.rows("abstracts")


@pytest.fixture(scope="module")
def vectors():
    """Shipped vectors; None: there is nothing to encode."""
    return corpora.vectors("abstracts", models.find("embedder", "laptop"), None)["all"]


def test_the_rows_keep_every_rule(rows):
    assert abstracts.check(rows) == []
    assert len(rows) == 1030 and sum(r["field"] == abstracts.FOREIGN for r in rows) == 30


def test_a_broken_rule_is_named(rows):
    first, second, *rest = rows
    assert abstracts.check([first | {"year": 2030}, second, *rest]) == ["a0001: year"]
    copied = second | {"abstract": first["abstract"]}
    assert any(c.startswith("shared: ") for c in abstracts.check([first, copied, *rest]))
    ordered = sorted(rows, key=lambda r: r["field"])
    ordered = [r | {"id": f"a{n:04d}"} for n, r in enumerate(ordered, 1)]
    assert abstracts.check(ordered) == ["the order shows the field"]


def test_no_two_texts_are_nearly_the_same(rows, vectors):
    cosine, *titles = abstracts.nearest(rows, vectors, 1)[0]
    assert cosine < abstracts.SAME + ROUNDING, titles


def test_the_vectors_know_the_field_and_no_number_of_a_row_does(rows, vectors):
    assert vectors.shape == (1030, 384)
    same = abstracts.neighbours(rows, vectors)
    assert same["all"] > 3 * same["by chance"]  # what chapter 5 claims in 5.03
    mixed = np.random.default_rng(0).permutation(vectors)
    assert abstracts.neighbours(rows, mixed)["all"] < 1.5 * same["by chance"]


def test_load_joins_title_and_abstract():
    data = corpora.load("abstracts", "laptop")
    assert list(data) == ["all"]
    assert data["all"].column_names == ["id", "title", "abstract", "year", "field", "text"]
    row = data["all"][0]
    assert row["text"].startswith(row["title"]) and row["text"].endswith(row["abstract"])
    assert corpora.joined("A title", "Text.") == "A title. Text."
    assert corpora.joined("A title?", "Text.") == "A title? Text."


def loaded(folder, home):
    """Split -> columns, size and first row of `abstracts`, read by a book-profile process."""
    with Hub() as hub:
        hub.add_dataset(ARXIV, folder)
        out = client(hub, home, """
            import json
            from utils import corpora
            data = corpora.load("abstracts")
            print(json.dumps({s: [p.column_names, len(p), p[0]] for s, p in data.items()}))
        """)
    return json.loads(out.splitlines()[-1])


def test_columns_of_the_hub_become_ours(tmp_path):
    import pandas as pd

    (tmp_path / "data").mkdir()
    row = {"Titles": "Is it so?", "Abstracts": "It is.", "Years": 2020, "Categories": "cs"}
    pd.DataFrame([row, row]).to_parquet(tmp_path / "data" / "train.parquet")
    assert loaded(tmp_path / "data", tmp_path / "home") == {"all": [
        ["title", "abstract", "year", "field", "text"], 2,
        {"title": "Is it so?", "abstract": "It is.", "year": 2020, "field": "cs",
         "text": "Is it so? It is."}]}


@pytest.mark.skipif(
    not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>/*.parquet")
def test_real_arxiv_abstracts_load(tmp_path):
    columns, size, row = loaded(Path(MIRROR, "datasets", ARXIV), tmp_path / "home")["all"]
    assert columns == ["title", "abstract", "year", "field", "text"] and size >= 10_000
    assert row["abstract"] in row["text"] and 1990 < row["year"] < 2030
