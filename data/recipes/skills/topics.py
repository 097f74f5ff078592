"""Short labels of topics, and sentences with invented words."""
import re
from functools import cache

from data.recipes.skills import words
from data.recipes.skills.telling import case, table

LEAD = ["I have a topic that contains the following documents:\n",
        "Here is a topic with these documents:\n", "These documents belong to one topic:\n",
        "A topic holds the following documents:\n", "Documents of a topic:\n",
        "The following documents share a topic:\n"]
KEYS = ["The topic is described by the following keywords: ", "Keywords of the topic: ",
        "The keywords of the topic are: ", "Its keywords are: ", "Keywords: ",
        "It is described by these keywords: "]
LABEL = ["Give a short label of the topic.", "Write a short label for this topic.",
         "What is a short label of this topic?", "Name the topic in a few words.",
         "Find a short topic label.", "Answer with a short label of the topic."]
SENTENCE = ["Describe the topic in one sentence.", "Say in one sentence what the topic is about.",
            "Write one sentence about the topic.", "Sum up the topic in one sentence."]
TITLES = ["{M} {h} with few examples", "New data for {m} {h}", "A simple method for {m} {h}",
          "{M} {h} in practice", "How good is {m} {h}?", "A study of {m} {h}", "From {k} to {h}",
          "Better {h} with {k}", "{K} and {h}", "The role of {k} in {m} tasks",
          "Learning from {k}", "Limits of {h} without {k}", "Errors in {m} data"]
ADJECTIVES = ["small", "large", "old", "red", "heavy", "round", "strange", "green", "golden",
              "cheap", "funny", "tiny", "white", "blue", "black", "pretty", "huge", "brown"]
WRITE = [["Write", "Give me", "Make", "Please write", "Give", "Now write", "Think of", "Invent"],
         [" a sentence", " one sentence", " a short sentence", " an example sentence"],
         [" with the word", " that uses the word", " that contains the word", " using the word"]]
SHOWN = ["An example of a sentence that uses {w} is: ", "A sentence with the word {w}: ",
         "Here is {w} in a sentence: ", "We can use {w} like this: "]


@cache
def fields(split: str) -> tuple:
    """(label, keywords, documents) of the fields of a split."""
    return tuple((name, tuple(keys.split(", ")), tuple(docs.split(";")))
                 for name, keys, docs in table("fields") if words.side(name) == split)


def composed(rng, split):
    """A field put together from two words, such as "legal retrieval"."""
    (mod, first), (head, second) = words.until(
        lambda: (rng.choice(table("modifiers")), rng.choice(table("heads"))), split,
        lambda v: f"{v[0][0]} {v[1][0]}")
    keys = [first.split(", "), second.split(", ")]
    docs = []
    for title in rng.sample(TITLES, 4):
        k = rng.choice(rng.choice(keys))
        docs.append(title.format(m=mod, M=mod.capitalize(), h=head, k=k, K=k.capitalize()))
    rest = sum(keys, [])
    rng.shuffle(rest)
    own = [mod, head] if rng.random() < 0.6 else [head, mod]
    return f"{mod} {head}", own + rest, docs


def keywords(rng, label, keys) -> list:
    """6 to 10 keywords; the words of the label stand among the first."""
    count = rng.randint(6, 10)
    own = [k for k in keys if f" {k} " in f" {label} "]
    rest = [k for k in keys if k not in own]
    chosen = own[:4] + rng.sample(rest, min(len(rest), count - min(len(own), 4)))
    for i in range(len(chosen) - 1):                       # a light shuffle
        if rng.random() < 0.3:
            chosen[i], chosen[i + 1] = chosen[i + 1], chosen[i]
    return chosen


def topic_label(rng, split):
    """A label of a topic, or a sentence on it, from keywords and documents."""
    label, keys, docs = composed(rng, split) if rng.random() < 0.6 else rng.choice(fields(split))
    short = rng.random() < 0.7
    parts = words.wording(rng, split, LEAD, ["|"], KEYS, ["|"], LABEL if short else SENTENCE)
    lead, intro, ask = parts.split("|")
    quote, stop = rng.choice([("", ""), ("", "."), ("'", "")])
    listed = "\n".join(f"- {d}" for d in rng.sample(docs, rng.randint(2, 3)))
    shown = quote + ", ".join(keywords(rng, label, keys)) + quote + stop
    answer = label if short else f"This topic is about {label}."
    return case("topic_label", [("user", f"{lead}{listed}\n{intro}{shown}\n{ask}"),
                                ("assistant", answer)], label=label, short=short)


def meaning(rng, split):
    """(is it a verb, its meaning, sentences) of an invented word."""
    if rng.random() < 0.4:
        told, *uses = rng.choice(table("verb_meanings"))
        return True, told, uses
    noun, *uses = rng.choice(table("noun_meanings"))
    kind = words.until(lambda: f"{rng.choice(ADJECTIVES)} {noun}", split)
    return False, words.a(kind), uses


def request(rng, split, verb, word, told) -> str:
    """The demand for a sentence with an invented word."""
    verb_means = [", which means {d}.", ". It means {d}.", ", a verb that means {d}."]
    noun_means = [", which is {d}.", ". It is {d}.", ", the name of {d}."]
    if rng.random() < 0.35:
        starts = ['"{w}" means {d}. ', 'To "{w}" means {d}. ' if verb else 'A "{w}" is {d}. ']
        text = words.wording(rng, split, starts, *WRITE, [' "{w}".', " {w}."])
    else:
        means = verb_means if verb else noun_means
        text = words.wording(rng, split, *WRITE, [' "{w}"', " {w}"], means)
    return text.format(w=word, d=told)


def invented_word(rng, split):
    """A sentence with an invented word, with or without an example of another word."""
    verb, told, uses = meaning(rng, split)
    word, prompt = words.invented(rng, split, rng.choice([2, 2, 2, 3])), ""
    if rng.random() < 0.5:
        also, sense, others = meaning(rng, split)
        other = words.invented(rng, split, 2)
        start = f'To "{other}" means {sense}.' if also else f'A "{other}" is {sense}.'
        shown = rng.choice(SHOWN).format(w=other)
        prompt = f"{start} {shown}{rng.choice(others).format(other)}\n"
    prompt += request(rng, split, verb, word, told)
    return case("invented_word", [("user", prompt), ("assistant", rng.choice(uses).format(word))],
                word=word, verb=verb)


def score_topic(case, answer) -> dict:
    """At least half of the words of the label; a label short, a sentence as asked."""
    gold, said = case["gold"], set(re.findall(r"[\w-]+", answer.lower()))
    wanted, text = gold["label"].split(), answer.strip()
    form = len(text.split()) <= 5 and not text.endswith(".") if gold["short"] else \
        text.startswith("This topic is about ") and text.endswith(".")
    return {"form": form, "right": 2 * sum(w in said for w in wanted) >= len(wanted)}


def score_word(case, answer) -> dict:
    """The word is used; the answer is one sentence of 4 to 16 words."""
    said, text = re.findall(r"[\w-]+", answer.lower()), answer.strip()
    ends = ("", "s", "es", "ed", "ing")
    one = text.endswith(".") and not re.search(r"[.!?]\s", text) and 4 <= len(text.split()) <= 16
    return {"word": any(case["gold"]["word"] + e in said for e in ends), "sentence": one}


SKILLS = {"topic_label": topic_label, "invented_word": invented_word}
SCORES = {"topic_label": score_topic, "invented_word": score_word}
