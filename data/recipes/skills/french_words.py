"""The dictionary of the toy translations, from banks/french_*.txt."""
import re
from functools import cache
from typing import NamedTuple

from data.recipes.skills import words


class Noun(NamedTuple):
    """An English noun and its French one: gender m or f; kind p, n, t, f, l or o."""
    en: str
    fr: str
    gender: str
    kind: str
    ens: str
    frs: str


class Adjective(NamedTuple):
    """English, French masculine and feminine, the kinds of noun it goes with."""
    en: str
    m: str
    f: str
    kinds: str
    before: bool


class Verb(NamedTuple):
    """English base form, French third persons, kinds of subject and of object."""
    en: str
    fr: str
    frs: str
    subjects: str
    objects: str


def many(word: str) -> str:
    """The French plural."""
    if word[-1] in "sxz":
        return word
    if word.endswith("eau"):
        return word + "x"
    return word + "s"


def english_s(word: str) -> str:
    """"watch" -> "watches": the plural of a noun or the third person of a verb."""
    head, _, tail = word.partition(" ")
    if re.search(r"(s|x|z|ch|sh|o)$", head):
        head += "es"
    elif re.search(r"[^aeiou]y$", head):
        head = head[:-1] + "ies"
    else:
        head += "s"
    return f"{head} {tail}".strip()


def rows(name: str, width: int) -> list:
    """The lines of a bank, cut at | and filled up to width."""
    lines = (words.BANKS / f"french_{name}.txt").read_text("utf-8").splitlines()
    return [(line.split("|") + [""] * width)[:width] for line in lines if line]


@cache
def nouns() -> dict:
    """Kind -> nouns."""
    found: dict = {}
    for en, fr, gender, kind, ens, frs in rows("nouns", 6):
        noun = Noun(en, fr, gender, kind, ens or english_s(en), frs or many(fr))
        found.setdefault(kind, []).append(noun)
    return found


@cache
def adjectives() -> tuple:
    return tuple(Adjective(en, m, f, kinds, place == "before")
                 for en, m, f, kinds, place in rows("adjectives", 5))


@cache
def verbs() -> tuple:
    return tuple(Verb(en, fr, frs or fr + "nt", subjects, objects)
                 for en, fr, frs, subjects, objects in rows("verbs", 5))


@cache
def dictionary() -> dict:
    """English word -> one French word, as a pocket dictionary gives it (masculine, singular).

    Plurals and verb forms are looked up under their own form; "look at" is two words.
    """
    small = {"the": "le", "a": "un", "an": "un", "my": "mon", "our": "notre", "their": "leur",
             "this": "ce", "these": "ces", "some": "des", "two": "deux", "three": "trois",
             "five": "cinq", "many": "beaucoup", "in": "dans", "behind": "derrière",
             "front": "devant", "of": "de", "near": "près", "is": "est", "are": "sont",
             "not": "pas", "do": "", "does": "", "at": "à", "for": "pour", "now": "maintenant",
             "today": "aujourd'hui", "tonight": "ce soir", "every": "chaque", "day": "jour"}
    found = {v.en.split()[0]: v.frs for v in verbs()}
    found |= {english_s(v.en.split()[0]): v.fr for v in verbs()}
    for noun in sum(nouns().values(), []):
        found |= {noun.en: noun.fr, noun.ens: noun.frs}
    return found | {a.en: a.m for a in adjectives()} | small


def word_by_word(text: str) -> str:
    """A translation that only looks up each word: the baseline of chapter 1."""
    found = [dictionary().get(w.lower(), w) for w in re.findall(r"\w+|[^\w\s]", text)]
    line = re.sub(r" ([.,])", r"\1", " ".join(w for w in found if w))
    return line[0].upper() + line[1:]
