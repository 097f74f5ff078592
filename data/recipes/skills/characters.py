"""Game characters as JSON, in fixed keys or in those of a template."""
import json

from data.recipes.skills import words
from data.recipes.skills.telling import case, table

MAKE = [["Create", "Make", "Invent", "Write", "Design", "Generate", "Give me"],
        [" a game character", " a character for a game", " a hero for a game", " a hero",
         " a role-playing character", " a profile of a game character"],
        [" of the class {cls}", " with the class {cls}", " whose class is {cls}"],
        ["", ", named {name},", ", called {name},", ", by the name of {name},"],
        [" as JSON.", " in JSON.", " in JSON format.", " in the JSON format."]]
FOLLOW = ["\nUse this template: ", "\nFollow this template: ", "\nKeep to this format: ",
           "\nUse the same keys as here: ", "\nExample: ", "\nThe format is: "]
EXTRA = {"weapon": None, "strength": None, "level": None, "age": None, "speed": None,
         "magic": None, "gold": None,
         "armour": ["leather", "chain mail", "steel plate", "wool robe", "wooden shield"],
         "pet": ["wolf", "raven", "cat", "owl", "horse", "fox"],
         "home": ["castle", "forest", "village", "harbour", "tower", "cave"],
         "food": ["bread", "apples", "stew", "cheese", "soup", "fish"],
         "colour": ["red", "green", "blue", "black", "white", "golden"],
         "skill": ["climbing", "singing", "healing", "cooking", "riding", "swimming"]}
FIXED = ["name", "class", "weapon", "strength"]


def cast(rng, split) -> str:
    """A class of character; in the test half of them are unseen."""
    if split == "test" and rng.random() < 0.5:
        return words.pick(rng, "new_characters", "test")
    known = [c for c, _ in table("characters")]
    return rng.choice(known + list(words.bank("new_characters", "train")))


def value(rng, key, cls, name):
    """A value for a key of a character."""
    if key in ("name", "class"):
        return name if key == "name" else cls
    if key == "weapon":
        weapons = dict(table("characters"))
        return weapons.get(cls) or rng.choice(["sword", "dagger", "staff", "bow"])
    return rng.choice(EXTRA[key]) if EXTRA[key] else rng.randint(*(18, 60) if key == "age"
                                                                 else (1, 20))


def dump(rng, keys, cls, name) -> str:
    """A character as a line of JSON."""
    return json.dumps({k: value(rng, k, cls, name) for k in keys})


def blank(keys) -> str:
    """A template that shows only the keys and what kind of value they have."""
    return json.dumps({k: "..." if k in ("name", "class", "weapon") or EXTRA[k] else 0
                       for k in keys})


def json_character(rng, split):
    """A character of a class as JSON."""
    keys, cls, name = FIXED, cast(rng, split), words.person(rng, split)
    follow = rng.random() < 0.4
    if follow:
        keys = ["name", "class", *words.until(
            lambda: rng.sample(list(EXTRA), rng.randint(1, 3)), split)]
    parts = words.wording(rng, split, *MAKE, FOLLOW if follow else [""])
    ask, _, lead = parts.partition("\n")
    prompt = ask.format(cls=cls, name=name)
    if follow:
        shown = blank(keys) if rng.random() < 0.5 and "Example" not in lead else \
            dump(rng, keys, cast(rng, split), words.person(rng, split))
        prompt += f"\n{lead}{shown}"
    return case("json_character", [("user", prompt), ("assistant", dump(rng, keys, cls, name))],
                keys=keys, cls=cls, name=name if "{name}" in ask else None)


def score(case, answer) -> dict:
    """Valid JSON with exactly the keys; the class asked for; the name given, if any."""
    gold = case["gold"]
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    return {"valid": list(found) == gold["keys"], "class": found.get("class") == gold["cls"],
            "name": bool(found.get("name")) and gold["name"] in (None, found.get("name"))}


SKILLS = {"json_character": json_character}
SCORES = {"json_character": score}
