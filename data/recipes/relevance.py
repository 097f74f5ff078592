"""What `reranker` learns from: groups of a question, a passage that answers it, and others.

Five kinds: invented facts with their near misses, invented price lists with near-twin codes,
real questions of SQuAD, titles of papers with a piece of their abstract (too few real questions
are at hand to learn plain English from), and the tune split of `questions`. The others of a
real text are passages that the embedder, too, puts near it.
"""
import hashlib
import random
import re
from functools import cache
from typing import NamedTuple

from data.recipes import kit
from utils import corpora, models

GROUP, NEAR = 4, 12                             # passages of a group; nearest to choose from
SHARES = {"facts": 0.2, "codes": 0.1, "squad": 0.3, "titles": 0.2, "tune": 0.2}
TITLES = 1500
WORDS = 45                                      # of a piece of a SQuAD paragraph, about
SOLD = (("The {g} ({c}) costs {p}.", "{f}"), ("{f}", "Code {c} is the {g}, at {p}."),
        ("For {p} you get the {g}, code {c}.", "{f}"), ("The {g}, sold as {c}, is {p}.", "{f}"),
        ("The {g} {c}: {f}", "It is priced at {p}."))
MADE = ("It weighs {n} grams.", "It lasts for {n} weeks.", "It is {n} centimetres long.",
        "It comes in {n} colours.", "It holds {n} litres.", "It comes with {n} spare parts.")
WANTED = ("What does {c} cost?", "What is the price of {c}?", "How much is {c}?", "What is {c}?",
          "Which product has the code {c}?", "How expensive is {c}?", "Tell me about {c}.",
          "What does the {g} cost?", "How much do I pay for the {g}?", "Do you sell a {g}?")


class Case(NamedTuple):
    """A question with passages; `found` are the nearest of all by the embedder, best first."""

    question: str
    right: list                                 # answer it
    near: list                                  # do not, though they look like it
    grades: dict = {}
    found: list = []


def article(title: str) -> str:
    """"test" for half of the SQuAD articles, "validation" for one in eight, else "train"."""
    side = hashlib.sha1(title.encode()).digest()[0] % 8
    return "test" if side > 3 else "validation" if side == 3 else "train"


def held_back(question: str) -> bool:
    """One tune question in six decides what is kept instead of being learned."""
    return hashlib.sha1(question.encode()).digest()[0] % 6 == 0


def pieces(context: str) -> list[tuple]:
    """(start, text) of the pieces of a paragraph: whole sentences, about WORDS words."""
    found, start = [], 0
    for end in [m.end() for m in re.finditer(r"[.!?][\"')]* +(?=[A-Z\"'(])", context)] + [None]:
        if end is None or len(context[start:end].split()) >= WORDS * 2 / 3:
            found.append((start, context[start:end].strip()))
            start = end
    return [piece for piece in found if piece[1]]


def squad(part: str) -> tuple[list, list]:
    """(passages, [(question, right passage, answer)]) of the articles of a part."""
    data = kit.source("rajpurkar/squad", "validation")
    data = data[[article(t) == part for t in data["title"]]]
    pages = {c: pieces(c) for c in dict.fromkeys(data["context"])}
    asked = []
    for q, c, a in zip(data["question"], data["context"], data["answers"]):
        right = [text for at, text in pages[c] if at <= a["answer_start"][0]][-1]
        asked.append((q.strip(), right, a["text"][0]))
    return list(dict.fromkeys(t for page in pages.values() for _, t in page)), asked


@cache
def embedder():
    """The encoder that finds near passages."""
    from sentence_transformers import SentenceTransformer

    spec = models.find("embedder", "laptop")
    return SentenceTransformer(spec.path, **spec.options)


def nearest(questions: list, passages: list, n: int) -> list[list]:
    """The n passages nearest to each question by the embedder, best first."""
    show = dict(normalize_embeddings=True, show_progress_bar=False)
    near = embedder().encode(questions, **show) @ embedder().encode(passages, **show).T
    return [[passages[i] for i in row] for row in (-near).argsort(1, kind="stable")[:, :n]]


def squad_cases(part: str, n: int = NEAR) -> list[Case]:
    """Real questions; a near passage that holds the answer is neither right nor wrong."""
    passages, asked = squad(part)
    found = nearest([q for q, _, _ in asked], passages, n)
    return [Case(q, [right], [p for p in top if answer.lower() not in p.lower()], {right: 1}, top)
            for (q, right, answer), top in zip(asked, found)]


def own_cases(part: str, n: int = NEAR) -> list[Case]:
    """Answerable questions of a split of `questions`; passages of grade 2 or 3 are right."""
    table = corpora.load("passages", "laptop")["all"]
    text = dict(zip(table["id"], table["text"]))
    asked = [q for q in corpora.load("questions", "laptop")[part]
             if max(q["grades"].values(), default=0) >= 2]
    found = nearest([q["question"] for q in asked], list(text.values()), n)
    cases = []
    for q, top in zip(asked, found):
        grades = {text[p]: g for p, g in q["grades"].items()}
        cases.append(Case(q["question"], [p for p, g in grades.items() if g >= 2],
                          [p for p in top if p not in grades], grades, top))
    return cases


def title_cases(n: int = NEAR) -> list[Case]:
    """Titles of papers; the first or the second piece of the abstract is right."""
    data = kit.source("MaartenGr/arxiv_nlp", "train")
    data = data.drop_duplicates("Titles").sample(TITLES, random_state=7)
    pages = [[p for _, p in pieces(text)] for text in data["Abstracts"]]
    right = [page[min(i % 2, len(page) - 1)] for i, page in enumerate(pages)]
    found = nearest(list(data["Titles"]), right, n + 1)
    return [Case(title, [mine], [p for p in top if p != mine], {mine: 1}, top)
            for title, mine, top in zip(data["Titles"], right, found)]


def facts_case(rng) -> Case:
    """Near misses: the same relation of another subject, another of the same subject."""
    from data.recipes.skills import facts, passages

    made = passages.scene(rng, "train", GROUP)
    near = [p for i, p in enumerate(made.passages, 1) if i != made.number]
    return Case(facts.question(rng, "train", made.target), [made.passages[made.number - 1]], near)


def codes_case(rng) -> Case:
    """Goods whose codes differ by the order of their digits."""
    from data.recipes.skills import words

    head, digits = words.code(rng, "train").split("-")
    codes = {f"{head}-{''.join(rng.sample(digits, 3))}" for _ in range(60)}
    while len(codes) < GROUP:
        codes.add(f"{head}-{rng.randint(100, 999)}")
    codes, goods = rng.sample(sorted(codes), GROUP), set()
    while len(goods) < GROUP:
        goods.add(words.good(rng, "train"))
    texts = []
    for code, good in zip(codes, sorted(goods)):
        price = f"{rng.randint(3, 180)}.{rng.randrange(0, 100, 5):02d} dollars"
        text = " ".join(rng.choice(SOLD)).format(
            g=good, c=code, p=price, f=rng.choice(MADE).format(n=rng.randint(2, 400)))
        texts.append(text)
    asked = rng.choice(WANTED).format(c=codes[0], g=sorted(goods)[0])
    return Case(asked, texts[:1], texts[1:])


class Source:
    """Draws groups: (question, GROUP passages of which the first is right)."""

    def __init__(self):
        self.real = {"squad": squad_cases("train"), "titles": title_cases(),
                     "tune": [c for c in own_cases("tune") if not held_back(c.question)]}
        self.made = {"facts": facts_case, "codes": codes_case}

    def draw(self, rng) -> tuple:
        """One group of the mixture; nearer passages are drawn more often."""
        while True:
            name = rng.choices(list(SHARES), list(SHARES.values()))[0]
            case = self.made[name](rng) if name in self.made else rng.choice(self.real[name])
            if len(case.near) >= GROUP - 1:
                weight = [1 / (2 + i) * rng.random() for i in range(len(case.near))]
                best = sorted(range(len(weight)), key=lambda i: -weight[i])[:GROUP - 1]
                return case.question, [rng.choice(case.right), *(case.near[i] for i in best)]

    def texts(self) -> set:
        """Every real text that is learned from: questions and passages."""
        cases = [c for part in self.real.values() for c in part]
        return {t for c in cases for t in (c.question, *c.right, *c.near)}


def groups(n: int, seed: int) -> tuple[list, set]:
    """(n groups, fingerprints of the real texts among them)."""
    rng, source = random.Random(seed), Source()
    return [source.draw(rng) for _ in range(n)], {corpora.fingerprint(t) for t in source.texts()}
