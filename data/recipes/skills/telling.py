"""What people tell of themselves in a talk, and how they ask for it later."""
import re
from functools import cache

from data.recipes.skills import words

UNKNOWN = "You have not told me."
AGAIN = ["", "Also, ", "By the way, ", "Oh, and ", "You should know: ", "I forgot to say: ",
         "One more thing: ", "And ", "As I said to a friend, ", "Well, "]
HELLO = ["", "Hi! ", "Hi, ", "Hello! ", "Hello, ", "Hey! ", "Good morning! ", "Good evening! ",
         "Good day. ", "Hello there! ", "Hi there, ", "Greetings! ", "Let me introduce myself: "]
TELL = {
    "name": ["my name is {name}", "I am {name}", "I'm {name}", "you can call me {name}",
             "my name's {name}", "people call me {name}", "my first name is {name}"],
    "age": ["I am {age} years old", "I'm {age} years old", "I turned {age} this year",
            "my age is {age}", "I am {age}", "I have just turned {age}"],
    "place": ["I live in {place}", "my home is in {place}", "I have a house in {place}",
              "I have lived in {place} for years", "I live in the town of {place}"],
    "job": ["I work as {job}", "I am {job} by trade", "I earn my living as {job}",
            "I have found work as {job}", "I have a job as {job}"],
    "hobby": ["my hobby is {hobby}", "I have one hobby, {hobby}", "my favourite hobby is {hobby}",
              "{hobby} is my hobby", "the hobby I love is {hobby}"],
    "pet": ["I have a pet {pet}", "I keep {apet} as a pet", "my pet is {apet}",
            "at home I have {apet}", "I share my home with {apet}"],
    "wish": ["I want to buy {wish}", "I would like to buy {wish}", "I'd like to buy {wish}",
             "I am looking for {wish} to buy", "I am going to buy {wish}"],
}
ASK = {
    "name": ["what is my name?", "what's my name?", "what am I called?", "do you know my name?",
             "can you tell me my name?", "do you remember my name?", "what was my name again?"],
    "age": ["how old am I?", "what is my age?", "can you tell me my age?", "do you know my age?",
            "do you remember how old I am?", "do you know how old I am?"],
    "place": ["where do I live?", "which town do I live in?", "do you know where I live?",
              "do you remember where I live?", "can you tell me where I live?"],
    "job": ["what is my job?", "what do I do for a living?", "what do I work as?",
            "do you remember my job?", "can you tell me my job?"],
    "hobby": ["what is my hobby?", "which hobby do I have?", "do you remember my hobby?",
              "can you tell me my hobby?", "do you know my hobby?"],
    "pet": ["what pet do I have?", "which pet do I have?", "what kind of pet do I have?",
            "do you remember which pet I have?", "can you tell me which pet I have?"],
    "wish": ["what do I want to buy?", "do you remember what I want to buy?",
             "can you tell me what I want to buy?", "do you know what I want to buy?"],
}
OPEN = ["", "Now tell me: ", "One question: ", "Let me ask you: ", "Please tell me: ", "So, ",
        "By the way, ", "Tell me, ", "Quick question: ", "I have a question: ", "And now, ",
        "Just to check, ", "I wonder, "]
REPLY = {
    "name": "Your name is {name}.", "age": "You are {age} years old.",
    "place": "You live in {place}.", "job": "You work as {job}.",
    "hobby": "Your hobby is {hobby}.", "pet": "You have {apet}.",
    "wish": "You want to buy {wish}.",
}


def case(skill, messages, **gold):
    """A case from (role, content) pairs."""
    return {"skill": skill, "messages": [{"role": r, "content": c} for r, c in messages],
            "gold": gold}


def sentences(text: str) -> str:
    """The text with a capital at each start of a sentence."""
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)


@cache
def table(kind: str, split: str | None = None) -> tuple:
    """Rows of banks/<kind>.txt split at the bars; of both sides without a split."""
    lines = words.bank(kind, "train") + words.bank(kind, "test") if split is None \
        else words.bank(kind, split)
    return tuple(tuple(line.split("|")) for line in lines)


def values(rng, split):
    """What a person can tell, ready for the templates."""
    pet = words.pick(rng, "pets", split)
    return {"name": words.person(rng, split), "age": rng.randint(18, 89),
            "place": words.place(rng, split), "hobby": words.pick(rng, "hobbies", split),
            "job": words.a(words.pick(rng, "occupations", split)), "pet": pet,
            "apet": words.a(pet), "wish": words.a(words.good(rng, split))}


def tell(rng, split, kinds, facts, hello=True):
    """A turn of the user that tells one to three facts."""
    parts = [HELLO if hello else AGAIN, TELL[kinds[0]]]
    links = [[" and "]] if len(kinds) == 2 and rng.random() < 0.6 else [[". "], [" and "]]
    for link, kind in zip(links, kinds[1:]):
        parts += [link, TELL[kind]]
    return sentences(words.wording(rng, split, *parts, ["."]).format(**facts))


def thanks(kinds, facts) -> str:
    """What the assistant says to a told fact."""
    return f"Nice to meet you, {facts['name']}!" if "name" in kinds else "Thank you for telling me."


def ask(rng, split, kind) -> str:
    """A question of the user for a fact told before."""
    return sentences(words.wording(rng, split, OPEN, ASK[kind]))


def between(rng, split, count, spare, facts):
    """`count` exchanges of small talk; some tell a fact of `spare`."""
    for _ in range(count):
        if spare and rng.random() < 0.25:
            kind = spare.pop()
            yield from [("user", tell(rng, split, [kind], facts, hello=False)),
                        ("assistant", thanks([kind], facts))]
        else:
            yield from zip(("user", "assistant"), rng.choice(table("smalltalk", split)))
