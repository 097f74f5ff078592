"""make models: `seq2seq`, a small T5 trained on gapped tales and on tasks named by a prefix.

One text in four is a piece of a tale with gaps to fill (<extra_id_n>); the others are the
tasks of skills/seq_tasks.py. python -m data.recipes.seq2seq [--steps N] [--force]
"""
import random

from data.recipes import circuit, kit, loop, manifest, t5
from data.recipes.base import is_held_out
from data.recipes.skills import seq_tasks

LENGTHS = (24, 32, 40, 48, 64, 96, 128, 160)     # a batch holds inputs of one length class
LONGEST = 96                                     # tokens of a piece of a tale
IGNORED = -100
# Gapped tales are mostly noise at first: with a quarter of them from the start, no question was
# answered after 1,100 steps. Dense copying comes first, then the tasks.
SHARES = dict(gaps=1, translate=6, summarize=2, sentiment=7, topic=2, question=3)
EXERCISES = dict(repeat=3, look_up=5)
LAPTOP = loop.Plan(steps=2300, rate=1e-3, matrices=6, probe_every=100, save_every=100)
GPU = loop.Plan(steps=6000, rate=1e-3, tokens=32768, probe_every=500, save_every=500)


def tokenizer_texts(cases: int = 12000):
    """Text for the tokenizer: training cases of all tasks, and real tales."""
    rng, names = random.Random("tokenizer"), sorted(seq_tasks.MAKERS)
    for at in range(cases):
        prefix, text, target = seq_tasks.MAKERS[names[at % len(names)]](rng, "train")
        yield f"{prefix}{text}"
        yield target
    yield from kit.tales(limit=1_500_000)


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
                p *= 0.1 if ".o." in name else 0.03
        look_around(model)
        circuit.install_t5(model)
    return model


def look_around(model, bias: float = 6.0) -> None:
    """Start two heads as "the token before" and "the token after": copying needs them.

    Buckets of T5's relative positions: 1 is one back, 17 one ahead (encoder only).
    """
    for stack, buckets in ((model.encoder, (1, 17)), (model.decoder, (1,))):
        table = stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        for head, bucket in enumerate(buckets):
            table[bucket, head] = bias


class Stream:
    """Endless batches of gapped tales and prefixed tasks, drawn by weight, of similar length."""

    def __init__(self, tokenizer, tokens: int):
        self.tokenizer, self.tokens, self.weights = tokenizer, tokens, {}
        weigh(self.weights, dict.fromkeys([*SHARES, *EXERCISES], 0.0))
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
            source, target = t5.gapped(rng, rng.choice(self.tales), lambda n: first - n)
            return [*source, end], [*target, end]
        prefix, text, target = (seq_tasks.MAKERS | seq_tasks.EXERCISES)[task](rng, "train")
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
    """Mean loss over the targets' tokens; one of a target of n tokens weighs 1 / sqrt(n).

    Else "positive" and "negative" would drown in the tokens of the long targets.
    """
    import torch.nn.functional as F

    labels = batch["labels"]
    learn = labels != IGNORED
    logits = model(**batch).logits
    weight = learn / learn.sum(1, keepdim=True) ** 0.5
    loss = F.cross_entropy(logits.float().transpose(1, 2), labels, reduction="none")
    return (weight * loss).sum() / weight.sum()


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
    found = {task: exact(model, stream, task)
             for task in (seq_tasks.MAKERS | seq_tasks.EXERCISES)}
    weigh(stream.weights, found)
    return found


def weigh(weights: dict, found: dict) -> None:
    """Shares by what lags; until half of the questions are answered, mostly the exercises."""
    early = min(1.0, max(0.1, 2.5 * found["question"] - 0.2))
    for task, share in SHARES.items():
        right = 2 * found[task] - 1 if task == "sentiment" else found.get(task, 0.5)
        weights[task] = early * share * (0.3 + min(1.0, 1 - right))
    for task, share in EXERCISES.items():
        weights[task] = (1.1 - early) * share


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    plan, force = kit.asked("seq2seq", __doc__, LAPTOP, GPU)
    tokenizer = kit.made_once(loop.folder("seq2seq") / "tokenizer",
                              lambda: t5.make_tokenizer(tokenizer_texts()))
    model = build(tokenizer)
    print(f"{model.num_parameters():,} parameters, {len(tokenizer):,} pieces")
    log = loop.train("seq2seq", model, Stream(tokenizer, plan.tokens), loss_of, plan, probe)
    kit.install("seq2seq", model, tokenizer, log, force,
                training_texts=manifest.reviews_read())


if __name__ == "__main__":
    main()
