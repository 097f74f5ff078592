"""The data rules of `benchmarks`."""

import pytest

from data.recipes import benchmarks
from data.recipes.instructions import read
from utils import corpora


@pytest.fixture(scope="module")
def rows():
    return read(benchmarks.FILE)


def changed(rows, key, **values):
    return [r | values if r["id"] == key else r for r in rows]


def test_the_items_keep_every_rule(rows):
    assert benchmarks.check(rows) == []


def test_a_broken_rule_is_named(rows):
    by_id = {r["id"]: r for r in rows}
    assert benchmarks.check(rows[1:]) == ["ids"]
    assert "m001: answer" in benchmarks.check(changed(rows, "m001", answer=4))
    assert "u001: names of the choices" in benchmarks.check(
        changed(rows, "u001", choices=["good", "bad"])
    )
    again = {k: by_id["h002"][k] for k in ("question", "choices", "answer")}
    assert "h001 and h002: nearly the same" in benchmarks.check(changed(rows, "h001", **again))
    told = changed(rows, "g001", number="1001")
    assert "g001: 1001 does not come from" in " ".join(benchmarks.check(told))


def test_a_long_right_choice_is_noticed(rows):
    told = [
        r
        | {
            "choices": [
                c + " of all things in the world" * (i == r["answer"])
                for i, c in enumerate(r["choices"])
            ]
        }
        if r["task"] == "mmlu"
        else r
        for r in rows
    ]
    assert "mmlu: longest scores" in " ".join(benchmarks.check(told))


def test_values_use_every_number_once():
    assert benchmarks.values([18, 3, 4]) >= {10, 2, 58, 25}
    assert 54 not in benchmarks.values([18, 3, 4])
    assert benchmarks.values([5]) == {5}


def test_load_keeps_lists_and_whole_numbers():
    data = corpora.load("benchmarks", "laptop")["all"]
    assert len(data) == 200 and data.column_names == list(benchmarks.FIELDS)
    first, sums = data[0], data.filter(lambda r: r["task"] == "gsm8k", load_from_cache_file=False)
    assert isinstance(first["answer"], int) and len(first["choices"]) == 4
    assert set(sums["answer"]) == {-1} and all(c == [] for c in sums["choices"])
