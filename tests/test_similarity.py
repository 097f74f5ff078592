"""The data rules of `similarity`."""
import pytest

from data.recipes import similarity
from data.recipes.instructions import read


@pytest.fixture(scope="module")
def rows():
    return read(similarity.FILE)


def test_the_pairs_keep_every_rule(rows):
    assert similarity.check(rows) == []


def test_a_broken_rule_is_named(rows):
    first, second, *rest = rows
    assert similarity.check([first | {"score": 2.5}, second, *rest]) == ["p0001: score, id or kind"]
    copied = [first, second | {"sentence2": first["sentence1"]}, *rest]
    assert f"twice: {first['sentence1']}" in similarity.check(copied)


def test_overlap_counts_content_words():
    row = {"sentence1": "The dog is not barking.", "sentence2": "A dog is barking loudly."}
    assert similarity.overlap(row) == 2 / 3
