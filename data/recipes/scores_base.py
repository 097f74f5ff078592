"""Perplexity of `base` on stories it never read, beside a 5-gram model of the same tokens."""
import math
import random
from collections import defaultdict

from data.recipes import base, kit


def held_out(tokenizer, n: int = 100) -> dict[str, list]:
    """{kind: token ids of n texts}: invented stories, and paragraphs of real tales."""
    rng = random.Random("scorecard base")
    found = {"invented stories": [base.story(rng, "test") for _ in range(n)]}
    try:
        tales = [p for p in kit.tales() if base.is_held_out(p) and len(p) > 200]
        found["public-domain tales"] = rng.sample(tales, n)
    except kit.HandsOnError as e:
        print(e)
    return {k: [tokenizer.encode(t)[:256] for t in v] for k, v in found.items()}


class FiveGram:
    """Interpolated 5-gram model (Witten and Bell 1991) over token ids."""

    def __init__(self, ids, size: int, order: int = 5):
        self.order, self.size = order, size
        self.counts = defaultdict(lambda: defaultdict(int))
        for i, token in enumerate(ids):
            for n in range(min(order, i + 1)):
                self.counts[tuple(ids[i - n:i])][token] += 1
        self.totals = {k: sum(v.values()) for k, v in self.counts.items()}

    def probability(self, past, token) -> float:
        """Mixture of all orders; unseen contexts fall back to shorter ones."""
        value = 1 / self.size
        for n in range(min(self.order, len(past) + 1)):
            context = tuple(past[len(past) - n:])
            if context not in self.totals:
                break
            seen, total = self.counts[context], self.totals[context]
            value = (seen.get(token, 0) + len(seen) * value) / (total + len(seen))
        return value

    def losses(self, ids) -> list[float]:
        """-log p of every token after the first."""
        return [-math.log(self.probability(ids[max(0, i - self.order + 1):i], ids[i]))
                for i in range(1, len(ids))]


def model_losses(model, texts) -> list[float]:
    """Mean loss per text."""
    import torch

    out = []
    with torch.no_grad():
        for ids in texts:
            t = torch.tensor([ids])
            out.append(model(t, labels=t).loss.item())
    return out


def load(folder):
    """(model in float32, tokenizer)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def quality(folder) -> float:
    """Minus the mean loss on held-out text."""
    model, tokenizer = load(folder)
    losses = [x for texts in held_out(tokenizer).values() for x in model_losses(model, texts)]
    return -sum(losses) / len(losses)


def rows(folder, tokens: int = 1_000_000):
    """(skill, per-text losses of the model, per-text losses of the 5-gram model)."""
    model, tokenizer = load(folder)
    texts = held_out(tokenizer)
    source = base.Stream(tokenizer, 128).ids(random.Random("5-gram"))
    rival = FiveGram([next(source) for _ in range(tokens)], len(tokenizer))
    for kind, part in texts.items():
        theirs = [sum(x) / len(x) for x in (rival.losses(ids) for ids in part)]
        yield kind, model_losses(model, part), theirs
