"""Made-up facts about films, towns, people and goods, and how one asks for and tells them."""
from functools import cache

from data.recipes.skills import words

# relation: the kind of thing asked about, the kind of the answer, the search for it
RELATIONS = {
    "director": ("film", "person", "director of {e}"),
    "writer": ("film", "person", "writer of {e}"),
    "composer": ("film", "person", "composer of {e}"),
    "star": ("film", "person", "star of {e}"),
    "producer": ("film", "person", "producer of {e}"),
    "place": ("film", "place", "filming place of {e}"),
    "year": ("film", "year", "release year of {e}"),
    "length": ("film", "length", "length of {e}"),
    "mayor": ("place", "person", "mayor of {e}"),
    "founder": ("place", "person", "founder of {e}"),
    "native": ("place", "person", "person born in {e}"),
    "birthplace": ("person", "place", "birthplace of {e}"),
    "birthyear": ("person", "birth", "birth year of {e}"),
    "first": ("person", "film", "first film of {e}"),
    "filmby": ("person", "film", "film directed by {e}"),
    "price": ("good", "price", "{e} price"),
}
DESCRIBED = {
    "place": ["the town where {e} was filmed", "the place where {e} was shot",
              "the town in which {e} was made", "the filming place of {e}"],
    "director": ["the director of {e}", "the person who directed {e}", "the maker of {e}"],
    "writer": ["the writer of {e}", "the person who wrote {e}"],
    "composer": ["the composer of {e}", "the person who wrote the music for {e}"],
    "star": ["the star of {e}", "the actor with the main role in {e}"],
    "filmby": ["{m} of the film that {e} directed", "{m} of the film by {e}"],
}
FILM = [r for r, (kind, _, _) in RELATIONS.items() if kind == "film"]
HOPS = ([("place", r) for r in ("mayor", "founder", "native")] * 2
        + [(p, r) for p in ("director", "writer", "composer", "star")
           for r in ("birthplace", "birthyear", "first")] + [("filmby", "price")] * 3)
MERCHANDISE = ["poster", "soundtrack", "script", "photo book", "tape", "postcard"]
OPENERS = ["A Winter in", "The Road to", "Return to", "Summer in", "Nights in", "Goodbye to"]
VARIANTS = ["with a gift box", "for children", "with a cover", "set", "of last year", "with a bag"]
UNITS = ["dollars"] * 4 + ["pounds", "euros", "crowns", "francs"]


def upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


@cache
def whole(kind: str) -> tuple:
    """All lines of a bank: used where only their combinations are held out."""
    return words.bank(kind, "train") + words.bank(kind, "test")


@cache
def rows(kind: str, relation: str) -> tuple:
    """The lines "relation|..." of a bank, each split into its other columns."""
    return tuple(tuple(line.split("|")[1:]) for line in whole(kind)
                 if line.startswith(relation + "|"))


def film(rng, split: str) -> str:
    """A made-up title such as "The Silent Orchard"; noun, town or name is held out."""
    noun, form = words.pick(rng, "film_nouns", split), rng.random()
    if form < 0.6:
        return f"The {rng.choice(whole('film_adjectives'))} {noun}"
    if form < 0.7:
        return f"The {noun} of {words.place(rng, split)}"
    if form < 0.8:
        return f"{rng.choice(OPENERS)} {words.place(rng, split)}"
    if form < 0.9:
        return f"{words.person(rng, split)} and the {noun}"
    return f"The {words.invented(rng, split).capitalize()} {noun}"


def entity(rng, split: str, kind: str, unit: str = "") -> str:
    """A new thing of a kind of RELATIONS."""
    if kind == "film":
        return film(rng, split)
    if kind == "person":
        return words.full_name(rng, split)
    if kind == "place":
        return words.place(rng, split)
    if kind == "good":
        return words.good(rng, split)
    if kind == "year":
        return str(rng.randint(1930, 2024))
    if kind == "birth":
        return str(rng.randint(1890, 1989))
    if kind == "length":
        return f"{rng.randint(61, 199)} minutes"
    whole_number = rng.random() < 0.15
    price = rng.randint(2, 99) if whole_number else f"{rng.randint(100, 9999) / 100:.2f}"
    return f"{price} {unit or rng.choice(UNITS)}"


def like(rng, split: str, thing: str, kind: str) -> str:
    """Another thing of the kind, easily taken for the first."""
    last = thing.split()[-1]
    if kind == "good":
        others = [m for m in words.bank("materials", "train") if not thing.startswith(m)]
        return rng.choice([f"{rng.choice(others)} {last}", f"{thing} {rng.choice(VARIANTS)}"])
    if kind == "film" and last in whole("film_nouns"):
        others = [a for a in whole("film_adjectives") if a not in thing]
        return f"The {rng.choice(others)} {last}"
    return entity(rng, split, kind)


ALONE = ("It costs {v}.", "Its price is {v}.", "A pair costs {v}.", "The price is {v}.",
         "For {v} you get the {e}.", "It is made to last and costs {v}.", "This {e} costs {v}.",
         "It sells for {v}.", "You can have it for {v}.", "The {e}, made by hand, costs {v}.")


def told(rng, relation: str, about: str, value: str) -> str:
    """One sentence that tells a fact."""
    (text,) = rng.choice(rows("fact_sentences", relation))
    return text.format(e=about, v=value)


def fillers(rng, relation: str, count: int) -> list:
    """Sentences from the same kind of page that tell nothing asked for."""
    kind = {"film": "film", "good": "shop"}.get(RELATIONS[relation][0], "people")
    return rng.sample(whole(f"fillers_{kind}"), count)


def page(rng, split: str, relation: str, about: str, value: str) -> str:
    """What a search finds: the fact, at times among others and among chatter."""
    kind, answer, _ = RELATIONS[relation]
    said, extra = [told(rng, relation, about, value)], rng.random()
    unit = value.split()[-1] if relation == "price" else ""
    if unit and rng.random() < 0.15:             # a page about this good alone
        said, extra = [rng.choice(ALONE).format(e=about, v=value)], 1.0
    if extra < 0.3:
        other = like(rng, split, about, kind)
        said.append(told(rng, relation, other, entity(rng, split, answer, unit)))
    elif extra < 0.4 and kind == "film":
        second = rng.choice(["director", "writer", "composer", "star", "producer"])
        if second != relation:
            said.append(told(rng, second, about, entity(rng, split, "person")))
    said += fillers(rng, relation, rng.choice([0, 0, 0, 1, 1, 2, 3]))
    rng.shuffle(said)
    return " ".join(said)


def plain(text: str) -> str:
    """The text without the mark where a polite phrase may stand."""
    return text.replace("^", "")


def core(rng, relation: str, embedded: bool = False) -> str:
    """A question in lower case with the slot {e} and a mark, as "who ^directed {e}"."""
    forms = rng.choice(rows("fact_questions", relation))
    return forms[-1] if embedded else forms[0]


def hop_core(rng, first: str, second: str) -> str:
    """A question over two facts, as "who is the mayor of the town where {e} was filmed".

    The ware of the last kind, such as a poster, stands in the slot {m}.
    """
    text = plain(core(rng, second))
    while text.startswith("by whom") or text.endswith("mayor"):  # unreadable with a clause inside
        text = plain(core(rng, second))
    return text.replace("{e}", rng.choice(DESCRIBED[first]))


def chain(rng, split: str, first: str, second: str) -> tuple:
    """The things of a question over two facts.

    What it names, the value found first, what is asked next, its value, the ware or "".
    """
    kind, answer, _ = RELATIONS[first]
    about, middle = entity(rng, split, kind), entity(rng, split, answer)
    ware = rng.choice(MERCHANDISE) if second == "price" else ""
    asked = f"{ware} of {middle}" if ware else middle
    return about, middle, asked, entity(rng, split, RELATIONS[second][1]), ware
