"""Check the data set `preferences`; record its sha256. The rule it follows is here.

    python -m data.recipes.preferences            # check, print what the card states
    python -m data.recipes.preferences record     # check, then write sha256 into the catalogue

    from data.recipes.preferences import polite_and_short

The pairs were written one by one (see data/texts/preferences.md) and are their own source:
nothing here makes or changes a row.
"""
import json
import re
import sys
from collections import Counter

from data.recipes import kit
from data.recipes.instructions import bad_shape, nearest, read, repeats, sentences

FILE = "preferences.jsonl"
FIELDS = ["id", "prompt", "chosen", "rejected", "kind", "split"]
KINDS = ("shop", "directions", "request", "complaint", "small talk", "fact", "advice",
         "invitation", "mistake", "service")
EACH = 50
SPLITS = {"train": 400, "test": 100}
COURTESY = ("please", "thank you", "thanks", "happy to", "glad", "pleased to", "you are welcome",
            "of course", "my pleasure", "with pleasure", "sorry", "excuse me", "kind of you")
SHORT, LONG = 2, 5  # sentences: at most in a chosen, at most in a rejected answer
FAULTS = {"curt": 170, "long": 163, "curt and long": 167}
NEAR = 0.6  # Jaccard of word 3-grams


def polite(text: str) -> bool:
    """Does a text hold one of the COURTESY phrases, as whole words?"""
    return re.search(rf"\b({'|'.join(COURTESY)})\b", text.lower()) is not None


def polite_and_short(text: str) -> bool:
    """The rule of preference: a courtesy phrase, and one or two sentences."""
    return polite(text) and 1 <= sentences(text) <= SHORT


def fault(text: str) -> str:
    """Why the rule refuses a text: "curt", "long", "curt and long"; "" if it does not."""
    long = "long" if sentences(text) > SHORT else ""
    return " and ".join(filter(None, ["" if polite(text) else "curt", long]))


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    if found := bad_shape(rows, FIELDS, SPLITS):
        return found
    found = [line for field in FIELDS[1:4] for line in repeats(rows, field)]
    for r in rows:
        if not polite_and_short(r["chosen"]):
            found.append(f"{r['id']}: chosen breaks the rule")
        if polite_and_short(r["rejected"]) or not 1 <= sentences(r["rejected"]) <= LONG:
            found.append(f"{r['id']}: rejected keeps the rule or is too long")
    found += ["kinds"] * (Counter(r["kind"] for r in rows) != dict.fromkeys(KINDS, EACH))
    found += ["faults"] * (Counter(fault(r["rejected"]) for r in rows) != FAULTS)
    for near in (nearest({r["id"]: f"{r['prompt']} {r[k]}" for r in rows}) for k in FIELDS[2:4]):
        found += [f"nearly the same: {near}"] * (near[0] > NEAR)
    return found


def guesses(rows) -> dict:
    """How often simpler rules find the chosen answer; a tie counts one half."""
    scores = {
        "the shorter one (words)": lambda t: -len(t.split()),
        "fewer sentences": lambda t: -sentences(t),
        "a courtesy phrase": polite,
        "longer sentences": lambda t: len(t.split()) / sentences(t),
        "the rule": polite_and_short,
    }
    right = {}
    for name, score in scores.items():
        pairs = [(score(r["chosen"]), score(r["rejected"])) for r in rows]
        right[name] = round(sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs), 3)
    return right


def measure(rows) -> dict:
    """The numbers on the card."""
    words = {k: sorted(len(r[k].split()) for r in rows) for k in FIELDS[1:4]}
    phrases = Counter(phrase for r in rows for phrase in COURTESY
                      if re.search(rf"\b{phrase}\b", r["chosen"].lower()))
    return {
        "pairs": len(rows), "splits": dict(Counter(r["split"] for r in rows)),
        "faults": {s: dict(Counter(fault(r["rejected"]) for r in rows if r["split"] == s))
                   for s in SPLITS},
        "words": {k: [w[0], w[len(w) // 2], w[-1]] for k, w in words.items()},
        "chosen with two sentences": sum(sentences(r["chosen"]) == 2 for r in rows),
        "courtesy phrases in chosen": dict(phrases.most_common()),
        "nearest chosen": nearest({r["id"]: f"{r['prompt']} {r['chosen']}" for r in rows}),
        "nearest prompts": nearest({r["id"]: r["prompt"] for r in rows}),
        "chosen found by": guesses(rows),
    }


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write the hash."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    print(json.dumps(measure(rows), indent=1))
    if record:
        digest = kit.hashes(kit.TEXTS, [FILE])
        kit.record(kit.TEXTS / "catalogue.toml", "preferences.laptop", digest)


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
