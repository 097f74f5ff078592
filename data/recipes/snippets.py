"""Make the data set `code`: the functions and classes of this project's package utils.

    python -m data.recipes.snippets    # a second; writes the file and its sha256

The file is a snapshot: it does not follow later changes of the modules, so that what the
notebooks print from it stays.
"""
import ast
import json
import re

from data.recipes import kit
from utils import models

FILE = "code.jsonl"


def make() -> list[dict]:
    """One row for each function or class at the top level of a module."""
    rows = []
    for file in sorted((models.DATA.parent / "utils").glob("*.py")):
        text = file.read_text("utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                part = ast.get_source_segment(text, node)
                rows.append({"module": f"utils.{file.stem}", "text": re.sub(r" +$", "", part)})
    return [{"id": f"f{n:03d}", **row} for n, row in enumerate(rows, 1)]


def main() -> None:
    """Write the rows, print their number and size, record the sha256."""
    rows = make()
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (kit.TEXTS / FILE).write_text(lines, "utf-8")
    size = sum(len(r["text"]) for r in rows)
    print(f"{len(rows)} functions and classes, {size} characters")
    kit.record(kit.TEXTS / "catalogue.toml", "code.laptop", kit.hashes(kit.TEXTS, [FILE]))


if __name__ == "__main__":
    main()
