"""Check the data set `benchmarks`.

    python -m data.recipes.benchmarks            # check, print what the card states
    python -m data.recipes.benchmarks record     # the same, and write its sha256

The rows were written one by one (data/texts/benchmarks.md): nothing here makes a row.
"""

import re
import sys
from collections import Counter
from itertools import combinations

from data.recipes import kit
from data.recipes.instructions import read
from data.recipes.nli import NOT
from data.recipes.similarity import FUNCTION, words
from utils import corpora

FILE = "benchmarks.jsonl"
FIELDS = dict(
    id=str, task=str, subject=str, question=str, choices=list, answer=int, number=str, steps=int
)
TASKS = dict(m="mmlu", t="truthfulqa", g="gsm8k", h="hellaswag", u="glue")
CHOICES = dict(mmlu=(4, 4), truthfulqa=(3, 5), gsm8k=(0, 0), hellaswag=(4, 4), glue=(2, 2))
FIXED = dict(sst2=["negative", "positive"], rte=["entailment", "not entailment"])
GUESSED = ("mmlu", "truthfulqa", "hellaswag")  # tasks whose choices differ from row to row
STEPS = {1: 8, 2: 10, 3: 22}
NEAR = 0.12  # how far from chance a rule that understands nothing may be; 40 items
LIKE = 0.5  # Jaccard of content words that two rows of a task may have, at most
CONTRAST = r"\b(but|yet|although|despite|however)\b"


def of(rows, task: str) -> list[dict]:
    """The rows of one task, or of one subject."""
    return [r for r in rows if task in (r["task"], r["subject"])]


def content(text: str) -> set:
    """The words of a text but for the FUNCTION words, unstemmed."""
    return set(words(text)) - FUNCTION


def shared(text: str, other: str) -> float:
    """Share of the content words of a text that stand in the other, unstemmed."""
    return len(content(text) & content(other)) / max(1, len(content(text)))


def bad_shape(rows) -> list[str]:
    """Other fields, ids, numbers of choices or answers than there should be."""
    ids = [f"{letter}{n:03}" for letter in TASKS for n in range(1, 41)]
    if [r.get("id") for r in rows] != ids:
        return ["ids"]
    found = []
    for r in rows:
        if {k: type(v) for k, v in r.items()} != FIELDS:
            return [f"{r['id']}: fields"]
        least, most = CHOICES[r["task"]] if r["task"] == TASKS[r["id"][0]] else (9, 9)
        texts = [*r["question"].split("\n"), *r["choices"]]
        if not least <= len(r["choices"]) <= most or len({*texts}) < len(texts):
            found.append(f"{r['id']}: task or choices")
        if not all(t.isascii() and t and t == " ".join(t.split()) for t in texts):
            found.append(f"{r['id']}: untidy")
        if r["choices"] != FIXED.get(r["subject"], r["choices"]):
            found.append(f"{r['id']}: names of the choices")
        is_sum = r["task"] == "gsm8k"
        if (r["answer"] in range(len(r["choices"]))) == is_sum or bool(r["number"]) != is_sum:
            found.append(f"{r['id']}: answer")
    return found


def positions(rows) -> dict:
    """How often the right choice stands in which place, for each number of choices."""
    return {
        n: Counter(r["answer"] for r in rows if len(r["choices"]) == n)
        for n in sorted({len(r["choices"]) for r in rows})
    }


def bad_balance(rows) -> list[str]:
    """Places, steps and labels that occur more often than others."""
    found = [
        f"{task}: places of the right choice"
        for task in (*GUESSED, *FIXED)
        for n, seen in positions(of(rows, task)).items()
        if max(seen.values()) - min(seen[i] for i in range(n)) > 1
    ]
    return found + ["gsm8k: steps"] * (Counter(r["steps"] for r in of(rows, "gsm8k")) != STEPS)


def bad_repeats(rows) -> list[str]:
    """Rows of one task that are nearly the same."""
    found = []
    for task in TASKS.values():
        bags = {
            r["id"]: content(" ".join([r["question"], *r["choices"] * (task in GUESSED)]))
            for r in of(rows, task)
        }
        found += [
            f"{a} and {b}: nearly the same"
            for a, b in combinations(bags, 2)
            if len(bags[a] & bags[b]) > LIKE * len(bags[a] | bags[b])
        ]
    return found


def values(numbers) -> set:
    """All that can be made of the numbers, each used once, with + - * /; whole, not negative."""
    if len(numbers) == 1:
        return {numbers[0]}
    made = set()
    for i, j in combinations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        low, high = sorted((numbers[i], numbers[j]))
        results = {low + high, low * high, high - low}
        results |= {high // low} if low and high % low == 0 else set()
        for value in results:
            made |= values([*rest, value])
    return made


def bad_numbers(rows) -> list[str]:
    """Word problems whose number does not come from their numbers in so many steps."""
    found = []
    for r in of(rows, "gsm8k"):
        given = [int(n) for n in re.findall(r"\d+", r["question"])]
        if not r["number"].isdigit() or not all(2 <= n <= 20 for n in given):
            found.append(f"{r['id']}: numbers out of range")
        elif len(given) != r["steps"] + 1 or int(r["number"]) not in values(given):
            found.append(f"{r['id']}: {r['number']} does not come from {given}")
    return found


CUES = {
    "longest": lambda question, choice: len(choice),
    "shortest": lambda question, choice: -len(choice),
    "most shared words": lambda question, choice: shared(choice, question),
    "fewest shared words": lambda question, choice: -shared(choice, question),
    "negated": lambda question, choice: bool(re.search(NOT, choice.lower())),
}


def chance(rows) -> float:
    """Accuracy of guessing."""
    return sum(1 / len(r["choices"]) for r in rows) / len(rows)


def guess(rows, cue: str) -> float:
    """Accuracy of taking the choice that has most of a cue; equal ones share the point."""
    points = 0
    for r in rows:
        marks = [CUES[cue](r["question"], c) for c in r["choices"]]
        best = [i for i, m in enumerate(marks) if m == max(marks)]
        points += (r["answer"] in best) / len(best)
    return points / len(rows)


def bad_cues(rows) -> list[str]:
    """Tasks that a rule without understanding solves better, or worse, than guessing."""
    return [
        f"{task}: {cue} scores {guess(of(rows, task), cue):.2f}"
        for task in GUESSED
        for cue in CUES
        if abs(guess(of(rows, task), cue) - chance(of(rows, task))) > NEAR
    ]


def check(rows) -> list[str]:
    """All complaints about the rows; empty if they keep every rule."""
    return bad_shape(rows) or [
        *bad_balance(rows),
        *bad_repeats(rows),
        *bad_numbers(rows),
        *bad_cues(rows),
    ]


def turned(row: dict) -> bool:
    """Whether an opinion holds a negation or a contrast."""
    return bool(re.search(f"{NOT}|{CONTRAST}", row["question"].lower()))


def measure(rows) -> dict:
    """The numbers on the card."""
    found = {}
    for task in GUESSED:
        part = of(rows, task)
        found[task] = {"chance": round(chance(part), 2)}
        found[task] |= {cue: round(guess(part, cue), 2) for cue in CUES}
    for n, name in enumerate(FIXED["sst2"]):
        part = [r for r in of(rows, "sst2") if r["answer"] == n]
        found[name] = dict(rows=len(part), turned=sum(map(turned, part)))
    for n, name in enumerate(FIXED["rte"]):
        pairs = [r["question"].split("\n") for r in of(rows, "rte") if r["answer"] == n]
        found[name] = dict(
            rows=len(pairs), shared=round(sum(shared(h, p) for p, h in pairs) / len(pairs), 2)
        )
    found["largest number"] = max(int(r["number"]) for r in of(rows, "gsm8k"))
    found["subjects"] = {t: Counter(r["subject"] for r in of(rows, t)) for t in GUESSED[:2]}
    return found


def main(record: bool) -> None:
    """Check the file, print its numbers; with `record`, write its sha256."""
    rows = read(FILE)
    if complaints := check(rows):
        sys.exit("\n".join(complaints))
    for name, value in measure(rows).items():
        print(f"{name}: {value}")
    if record:
        table = kit.TEXTS / "catalogue.toml"
        kit.record(table, "benchmarks.laptop", kit.hashes(kit.TEXTS, [FILE]))
        corpora.catalogue.cache_clear()


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
