"""The prefixed tasks of `seq2seq`: makers (rng, split) -> (prefix, input, target), and rules."""
import re
from functools import partial

from data.recipes.skills import facts, french, labels, summaries, topics, warmup, words

REVIEW = (
    ["Is this", "Is the following", "Is the", "Was this", "Decide: is this", "Tell me: is this",
     "Would you call this", "Say if this", "Does this"],
    [" review", " sentence", " text", " film review", " comment", " opinion"],
    [" positive or negative?", " negative or positive?"], [" ", " Review: ", " Text: "])
SENTIMENT = (
    ["What is the", "Give the", "Find the", "Name the", "Classify the", "Predict the",
     "Tell me the"], [" sentiment of", " opinion in", " feeling of"],
    [" this", " the following", " the", " this short"],
    [" review", " sentence", " text", " film review", " comment"])
USUAL = ("Is this review positive or negative? ",
         "Is the following sentence positive or negative? ",
         "What is the sentiment of this review? ")
DROPPED = 0.05                                   # words of reviews left out in training
WEIGHTY = {"not", "no", "never", "but", "nothing", "without", "hardly", "isn't", "don't"}
SENTENCE = re.compile(r'[^.!?]+[.!?]"?')


def translate(rng, split: str) -> tuple:
    """A toy sentence; a test sentence has a pair of adjective and noun never trained on."""
    while True:
        parts = [french.sentence(rng) for _ in range(1 + (rng.random() < 0.15))]
        english, french_ = (" ".join(column) for column in list(zip(*parts))[:2])
        held_out = any(words.side(f"{a} {n}") == "test" for _, _, pairs in parts for a, n in pairs)
        if held_out == (split == "test") and words.side(english) == split:
            return "translate English to French: ", english, french_


def summarize(rng, split: str) -> tuple:
    """A story and one sentence on its plot, its hero and its thing."""
    story, line, _, _ = summaries.told(rng, split)
    return "summarize: ", story, line


def question_on_review(rng, split: str) -> str:
    """One of hundreds of wordings; three usual ones are frequent in training."""
    if split == "train" and rng.random() < 0.4:
        return rng.choice(USUAL)
    if rng.random() < 0.6:
        asked = words.wording(rng, split, *REVIEW)
        asked = re.sub(r"(Say if this)( \w+(?: review)?)", r"\1\2 is", asked)
        asked = re.sub(r"(Does this)( \w+(?: review)?)", r"\1\2 sound", asked)
        return re.sub(r"(Say if[^?]*)\?", r"\1.", asked)
    asked = words.wording(rng, split, *SENTIMENT)
    return asked + ("? " if asked.startswith("What") else ": ")


def sentiment(rng, split: str) -> tuple:
    """A review, self-written or (only in training) public, and "positive" or "negative"."""
    own, public = labels.reviews(split)
    text, label = rng.choice(public if rng.random() < 0.65 else own)
    if split == "train":
        luck = rng.random()
        if luck < 0.08:                          # very short ones: "A wonderful film."
            label = rng.choice(("positive", "negative"))
            text = rng.choice(labels.classes("train")[label])
        elif luck < 0.5 and labels.clauses():
            text, label = rng.choice(labels.clauses())
        row = text.split()
        if len(row) > 8:
            text = " ".join(w for w in row if w.lower() in WEIGHTY or rng.random() > DROPPED)
    return question_on_review(rng, split), text, label


def topic(rng, split: str) -> tuple:
    """Keywords, often with documents; the target is a label of the topic."""
    composed = rng.random() < 0.6
    label, keys, docs = topics.composed(rng, split) if composed else \
        rng.choice(topics.fields(split))
    if split == "train" and rng.random() < 0.35:
        label, keys, docs = renamed(rng, label, keys, docs)
    shown, some = ", ".join(topics.keywords(rng, label, keys)), rng.sample(docs, rng.randint(1, 2))
    if rng.random() < 0.7:
        listed = " ".join(d if d.endswith("?") else d + "." for d in some)
        more = f" documents: {listed}" if rng.random() < 0.5 else ""
        return "topic of these keywords: ", shown + more, label
    parts = words.wording(rng, split, topics.LEAD, ["|"], topics.KEYS, ["|"], topics.LABEL)
    lead, intro, ask = parts.split("|")
    return lead.replace("\n", " "), f"{' '.join('- ' + d for d in some)} {intro}{shown}. {ask}", \
        label


def renamed(rng, label: str, keys, docs) -> tuple:
    """The same topic with other words in its label, wherever they stand: teaches copying."""
    new = {word: words.rare(rng) for word in label.split()}
    old = re.compile(r"\b(" + "|".join(map(re.escape, new)) + r")\b")
    swap = partial(old.sub, lambda found: new[found[1]])
    return swap(label), [swap(k) for k in keys], [swap(d) for d in docs]


def who_acts(rng, split: str) -> tuple:
    """Two toy sentences, and who does the one thing; the target is that subject."""
    while True:
        rows = [(who, french.act(rng, who)[0])
                for who in (french.phrase(rng, "pppnn") for _ in range(2))]
        told = [f"{who.en[0].upper()}{who.en[1:]} {act}." for who, act in rows]
        who, act = rows[first := rng.randrange(2)]
        context = " ".join(told)
        if words.side(context) == split and not who.plural and " not " not in act:
            subject = told[first][:len(who.en)]
            return "question: ", f"Who {act}? context: {context}", subject


def question(rng, split: str) -> tuple:
    """A question and a context of two or three sentences; the target is copied from it."""
    if rng.random() < 0.15:
        return who_acts(rng, split)
    rel = rng.choice(facts.relations()[rng.choice(list(facts.KINDS))])
    used: list = []
    fact = facts.new_fact(rng, split, rel, used)
    context = [facts.told(rng, fact)]
    others = [r for r in facts.relations()[rel.kind] if r.name != rel.name]
    if others and rng.random() < 0.6:
        more = facts.new_fact(rng, split, rng.choice(others), used, fact.subject)
        context.append(facts.told(rng, more, pronoun=True))
    if len(context) == 1 or rng.random() < 0.4:
        context.insert(rng.choice((0, len(context))), facts.filler(rng, split, rel.kind))
    asked = facts.question(rng, split, fact)
    return "question: ", f"{asked} context: {' '.join(context)}", fact.value


def repeat(rng, split: str) -> tuple:
    """Exercise: three to ten things, said again; it teaches copying."""
    line = rng.choice((", ", " ", "; ")).join(warmup.things(rng, split, rng.randint(3, 10)))
    return "repeat: ", line, line


def look_up(rng, split: str) -> tuple:
    """Exercise: the values of some keys, in the order asked; it teaches looking up."""
    n = rng.randint(2, 5)
    found = warmup.things(rng, split, 2 * n)
    pairs = list(zip(found[:n], found[n:]))
    form = rng.choice(("{}: {}", "{} is {}", "{} = {}", "{} has {}"))
    table = rng.choice(("; ", ". ", " ")).join(form.format(*pair) for pair in pairs)
    rng.shuffle(pairs)
    asked = ", ".join(k for k, _ in pairs)
    return "look up: ", f"{asked} context: {table}", ", ".join(v for _, v in pairs)


EXERCISES = {"repeat": repeat, "look_up": look_up}
MAKERS = {"translate": translate, "summarize": summarize, "sentiment": sentiment,
          "topic": topic, "question": question}


def exact(text: str, target: str, answer: str) -> bool:
    """The answer is the target."""
    return answer.strip() == target


def score_summary(text: str, target: str, answer: str) -> bool:
    """All of hero and thing, at most a third of the length, nearer than the first sentence."""
    hero, phrase = (_parts(target, text), _parts(answer, text))
    return hero == phrase and 3 * len(answer.split()) <= len(text.split()) and \
        summaries.rouge(answer, target) > summaries.rouge(summaries.first_sentence(text), target)


def _parts(line: str, story: str) -> set:
    """The words of a summary that its plot's template does not hold: hero and thing."""
    fixed = set(re.findall(r"\w+", summaries.template(story).lower()))
    said = set(re.findall(r"\w+", line.lower()))
    return said - fixed - {"a", "an", "his", "her"}


def score_topic(text: str, target: str, answer: str) -> bool:
    """At least half of the words of the label, in five words or fewer."""
    said, wanted = set(re.findall(r"[\w-]+", answer.lower())), target.split()
    return 2 * sum(w in said for w in wanted) >= len(wanted) and len(answer.split()) <= 5


SCORES = {"translate": exact, "summarize": score_summary, "sentiment": exact,
          "topic": score_topic, "question": exact}


def _one_sentence(most: int, text: str, answer: str) -> bool:
    return len(SENTENCE.findall(answer)) == 1 and answer.endswith(".") and \
        2 <= len(answer.split()) <= most


def _as_many_sentences(text: str, answer: str) -> bool:
    """One French sentence for each English one, none of them endless."""
    count = len(SENTENCE.findall(text))
    return len(SENTENCE.findall(answer)) == count and answer.endswith((".", "!", "?")) and \
        2 * count <= len(answer.split()) <= 15 * count


def _short_label(text: str, answer: str) -> bool:
    return 1 <= len(answer.split()) <= 6 and not answer.endswith(".")


# (input, answer) -> is the answer of the form that its prefix asks for, right or wrong?
FORMS = {"translate": _as_many_sentences, "summarize": partial(_one_sentence, 18),
         "sentiment": lambda text, answer: answer in ("positive", "negative"),
         "topic": _short_label,
         "question": lambda text, answer: bool(answer) and answer.lower() in text.lower()}
