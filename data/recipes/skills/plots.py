"""Heroes, things and plots: what the story skills put together."""
import re
from functools import cache
from typing import NamedTuple

from data.recipes.skills import words

COLOURS = ("red blue green yellow white black golden silver little tiny old "
           "beautiful striped shiny brown grey").split()
SETTINGS = ("on a farm", "by the sea", "in a forest", "in the mountains", "in a small village",
            "on an island", "in a big city", "near a lake", "in an old castle", "at the harbour")
FURRY = "mouse duck hare goat hen frog hedgehog squirrel".split()
FRIENDS = [*FURRY, *"girl boy neighbour child shepherd postman baker schoolboy".split()]
STATES = ("lost", "missing", "broken", "magic", "stolen")
# how a prompt can say which of two belongs to which kind of plot
ABOUT = {
    "lost": ("{h} and {a_lost}", "{h} and {a_missing}", "{h} who lost {t}", "{h} who loses {t}"),
    "broken": ("{h} and {a_broken}", "{a_broken} and {h}", "{h} who breaks {t}",
               "{h} who broke {t}"),
    "magic": ("{h} and {a_magic}", "{a_magic} and {h}", "{h} with {a_magic}",
              "{h} who has {a_magic}"),
    "stolen": ("{h} and {a_stolen}", "{a_stolen} and {h}"),
    "wish": ("{h} who wants {t}", "{h} who wishes for {t}", "{h} who dreams of {t}"),
    "find": ("{h} who finds {t}", "{h} who found {t}"),
    "": ("{h} and {t}", "{t} and {h}", "{h} with {t}"),
}


class Hero(NamedTuple):
    """Who a story is about; name and place may be empty, he is "he" or "she"."""

    noun: str
    name: str
    place: str
    he: str

    def short(self) -> str:
        return self.name or f"the {self.noun}"


@cache
def lines(kind: str) -> tuple:
    """All lines of banks/<kind>.txt: templates, which are not split."""
    return tuple((words.BANKS / f"{kind}.txt").read_text("utf-8").splitlines())


@cache
def plots() -> dict:
    """Kind -> plots; a plot is (its words, sentences), a sentence a list of wordings."""
    found: dict = {}
    for block in "\n".join(lines("story_plots")).split("= ")[1:]:
        kind, *rows = block.strip().split("\n")
        used = frozenset(re.findall(r"[a-z]+", " ".join(rows).lower()))
        found.setdefault(kind, []).append((used, [row.split(" | ") for row in rows]))
    return found


def hero_noun(rng, split: str) -> str:
    """An animal, an occupation or somebody from a fairy tale."""
    return words.pick(rng, rng.choice(("animals", "occupations", "story_heroes")), split)


def gender(noun: str, name: str = "") -> str:
    """"he" or "she" where the words decide it, else ""."""
    for word in (noun, name):
        if word in lines("story_men"):
            return "he"
        if word in lines("story_women"):
            return "she"
    return "she" if name in lines("first_names") else ""


def name_for(rng, split: str, noun: str) -> str:
    """A first name that goes with the noun ("queen": no man's name)."""
    while True:
        name = words.person(rng, split)
        if gender(noun) in ("", gender("", name) or gender(noun)):
            return name


def thing(rng, split: str, kind: str) -> str:
    """A thing with or without an adjective, such as "silver kite"; soft ones do not break."""
    hard = kind == "broken" or rng.random() < 0.6
    noun = words.pick(rng, "story_things" if hard else "story_soft", split)
    if " " in noun or rng.random() < 0.5:
        return noun
    return f"{rng.choice(COLOURS)} {noun}"


def noun_of(phrase: str) -> str:
    """"silver kite" -> "kite"; "toy boat" stays."""
    first, _, rest = phrase.partition(" ")
    return rest if first in COLOURS else phrase


def hero(rng, split: str, noun: str = "", named: float = 0.4) -> Hero:
    """Somebody new, sometimes with a name and a place."""
    noun = noun or hero_noun(rng, split)
    name = name_for(rng, split, noun) if rng.random() < named else ""
    place = ""
    if rng.random() < 0.25:
        place = rng.choice(SETTINGS) if rng.random() < 0.6 else f"in {words.place(rng, split)}"
    return Hero(noun, name, place, gender(noun, name) or rng.choice(("he", "she")))


def about(rng, who: Hero, phrase: str, kind: str) -> str:
    """The subject as a prompt says it: "a fox named Mira who lost a silver kite"."""
    head = words.a(who.noun)
    if who.name:
        head = rng.choice((f"{head} named {who.name}", f"{who.name} the {who.noun}"))
    pattern = rng.choice(ABOUT[kind])
    states = {f"a_{k}": words.a(f"{k} {phrase}") for k in STATES}
    text = pattern.format(h=head, t=words.a(phrase), **states)
    return f"{text} {who.place}" if who.place else text


def intro(rng, who: Hero, trait: str = "") -> str:
    """The first mention in a story."""
    where = f"from {who.place[3:]}" if who.place[3:4].isupper() else f"who lived {who.place}"
    tail = f" {where}" if who.place else ""
    noun = words.a(f"{trait} {who.noun}".strip())
    if who.name and (tail or trait):
        return f"{who.name}, {noun}{tail},"
    if who.name:
        return rng.choice((f"{who.name} the {who.noun}", f"{noun} named {who.name}"))
    return noun + tail


def capital(text: str) -> str:
    """Capital letters at the start of each sentence."""
    return re.sub(r'(^|(?<=[.!?] ))("?)([a-z])', lambda m: m[2] + m[3].upper(), text)


def fitting(rng, kind: str, taken: set) -> list:
    """The sentences of a plot of this kind in which none of the words taken occurs."""
    kind = kind or rng.choice(("lost", "broken", "wish", "find", "stolen"))
    ready = [rows for used, rows in plots()[kind] if not taken & used]
    return rng.choice(ready or [rows for _, rows in plots()[kind]])


def story(rng, who: Hero, phrase: str, kind: str, trait: str = "") -> str:
    """A story of about 40 to 66 words."""
    tries = [_story(rng, who, phrase, kind, trait)]
    while len(tries[-1].split()) > 66 and len(tries) < 6:
        tries.append(_story(rng, who, phrase, kind, trait))
    return min(tries, key=len) if len(tries) == 6 else tries[-1]


def _story(rng, who: Hero, phrase: str, kind: str, trait: str) -> str:
    """A plot with its slots filled."""
    taken = set(who.noun.split()) | set(noun_of(phrase).split())
    if not kind and noun_of(phrase) in lines("story_soft"):
        kind = rng.choice(("lost", "wish", "find", "stolen"))
    rows = fitting(rng, kind, taken)
    friend = rng.choice([f for f in FRIENDS if f not in taken])
    animal = friend if friend in FURRY else rng.choice([f for f in FURRY if f not in taken])
    him, his = ("him", "his") if who.he == "he" else ("her", "her")
    slots = {"o": intro(rng, who, trait), "h": who.short(), "he": who.he, "him": him, "his": his,
             "t": phrase, "at": words.a(phrase), "n": noun_of(phrase), "f": friend,
             "af": words.a(friend), "fa": animal, "aa": words.a(animal)}
    text = " ".join(capital(rng.choice(row).format_map(slots)) for row in rows)
    return text.replace(",,", ",").replace(",.", ".").replace(",?", "?")
