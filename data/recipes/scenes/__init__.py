"""scenes: drawn pictures of one or two things in a setting, with captions, questions and talk.

    from data.recipes import scenes
    one = scenes.scene(7, "train")              # settled by split and seed alone
    picture = scenes.draw(one, 64)              # PIL; 256 for the eye
    texts = scenes.captions(one, random.Random(7), 5)
    pairs = scenes.questions(one, random.Random(7))     # one of each of scenes.TYPES
    messages = scenes.talk(one, random.Random(7))

python -m data.recipes.scenes FILE.png      writes a gallery of test scenes

HELD_OUT pairs of thing and colour occur in the split `unseen` only, and in every scene of it.
"""
from data.recipes.scenes.asking import TYPES, questions, talk
from data.recipes.scenes.picture import draw, gallery
from data.recipes.scenes.plan import CLASSES, COLOURS, HELD_OUT, HUES, SPLITS, Scene, Thing, scene
from data.recipes.scenes.wording import caption, captions
from data.recipes.scenes.words import read

__all__ = ["CLASSES", "COLOURS", "HELD_OUT", "HUES", "SPLITS", "TYPES", "Scene", "Thing",
           "caption", "captions", "draw", "gallery", "questions", "read", "scene", "talk"]
