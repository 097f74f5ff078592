"""make scorecard: every shipped model on held-out cases, with 95 % intervals.

Prints one table and writes data/models/scorecard.json, from which `make index` fills the
model cards and the README. A line whose public data is not at hand (HANDSON_SOURCES) keeps
its last measured value and says so.
"""
import json
import sys
import time
from pathlib import Path

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
        mark = "" if r["value"] >= r["target"] else " **missed**"
        span = f"{r['low']:.3f} to {r['high']:.3f} | {r['n']:,} | >= {r['target']:.2f}{mark}"
        what = f"`{r['role']}` | {r['skill']} | {r['measure']}"
        lines.append(f"| {what} | {r['value']:.3f} | {span} |")
    return "\n".join(lines)


MEASURES = [sentiment]


def main() -> int:
    """Measure, print, write; exit code 1 if a target is missed."""
    began = time.time()
    chapter.set_seed(7)
    rows = [line for measure in MEASURES for line in measure()]
    print(table(rows))
    print(f"{time.time() - began:.0f} s")
    kit.write_json(FILE, {"rows": rows})
    return int(any(r["value"] < r["target"] for r in rows))


if __name__ == "__main__":
    sys.exit(main())
