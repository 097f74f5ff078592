"""translations, summaries: cases for two jobs of chapter 1, by the generators of `seq2seq`.

python -m data.recipes.jobs     writes data/texts/{translations,summaries}.jsonl, and their sha256

Training rows use the training side of the generators, test rows the other side, which no
training case of `seq2seq` comes from: other pairs of adjective and noun, other sentences,
other heroes and things.
"""
import json
import random

from data.recipes import kit
from data.recipes.skills import seq_tasks

TRANSLATIONS = {"train": 800, "test": 60}
SUMMARIES = {"test": 60}


def cases(make, sizes: dict, columns: tuple, letter: str) -> list[dict]:
    """id, two columns and split of every row; no input comes twice."""
    found: dict = {}
    for split, size in sizes.items():
        rng, part = random.Random(f"jobs {columns[0]} {split}"), {}
        while len(part) < size:
            _, text, target = make(rng, split)
            part.setdefault(text, (target, split))
        found |= part
    return [{"id": f"{letter}{i:03d}", columns[0]: text, columns[1]: target, "split": split}
            for i, (text, (target, split)) in enumerate(found.items())]


def main() -> None:
    """Write both files and put their hashes on record."""
    made = {
        "translations": cases(seq_tasks.translate, TRANSLATIONS, ("english", "french"), "t"),
        "summaries": cases(seq_tasks.summarize, SUMMARIES, ("story", "summary"), "u"),
    }
    for name, rows in made.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        file = kit.TEXTS / f"{name}.jsonl"
        file.write_text("".join(lines), "utf-8")
        kit.record(kit.TEXTS / "catalogue.toml", f"{name}.laptop",
                   kit.hashes(kit.TEXTS, [file.name]))


if __name__ == "__main__":
    main()
