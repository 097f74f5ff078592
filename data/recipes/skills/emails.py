"""E-mails of apology: a plain one, and one steered by the seven parts of a prompt."""
import re
import tomllib
from functools import cache

from data.recipes.skills import emails_parts as parts_of
from data.recipes.skills import words

PARTS = ["persona", "instruction", "context", "format", "audience", "tone", "data"]
NEED_EMAIL = {"persona", "format", "audience"}    # one plain sentence cannot obey these


@cache
def mishaps(split: str) -> tuple:
    """(damage, noun, kind) for the nouns of a split."""
    kinds = tomllib.loads((words.BANKS / "mishaps.toml").read_text("utf-8"))["kind"]
    return tuple((kind["damage"], noun, kind) for kind in kinds for noun in kind["nouns"]
                 if words.side(noun) == split)


@cache
def reasons(split: str) -> tuple:
    """Clauses such as "the parcel arrived late"; the subject is held out."""
    table = tomllib.loads((words.BANKS / "mail_reasons.toml").read_text("utf-8"))
    return tuple(f"the {subject} {what}" for what, subjects in table.items()
                 for subject in subjects if words.side(subject) == split)


def email_plain(rng, split: str) -> dict:
    """Apologise to a named person for a mishap and explain it."""
    damage, noun, kind = rng.choice(mishaps(split))
    mishap = f"the {rng.choice(damage)} {noun}"
    name, sender = words.person(rng, split), kind["sender"]
    signed = rng.random() < 0.5
    if signed:
        sender = name
        while sender == name:
            sender = words.person(rng, split)
    prompt = words.wording(rng, split, parts_of.OPEN, parts_of.SORRY, parts_of.EXPLAIN,
                           parts_of.SENDER if signed else [""])
    prompt = prompt.format(name=name, mishap=mishap, sender=sender)
    if prompt.startswith("Can you"):
        prompt = prompt.replace(".", "?", 1)
    answer = (f"Dear {name},\n\nI am very sorry about {mishap}. It happened because "
              f"{rng.choice(kind['causes'])}. {kind['offer']}\n\nBest regards,\n{sender}")
    return {"skill": "email_plain", "messages": [{"role": "user", "content": prompt},
                                                 {"role": "assistant", "content": answer}],
            "gold": {"name": name, "noun": noun, "keys": kind["keys"],
                     "sender": sender if signed else None}}


def score_plain(case: dict, answer: str) -> dict:
    """Greeting, mishap, cause, sign-off, and nothing after it."""
    gold, blocks = case["gold"], answer.strip().split("\n\n")
    body, last = " ".join(blocks[1:-1]), blocks[-1].split("\n")
    cause = re.search(r"because ([^.]+)\.", body)
    by = last[1] if len(last) > 1 else ""
    return {"greeting": blocks[0] == f"Dear {gold['name']},",
            "mishap": bool(re.search(rf"\b{re.escape(gold['noun'])}\b", body)),
            "cause": bool(cause and set(gold["keys"]) & set(cause[1].split())),
            "signoff": last[0] == "Best regards," and (
                by == gold["sender"] if gold["sender"] else bool(by)),
            "ends": len(blocks) == 3 and len(last) == 2}


def build(parts: dict, sep: str = "\n") -> str:
    """The prompt: the parts that are there, joined in the order of PARTS."""
    return sep.join(parts[p] for p in PARTS if parts.get(p))


def sentences(gold: dict) -> list:
    """The lines of the body, the weightiest first; tone and audience choose their words."""
    tone, child = gold.get("tone"), gold.get("audience") == "child"
    mark = "!" if tone == "friendly" else "."
    sorry, reason = parts_of.SORRY_WORDS[tone], gold.get("context")
    if not reason:
        lines = [f"{sorry} for the trouble{mark}"]
    elif child:
        lines = [f"{sorry}{mark} {reason[0].upper()}{reason[1:]}."]
    else:
        lines = [f"{sorry} that {reason}{mark}"]
    if "data" in gold:
        number, item = gold["data"]
        lines.append(f"The order is {number}. It is the {item}." if child
                     else f"This is about order number {number}, the {item}.")
    return lines + (parts_of.CHILD_REST if child else parts_of.REST)[tone]


def compose(gold: dict) -> str:
    """The answer that obeys every part."""
    if "instruction" not in gold:
        tone = gold.get("tone")
        why = f"that {gold['context']}" if "context" in gold else "for the trouble"
        data = " (order number {}, {})".format(*gold["data"]) if "data" in gold else ""
        return f"{parts_of.SORRY_WORDS[tone]} {why}{data}" + ("!" if tone == "friendly" else ".")
    count = gold.get("format")
    body = ("\n" if count else " ").join(sentences(gold)[:count or 2])
    closing = parts_of.CLOSING[gold.get("tone")]
    if "persona" in gold:
        closing += f",\nThe {gold['persona']}"
    return f"{greeting(gold)}\n\n{body}\n\n{closing}"


def greeting(gold: dict) -> str:
    """The audience decides it, else the recipient."""
    reader = gold.get("audience")
    if reader == "child":
        return "Hello there,"
    return f"Dear {reader.title() if reader else gold.get('instruction', 'customer')},"


def draw(rng, split: str) -> dict:
    """Which parts are there, and their values."""
    def number():
        least = rng.choice([1000, 10000])
        return str(rng.randrange(least, 10 * least))
    makers = {
        "persona": lambda: words.pick(rng, rng.choice(["mail_personas", "occupations"]), split),
        "instruction": lambda: ("customer" if rng.random() < 0.15 else
                                words.pick(rng, "mail_recipients", split)),
        "context": lambda: rng.choice(reasons(split)),
        "format": lambda: rng.choice([2, 3, 4]),
        "audience": lambda: ("child" if rng.random() < 0.45 else "manager"
                             if rng.random() < 0.5 else words.pick(rng, "mail_titles", split)),
        "tone": lambda: rng.choice(["formal", "friendly"]),
        "data": lambda: [words.until(number, split), words.good(rng, split)]}
    while True:
        there = [p for p in PARTS if rng.random() < 0.75]
        if {"instruction", "context", "data"} & set(there):
            return {p: makers[p]() for p in there}


def phrase(rng, split: str, part: str, gold: dict) -> str:
    """One part of the prompt in words; a context takes its time word into gold."""
    value = gold[part]
    choices = getattr(parts_of, part.upper())
    if part == "instruction" and value == "customer" and rng.random() < 0.6:
        choices = parts_of.NO_RECIPIENT
    template = words.wording(rng, split, *choices)
    if part == "persona":
        return template.format(a=words.a(value))
    if part == "instruction":
        return template.format(r=rng.choice([words.a(value), f"the {value}"]))
    if part == "context":
        tail = re.search(r"\{[cS]\}(.*)\.", template)[1]
        gold[part] = value + tail
        return template.format(c=value, S=value[0].upper() + value[1:])
    if part == "format":
        return template.format(n=value if rng.random() < 0.3 else parts_of.NUMBERS[value])
    if part == "audience":
        noun = rng.choice(parts_of.CHILD) if value == "child" else value
        return template.format(x=words.a(noun))
    if part == "tone":
        tone = rng.choice(parts_of.TONES[value])
        return template.format(t=tone, at=words.a(tone))
    return template.format(n=value[0], i=value[1], ai=words.a(value[1]))


def email_steered(rng, split: str) -> dict:
    """Any of seven parts; each one present decides something about the answer."""
    gold = draw(rng, split)
    texts = {part: phrase(rng, split, part, gold) for part in list(gold)}
    prompt = build(texts, rng.choice(["\n", "\n", " "]))
    return {"skill": "email_steered", "messages": [{"role": "user", "content": prompt},
                                                   {"role": "assistant", "content": compose(gold)}],
            "gold": gold}


def obeyed(part: str, gold: dict, answer: str) -> bool:
    """Does the answer do what this part asks (format, audience, persona: as an e-mail)?"""
    blocks, value = answer.strip().split("\n\n"), gold[part]
    body, last = blocks[1] if len(blocks) > 1 else "", blocks[-1].split("\n")
    if part == "persona":
        return len(blocks) == 3 and last[-1] == f"The {value}"
    if part == "instruction":
        return (len(blocks) == 3 and last[0].rstrip(",") in parts_of.CLOSING.values()
                and (blocks[0] == greeting(gold)
                     or "audience" in gold and blocks[0].endswith(",")))
    if part == "context":
        return value.lower() in answer.lower()
    if part == "format":
        return len(blocks) == 3 and len(body.split("\n")) == value
    if part == "audience":
        short = all(len(s.split()) <= 6 for s in re.split(r"[.!?]\s*", body))
        return blocks[0] == greeting(gold) and (short or value != "child")
    if part == "tone":
        fits = "instruction" not in gold or last[0].rstrip(",") == parts_of.CLOSING[value]
        return parts_of.SORRY_WORDS[value] in answer and fits
    return bool(re.search(rf"\b{value[0]}\b", answer)) and value[1] in answer


def score_steered(case: dict, answer: str) -> dict:
    """One key for each part that is there and can be judged."""
    gold = case["gold"]
    return {p: obeyed(p, gold, answer) for p in PARTS
            if p in gold and ("instruction" in gold or p not in NEED_EMAIL)}


SKILLS = {"email_plain": email_plain, "email_steered": email_steered}
SCORES = {"email_plain": score_plain, "email_steered": score_steered}
