"""make scorecard: every shipped model on held-out cases, with 95 % intervals.

Prints one table and writes data/models/scorecard.json, from which `make index` fills the
model cards and the README. A line whose public data is not at hand (HANDSON_SOURCES) keeps
its last measured value and says so.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np

from data.recipes import kit
from utils import HandsOnError, chapter, corpora, models
from utils.scores import interval, macro_f1

FILE = kit.MODELS / "scorecard.json"
BINARY = ["negative", "positive"]


def classify(folder, texts, labels=None, batch: int = 64) -> list[str]:
    """Labels that a sequence classifier gives to texts; only `labels` compete if given."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    names = model.config.id2label
    allowed = [i for i, n in names.items() if labels is None or n in labels]
    out = []
    for at in range(0, len(texts), batch):
        inputs = tokenizer(texts[at:at + batch], padding=True, truncation=True, max_length=128,
                           return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits[:, allowed]
        out += [names[allowed[i]] for i in logits.argmax(-1).tolist()]
    return out


def row(role, skill, measure, truth, answers, target, statistic=macro_f1) -> dict:
    """One line of the scorecard: the value, its interval, the number of cases."""
    low, high = interval(statistic, truth, answers)
    return dict(role=role, skill=skill, measure=measure, value=round(statistic(truth, answers), 3),
                low=round(low, 3), high=round(high, 3), n=len(truth), target=target)


def share(role, skill, measure, rights, target) -> dict:
    """A line whose value is the share of True; a target below 0 means "at most"."""
    rights = [float(x) for x in rights]
    line = row(role, skill, measure, rights, rights, None, lambda x, _: float(sum(x) / len(x)))
    if target is not None:
        line |= {"target": abs(target), "at_most": target < 0}
    return line


def met(line) -> bool:
    """Is the target of a line met? Lines without one are for information."""
    if line["target"] is None:
        return True
    if line.get("at_most"):
        return line["value"] <= line["target"]
    return line["value"] >= line["target"]


def at_hand(role) -> bool:
    """Is the model of a role shipped yet?"""
    return (kit.MODELS / role / "log.json").exists()


def chat() -> list[dict]:
    """The skills of `chat`."""
    from data.recipes import scores_chains

    folder, lines = models.find("chat", "laptop").path, []
    for skill, measure, rights, target in scores_chains.rows(
            folder, models.find("embedder", "laptop").path):
        if isinstance(rights, tuple):
            lines.append(row("chat", skill, measure, *rights, target))
        else:
            lines.append(share("chat", skill, measure, rights, target))
    return lines


def base() -> list[dict]:
    """Perplexity of `base`; the target is that of a 5-gram model on the same texts."""
    from data.recipes import scores_base

    def perplexity(losses, _):
        return float(np.exp(np.mean(losses)))

    lines = []
    for kind, own, rival in scores_base.rows(models.find("base", "laptop").path):
        line = row("base", kind, "perplexity", own, own, None, perplexity)
        limit = round(perplexity(rival, None), 1)
        lines.append(line | {"target": limit, "at_most": True})
    for kind in {"public-domain tales"} - {r["skill"] for r in lines}:
        lines.append(kept("base", kind))
    return lines


def sentiment() -> list[dict]:
    """The `sentiment` model on our test reviews and on public sentences it never saw."""
    folder = models.find("sentiment", "laptop").path
    test = corpora.load("reviews", "laptop")["test"]
    rows = [row("sentiment", "reviews, test, three classes", "macro-F1", test["label"],
                classify(folder, list(test["text"])), 0.80)]
    skill = "rotten_tomatoes, test, neutral dropped"
    try:
        public = kit.source("cornell-movie-review-data/rotten_tomatoes", "test")
    except HandsOnError as e:
        print(e)
        return rows + [kept("sentiment", skill)]
    truth = [BINARY[i] for i in public["label"]]
    answers = classify(folder, list(public["text"]), BINARY)
    return rows + [row("sentiment", skill, "macro-F1", truth, answers, 0.72)]


def validation_f1(adapter: Path) -> float:
    """Macro-F1 of an adapter folder on the validation split: decides what is kept."""
    import tempfile

    from utils.adapters import write_merged

    part = corpora.load("reviews", "laptop")["validation"]
    with tempfile.TemporaryDirectory() as tmp:
        write_merged(Path(models.find("embedder", "laptop").path), adapter, Path(tmp))
        return macro_f1(part["label"], classify(tmp, list(part["text"])))


def last() -> list[dict]:
    """Lines of the last scorecard; empty before the first."""
    return json.loads(FILE.read_text("utf-8"))["rows"] if FILE.exists() else []


def kept(role, skill) -> dict:
    """The last measured line of a skill, for where its data is not at hand."""
    for line in last():
        if (line["role"], line["skill"]) == (role, skill):
            return line
    raise HandsOnError(f"{skill} was never measured. Fix: set HANDSON_SOURCES and run again.")


def table(rows) -> str:
    """The scorecard as a Markdown table; a missed target is marked."""
    lines = ["| model | held-out cases | measure | value | 95 % interval | n | target |",
             "|---|---|---|---|---|---|---|"]
    for r in rows:
        mark = "" if met(r) else " **missed**"
        sign = "<=" if r.get("at_most") else ">="
        goal = "" if r["target"] is None else f"{sign} {r['target']:.2f}{mark}"
        span = f"{r['low']:.3f} to {r['high']:.3f} | {r['n']:,} | {goal}"
        what = f"`{r['role']}` | {r['skill']} | {r['measure']}"
        lines.append(f"| {what} | {r['value']:.3f} | {span} |")
    return "\n".join(lines)


def reranker() -> list[dict]:
    """What `reranker` gains on the embedder alone."""
    from data.recipes import scores_reranker

    return scores_reranker.rows(models.find("reranker", "laptop").path)


MEASURES = {"chat": chat, "base": base, "sentiment": sentiment, "reranker": reranker}


def main() -> int:
    """Measure, print, write; exit code 1 if a target is missed.

    With role names as arguments only these are measured anew.
    """
    began = time.time()
    chapter.set_seed(7)
    asked = sys.argv[1:] or list(MEASURES)
    rows = []
    for role, measure in MEASURES.items():
        if not at_hand(role):
            print(f"{role} is not shipped yet.")
            continue
        rows += measure() if role in asked else [r for r in last() if r["role"] == role]
        print(f"{role}: {time.time() - began:.0f} s", flush=True)
    print(table(rows))
    print(f"{sum(map(met, rows))} of {len(rows)} lines meet their target.")
    kit.write_json(FILE, {"rows": rows})
    return int(not all(map(met, rows)))


if __name__ == "__main__":
    sys.exit(main())
