"""Check the data set `entities`.

    python -m data.recipes.entities            # check, print what the card states
    python -m data.recipes.entities record     # the same, and write its sha256

The sentences were written and marked one by one (data/texts/entities.md).
"""
import sys
from collections import Counter

from data.recipes import kit
from data.recipes.instructions import read
from utils import corpora

FILE = "entities.jsonl"
FIELDS = ["id", "text", "tokens", "spans", "ambiguous", "split"]
TYPES = ("PER", "LOC", "ORG", "MISC")
SPLITS = {"train": 480, "validation": 60, "test": 60}
SHARE, UNSEEN = 0.18, (0.15, 0.45)      # of each type, at least; of test names not in train


def names(rows) -> list[tuple]:
    """(name, type) of every span."""
    return [(" ".join(r["tokens"][s["start"]:s["end"]]), s["type"]) for r in rows
            for s in r["spans"]]


def part(rows, split: str) -> list[dict]:
    """The rows of a split."""
    return [r for r in rows if r["split"] == split]


def unseen(rows) -> float:
    """Share of the spans of test whose name is no name in train."""
    known = {name for name, _ in names(part(rows, "train"))}
    test = names(part(rows, "test"))
    return sum(name not in known for name, _ in test) / len(test)


def touching(row) -> int:
    """Spans that begin where another of their type ends."""
    ends = {(s["end"], s["type"]) for s in row["spans"]}
    return sum((s["start"], s["type"]) in ends for s in row["spans"])


def bad_row(r) -> str:
    """What is wrong with one row, or nothing."""
    if list(r) != FIELDS:
        return f"{r.get('id')}: fields"
    last = 0
    for s in r["spans"]:
        if not last <= s["start"] < s["end"] <= len(r["tokens"]) or s["type"] not in TYPES:
            return f"{r['id']}: span {s}"
        last = s["end"]
    if "".join(r["tokens"]) != "".join(r["text"].split()):
        return f"{r['id']}: tokens and text differ"
    return ""


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    if found := [c for c in map(bad_row, rows) if c]:
        return found
    found = [f"{r['id']}: id" for n, r in enumerate(rows, 1) if r["id"] != f"e{n:03}"]
    seen = Counter(corpora.fingerprint(r["text"]) for r in rows)
    found += [f"twice: {r['text']}" for r in rows if seen[corpora.fingerprint(r["text"])] > 1]
    found += ["splits"] * (Counter(r["split"] for r in rows) != SPLITS)
    kinds = Counter(kind for _, kind in names(rows))
    found += [f"too few {k}" for k in TYPES if kinds[k] < SHARE * kinds.total()]
    found += ["touching"] * (sum(map(touching, rows)) < 8)
    readings = {}
    for name, kind in names(rows):
        for r in {r["ambiguous"] for r in rows if r["ambiguous"]} & {name, *name.split()}:
            readings.setdefault(r, set()).add(kind)
    found += [f"one reading only: {n}" for n, kinds in readings.items() if len(kinds) < 2]
    return found + ["unseen"] * (not UNSEEN[0] <= unseen(rows) <= UNSEEN[1])


def measure(rows) -> dict:
    """The numbers on the card."""
    lengths = sorted(len(r["tokens"]) for r in rows)
    return {
        "spans": {s: dict(Counter(kind for _, kind in names(part(rows, s)))) for s in SPLITS},
        "sentences without a span": sum(not r["spans"] for r in rows),
        "tokens: least, median, most": [lengths[0], lengths[len(rows) // 2], lengths[-1]],
        "touching spans of one type": sum(map(touching, rows)),
        "ambiguous: names, sentences": [len({r["ambiguous"] for r in rows} - {""}),
                                        sum(bool(r["ambiguous"]) for r in rows)],
        "different names": len({name for name, _ in names(rows)}),
        "share of test spans with a name not in train": round(unseen(rows), 2),
    }


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write its sha256."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    for name, value in measure(rows).items():
        print(f"{name}: {value}")
    if record:
        kit.record(kit.TEXTS / "catalogue.toml", "entities.laptop", kit.hashes(kit.TEXTS, [FILE]))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
