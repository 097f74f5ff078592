"""Skills around a product (name, slogan, pitch) and small talk; stories.py lists them."""
import re
import tomllib
from functools import cache
from typing import NamedTuple

from data.recipes.skills import words

COLOURS = ("red", "blue", "green", "yellow")
ADJECTIVES = ("", "small", "simple", "handy", "new", "pretty", "modern", "sturdy", *COLOURS)
ASK = ("Write ", "Give me ", "Invent ", "Find ", "Create ", "Please write ", "Make ", "Suggest ")
MEET = ("Meet {N}, the {p}.", "This is {N}, the {p}.", "{N} is the {p}.")
THEN = ("Now you can {v}.", "At last you can {v}.", "This way you can {v}.")
HELLO = ("Hello! ", "Hi! ", "Hey! ", "Good morning! ", "Good evening! ", "Hi there! ")
OPEN = {"greet": ("", "Oh, ", "Well, "), "say": ("", *HELLO, "Hello there! ", "Good day! "),
        "ask": ("", *HELLO, "Excuse me. ", "One question: ", "Just one question: ", "Tell me: ")}
CLOSE = {"greet": ("!", ".", ", my friend!", ", dear friend.", ", friend!", ", my friend."),
         "ask": ("", " Please answer me.", " I want to know.", " I am curious."), "say": ("",)}


class Product(NamedTuple):
    """What a product is: "small", "lamp", the bank's line about its feature."""

    adjective: str
    noun: str
    feature: str
    part: str
    benefits: tuple

    def text(self) -> str:
        return f"{self.adjective} {self.noun} that {self.feature}".strip()


def _case(skill: str, prompt: str, answer: str, **gold) -> dict:
    return {"skill": skill, "gold": gold, "messages": [
        {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}


@cache
def _nouns(split: str) -> tuple:
    """(noun, class) of the products of a split."""
    rows = (row.partition(":") for row in _lines("pitch_products"))
    return tuple((noun, kind) for kind, _, nouns in rows
                 for noun in nouns.split() if words.side(noun) == split)


@cache
def _features(split: str) -> tuple:
    """(phrase, part of a name, classes it fits, benefits) of a split."""
    parted = (row.split("|") for row in _lines("pitch_features"))
    return tuple((phrase, part, fits, tuple(gains.split(";")))
                 for phrase, part, fits, gains in parted if words.side(phrase) == split)


@cache
def _lines(kind: str) -> tuple:
    return tuple((words.BANKS / f"{kind}.txt").read_text("utf-8").splitlines())


@cache
def _intents() -> tuple:
    return tuple(tomllib.loads((words.BANKS / "openers.toml").read_text("utf-8"))["intent"])


def _product(rng, split: str) -> Product:
    """A noun with a feature that fits it."""
    while True:
        noun, kind = rng.choice(_nouns(split))
        phrase, part, fits, gains = rng.choice(_features(split))
        if (fits == "*" or {noun, kind} & set(fits.split())) and part.lower() != noun:
            adjective = rng.choice(ADJECTIVES)
            if "colour" in phrase and adjective in COLOURS:
                adjective = ""
            return Product(adjective, noun, phrase, part, gains)


def _name(rng, split: str, product: Product) -> str:
    """"SunLamp", or an invented name two times in five."""
    if rng.random() < 0.4:
        return words.invented(rng, split).capitalize()
    return product.part + product.noun.capitalize()


def product_name(rng, split: str) -> dict:
    """A name made of two words of the description."""
    product = _product(rng, split)
    prompt = words.wording(
        rng, split, ("Give ", "Find ", "Invent ", "Suggest ", "Think of ", "Create ", "I need "),
        ("a name", "one name", "a short name", "a good name", "a product name", "a brand name"),
        (" for a product: ", " for this product: ", " for our new product: ", " for my product: "),
        ("{p}.",)).format(p=words.a(product.text()))
    answer = product.part + product.noun.capitalize()
    return _case("product_name", prompt, answer, noun=product.noun, text=product.text())


def score_product_name(case, answer: str) -> dict:
    """One word: a piece of the description, then its noun with a capital letter."""
    noun = case["gold"]["noun"].capitalize()
    head = answer.removesuffix(noun)
    pieces = [w for w in case["gold"]["text"].split() if w != case["gold"]["noun"]]
    return {"noun": answer.endswith(noun) and head != "",
            "piece": len(head) > 2 and head[0].isupper()
            and any(w.startswith(head.lower()[:-1]) for w in pieces)}


def _fill(pattern: str, subject: str, gain: str) -> str:
    text = pattern.format(N=subject, v=gain, V=gain[0].upper() + gain[1:])
    return text[0].upper() + text[1:]


def _named_slogan(rng, split: str, product: Product, gain: str) -> dict:
    """A slogan with the name that the prompt gives."""
    name = _name(rng, split, product)
    prompt = words.wording(
        rng, split, ASK, ("a slogan", "a short slogan", "an advertising slogan", "a catchy slogan",
                          "a good slogan"),
        (" for the product {n}, {p}.", " for {n}, {p}.", " for our new product {n}, {p}.",
         ".\nProduct: {n}, {p}", ".\nName: {n}\nProduct: {p}"))
    return _case("slogan", prompt.format(n=name, p=words.a(product.text())),
                 _fill(rng.choice(_lines("pitch_slogans")), name, gain), subject=name, most=2)


def slogan(rng, split: str) -> dict:
    """A slogan for a product with a name, or one sentence for one without."""
    product = _product(rng, split)
    text, gain = product.text(), rng.choice(product.benefits)
    if rng.random() < 0.6:
        return _named_slogan(rng, split, product, gain)
    prompt = words.wording(
        rng, split, ASK, ("a one-sentence slogan", "a slogan of one sentence",
                          "a slogan in one sentence", "a single-sentence slogan"),
        (" for {p}.", " for this product: {p}.", " that sells {p}.", ".\nProduct: {p}"))
    if rng.random() < 0.3:
        text = f"{product.adjective} {product.noun}".strip()
        gain = rng.choice(_lines("pitch_benefits"))
    single = [p for p in _lines("pitch_slogans") if not re.search(r"[.!?] ", p)]
    answer = _fill(rng.choice(single), f"this {product.noun}", gain)
    return _case("slogan", prompt.format(p=words.a(text)), answer, subject=product.noun, most=1)


def score_slogan(case, answer: str) -> dict:
    """The name as it was written, or the noun; one sentence where one was asked, else two."""
    gold = case["gold"]
    count = len(re.findall(r"[.!?](?=\s|$)", answer))
    return {"name": re.search(rf"\b{gold['subject']}\b", answer) is not None,
            "sentences": 1 <= count <= gold["most"]}


def pitch(rng, split: str) -> dict:
    """Two sentences: what it is, and the benefit of its slogan."""
    product = _product(rng, split)
    name, gain = _name(rng, split, product), rng.choice(product.benefits)
    prompt = words.wording(
        rng, split, ("Product: {p}\nName: {n}\nSlogan: {s}\n",
                     "Name: {n}\nProduct: {p}\nSlogan: {s}\n", "Product: {n}, {p}\nSlogan: {s}\n"),
        ("Write ", "Now write ", "Please write ", "Give me ", "Create ", "Make "),
        ("a sales pitch", "a pitch", "a short pitch", "a short sales pitch"),
        (" of two sentences.", " in two sentences.", " with two sentences."))
    prompt = prompt.format(p=words.a(product.text()), n=name,
                           s=_fill(rng.choice(_lines("pitch_slogans")), name, gain))
    answer = f"{rng.choice(MEET)} {rng.choice(THEN)}".format(N=name, p=product.text(), v=gain)
    return _case("pitch", prompt, answer, name=name, benefit=gain)


def score_pitch(case, answer: str) -> dict:
    """The name and the benefit are copied; two sentences."""
    return {"name": re.search(rf"\b{case['gold']['name']}\b", answer) is not None,
            "benefit": case["gold"]["benefit"] in answer.lower(),
            "sentences": len(re.findall(r"[.!?](?=\s|$)", answer)) == 2}


def opener(rng, split: str) -> dict:
    """Small talk with a fixed answer; the plainest wordings are always for training."""
    intent = rng.choice(_intents())
    kind = intent["kind"]
    while True:
        bare, close = rng.choice(intent["core"]), rng.choice(CLOSE[kind])
        open_ = rng.choice(OPEN[kind])
        text = open_ + (bare[0].lower() + bare[1:] if open_.endswith(", ") and
                        not bare.startswith("I ") else bare) + close
        plain = not open_ and close in ("", "!", ".")
        if split == ("train" if plain else words.side(text)):
            break
    name = words.person(rng, split)
    return _case("opener", text.format(name=name), intent["answer"].format(name=name))


def score_opener(case, answer: str) -> dict:
    """The fixed answer, word for word."""
    return {"right": answer == case["messages"][-1]["content"]}
