"""Clauses of the training reviews, with the opinion that the shipped `sentiment` finds in them.

A small model that sees only whole reviews learns their labels by heart before it learns which
words carry them. So the reviews are cut into clauses, and clauses of two reviews are joined; a
teacher says which are positive or negative, and the doubtful ones are dropped (distillation:
Hinton et al. 2015; labelled phrases: Socher et al. 2013). Written once, outside the repository:
HANDSON_SOURCES=<folder> python -m data.recipes.clauses
"""
import json
import random
import re

from data.recipes import loop

CUTS = re.compile(r"\s*(?:[,;:()]| - | -- |\. |\b(?:and|but|yet|though|although|while|which)\b)\s*")
LINKS = (", ", ", ", " and ", ", and ", "; ", " , ")
SHORTEST, LONGEST = 2, 18                        # words of a clause
JOINED = 20000                                   # pairs of clauses of two reviews
SURE = 0.85                                      # the teacher's least probability


def parts(text: str) -> list[str]:
    """The clauses of a review that have 2 to 18 words, without the last full stop."""
    found = (c.strip(" .-'\"") for c in CUTS.split(text))
    return [c for c in found if SHORTEST <= len(c.split()) <= LONGEST]


def drawn(reviews: list[str], seed: int = 7) -> list[str]:
    """Different clauses, and pairs of them, shuffled; the same on every run."""
    rng = random.Random(seed)
    single = sorted({c for text in reviews for c in parts(text)})
    pairs = {rng.choice(LINKS).join(rng.sample(single, 2)) for _ in range(JOINED)}
    found = sorted({*single, *pairs})
    rng.shuffle(found)
    return found


def judged(texts: list[str], batch: int = 256) -> list[tuple]:
    """(text, "positive" or "negative") where the shipped sentiment model is sure."""
    import torch
    from tqdm import tqdm
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from utils import models

    path = models.find("sentiment", "laptop").path
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    texts, found = sorted(texts, key=len), []
    for at in tqdm(range(0, len(texts), batch), mininterval=20):
        some = texts[at:at + batch]
        with torch.inference_mode():
            p = model(**tokenizer(some, padding=True, return_tensors="pt")).logits.softmax(-1)
        found += [(text, "positive" if row[2] > row[0] else "negative")
                  for text, row in zip(some, p.tolist()) if max(row[0], row[2]) >= SURE]
    return found


def read() -> list[tuple]:
    """What `main` wrote: (clause, label) pairs; empty before it has run."""
    file = loop.folder("clauses") / "clauses.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def main() -> None:
    """Judge the clauses of the training reviews and write them."""
    from data.recipes.skills import labels

    own, public = labels.reviews("train")
    texts = [text for text, _ in {*own, *public}]
    found = judged(drawn(sorted(texts)))
    random.Random(7).shuffle(found)
    file = loop.folder("clauses") / "clauses.jsonl"
    tmp = file.with_suffix(".tmp")
    tmp.write_text("".join(json.dumps(pair) + "\n" for pair in found), "utf-8")
    tmp.replace(file)
    print(f"Wrote {len(found):,} clauses, "
          f"{sum(label == 'positive' for _, label in found):,} of them positive, to {file}")


if __name__ == "__main__":
    main()
