"""make sync: chapters/source/*.py -> chapters/*.ipynb, outputs of unchanged cells kept.

With --from-notebook the other way: for those who edited in JupyterLab.
"""
import sys

import jupytext

from tests.tools import notebooks as nbs

HEADER = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""


def to_notebook(source):
    """Notebook of a source; cells whose text is unchanged keep outputs and counts."""
    nb = jupytext.read(source)
    target = nbs.CHAPTERS / f"{source.stem}.ipynb"
    old = {}
    if target.exists():
        for cell in nbs.read(target).cells:
            if cell.cell_type == "code":
                old.setdefault(cell.source, []).append(cell)
    for cell in nb.cells:
        if cell.cell_type == "code" and old.get(cell.source):
            before = old[cell.source].pop(0)  # cells with the same text: in their order
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    nbs.write(nb, target)
    return target


def to_source(notebook):
    """Source of a notebook."""
    text = jupytext.writes(nbs.tidy(nbs.read(notebook)), fmt="py:percent")
    body = text.split("# ---\n", 2)[-1]
    target = nbs.source_of(notebook)
    target.write_text(HEADER + body, "utf-8")
    return target


def main() -> None:
    """Write every notebook from its source, or every source from its notebook."""
    if "--from-notebook" in sys.argv:
        done = [to_source(p) for p in nbs.notebooks()]
    else:
        sources = sorted((nbs.CHAPTERS / "source").glob("[0-9][0-9]_*.py"))
        done = [to_notebook(p) for p in sources]
    for path in done:
        print("wrote", path.relative_to(nbs.ROOT))


if __name__ == "__main__":
    main()
