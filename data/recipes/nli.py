"""Check the data set `nli`.

    python -m data.recipes.nli            # check, print what the card states
    python -m data.recipes.nli record     # the same, and write its sha256

The rows were written one by one (data/texts/nli.md): nothing here makes a row.
"""
import re
import sys
from collections import Counter

from data.recipes import kit
from data.recipes.instructions import read
from data.recipes.similarity import FUNCTION, words
from utils import corpora

FILE = "nli.jsonl"
FIELDS = dict(id=str, premise=str, hypothesis=str, label=str, topic=str, split=str)
LABELS = ("entailment", "neutral", "contradiction")
SPLITS = {"train": 1200, "validation": 150, "test": 150}
WORDS = {"premise": (4, 26), "hypothesis": (3, 18)}
NOT = r"\b(no|not|never|none|nobody|nothing|neither|nor|without|\w+n't)\b"
GUESS = 0.5         # of the labels that the hypothesis alone may tell, at most; chance is a third


def overlap(row: dict) -> float:
    """Share of the hypothesis' content words that stand in the premise, unstemmed."""
    one, two = (set(words(row[k])) - FUNCTION for k in ("premise", "hypothesis"))
    return len(one & two) / max(1, len(two))


def bad_shape(rows) -> list[str]:
    """Other fields, ids or labels; premises without one hypothesis of each label; splits."""
    found = []
    for n, r in enumerate(rows, 1):
        if {k: type(v) for k, v in r.items()} != FIELDS:
            return [f"{r.get('id')}: fields"]
        if r["id"] != f"n{n:04}" or r["label"] not in LABELS:
            found.append(f"{r['id']}: id or label")
    groups = {}
    for r in rows:
        groups.setdefault(r["premise"], []).append((r["label"], r["split"]))
    for premise, group in groups.items():
        if sorted(label for label, _ in group) != sorted(LABELS) or len({s for _, s in group}) > 1:
            found.append(f"not one of each label in one split: {premise}")
    return found + ["splits"] * (Counter(r["split"] for r in rows) != SPLITS)


def bad_sentences(rows) -> list[str]:
    """Untidy, short, long or repeated sentences."""
    found, seen = [], Counter()
    for r in rows:
        for field, (least, most) in WORDS.items():
            text = r[field]
            tidy = text.isascii() and text == " ".join(text.split()) and text[-1] in ".!?\"'"
            if not tidy or not least <= len(text.split()) <= most:
                found.append(f"{r['id']}: form or length of {field}")
        seen[corpora.fingerprint(r["hypothesis"])] += 1
        if corpora.fingerprint(r["hypothesis"]) == corpora.fingerprint(r["premise"]):
            found.append(f"{r['id']}: the premise again")
    return found + [f"twice: {r['hypothesis']}" for r in rows
                    if seen[corpora.fingerprint(r["hypothesis"])] > 1]


def blind(rows) -> float:
    """Accuracy on test of a classifier that reads the hypothesis alone."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    part = {s: [r for r in rows if r["split"] in s] for s in (("train",), ("validation", "test"))}
    (x, y), (at, truth) = (([r["hypothesis"] for r in p], [r["label"] for r in p])
                           for p in part.values())
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=500))
    return float(model.fit(x, y).score(at, truth))


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    if found := bad_shape(rows):
        return found
    told = blind(rows)
    return bad_sentences(rows) + [f"the hypothesis alone tells {told:.2f}"] * (told > GUESS)


def measure(rows) -> dict:
    """The numbers on the card."""
    found = {"topics": len({r["topic"] for r in rows}),
             "told by the hypothesis alone": round(blind(rows), 2)}
    for label in LABELS:
        part = [r for r in rows if r["label"] == label]
        told = [r["hypothesis"].lower() for r in part]
        found[label] = dict(
            rows=len(part), words=round(sum(len(words(t)) for t in told) / len(part), 1),
            negated=round(sum(bool(re.search(NOT, t)) for t in told) / len(part), 2),
            overlap=round(sum(map(overlap, part)) / len(part), 2))
    return found


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write its sha256."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    for name, value in measure(rows).items():
        print(f"{name}: {value}")
    if record:
        kit.record(kit.TEXTS / "catalogue.toml", "nli.laptop", kit.hashes(kit.TEXTS, [FILE]))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
