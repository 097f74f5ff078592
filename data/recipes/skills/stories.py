"""Skills of telling: story, anecdote, character, title, a story from a chain of prompts."""
import re

from data.recipes.skills import pitches, plots, words

KINDS = ("lost", "broken", "magic", "stolen", "wish", "find", "", "")
ASK = ("Write ", "Tell me ", "Please write ", "Please tell me ", "Make up ", "Give me ",
       "I would like to read ", "I want to hear ", "Think of ", "Invent ", "Come up with ")
ASK_Q = ("Can you write ", "Could you tell me ", "Will you write ", "Can you make up ",
         "Do you know ", "Would you tell me ")
TALE = ("a short story", "a story", "a little story", "a tale", "a short tale", "a bedtime story",
        "a simple story", "a small story", "a nice story")
FOR = ("", "", " for children", " for a child", " in a few sentences", " in simple words",
       " for my little brother", " for my class")
PARTY = ("", "", " for my friends", " for a party", " to tell at lunch", " for children")
FUN = ("a joke", "a funny story", "a short joke", "something funny", "a funny little story",
       "an anecdote", "a funny anecdote", "a little joke", "a funny line or two")
ABOUT = " about {about}"


def _case(skill: str, prompt: str, answer: str, **gold) -> dict:
    return {"skill": skill, "gold": gold, "messages": [
        {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}


def _has(word: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(word.lower())}\b", text.lower()) is not None


def _sentences(text: str) -> list:
    return [s for s in re.split(r'(?<=[.!?])"?\s+', text.strip()) if s]


def _no_loop(text: str) -> bool:
    """No sentence twice, and four in five pairs of neighbouring words are different."""
    tokens = re.findall(r"[\w']+", text.lower())
    pairs = list(zip(tokens, tokens[1:]))
    rows = _sentences(text.lower())
    return len(set(rows)) == len(rows) and len(set(pairs)) >= 0.8 * len(pairs)


def _request(rng, split: str, what: tuple, tails: tuple = FOR) -> str:
    """A wording with the slot {about}."""
    if rng.random() < 0.75:
        return words.wording(rng, split, ASK, what, (ABOUT,), tails, (".",))
    return words.wording(rng, split, ASK_Q, what, (ABOUT,), tails, ("?",))


def story(rng, split: str) -> dict:
    """A short story about a hero and a thing."""
    kind = rng.choice(KINDS)
    who, phrase = plots.hero(rng, split), plots.thing(rng, split, kind)
    prompt = _request(rng, split, TALE).format(about=plots.about(rng, who, phrase, kind))
    return _case("story", prompt, plots.story(rng, who, phrase, kind),
                 hero=who.noun, thing=plots.noun_of(phrase))


def score_story(case, answer: str) -> dict:
    """Hero, thing, a fair length, no loop."""
    gold = case["gold"]
    return {"hero": _has(gold["hero"], answer), "thing": _has(gold["thing"], answer),
            "length": 25 <= len(answer.split()) <= 90, "no_loop": _no_loop(answer)}


def anecdote(rng, split: str) -> dict:
    """Two or three sentences with a punch line."""
    noun = words.pick(rng, rng.choice(("animals", "occupations", "occupations")), split)
    prompt = _request(rng, split, FUN, PARTY).format(about=words.a(noun))
    rows = plots.lines("story_trade_jokes")
    own = [row.split("|")[1] for row in rows if row.startswith(noun + "|")]
    if own and split == "train" and rng.random() < 0.5:
        return _case("anecdote", prompt, rng.choice(own), subject=noun)
    joke = rng.choice([j for j in plots.lines("story_jokes") if not _has(noun, j)])
    he = plots.gender(noun) or rng.choice(("he", "she"))
    text = joke.format(A=words.a(noun).capitalize(), he=he, He=he.capitalize(),
                       his="his" if he == "he" else "her", him="him" if he == "he" else "her",
                       himself="himself" if he == "he" else "herself")
    return _case("anecdote", prompt, text, subject=noun)


def score_anecdote(case, answer: str) -> dict:
    """The subject is named; short; no repeated sentence."""
    rows = _sentences(answer.lower())
    return {"subject": _has(case["gold"]["subject"], answer), "length": len(answer.split()) <= 60,
            "no_loop": len(set(rows)) == len(rows)}


def _title(start: str, phrase: str, kind: str) -> str:
    """"The Baker and the Lost Silver Kite"; start is a hero's noun, a name or empty."""
    adjective = kind if kind in ("lost", "broken", "magic", "stolen") else ""
    object_ = f"{adjective} {phrase}".strip().title()
    if not start:
        return f"The {object_}"
    return f"{start if start[0].isupper() else 'The ' + start.title()} and the {object_}"


def title(rng, split: str) -> dict:
    """A title made of the nouns of a summary."""
    kind = rng.choice(KINDS)
    who, phrase = plots.hero(rng, split), plots.thing(rng, split, kind)
    prompt = words.wording(
        rng, split, ("Give ", "Find ", "Write ", "Think of ", "Suggest ", "Please give ", "I need ",
                     "Invent ", "Please write "),
        ("a title", "a short title", "one title", "a good title", "a simple title", "the title"),
        (" for a story", " for a tale", " for a short story", " for a book", " for my story"),
        (ABOUT + ".",)).format(about=plots.about(rng, who, phrase, kind))
    start = who.name or who.noun
    return _case("title", prompt, _title(start, phrase, kind), nouns=[start, plots.noun_of(phrase)])


def score_title(case, answer: str) -> dict:
    """Each noun is there; no quotation marks; at most eight words."""
    return {"nouns": all(_has(n, answer) for n in case["gold"]["nouns"]),
            "plain": not re.search(r"[\"“”\n]", answer), "length": len(answer.split()) <= 8}


def _trait(rng, noun: str) -> list:
    """An adjective and a clause; no age or size for those whose noun says it."""
    rows = [row.split("|") for row in plots.lines("story_traits")]
    if noun in plots.lines("story_heroes"):
        rows = [r for r in rows if r[0] not in ("old", "young", "tiny", "tall")]
    return rng.choice(rows)


def character(rng, split: str) -> dict:
    """One sentence about the main character of a title."""
    kind, shape = rng.choice(KINDS), rng.choice(("thing", "hero", "hero", "name"))
    phrase = plots.thing(rng, split, kind)
    noun = plots.hero_noun(rng, split if shape == "hero" else "train")
    name = plots.name_for(rng, split if shape == "name" else "train", noun)
    text = _title({"thing": "", "hero": noun, "name": name}[shape], phrase, kind)
    prompt = words.wording(
        rng, split, ("Title: {title}\n", 'The title of a story is "{title}".\n', "Story: {title}\n",
                     "A story has the title: {title}\n"),
        ("Describe ", "Introduce ", "Present ", "Invent ", "Please describe "),
        ("the main character", "the hero of the story", "the main person", "its main character",
         "the most important character"),
        (" in one sentence.", " with one sentence.", " in a single sentence.", " in a sentence."))
    adjective, clause = _trait(rng, noun)
    answer = f"{name} is {words.a(f'{adjective} {noun}')} who {clause}."
    return _case("character", prompt.format(title=text), answer,
                 must=noun if shape == "hero" else name if shape == "name" else "")


def score_character(case, answer: str) -> dict:
    """One sentence that starts with a name and keeps who the title names."""
    starts = re.match(r"[A-Z][a-z]+\b", answer)
    return {"sentence": len(_sentences(answer)) == 1 and answer.endswith("."),
            "name": bool(starts) and starts[0] not in ("The", "A", "An", "He", "She", "It"),
            "title": _has(case["gold"]["must"], answer) if case["gold"]["must"] else True}


def chain_story(rng, split: str) -> dict:
    """A story from a title and a character, both given."""
    kind, noun = rng.choice(KINDS), plots.hero_noun(rng, split)
    name, phrase = plots.name_for(rng, split, noun), plots.thing(rng, split, kind)
    adjective, clause = _trait(rng, noun)
    start = rng.choice(("", noun, name))
    prompt = words.wording(
        rng, split, ("Title: {title}\nCharacter: ", "Title: {title}\nMain character: ",
                     "Story: {title}\nCharacter: ", "Title: {title}\nHero: "), ("{character}\n",),
        ("Write ", "Tell ", "Now write ", "Please write ", "Now tell "),
        ("a short story", "the story", "a story", "the short story", "a little story"),
        (".", " with this title.", " with this character.", " about it.", " in a few sentences."))
    prompt = prompt.format(title=_title(start, phrase, kind),
                           character=f"{name} is {words.a(f'{adjective} {noun}')} who {clause}.")
    who = plots.Hero(noun, name, "", plots.gender(noun, name) or rng.choice(("he", "she")))
    return _case("chain_story", prompt, plots.story(rng, who, phrase, kind, adjective),
                 name=name, thing=plots.noun_of(phrase))


def score_chain_story(case, answer: str) -> dict:
    """The name and the thing are in the story."""
    return {key: _has(case["gold"][key], answer) for key in ("name", "thing")}


SKILLS = {"story": story, "anecdote": anecdote, "character": character, "title": title,
          "chain_story": chain_story, "product_name": pitches.product_name,
          "slogan": pitches.slogan, "pitch": pitches.pitch, "opener": pitches.opener}
SCORES = {"story": score_story, "anecdote": score_anecdote, "character": score_character,
          "title": score_title, "chain_story": score_chain_story,
          "product_name": pitches.score_product_name, "slogan": pitches.score_slogan,
          "pitch": pitches.score_pitch, "opener": pitches.score_opener}
