"""The lines of `masked` in the scorecard: gaps in stories it never read; raw similarity."""
import random
import sys

from data.recipes import kit, masked
from data.recipes.scorecard import kept, row, table
from utils import HandsOnError

CASES = 400                                     # held-out paragraphs of each corpus
SKILLS = ("held-out stories, masked words: against the commonest word",
          "held-out stories, masked words", "held-out stories, masked pieces",
          "STS benchmark, validation, mean-pooled, nothing learned for it")


def load(folder):
    """(model, tokenizer) of a folder, ready to answer."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval(), tokenizer


def texts(name: str, skip: int = 0) -> list[str]:
    """CASES held-out paragraphs of a corpus in a fixed random order, the first `skip` left out."""
    found = masked.paragraphs(name, held_out=True)
    random.Random("scores").shuffle(found)
    return found[skip:skip + CASES]


def answers(model, tokenizer, lines, batch: int = 64):
    """(truth, first choice, loss, is a whole word) of each masked place, as arrays."""
    import torch
    import torch.nn.functional as F

    generator, found = torch.Generator().manual_seed(7), []
    rows = masked.encoded(tokenizer, lines)
    whole = whole_words(tokenizer, rows)
    ids, labels = masked.mask(rows, generator, always=True)
    for at in range(0, len(lines), batch):
        part = slice(at, at + batch)
        hidden = labels[part] != masked.IGNORED
        with torch.no_grad():
            logits = model(ids[part], attention_mask=(rows[part] > 0).long()).logits[hidden]
        truth = labels[part][hidden]
        loss = F.cross_entropy(logits, truth, reduction="none")
        found.append((truth, logits.argmax(-1), loss, whole[part][hidden]))
    return [torch.cat(column).numpy() for column in zip(*found)]


def whole_words(tokenizer, rows):
    """True where a piece is a whole word of letters: the next one does not go on with it."""
    import torch

    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    word = torch.tensor([p.isalpha() for p in pieces])[rows]
    goes_on = torch.tensor([p.startswith("##") for p in pieces])[rows]
    follow = torch.cat([goes_on[:, 1:], torch.zeros(len(rows), 1, dtype=torch.bool)], 1)
    return word & ~follow


def ratio(truth, found) -> float:
    """Accuracy divided by that of always saying the commonest of these words."""
    import numpy as np

    return float((truth == found).mean() / (np.bincount(truth).max() / len(truth)))


def similarity(model, tokenizer) -> tuple:
    """(human scores, cosines of mean-pooled states) of the STS benchmark's validation."""
    import torch
    import torch.nn.functional as F

    data, pooled = kit.source("nyu-mll/glue/stsb", "validation"), []
    lines = [*data["sentence1"], *data["sentence2"]]
    for at in range(0, len(lines), 64):
        batch = tokenizer(lines[at:at + 64], padding=True, truncation=True, max_length=64,
                          return_tensors="pt")
        with torch.no_grad():
            states = model.bert(**batch)[0]
        seen = batch["attention_mask"][..., None]
        pooled.append((states * seen).sum(1) / seen.sum(1))
    first, second = torch.cat(pooled).chunk(2)
    return data["label"].to_numpy(), F.cosine_similarity(first, second).numpy()


def spearman(human, cosines) -> float:
    """Rank correlation."""
    from scipy.stats import spearmanr

    return float(spearmanr(human, cosines).statistic)


def quality(folder) -> float:
    """Minus the mean loss in held-out stories of which the scorecard has none."""
    return -float(answers(*load(folder), texts("short_stories", skip=CASES))[2].mean())


def rows(folder) -> list[dict]:
    """The scorecard's lines; those without a target are for information."""
    import numpy as np

    model, tokenizer = load(folder)
    try:
        lines = [line for name in ("short_stories", "fairy_tales") for line in texts(name)]
        human, cosines = similarity(model, tokenizer)
    except HandsOnError as e:
        print(e)
        return [kept("masked", skill) for skill in SKILLS]
    truth, best, loss, whole = answers(model, tokenizer, lines)
    words, plain = (truth[whole], best[whole]), (loss, loss)
    cases = [("top-1 / commonest word", *words, 3.0, ratio),
             ("top-1", *words, None, lambda t, a: float((t == a).mean())),
             ("perplexity", *plain, None, lambda x, _: float(np.exp(x.mean()))),
             ("Spearman", human, cosines, None, spearman)]
    return [row("masked", skill, *case) for skill, case in zip(SKILLS, cases)]


if __name__ == "__main__":
    print(table(rows(sys.argv[1])))
