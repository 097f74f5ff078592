"""Check the data set `instructions`.

    python -m data.recipes.instructions            # check, print what the card states
    python -m data.recipes.instructions record     # the same, and write its sha256

The rows were written one by one (data/texts/instructions.md): nothing here makes a row.
"""
import json
import re
import sys
from collections import Counter
from itertools import combinations

from data.recipes import kit
from utils import corpora

FILE = "instructions.jsonl"
FIELDS = ["id", "instruction", "answer", "kind", "split"]
KINDS = ("story", "describe", "three words", "used for", "finish", "opposite", "request", "thanks",
         "advice", "fact", "next", "name two", "two steps", "rhyme", "question", "greet")
EACH = 50
SPLITS = {"train": 640, "validation": 60, "test": 100}
WORDS = (5, 40)
NEAR = 0.6  # Jaccard of word 3-grams
FORMS = {  # what a rule can see of an answer's form; the other kinds have no such rule
    "three words": r"\w+, \w+ and \w+\b", "opposite": r"opposite of .+ is ", "request": r"please",
    "thanks": r"thank you", "name two": r"\w and \w", "two steps": r"^first .+\. then ",
}


def read(file: str) -> list[dict]:
    """Rows of a file in data/texts, whatever the catalogue says of it."""
    return [json.loads(line) for line in (kit.TEXTS / file).read_text("utf-8").splitlines()]


def sentences(text: str) -> int:
    """How many sentences end in a text: runs of . ! ? before a space or the end."""
    return len(re.findall(r"[.!?]+[\"']?(?=\s|$)", text))


def in_form(kind: str, answer: str) -> bool:
    """Has an answer the form its kind asks for, as far as a rule can see it?"""
    if kind == "story":
        return sentences(answer) == 2
    return re.search(FORMS.get(kind, ""), answer.lower()) is not None


def nearest(texts: dict) -> tuple[float, str, str]:
    """The two most alike texts by word 3-grams: (Jaccard, key, key)."""
    grams = {}
    for key, text in texts.items():
        words = re.findall(r"[a-z0-9']+", text.lower())
        grams[key] = set(zip(words, words[1:], words[2:])) or set(words)
    return max((len(grams[a] & grams[b]) / len(grams[a] | grams[b]), a, b)
               for a, b in combinations(grams, 2))


def bad_shape(rows, fields, splits) -> list[str]:
    """Rows with other fields, empty or untidy texts, ids that come twice, wrong splits."""
    found = [f"{r.get('id')}: fields" for r in rows if list(r) != fields]
    if found:
        return found
    found += [f"{r['id']}: {k} is not one tidy line" for r in rows for k, v in r.items()
              if not isinstance(v, str) or v != " ".join(v.split()) or not v]
    found += [f"{i}: id twice" for i, n in Counter(r["id"] for r in rows).items() if n > 1]
    return found + ["splits"] * (Counter(r["split"] for r in rows) != splits)


def repeats(rows, field: str) -> list[str]:
    """Texts of a column that come more than once, be it in other case or punctuation."""
    seen = Counter(corpora.fingerprint(r[field]) for r in rows)
    return [f"{r['id']}: {field} twice" for r in rows if seen[corpora.fingerprint(r[field])] > 1]


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    if found := bad_shape(rows, FIELDS, SPLITS):
        return found
    found = repeats(rows, "instruction") + repeats(rows, "answer")
    for r in rows:
        if not WORDS[0] <= len(r["answer"].split()) <= WORDS[1]:
            found.append(f"{r['id']}: length")
        if not in_form(r["kind"], r["answer"]):
            found.append(f"{r['id']}: form")
        if not re.search(r"[.!?]$", r["answer"]):
            found.append(f"{r['id']}: answer is not complete")
    found += ["kinds"] * (Counter(r["kind"] for r in rows) != dict.fromkeys(KINDS, EACH))
    near = nearest({r["id"]: f"{r['instruction']} {r['answer']}" for r in rows})
    return found + [f"nearly the same: {near}"] * (near[0] > NEAR)


def measure(rows) -> dict:
    """The numbers on the card."""
    words = sorted(len(r["answer"].split()) for r in rows)
    first = Counter(" ".join(r["instruction"].lower().split()[:3]) for r in rows)
    seen = {w for r in rows for w in re.findall(r"[a-z']+", r["answer"].lower())}
    return {
        "rows": len(rows), "splits": dict(Counter(r["split"] for r in rows)),
        "words in an answer": [words[0], words[len(words) // 2], words[-1]],
        "different words in the answers": len(seen),
        "different first three words of instructions": len(first),
        "the commonest of them": first.most_common(1)[0],
        "nearest rows": nearest({r["id"]: f"{r['instruction']} {r['answer']}" for r in rows}),
        "nearest instructions": nearest({r["id"]: r["instruction"] for r in rows}),
    }


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write the hash."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    print(json.dumps(measure(rows), indent=1))
    if record:
        digest = kit.hashes(kit.TEXTS, [FILE])
        kit.record(kit.TEXTS / "catalogue.toml", "instructions.laptop", digest)


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
