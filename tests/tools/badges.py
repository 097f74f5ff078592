"""make badges REPO=owner/name: point every Colab link and the setup cells at your copy."""
import re
import sys

from tests.tools import notebooks as nbs
from tests.tools import sync

NAME = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
PLACES = (
    (re.compile(rf"(colab\.research\.google\.com/github/){NAME}(/blob)"), r"\g<1>{}\2"),
    (re.compile(rf'(REPO = "){NAME}(")'), r"\g<1>{}\2"),
    (re.compile(rf"(github\.com/){NAME}(\.git)"), r"\g<1>{}\2"),
)


def point(text: str, repo: str) -> str:
    """The text with every link to a copy of this repository pointing at `repo`."""
    for pattern, new in PLACES:
        text = pattern.sub(new.format(repo), text)
    return text


def main() -> int:
    """Rewrite sources, notebooks and the README; refuses what is not owner/name."""
    repo = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(NAME, repo):
        print(f"{repo!r} is not owner/name. Fix: make badges REPO=owner/name")
        return 2
    files = [nbs.ROOT / "README.md", *sorted((nbs.CHAPTERS / "source").glob("*.py"))]
    for file in files:
        old = file.read_text("utf-8")
        file.write_text(point(old, repo), "utf-8")
    for notebook in nbs.notebooks():
        nb = nbs.read(notebook)
        for cell in nb.cells:  # the same rule, so that outputs are kept
            cell.source = point(cell.source, repo)
        nbs.write(nb, notebook)
        assert sync.nbs.source_of(notebook).exists()
    print(f"{len(files)} files and {len(nbs.notebooks())} notebooks point at {repo}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
