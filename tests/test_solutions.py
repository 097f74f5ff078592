"""The folded solutions of the exercises: `make test` runs them after their notebook."""
import ast

import pytest

from tests.tools import notebooks as nbs


@pytest.mark.parametrize("path", nbs.notebooks(), ids=lambda p: p.stem)
def test_every_solution_is_in_what_nbval_runs(path):
    nb = nbs.read(path)
    found = nbs.solutions(nb)
    assert len(found) >= 4
    for code in found:
        assert ast.parse(code).body
        assert max(map(len, code.splitlines())) <= 100
    run = nbs.read(nbs.with_solutions(path)).cells
    assert [c.source for c in run] == [c.source for c in nb.cells] + found
    assert all(nbs.tags(c) == [nbs.IGNORE] and not c.outputs for c in run[len(nb.cells):])
    assert nbs.read(path).cells == nb.cells  # the notebook itself is untouched
