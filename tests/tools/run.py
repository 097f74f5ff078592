"""make run [CHAPTER=4] [SAVE=1]: execute, then time, peak memory, checks, and HTML pages.

The executed notebook and its page land in build/; --save also keeps the outputs in
chapters/, which is what readers see and what `make test` compares with.
"""
import sys
from html import escape

from tests.tools import notebooks as nbs

REPORT = r"(\d+) checks held in (\d+) s; peak memory ([\d.]+) GiB"


def page(nb, path) -> None:
    """Write a notebook as one HTML file."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(nb)
    images = (o for c in nb.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {}))
    for image in images:  # nbconvert does not use the alt text that plots.show stored
        alt = escape(image.metadata.get("image/png", {}).get("alt", ""))
        body = body.replace("No description has been provided for this image", alt, 1)
    path.write_text(body, "utf-8")


def cell_of(error) -> str:
    """The source of the cell that failed, out of nbclient's long message."""
    text = str(error).split("------------------")
    return text[1].strip() if len(text) > 1 else ""


def main() -> int:
    """Run the chapters asked for and print one line each; exit code 1 if any failed."""
    from nbclient.exceptions import CellExecutionError

    asked = [a for a in sys.argv[1:] if not a.startswith("-")]
    failed = 0
    print(f"{'notebook':34} {'seconds':>8} {'GiB':>5} {'checks':>7}")
    for path in nbs.notebooks(asked[0] if asked else None):
        try:
            nb, seconds = nbs.execute(path)
        except CellExecutionError as e:
            failed += 1
            print(f"{path.name:34}   failed in the cell\n{cell_of(e)}\n{e.ename}: {e.evalue}")
            continue
        found = nbs.printed(nb, REPORT)
        checks, memory = (found[1], found[3]) if found else ("?", "?")
        print(f"{path.name:34} {seconds:8.0f} {memory:>5} {checks:>7}")
        nbs.write(nb, nbs.BUILD / path.name)
        page(nb, nbs.BUILD / f"{path.stem}.html")
        if "--save" in sys.argv:
            nbs.write(nb, path)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
