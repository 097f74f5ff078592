"""Captions in many forms, as people write them under pictures; each one true of its scene."""
from data.recipes.scenes import words
from data.recipes.scenes.plan import Scene

ONE = (
    "{a} {where}", "{a} {where}", "{A} {where}.", "{a} {doing} {where}", "{a} that {does} {where}",
    "{A} is {doing} {where}.", "{A} {does} {where}.", "There is {a} {where}.", "{bare} {where}",
    "{art} of {a} {where}", "{Where} there is {a}.", "We see {a} {where}.", "Look, {a} {where}!",
    "{a}, {where}", "{a} {where} {weather}", "{A} is {doing} {where} {weather}.",
    "just {a} {where}", "{a} all alone {where}", "This is {a} {where}.",
    "You can see {a} {doing} {where}.", "one {coloured} {where}", "The {noun} {where} is {colour}.",
    "{a} {where}, {side}", "{a_coloured} {where}, {edge} of the picture",
    "{Edge} of the picture {a} {does} {where}.", "{art}: {a} {where}",
    "{a} is {doing} here, {where}", "{a}", "{art} of {a}", "{a} {side}", "{A} is {side}.",
    "{Side} you see {a}.", "{bare}", "{a} {weather}", "The {noun} is {colour}.", "It is {a}.",
    "{a} {doing} {side}", "{art} of {a}, {side}")
TWO = (
    "{a} and {b} {where}", "{A} and {b} {where}.", "{art} of {a} and {b} {where}",
    "{a} with {b} {where}", "There are two things {where}: {a} and {b}.",
    "We see {a} and {b} {where}.", "{bare} and {b_bare} {where}", "{Where} there are {a} and {b}.",
    "{a}, {b}, {where}", "Two things {where}, {a} and {b}.",
    "{a} and {b} together {where} {weather}", "{a} and {b}", "{art} of {a} and {b}",
    "{a} and {b} {weather}", "The {noun} is {colour}, the {b_noun} is {b_colour}.")
LEFT = (
    "{a} on the left and {b} on the right", "On the left {a}, on the right {b}.",
    "{a} to the left of {b}", "{b} to the right of {a}",
    "{a} is on the left, {b} is on the right, {where}", "{a} left of {b} {where}",
    "{b} on the right of {a} {where}", "Left: {a}. Right: {b}.",
    "{where}, {a} on the left and {b} on the right")
BESIDE = (
    "{a} next to {b}", "{a} next to {b} {where}", "{A} is {doing} beside {b}.",
    "{a} beside {b} {where}", "{A} {does} next to {b} {where}.", "{a} {doing} near {b} {where}",
    "{a} with {b} beside it")
ABOVE = (
    "{a} above {b}", "{a} above {b} {where}", "{b} under {a}", "{A} {does} over {b}.",
    "{b} {where}, and {a} above it", "{A} is {doing} above {b} {where}.", "{a} over {b} {where}",
    "{b} {where}, under {a}", "High up {a}, and under it {b}.", "Look, {a} above {b}!")
ART = ("a picture", "a drawing", "a painting", "picture", "drawing", "an image", "a simple drawing")
SIZED, COLOURED, SPELT = .5, .8, .22


class Slots(dict):
    """The parts of a caption, worked out when a form asks for them."""

    def __init__(self, scene, things, rng, full):
        super().__init__()
        self.scene, self.rng, self.full = scene, rng, full
        self.first, self.second = things[0], things[-1]

    def bare(self, thing) -> str:
        """Size, colour and noun; the first two now and then, the colour always in full ones."""
        rng, parts = self.rng, [words.noun(thing, self.rng)]
        if self.full or rng.random() < COLOURED:
            parts.insert(0, thing.colour)
        if words.SIZE_WORDS[thing.size] and len(self.scene.things) == 1 and rng.random() < SIZED:
            parts.insert(0, rng.choice(words.SIZE_WORDS[thing.size]))
        return " ".join(parts)

    def __missing__(self, key):
        thing, rng = self.second if key[:1] == "b" and key != "bare" else self.first, self.rng
        lower = key.lower()
        if key != lower:
            text = self[lower]
            return text[0].upper() + text[1:]
        made = {"a": lambda: words.a(self.bare(thing)), "b": lambda: words.a(self.bare(thing)),
                "bare": lambda: self.bare(thing), "b_bare": lambda: self.bare(thing),
                "noun": lambda: words.noun(thing, rng), "b_noun": lambda: words.noun(thing, rng),
                "colour": lambda: thing.colour, "b_colour": lambda: thing.colour,
                "coloured": lambda: f"{thing.colour} {words.noun(thing, rng)}",
                "a_coloured": lambda: words.a(self["coloured"]),
                "doing": lambda: words.doing(thing, rng), "art": lambda: rng.choice(ART),
                "does": lambda: words.finite(words.doing(thing, rng)),
                "where": lambda: words.where(self.scene, rng),
                "side": lambda: rng.choice(words.PLACE_WORDS[thing.place]),
                "edge": lambda: rng.choice(words.PLACE_WORDS[thing.place][:2]),
                "weather": lambda: rng.choice(words.WEATHERS[self.scene.weather])}
        self[key] = made[key]()
        return self[key]


def forms(scene: Scene, full: bool) -> list[str]:
    """The forms that fit: those with a place, and with weather only where there is some."""
    if len(scene.things) == 1:
        fit = list(ONE)
    else:
        fit = list(TWO + (LEFT if scene.relation == "left" else ABOVE))
        if scene.relation == "left" and scene.things[0].flying == scene.things[1].flying:
            fit += BESIDE
    if not words.WEATHERS[scene.weather]:
        fit = [f for f in fit if "{weather}" not in f]
    return [f for f in fit if "{where}" in f.lower()] if full else fit


def caption(scene: Scene, rng, full: bool = False) -> str:
    """One caption; `full` ones name every colour, every thing and the setting."""
    form, things = rng.choice(forms(scene, full)), scene.things
    if form in TWO + BESIDE and rng.random() < .5:
        things = things[::-1]
    text = form.format_map(Slots(scene, things, rng, full))
    if text[-1] in ".!":
        return text[0].upper() + text[1:]
    if rng.random() < SPELT:
        text = text[0].upper() + text[1:] + rng.choice((".", ".", ""))
    return text


def captions(scene: Scene, rng, n: int = 5, full: bool = False) -> list[str]:
    """n different captions of a scene; raises ValueError when it cannot find as many."""
    found = {}
    for _ in range(60 * n):
        found.setdefault(caption(scene, rng, full))
        if len(found) == n:
            return list(found)
    raise ValueError(f"only {len(found)} of {n} captions found; ask for fewer")
