"""Words for the skills, split into train and test by construction.

The side of a word, a wording or a number problem is decided by its hash, so what a test
case uses cannot occur in training, whatever the seed.
"""
import hashlib
import re
from functools import cache
from pathlib import Path

BANKS = Path(__file__).parent / "banks"
HELD_OUT = 7                                    # one in seven belongs to the test
ONSETS = "b br c ch cl d dr f fl g gr h j k kr l m n p pl pr qu r s sh st t th tr v w z".split()
VOWELS = "a e i o u a e i o u ai ea ee ie oa ou".split()
CODAS = "b ck d g l ll m n n n nd ng p r r rn s sk st t th x".split()
PLACE_ENDS = "bury dale field ford haven holm mere mouth ton vale wick by stad berg".split()


def side(text) -> str:
    """"test" for one text in HELD_OUT, else "train"; capitals do not count."""
    digest = hashlib.sha1(str(text).lower().encode()).digest()
    return "test" if digest[0] % HELD_OUT == 0 else "train"


@cache
def bank(kind: str, split: str) -> tuple:
    """The words of banks/<kind>.txt (one a line) that belong to a split."""
    lines = (BANKS / f"{kind}.txt").read_text("utf-8").splitlines()
    return tuple(w for w in lines if w and side(w) == split)


def pick(rng, kind: str, split: str) -> str:
    """One word of a bank."""
    return rng.choice(bank(kind, split))


def until(make, split: str, key=str):
    """Call make() until what it returns belongs to the split (judged by key(value))."""
    while True:
        value = make()
        if side(key(value)) == split:
            return value


def wording(rng, split: str, *parts) -> str:
    """A sentence put together from one choice of each list of parts.

    The whole sentence belongs to one side: test wordings are never seen in training,
    while their words are. Give it at least 30 combinations.
    """
    return until(lambda: "".join(rng.choice(p) for p in parts), split)


def invented(rng, split: str, syllables: int = 2) -> str:
    """An invented lower-case word such as "brenotal"."""
    def make():
        return "".join(rng.choice(ONSETS) + rng.choice(VOWELS)
                       for _ in range(syllables)) + rng.choice(CODAS)
    return until(make, split)


@cache
def lexicon() -> tuple:
    """Lower-case words of public tales, without those held out; () where no tales are."""
    from data.recipes import kit
    from utils import HandsOnError

    try:
        seen = {w for text in kit.tales(limit=3_000_000) for w in re.findall(r"[a-z]{4,10}", text)}
    except HandsOnError:
        return ()
    return tuple(sorted(w for w in seen if side(w) == "train"))


def rare(rng) -> str:
    """Any word of any kind, real or invented, for training to copy what it seldom sees."""
    real = lexicon() and rng.random() < 0.7
    return rng.choice(lexicon()) if real else invented(rng, "train")


def person(rng, split: str) -> str:
    """A first name: real two times in three, else invented."""
    if rng.random() < 2 / 3:
        return pick(rng, "first_names", split)
    return invented(rng, split, rng.choice([1, 2])).capitalize()


def full_name(rng, split: str) -> str:
    """First name and an invented family name."""
    return f"{person(rng, split)} {invented(rng, split).capitalize()}"


def place(rng, split: str) -> str:
    """An invented town such as "Tarnwick"."""
    def make():
        stem = rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
        return (stem + rng.choice(PLACE_ENDS)).capitalize()
    return until(make, split)


def good(rng, split: str) -> str:
    """Something one can buy, such as "oak lamp"; the noun is held out."""
    return f"{pick(rng, 'materials', 'train')} {pick(rng, 'goods', split)}"


def ware(rng, split: str) -> str:
    """A good; in training one in three has odd words, so that any name is copied."""
    if split == "test" or rng.random() < 2 / 3:
        return good(rng, split)
    words = [pick(rng, "goods", split).split()[-1], rare(rng), rare(rng), rare(rng)]
    return " ".join(rng.sample(words, rng.choice([2, 2, 3])))


def code(rng, split: str) -> str:
    """A product code such as "QX-417"."""
    def make():
        letters = "".join(rng.choice("ABCDEFGHKLMNPQRSTVXZ") for _ in range(2))
        return f"{letters}-{rng.randint(100, 999)}"
    return until(make, split)


def a(word: str) -> str:
    """The word with its article."""
    return ("an " if word[0] in "aeiou" else "a ") + word
