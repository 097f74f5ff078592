"""Assemble and check the data set `reviews`.

    python -m data.recipes.reviews DRAFTS      # a folder of *.jsonl with text, label, hard, genre
    python -m data.recipes.reviews             # only measure what is shipped

The texts are written one by one (see data/texts/reviews.md), so what a program does here
is the rest: drop near-duplicates, choose 1,200, and split so that related texts (drafts
on one idea, once praised and once panned) never fall on both sides.
"""
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from data.recipes import kit
from utils import corpora, models

FILE = kit.TEXTS / "reviews.jsonl"
LABELS = {"positive": 560, "negative": 560, "neutral": 80}
HARD = {"positive": 186, "negative": 186, "neutral": 28}
SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}
KINDS = ("plain", "open", "batch")  # names of the draft files begin so
SAME, RELATED = 0.92, 0.60  # cosine of the embedder


def embed(texts):
    """Unit vectors of texts, shape (n, 384), by the laptop profile's embedder."""
    from sentence_transformers import SentenceTransformer

    spec = models.find("embedder", "laptop")
    model = SentenceTransformer(spec.path, **spec.options)
    return model.encode(texts, batch_size=64, normalize_embeddings=True), spec


def drafts(folder: Path) -> list[dict]:
    """All drafts, in a fixed order, exact repeats dropped."""
    rows, seen = [], set()
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            key = corpora.fingerprint(row["text"])
            if key not in seen and 8 <= len(row["text"].split()) <= 40:
                seen.add(key)
                rows.append({**row, "batch": file.stem})
    return rows


def related(vectors, limit: float) -> list[int]:
    """Group number of each text: texts with a cosine above `limit` share a group."""
    group = list(range(len(vectors)))

    def root(i):
        while group[i] != i:
            i = group[i]
        return i

    for i, j in zip(*np.where(np.triu(vectors @ vectors.T, 1) > limit)):
        group[root(int(j))] = root(int(i))
    return [root(i) for i in range(len(vectors))]


def choose(rows, vectors, rng):
    """Positions of the 1,200: quotas for label and hardness, no near-duplicates.

    Plain-spoken drafts come first, then openly worded ones, then the oblique: a set of
    riddles alone (the first drafts) left logistic regression at 63 %.
    """
    rank = [next(i for i, k in enumerate(KINDS) if r["batch"].startswith(k)) for r in rows]
    order = sorted(range(len(rows)), key=lambda i: (rank[i], rng.random()))
    room = {(k, h): HARD[k] if h else LABELS[k] - HARD[k] for k in LABELS for h in (True, False)}
    kept = []
    for i in order:
        cell = (rows[i]["label"], rows[i]["hard"])
        alone = not kept or (vectors[kept] @ vectors[i]).max() <= SAME
        if room[cell] and alone:
            room[cell] -= 1
            kept.append(i)
    assert not any(room.values()), f"too few drafts: {room}"
    return sorted(kept)


def split(rows, groups, rng) -> list[str]:
    """A split for each row: whole groups, shares kept within label and hardness."""
    left = {}
    for cell, n in Counter((r["label"], r["hard"]) for r in rows).items():
        left[cell] = {s: round(n * share) for s, share in SHARES.items()}
        left[cell]["train"] += n - sum(left[cell].values())
    members = {}
    for i, g in enumerate(groups):
        members.setdefault(g, []).append(i)
    where = [""] * len(rows)
    for g in sorted(members, key=lambda g: (-len(members[g]), rng.random())):
        cells = [left[rows[i]["label"], rows[i]["hard"]] for i in members[g]]
        fits = [s for s in SHARES if all(c[s] > 0 for c in cells)] or ["train"]
        best = rng.choices(fits, [sum(c[s] for c in cells) for s in fits])[0]
        for i, c in zip(members[g], cells):
            where[i], c[best] = best, c[best] - 1
    return where


def measure(rows, vectors) -> dict:
    """What the card states: counts, lengths, openings, nearest pair, baseline accuracy."""
    from sklearn.linear_model import LogisticRegression

    two = np.array([r["label"] != "neutral" for r in rows])
    y, part = np.array([r["label"] for r in rows]), np.array([r["split"] for r in rows])
    hard = np.array([r["hard"] for r in rows])
    train, test = two & (part == "train"), two & (part == "test")
    fit = LogisticRegression(max_iter=1000).fit(vectors[train], y[train])
    right = fit.predict(vectors[test]) == y[test]
    words = sorted(len(r["text"].split()) for r in rows)
    near = vectors @ vectors.T - np.eye(len(rows))
    first = Counter(re.sub(r"\W", "", r["text"].split()[0]).lower() for r in rows)
    return {
        "rows": len(rows), "labels": dict(Counter(y.tolist())), "hard": int(hard.sum()),
        "splits": dict(Counter(part.tolist())),
        "words": [words[0], words[len(words) // 2], words[-1]],
        "different first words": len(first), "commonest first word": first.most_common(1)[0],
        "nearest pair, cosine": round(float(near.max()), 3),
        "logistic regression, accuracy": round(float(right.mean()), 3),
        "on easy": round(float(right[~hard[test]].mean()), 3),
        "on hard": round(float(right[hard[test]].mean()), 3),
    }


def main(folder: str | None) -> None:
    """Assemble from drafts if a folder is given; always print the measurements."""
    if folder:
        rng = random.Random(7)
        rows = drafts(Path(folder))
        vectors, spec = embed([r["text"] for r in rows])
        kept = choose(rows, vectors, rng)
        rows, vectors = [rows[i] for i in kept], vectors[kept]
        parts = split(rows, related(vectors, RELATED), rng)
        order = rng.sample(range(len(rows)), len(rows))
        keep = ("text", "label", "hard", "genre")
        rows = [{**{k: rows[i][k] for k in keep}, "split": parts[i]} for i in order]
        tmp = FILE.with_suffix(".tmp")
        tmp.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
        tmp.replace(FILE)
        ship_vectors(rows, vectors[order], spec)
    rows = corpora.rows("reviews")
    vectors, spec = embed([r["text"] for r in rows])
    print(json.dumps(measure(rows, vectors), indent=1))


def ship_vectors(rows, vectors, spec) -> None:
    """Write the float16 vectors that the notebooks read in place of encoding again."""
    part = np.array([r["split"] for r in rows])
    texts = {s: {"text": [r["text"] for r in rows if r["split"] == s]} for s in SHARES}
    file = kit.TEXTS / corpora.entry("reviews", "laptop")["vectors"]
    arrays = {s: vectors[part == s] for s in SHARES}
    corpora.write_vectors(file, arrays, corpora.text_key(texts, spec.digest))
    files = kit.hashes(kit.TEXTS, [FILE.name, file.name])
    kit.record(kit.TEXTS / "catalogue.toml", "reviews.laptop", files)
    corpora.catalogue.cache_clear()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
