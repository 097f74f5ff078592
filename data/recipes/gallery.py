"""Make the data set `scenes`: drawn pictures with captions, questions and talks.

    python -m data.recipes.gallery    # half a minute; writes the two files and their sha256

Pictures of 64 x 64 points, stored without loss: in 64 colours each, the file was half as large,
no eye saw a difference, and `clip` named 8 points fewer of the unseen pairs. Train scenes are
some that `clip` and `captioner` learned from; those of test and unseen are not. The three large
pictures in data/images come from here, too.
"""
import json
import random

from data.recipes import kit, scenes
from data.recipes.scenes import words
from utils import models, pictures

ROWS, SHEET = "scenes.jsonl", "scenes.webp"
COUNTS = {"train": (700, None), "test": (100, 1), "test2": (60, 2), "unseen": (100, 1)}
LARGE = {"puppy": ("a puppy in the snow", "dog", "brown", "snow", "young"),
         "cat": ("a cat in a field", "cat", "orange", "field", "adult"),
         "car": ("a red car in the street", "car", "red", "street", "")}


def chosen(split: str, count: int, things: int | None) -> list:
    """The first `count` scenes of a split, if asked for those with so many things."""
    found, seed = [], 0
    while len(found) < count:
        found += [s for s in [scenes.scene(seed, split)] if things in (None, len(s.things))]
        seed += 1
    return found


def row(scene, number: int) -> dict:
    """What the file says of a scene; questions and talk only of those that test models."""
    rng = random.Random(f"gallery {scene.split} {scene.seed}")
    things = [dict(kind=t.kind, name=words.name(t), colour=t.colour, size=t.size, place=t.place)
              for t in scene.things]
    asked = [dict(type=kind, question=q, answer=a)
             for kind, (q, a) in zip(scenes.TYPES, scenes.questions(scene, rng))]
    found = dict(id=f"s{number:04d}", split=scene.split, setting=scene.setting, things=things,
                 caption=scenes.caption(scene, rng, full=True),
                 captions=scenes.captions(scene, rng, 3))
    if scene.split == "train":
        return found
    return found | dict(questions=asked, talk=[m["content"] for m in scenes.talk(scene, rng)])


def large(kind, colour, setting, pose):
    """A picture of 256 points for the eye: the first big one of test that fits."""
    seed = 0
    while True:
        one = scenes.scene(seed, "test")
        first = one.things[0]
        if (len(one.things) == 1 and (first.kind, first.colour, one.setting, first.pose) ==
                (kind, colour, setting, pose) and first.size != "small" and
                first.place == "middle"):
            return scenes.draw(one, 256)
        seed += 1


def main() -> None:
    """Draw and write all, and record the sha256."""
    made = [s for name, (n, things) in COUNTS.items() for s in chosen(name.strip("2"), n, things)]
    rows = [row(s, n) for n, s in enumerate(made, 1)]
    (kit.TEXTS / ROWS).write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    drawn = [scenes.draw(s, pictures.SIDE) for s in made]
    pictures.sheet(drawn).save(kit.TEXTS / SHEET, lossless=True, quality=100, method=6)
    for name, (_, *asked) in LARGE.items():
        large(*asked).save(models.DATA / "images" / f"{name}.png", optimize=True)
    print(f"{len(rows)} scenes, {(kit.TEXTS / SHEET).stat().st_size:,} bytes")
    kit.record(kit.TEXTS / "catalogue.toml", "scenes.laptop",
               kit.hashes(kit.TEXTS, [ROWS, SHEET]))


if __name__ == "__main__":
    main()
