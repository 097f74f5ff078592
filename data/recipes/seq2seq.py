"""make models: `seq2seq`, a small T5 trained on gapped tales and on tasks named by a prefix.

One text in four is a piece of a tale with gaps to fill (<extra_id_n>); the others are the
tasks of skills/seq_tasks.py. python -m data.recipes.seq2seq [--steps N] [--force]
"""
import random

from data.recipes import kit, loop
from data.recipes.base import is_held_out
from data.recipes.skills import seq_tasks

SENTINELS, PIECES = 32, 2048
LENGTHS = (24, 32, 40, 48, 64, 96, 128, 160)     # a batch holds inputs of one length class
LONGEST = 96                                     # tokens of a piece of a tale
IGNORED = -100
SHARES = dict(gaps=4, translate=4.5, summarize=3, sentiment=1.5, topic=1, question=3)
LAPTOP = loop.Plan(steps=2500, rate=1e-3, probe_every=250, save_every=250)
GPU = loop.Plan(steps=6000, rate=1e-3, tokens=32768, probe_every=500, save_every=500)


def tokenizer_texts(cases: int = 12000):
    """Text for the tokenizer: training cases of all tasks, and real tales."""
    rng, names = random.Random("tokenizer"), sorted(seq_tasks.MAKERS)
    for at in range(cases):
        prefix, text, target = seq_tasks.MAKERS[names[at % len(names)]](rng, "train")
        yield f"{prefix}{text}"
        yield target
    yield from kit.tales(limit=1_500_000)


def make_tokenizer(texts):
    """A T5Tokenizer of PIECES entries: Unigram pieces, then the sentinels, as in T5 itself."""
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import T5Tokenizer

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    signs = [chr(i) for i in range(33, 127)] + list("éèêëàâçîïôöûùüœæÉÈÊÀÂÇÎÔŒ«»–—’“”…€£°")
    tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=PIECES - SENTINELS, special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>", initial_alphabet=signs, show_progress=False))
    pieces = [tuple(p) for p in json.loads(tokenizer.to_str())["model"]["vocab"]]
    pieces += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(SENTINELS))]
    return T5Tokenizer(vocab=pieces, extra_ids=SENTINELS, model_max_length=512)


def build(tokenizer, width: int = 192, layers: int = 3):
    """A fresh T5ForConditionalGeneration whose first loss is near the log of its vocabulary.

    The embeddings start small, as AdamW's rate wants it, and the last norm makes up for it;
    what the blocks add starts small too, so that they do not drown the embeddings.
    """
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(7)
    model = T5ForConditionalGeneration(T5Config(
        vocab_size=len(tokenizer), d_model=width, d_kv=48, num_heads=width // 48,
        d_ff=width * 8 // 3, num_layers=layers, num_decoder_layers=layers, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0, pad_token_id=0,
        eos_token_id=1))
    with torch.no_grad():
        model.shared.weight *= 0.05
        model.decoder.final_layer_norm.weight.fill_(width ** 0.5)
        for name, p in model.named_parameters():
            if name.endswith((".o.weight", ".wo.weight")):
                p *= 0.1
    return model


def parts(rng, total: int, count: int) -> list:
    """`total` as a sum of `count` random whole numbers from 1 up."""
    cuts = [0, *sorted(rng.sample(range(1, total), count - 1)), total]
    return [b - a for a, b in zip(cuts, cuts[1:])]


def gapped(rng, ids: list, sentinel, share: float = 0.15, mean: int = 3) -> tuple:
    """(input, target): spans replaced by sentinels, and what stood there.

    ids: a text without </s>; sentinel: the id of <extra_id_n> as a function of n.
    """
    missing = max(1, round(share * len(ids)))
    spans = max(1, round(missing / mean))
    kept = parts(rng, len(ids) - missing, spans + 1)
    at, source, target = 0, [], []
    for n, (keep, drop) in enumerate(zip(kept, [*parts(rng, missing, spans), 0])):
        source += ids[at:at + keep]
        target.append(sentinel(n))
        if drop:
            source.append(sentinel(n))
            target += ids[at + keep:at + keep + drop]
        at += keep + drop
    return source, target


class Stream:
    """Endless batches of gapped tales and prefixed tasks, drawn by weight, of similar length."""

    def __init__(self, tokenizer, tokens: int):
        self.tokenizer, self.tokens, self.weights = tokenizer, tokens, dict(SHARES)
        self.tales = []
        for paragraph in kit.tales():
            if len(paragraph) > 60 and not is_held_out(paragraph):
                ids = tokenizer.encode(paragraph, add_special_tokens=False, verbose=False)
                self.tales += [ids[i:i + LONGEST] for i in range(0, len(ids), LONGEST)]
        self.tales = [ids for ids in self.tales if len(ids) >= 16]

    def pair(self, rng, task: str) -> tuple:
        """(input ids, target ids) of a training case, each with </s>."""
        end = self.tokenizer.eos_token_id
        if task == "gaps":
            first = len(self.tokenizer) - 1
            source, target = gapped(rng, rng.choice(self.tales), lambda n: first - n)
            return [*source, end], [*target, end]
        prefix, text, target = seq_tasks.MAKERS[task](rng, "train")
        return tuple(self.tokenizer([prefix + text, target])["input_ids"])

    def batches(self, seed: str):
        """Dicts of input_ids, attention_mask and labels; about `tokens` input tokens each."""
        rng = random.Random(seed)
        waiting = {n: [] for n in LENGTHS}
        while True:
            task = rng.choices(list(self.weights), list(self.weights.values()))[0]
            pair = self.pair(rng, task)
            length = next((n for n in LENGTHS if n >= len(pair[0])), None)
            if length is None:
                continue
            waiting[length].append(pair)
            if len(waiting[length]) == self.tokens // length:
                yield pad(waiting[length])
                waiting[length] = []


def pad(pairs) -> dict:
    """Encoded cases as tensors, filled up to the right with 0 (labels: with IGNORED)."""
    import torch

    wide, long = (max(len(p[side]) for p in pairs) for side in (0, 1))
    ids = torch.tensor([x + [0] * (wide - len(x)) for x, _ in pairs])
    labels = torch.tensor([y + [IGNORED] * (long - len(y)) for _, y in pairs])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


def loss_of(model, batch):
    """Mean loss over the targets' tokens."""
    return model(**batch).loss


def exact(model, stream, task: str, cases: int = 32) -> float:
    """Share of fresh training cases whose every target token is the model's first choice."""
    import torch

    rng = random.Random(f"probe {task}")
    device = next(model.parameters()).device
    batch = pad([stream.pair(rng, task) for _ in range(cases)])
    batch = {k: v.to(device) for k, v in batch.items()}
    with torch.no_grad():
        best = model(**batch).logits.argmax(-1)
    wanted = batch["labels"]
    return float(((best == wanted) | (wanted == IGNORED)).all(1).float().mean())


def probe(model, stream) -> dict:
    """Exact targets per task; weighs the mixture by what lags."""
    model.eval()
    found = {task: exact(model, stream, task) for task in seq_tasks.MAKERS}
    for task, right in found.items():
        stream.weights[task] = SHARES[task] * (0.3 + 1.0 * (1 - right))
    stream.weights["gaps"] = sum(stream.weights[task] for task in found) / 3
    return found


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    plan, force = kit.asked(__doc__, LAPTOP, GPU)
    tokenizer = kit.made_once(loop.folder("seq2seq") / "tokenizer",
                              lambda: make_tokenizer(tokenizer_texts()))
    model = build(tokenizer)
    print(f"{model.num_parameters():,} parameters, {len(tokenizer):,} pieces")
    log = loop.train("seq2seq", model, Stream(tokenizer, plan.tokens), loss_of, plan, probe)
    kit.install("seq2seq", model, tokenizer, log, force)


if __name__ == "__main__":
    main()
