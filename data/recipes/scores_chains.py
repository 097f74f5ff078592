"""`chat` where one answer feeds the next prompt, and where a second model or a choice judges."""
import random

from data.recipes.scores_chat import CASES, Reader, clean
from data.recipes.skills import stories, words


def user(text: str) -> list[dict]:
    """A talk of one turn."""
    return [{"role": "user", "content": text}]


def chains(reader: Reader):
    """Title -> character -> story, and product -> name -> slogan -> pitch: is the last used?"""
    half = CASES // 2
    rng = random.Random("chains")
    titles = [stories.title(rng, "test")["messages"][-1]["content"] for _ in range(half)]
    people = [clean(t) for t in reader.reply([user(
        f"Title: {t}\nDescribe the main character in one sentence.") for t in titles])]
    tales = [clean(t) for t in reader.reply([user(
        f"Title: {t}\nCharacter: {p}\nWrite a short story.") for t, p in zip(titles, people)])]
    named = [p.split()[0] in tale for p, tale in zip(people, tales) if p]
    yield "title, character, story", "character's name in the story", named, .90
    things = [f"{words.a(words.good(rng, 'test'))} that {rng.choice(FEATURES)}"
              for _ in range(half)]
    names = [clean(t) for t in reader.reply([user(
        f"Give a name for a product: {t}.") for t in things])]
    slogans = [clean(t) for t in reader.reply([user(
        f"Write a slogan for the product {n}, {t}.") for n, t in zip(names, things)])]
    pitches = [clean(t) for t in reader.reply([user(
        f"Product: {n}, {t}.\nSlogan: {s}\nWrite a pitch in two sentences.")
        for n, t, s in zip(names, things, slogans)])]
    yield "name, slogan, pitch", "name in slogan and pitch", [
        bool(n) and n in s and n in p for n, s, p in zip(names, slogans, pitches)], .90


FEATURES = ["runs on sunlight", "folds flat", "never needs a battery", "floats on water"]


def topics(reader: Reader, embedder: str):
    """Is the label nearest to the true field, among all fields of the test?"""
    from sentence_transformers import SentenceTransformer

    cases = [c for c in reader.cases("topic_label", 2 * CASES)
             if not c["messages"][-1]["content"].endswith(".")][:CASES]
    truth = [c["messages"][-1]["content"] for c in cases]
    texts = [clean(t) or "nothing" for t in reader.reply([c["messages"][:-1] for c in cases])]
    fields = sorted(set(truth))
    encoder = SentenceTransformer(embedder, device="cpu")
    field, label = (encoder.encode(x, normalize_embeddings=True) for x in (fields, texts))
    nearest = [fields[i] for i in (label @ field.T).argmax(1)]
    yield "topic_label", f"nearest to its field, of {len(fields)}", [
        a == b for a, b in zip(nearest, truth)], .70


def label_words(reader: Reader, texts, question: str, labels=("negative", "positive")) -> list:
    """The label with the higher log-probability as the whole answer, for each text."""
    import torch

    scores = []
    for label in labels:
        ends = reader.tokenizer.encode(label + "<|end|>", add_special_tokens=False)
        total = []
        for at in range(0, len(texts), 50):
            talks = [user(question.format(t)) for t in texts[at:at + 50]]
            prompts = reader.tokenizer.apply_chat_template(talks, add_generation_prompt=True,
                                                           return_dict=False)
            rows = [p + ends for p in prompts]
            width = max(map(len, rows))
            ids = torch.tensor([[0] * (width - len(r)) + r for r in rows])
            mask = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])
            with torch.no_grad():
                logits = reader.model(ids, attention_mask=mask).logits[:, -len(ends) - 1:-1]
            chosen = logits.log_softmax(-1).gather(-1, ids[:, -len(ends):, None])
            total += chosen.sum((1, 2)).tolist()
        scores.append(total)
    return [labels[max(range(len(labels)), key=lambda i: row[i])] for row in zip(*scores)]


def sentiment(reader: Reader):
    """(truth, answers) on the test reviews that are not neutral, label words compared."""
    from utils import corpora

    test = [r for r in corpora.rows("reviews") if r["split"] == "test" and r["label"] != "neutral"]
    answers = label_words(reader, [r["text"] for r in test],
                          "Is this review positive or negative?\n{}")
    return [r["label"] for r in test], answers


def rows(folder, embedder: str):
    """Every line of `chat`: (skill, measure, bools, target); target < 0 means "at most"."""
    from data.recipes import scores_chat as own

    reader = Reader(folder)
    for part in (own.first_text, own.plain, own.guarded, own.shots, own.problems, own.react,
                 chains):
        yield from part(reader)
    yield from topics(reader, embedder)
    truth, answers = sentiment(reader)
    yield "sentiment, label words compared", "macro-F1", (truth, answers), .75
