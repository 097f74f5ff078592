"""The data rules of `entities`."""
import pytest

from data.recipes import entities
from data.recipes.instructions import read


@pytest.fixture(scope="module")
def rows():
    return read(entities.FILE)


def test_the_sentences_keep_every_rule(rows):
    assert entities.check(rows) == []


def test_a_broken_rule_is_named(rows):
    first, *rest = rows
    span = {"start": 0, "end": 99, "type": "PER"}
    assert entities.check([first | {"spans": [span]}, *rest]) == [f"e001: span {span}"]
    assert entities.check([first | {"text": "Another."}, *rest]) == ["e001: tokens and text differ"]


def test_touching_counts_spans_of_one_type():
    spans = [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC"), (4, 5, "LOC")]
    row = {"spans": [dict(start=a, end=b, type=t) for a, b, t in spans]}
    assert entities.touching(row) == 1
