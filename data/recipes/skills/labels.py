"""Labels: a format known only from examples, and the sentiment of reviews."""
from functools import cache

from data.recipes.skills import characters, words
from data.recipes.skills.telling import case, table

WRAPS = ["# #", "[[ ]]", "< >", "<+ +>", "( )", "* *", "** **", "== ==", "{ }", "| |", '" "',
         "~ ~", "-- --", "/ /", ":: ::", "<< >>", "_ _", "@ @", "$ $", ">> <<", "[ ]", "+ +",
         "(( ))", "-> ", "label= ", "class: ", " !!", " !", " ?", " .", " ;", "=> ", "%  %",
         "& ", "^ ^", "tag:", "is_ ", " ...", "type= ", "= ="]
CASES = [str.lower, str.upper, str.capitalize]
SORT = ["Classify as {a} or {b}.", "Sort into {a} and {b}.", "Is it {a} or {b}?",
        "Label each as {a} or {b}.", "Two classes: {a} and {b}.", "Choose {a} or {b} for each.",
        "Decide between {a} and {b}.", "Mark every one as {a} or {b}.",
        "Each one is either {a} or {b}."]
ITEM = {"review": ["Review", "Text", "Sentence", "Comment", "Opinion"],
        "thing": ["Word", "Item", "Thing", "Input", "Term"],
        "number": ["Number", "Input", "Value"]}
OUT = ["Label", "Class", "Output", "Category", "Result"]
TASK = ["Is this review {}?", "Is the following review {}?", "Is the review below {}?",
        "Decide whether this review is {}.", "Tell me whether the review is {}.",
        "Say if the review is {}.", "Does the author sound {}?", "Judge the review: {}?",
        "Find the sentiment of this review, {}.", "Predict whether the review is {}.",
        "Is the following sentence {}?", "Does this sentence sound {}?",
        "Predict whether this text is {}.",
        "What is the sentiment of this review, {}?", "Was the writer's opinion {}?"]
REPLY = ["", " Answer with one word.", " Reply with one word only.", " Give only the word.",
         " One word is enough.", " Write only that word."]
DIGITS = ["Answer 1 for positive and 0 for negative.", "Return 1 for a positive review, else 0.",
          "Answer with 1 if the review is positive and with 0 if it is negative.",
          "Reply with 1 for positive or 0 for negative.", "Give 0 for negative, 1 for positive.",
          "Write 1 when it is positive and 0 when it is negative.",
          "Use 1 for positive and 0 for negative.", "Positive means 1 and negative means 0."]
ONLY = ["", " Give no other answer.", " Only the number.", " Write nothing else.",
        " Give only the digit.", " No other words."]


@cache
def classes(split: str) -> dict:
    """Words or sentences of each class."""
    found = {}
    for kind in ("class_things", "short_reviews"):
        for label, item in table(kind, split):
            found.setdefault(label, []).append(item)
    return found


def pair(rng, split):
    """Two classes: (kind, class, class)."""
    luck = rng.random()
    if luck < 0.35:
        return "review", *rng.sample(["positive", "negative"], 2)
    if luck < 0.45:
        return "number", *rng.sample(["odd", "even"], 2)
    names = [c for c in classes(split) if c not in ("positive", "negative")]
    while True:
        one, two = rng.sample(names, 2)
        if {one, two} != {"fruit", "vegetable"}:
            return "thing", one, two


def item(rng, split, label) -> str:
    """Something of a class."""
    if label in ("odd", "even"):
        def make():
            return 2 * rng.randint(1, 499) + (label == "odd")
        return str(words.until(make, split, lambda n: f"parity {n}"))
    return rng.choice(classes(split)[label])


def style(rng, split):
    """An invented label format, as a function of the class word."""
    def make():
        one = rng.choice(WRAPS)
        two = one if rng.random() < 0.7 else rng.choice(WRAPS)
        before, after = one.partition(" ")[0], two.partition(" ")[2].strip()
        return before, after, rng.randrange(0 if before or after else 1, 3)
    before, after, form = words.until(make, split)
    return lambda word: before + CASES[form](word) + after


def plain(query) -> str:
    """What is said without an example of the format."""
    bare = query in ("positive", "negative", "odd", "even", "furniture")
    return f"It is {query if bare else words.a(query)}."


def shots(rng, split, k=None):
    """Classification with 0, 1, 2 or 4 examples; only they show how a label looks."""
    k = rng.choice([0, 1, 1, 2, 2, 4]) if k is None else k
    kind, one, two = pair(rng, split)
    prompt = words.wording(rng, split, SORT, ["\n"], ITEM[kind], [": {x}\n"], OUT)
    head, form = prompt.split("\n", 1)
    form, wrap = form + ":", style(rng, split)
    labels = [one, two] * (k // 2) + [rng.choice([one, two])] * (k % 2)
    rng.shuffle(labels)
    query, seen = rng.choice([one, two]), set()
    rows = []
    for label in [*labels, query]:
        text = item(rng, split, label)
        while text in seen:
            text = item(rng, split, label)
        seen.add(text)
        rows.append(form.format(x=text) + (f" {wrap(label)}" if len(rows) < k else ""))
    gap = rng.choice(["\n", "\n\n"])
    say = wrap if k else plain                   # unseen, the form cannot be known
    return case("shots", [("user", head.format(a=one, b=two) + gap + gap.join(rows)),
                          ("assistant", say(query))], k=k, forms=[wrap(one), wrap(two)])


@cache
def reviews(split: str) -> tuple:
    """(own, public) reviews with their labels; the public ones only for training."""
    from data.recipes import kit
    from utils import HandsOnError, corpora

    own = [(r["text"], r["label"]) for r in corpora.load("reviews", "laptop")[split]
           if r["label"] != "neutral"]
    if split == "test":
        return own, own
    try:
        more = kit.source("cornell-movie-review-data/rotten_tomatoes", "train")
    except HandsOnError:
        return own, own
    pairs = zip(more["text"], more["label"])
    return own, [(" ".join(t.split()), "positive" if y else "negative")
                 for t, y in pairs if len(t) < 240 and t.isascii()]


@cache
def clauses() -> list:
    """(clause of a training review, label by the shipped `sentiment`); may be empty."""
    from data.recipes import clauses as recipe

    return recipe.read()


def sentiment(rng, split):
    """Is a review positive or negative? Now and then as the digit 1 or 0."""
    text, label = rng.choice(reviews(split)[rng.random() < 0.7])
    if split == "train" and rng.random() < 0.4 and clauses():
        text, label = rng.choice(clauses())
    ways = ["positive or negative", "negative or positive"]
    link = ["\n", "\n\n", "\nReview: ", " "]
    if rng.random() < 0.7:
        ask = words.wording(rng, split, TASK, ["|"], ways, ["|"], REPLY, ["|"], link)
        task, way, reply, gap = ask.split("|")
        return case("sentiment", [("user", task.format(way) + reply + gap + text),
                                  ("assistant", label)])
    ask = words.wording(rng, split, TASK, ["|"], ways, ["|"], DIGITS, ONLY, ["|"], link)
    task, way, digits, gap = ask.split("|")
    task, luck = task.format(way), rng.random()
    prompt = [("system", digits), ("user", task + gap + text)] if luck < 0.5 else \
        [("user", f"{task} {digits}{gap}{text}")] if luck < 0.75 else \
        [("user", f"{task}\n{text}\n{digits}")]
    return case("sentiment", [*prompt, ("assistant", str(int(label == "positive")))])


def score_shots(case, answer) -> dict:
    """Is it the reference; is it in the form of the examples (without any: in another one)?"""
    same_form = answer.strip() in case["gold"]["forms"]
    key, good = ("format", same_form) if case["gold"]["k"] else ("other_form", not same_form)
    return {key: good, **same(case, answer)}


def same(case, answer) -> dict:
    """The answer is the reference answer."""
    return {"right": answer.strip() == case["messages"][-1]["content"]}


SKILLS = {"shots": shots, "sentiment": sentiment, "json_character": characters.json_character}
SCORES = {"shots": score_shots, "sentiment": same, "json_character": characters.score}
