"""Scores of `clip`: classes by their words alone, unseen pairs, search in both directions."""
import random
import sys
from functools import lru_cache

import numpy as np

from data.recipes import clip, kit, pictures, scenes
from data.recipes.scenes import words

CASES, GALLERY, GALLERIES = 300, 100, 3
TEMPLATES = ("a picture of {}", "a drawing of {}", "{}")
KINDS, HUES = tuple(scenes.HUES), tuple(scenes.COLOURS)
PAIRS = tuple((kind, hue) for kind, hues in scenes.HUES.items() for hue in hues)


def load(folder):
    """(model, tokenizer) of a folder, ready to answer."""
    import torch
    from transformers import AutoTokenizer, CLIPModel

    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def chosen(split: str, count: int, things: int) -> list:
    """The first `count` scenes of a split that show so many things."""
    found, seed = [], 0
    while len(found) < count:
        found += [s for s in [scenes.scene(seed, split)] if len(s.things) == things]
        seed += 1
    return found


@lru_cache(8)
def single(split: str, count: int = CASES) -> tuple:
    """(scenes with one thing, their pictures)."""
    made = chosen(split, count, 1)
    return made, pictures.draw(made)


def unit(rows):
    """Rows of length one, as NumPy."""
    return (rows / rows.norm(dim=-1, keepdim=True)).float().cpu().numpy()


def seen(model, images, batch: int = 100) -> np.ndarray:
    """Unit vectors of pictures (n, side, side, 3) uint8."""
    import torch

    with torch.no_grad():
        return np.concatenate([unit(model.get_image_features(
            pixel_values=pictures.pixels(images[at:at + batch]).to(model.device)).pooler_output)
            for at in range(0, len(images), batch)])


def read(model, tokenizer, texts, batch: int = 256) -> np.ndarray:
    """Unit vectors of texts."""
    import torch

    found = []
    for at in range(0, len(texts), batch):
        ids = clip.encoded(tokenizer, texts[at:at + batch])
        with torch.no_grad():
            found.append(unit(model.get_text_features(
                **{k: v.to(model.device) for k, v in ids.items()}).pooler_output))
    return np.concatenate(found)


def classes(model, tokenizer, names, templates=TEMPLATES) -> np.ndarray:
    """A vector for each name: the mean over the templates."""
    texts = [t.format(name) for name in names for t in templates]
    return read(model, tokenizer, texts).reshape(len(names), len(templates), -1).mean(1)


def zero_shot(model, tokenizer, cases, templates=TEMPLATES) -> dict:
    """{what: right or not, for each scene} of `single`: the nearest of the classes' texts.

    thing: of 26; setting: of 6, its texts averaged over all things; colour: of 10, the thing
    being known; pair: thing and colour at once, of 186.
    """
    made, images = cases
    model.eval()
    image = seen(model, images)
    kinds, hues, settings = zip(*((s.things[0].kind, s.things[0].colour, s.setting)
                                  for s in made))
    thing = classes(model, tokenizer, [words.a(k) for k in KINDS], templates)
    places = tuple(words.BOTH)
    where = classes(model, tokenizer, [f"{words.a(k)} {words.BOTH[p][0]}" for p in places
                                       for k in KINDS], templates)
    where = where.reshape(len(places), len(KINDS), -1).mean(1)
    full = classes(model, tokenizer, [words.a(f"{h} {k}") for k in KINDS for h in HUES], templates)
    full = full.reshape(len(KINDS), len(HUES), -1)
    own = full[[KINDS.index(k) for k in kinds]]
    pairs = np.stack([full[KINDS.index(k), HUES.index(h)] for k, h in PAIRS])

    def right(names, scores, truth):
        return np.array([names[i] == t for i, t in zip(scores.argmax(1), truth)])

    return {"thing": right(KINDS, image @ thing.T, kinds),
            "colour": right(HUES, np.einsum("nd,nhd->nh", image, own), hues),
            "setting": right(places, image @ where.T, settings),
            "pair": right(PAIRS, image @ pairs.T, list(zip(kinds, hues)))}


def search(model, tokenizer) -> dict:
    """{direction: the right one is first of 100?}, over GALLERIES of test scenes."""
    found = {"picture to text": [], "text to picture": []}
    for part in range(GALLERIES):
        made = [scenes.scene(part * GALLERY + i, "test") for i in range(GALLERY)]
        told = [scenes.caption(s, random.Random(f"scores {s.seed}"), full=True) for s in made]
        near = seen(model, pictures.draw(made)) @ read(model, tokenizer, told).T
        order = np.arange(GALLERY)
        found["picture to text"] += list(near.argmax(1) == order)
        found["text to picture"] += list(near.argmax(0) == order)
    return found


def binding(model, tokenizer) -> np.ndarray:
    """Two things: is the true text nearer than the one with the colours exchanged?"""
    made = chosen("test", CASES, 2)
    image = seen(model, pictures.draw(made))

    def texts(first, second):
        return read(model, tokenizer, [
            f"{words.a(f'{s.things[first].colour} {s.things[0].kind}')} and "
            f"{words.a(f'{s.things[second].colour} {s.things[1].kind}')}" for s in made])

    return (image * texts(0, 1)).sum(1) > (image * texts(1, 0)).sum(1)


def rows(folder=None) -> list:
    """(skill, measure, a value for each case, target)."""
    model, tokenizer = load(folder or kit.MODELS / "clip")
    targets = {"test": dict(thing=.80, colour=.80, setting=.80), "unseen": dict(pair=.60)}
    names = {"test": "held-out scenes", "unseen": "unseen pairs of thing and colour"}
    found = [(f"zero-shot, {names[split]}", measure, list(values), goals.get(measure))
             for split, goals in targets.items()
             for measure, values in zero_shot(model, tokenizer, single(split)).items()]
    found += [(f"{way}, {GALLERY} held-out scenes", "recall@1", values, None)
              for way, values in search(model, tokenizer).items()]
    return found + [("two things, colours exchanged in the other text", "true text nearer",
                     list(binding(model, tokenizer)), None)]


def quality(folder) -> float:
    """Mean zero-shot share on validation scenes; decides which model is kept."""
    right = zero_shot(*load(folder), single("validation"))
    return float(np.mean([values.mean() for values in right.values()]))


if __name__ == "__main__":
    for skill, measure, values, _ in rows(*sys.argv[1:2]):
        print(f"{skill:48} {measure:16} {sum(values) / len(values):.3f}  n {len(values)}")
