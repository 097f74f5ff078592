"""What is in a scene: one or two things with their colours, sizes and places, and a setting.

A scene follows from its split and seed alone. Pairs of a thing and a colour in HELD_OUT occur
only in the split `unseen`, where every scene has one; no other split has any.
"""
import random
from dataclasses import dataclass, replace
from hashlib import sha256

from data.recipes.scenes.sky import WEATHER

COLOURS = {"red": (214, 46, 48), "orange": (242, 138, 36), "yellow": (250, 212, 58),
           "green": (58, 158, 78), "blue": (48, 106, 212), "brown": (138, 88, 52),
           "black": (50, 48, 56), "white": (249, 249, 247), "grey": (150, 153, 162),
           "pink": (248, 150, 184)}
ALL = tuple(COLOURS)
ANIMALS = {"dog": "brown black white grey yellow", "cat": "black white grey orange brown",
           "rabbit": "white grey brown black", "fish": "orange red blue yellow green pink",
           "cow": "brown black white", "horse": "brown black white grey",
           "pig": "pink black brown", "sheep": "white black brown grey",
           "duck": "yellow white brown grey black", "bird": "blue red yellow green orange black",
           "fox": "orange red grey", "owl": "brown white grey"}
VEHICLES = dict.fromkeys(("car", "bus", "truck", "boat", "bicycle", "plane"), " ".join(ALL))
OBJECTS = dict.fromkeys(("ball", "umbrella", "house", "tree", "cup", "chair", "kite", "hat"),
                        " ".join(ALL)) | {"tree": "green orange red yellow pink"}
CLASSES = {"animal": tuple(ANIMALS), "vehicle": tuple(VEHICLES), "object": tuple(OBJECTS)}
HUES = {kind: tuple(hues.split()) for kind, hues in (ANIMALS | VEHICLES | OBJECTS).items()}
SETTINGS, SIZES, PLACES = tuple(WEATHER), ("small", "medium", "big"), ("left", "middle", "right")
SPLITS = ("train", "validation", "test", "unseen")
SHARE, TWO = .12, .38       # of the pairs, held out; of the scenes, with two things
CENTRES = {"small": (.22, .03), "medium": (.3, .02), "big": (.375, .01)}  # left: middle, spread
HALF = {"small": .18, "medium": .265, "big": .36}      # half the width of a thing
BESIDE = {"small": .16, "medium": .22}                  # of one of two, that none hides another
POSES = {"dog": ("adult", "adult", "young"), "cat": ("adult", "adult", "young"),
         "bird": ("perched", "flying"), "duck": ("swimming", "standing"), "plane": ("flying",),
         "kite": ("flying",)}
TOP = {"bird": .95, "kite": .98, "plane": .7}   # of what flies: how far it reaches up
NATURAL = {("dog", "yellow"): (240, 202, 104), ("fox", "red"): (198, 60, 42),
           ("fox", "orange"): (236, 132, 50), ("cat", "orange"): (236, 142, 66)}
POOLS = ("fish", "boat", "duck")


@dataclass(frozen=True)
class Thing:
    """One thing: what, in which colour, how large, where; `seed` settles its small variations."""
    kind: str
    colour: str
    size: str
    place: str
    pose: str
    x: float
    y: float        # the foot, or the middle of what flies
    half: float
    flip: bool
    tilt: float
    seed: int

    @property
    def flying(self) -> bool:
        return self.pose == "flying"


@dataclass(frozen=True)
class Scene:
    """A scene; of two things the first is left of (or above) the second."""
    split: str
    seed: int
    setting: str
    weather: str
    things: tuple
    relation: str = ""      # "", "left", "above"


def held_out() -> frozenset:
    """The pairs that training never sees: the first by hash, no thing's usual colour."""
    pairs = [(kind, hue) for kind, hues in HUES.items() for hue in hues[1:]]
    pairs.sort(key=lambda pair: sha256(" ".join(pair).encode()).hexdigest())
    chosen, taken = [], {}
    for kind, hue in pairs:
        if taken.get(kind, 0) < 1 + (len(HUES[kind]) > 6) and taken.get(hue, 0) < 4:
            chosen.append((kind, hue))
            taken[kind], taken[hue] = taken.get(kind, 0) + 1, taken.get(hue, 0) + 1
    return frozenset(chosen[:round(SHARE * sum(map(len, HUES.values())))])


HELD_OUT = held_out()


def pick(rng, unseen: bool, but=None) -> tuple[str, str]:
    """A thing and its colour: each class alike often, then each kind, then each colour."""
    while True:
        if unseen:
            pair = rng.choice(sorted(HELD_OUT))
        else:
            kind = rng.choice(CLASSES[rng.choice(("animal", "animal", "vehicle", "object"))])
            pair = kind, rng.choice([h for h in HUES[kind] if (kind, h) not in HELD_OUT])
        if not but or (pair[0] != but[0] and pair[1] != but[1]):
            return pair


def thing(rng, kind, colour, size, place) -> Thing:
    """A thing put where `place` says; in the sky when its pose is flying."""
    pose = rng.choice(POSES.get(kind, ("",)))
    flying, half = pose == "flying", HALF[size] * rng.uniform(.94, 1.05)
    centre, spread = CENTRES[size]
    middle = {"left": centre, "middle": .5, "right": 1 - centre}[place]
    if flying:
        up = half * TOP[kind]
        y = rng.uniform(up + .02, max(up + .05, .44 - half * .5))
    else:
        y = rng.uniform(.86, .93) if size == "big" else rng.uniform(.8, .93)
    return Thing(kind, colour, size, place, pose, middle + rng.uniform(-spread, spread),
                 y, half, rng.random() < .5,
                 rng.uniform(-13, 13) if flying else rng.uniform(-3, 3), rng.getrandbits(32))


def pair_of_things(rng, first, second) -> tuple[tuple, str]:
    """Two things, side by side, or one in the sky above the other."""
    pair = []
    for (kind, colour), side, x in ((first, "left", .255), (second, "right", .745)):
        size = rng.choice(("small", "medium", "medium"))
        half = BESIDE[size] * rng.uniform(.94, 1.03)
        pair.append(replace(thing(rng, kind, colour, size, side),
                            x=x + rng.uniform(-.02, .02), half=half))
    if pair[0].flying == pair[1].flying or rng.random() < .4:
        return tuple(pair), "left"
    upper, lower = sorted(pair, key=lambda t: not t.flying)
    place = rng.choice(PLACES)
    x = {"left": .3, "middle": .5, "right": .7}[place]
    xs = [x + rng.uniform(-.04, .04) for _ in range(2)]
    upper = replace(upper, half=min(upper.half, .18))
    high = upper.half * TOP[upper.kind] + rng.uniform(.01, .04)
    return (replace(upper, place=place, x=xs[0], y=high),
            replace(lower, place=place, x=xs[1], y=rng.uniform(.88, .95))), "above"


def scene(seed: int, split: str = "train") -> Scene:
    """The scene of a seed; raises ValueError for a split that is not one of SPLITS."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}")
    rng = random.Random(f"scenes {split} {seed}")
    setting = rng.choice(SETTINGS)
    weather = rng.choice(WEATHER[setting])
    first = pick(rng, split == "unseen")
    if rng.random() < TWO:
        pairs = [first, pick(rng, False, first)]
        rng.shuffle(pairs)
        return Scene(split, seed, setting, weather, *pair_of_things(rng, *pairs))
    things = (thing(rng, *first, rng.choice(SIZES), rng.choice(PLACES)),)
    return Scene(split, seed, setting, weather, things)
