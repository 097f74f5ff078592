"""Invented facts for the grounded skills: subjects, values, statements, questions, scenes.

The relations stand in banks/relations.toml. Subjects and values belong to the split they
are made for, and so do the wordings of the questions; the relations are shared.
"""
import re
import tomllib
from functools import cache
from typing import NamedTuple

from data.recipes.skills import words

_TITLES = ["The {adj} {noun}", "{adj} {noun}", "The {noun} of {place}", "The {noun} in the {noun}"]
KINDS = {
    "film": _TITLES, "book": [*_TITLES, "A {adj} {noun}", "{noun} and {noun}"],
    "song": ["{adj} {noun}", "{noun} in {place}", "My {adj} {noun}"], "town": ["{place}"],
    "building": ["the {word} Tower", "the {word} House", "{place} Castle", "the {noun} Hall"],
    "bridge": ["the {word} Bridge", "the {noun} Bridge", "{place} Bridge"], "company": ["{firm}"],
    "invention": ["the {word} engine", "the {word} pump", "the {word} loom", "the {word} press"],
    "good": ["the {good}"], "museum": ["the {word} Museum", "the {noun} Museum",
                                       "the Museum of {place}"],
    "dish": ["{word} soup", "{place} pie", "{word} stew", "{place} cake", "{word} salad"],
    "team": [f"the {{place}} {team}" for team in "Otters Wolves Bears Eagles Lions Kites".split()],
    "river": ["the River {word}"], "mountain": ["Mount {word}", "the {word} Peak"],
    "lake": ["Lake {word}", "the {word} Pond"], "ship": ["the {adj} {noun}", "the ship {word}"],
    "festival": ["the {word} Festival", "the {noun} Festival", "the {place} Fair"],
    "planet": ["the planet {word}", "the planet {code}"],
    "school": ["the {word} School", "the {place} School", "{word} College"],
    "machine": ["the {word} crane", "the machine {code}", "the {word} press", "the {word} mill"],
    "plant": ["the {word} fern", "the {word} lily", "the {word} rose", "the {word} thistle"],
    "person": ["{name}"], "pet": ["{word} the {animal}", "{first} the {animal}"],
    "island": ["the island of {word}", "{word} Island"],
    "train": ["the {word} Express", "the {place} Express", "the {noun} Express"],
    "cafe": ["the {word} Inn", "the {noun} Inn", "the {noun} Cafe", "the {word} Kitchen"],
    "painting": ["the painting {adj} {noun}", "the painting The {noun}"],
    "program": ["the program {word}", "the app {word}"],
    "hotel": ["Hotel {word}", "the {noun} Hotel", "the {word} Hotel"],
    "course": ["the {place} {topic} course", "the {word} {topic} course"],
}
PRONOUNS = {"team": "They", "person": None}
NOT_PLACES = "film book song company invention good dish team planet machine plant person pet " \
             "painting program course train ship".split()
MONTHS = "January February March April May June July August September October November " \
         "December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
LEADS = [""] * 12 + [
    "Tell me: ", "Please tell me: ", "I want to know: ", "Please answer: ", "My question is: ",
    "I would like to know: ", "Say: ", "Can you tell me: ", "Let me ask: ", "One question: ",
    "Please say: ", "I ask you: ", "This is what I want to know: ", "Help me: ", "Answer me: ",
    "Find out: ", "I wonder: ", "Do you know: "]


class Relation(NamedTuple):
    """A relation of banks/relations.toml."""
    kind: str
    name: str
    value: str
    say: tuple
    ask: tuple


class Fact(NamedTuple):
    """A subject, a relation and the value they have."""
    subject: str
    rel: Relation
    value: str


@cache
def relations() -> dict:
    """The relations of each kind of subject."""
    table = tomllib.loads((words.BANKS / "relations.toml").read_text("utf-8"))
    return {kind: [Relation(kind, name, r["value"], tuple(r["say"]), tuple(r["ask"]))
                   for name, r in group.items()] for kind, group in table.items()}


def cap(text: str) -> str:
    """The text with a capital first letter."""
    return text[0].upper() + text[1:]


def word(rng, split: str) -> str:
    """A short invented proper name."""
    return words.invented(rng, split, rng.choice([1, 2, 2])).capitalize()


def firm(rng, split: str) -> str:
    """An invented company."""
    ends = ["Works", "Brothers", "Group", "and Sons", "Mills", "Trading", "Press", "Company"]
    return f"{word(rng, split)} {rng.choice(ends)}"


MAKERS = {
    "word": word, "firm": firm, "place": words.place, "name": words.full_name,
    "first": words.person, "good": words.good, "code": words.code,
    "noun": lambda rng, split: words.pick(rng, "title_nouns", split),
    "adj": lambda rng, split: words.pick(rng, "title_adjectives", "train"),
    "animal": lambda rng, split: words.pick(rng, "animals", split),
    "topic": lambda rng, split: words.pick(rng, "topics", split),
    "river": lambda rng, split: f"the River {word(rng, split)}",
    "mount": lambda rng, split: f"Mount {word(rng, split)}",
}
SHAPES = {
    "date": lambda rng: f"{rng.randint(1, 28)} {rng.choice(MONTHS)}",
    "month": lambda rng: f"{rng.choice(['early', 'mid', 'late'])} {rng.choice(MONTHS)}",
    "time": lambda rng: f"{rng.randint(6, 22)}:{rng.randrange(0, 60, 5):02d}",
    "weekday": lambda rng: f"{rng.choice(DAYS)} at {rng.randint(7, 20)}:{rng.choice(['00', '30'])}",
    "phone": lambda rng: f"{rng.randint(200, 999)} {rng.randint(1000, 9999)}",
    "colour": lambda rng: rng.choice("dark pale bright light deep soft".split()) + " "
    + rng.choice("red blue green yellow brown grey pink orange purple".split()),
}


def subject(rng, split: str, kind: str) -> str:
    """An invented subject, such as "Lake Brenot"."""
    return re.sub(r"\{(\w+)\}", lambda m: MAKERS[m[1]](rng, split), rng.choice(KINDS[kind]))


def _number(rng, spec: str) -> str:
    """A value of a spec such as "num 10-90 metres", "year 1800-1900" or "price 2-9"."""
    shape, span, *unit = spec.split(" ", 2)
    low, high = map(int, span.split("-"))
    n = rng.randint(low, high)
    if shape == "year":
        return str(n)
    if shape == "price":
        return f"{n}.{rng.randrange(5, 100, 5):02d} euros" if n == 1 or rng.random() < 0.6 \
            else f"{n} euros"
    return f"{n // 100 * 100 if n > 9999 else n:,} {unit[0]}"


def value(rng, split: str, spec: str) -> str:
    """A value of the kind that a relation asks for."""
    shape = spec.split(" ", 1)[0]
    if shape in MAKERS:
        return MAKERS[shape](rng, split)
    if shape in ("bank", "a"):
        thing = words.pick(rng, spec.split()[1], split)
        return words.a(thing) if shape == "a" else thing
    if shape in SHAPES:
        return words.until(lambda: SHAPES[shape](rng), split)
    return words.until(lambda: _number(rng, spec), split)


def fresh(make, used: list) -> str:
    """What make() returns, once it neither holds nor is held by a text already used."""
    while True:
        text = make()
        low = text.lower()
        if not any(low in u or u in low for u in used):
            used.append(low)
            return text


def new_fact(rng, split: str, rel: Relation, used: list, who: str | None = None) -> Fact:
    """A fact of a relation about a new subject, or about who."""
    who = who or fresh(lambda: subject(rng, split, rel.kind), used)
    return Fact(who, rel, fresh(lambda: value(rng, split, rel.value), used))


def statement(fact: Fact, template: str | None = None) -> str:
    """The sentence that says a fact, in the first wording if none is given."""
    return cap((template or fact.rel.say[0]).format(s=fact.subject, v=fact.value))


def told(rng, fact: Fact, pronoun: bool = False) -> str:
    """The fact in any of its wordings; with a pronoun where it follows its subject."""
    template = rng.choice(fact.rel.say)
    he = PRONOUNS.get(fact.rel.kind, "It")
    if pronoun and he and template.startswith("{s} ") and rng.random() < 0.6:
        return statement(fact._replace(subject=he), template)
    return statement(fact, template)


@cache
def _questions(rel: Relation, split: str) -> tuple:
    every = [lead + (ask[0].lower() + ask[1:] if lead else ask)
             for lead in LEADS for ask in rel.ask]
    return tuple(q for q in every if words.side(q) == split)


def question(rng, split: str, fact: Fact) -> str:
    """A question that the fact answers."""
    return rng.choice(_questions(fact.rel, split)).format(s=fact.subject)


def filler(rng, split: str, kind: str) -> str:
    """A sentence that says nothing one could ask for."""
    place = kind not in NOT_PLACES and rng.random() < 0.4
    return words.pick(rng, "fact_fillers_place" if place else "fact_fillers", split)
