"""Check the data sets `passages` and `questions`; record their sha256.

    python -m data.recipes.passages            # check, print the counts
    python -m data.recipes.passages record     # check, then write sha256 into the catalogue

Both files were written by hand (see data/texts/passages.md) and are their own source:
nothing here makes or changes a row.
"""
import json
import re
import sys
from collections import Counter
from itertools import combinations

from data.recipes import kit

FILES = ("passages.jsonl", "questions.jsonl")
FIELDS = {
    "passages": {"id": str, "document": str, "title": str, "paragraph": int, "source": str,
                 "subject": str, "text": str},
    "questions": {"id": str, "question": str, "type": str, "jargon": bool, "gold": object,
                  "grades": dict, "split": str},
}
TYPES = {"paraphrase": 60, "code": 15, "unanswerable": 20, "double": 15, "two-hop": 15,
         "second source": 25}               # of tune and test; and of validation:
LATER = {"paraphrase": 32, "code": 9, "unanswerable": 18, "double": 9, "two-hop": 8,
         "second source": 14}
SOURCES = {"archive": 324, "shop": 40}
FILM, SHOP, PARAGRAPHS, GOODS, OTHERS = "salt-meridian", "price list", 20, 40, 8
SUBJECTS, JARGON, TUNE, NEAR = 40, 45, 0.6, 0.5
WORDS = {"archive": (34, 80), "shop": (18, 45)}
CODE = re.compile(r"\b[A-Z]{2}-\d{3}\b")


def read(name: str) -> list[dict]:
    """Rows of a file in data/texts, whatever the catalogue says of it."""
    lines = (kit.TEXTS / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def gold(question: dict) -> list[str]:
    """The answers of a question as a list: two for a double one, none if unanswerable."""
    answer = question["gold"]
    return answer if isinstance(answer, list) else [] if answer is None else [answer]


def best(question: dict) -> list[str]:
    """Ids of the passages with grade 3."""
    return [p for p, grade in question["grades"].items() if grade == 3]


def repeats(values) -> list:
    """Values that come more than once."""
    return [v for v, n in Counter(values).items() if n > 1]


def near(texts: dict, limit: float = NEAR) -> list[tuple]:
    """Pairs of ids whose texts share many runs of three words: Jaccard >= limit."""
    grams = {}
    for key, text in texts.items():
        words = re.findall(r"[a-z0-9]+", text.lower())
        grams[key] = set(zip(words, words[1:], words[2:]))
    return [(a, b) for a, b in combinations(grams, 2)
            if len(grams[a] & grams[b]) >= limit * max(1, len(grams[a] | grams[b]))]


def bad_shape(name: str, rows) -> list[str]:
    """Rows with other fields or types than FIELDS; ids or texts that come twice."""
    want = FIELDS[name]
    found = [f"{r.get('id')}: fields" for r in rows if list(r) != list(want)
             or not all(isinstance(r[k], kind) for k, kind in want.items())]
    text = "text" if name == "passages" else "question"
    found += [f"{key}: id twice" for key in repeats(r["id"] for r in rows)]
    found += [f"{a}, {b}: nearly the same" for a, b in near({r["id"]: r[text] for r in rows})]
    return found + [f"{r['id']}: not one plain line" for r in rows
                    if r[text] != r[text].strip() or len(r[text].splitlines()) != 1]


def bad_passages(rows) -> list[str]:
    """What breaks the rules of the passages: ids, order, subjects, lengths, codes."""
    found, last = [], {}
    for r in rows:
        low, high = WORDS[r["source"]]
        if not low <= len(r["text"].split()) <= high:
            found.append(f"{r['id']}: length")
        if r["paragraph"] != last.get(r["document"], 0) + 1:
            found.append(f"{r['id']}: paragraphs out of order")
        last[r["document"]] = r["paragraph"]
        if r["id"] != f"{r['document']}-{r['paragraph']:02d}":
            found.append(f"{r['id']}: id is not document-paragraph")
        if len(CODE.findall(r["text"])) != (r["source"] == "shop"):
            found.append(f"{r['id']}: number of product codes")
    codes = [c for r in rows for c in CODE.findall(r["text"])]
    found += [f"{c}: code twice" for c in repeats(codes)]
    size = Counter(r["subject"] for r in rows)
    film = next((r["subject"] for r in rows if r["document"] == FILM), None)
    want = {s: OTHERS for s in size} | {film: PARAGRAPHS, SHOP: GOODS}
    found += [f"{s}: {size[s]} passages" for s in want if size[s] != want[s]]
    found += [f"{len(size)} subjects"] * (len(size) != SUBJECTS)
    return found + ["sources"] * (Counter(r["source"] for r in rows) != SOURCES)


def bad_question(q: dict, texts: dict, source: dict) -> list[str]:
    """What is wrong with one question: answers, grades, the rules of its type."""
    if set(q["grades"]) - set(texts) or set(q["grades"].values()) - {1, 2, 3}:
        return [f"{q['id']}: grades"]
    found, top = [], [texts[p].lower() for p in best(q)]
    where = {source[p] for p in best(q)}
    wanted = {"double": 2, "unanswerable": 0}.get(q["type"], 1)
    if len(gold(q)) != wanted or isinstance(q["gold"], list) != (q["type"] == "double"):
        found.append("number of answers")
    if bool(top) != bool(gold(q)) or q["type"] == "double" and len(top) != 2:
        found.append("number of passages with grade 3")
    if any(answer.lower() not in text for answer, text in zip(gold(q), top)):
        found.append("answer not in the passage")  # of a double question: each in its own
    if any(re.fullmatch(r"[\d.]+", answer) for answer in gold(q)[:1] if wanted == 1):
        found.append("a bare number")  # datasets' Json type turns "640" into 640
    if q["type"] == "two-hop" and 2 not in q["grades"].values():
        found.append("no first hop")
    if q["type"] != "unanswerable" and where != {
            "shop" if q["type"] in ("code", "second source") else "archive"}:
        found.append("other source")
    codes = CODE.findall(q["question"])
    if (q["type"] == "code") != (len(codes) == 1) or any(c not in texts[best(q)[0]] for c in codes):
        found.append("product code")
    return [f"{q['id']}: {what}" for what in found]


def bad_splits(questions) -> list[str]:
    """Types, jargon and splits whose numbers are not as planned."""
    found = ["types"] * (Counter(q["type"] for q in questions) != Counter(TYPES) + Counter(LATER))
    found += ["jargon"] * (sum(q["jargon"] for q in questions) != JARGON)
    for kind, n in TYPES.items():
        parts = Counter(q["split"] for q in questions if q["type"] == kind)
        if parts != {"tune": round(n * TUNE), "test": n - round(n * TUNE),
                     "validation": LATER[kind]}:
            found.append(f"splits of {kind}")
    return found


def check(passages, questions) -> list[str]:
    """All complaints about the two files; empty if they keep every rule."""
    found = bad_shape("passages", passages) + bad_shape("questions", questions)
    if found:
        return found
    texts = {p["id"]: p["text"] for p in passages}
    source = {p["id"]: p["source"] for p in passages}
    found = bad_passages(passages) + bad_splits(questions)
    return found + [line for q in questions for line in bad_question(q, texts, source)]


def measure(passages, questions) -> dict:
    """The counts on the cards."""
    words = sorted(len(p["text"].split()) for p in passages if p["source"] == "archive")
    return {
        "passages": len(passages), "sources": dict(Counter(p["source"] for p in passages)),
        "documents": len({p["document"] for p in passages}),
        "subjects": len({p["subject"] for p in passages}),
        "words, archive": [words[0], words[len(words) // 2], words[-1]],
        "questions": len(questions), "types": dict(Counter(q["type"] for q in questions)),
        "jargon": sum(q["jargon"] for q in questions),
        "jargon in test": sum(q["jargon"] for q in questions if q["split"] == "test"),
        "splits": dict(Counter(q["split"] for q in questions)),
        "grades": dict(sorted(Counter(g for q in questions for g in q["grades"].values()).items())),
    }


def main(record: bool) -> None:
    """Check both files, print the counts; with `record`, write the hashes."""
    passages, questions = map(read, FILES)
    complaints = check(passages, questions)
    if complaints:
        sys.exit("\n".join(complaints))
    print(json.dumps(measure(passages, questions), indent=1))
    for file in FILES if record else ():
        table = f"{file.removesuffix('.jsonl')}.laptop"
        kit.record(kit.TEXTS / "catalogue.toml", table, kit.hashes(kit.TEXTS, [file]))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
