"""Dense exercises: many small answers in one, so that every token read teaches something.

They are no skills of their own. Copying, looking up and sums appear sooner with them.
"""
from data.recipes.skills import agent, facts, grounded, judging, numbers, passages, words

AGAIN = (["Repeat", "Say again", "Copy", "Write again", "Repeat exactly"],
         ["", " this", " these words", " the line", " what follows"], [": ", ":\n"])
ALL = (["Give the values of", "What are the values of", "Look up", "Now the values of",
        "List what belongs to", "Find"], [" {ks}"], [".", ", please.", " in this order."])
SUMS = (["", "Please help. ", "Homework. ", "Arithmetic. ", "Quickly now. ", "A few sums. "],
        ["Work these out: ", "Calculate: ", "Do these sums: ", "Solve: ", "Find the results: "],
        ["{xs}"], ["", ".", " One after the other."])
NEXT = ("", "Next question: ", "And now: ", "Another one: ", "Question: ")


def case(skill: str, turns, **gold) -> dict:
    """A case of one or more turns (user, assistant)."""
    messages = [{"role": role, "content": text} for turn in turns
                for role, text in zip(("user", "assistant"), turn)]
    return {"skill": skill, "messages": messages, "gold": gold}


def things(rng, split: str, n: int) -> list:
    """n different words, names, goods, codes or numbers."""
    makers, found = grounded._things(rng, split), []
    while len(found) < n:
        text = rng.choice(makers)(rng, split)
        if not any(text.lower() in f.lower() or f.lower() in text.lower() for f in found):
            found.append(text)
    return found


def repeat(rng, split: str) -> dict:
    """A line of 4 to 12 things, said again."""
    line = rng.choice([", ", " ", "; "]).join(things(rng, split, rng.randint(4, 12)))
    return case("repeat", [(words.wording(rng, split, *AGAIN) + line, line)])


def recall_all(rng, split: str) -> dict:
    """Keys and values; the values of all keys in another order."""
    n = rng.randint(2, 6)
    found = things(rng, split, 2 * n)
    pairs = list(zip(found[:n], found[n:]))
    form = rng.choice(grounded.NOTATIONS)
    table = "\n".join(form.format(k=k, v=v) for k, v in pairs)
    rng.shuffle(pairs)
    asked = words.wording(rng, split, *ALL).format(ks=", ".join(k for k, _ in pairs))
    answer = "\n".join(f"{k}: {v}" for k, v in pairs)
    return case("recall_all", [(f"{table}\n{asked}", answer)])


def many_sums(rng, split: str) -> dict:
    """Six sums as they occur in the word problems, each written out."""
    sums = [numbers.expression(rng, split)[:2] for _ in range(6)]
    left = ", ".join(text for text, _ in sums)
    answer = " ".join(f"{text} = {value}." for text, value in sums)
    return case("many_sums", [(words.wording(rng, split, *SUMS).format(xs=left), answer)])


def cited_many(rng, split: str) -> dict:
    """Every fact of the passages is asked for, turn by turn."""
    made = passages.scene(rng, split)
    order = [(f, i) for i, f in enumerate(made.told, 1)
             if sum(f.value.lower() in p.lower() for p in made.passages) == 1
             and sum((f.subject, f.rel.name) == (g.subject, g.rel.name) for g in made.told) == 1]
    rng.shuffle(order)
    turns = []
    for fact, number in order or [(made.target, made.number)]:
        if turns:
            user = rng.choice(NEXT) + facts.question(rng, split, fact)
        else:
            user = passages.prompt(rng, split, made._replace(target=fact))
        turns.append((user, passages.cited(fact, number)))
    return case("cited_many", turns)


def guarded_many(rng, split: str) -> dict:
    """Under a guard sentence, questions on what the passages say and on what they do not."""
    made, turns = passages.scene(rng, split, short=True), []
    said = {(f.subject, f.rel.name) for f in made.told}
    for _ in range(rng.randint(3, 5)):
        number = rng.randrange(len(made.told))
        fact, answer = made.told[number], grounded.REFUSAL
        rels = [r for r in facts.relations()[fact.rel.kind] if (fact.subject, r.name) not in said]
        if rels and rng.random() < 0.5:
            fact = fact._replace(rel=rng.choice(rels))
        else:
            answer = passages.cited(fact, number + 1)
        if turns:
            user = rng.choice(NEXT) + facts.question(rng, split, fact)
        else:
            user = passages.prompt(rng, split, made._replace(target=fact), guard=True)
        turns.append((user, answer))
    return case("guarded_many", turns)


def support_many(rng, split: str) -> dict:
    """One passage and several statements, each of them supported or not."""
    made = passages.scene(rng, split, rng.choice([2, 3]), short=True)
    asked, turns = words.wording(rng, split, *judging.YES_NO), []
    for _ in range(rng.randint(4, 6)):
        fact, other = rng.sample(made.told, 2)
        right = rng.random() < 0.5
        said = facts.told(rng, fact if right else judging.wrong(rng, split, fact, other, True))
        head = f"Passage: {' '.join(made.passages)}\n" if not turns else ""
        turns.append((f"{head}Statement: {said}\n{asked}", "yes" if right else "no"))
    return case("support_many", turns)


def checks_many(rng, split: str) -> dict:
    """Written steps, one after the other, each of them right or wrong."""
    turns = []
    for _ in range(6):
        made = numbers.wrong_step_check(rng, split)["messages"]
        turns.append((made[0]["content"], made[1]["content"]))
    return case("checks_many", turns)


def react_many(rng, split: str) -> dict:
    """All segments of an agent, each observation a turn of the user."""
    tools, question, trace = rng.choice((agent.prices, agent.film_facts))(rng, split)
    asked, turns = agent.prompt(rng, tools, question, []), []
    for segment, seen in trace:
        turns.append((asked, segment))
        asked = f"Observation: {seen}"
    return case("react_many", turns)


SKILLS = {"repeat": repeat, "recall_all": recall_all, "many_sums": many_sums,
          "cited_many": cited_many, "guarded_many": guarded_many, "support_many": support_many,
          "checks_many": checks_many, "react_many": react_many}


def score_exact(made, answer: str) -> dict:
    """Right when the answer is the reference."""
    return {"right": answer == made["messages"][-1]["content"]}


SCORES = dict.fromkeys(SKILLS, score_exact)
