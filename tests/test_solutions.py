"""The folded solutions of the exercises run after the last cell of their notebook."""
import re

import nbformat
import pytest

from tests.tools import notebooks as nbs

SOLUTION = re.compile(r"<summary>Solution</summary>.*?```python\n(.*?)```", re.S)


def solutions(nb) -> list[str]:
    """Code of every folded solution, in order."""
    found = []
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found += SOLUTION.findall(cell.source)
    return found


@pytest.mark.parametrize("path", nbs.notebooks(), ids=lambda p: p.stem)
def test_solutions_run(path, tmp_path):
    nb = nbs.read(path)
    found = solutions(nb)
    nb.cells[3].source += "\nRESAMPLES = 200"  # the notebook itself is tested elsewhere
    assert len(found) >= 4
    for code in found:
        assert max(map(len, code.splitlines())) <= 100
        nb.cells.append(nbformat.v4.new_code_cell(code))
    copy = tmp_path / path.name
    nbformat.write(nb, copy)
    nbs.execute(copy)
