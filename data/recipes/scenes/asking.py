"""Questions about a scene with short answers, and talks of two turns about it."""
from data.recipes.scenes import words
from data.recipes.scenes.plan import CLASSES, Scene

TYPES = ("colour", "thing", "setting", "position", "count")
COLOUR = ("what colour is the {}?", "which colour does the {} have?",
          "what is the colour of the {}?",
          "the {} is what colour?")
WHOLE = ("what is in the picture?", "what do you see?", "what is shown here?", "what is this?")
SETTING = ("what is the setting?", "which setting is it?", "what kind of scene is this?",
           "what is the background?")
POSITION = ("where in the picture is the {}?", "in which part of the picture is the {}?",
            "where do you see the {}?", "is the {} on the left, in the middle or on the right?")
COUNT = ("how many {}s are there?", "how many {}s do you see?", "how many {}s are in the picture?")
AND_COLOUR = ("and what colour is it?", "what colour is it?", "which colour does it have?")
AND_PLACE = ("and where is it?", "where in the picture is it?", "where is it in the picture?")
SIDE = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
NUMBERS = ("none", "one", "two")


def ask_thing(scene: Scene, rng) -> tuple[str, str, int]:
    """A question whose answer is a thing, the answer, and which of the things it is."""
    if len(scene.things) == 1:
        kind = next(c for c, kinds in CLASSES.items() if scene.things[0].kind in kinds)
        asked = (*WHOLE, f"what {kind} is this?", f"which {kind} do you see?")
        return rng.choice(asked), words.a(words.name(scene.things[0])), 0
    which = rng.randrange(2)
    other = words.noun(scene.things[1 - which], rng)
    if scene.relation == "left":
        side = ("left", "right")[which]
        asked = [f"what is on the {side}?", f"what do you see on the {side}?",
                 f"what is on the {side} side?", f"what is to the {side} of the {other}?"]
    else:
        side = ("above", "under")[which]
        asked = [f"what is {side} the {other}?", f"what do you see {side} the {other}?"]
        asked += [f"what is {('up in the sky', 'down on the ground')[which]}?"]
    return rng.choice(asked), words.a(words.name(scene.things[which])), which


def count(scene: Scene, rng) -> tuple[str, str]:
    """How many animals, or vehicles; mostly of a class that is there."""
    there = [c for c in ("animal", "vehicle") if any(t.kind in CLASSES[c] for t in scene.things)]
    asked = rng.choice(there) if there and rng.random() < .75 else rng.choice(("animal", "vehicle"))
    return (rng.choice(COUNT).format(asked),
            NUMBERS[sum(t.kind in CLASSES[asked] for t in scene.things)])


def questions(scene: Scene, rng) -> list[tuple[str, str]]:
    """Five questions with their answers, one of each of TYPES, in this order."""
    coloured, placed = rng.choice(scene.things), rng.choice(scene.things)
    return [(rng.choice(COLOUR).format(words.noun(coloured, rng)), coloured.colour),
            ask_thing(scene, rng)[:2],
            (rng.choice(SETTING), scene.setting),
            (rng.choice(POSITION).format(words.noun(placed, rng)), SIDE[placed.place]),
            count(scene, rng)]


def follow(scene: Scene, which: int, rng) -> tuple[str, str]:
    """A second question that makes sense only after the first: `it` is what was named."""
    thing, rest = scene.things[which], scene.things[1 - which:][:1]
    asked = [(q, thing.colour) for q in AND_COLOUR] + [(q, SIDE[thing.place]) for q in AND_PLACE]
    if words.SIZE_WORDS[thing.size] and len(scene.things) == 1:
        asked.append(("is it big or small?", thing.size))
    if len(scene.things) == 2:
        other, answer = rest[0], words.a(words.name(rest[0]))
        asked = [a for a in asked if a[1] == thing.colour]
        beside = scene.relation == "left"
        asked += [("and what is next to it?" if beside else
                   f"and what is {('under', 'above')[which]} it?", answer),
                  ("what colour is the other one?", other.colour)]
    return rng.choice(asked)


def talk(scene: Scene, rng) -> list[dict]:
    """Four messages: a question, its answer, a question that leans on them, its answer."""
    question, answer, which = ask_thing(scene, rng)
    second, reply = follow(scene, which, rng)
    roles = ("user", "assistant") * 2
    return [{"role": r, "content": c} for r, c in zip(roles, (question, answer, second, reply))]
