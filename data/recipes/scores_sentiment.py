"""The `sentiment` model on our test reviews and on public sentences it never saw."""
from pathlib import Path

from data.recipes import kit
from data.recipes.scorecard import kept, row
from utils import HandsOnError, corpora, models
from utils.scores import macro_f1

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


def validation_f1(adapter: Path) -> float:
    """Macro-F1 of an adapter folder on the validation split: decides what is kept."""
    import tempfile

    from utils.adapters import write_merged

    part = corpora.load("reviews", "laptop")["validation"]
    with tempfile.TemporaryDirectory() as tmp:
        write_merged(Path(models.find("embedder", "laptop").path), adapter, Path(tmp))
        return macro_f1(part["label"], classify(tmp, list(part["text"])))


def rows(folder) -> list[dict]:
    """The `sentiment` model on our test reviews and on public sentences it never saw."""
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
