"""Check and measure the data set `abstracts`; ship its vectors.

    python -m data.recipes.abstracts            # check, print what the card states
    python -m data.recipes.abstracts record     # the same, write vectors and sha256

The texts were written one by one (data/texts/abstracts.md): nothing here makes a row.
"""
import json
import re
import sys
from collections import Counter

import numpy as np

from data.recipes import kit
from data.recipes.passages import read, repeats
from utils import corpora, models

FILE, FOREIGN = "abstracts.jsonl", "foreign"
KINDS = dict(id=str, title=str, abstract=str, year=int, field=str)
FIELDS = {
    "machine translation": 100, "question answering": 85, "sentiment and opinion analysis": 80,
    "information retrieval": 70, "summarisation": 70, "dialogue systems": 70,
    "speech recognition": 65, "information extraction": 65,
    "pre-training and scaling of language models": 65, "parsing and syntax": 60,
    "low-resource and multilingual language technology": 50, "bias and toxicity": 50,
    "biomedical and clinical text": 45, "vision and language": 45,
    "writing assistance and language learning": 40, "interpretability": 40, FOREIGN: 30}
WORDS = {"title": (4, 14), "abstract": (60, 120)}
YEARS = (2009, 2025)
RUN = 8  # words in a row that two rows may not share
SAME = 0.92  # cosine of the embedder
OPENING = 6  # rows that may begin with the same two words
SEEDS = range(5)


def words(text: str) -> list[str]:
    """Words of a text in lower case."""
    return re.findall(r"\w+(?:['.]\w+)*", text.lower())


def grams(text: str, size: int) -> set:
    """All runs of so many words in a text."""
    every = words(text)
    return set(zip(*(every[i:] for i in range(size))))


def text_of(row: dict) -> str:
    """What is embedded: title and abstract as one text."""
    return corpora.joined(row["title"], row["abstract"])


def shared(rows, size: int) -> list:
    """Runs of so many words that stand in more than one row."""
    return repeats(run for r in rows for run in grams(text_of(r), size))


def side_by_side(rows) -> float:
    """Share of neighbouring rows of one field; by chance, the sum of squared shares."""
    return float(np.mean([a["field"] == b["field"] for a, b in zip(rows, rows[1:])]))


def chance(rows) -> float:
    """Probability that two random rows are of one field."""
    return sum((n / len(rows)) ** 2 for n in Counter(r["field"] for r in rows).values())


def bad_rows(rows) -> list[str]:
    """Rows with other keys, types or ids; untidy, short or long texts; years out of range."""
    found = []
    for n, r in enumerate(rows, 1):
        if {k: type(v) for k, v in r.items()} != KINDS or r["id"] != f"a{n:04d}":
            return [f"{r.get('id')}: keys, types or id"]
        for k, (least, most) in WORDS.items():
            if r[k] != " ".join(r[k].split()) or not least <= len(r[k].split()) <= most:
                found.append(f"{r['id']}: form or length of {k}")
        if not YEARS[0] <= r["year"] <= YEARS[1]:
            found.append(f"{r['id']}: year")
    return found


def check(rows) -> list[str]:
    """All complaints about the rows that need no model; empty if they keep every rule."""
    if found := bad_rows(rows):
        return found
    found += ["fields"] * (Counter(r["field"] for r in rows) != FIELDS)
    found += [f"title twice: {t}" for t in repeats(r["title"].lower() for r in rows)]
    found += [f"shared: {' '.join(run)}" for run in shared(rows, RUN)]
    begin = Counter(" ".join(words(r["abstract"])[:2]) for r in rows)
    found += [f"{n} begin with: {two}" for two, n in begin.items() if n > OPENING]
    return found + ["the order shows the field"] * (side_by_side(rows) > chance(rows) + 0.02)


def nearest(rows, vectors, count: int = 5) -> list[tuple]:
    """The pairs of rows most alike: cosine and both titles."""
    near = np.triu(vectors @ vectors.T, 1)
    best = np.argsort(-near, axis=None)[:count]
    return [(round(float(near[i, j]), 3), rows[i]["title"], rows[j]["title"])
            for i, j in zip(*np.unravel_index(best, near.shape))]


def neighbours(rows, vectors, k: int = 5) -> dict:
    """For each field, the share of the k nearest rows that are of the field, too."""
    field = np.array([r["field"] for r in rows])
    near = vectors @ vectors.T - 2 * np.eye(len(rows), dtype="float32")
    top = np.argsort(-near, axis=1)[:, :k]
    same = (field[top] == field[:, None]).mean(1)
    return {"all": round(float(same.mean()), 3), "by chance": round(chance(rows), 3),
            **{f: round(float(same[field == f].mean()), 2) for f in FIELDS}}


def rand(rows, points) -> list[float]:
    """Adjusted Rand index of k-means, k = 16, with the field: mean, least, most of 5 seeds."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    field = [r["field"] for r in rows]
    found = [adjusted_rand_score(field, KMeans(len(FIELDS) - 1, n_init=5, random_state=seed)
                                 .fit_predict(points)) for seed in SEEDS]
    return [round(float(x), 3) for x in (np.mean(found), min(found), max(found))]


def clusters(rows, vectors) -> dict:
    """Agreement of k-means with the field on vectors and on TF-IDF, foreign texts left out."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    own = np.array([r["field"] != FOREIGN for r in rows])
    rows = [r for r in rows if r["field"] != FOREIGN]
    counts = TfidfVectorizer(stop_words="english", min_df=2, sublinear_tf=True)
    counts = counts.fit_transform(map(text_of, rows))
    small = normalize(TruncatedSVD(100, random_state=0).fit_transform(counts))
    mixed = np.random.default_rng(0).permutation(vectors[own])
    return {"vectors": rand(rows, vectors[own]), "TF-IDF": rand(rows, counts),
            "TF-IDF, 100 components": rand(rows, small), "shuffled vectors": rand(rows, mixed)}


def measure(rows) -> dict:
    """The numbers on the card that need no model."""
    size = {k: sorted(len(r[k].split()) for r in rows) for k in WORDS}
    four = Counter(run for r in rows for run in grams(r["abstract"], 4))
    begin = [Counter(" ".join(words(r["abstract"])[:n]) for r in rows) for n in (1, 2)]
    return {
        "years": dict(sorted(Counter(r["year"] for r in rows).items())),
        "words": {k: [v[0], v[len(v) // 2], v[-1], sum(v)] for k, v in size.items()},
        "different words": len({w for r in rows for w in words(text_of(r))}),
        "runs shared": {n: len(shared(rows, n)) for n in (5, 6, 7, 8)},
        "commonest runs of 4": [(" ".join(run), n) for run, n in four.most_common(6)],
        "openings": [len(begin[0])] + [b.most_common(4) for b in begin],
        "titles with : and ?": [sum(c in r["title"] for r in rows) for c in ":?"],
        "neighbours in the file of one field, by chance": [
            round(side_by_side(rows), 3), round(chance(rows), 3)],
    }


def shipped(rows, record: bool):
    """Vectors of the rows: the stored ones if they are of these texts, else computed."""
    spec = models.find("embedder", "laptop")
    texts = [text_of(r) for r in rows]
    key = corpora.text_key({"all": {"text": texts}}, spec.digest)
    file = kit.TEXTS / corpora.entry("abstracts", "laptop")["vectors"]
    found = corpora.read_vectors(file, key)
    if found is None:
        from data.recipes.reviews import embed

        found = {"all": embed(texts)[0]}
        if record:
            corpora.write_vectors(file, found, key)
    return found["all"], file


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write vectors and sha256."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    vectors, file = shipped(rows, record)
    pairs = nearest(rows, vectors)
    if pairs[0][0] >= SAME:
        sys.exit(f"too alike: {pairs}")
    if record:
        files = kit.hashes(kit.TEXTS, [FILE, file.name])
        kit.record(kit.TEXTS / "catalogue.toml", "abstracts.laptop", files)
    print(json.dumps(measure(rows) | {"nearest pairs": pairs}, indent=1, ensure_ascii=False))
    print("5 nearest of the same field:", neighbours(rows, vectors))
    print("adjusted Rand, k-means:", clusters(rows, vectors))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
