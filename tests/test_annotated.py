"""Hub rows in our form (utils.annotated), and through the hub protocol where a mirror is."""

from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from datasets import List as Listed

from tests.book import MIRROR, client
from tests.hub import Hub
from utils import annotated
from utils.annotated import spans_of


def test_spans_touch_and_stay_two():
    tags = ["B-PER", "B-PER", "I-PER", "O", "B-LOC"]
    assert [(s["start"], s["end"], s["type"]) for s in spans_of(tags)] == [
        (0, 1, "PER"),
        (1, 3, "PER"),
        (4, 5, "LOC"),
    ]


def test_a_span_may_open_by_i_as_in_conlleval():
    assert [(s["start"], s["end"]) for s in spans_of(["I-ORG", "I-ORG", "I-PER"])] == [
        (0, 2),
        (2, 3),
    ]
    assert spans_of(["O", "O"]) == [] == spans_of([])


@pytest.mark.parametrize("names", [None, ["O", "B-PER", "I-PER"]])
def test_tags_are_names_or_numbers(names):
    rows = {
        "tokens": [["Ada", "Holm", "sat"]],
        "ner_tags": [[1, 2, 0] if names else ["B-PER", "I-PER", "O"]],
    }
    kind = ClassLabel(names=names) if names else Value("string")
    kinds = Features({"tokens": Listed(Value("string")), "ner_tags": Listed(kind)})
    part = Dataset.from_dict({k: v * 4 for k, v in rows.items()}, features=kinds)
    found = annotated.marked(DatasetDict(train=part, validation=part))
    assert {s: len(p) for s, p in found.items()} == {"train": 4, "validation": 2, "test": 2}
    assert found["test"][0] == {
        "tokens": ["Ada", "Holm", "sat"],
        "text": "Ada Holm sat",
        "spans": [{"start": 0, "end": 2, "type": "PER"}],
        "ambiguous": "",
    }


def test_only_premises_with_all_three_relations_are_kept():
    rows = [
        {"premise": f"p{n}", "hypothesis": f"h{n}{label}", "label": label, "idx": n}
        for n in range(12)
        for label in (2, 0, 1, 0)
    ]
    rows += [
        {"premise": "odd", "hypothesis": "x", "label": label, "idx": 99} for label in (0, 1, -1)
    ]
    found = annotated.premises({"train": Dataset.from_list(rows)})
    assert {s: len(p) // 3 for s, p in found.items()} == {"train": 9, "validation": 1, "test": 2}
    assert found["train"][:3]["label"] == ["entailment", "neutral", "contradiction"]
    assert found["train"][0]["hypothesis"] == "h00"


def test_scores_without_a_public_test_split():
    rows = [{"sentence1": "a", "sentence2": "b", "label": float(n), "idx": n} for n in range(4)]
    part = Dataset.from_list(rows)
    found = annotated.scored(DatasetDict(train=part, validation=part, test=part))
    assert found["test"]["score"] == [1.0, 3.0] and found["validation"]["score"] == [0.0, 2.0]


@pytest.mark.skipif(not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>")
def test_all_three_through_the_hub(tmp_path):
    with Hub() as hub:
        hub.add_dataset("nyu-mll/glue", Path(MIRROR, "datasets/nyu-mll/glue"))
        hub.add_dataset("lhoestq/conll2003", Path(MIRROR, "datasets/unimelb-nlp/wikiann/en"))
        text = client(
            hub,
            tmp_path / "home",
            """
            from utils import corpora
            for name in ("nli", "similarity", "entities"):
                found = corpora.load(name)
                assert list(found) == ["train", "validation", "test"], found
                print(name, sorted(found["test"].column_names), len(found["test"]) > 1)""",
        )
    assert text.count("True") == 3, text
