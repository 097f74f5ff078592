"""stories: short stories with their requests, by the generator that `chat` learned from.

python -m data.recipes.storybook     writes data/texts/stories.jsonl and its sha256

The train rows use the training side of every word list, the test rows the other side, of
which no training case of `chat` or `base` has a hero, a thing or a wording of the request.
"""
import json
import random

from data.recipes import kit
from data.recipes.skills import stories

FILE = "stories.jsonl"
SPLITS = {"train": 300, "test": 60}


def rows() -> list[dict]:
    """id, request, story and split of every row; no story comes twice."""
    found = {}
    for split, size in SPLITS.items():
        rng, part = random.Random(f"storybook {split}"), {}
        while len(part) < size:
            request, answer = stories.story(rng, split)["messages"]
            part.setdefault(answer["content"], request["content"])
        found |= {(split, text): request for text, request in part.items()}
    return [{"id": f"s{i:03d}", "request": request, "story": text, "split": split}
            for i, ((split, text), request) in enumerate(found.items())]


def main() -> None:
    """Write the file and put its hash on record."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows()]
    (kit.TEXTS / FILE).write_text("".join(lines), "utf-8")
    kit.record(kit.TEXTS / "catalogue.toml", "stories.laptop", kit.hashes(kit.TEXTS, [FILE]))


if __name__ == "__main__":
    main()
