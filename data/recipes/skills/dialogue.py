"""Talks: what was told and is asked later, summaries of talks, system turns, simple facts."""
import re

from data.recipes.skills import words
from data.recipes.skills.telling import (
    ASK,
    OPEN,
    REPLY,
    UNKNOWN,
    ask,
    between,
    case,
    sentences,
    table,
    tell,
    thanks,
    values,
)

FACT = {
    "name": "The human's name is {name}.", "age": "The human is {age} years old.",
    "place": "The human lives in {place}.", "job": "The human works as {job}.",
    "wish": "The human wants to buy {wish}.",
}
HEADS = [["Summarize", "Summarise", "Sum up", "Give a summary of", "Write a summary of",
          "Write a short summary of", "Make a summary of"],
         [" the conversation", " this conversation", " the talk", " this talk", " the dialogue",
          " the chat"],
         [".", " below.", " in short sentences.", " between the human and the AI.", ":"]]
EXTEND = [["\nCurrent summary: ", "\nSummary so far: ", "\nThe summary until now: "],
          ["\nNew lines:\n", "\nNew lines of the talk:\n", "\nConversation:\n", "\nThen:\n"]]
LOOKUP = [["Summary: ", "Summary of our talk: ", "Summary so far: ", "Current summary: ",
           "Here is a summary of the conversation: ", "What was said so far: "],
          ["\nHuman: ", "\n\nHuman: ", "\nThe human asks: ", "\nQuestion of the human: "]]
ANSWER = ["Answer", "Reply", "Respond", "Always answer", "Always reply", "Please answer",
          "Please reply", "You answer", "You always reply", "Answer every question"]
ONE = [" in one word.", " with one word.", " with a single word.", " in a single word.",
       " with just one word.", " with only one word.", " in exactly one word.",
       " with one word and nothing else.", " with one word only."]
FULL = [" in a full sentence.", " with a full sentence.", " in a complete sentence.",
        " with a complete sentence.", " in one full sentence.", " with one whole sentence.",
        " in a whole sentence.", " in one complete sentence."]


def memory(rng, split, distance=None):
    """Something is told, some turns later it is asked; one time in seven it was never told."""
    facts, kinds = values(rng, split), ["name", "age", "place", "job", "hobby", "pet"]
    asked = rng.choice(kinds + ["name", "name", "age", "place"])
    luck = 1 if distance else rng.random()
    question = ask(rng, split, asked)
    if luck < 0.05:
        return case("memory", [("user", question), ("assistant", UNKNOWN)], distance=0, asked=asked)
    spare = rng.sample([k for k in kinds if k != asked], 5)
    known = luck >= 0.15
    told = ([asked] if known else []) + [spare.pop() for _ in range(rng.choice([0, 1, 1, 2]))]
    told = told or [spare.pop()]
    if "name" in spare and rng.random() < 0.6 and len(told) < 3:
        spare.remove("name")
        told.append("name")
    told = sorted(told, key=lambda k: (k != "name", rng.random()))
    gap = distance or rng.randint(1, 4)
    talk = [("user", tell(rng, split, told, facts)), ("assistant", thanks(told, facts))]
    if rng.random() < 0.12:
        one, two = words.until(lambda: (rng.randint(1, 9), rng.randint(1, 9)), split)
        talk = [("user", f"{talk[0][1]} What is {one} + {two}?"),
                ("assistant", f"{talk[1][1]} {one} + {two} = {one + two}.")]
    talk += between(rng, split, gap - 1, spare, facts)
    answer = REPLY[asked].format(**facts) if known else UNKNOWN
    return case("memory", [*talk, ("user", question), ("assistant", answer)],
                distance=gap if known else 0, asked=asked)


def lines(rng, split, facts, groups):
    """A talk of Human and AI that tells the groups of facts."""
    talk = []
    for i, kinds in enumerate(groups):
        talk += [("Human", tell(rng, split, kinds, facts, hello=not i)),
                 ("AI", thanks(kinds, facts))]
    if rng.random() < 0.3:
        cut = 2 * rng.randint(0, len(groups))
        talk[cut:cut] = zip(("Human", "AI"), rng.choice(table("smalltalk", split)))
    return "\n".join(f"{who}: {said}" for who, said in talk)


def look_up(rng, split, kinds, facts, summary):
    """A question to a summary of a talk."""
    asked = rng.choice(kinds if rng.random() < 0.85 else list(FACT))
    questions = [sentences(q) for q in ASK[asked]]
    prompt = words.wording(rng, split, LOOKUP[0], ["{old}"], LOOKUP[1], questions)
    answer = REPLY[asked].format(**facts) if asked in kinds else UNKNOWN
    return case("summarise_talk", [("user", prompt.replace("{old}", summary)),
                                   ("assistant", answer)], asked=asked)


def summarise_talk(rng, split):
    """A summary of a talk, an older one extended, or a question to a summary."""
    facts, luck = values(rng, split), rng.random()
    kinds = rng.sample(list(FACT), rng.randint(1, 4))
    kinds.sort(key=lambda k: k != "name" or rng.random() < 0.2)
    parts = {k: FACT[k].format(**facts) for k in kinds}
    whole = " ".join(parts.values())
    if luck < 0.3:
        return look_up(rng, split, kinds, facts, whole)
    old = rng.randint(1, len(kinds) - 1) if luck < 0.55 and len(kinds) > 1 else 0
    cut = rng.randint(old + 1, len(kinds))
    groups = [g for g in (kinds[old:cut][:3], kinds[old:cut][3:], kinds[cut:]) if g]
    if old and rng.random() < 0.25:              # new lines that tell nothing to keep
        parts, talk = dict(list(parts.items())[:old]), []
        for pair in rng.sample(table("smalltalk", split), rng.choice([1, 1, 2])):
            talk += [f"{who}: {said}" for who, said in zip(("Human", "AI"), pair)]
        talk, whole = "\n".join(talk), " ".join(parts.values())
    else:
        talk = lines(rng, split, facts, groups)
    if old:
        prompt = words.wording(rng, split, *HEADS, EXTEND[0], ["{old}"], EXTEND[1])
        prompt = prompt.replace("{old}", " ".join(list(parts.values())[:old])) + talk
    else:
        prompt = words.wording(rng, split, *HEADS) + "\n" + talk
    return case("summarise_talk", [("user", prompt), ("assistant", whole)], facts=parts)


def story(rng, split):
    """A sentence or two to read, a question, its answer in one word and in a sentence."""
    p, q = rng.sample(words.bank("first_names", split), 2)
    noun, other = rng.sample(words.bank("goods", split), 2)
    stuff, job = words.pick(rng, "materials", "train"), words.pick(rng, "occupations", split)
    town, age = words.place(rng, split), rng.randint(18, 89)
    thing = words.a(f"{stuff} {noun}")
    return rng.choice([
        (f"{p} has {thing}. Who has the {noun}?", p, f"{p} has the {noun}."),
        (f"{p} has {thing}. What does {p} have?", noun, f"{p} has {thing}."),
        (f"{p} has the {noun} and {q} has the {other}. Who has the {noun}?", p,
         f"{p} has the {noun}."),
        (f"{p} has the {other} and {q} has the {noun}. Who has the {noun}?", q,
         f"{q} has the {noun}."),
        (f"{p} bought {thing}. What did {p} buy?", noun, f"{p} bought {thing}."),
        (f"{p} sold {thing} to {q}. Who sold the {noun}?", p, f"{p} sold the {noun}."),
        (f"{p} sold {thing} to {q}. Who bought the {noun}?", q, f"{q} bought the {noun}."),
        (f"{p} lives in {town}. Where does {p} live?", town, f"{p} lives in {town}."),
        (f"{p} lives in {town}. Who lives in {town}?", p, f"{p} lives in {town}."),
        (f"{p} is {age} years old. How old is {p}?", str(age), f"{p} is {age} years old."),
        (f"{p} works as {words.a(job)}. What is the job of {p}?", job,
         f"{p} works as {words.a(job)}."),
    ])


def system_turn(rng, split):
    """The system message asks for one word or for a full sentence."""
    question, word, full = story(rng, split) if rng.random() < 0.6 \
        else rng.choice(table("facts"))
    form = rng.choice(["word", "sentence"])
    system = words.wording(rng, split, ANSWER, ONE if form == "word" else FULL)
    return case("system_turn", [("system", system), ("user", question),
                                ("assistant", word if form == "word" else full)],
                form=form, word=word, sentence=full)


def facts(rng, split):
    """A simple question with no system turn: a full sentence."""
    opener, (question, word, full) = words.until(
        lambda: (rng.choice(OPEN), rng.choice(table("facts"))), split, lambda v: v[0] + v[1][0])
    low = opener[-2:-1] in (",", ":")
    prompt = opener + (question[0].lower() + question[1:] if low else question)
    return case("facts", [("user", prompt), ("assistant", full)], word=word, sentence=full)


def has(word: str, text: str) -> bool:
    """Does the word stand in the text as a whole word?"""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I) is not None


def same(case, answer) -> dict:
    """The answer is the reference answer."""
    return {"right": answer.strip() == case["messages"][-1]["content"]}


def score_summary(case, answer) -> dict:
    """One key for each fact of the talk; a looked up fact must be right."""
    facts = case["gold"].get("facts")
    return {k: v in answer for k, v in facts.items()} if facts else same(case, answer)


def score_form(case, answer) -> dict:
    """One word or one sentence, as asked; and the right answer in it."""
    gold, count = case["gold"], len(answer.split())
    wordy = gold.get("form", "sentence") == "sentence"
    form = count >= 3 and answer.rstrip().endswith(".") if wordy else count == 1
    return {"form": form, "right": has(gold["word"], answer)}


SKILLS = {"memory": memory, "summarise_talk": summarise_talk, "system_turn": system_turn,
          "facts": facts}
SCORES = {"memory": same, "summarise_talk": score_summary, "system_turn": score_form,
          "facts": score_form}
