"""Clauses of reviews for the recipes of chat and seq2seq."""
import random

from data.recipes import clauses
from data.recipes.skills import labels, seq_tasks

REVIEW = "A slow start, but the acting is superb; nobody who saw it (in March) left early."


def test_a_review_falls_into_its_clauses():
    assert clauses.parts(REVIEW) == ["A slow start", "the acting is superb",
                                     "nobody who saw it", "in March", "left early"]


def test_clauses_are_the_same_on_every_run_and_some_are_joined():
    found = clauses.drawn([REVIEW, "Dull, flat and far too long."])
    assert found == clauses.drawn([REVIEW, "Dull, flat and far too long."])
    assert set(clauses.parts(REVIEW)) < set(found)


def test_without_the_file_the_tasks_go_on_without_clauses(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_TRAIN", str(tmp_path))
    labels.clauses.cache_clear()
    assert labels.clauses() == []
    assert seq_tasks.sentiment(random.Random(0), "train")[2] in ("positive", "negative")
    (tmp_path / "clauses" / "clauses.jsonl").write_text('["a gem", "positive"]\n', "utf-8")
    labels.clauses.cache_clear()
    texts = {seq_tasks.sentiment(random.Random(n), "train")[1] for n in range(40)}
    assert "a gem" in texts
    assert "a gem" not in {seq_tasks.sentiment(random.Random(n), "test")[1] for n in range(40)}
    labels.clauses.cache_clear()


def test_a_translation_has_as_many_sentences_as_its_source():
    form = seq_tasks.FORMS["translate"]
    assert form("A cat eats. A dog sleeps.", "Un chat mange. Un chien dort.")
    assert not form("A cat eats. A dog sleeps.", "Un chat mange.")
    assert not form("A cat eats.", "Un chat mange")
