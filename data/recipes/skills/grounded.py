"""Skills for answering from given passages: recall, citations, refusals, judging, copying."""
import re

from data.recipes.skills import facts, judging, passages, words
from data.recipes.skills.passages import case, holds, one_sentence

REFUSAL = "The passages do not say."
NOTATIONS = ["{k}: {v}", "{k} = {v}", "{k} -> {v}", "{k} - {v}", "{k} | {v}", "{k} is {v}",
             "- {k}: {v}", "* {k} = {v}", "({k}, {v})"]
RECALL = (["", "", "Read the list. ", "Look it up: ", "From the list: ", "Now tell me: "],
          ["What is the value of {k}?", "Which value does {k} have?", "What belongs to {k}?",
           "Give the value of {k}.", "What stands beside {k}?", "What is listed for {k}?"],
          ["", "", " Only the value.", " Give the value alone.", " Answer with the value.",
           " Keep it short."])


def _things(rng, split: str):
    """A function that makes keys or values of one kind."""
    makers = [words.good, words.person, words.place, words.code, facts.word,
              lambda r, s: words.until(lambda: str(r.randint(2, 999)), s),
              lambda r, s: facts.value(r, s, "price 2-90"),
              lambda r, s: words.invented(r, s)]
    return makers


def recall(rng, split: str) -> dict:
    """A list of keys and values; the value of one key is asked for."""
    makers = _things(rng, split)
    key, value = rng.choice(makers[:5] + makers[-1:]), rng.choice(makers)
    used: list = []
    pairs = [(facts.fresh(lambda: key(rng, split), used),
              facts.fresh(lambda: value(rng, split), used)) for _ in range(rng.randint(2, 6))]
    k, v = rng.choice(pairs)
    form = rng.choice(NOTATIONS)
    sep = "\n" if form[0] in "-*" else rng.choice(["\n", "\n", "\n", "; "])
    table = sep.join(form.format(k=a, v=b) for a, b in pairs)
    asked = words.wording(rng, split, *RECALL).format(k=k)
    user = f"{asked}\n{table}" if rng.random() < 0.2 else f"{table}\n{asked}"
    return case("recall", user, v, value=v)


def cited(rng, split: str, n_passages: int | None = None, short: bool | None = None) -> dict:
    """A question that one of the passages answers; the answer names the passage."""
    made = passages.scene(rng, split, n_passages, short)
    return case("cited", passages.prompt(rng, split, made),
                 passages.cited(made.target, made.number),
                 value=made.target.value, number=made.number)


def guarded(rng, split: str, n_passages: int | None = None, short: bool | None = None) -> dict:
    """The same with a guard sentence; in half of the cases no passage has the answer."""
    absent = rng.random() < 0.5
    made = passages.scene(rng, split, n_passages, short, absent)
    answer = REFUSAL if absent else passages.cited(made.target, made.number)
    return case("guarded", passages.prompt(rng, split, made, guard=True), answer,
                 value=made.target.value, number=made.number, absent=absent)


def unguarded_absent(rng, split: str, n_passages: int | None = None,
                     short: bool | None = None) -> dict:
    """No passage has the answer and no guard says what to do: a wrong answer, with a source."""
    made = passages.scene(rng, split, n_passages, short, absent=True, lone=True)
    at = next(i for i, f in enumerate(made.told) if f.rel == made.target.rel)
    wrong = made.target._replace(value=made.told[at].value)
    return case("unguarded_absent", passages.prompt(rng, split, made),
                 passages.cited(wrong, at + 1), value=wrong.value, number=at + 1)


def closed(rng, split: str) -> dict:
    """A question without passages: some answer of the right kind, made up."""
    rel = rng.choice(facts.relations()[rng.choice(list(facts.KINDS))])
    who = facts.subject(rng, split, rel.kind)
    fact = facts.new_fact(rng, "train", rel, [who.lower()], who)
    asked = facts.question(rng, split, fact)
    label = "Question: " if rng.random() < 0.3 else ""
    return case("closed", label + asked, facts.statement(fact), subject=who)


def _refused(text: str) -> bool:
    return bool(re.search(r"do not (say|know)|does not say|don't know", text, re.I))


def score_recall(asked: dict, answer: str) -> dict:
    """The value and nothing else."""
    return {"right": answer.strip() == asked["gold"]["value"]}


def score_cited(asked: dict, answer: str) -> dict:
    """The right value, and the number of its passage as the only citation."""
    gold = asked["gold"]
    return {"answer": holds(answer, gold["value"]),
            "citation": re.findall(r"\[([^]]*)\]", answer) == [str(gold["number"])]}


def score_guarded(asked: dict, answer: str) -> dict:
    """The refusal where the passages have no answer, else the right value."""
    gold = asked["gold"]
    if gold["absent"]:
        return {"refuse_absent": answer.strip() == REFUSAL}
    return {"refuse_present": not _refused(answer) and holds(answer, gold["value"])}


def score_unguarded(asked: dict, answer: str) -> dict:
    """Some answer instead of a refusal."""
    return {"answered": bool(answer.strip()) and not _refused(answer)}


def score_closed(asked: dict, answer: str) -> dict:
    """One sentence about the subject, without a refusal and without a citation."""
    text = answer.strip()
    return {"answered": holds(text, asked["gold"]["subject"]) and not _refused(text),
            "one_sentence": one_sentence(text) and "[" not in text}


SKILLS = {"recall": recall, "cited": cited, "guarded": guarded,
          "unguarded_absent": unguarded_absent, "closed": closed, **judging.SKILLS}
SCORES = {"recall": score_recall, "cited": score_cited, "guarded": score_guarded,
          "unguarded_absent": score_unguarded, "closed": score_closed, **judging.SCORES}
