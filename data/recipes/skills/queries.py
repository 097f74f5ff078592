"""Skills for search: rewrite, split, route and follow up questions, judge what was found."""
from data.recipes.skills import filmfacts as ff
from data.recipes.skills import words

SUBJECTS = [r for r in ff.RELATIONS if r not in ("filmby", "price")]
FILM_HOPS = [hop for hop in ff.HOPS if hop[0] != "filmby"]


def phrase(rng, kind: str) -> str:
    """One of the wordings of a kind."""
    return rng.choice(ff.rows("query_wordings", kind))[0]


def case(skill: str, prompt: str, answer: str) -> dict:
    """A case of one question and its reference answer."""
    return {"skill": skill, "gold": {"answer": answer},
            "messages": [{"role": "user", "content": prompt},
                         {"role": "assistant", "content": answer}]}


def subject(rng) -> str:
    """A relation: a price one time in three."""
    return "price" if rng.random() < 0.33 else rng.choice(SUBJECTS)


def named(rng, split: str, relation: str) -> str:
    """Something to ask a relation about."""
    return ff.entity(rng, split, ff.RELATIONS[relation][0])


def chat(rng, core: str, indirect: bool) -> str:
    """A chatty message around a question."""
    start = phrase(rng, "indirect" if indirect else "direct")
    asks = not indirect or "you" in start.split() and not start.startswith("maybe")
    question = core.replace(" ^", phrase(rng, "middle") + " ") + ("?" if asks else ".")
    parts = [phrase(rng, "hello"), phrase(rng, "story"), ff.upper(f"{start} {question}".strip()),
             phrase(rng, "thanks")]
    return " ".join(filter(None, parts))


def rewrite(rng, split: str) -> dict:
    """A chatty question becomes its core, without courtesy and question mark."""
    relation, indirect = subject(rng), rng.random() < 0.6

    def draw():
        core = ff.core(rng, relation, indirect)
        return f"{phrase(rng, 'rewrite')} {chat(rng, core, indirect)}|{ff.plain(core)}"

    text, core = words.until(draw, split).split("|")
    about = named(rng, split, relation)
    text = text.format(e=about, n=words.person(rng, split), x=ff.film(rng, split),
                       p=words.place(rng, split))
    return case("rewrite", text, core.format(e=about))


def split_two(rng, split: str) -> dict:
    """Two questions in one sentence become a list of two."""
    first, second = subject(rng), subject(rng)

    def draw():
        cores = [ff.plain(ff.core(rng, r)) for r in (first, second)]
        return "|".join([phrase(rng, "split"), cores[0], phrase(rng, "joint"), cores[1]])

    head, one, joint, two = words.until(draw, split).split("|")
    one = one.replace("{e}", named(rng, split, first))
    two = two.replace("{e}", named(rng, split, second))
    answer = f"1. {ff.upper(one)}?\n2. {ff.upper(two)}?"
    return case("split_two", f"{head} {ff.upper(one)}{joint}{two}?", answer)


def next_hop(rng, split: str) -> dict:
    """The second search of a question over two facts, with what the first one found."""
    first, second = rng.choice(ff.HOPS)

    def draw():
        question = ff.upper(ff.hop_core(rng, first, second)) + "?"
        return f"{phrase(rng, 'ask')} {question}\n{phrase(rng, 'found')} |\n{phrase(rng, 'hop')}"

    before, after = words.until(draw, split).split("|")
    about, middle, asked, _, ware = ff.chain(rng, split, first, second)
    found = ff.told(rng, first, about, middle)
    return case("next_hop", before.format(e=about, m=ware) + found + after,
                ff.RELATIONS[second][2].format(e=asked))


def routed(rng, source: str) -> str:
    """The template of a question for a source, in lower case."""
    if source == "price":
        return phrase(rng, "shop_core") if rng.random() < 0.5 else ff.core(rng, "price")
    if rng.random() < 0.4:
        return phrase(rng, "film_core")
    if rng.random() < 0.3:
        return ff.hop_core(rng, *rng.choice(FILM_HOPS))
    return ff.core(rng, rng.choice(ff.FILM))


def route(rng, split: str) -> dict:
    """The source that fits a question: films or prices."""
    source = rng.choice(["film", "price"])
    template = words.until(lambda: f"{phrase(rng, 'ask')} {ff.upper(routed(rng, source))}?\n"
                                   f"{phrase(rng, 'which')}", split)
    names = {s: phrase(rng, s + "_source") for s in ("film", "price")}
    listed = [f"{name} ({phrase(rng, s + '_about')})" for s, name in names.items()]
    rng.shuffle(listed)
    goods = [words.good(rng, split) for _ in range(2)]
    about = ff.film(rng, split)
    asked_price = "price" == source and "{e}" in template and "{w}" not in template
    text = ff.plain(template).format(
        e=goods[0] if asked_price else about, f=ff.like(rng, split, about, "film"), g=goods[0],
        h=goods[1], k=rng.randint(2, 60), w=rng.choice(ff.MERCHANDISE), p=words.place(rng, split),
        q=words.full_name(rng, split))
    return case("route", f"{phrase(rng, 'sources')} {', '.join(listed)}.\n{text}", names[source])


def beside(rng, split: str, relation: str, about: str) -> tuple:
    """A fact that does not answer: of another thing, another fact, or all different."""
    kind = ff.RELATIONS[relation][0]
    facts = [r for r in (*SUBJECTS, "price") if r != relation]
    alike = [r for r in facts if ff.RELATIONS[r][0] == kind]
    form = rng.random()
    if form < 0.4 and alike:
        return rng.choice(alike), about
    if form < 0.75:
        return relation, ff.like(rng, split, about, kind)
    other = rng.choice(facts)
    return other, named(rng, split, other)


def relevance(rng, split: str) -> dict:
    """Whether a passage answers a query: yes or no."""
    relation, good = subject(rng), rng.random() < 0.5
    about = named(rng, split, relation)
    told, shown = (relation, about) if good else beside(rng, split, relation, about)
    said = [ff.told(rng, told, shown, ff.entity(rng, split, ff.RELATIONS[told][1])),
            *ff.fillers(rng, told, rng.choice([0, 0, 1]))]
    rng.shuffle(said)

    def draw():
        asked = rng.choice([ff.RELATIONS[relation][2], ff.plain(ff.core(rng, relation))])
        return (f"{phrase(rng, 'query')} {asked}\n{phrase(rng, 'passage')} |\n"
                f"{phrase(rng, 'relevant')}")

    before, after = words.until(draw, split).split("|")
    return case("relevance", before.format(e=about) + " ".join(said) + after,
                "yes" if good else "no")


def score_exact(case: dict, answer: str) -> dict:
    """Right when the answer is the reference, but for blanks around it."""
    return {"right": answer.strip() == case["gold"]["answer"]}


def score_rewrite(case: dict, answer: str) -> dict:
    """Right when the answer is the reference in small or capital letters."""
    return {"right": answer.strip().lower() == case["gold"]["answer"].lower()}


SKILLS = {"rewrite": rewrite, "split_two": split_two, "next_hop": next_hop, "route": route,
          "relevance": relevance}
SCORES = {name: score_exact for name in SKILLS} | {"rewrite": score_rewrite}
