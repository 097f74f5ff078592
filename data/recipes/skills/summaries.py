"""One-sentence summaries of the stories, by plot, and ROUGE-1."""
import re
from collections import Counter
from functools import cache

from data.recipes.skills import plots, words

# Where no line of banks/seq_summaries.txt fits.
BY_KIND = {"lost": "{O} loses {at} and finds it again.", "broken": "{O} breaks {at}.",
           "magic": "{O} has a magic {t}.", "stolen": "{O} gets a stolen {t} back.",
           "wish": "{O} wants {at} and gets it.", "find": "{O} finds {at}."}
NEW_HEROES = 0.4                                 # share of odd heroes and things: copying


@cache
def known() -> tuple:
    """For each plot: (its summary, per sentence the longest fixed words of each wording)."""
    templates = [line.split("|", 1) for line in plots.lines("seq_summaries")]
    found = []
    for kind, group in plots.plots().items():
        for _, rows in group:
            text = " ".join(" ".join(row) for row in rows).lower()
            own = [t for key, t in templates if key.lower() in text]
            chunks = [[max(re.split(r"\{\w+\}", w), key=len).lower() for w in row]
                      for row in rows]
            found.append((own[0] if own else BY_KIND[kind], chunks))
    return tuple(found)


def template(story: str) -> str:
    """The summary of the plot that most sentences of a story come from."""
    low = story.lower()
    return max(known(), key=lambda plot: sum(any(c in low for c in row) for row in plot[1]))[0]


def told(rng, split: str) -> tuple:
    """(a story, its summary, hero, thing)."""
    kind = rng.choice(("lost", "broken", "magic", "stolen", "wish", "find"))
    new = split == "train" and rng.random() < NEW_HEROES
    who = plots.hero(rng, split, words.rare(rng) if new else "")
    phrase = plots.thing(rng, split, kind)
    if new:
        phrase = f"{rng.choice(plots.COLOURS)} {words.rare(rng)}"
    story = plots.story(rng, who, phrase, kind)
    his = "his" if who.he == "he" else "her"
    line = template(story).format(O=words.a(who.noun).capitalize(), t=phrase,
                                  at=words.a(phrase), his=his)
    return story, line, who.noun, plots.noun_of(phrase)


def rouge(text: str, reference: str) -> float:
    """ROUGE-1 F: how many words two texts share."""
    one, two = (Counter(re.findall(r"\w+", t.lower())) for t in (text, reference))
    shared = sum((one & two).values())
    return 2 * shared / max(1, one.total() + two.total())


def first_sentence(story: str) -> str:
    return re.match(r'.+?[.!?]"?(?= |$)', story)[0]
