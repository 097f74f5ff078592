"""tests.tools and data.recipes.kit: what `make sync`, `badges`, `test`, `index` rest on."""
import re
from html import unescape
from urllib.parse import unquote

import nbformat
import pytest
from nbconvert.filters.markdown import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from data.recipes import kit
from tests.tools import badges, index, portability, prove, sync
from tests.tools import notebooks as nbs
from utils import HandsOnError

SOURCE = sync.HEADER + """
# %% [markdown]
# # 4 · A title
#
# **A question?**

# %% tags=["c4.01", "nbval-ignore-output"]
print("timing")

# %%
x = 1  # é, "quotes", \\n

# %% [markdown] tags=["c4.02"]
# ## Rows & columns

# %%
print(x)

# %%
print(x)
"""


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    monkeypatch.setattr(nbs, "ROOT", tmp_path)
    monkeypatch.setattr(nbs, "CHAPTERS", tmp_path / "chapters")
    (tmp_path / "chapters" / "source").mkdir(parents=True)
    source = tmp_path / "chapters" / "source" / "04_title.py"
    source.write_text(SOURCE, "utf-8")
    return source


def out(text):
    return new_output("stream", name="stdout", text=text)


def run(notebook):
    """Give each code cell an output of its own, as an execution would."""
    nb = nbs.read(notebook)
    for i, cell in enumerate(c for c in nb.cells if c.cell_type == "code"):
        cell.outputs, cell.execution_count = [out(f"output {i}\n")], i + 1
    nbs.write(nb, notebook)


def outputs(notebook):
    cells = [c for c in nbs.read(notebook).cells if c.cell_type == "code"]
    return ["".join(o.text for o in c.outputs) for c in cells]


def test_source_to_notebook_and_back_changes_nothing(chapters):
    notebook = sync.to_notebook(chapters)
    nb = nbs.read(notebook)
    nbformat.validate(nb)
    assert [nbs.tags(c) for c in nb.cells] == [
        [], ["c4.01", "nbval-ignore-output"], [], ["c4.02"], [], []]  # fmt: skip
    assert sync.to_source(notebook) == chapters and chapters.read_text("utf-8") == SOURCE
    before = notebook.read_bytes()
    assert sync.to_notebook(chapters).read_bytes() == before
    assert not list(chapters.parent.parent.rglob("*.tmp"))


def test_outputs_of_unchanged_cells_stay_with_their_cells(chapters):
    notebook = sync.to_notebook(chapters)
    run(notebook)
    sync.to_notebook(chapters)
    assert outputs(notebook) == [f"output {i}\n" for i in range(4)]  # two cells are alike
    text = chapters.read_text("utf-8").replace("x = 1", "x = 2").replace("A question", "Another")
    chapters.write_text(text.replace('tags=["c4.01", ', 'tags=["c4.03", '), "utf-8")
    sync.to_notebook(chapters)
    assert outputs(notebook) == ["output 0\n", "", "output 2\n", "output 3\n"]
    cells = [c for c in nbs.read(notebook).cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == [1, None, 3, 4]
    assert "c4.03" in nbs.tags(cells[0])


def test_a_written_notebook_holds_no_noise(chapters):
    notebook = sync.to_notebook(chapters)
    nb = nbs.read(notebook)
    nb.metadata["widgets"], nb.cells[1].metadata["execution"] = {"state": {}}, {"began": "now"}
    nbs.write(nb, notebook)
    nb = nbs.read(notebook)
    assert set(nb.metadata) == {"kernelspec", "language_info"}
    assert [set(c.metadata) for c in nb.cells] == [set(), {"tags"}, set(), {"tags"}, set(), set()]


def test_an_unknown_chapter_is_refused_with_the_fix(chapters):
    sync.to_notebook(chapters)
    assert [p.name for p in nbs.notebooks("04")] == ["04_title.ipynb"] == [
        p.name for p in nbs.notebooks("4")]  # fmt: skip
    with pytest.raises(SystemExit, match="no chapter 5. Fix: make run"):
        nbs.notebooks("5")


@pytest.mark.parametrize("repo", ["jo/companion", "3b1b/llms_2.0"])
def test_badges_point_at_the_copy(repo):
    old = ("https://colab.research.google.com/github/owner/name/blob/main/chapters/04.ipynb\n"
           'REPO = "owner/name"\ngit clone https://github.com/owner/name.git\n'
           "https://github.com/huggingface/peft and owner/name")  # fmt: skip
    new = badges.point(old, repo)
    assert new.splitlines() == [
        f"https://colab.research.google.com/github/{repo}/blob/main/chapters/04.ipynb",
        f'REPO = "{repo}"', f"git clone https://github.com/{repo}.git",
        "https://github.com/huggingface/peft and owner/name",
    ]  # fmt: skip
    assert badges.point(new, "owner/name") == old


@pytest.mark.parametrize("line, counts", [
    ("57 passed in 3.2s", {"passed": 57}),
    ("1 failed, 12 passed, 3 skipped, 2 warnings, 2 errors in 61.03s (0:01:01)",
     {"failed": 1, "passed": 12, "skipped": 3, "error": 2}),
    ("=== 1 error in 0.5s ===", {"error": 1}),
])  # fmt: skip
def test_prove_counts_what_pytest_says_last(line, counts):
    assert prove.counts(line) == counts
    assert prove.counts("bye") == {}


def test_prove_runs_every_test_file_and_notebook():
    names = [t.rsplit("/", 1)[-1] for t in prove.targets()]
    assert sorted(names) == sorted(
        p.name for folder, glob in ((nbs.ROOT / "tests", "test_*.py"), (nbs.CHAPTERS, "*.ipynb"))
        for p in folder.glob(glob))


def book(*cells):
    return new_notebook(cells=[new_markdown_cell("# Title")] + [
        new_code_cell("f()", outputs=outputs, metadata={"tags": tags}) for outputs, tags in cells])


def test_a_compared_output_that_moved_is_listed():
    rich = new_output("display_data", data={"text/html": "<b>1</b>", "image/png": "AAAA"})
    other = new_output("display_data", data={"text/html": "<b>2</b>", "image/png": "AAAA"})
    picture = new_output("display_data", data={"text/html": "<b>1</b>", "image/png": "BBBB"})
    stored = book(([out("same\n0.51\n")], []), ([out("3 s\n")], [nbs.IGNORE]), ([rich], []))
    assert portability.moved(stored, stored) == []
    fresh = book(([out("same\n0.52\n")], []), ([out("4 s\n")], [nbs.IGNORE]), ([other], []))
    first, second = portability.moved(stored, fresh)
    assert first.strip() == "cell 1: -0.51 | +0.52" and second.startswith("    cell 3: ")
    same = book(([out("same\n0.51\n")], []), ([], [nbs.IGNORE]), ([picture], []))
    assert portability.moved(stored, same) == []


def test_where_a_stream_is_cut_is_chance():
    whole, parts = book(([out("a\nb\n")], [])), book(([out("a\n"), out("b\n")], []))
    assert portability.moved(whole, parts) == []


def test_filled_replaces_what_is_between_the_marks_only():
    text = "a <!-- x -->\nold\n<!-- /x --> b\n<!-- y -->\nold\n<!-- /y -->\n"
    new = index.filled(text, "x", r"| \1 | $ |")
    assert new == text.replace("old", r"| \1 | $ |", 1)
    assert index.filled(new, "x", r"| \1 | $ |") == new
    assert index.filled(text, "z", "body") == text


def test_a_link_finds_its_heading_in_the_page():
    """On every heading of the chapters, and some more; the page is nbconvert's."""
    headings = ["Is it any good?", "4.1 · Rows & columns", "Ça marche: 5 % (or so)"]
    for path in nbs.notebooks():
        text = "\n".join(c.source for c in nbs.read(path).cells if c.cell_type == "markdown")
        headings += re.findall("^#{2,3} (.+)$", text, re.M)
    for heading in headings:
        page = markdown2html(f"## {heading}")
        anchor = unescape(re.search('<h2 id="([^"]*)"', page)[1])
        assert unquote(index.slug(heading)) == unquote(anchor)
        assert re.fullmatch(r"[^\s()<>]+", index.slug(heading))  # or Markdown ends the link there


def test_hashes_are_recorded_in_their_own_section(tmp_path):
    file = tmp_path / "catalogue.toml"
    rest = '\n[b.laptop]\ntitle = "kept"\n[b.laptop.sha256]\n"z" = "9"\n'
    file.write_text('# note\n[a.laptop]\nx = 1\n[a.laptop.sha256]\n"old" = "0"\n' + rest)
    kit.record(file, "a.laptop", {"n": "2", "m": "1"})
    expected = '# note\n[a.laptop]\nx = 1\n[a.laptop.sha256]\n"m" = "1"\n"n" = "2"\n' + rest
    assert file.read_text() == expected
    with pytest.raises(HandsOnError, match="no section"):
        kit.record(file, "c.laptop", {})
    assert file.read_text() == expected
