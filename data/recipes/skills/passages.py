"""Numbered passages and a question: the prompts of the grounded skills."""
import re
from typing import NamedTuple

from data.recipes.skills import facts, words

BUDGET = 340                                    # characters of all passages together
VERB = ["Answer", "Reply", "Answer the question", "Give an answer", "Respond",
        "Give a short answer", "Answer in one sentence"]
SOURCE = [" from the passages", " with the passages above", " using only the passages",
          " from the texts above", " with what the passages say", " based on the passages",
          " using the numbered passages", " by reading the passages"]
CITE = [" and cite them.", " and cite the passage.", " and give its number in brackets.",
        " and name the source.", " and cite your source.", " and cite the one you used.",
        " and add the number of the passage.", " with a citation."]
IF = ["If the passages do not say, ", "If the passages do not say it, ",
      "If the answer is not there, ", "If the passages hold no answer, ",
      "If you cannot find the answer, ", "If no passage answers it, ",
      "When the answer is missing, ", "Should the answer be missing, ",
      "If the answer is not in the passages, ", "When the passages do not tell, "]
THEN = ["answer: I do not know.", "say that you do not know.", "say so.", "tell me so.",
        "answer that you do not know.", "admit it.", "admit that you do not know.",
        "do not guess.", "say that it is not there."]


class Scene(NamedTuple):
    """Passages, the fact asked for, the number of its passage (0: none), and all facts."""
    target: facts.Fact
    passages: list
    number: int
    told: list


def _same_subject(rng, split, target, used, taken) -> facts.Fact:
    """Another fact about the subject; half of the time with a value of the same kind."""
    rels = [r for r in facts.relations()[target.rel.kind] if r.name not in taken]
    like = [r for r in rels if r.value == target.rel.value]
    rel = rng.choice(like if like and rng.random() < 0.5 else rels)
    taken.add(rel.name)
    return facts.new_fact(rng, split, rel, used, target.subject)


def _elsewhere(rng, split, target, used) -> facts.Fact:
    """A fact about another subject, with another relation."""
    rels = [r for r in facts.relations()[target.rel.kind] if r.name != target.rel.name]
    return facts.new_fact(rng, split, rng.choice(rels), used)


def _facts(rng, split, n: int, absent: bool, lone: bool) -> tuple:
    """The fact asked for and the first fact of every passage."""
    rel = rng.choice(facts.relations()[rng.choice(list(facts.KINDS))])
    used: list = []
    target = facts.new_fact(rng, split, rel, used)
    plan = ["relation"] if lone else rng.sample(["relation", "subject"], 2)
    rest = ["subject", "subject", "else"] + ["relation"] * (not lone)
    plan += [rng.choice(rest), *rng.choices(["subject", "else"], k=3)]
    if lone:
        plan[1] = "subject"
    told, taken = [] if absent else [target], {rel.name}
    for shape in plan[:n - len(told)]:
        if shape == "relation":
            told.append(facts.new_fact(rng, split, rel, used))
        elif shape == "subject":
            told.append(_same_subject(rng, split, target, used, taken))
        else:
            told.append(_elsewhere(rng, split, target, used))
    rng.shuffle(told)
    return target, told, used, taken


def _lengthen(rng, split, groups: list, target, used, taken) -> list:
    """The passages as lists of sentences, with second facts and fillers."""
    pages = [[facts.told(rng, fact)] for fact in groups]
    for page, fact in zip(pages, groups):
        room = BUDGET - sum(len(s) for p in pages for s in p)
        if rng.random() < 0.4 and room > 70:
            names = taken if fact.subject == target.subject else {fact.rel.name, target.rel.name}
            if len(names) < len(facts.relations()[fact.rel.kind]):
                more = _same_subject(rng, split, fact, used, names)
                page.append(facts.told(rng, more, pronoun=True))
        elif rng.random() < 0.7 and room > 50:
            line = facts.filler(rng, split, fact.rel.kind)
            if not any(line in p for p in pages):
                page.insert(rng.randrange(2), line)
    return pages


def scene(rng, split: str, n: int | None = None, short: bool | None = None,
          absent: bool = False, lone: bool = False) -> Scene:
    """Passages among which at most one answers the question.

    absent: none answers it. lone: exactly one passage has the relation asked for.
    """
    short = rng.random() < 0.6 if short is None else short
    n = n or rng.choice([2, 3, 3, 4] if short else [2, 2, 3, 3, 4])
    while True:
        target, told, used, taken = _facts(rng, split, n, absent, lone)
        pages = [[facts.told(rng, f)] for f in told] if short else \
            _lengthen(rng, split, told, target, used, taken)
        texts = [" ".join(p) for p in pages]
        seen = [i + 1 for i, t in enumerate(texts) if target.value.lower() in t.lower()]
        number = 0 if absent else told.index(target) + 1
        if seen == ([] if absent else [number]) and sum(map(len, texts)) <= BUDGET + 20:
            return Scene(target, texts, number, told)


def prompt(rng, split: str, made: Scene, guard: bool = False) -> str:
    """The passages, the instruction (with or without a guard sentence) and the question."""
    parts = [VERB, SOURCE, CITE]
    if guard:
        parts = [*parts, [" "], IF, THEN]
        if rng.random() < 0.25:
            parts = [IF, THEN, [" "], VERB, SOURCE, CITE]
    lines = [f"[{i}] {text}" for i, text in enumerate(made.passages, 1)]
    asked = facts.question(rng, split, made.target)
    return "\n".join([*lines, "", words.wording(rng, split, *parts), f"Question: {asked}"])


def cited(fact: facts.Fact, number: int) -> str:
    """The fact in its first wording with the number of its passage."""
    return f"{facts.statement(fact)[:-1]} [{number}]."


def holds(text: str, value: str) -> bool:
    """Whether the value stands in the text as whole words."""
    return re.search(rf"(?<![\w.,:]){re.escape(value)}(?!\w|[.,:]\d)", text, re.I) is not None


def one_sentence(text: str) -> bool:
    """Whether the text is one sentence with its full stop."""
    return text.endswith(".") and not re.search(r"[.!?]\s", text)


def case(skill: str, user: str, answer: str, **gold) -> dict:
    """A case of one question and its reference answer."""
    return {"skill": skill, "gold": gold, "messages": [
        {"role": "user", "content": user}, {"role": "assistant", "content": answer}]}
