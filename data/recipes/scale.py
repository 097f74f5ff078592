"""How the cost of topic modelling grows: 1,000, 3,000 and 10,000 real abstracts.

    HANDSON_HUB_MIRROR=.../hub python -m data.recipes.scale     # writes data/texts/scale.json

On one thread and in seconds of the CPU, which others on the machine hardly change. Every
step is warm: UMAP and pynndescent have compiled their code before. Chapter 5 draws the file.
"""
import json
import os
import sys
import time
from pathlib import Path

SIZES = (1000, 3000, 10_000)
DATASET = "datasets/MaartenGr/arxiv_nlp/train.parquet"
WARM, LARGE = 256, 4096  # rows to warm up with; from LARGE on UMAP uses pynndescent
OUT = Path(__file__).resolve().parents[1] / "texts" / "scale.json"


def read(mirror: str) -> list[str]:
    """Titles and abstracts in random order, none twice."""
    import numpy as np
    import pandas as pd

    from utils import corpora

    rows = pd.read_parquet(Path(mirror, DATASET), columns=["Titles", "Abstracts"])
    texts = [corpora.joined(t.strip(), a.strip()) for t, a in rows.itertuples(index=False)]
    texts = list({corpora.fingerprint(t): t for t in texts}.values())
    return [texts[i] for i in np.random.default_rng(7).permutation(len(texts))]


def timed(action):
    """(seconds of the CPU, result) of one call."""
    began = time.process_time()
    result = action()
    return round(time.process_time() - began, 2), result


def reduce(vectors):
    """UMAP as in chapter 5."""
    from umap import UMAP

    return UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine",
                random_state=7, n_jobs=1).fit_transform(vectors)


def cluster(points):
    """HDBSCAN as in chapter 5."""
    from hdbscan import HDBSCAN

    return HDBSCAN(min_cluster_size=round(0.02 * len(points)), min_samples=5,
                   cluster_selection_method="leaf").fit_predict(points)


def weigh(texts, labels):
    """c-TF-IDF of the words of each cluster."""
    import numpy as np
    from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import CountVectorizer

    joined = [" ".join(np.array(texts)[labels == c]) for c in np.unique(labels)]
    counts = CountVectorizer(stop_words="english").fit_transform(joined)
    return ClassTfidfTransformer().fit_transform(counts)


def embed(texts):
    """Vectors of all texts, and the seconds for the first 1,000, 3,000, ... of them."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from utils import models

    spec = models.find("embedder", "laptop")
    encoder = SentenceTransformer(spec.path, **spec.options)
    encoder.encode(texts[:8])
    spent, parts = [], []
    for start, end in zip((0, *SIZES), SIZES):
        seconds, part = timed(lambda: encoder.encode(texts[start:end], batch_size=64))  # noqa: B023
        spent.append(round(seconds + (spent[-1] if spent else 0), 2))
        parts.append(part)
        print(f"{end}: embedded in {spent[-1]} s", flush=True)
    return np.concatenate(parts), spent


def machine() -> str:
    """The processor, where Linux names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [x.split(":")[1].strip() for x in lines if x.startswith("model name")]
    return f"one thread of {names[0] if names else 'an unnamed processor'}; all-MiniLM-L6-v2"


def main() -> None:
    """Measure every step at every size, and write the file."""
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    if not (mirror := os.environ.get("HANDSON_HUB_MIRROR")):
        sys.exit("Fix: set HANDSON_HUB_MIRROR to a folder with " + DATASET)
    texts = read(mirror)[:SIZES[-1]]
    sizes = [min(n, len(texts)) for n in SIZES]  # a few texts come twice in the file
    vectors, embedding = embed(texts)
    for n in (WARM, LARGE):
        weigh(texts[:n], cluster(reduce(vectors[:n])))
    told = {"machine": machine(), "documents": sizes, "clusters": [], "outliers": []}
    told["seconds"] = spent = {"embed": embedding, "UMAP": [], "HDBSCAN": [], "c-TF-IDF": []}
    for n in sizes:
        seconds, points = timed(lambda: reduce(vectors[:n]))  # noqa: B023
        spent["UMAP"].append(seconds)
        seconds, labels = timed(lambda: cluster(points))  # noqa: B023
        spent["HDBSCAN"].append(seconds)
        spent["c-TF-IDF"].append(timed(lambda: weigh(texts[:n], labels))[0])  # noqa: B023
        told["clusters"].append(int(labels.max()) + 1)
        told["outliers"].append(int((labels < 0).sum()))
        print(n, {name: values[-1] for name, values in spent.items()}, flush=True)
    OUT.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
