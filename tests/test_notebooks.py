"""The rules of a chapter that a program can check (DESIGN: anatomy and budgets)."""
import ast
import re
import statistics
import sys
import tomllib

import jupytext
import pytest

from tests.tools import index
from tests.tools import notebooks as nbs
from utils import doctor

BOOKS = nbs.notebooks()
SETUP_END = re.compile(r"run = chapter\.start\(\d+\)\s*$")
FORBIDDEN = {
    "remote code": r"trust_remote_code\s*=\s*True",
    "old dtype keyword": r"torch_dtype",
    "literal cuda": r"""device_map\s*=\s*["']cuda|\.(to|cuda)\((["']cuda|\))""",
    "a key": r"\b(sk|hf)[-_][A-Za-z0-9]{16}",
    "star import": r"^\s*from \S+ import \*",
    "shell or magic": r"^\s*[!%]",
    "branch on the profile": r"if .*profile\s*==",
    "change of folder": r"os\.chdir|%cd",
    "unquoted pin": r"pip install[^\n'\"]*\s[a-z-]+[<>]=?",
}
THEIR_NAME = {"sklearn": "scikit-learn", "PIL": "pillow", "faiss": "faiss-cpu",
              "llama_cpp": "llama-cpp-python", "rank_bm25": "rank-bm25", "umap": "umap-learn"}


@pytest.fixture(params=BOOKS, ids=lambda p: p.stem)
def book(request):
    nb = nbs.read(request.param)
    nb.path = request.param
    return nb


def code_cells(nb):
    return [c for c in nb.cells if c.cell_type == "code"]


def lines(cell):
    return [x for x in cell.source.splitlines() if x.strip() and not x.strip().startswith("#")]


def prose(nb):
    return "\n\n".join(c.source for c in nb.cells if c.cell_type == "markdown")


def outputs(nb):
    return [o for c in code_cells(nb) for o in c.outputs]


def shown_text(nb):
    plain = [str(o.get("data", {}).get("text/plain", "")) for o in outputs(nb)]
    return "\n".join([o.get("text", "") for o in outputs(nb)] + plain)


def test_source_and_notebook_agree(book):
    twin = jupytext.read(nbs.source_of(book.path))
    mine = [(c.cell_type, c.source, nbs.tags(c)) for c in book.cells]
    theirs = [(c.cell_type, c.source, nbs.tags(c)) for c in twin.cells]
    assert mine == theirs, "run: make sync"


def test_setup_cell_is_the_same_in_all(book):
    cells = {SETUP_END.sub("", nbs.read(p).cells[2].source) for p in BOOKS}
    assert len(cells) == 1
    assert f"chapter.start({int(book.path.name[:2])})" in book.cells[2].source
    assert book.cells[3].cell_type == "code" and "knob" in book.cells[3].source


def test_budgets(book):
    cells, code = book.cells, code_cells(book)
    sizes = [len(lines(c)) for c in code]
    body = re.sub(r"```.*?```|\]\([^)]*\)|<[^>]+>", "", prose(book), flags=re.S)
    words = len(re.findall(r"[A-Za-z][\w'’-]*", body.split("## Exercises")[0]))
    text = "\n".join(c.source for c in code)
    assert 50 <= len(cells) <= 130
    assert statistics.median(sizes) <= 6 and max(sizes) <= 25
    assert max(len(x) for c in code for x in c.source.splitlines()) <= 88
    assert 1500 <= words <= 3000, words
    assert len(re.findall(r"run\.check\(", text)) >= 10
    limit = 900 if book.path.name.startswith("09") else 600
    assert book.path.stat().st_size <= limit * 1024


def test_prose_between_code(book):
    streak = 0
    for cell in book.cells[4:]:
        streak = streak + 1 if cell.cell_type == "code" else 0
        assert streak <= 3, cell.source[:80]


def test_executed_in_order_and_clean(book):
    counts = [c.execution_count for c in code_cells(book)]
    assert counts == list(range(1, len(counts) + 1)), "run: make run SAVE=1"
    for out in outputs(book):
        assert out.output_type != "error"
        assert out.get("name") != "stderr", out.get("text", "")[:200]
        assert not any("widget" in kind for kind in out.get("data", {}))
    assert set(book.metadata) <= {"kernelspec", "language_info"}
    text = shown_text(book)
    assert "Warning" not in text and "/root/" not in text and "/home/" not in text


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden(book, what):
    for cell in book.cells:
        if cell.cell_type == "code" or "```python" in cell.source:
            assert not re.search(FORBIDDEN[what], cell.source, re.M), cell.source


def test_figures_have_alt_text_and_a_caption(book):
    figures = 0
    for i, cell in enumerate(book.cells):
        for out in cell.get("outputs", []):
            if "image/png" in out.get("data", {}):
                figures += 1
                assert len(out.metadata.get("image/png", {}).get("alt", "")) > 20
                after = "\n".join(c.source for c in book.cells[i + 1:i + 3])
                assert f"**Figure {figures}.**" in after
    assert 3 <= figures <= 8
    for alt in re.findall(r"!\[(.*?)\]\(", prose(book)):
        assert alt.strip()


def test_concepts_are_tagged_and_named(book):
    names = tomllib.loads((nbs.CHAPTERS / "concepts.toml").read_text("utf-8"))
    number = int(book.path.name[:2])
    wanted = {key for key in names if key.startswith(f"{number}.")}
    assert wanted and set(index.places(book.path)) == wanted


def test_generated_files_are_up_to_date():
    wanted = index.wanted().items()
    stale = [f.name for f, text in wanted if not f.exists() or f.read_text("utf-8") != text]
    assert not stale, f"{stale}: run make index"


def imported(book) -> set[str]:
    """Packages, by their name on PyPI, that the code cells import."""
    names = set()
    for cell in code_cells(book):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    names -= {"utils", *sys.stdlib_module_names}
    return {THEIR_NAME.get(name, name.replace("_", "-")).lower() for name in names}


def test_imports_are_in_requirements_and_nothing_idle_is(book):
    """Colab installs the lines that name the chapter: one too many can cost minutes."""
    number = int(book.path.name[:2])
    rows = {r["name"].split("[")[0].lower().replace("_", "-"): r for r in doctor.requirements()}
    for package in imported(book):
        assert doctor.for_chapter(rows[package], number), package
    named = {name for name, row in rows.items() if f"ch{number:02d}" in row["where"]}
    served = any("services." in c.source for c in code_cells(book))  # which needs:
    needs = {"llama-cpp-python", "gguf", "openai", "cohere"} if served else set()
    needs |= {"accelerate"} if any("Trainer" in c.source for c in code_cells(book)) else set()
    assert named <= imported(book) | needs


def test_numbers_in_prose_were_printed(book):
    """A decimal in the prose stands in some output or in the code."""
    shown = shown_text(book)
    shown += "\n".join(c.source for c in code_cells(book))
    text = re.sub(r"```.*?```|\]\([^)]*\)", "", prose(book), flags=re.S)
    for number in re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", text):
        assert number in shown, f"{number} is in the prose, but no cell printed it"


def test_exercises_have_hints_and_solutions(book):
    text = prose(book)
    count = len(re.findall(r"\*\*Exercise \d", text))
    assert 4 <= count <= 6
    for folded in ("Hint", "Solution"):
        assert text.count(f"<summary>{folded}</summary>") == count
    assert "## Summary" in text and "**Key terms.**" in text and "## Where it fails" in text
    assert "## Is it any good?" in text and "run.report()" in book.cells[-1].source


def test_objectives_name_sections_and_exercises(book):
    bullets = [x for x in book.cells[1].source.splitlines() if x.startswith("- ")]
    assert 3 <= len(bullets) <= 5
    assert all("section" in x and "exercise" in x for x in bullets)


def test_compared_share(book):
    """At most 35 % of the outputs are exempt from comparison; each of those checks something."""
    out = [c for c in code_cells(book) if c.outputs]
    assert sum(nbs.IGNORE in nbs.tags(c) for c in out) <= 0.35 * len(out)


def test_links_inside_the_repository(book):
    for link in re.findall(r"\]\(([^)#]+)", prose(book)):
        if not link.startswith("http"):
            assert (nbs.CHAPTERS / link).exists(), link
