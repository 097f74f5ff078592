"""The rules of `stories`: sizes, no row twice, held-out heroes and things."""
from data.recipes import storybook
from utils import corpora


def test_splits_and_rows():
    data = corpora.load("stories")
    assert {s: len(data[s]) for s in data} == storybook.SPLITS
    stories = [corpora.fingerprint(t) for s in data for t in data[s]["story"]]
    assert len(set(stories)) == len(stories)


def test_no_request_of_the_test_rows_is_a_training_one():
    data = corpora.load("stories")
    asked = {s: {corpora.fingerprint(t) for t in data[s]["request"]} for s in data}
    assert not asked["train"] & asked["test"]


def test_the_recipe_makes_rows_of_this_shape():
    rows = storybook.rows()
    assert [r["split"] for r in rows].count("test") == storybook.SPLITS["test"]
    assert set(rows[0]) == {"id", "request", "story", "split"}
