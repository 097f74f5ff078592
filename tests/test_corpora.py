"""utils.corpora and the data rules of `reviews`."""
import json
import threading
from collections import Counter

import numpy as np
import pytest

from data.recipes import kit, reviews
from utils import HandsOnError, corpora, models

ROUNDING = 2e-3  # of a cosine of float16 vectors


@pytest.fixture(autouse=True)
def laptop(monkeypatch, tmp_path):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path / "cache"))


def test_an_unknown_name_lists_the_data_sets():
    with pytest.raises(HandsOnError, match="'tweets'.*reviews"):
        corpora.load("tweets")
    with pytest.raises(HandsOnError, match="'desktop'.*laptop, book"):
        corpora.load("reviews", "desktop")


# What is shipped as `reviews`.


@pytest.fixture(scope="module")
def rows():
    return corpora.rows("reviews")


@pytest.fixture(scope="module")
def vectors(rows):
    """Shipped vectors, in the order of the rows; None: there is nothing to encode."""
    file = corpora.TEXTS / corpora.entry("reviews", "laptop")["vectors"]
    parts = corpora.vectors("reviews", models.find("embedder", "laptop"), None)
    assert file.exists() and all(a.dtype == np.float32 for a in parts.values())
    left = {s: iter(a) for s, a in parts.items()}
    return np.stack([next(left[r["split"]]) for r in rows])


def test_the_numbers_on_the_card(rows):
    labels = {"positive": 560, "negative": 560, "neutral": 80}
    assert Counter(r["label"] for r in rows) == labels == reviews.LABELS
    assert Counter(r["label"] for r in rows if r["hard"]) == reviews.HARD
    assert sum(reviews.HARD.values()) == 400
    assert Counter(r["split"] for r in rows) == {"train": 720, "validation": 180, "test": 300}


def test_labels_and_hardness_have_the_same_share_in_every_split(rows):
    for split, share in reviews.SHARES.items():
        part = [r for r in rows if r["split"] == split]
        assert sum(r["hard"] for r in part) == pytest.approx(400 * share, abs=3)
        for label, n in Counter(r["label"] for r in part).items():
            assert n == pytest.approx(reviews.LABELS[label] * share, abs=3)


def test_a_text_is_one_line_of_8_to_40_words(rows):
    assert all(8 <= len(r["text"].split()) <= 40 for r in rows)
    assert all(len(r["text"].splitlines()) == 1 and r["text"] == r["text"].strip() for r in rows)


def test_no_text_comes_twice(rows, vectors):
    assert len({corpora.fingerprint(r["text"]) for r in rows}) == len(rows)
    near = np.triu(vectors @ vectors.T, 1)
    i, j = np.unravel_index(near.argmax(), near.shape)
    assert near.max() <= reviews.SAME + ROUNDING, (rows[i]["text"], rows[j]["text"])


def test_related_texts_are_in_one_split(rows, vectors):
    groups = {}
    for group, row in zip(reviews.related(vectors, reviews.RELATED + ROUNDING), rows):
        groups.setdefault(group, []).append(row)
    assert any(len(group) > 2 for group in groups.values())  # there is something to keep apart
    for group in groups.values():
        assert len({r["split"] for r in group}) == 1, [r["text"] for r in group]


def test_openings_vary(rows):
    first = Counter(r["text"].split()[0].lower().strip(",.!?'\"") for r in rows)
    assert first.most_common(1)[0][1] <= 0.05 * len(rows)


def test_logistic_regression_finds_them_neither_trivial_nor_hopeless(rows, vectors):
    seen = reviews.measure(rows, vectors)
    assert 0.75 <= seen["logistic regression, accuracy"] <= 0.92
    assert seen["on easy"] > seen["on hard"]


def test_load_gives_three_splits():
    data = corpora.load("reviews")
    assert list(data) == list(corpora.SPLITS)
    assert data["train"].column_names == ["text", "label", "hard", "genre"]


# A data set of three rows in a folder of its own.


@pytest.fixture
def small(tmp_path, monkeypatch):
    texts = [dict(text=f"Text {s}.", label="positive", hard=False, split=s) for s in corpora.SPLITS]
    (tmp_path / "small.jsonl").write_text("".join(json.dumps(t) + "\n" for t in texts))
    row = {"file": "small.jsonl", "vectors": "small.vectors.safetensors",
           "sha256": kit.hashes(tmp_path, ["small.jsonl"])}
    monkeypatch.setattr(corpora, "TEXTS", tmp_path)
    monkeypatch.setattr(corpora, "catalogue", lambda: {"small": {"what": "", "laptop": row}})
    return tmp_path


def test_an_altered_file_is_found_and_the_fix_is_named(small):
    assert len(corpora.rows("small")) == 3
    text = (small / "small.jsonl").read_text()
    (small / "small.jsonl").write_text(text.replace("positive", "negative", 1))
    with pytest.raises(HandsOnError, match="altered.*git checkout -- data/texts/small.jsonl"):
        corpora.load("small")


class Encoder:
    """Counts its calls; each text becomes (its length, 1/3)."""

    digest, profile, calls = "these weights", "laptop", 0

    def encode(self, texts, batch_size):
        self.calls += 1
        return np.array([[len(t), 1 / 3] for t in texts])


def files(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def test_vectors_are_computed_once_and_kept(small):
    one = Encoder()
    first = corpora.vectors("small", one, one.encode)
    again = corpora.vectors("small", one, one.encode)
    assert one.calls == 3  # once for each split
    for split, array in first.items():
        assert array.dtype == np.float32 and array[0, 0] == len(f"Text {split}.")
        assert (array == again[split]).all()  # rounded the first time, too
    assert len(files(small / "cache")) == 1


def test_vectors_of_other_texts_or_weights_are_not_used(small):
    stale = {s: np.zeros((1, 2)) for s in corpora.SPLITS}
    corpora.write_vectors(small / "small.vectors.safetensors", stale, "another key")
    one, other = Encoder(), Encoder()
    assert corpora.vectors("small", one, one.encode)["test"].any()
    other.digest = "other weights"
    corpora.vectors("small", other, other.encode)
    assert (one.calls, other.calls) == (3, 3) and len(files(small / "cache")) == 2


def test_a_failed_write_leaves_nothing(small, monkeypatch):
    import safetensors.numpy

    def full(arrays, file, metadata):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        corpora.vectors("small", Encoder(), Encoder().encode)
    assert list((small / "cache").iterdir()) == []


def test_two_notebooks_may_write_the_same_vectors_at_once(small, monkeypatch):
    import safetensors.numpy

    save, meet, found = safetensors.numpy.save_file, threading.Barrier(2, timeout=20), []

    def slow(*args, **options):
        save(*args, **options)
        meet.wait()  # both have written, neither has renamed

    def run():
        found.append(corpora.vectors("small", Encoder(), Encoder().encode))

    monkeypatch.setattr(safetensors.numpy, "save_file", slow)
    threads = [threading.Thread(target=run) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(found) == 2 and len(files(small / "cache")) == 1


def test_columns_and_labels_of_the_hub_become_ours(monkeypatch):
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    kind = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    part = {"text": ["a fine film .", "it's not a fine film ."], "label": [1, 0]}
    hub = DatasetDict({s: Dataset.from_dict(part, features=kind) for s in corpora.SPLITS})
    monkeypatch.setattr("utils.download.dataset", lambda repo, config=None: hub)
    train = corpora.load("reviews", "book")["train"]
    assert train.column_names == ["text", "label", "hard"]
    assert train["label"][:] == ["positive", "negative"] and train["hard"][:] == [False, True]
