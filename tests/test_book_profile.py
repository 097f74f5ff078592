"""The `book` profile on real data: chapter 4 whole, from a hub on 127.0.0.1 (tests.book).

The hub serves real rotten_tomatoes (HANDSON_HUB_MIRROR) under its id, and small models
under the ids of the book's: all-MiniLM-L6-v2 in the place of all-mpnet-base-v2, our
`sentiment` in the place of the Twitter classifier, and our `seq2seq`, `chat` and `base` in
the place of FLAN-T5, Phi-3 and TinyLlama. The clients are the unmodified ones.
"""
import json
import os
from pathlib import Path

import nbformat
import pytest

from tests import book
from tests.book import MINILM, MIRROR, PIN, REVIEWS, book_environment, client
from tests.hub import Hub
from tests.tools import notebooks as nbs
from utils import models

hub, home = book.hub, book.home
needs_mirror = pytest.mark.skipif(
    not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>/*.parquet"
)


@needs_mirror
def test_chapter_4_runs_whole_on_rotten_tomatoes(hub, home):
    """Every cell and check; vectors of the 9,596 sentences are cached in build/cache."""
    cache = os.environ.get("HANDSON_CACHE") or str(nbs.BUILD / "cache")
    env = book_environment(hub, home) | {"HANDSON_CACHE": cache}
    nb, _ = nbs.execute(nbs.notebooks("4")[0], env)
    checks = nbs.printed(nb, r"(\d+) checks held")
    text = "\n".join(o.get("text", "") for c in nb.cells for o in c.get("outputs", []))
    assert checks and int(checks[1]) >= 25
    assert "rotten_tomatoes" not in text and "profile book" in text
    assert "stands in for" not in text  # nothing stands in for anything in the book profile
    paths = " ".join(path for _, path, status, _ in hub.requests if status < 300)
    assert "/datasets/cornell-movie-review-data/rotten_tomatoes/resolve/" in paths
    assert "/sentence-transformers/all-mpnet-base-v2/resolve/" in paths


def small_book_models(hub, folder):
    """Random models of the book's own architectures, MPNet and RoBERTa, under its ids."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import (
        AutoTokenizer,
        MPNetConfig,
        MPNetModel,
        RobertaConfig,
        RobertaForSequenceClassification,
    )

    tokenizer = AutoTokenizer.from_pretrained(models.find("embedder", "laptop").path)
    size = dict(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, pad_token_id=0,
                num_attention_heads=2, intermediate_size=64, max_position_embeddings=300)
    names = dict(enumerate(["negative", "neutral", "positive"]))
    MPNetModel(MPNetConfig(**size)).save_pretrained(folder / "mpnet")
    tokenizer.save_pretrained(folder / "mpnet")
    body = Transformer(str(folder / "mpnet"))
    SentenceTransformer(modules=[body, Pooling(32, "mean")]).save(str(folder / "st"))
    roberta = RobertaForSequenceClassification(RobertaConfig(id2label=names, **size))
    roberta.save_pretrained(folder / "roberta")
    tokenizer.save_pretrained(folder / "roberta")
    table = models.catalogue()
    book = table["embedder"]["book"]
    hub.add_model(book["hub"], folder / "st", revision=book["revision"])
    hub.add_model(table["sentiment"]["book"]["hub"], folder / "roberta")


@needs_mirror
def test_every_cell_runs_on_the_book_s_architectures(tmp_path):
    """MPNet and RoBERTa, random: claims cannot hold, so only the code is put to the test."""
    import pandas as pd

    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        rows = pd.read_parquet(Path(MIRROR, "datasets", REVIEWS, f"{split}.parquet"))
        rows[:: 10 if split == "train" else 5].to_parquet(tmp_path / "data" / f"{split}.parquet")
    nb = nbs.read(nbs.notebooks("4")[0])
    nb.cells[3].source += "\nrun.check = lambda *claim: None  # of random models nothing holds"
    nb.cells[3].source += "\nRESAMPLES, DRAWS, LABEL_COUNTS = 50, 2, [8, 32]"
    copy = tmp_path / "copy.ipynb"
    nbformat.write(nb, copy)
    with Hub() as hub:
        small_book_models(hub, tmp_path)
        book.add_generative(hub, tmp_path)
        hub.add_dataset(REVIEWS, tmp_path / "data")
        env = book_environment(hub, tmp_path / "home") | {"HANDSON_CACHE": str(tmp_path)}
        done, _ = nbs.execute(copy, env)
    assert nbs.printed(done, "profile book")


@needs_mirror
def test_numbers_on_real_review_sentences(hub, home):
    """MiniLM vectors on the real validation text: logistic F1 >= .74, zero-shot >= .62."""
    out = client(hub, home, """
        import json
        import numpy as np
        from sentence_transformers import SentenceTransformer
        from sklearn.linear_model import LogisticRegression
        from utils import corpora, models
        from utils.scores import macro_f1
        spec = models.find("embedder")
        data = corpora.load("reviews")
        encoder = SentenceTransformer(spec.path, **spec.options)
        X = corpora.vectors("reviews", spec, encoder.encode)
        y = {s: np.array(data[s]["label"]) for s in data}
        fit = LogisticRegression(max_iter=1000).fit(X["train"], y["train"])
        names = np.array(["negative", "positive"])
        labels = encoder.encode(["A negative review", "A positive review"])
        guess = names[(X["validation"] @ labels.T).argmax(1)]
        print(json.dumps([macro_f1(y["validation"], fit.predict(X["validation"])),
                          macro_f1(y["validation"], guess)]))
    """, HANDSON_CACHE=os.environ.get("HANDSON_CACHE") or str(nbs.BUILD / "cache"))
    logistic, zero_shot = json.loads(out.splitlines()[-1])
    print(f"rotten_tomatoes validation: logistic F1 {logistic:.3f}, zero-shot F1 {zero_shot:.3f}")
    assert logistic >= 0.74
    assert zero_shot >= 0.62


def test_the_embedder_under_its_real_id_and_pin(hub, home):
    out = client(hub, home, f"""
        from utils.download import snapshot
        from sentence_transformers import SentenceTransformer
        folder = snapshot("{MINILM}", "{PIN}")
        print(folder, SentenceTransformer(folder).encode("a film").shape)
    """)
    assert PIN in out and "(384,)" in out
