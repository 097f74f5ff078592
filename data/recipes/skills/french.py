"""A small grammar of English sentences with their French translations.

Agreement, elision (l', d', n'), cet/mon/bel before vowels, and adjectives that mostly
follow their noun: what a dictionary used word by word gets wrong.
"""
import re
from typing import NamedTuple

from data.recipes.skills import words
from data.recipes.skills.french_words import (
    Adjective,
    Noun,
    adjectives,
    english_s,
    many,
    nouns,
    verbs,
)

VOWELS = "aeiouyhàâéèêëîïôœùû"                       # the banks hold no aspirated h
BEFORE_VOWEL = {"beau": "bel", "vieux": "vieil", "nouveau": "nouvel"}
# English: (plural?, French masculine, feminine, plural)
ARTICLES = {
    "the": (None, "le", "la", "les"), "a": (False, "un", "une", ""), "my": (None, "mon", "ma",
    "mes"), "our": (None, "notre", "notre", "nos"), "their": (None, "leur", "leur", "leurs"),
    "this": (False, "ce", "cette", ""), "these": (True, "", "", "ces"),
    "some": (True, "", "", "des"), "two": (True, "", "", "deux"),
    "three": (True, "", "", "trois"), "five": (True, "", "", "cinq"),
    "many": (True, "", "", "beaucoup de")}
OFTEN = ["the"] * 8 + ["a"] * 6 + ["my", "our", "their", "this"] * 2 + [
    "these", "these", "some", "some", "two", "three", "five", "many"]
PLACES = {"in": "dans", "behind": "derrière", "in front of": "devant", "near": "près de"}
STARTS = [("", "")] * 8 + [("Today, ", "aujourd'hui, "), ("Now, ", "maintenant, "),
                           ("Tonight, ", "ce soir, "), ("Every day, ", "chaque jour, ")]


class Phrase(NamedTuple):
    """A noun phrase in both languages; pair is (adjective, noun) or None."""
    en: str
    fr: str
    noun: Noun
    plural: bool
    pair: tuple | None


def agree(adjective: Adjective, noun: Noun, plural: bool) -> str:
    """The form of an adjective that goes with a noun."""
    form = adjective.m if noun.gender == "m" else adjective.f
    if plural:
        return many(form)
    if noun.gender == "m" and adjective.before and noun.fr[0] in VOWELS:
        return BEFORE_VOWEL.get(form, form)
    return form


def article(name: str, rest: str, noun: Noun, plural: bool, before: bool) -> str:
    """The French article before `rest`, joined to it."""
    _, masculine, feminine, several = ARTICLES[name]
    vowel = rest[0] in VOWELS
    if plural:
        if name == "many" or (name == "some" and before):
            return ("beaucoup " if name == "many" else "") + ("d'" if vowel else "de ") + rest
        return f"{several} {rest}"
    if vowel and name == "the":
        return f"l'{rest}"
    if vowel and name == "my":
        return f"mon {rest}"
    if vowel and name == "this" and noun.gender == "m":
        return f"cet {rest}"
    return f"{masculine if noun.gender == 'm' else feminine} {rest}"


def phrase(rng, kinds: str, described: float = 0.6, names=OFTEN) -> Phrase:
    """A determiner, often an adjective, and a noun of one of the kinds."""
    noun, name = rng.choice(nouns()[rng.choice(kinds)]), rng.choice(names)
    plural = ARTICLES[name][0]
    plural = rng.random() < 0.35 if plural is None else plural
    en, fr = (noun.ens, noun.frs) if plural else (noun.en, noun.fr)
    if rng.random() < described:
        adjective = rng.choice([a for a in adjectives() if noun.kind in a.kinds])
        form, en = agree(adjective, noun, plural), f"{adjective.en} {en}"
        fr = f"{form} {fr}" if adjective.before else f"{fr} {form}"
        pair, before = (adjective.en, noun.en), adjective.before
    else:
        pair, before = None, False
    head = words.a(en) if name == "a" else f"{name} {en}"
    return Phrase(head, article(name, fr, noun, plural, before), noun, plural, pair)


def place(rng) -> tuple:
    """("near the river", "près de la rivière", noun phrase)."""
    how = rng.choice(list(PLACES))
    where = phrase(rng, "l" if how == "in" else "lo", 0.3, ["the"])
    if how == "in" and where.noun.en == "farm":
        return f"on {where.en}", f"à {where.fr}", where
    fr = f"{PLACES[how]} {where.fr}"
    fr = re.sub(r"\bde le ", "du ", re.sub(r"\bde les ", "des ", fr))
    return f"{how} {where.en}", fr, where


def act(rng, who: Phrase) -> tuple:
    """Verb and object: (English, French, noun phrases)."""
    verb = rng.choice([v for v in verbs() if who.noun.kind in v.subjects])
    not_ = rng.random() < 0.15
    en = verb.en if who.plural else english_s(verb.en)
    fr = verb.frs if who.plural else verb.fr
    if not_:
        en = f"{'do' if who.plural else 'does'} not {verb.en}"
        fr = ("n'" if fr[0] in VOWELS else "ne ") + f"{fr} pas"
    if not verb.objects:
        return en, fr, []
    what = phrase(rng, verb.objects, 0.6, ["the", "my", "our", "their"] if not_ else OFTEN)
    return f"{en} {what.en}", f"{fr} {what.fr}", [what]


def sentence(rng) -> tuple:
    """(English, French, its (adjective, noun) pairs)."""
    who, tail = phrase(rng, "pppnn"), []
    if rng.random() < 0.15:
        who = phrase(rng, "pntflo", 0.3)
        adjective = rng.choice([a for a in adjectives() if who.noun.kind in a.kinds])
        while who.pair and who.pair[0] == adjective.en:
            adjective = rng.choice([a for a in adjectives() if who.noun.kind in a.kinds])
        form = agree(adjective._replace(before=False), who.noun, who.plural)
        en = f"{'are' if who.plural else 'is'} {adjective.en}"
        fr, own = f"{'sont' if who.plural else 'est'} {form}", [(adjective.en, who.noun.en)]
    else:
        en, fr, tail = act(rng, who)
        own = []
        if len(tail) == 0 or rng.random() < 0.15:
            more = place(rng)
            en, fr, tail = f"{en} {more[0]}", f"{fr} {more[1]}", [*tail, more[2]]
    pairs = own + [p.pair for p in (who, *tail) if p.pair]
    start, debut = rng.choice(STARTS)
    en, fr = f"{start}{who.en} {en}.", f"{debut}{who.fr} {fr}."
    return en[0].upper() + en[1:], fr[0].upper() + fr[1:], pairs
