"""The words for what a scene shows, in both directions: to say it, and to read it back."""
import re

from data.recipes.scenes.plan import COLOURS, HUES, Scene, Thing

NOUNS = {"rabbit": ("rabbit", "rabbit", "bunny"), "bicycle": ("bicycle", "bike"),
         "plane": ("plane", "plane", "airplane"), "cup": ("cup", "mug")}
YOUNG = {"dog": "puppy", "cat": "kitten"}
SAME = {"bunny": "rabbit", "bike": "bicycle", "airplane": "plane", "mug": "cup", "puppy": "dog",
        "kitten": "cat"} | {kind: kind for kind in HUES}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "medium": (), "big": ("big", "large")}
PLACE_WORDS = {"left": ("on the left", "on the left side", "to the left"),
               "middle": ("in the middle", "in the centre"),
               "right": ("on the right", "on the right side", "to the right")}
GROUND = {"snow": ("in the snow", "in the snow", "on the snow"),
          "beach": ("on the beach", "on the beach", "on the sand", "by the sea"),
          "night": ("at night", "at night", "in the night", "under the stars"),
          "forest": ("in the forest", "in the woods", "in front of the trees"),
          "street": ("in the street", "on the street", "on the road", "in town"),
          "field": ("in a field", "in the field", "on the grass")}
SKY = {"snow": ("over the snow", "above the snow", "in the winter sky"),
       "beach": ("over the beach", "above the beach", "by the sea"),
       "night": ("in the night sky", "at night", "under the stars"),
       "forest": ("in the forest", "in the woods", "in front of the trees"),
       "street": ("over the street", "above the road", "over the road"),
       "field": ("over the field", "above the grass", "over a field")}
BOTH = {"snow": ("in the snow",), "beach": ("at the beach", "by the sea"),
        "night": ("at night", "in the night"), "forest": ("in the forest", "in the woods"),
        "street": ("in the street", "in town"), "field": ("in a field", "in the field")}
WEATHERS = {"sun": ("in the sun", "on a sunny day"), "rain": ("in the rain", "on a rainy day"),
            "clouds": ("on a cloudy day", "under a cloudy sky"), "shade": (), "stars": (),
            "snowfall": ("while snow is falling", "as snow falls"),
            "moon": ("under the moon", "by the light of the moon")}
MARKS = {"snow": "snow winter", "beach": "beach sand sea", "night": "night stars moon",
         "forest": "forest woods trees", "street": "street road town", "field": "field grass"}
SIGNS = {"sun": "sun sunny", "rain": "rain rainy", "clouds": "cloudy", "snowfall": "falling falls",
         "moon": "moon"}
DOING = {"dog": ("standing", "waiting"), "cat": ("sitting", "waiting"), "rabbit": ("sitting",),
         "fish": ("jumping", "jumping out of the water"), "cow": ("standing",),
         "horse": ("standing", "waiting"), "pig": ("standing",), "sheep": ("standing",),
         "fox": ("sitting", "waiting"), "owl": ("sitting", "sitting on a branch"),
         "perched": ("standing", "resting"), "flying": ("flying",), "swimming": ("swimming",),
         "standing": ("standing",), "boat": ("sailing", "floating"), "ball": ("lying",),
         "car": ("parked", "waiting"), "bus": ("parked", "waiting"), "truck": ("parked",),
         "bicycle": ("parked", "standing"), "umbrella": ("standing",), "house": ("standing",),
         "tree": ("growing", "standing"), "cup": ("standing",), "chair": ("standing",),
         "hat": ("lying",)}
FINITE = {"standing": "stands", "waiting": "waits", "sitting": "sits", "jumping": "jumps",
          "resting": "rests", "flying": "flies", "swimming": "swims", "sailing": "sails",
          "floating": "floats", "lying": "lies", "growing": "grows"}


def a(phrase: str) -> str:
    """The phrase with a or an."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def name(thing: Thing) -> str:
    """The one name used in answers: the young have their own."""
    return YOUNG[thing.kind] if thing.pose == "young" else thing.kind


def noun(thing: Thing, rng) -> str:
    """One of its names."""
    if thing.pose == "young":
        return rng.choice((YOUNG[thing.kind],) * 4 + (f"young {thing.kind}", thing.kind))
    return rng.choice(NOUNS.get(thing.kind, (thing.kind,)))


def doing(thing: Thing, rng) -> str:
    """What it does, in the form that ends in -ing, or `parked`."""
    return rng.choice(DOING[thing.pose] if thing.pose in DOING else DOING[thing.kind])


def finite(doing: str) -> str:
    """sitting on a branch -> sits on a branch; parked -> is parked."""
    first, *rest = doing.split()
    return " ".join([FINITE.get(first, f"is {first}"), *rest])


def where(scene: Scene, rng) -> str:
    """A phrase for the setting, fit for what stands, for what flies, or for one of each."""
    aloft = {t.flying for t in scene.things}
    table = BOTH if len(aloft) == 2 else SKY if aloft == {True} else GROUND
    return rng.choice(table[scene.setting])


def read(text: str) -> dict:
    """What a text names: kinds, colours, sizes, settings, weathers and places, as sets."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    pick = {"settings": MARKS, "weathers": SIGNS, "places": {
        "left": "left", "middle": "middle centre", "right": "right"}}
    found = {key: {k for k, marks in table.items() if words & set(marks.split())}
             for key, table in pick.items()}
    found["kinds"] = {SAME[w] for w in words & SAME.keys()}
    found["colours"] = words & COLOURS.keys()
    found["sizes"] = {k for k, marks in SIZE_WORDS.items() if words & set(marks)}
    return found
