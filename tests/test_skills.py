"""The generated dialogues: rules that hold for their own answers, and a true split."""
import random

import pytest

from data.recipes import bpe, dialogues, kit, manifest
from data.recipes.skills import words

MAKERS, RULES = dialogues.registry("SKILLS"), dialogues.registry("SCORES")


def prompt(case) -> str:
    return "\n".join(m["content"] for m in case["messages"][:-1])


def drawn(skill, split, n=150, seed="tests"):
    rng = random.Random(f"{seed} {skill}")
    return [MAKERS[skill](rng, split) for _ in range(n)]


@pytest.mark.parametrize("skill", sorted(MAKERS))
def test_the_reference_answer_obeys_its_own_rule(skill):
    for split in ("train", "test"):
        for case in drawn(skill, split):
            marks = RULES[skill](case, case["messages"][-1]["content"])
            assert marks and all(marks.values()), (split, case, marks)


@pytest.mark.parametrize("skill", sorted(MAKERS))
def test_no_test_prompt_is_ever_trained_on(skill):
    test = {prompt(c) for c in drawn(skill, "test", 100)}
    train = {prompt(c) for c in drawn(skill, "train", 600)}
    assert not test & train


def test_no_held_out_prompt_of_the_scorecard_is_ever_trained_on():
    held_out = set(manifest.lines())
    file = kit.MODELS / "chat" / "held_out.sha256"
    if file.exists():                                  # what the shipped model was told to spare
        assert held_out == set(file.read_text("utf-8").split("\n")) - {""}
    for skill in MAKERS:
        for case in drawn(skill, "train", 300, seed="manifest"):
            assert f"{skill} {manifest.fingerprint(case)}" not in held_out


@pytest.mark.parametrize("skill", sorted(MAKERS))
def test_a_seed_gives_the_same_cases(skill):
    assert drawn(skill, "train", 20) == drawn(skill, "train", 20)


def test_sides_of_a_word_do_not_depend_on_capitals():
    assert words.side("Max") == words.side("max")


def test_banks_are_split_without_overlap():
    for kind in ("first_names", "goods", "occupations", "animals"):
        train, test = words.bank(kind, "train"), words.bank(kind, "test")
        assert train and test and not set(train) & set(test)


def test_ids_are_those_of_the_chat_template():
    texts = [m["content"] for s in MAKERS for c in drawn(s, "train", 10) for m in c["messages"]]
    tokenizer = bpe.train(texts, 600)
    for skill in MAKERS:
        case = drawn(skill, "test", 1)[0]
        ids, labels = dialogues.encode(tokenizer, case["messages"])
        assert ids == tokenizer.apply_chat_template(case["messages"], return_dict=False)
        learned = [i for i, y in zip(ids, labels) if y != dialogues.IGNORED]
        answer = case["messages"][-1]["content"] + dialogues.END
        assert tokenizer.decode(learned).endswith(answer)


def test_digits_are_single_tokens_and_tags_are_one_id():
    tokenizer = bpe.train(["it costs 12.50 dollars in 1984"] * 5, 400)
    assert len(tokenizer.encode("1984")) == 4
    for tag in bpe.TAGS:
        assert len(tokenizer.encode(tag)) == 1
