"""What the tools share: where notebooks and sources are, reading, executing, comparing."""
import os
import re
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
BUILD = ROOT / "build"
IGNORE = "nbval-ignore-output"
SOLUTION = re.compile(r"<summary>Solution</summary>.*?```python\n(.*?)```", re.S)


def notebooks(chapter: str | None = None) -> list[Path]:
    """Paths of all chapters' notebooks, or of one chapter (4 or 04)."""
    found = sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb"))
    if chapter:
        found = [p for p in found if int(p.name[:2]) == int(chapter)]
        if not found:
            raise SystemExit(f"There is no chapter {chapter}. Fix: make run CHAPTER=4")
    return found


def source_of(notebook: Path) -> Path:
    """The py:percent twin of a notebook."""
    return CHAPTERS / "source" / f"{notebook.stem}.py"


def read(path: Path):
    """A notebook as nbformat version 4."""
    return nbformat.read(path, as_version=4)


def write(nb, path: Path) -> None:
    """Write through a temporary name, in a form whose diffs are small: see `tidy`."""
    tidy(nb)
    path.parent.mkdir(parents=True, exist_ok=True)
    tmp = path.with_suffix(".tmp")
    nbformat.write(nb, tmp)
    tmp.replace(path)


def tidy(nb):
    """Numbered cell ids, tags as the only metadata, no editor's or kernel's noise."""
    for i, cell in enumerate(nb.cells):
        cell.id = f"cell-{i:03d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    nb.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })
    return nb


def solutions(nb) -> list[str]:
    """Code of every folded solution, in order."""
    text = (c.source for c in nb.cells if c.cell_type == "markdown")
    return [code for source in text for code in SOLUTION.findall(source)]


def with_solutions(path: Path) -> Path:
    """A copy in build/ that runs the notebook and then its solutions, whose output is free."""
    nb = read(path)
    for code in solutions(nb):
        cell = nbformat.v4.new_code_cell(code)
        cell.metadata["tags"] = [IGNORE]
        nb.cells.append(cell)
    copy = BUILD / "proof" / path.name
    write(nb, copy)
    return copy


def execute(path: Path, env: dict | None = None, timeout: int = 600):
    """Run a notebook from top to bottom in its folder; returns (notebook, seconds).

    Environment variables in `env` hold for the kernel only.
    """
    from nbclient import NotebookClient

    nb, began = read(path), time.perf_counter()
    old = dict(os.environ)
    os.environ.update(env or {})
    try:
        client = NotebookClient(nb, timeout=timeout, kernel_name="python3",
                                resources={"metadata": {"path": str(CHAPTERS)}})
        client.execute()
    finally:
        os.environ.clear()
        os.environ.update(old)
    return nb, time.perf_counter() - began


def tags(cell) -> list[str]:
    """Tags of a cell."""
    return cell.metadata.get("tags", [])


def compared(cell) -> str:
    """The text nbval compares in a cell: streams and text forms, "" for ignored cells."""
    if cell.cell_type != "code" or IGNORE in tags(cell):
        return ""
    out = []
    for o in cell.outputs:
        if o.output_type == "stream":
            out.append(o.text)
        elif "data" in o:
            out += [o.data.get("text/plain", ""), "\n", o.data.get("text/html", ""), "\n"]
    return "".join(out)  # a stream may come in several parts: where it is cut is chance


def printed(nb, pattern: str):
    """First match of a regular expression in any text output, or None."""
    for cell in nb.cells:
        for o in cell.get("outputs", []):
            if found := re.search(pattern, o.get("text", "")):
                return found
    return None
