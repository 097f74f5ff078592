"""The drawn scenes: settled by their seed, split for good, and described truly."""
import random
import re
from dataclasses import replace

import numpy as np
import pytest

from data.recipes import scenes
from data.recipes.scenes import asking, plan, words

COLOUR, WORD = "|".join(scenes.COLOURS), "|".join(words.SAME)
NAMED = re.compile(rf"\b({COLOUR}) (?:young )?({WORD})\b")


def made(split="train", n=150):
    return [scenes.scene(seed, split) for seed in range(n)]


def pairs(scene):
    return {(t.kind, t.colour) for t in scene.things}


def kinds(text):
    return [words.SAME[w] for w in re.findall(r"[a-z]+", text.lower()) if w in words.SAME]


def told(split="train", n=150, each=8):
    for scene in made(split, n):
        for text in scenes.captions(scene, random.Random(scene.seed), each):
            yield scene, text


def test_a_seed_settles_everything():
    for seed in range(12):
        one, two = (scenes.scene(seed, "test") for _ in range(2))
        assert one == two
        assert np.array_equal(scenes.draw(one), scenes.draw(two))
        for speak in (scenes.captions, scenes.questions, scenes.talk):
            assert speak(one, random.Random(3)) == speak(two, random.Random(3))


def test_the_same_words_get_other_pictures():
    one = scenes.scene(2)
    other = replace(one, seed=10_000_000)
    thing = replace(one.things[0], seed=1)
    again = replace(one, things=(thing, *one.things[1:]))
    pictures = [np.asarray(scenes.draw(s)) for s in (one, other, again)]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_sizes_and_the_gallery():
    assert scenes.draw(scenes.scene(1)).size == (64, 64)
    assert scenes.draw(scenes.scene(1), 96, over=2).size == (96, 96)
    wide, high = scenes.gallery(range(5), "test", 32, columns=3).size
    assert wide > high > 64


@pytest.mark.parametrize("kind", sorted(scenes.HUES))
def test_each_thing_is_drawn_and_shows_its_colour(kind):
    rng = random.Random(kind)
    for colour in scenes.HUES[kind]:
        things = (plan.thing(rng, kind, colour, "big", "middle"),)
        full = np.asarray(scenes.draw(plan.Scene("x", 1, "field", "clouds", things)), float)
        bare = np.asarray(scenes.draw(plan.Scene("x", 1, "field", "clouds", ())), float)
        changed = np.abs(full - bare).sum(2) > 30
        assert .08 < changed.mean() < .7
        target = plan.NATURAL.get((kind, colour), scenes.COLOURS[colour])
        near = np.abs(full[changed] - target).max(1) < 48
        assert near.mean() > .08, (kind, colour, near.mean())


def test_splits_share_no_scene():
    seen = {}
    for split in scenes.SPLITS:
        for scene in made(split, 400):
            key = (scene.setting, scene.weather, scene.things)
            assert seen.setdefault(key, split) == split
    with pytest.raises(ValueError, match="train, validation, test, unseen"):
        scenes.scene(1, "dev")


def test_held_out_pairs_occur_only_in_unseen():
    total = sum(len(hues) for hues in scenes.HUES.values())
    assert .1 <= len(scenes.HELD_OUT) / total <= .14
    for kind, hues in scenes.HUES.items():
        assert (kind, hues[0]) not in scenes.HELD_OUT
        assert len([h for h in hues if (kind, h) not in scenes.HELD_OUT]) >= 2
    for split in ("train", "validation", "test"):
        assert not any(pairs(scene) & scenes.HELD_OUT for scene in made(split, 1500))
    unseen = [pairs(scene) & scenes.HELD_OUT for scene in made("unseen", 400)]
    assert all(len(found) == 1 for found in unseen)
    assert set().union(*unseen) == scenes.HELD_OUT
    assert len(set().union(*map(pairs, made("train", 3000)))) == total - len(scenes.HELD_OUT)


def test_two_things_differ_and_stand_apart():
    for scene in made("train", 600):
        if len(scene.things) < 2:
            continue
        one, two = scene.things
        assert one.kind != two.kind and one.colour != two.colour
        if scene.relation == "left":
            assert one.x + .8 * (one.half + two.half) < two.x
            assert (one.place, two.place) == ("left", "right")
        else:
            assert one.flying and not two.flying and one.y + one.half * .6 < two.y - two.half


@pytest.mark.parametrize("split", ["train", "unseen"])
def test_captions_are_true(split):
    for scene, text in told(split):
        found, things = scenes.read(text), scene.things
        assert found["kinds"] and found["kinds"] <= {t.kind for t in things}, text
        assert found["colours"] <= {t.colour for t in things}, text
        assert found["settings"] <= {scene.setting}, text
        assert found["weathers"] <= {scene.weather}, text
        assert found["sizes"] <= ({things[0].size} if len(things) == 1 else set()), text
        sides = {t.place for t in things} if scene.relation in ("", "left") else set()
        assert found["places"] <= sides, text
        bound = {(words.SAME[noun], colour) for colour, noun in NAMED.findall(text.lower())}
        assert bound <= pairs(scene), text
        for young, kind in (("puppy", "dog"), ("kitten", "cat")):
            assert young not in text or any(t.kind == kind and t.pose == "young" for t in things)


def test_captions_keep_left_and_right_above_and_below():
    checked = 0
    for scene, text in told(n=300):
        if len(scene.things) < 2 or len(kinds(text)) != 2:
            continue
        order = [t.kind for t in scene.things]
        if re.search(r"left of|on the left|above|over a|Left:|flies over|High up", text):
            first_last = "above it" in text
            assert kinds(text) == (order[::-1] if first_last else order), text
            checked += 1
        elif re.search(r"right of|on the right of|under an? (?!cloudy)", text):
            assert kinds(text) == order[::-1], text
            checked += 1
    assert checked > 100


def test_captions_are_many_and_well_formed():
    texts, by_scene = [], {}
    for scene, text in told(n=200, each=10):
        texts.append(text)
        by_scene.setdefault(scene.seed, set()).add(text)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text.lower()), text
        assert "{" not in text and "  " not in text and text == text.strip()
        assert re.fullmatch(r"[A-Za-z ,.:!]+", text), text
        assert text[-1] not in ".!" or text[0].isupper(), text
    assert all(len(found) == 10 for found in by_scene.values())
    assert .3 < sum(t[0].islower() for t in texts) / len(texts) < .8
    openings = {" ".join(t.split()[:2]).lower() for t in texts}
    assert len(openings) > 80


def test_full_captions_name_everything():
    for scene in made(n=150):
        for text in scenes.captions(scene, random.Random(scene.seed), 4, full=True):
            found = scenes.read(text)
            assert found["kinds"] == {t.kind for t in scene.things}, text
            assert found["colours"] == {t.colour for t in scene.things}, text
            assert found["settings"] == {scene.setting}, text


def test_questions_have_true_answers():
    for scene in made(n=300):
        asked = dict(zip(scenes.TYPES, scenes.questions(scene, random.Random(scene.seed))))
        assert list(asked) == list(scenes.TYPES) and all(q[-1] == "?" for q, _ in asked.values())
        for question, answer in (asked["colour"], asked["position"]):
            thing, = (t for t in scene.things if t.kind in kinds(question))
            assert answer in (thing.colour, asking.SIDE[thing.place])
        assert asked["thing"][1] in {words.a(words.name(t)) for t in scene.things}
        assert not set(kinds(asked["thing"][1])) & set(kinds(asked["thing"][0]))
        assert asked["setting"][1] == scene.setting
        asked_class = next(c for c in scenes.CLASSES if f"{c}s" in asked["count"][0])
        count = sum(t.kind in scenes.CLASSES[asked_class] for t in scene.things)
        assert asked["count"][1] == asking.NUMBERS[count]


def test_the_second_turn_leans_on_the_first():
    firsts = set()
    for scene in made(n=600):
        messages = scenes.talk(scene, random.Random(scene.seed))
        assert [m["role"] for m in messages] == ["user", "assistant"] * 2
        _, answer, second, reply = (m["content"] for m in messages)
        assert not kinds(second)
        named = next(t for t in scene.things if words.a(words.name(t)) == answer)
        if len(scene.things) == 2 and second == "and what colour is it?":
            firsts.add(named == scene.things[0])
        if "other" in second:
            named = next(t for t in scene.things if t is not named)
        if "colour" in second:
            assert reply == named.colour
    assert firsts == {True, False}      # so `it` cannot be guessed without the first turn
