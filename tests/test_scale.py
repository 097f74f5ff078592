"""data.recipes.scale and search_scale: the files that chapters 5 and 8 draw, and made vectors."""
import json

import numpy as np
import pytest

from data.recipes import scale, search_scale


def read(recipe):
    """The file that a recipe wrote; the test is skipped where it was not made yet."""
    if not recipe.OUT.exists():
        pytest.skip(f"{recipe.OUT.name} is not there: make scale")
    return json.loads(recipe.OUT.read_text("utf-8"))


def rising(values):
    return all(a < b for a, b in zip(values, values[1:]))


def test_topic_modelling_takes_longer_with_more_documents():
    told = read(scale)
    assert told["machine"].startswith("one thread of ") and rising(told["documents"])
    assert set(told["seconds"]) == {"embed", "UMAP", "HDBSCAN", "c-TF-IDF"}
    for name, seconds in told["seconds"].items():
        assert len(seconds) == len(told["documents"]) == len(told["clusters"])
        # UMAP alone may be slower in between: from 4,096 rows on it searches approximately
        assert rising(seconds if name != "UMAP" else seconds[::2]), name
    assert all(0 <= o < n for o, n in zip(told["outliers"], told["documents"]))


@pytest.fixture
def told():
    return read(search_scale)


def test_every_index_was_measured_at_every_size(told):
    assert told["vectors"] == list(search_scale.SIZES) and rising(told["vectors"])
    want = [(n, kind) for n in search_scale.SIZES for kind in search_scale.EFFORTS]
    assert [(r["vectors"], r["index"]) for r in told["rows"]] == want
    assert told["machine"].startswith("one thread of ")
    for row in told["rows"]:
        assert len(row["values"]) == len(row["recall"]) == len(row["ms"]) > 0
        assert min(row["ms"]) > 0 and 0 < min(row["recall"]) <= max(row["recall"]) <= 1
        assert row["bytes"] > 4 * row["vectors"] * told["dimensions"]


def test_cost_grows_with_the_vectors_and_recall_with_the_effort(told):
    for kind in search_scale.EFFORTS:
        rows = [r for r in told["rows"] if r["index"] == kind]
        assert rising([r["bytes"] for r in rows]) and rising([r["ms"][-1] for r in rows])
        assert kind == "exact" or rising([r["build_seconds"] for r in rows])
        for row in rows:
            assert row["recall"][-1] > 0.95 and min(np.diff(row["recall"]), default=0) > -0.01
            assert kind != "exact" or row["recall"] == [1]


def test_hnsw_finds_95_percent_at_ten_times_the_speed_of_exact_search(told):
    assert search_scale.speedup(told, 1_000_000, "HNSW")[0] >= 10


def test_the_speed_is_that_of_the_fastest_setting_with_the_recall():
    rows = [{"vectors": 9, "index": "exact", "values": [None], "recall": [1], "ms": [8.0]},
            {"vectors": 9, "index": "HNSW", "values": [10, 20, 40], "recall": [0.9, 0.95, 0.99],
             "ms": [1.0, 2.0, 4.0]}]  # fmt: skip
    assert search_scale.speedup({"rows": rows}, 9, "HNSW") == (4.0, 20)
    assert search_scale.speedup({"rows": rows}, 9, "HNSW", 0.99) == (2.0, 40)
    assert search_scale.speedup({"rows": rows}, 9, "HNSW", 1) == (0, None)


@pytest.fixture(scope="module")
def sources():
    return search_scale.unit(np.random.default_rng(7).normal(size=(50, 16)).astype("float32"))


def test_made_vectors_are_the_same_again_and_none_is_another(sources, monkeypatch):
    monkeypatch.setattr(search_scale, "BLOCK", 40)
    made, cosine = search_scale.make(sources, 100, 7)
    assert made.dtype == np.float32 and np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-5)
    assert (search_scale.make(sources, 30, 7)[0] == made[:30]).all()  # sizes are nested
    others = search_scale.make(sources, 20, 8)[0]
    assert (np.vstack([made, others]) @ made.T > 0.9999).sum() == len(made)
    assert 0.5 < cosine < 0.95  # related to their sources, and no copies


def test_made_vectors_without_noise_lie_between_two_sources(sources, monkeypatch):
    monkeypatch.setattr(search_scale, "NOISE", 0.0)
    made, cosine = search_scale.make(sources, 10, 7)
    planes = [np.linalg.qr(sources[[i, j]].T)[0] for i in range(50) for j in range(i)]
    assert np.linalg.norm(made @ planes, axis=2).max(axis=0) == pytest.approx(1, abs=1e-5)
    assert cosine > 0.7


def test_the_intrinsic_dimension_is_found():
    for dimension in (2, 8):
        points = np.zeros((3000, 16), "float32")
        points[:, 0], points[:, 1:dimension + 1] = 1, 0.1 * np.random.default_rng(7).uniform(
            -1, 1, (3000, dimension))  # fmt: skip
        found = search_scale.pairs(search_scale.unit(points))
        assert found["dimension"] == pytest.approx(dimension, rel=0.25)
        assert found["1st"] >= found["10th"] > 0.9


@pytest.mark.parametrize("kind", search_scale.EFFORTS)
def test_an_index_is_measured(kind, sources, monkeypatch):
    faiss = pytest.importorskip("faiss")
    vectors, queries = (search_scale.make(sources, n, n)[0] for n in (400, 5))
    truth = np.argsort(-(queries @ vectors.T), 1)[:, :10]
    row = search_scale.measure(kind, vectors, queries, truth)
    assert row["vectors"] == 400 and row["recall"][-1] >= (1 if kind == "exact" else 0.9)
    index = search_scale.build(kind, vectors)[0]
    assert row["bytes"] == len(faiss.serialize_index(index)) > 4 * vectors.size
    assert max(row["values"]) <= index.nlist if kind == "IVF" else True
