"""Skills that judge or copy from a text: support, A or B, the right sentence, a summary."""
from data.recipes.skills import facts, passages, words
from data.recipes.skills.passages import case, holds, one_sentence

YES_NO = (["Does the passage support the statement?", "Is the statement supported by the passage?",
           "Does the statement follow from the passage?", "Does the passage say the same?",
           "Is the statement true according to the passage?", "Is this what the passage says?",
           "Do the two agree?"],
          [" Answer yes or no.", " Yes or no?", " Reply yes or no.", " Say yes or no.",
           " Write yes or no.", " One word: yes or no."])
CHOOSE = (["Which answer is supported by the passage", "Which answer does the passage support",
           "Which answer is right according to the passage", "Which answer fits the passage",
           "Which answer follows from the passage", "Which of the answers is right"],
          [", A or B?", "? Answer A or B.", "? Reply A or B.", "? Choose A or B.",
           "? Say A or B.", "? Write A or B."])
COPY = (["Copy", "Quote", "Write out", "Repeat", "Give me", "Find and copy", "Show"],
        [" the sentence that answers the question", " the sentence with the answer",
         " the sentence that holds the answer", " the one sentence that answers the question",
         " the sentence of the page with the answer"],
        [".", " word for word.", " exactly.", " unchanged."])
SUM_UP = (["Summarize", "Sum up", "Shorten", "Give the main point of", "Write a summary of"],
          [" this text", " the text", " the following", " this note", " this passage"],
          ["", " in one sentence", " briefly", " in a few words"], [": ", ":\n"])
ASIDES = ["as many people know", "as the records show", "so we are told", "it is said",
          "as the reports agree", "as one reads", "as everybody says", "according to the papers"]


def _pair(rng, split: str) -> tuple:
    """A fact, another fact near it, and a passage of one or two sentences that says them."""
    made = passages.scene(rng, split, 2, short=True)
    fact = made.target
    other = made.told[2 - made.number]
    shape = rng.random()
    page = [facts.told(rng, fact)]
    if shape < 0.5:
        page = [facts.told(rng, f) for f in made.told]
    elif shape < 0.7:
        page.insert(rng.randrange(2), facts.filler(rng, split, fact.rel.kind))
    return fact, other, shape < 0.5, " ".join(page)


def wrong(rng, split: str, fact, other, both: bool):
    """The fact with another value, relation or subject, none of which the passage says."""
    used = [x.lower() for x in (fact.subject, fact.value, other.subject, other.value)]
    rels = [r for r in facts.relations()[fact.rel.kind]
            if r.value == fact.rel.value and r not in (fact.rel, other.rel)]
    way = rng.randrange(3)
    if way == 0 and rels:
        return fact._replace(rel=rng.choice(rels))
    if way == 1:
        if both and other.subject != fact.subject:
            return fact._replace(subject=other.subject)
        return facts.new_fact(rng, split, fact.rel, used)._replace(value=fact.value)
    if both and other.rel.value == fact.rel.value:
        return fact._replace(value=other.value)
    return facts.new_fact(rng, split, fact.rel, used, fact.subject)


def judge_support(rng, split: str) -> dict:
    """Whether a passage says what a statement says: yes or no."""
    fact, other, both, page = _pair(rng, split)
    right = rng.random() < 0.5
    said = facts.told(rng, fact if right else wrong(rng, split, fact, other, both))
    asked = words.wording(rng, split, *YES_NO)
    user = f"Passage: {page}\nStatement: {said}\n{asked}"
    return case("judge_support", user, "yes" if right else "no")


def judge_ab(rng, split: str) -> dict:
    """Which of two answers a passage supports: A or B."""
    fact, other, both, page = _pair(rng, split)
    if both and other.rel.value == fact.rel.value and rng.random() < 0.7:
        wrong = fact._replace(value=other.value)
    else:
        used = [x.lower() for x in (fact.subject, fact.value, other.subject, other.value)]
        wrong = facts.new_fact(rng, split, fact.rel, used, fact.subject)
    full = rng.random() < 0.5
    pair = [facts.statement(f) if full else f.value for f in (fact, wrong)]
    right = rng.choice("AB")
    a, b = pair if right == "A" else pair[::-1]
    asked = words.wording(rng, split, *CHOOSE)
    q = facts.question(rng, split, fact)
    return case("judge_ab", f"Question: {q}\nPassage: {page}\nA: {a}\nB: {b}\n{asked}", right)


def extract(rng, split: str) -> dict:
    """A page of which the sentence that answers the question is copied."""
    made = passages.scene(rng, split, rng.choice([2, 3, 4]), short=True)
    page = list(made.passages)
    answer = page[made.number - 1]
    while len(page) < 4 or (len(page) < 7 and rng.random() < 0.5 and len(" ".join(page)) < 320):
        line = facts.filler(rng, split, made.target.rel.kind)
        if line not in page and not holds(line, made.target.value):
            page.insert(rng.randrange(len(page) + 1), line)
    asked = words.wording(rng, split, *COPY)
    q = facts.question(rng, split, made.target)
    return case("extract", f"Page: {' '.join(page)}\nQuestion: {q}\n{asked}", answer)


def summary_text(rng, split: str) -> dict:
    """A short text about one subject; its first statement is the summary."""
    rels = rng.sample(facts.relations()[rng.choice(list(facts.KINDS))], rng.choice([2, 2, 3]))
    used: list = []
    fact = facts.new_fact(rng, split, rels[0], used)
    first = facts.told(rng, fact)
    who = facts.cap(fact.subject)
    if first.startswith(who + " ") and rng.random() < 0.6:
        first = f"{who}, {rng.choice(ASIDES)},{first[len(who):]}"
    page = [facts.told(rng, facts.new_fact(rng, split, r, used, fact.subject), pronoun=True)
            for r in rels[1:]]
    page.insert(0, first)
    for _ in range(rng.choice([1, 1, 2])):
        at = 0 if rng.random() < 0.2 else len(page)
        page.insert(at, facts.filler(rng, split, fact.rel.kind))
    user = words.wording(rng, split, *SUM_UP) + " ".join(page)
    return case("summary_text", user, facts.statement(fact),
                 subject=fact.subject, value=fact.value)


def score_exact(asked: dict, answer: str) -> dict:
    """The answer is the word or the sentence of the reference, and nothing else."""
    return {"right": answer.strip() == asked["messages"][-1]["content"]}


def score_summary(asked: dict, answer: str) -> dict:
    """One sentence that names the subject and its first value."""
    gold, text = asked["gold"], answer.strip()
    return {"right": holds(text, gold["value"]) and holds(text, gold["subject"])
            and one_sentence(text)}


SKILLS = {"judge_support": judge_support, "judge_ab": judge_ab, "extract": extract,
          "summary_text": summary_text}
SCORES = {"judge_support": score_exact, "judge_ab": score_exact, "extract": score_exact,
          "summary_text": score_summary}
