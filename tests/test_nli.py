"""The data rules of `nli`."""
import pytest

from data.recipes import nli
from data.recipes.instructions import read


@pytest.fixture(scope="module")
def rows():
    return read(nli.FILE)


def test_the_pairs_keep_every_rule(rows):
    assert nli.check(rows) == []


def test_a_broken_rule_is_named(rows):
    first, *rest = rows
    assert nli.check([first | {"label": "maybe"}, *rest])[0] == "n0001: id or label"
    other = "neutral" if first["label"] != "neutral" else "entailment"
    assert "not one of each label" in nli.check([first | {"label": other}, *rest])[0]


def test_the_hypothesis_alone_tells_little(rows):
    assert nli.blind(rows) < 0.45
