"""Check the data set `similarity`.

    python -m data.recipes.similarity            # check, print what the card states
    python -m data.recipes.similarity record     # the same, and write its sha256

The pairs were written one by one (data/texts/similarity.md): nothing here makes a row.
"""
import re
import sys
from collections import Counter

from scipy.stats import spearmanr

from data.recipes import kit
from data.recipes.instructions import read
from utils import corpora

FILE = "similarity.jsonl"
FIELDS = dict(id=str, sentence1=str, sentence2=str, score=float, kind=str, split=str)
KINDS = ("paraphrase", "negation", "roles", "number", "detail", "topic", "unrelated")
SPLITS = {"train": 600, "validation": 150, "test": 250}
WORDS = (4, 25)
BIN = (150, 180)  # pairs whose score rounds to 0, 1, ... 5
EVEN = 0.05  # of a split: how far its share of a bin or kind may be from the share in all
RUN = 6  # words in a row that two pairs may not share
OVERLAP = (0.3, 0.6)  # Spearman of word overlap with the score
FUNCTION = set("""
    a about all am an and any are as at be been being but by can cannot could did do does each
    every for from had has have he her him his how i if in into is it its just may me might must
    my no nobody none nor not nothing of off on or our out over shall she should so some than
    that the their them then there these they this those to too up us very was we were what when
    where which while who whom whose why will with would you your""".split())


def words(text: str) -> list[str]:
    """Words of a text in lower case."""
    return re.findall(r"[a-z0-9]+(?:['.][a-z0-9]+)*", text.lower())


def overlap(row: dict) -> float:
    """Jaccard of the two sentences' content words: all but the FUNCTION words, unstemmed."""
    one, two = (set(words(row[k])) - FUNCTION for k in ("sentence1", "sentence2"))
    return len(one & two) / max(1, len(one | two))


def bin_of(row: dict) -> int:
    """The whole number nearest to the score."""
    return int(row["score"] + 0.5)


def sentences(rows) -> dict:
    """All sentences: (id, field) -> text."""
    return {(r["id"], k): r[k] for r in rows for k in ("sentence1", "sentence2")}


def runs(rows, size: int) -> dict:
    """Runs of so many words that stand in more than one pair: run -> ids."""
    seen = {}
    for (key, _), text in sentences(rows).items():
        for run in zip(*(words(text)[i:] for i in range(size))):
            seen.setdefault(" ".join(run), set()).add(key)
    return {run: sorted(ids) for run, ids in seen.items() if len(ids) > 1}


def bad_shape(rows) -> list[str]:
    """Rows with other fields or types, wrong ids, kinds, scores or splits."""
    found = []
    for n, r in enumerate(rows, 1):
        if {k: type(v) for k, v in r.items()} != FIELDS:
            return [f"{r.get('id')}: fields"]
        step = 0 <= r["score"] <= 5 and round(r["score"] * 5) / 5 == r["score"]
        if not step or r["id"] != f"p{n:04}" or r["kind"] not in KINDS:
            found.append(f"{r['id']}: score, id or kind")
    return found + ["splits"] * (Counter(r["split"] for r in rows) != SPLITS)


def bad_sentences(rows) -> list[str]:
    """Untidy, short, long or repeated sentences; pairs that are nearly the same."""
    found, texts = [], sentences(rows)
    for (key, field), text in texts.items():
        tidy = text.isascii() and text == " ".join(text.split()) and text[-1] in ".!?"
        if not tidy or not WORDS[0] <= len(text.split()) <= WORDS[1]:
            found.append(f"{key}: form or length of {field}")
    seen = Counter(corpora.fingerprint(t) for t in texts.values())
    found += [f"twice: {t}" for t in texts.values() if seen[corpora.fingerprint(t)] > 1]
    return found + [f"{ids} share: {run}" for run, ids in runs(rows, RUN).items()]


def rank(rows) -> float:
    """Spearman of the word overlap with the score."""
    return float(spearmanr([overlap(r) for r in rows], [r["score"] for r in rows])[0])


def uneven(rows, what) -> list[str]:
    """Values of what(row) whose share in a split is not that in all rows."""
    every, part = Counter(map(what, rows)), Counter((r["split"], what(r)) for r in rows)
    return [f"{s}: share of {v}" for s, size in SPLITS.items() for v, n in every.items()
            if abs(part[s, v] / size - n / len(rows)) > EVEN]


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    if found := bad_shape(rows):
        return found
    found = bad_sentences(rows) + uneven(rows, bin_of) + uneven(rows, lambda r: r["kind"])
    bins = Counter(map(bin_of, rows))
    found += [f"bin {b}: {bins[b]}" for b in range(6) if not BIN[0] <= bins[b] <= BIN[1]]
    return found + ["overlap"] * (not OVERLAP[0] <= rank(rows) <= OVERLAP[1])


def spread(rows, of, values) -> dict:
    """How many rows have each value of a row: in all and in each split; their mean overlap."""
    found = {}
    for value in values:
        part = [r for r in rows if of(r) == value]
        counts = [sum(r["split"] == s for r in part) for s in SPLITS]
        found[value] = *counts, round(sum(map(overlap, part)) / len(part), 2)
    return found


def measure(rows) -> dict:
    """The numbers on the card."""
    lengths = sorted(len(t.split()) for t in sentences(rows).values())
    parts = {"all": rows, **{s: [r for r in rows if r["split"] == s] for s in SPLITS}}
    return {
        "words in a sentence": [lengths[0], lengths[len(rows)], lengths[-1]],
        "different words": len({w for t in sentences(rows).values() for w in words(t)}),
        "bins": spread(rows, bin_of, range(6)),
        "kinds": spread(rows, lambda r: r["kind"], KINDS),
        "Spearman of overlap": {s: round(rank(p), 2) for s, p in parts.items()},
        "score < 2.5, overlap >= 0.5": sum(overlap(r) >= 0.5 and r["score"] < 2.5 for r in rows),
        "score > 4.5, overlap <= 0.1": sum(overlap(r) <= 0.1 and r["score"] > 4.5 for r in rows),
        "runs of 6, of 5 words in two pairs": [len(runs(rows, 6)), len(runs(rows, 5))],
    }


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write its sha256."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    for name, value in measure(rows).items():
        print(f"{name}: {value}")
    if record:
        hashes = kit.hashes(kit.TEXTS, [FILE])
        kit.record(kit.TEXTS / "catalogue.toml", "similarity.laptop", hashes)


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
