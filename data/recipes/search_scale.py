"""How vector search grows: recall, time and memory from 1,000 to 1 million vectors.

    python -m data.recipes.search_scale            # writes data/texts/search_scale.json

Three indexes of faiss: exact search, IVF and HNSW. On one thread and in time of the CPU, one
query at a time. A run that was stopped goes on where it was, from a .part file beside the
other; without one, everything is measured anew. Chapter 8 draws the file.

The vectors are made from the 2,594 MiniLM embeddings that are shipped (passages, reviews and
abstracts): two of them, mixed in a random proportion to length 1, plus Gaussian noise of length
NOISE whose covariance is that of the real ones to the power POWER, to length 1 again. Noise
alike in all 384 directions would leave neighbours almost equidistant, as no text's are.
20,000 real sentences (reviews, titles, stories, STS; by hand, once) have their 1st neighbour at
a mean cosine of 0.57, their 10th at 0.46, in 25 dimensions (Levina and Bickel's estimate).
20,000 made ones: 0.59, 0.52 and 39, so they are harder to search than real ones. Noise of
1.0 and power 1 is nearer to real at that size, but clumps round the sources: at a million one
cell of IVF held 84 % of a query's neighbours (34 % among 29,800 real sentences). That, and not
what HNSW finds, set NOISE and POWER. Queries are 200 more vectors, made alike, in no index.
"""
import json
import os
import time
from pathlib import Path

from data.recipes.scale import machine

SIZES = (1000, 10_000, 100_000, 1_000_000)
CORPORA = ("passages", "reviews", "abstracts")
NOISE, POWER = 1.3, 1.5  # length of the noise, and how few directions it prefers
QUERIES, K, LOOK, BLOCK = 200, 10, 20, 50_000
M, CONSTRUCTION = 32, 100  # of HNSW: links of a vector, candidates while it is built
EFFORTS = {"exact": (None,), "IVF": tuple(2 ** i for i in range(11)),
           "HNSW": tuple(10 * 2 ** i for i in range(9))}  # fmt: skip
OUT = Path(__file__).resolve().parents[1] / "texts" / "search_scale.json"


def real():
    """The shipped embeddings, one below the other."""
    import numpy as np

    from utils import corpora, models

    spec = models.find("embedder", "laptop")
    parts = [part for name in CORPORA for part in corpora.vectors(name, spec, None).values()]
    return unit(np.concatenate(parts))


def unit(vectors):
    """Rows of length 1."""
    import numpy as np

    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make(sources, n: int, seed: int):
    """(n vectors, mean cosine to the nearer source); those of a smaller n are the first."""
    import numpy as np

    made, cosines = np.empty((n, sources.shape[1]), "float32"), []
    values, axes = np.linalg.eigh(np.cov(sources.T))
    spread = (values.clip(0)[:, None] ** (POWER / 2) * axes.T).astype("float32")
    for start in range(0, n, BLOCK):
        rng = np.random.default_rng((seed, start))
        picked = rng.integers(0, len(sources), (BLOCK, 2))
        share = rng.uniform(size=(BLOCK, 1)).astype("float32")
        noise = unit(rng.standard_normal((BLOCK, sources.shape[1]), "float32") @ spread)
        one, two = sources[picked[:, 0]], sources[picked[:, 1]]
        block = unit(unit(share * one + (1 - share) * two) + NOISE * noise)[:n - start]
        made[start:start + BLOCK] = block
        cosines += [np.maximum(*((block * a[:len(block)]).sum(1) for a in (one, two)))]
    return made, round(float(np.concatenate(cosines).mean()), 3)


def look(near) -> dict:
    """How far the 20 nearest of every row are: mean cosines, and the intrinsic dimension."""
    import numpy as np

    far = np.sqrt(np.maximum(2 - 2 * near, 1e-9))
    return {"1st": round(float(near[:, 0].mean()), 3), "10th": round(float(near[:, 9].mean()), 3),
            "dimension": round(float(-1 / np.log(far[:, :-1] / far[:, -1:]).mean()), 1)}


def pairs(vectors) -> dict:
    """`look` at the neighbours of a few thousand vectors among themselves."""
    import numpy as np

    near = vectors @ vectors.T
    np.fill_diagonal(near, -1)
    return {"vectors": len(vectors)} | look(-np.sort(-near, 1)[:, :LOOK])


def build(kind: str, vectors):
    """(index, seconds of the CPU)."""
    import faiss

    n, width = vectors.shape
    began = time.process_time()
    if kind == "exact":
        index = faiss.IndexFlatIP(width)
    elif kind == "HNSW":
        index = faiss.IndexHNSWFlat(width, M, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = CONSTRUCTION
    else:
        cells = faiss.IndexFlatIP(width)
        lists = round(4 * n ** 0.5)
        index = faiss.IndexIVFFlat(cells, width, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, 64
        index.train(vectors)
    index.add(vectors)
    return index, round(time.process_time() - began, 3)


def size(index) -> int:
    """Bytes of the index as a file, which is not written."""
    import faiss

    counted = []
    writer = faiss.PyCallbackIOWriter(lambda part: counted.append(len(part)), 1 << 24)
    faiss.write_index(index, writer)
    return sum(counted)


def search(index, queries):
    """(ids of the nearest of each query, median milliseconds of the CPU for one)."""
    import numpy as np

    found, spent = [], []
    for query in [queries[:1], *np.split(queries, len(queries))]:  # the first one warms up
        began = time.process_time()
        ids = index.search(query, K)[1]
        spent.append(time.process_time() - began)
        found.append(ids[0])
    return np.array(found[1:]), round(1000 * float(np.median(spent[1:])), 4)


def measure(kind: str, vectors, queries, truth) -> dict:
    """One row of the file: an index at one size, with every effort."""
    index, seconds = build(kind, vectors)
    name = {"IVF": "nprobe", "HNSW": "efSearch"}.get(kind)
    efforts = [e for e in EFFORTS[kind] if kind != "IVF" or e <= index.nlist]
    row = {"vectors": len(vectors), "index": kind, "build_seconds": seconds, "bytes": size(index),
           "setting": name, "values": efforts, "recall": [], "ms": []}  # fmt: skip
    for effort in efforts:
        if kind == "IVF":
            index.nprobe = effort
        elif kind == "HNSW":
            index.hnsw.efSearch = effort
        ids, ms = search(index, queries)
        hits = sum(len(set(a) & set(b)) for a, b in zip(ids.tolist(), truth.tolist()))
        row["recall"].append(round(hits / ids.size, 4))
        row["ms"].append(ms)
    return row


def speedup(told: dict, n: int, kind: str, least: float = 0.95) -> tuple:
    """(times faster than exact search, effort) of the fastest with this recall; (0, None)."""
    rows = {r["index"]: r for r in told["rows"] if r["vectors"] == n}
    exact, row = rows["exact"]["ms"][0], rows[kind]
    good = [(round(exact / ms, 1), value) for value, recall, ms
            in zip(row["values"], row["recall"], row["ms"]) if recall >= least]  # fmt: skip
    return max(good, default=(0, None))


def main() -> None:
    """Measure what the .part file does not hold yet, then rename it."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    import faiss

    faiss.omp_set_num_threads(1)
    sources = real()
    vectors, cosine = make(sources, SIZES[-1], 7)
    queries = make(sources, QUERIES, 8)[0]
    told = {"machine": machine(), "faiss": faiss.__version__, "dimensions": sources.shape[1],
            "queries": QUERIES, "k": K, "M": M, "efConstruction": CONSTRUCTION, "data": {
                "noise": NOISE, "power": POWER, "cosine_to_source": cosine, "real": pairs(sources),
                "made": pairs(vectors[:len(sources)])},
            "vectors": list(SIZES), "neighbours": [], "rows": []}
    print(json.dumps(told), flush=True)
    part = OUT.with_suffix(".part")
    before = json.loads(part.read_text("utf-8")) if part.exists() else {}
    same = all(before.get(k) == told[k] for k in told if k not in ("neighbours", "rows"))
    kept = {(r["vectors"], r["index"]): r for r in before["rows"]} if same else {}
    for n in SIZES:
        exact = faiss.IndexFlatIP(sources.shape[1])
        exact.add(vectors[:n])
        near, truth = exact.search(queries, LOOK)
        del exact
        told["neighbours"].append(look(near))
        for kind in EFFORTS:
            row = kept.get((n, kind)) or measure(kind, vectors[:n], queries, truth[:, :K])
            told["rows"].append(row)
            print(json.dumps(row), flush=True)
            part.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        print(n, {kind: speedup(told, n, kind) for kind in ("IVF", "HNSW")}, flush=True)
    part.replace(OUT)


if __name__ == "__main__":
    main()
