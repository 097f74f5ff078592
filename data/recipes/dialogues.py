"""Dialogues for `chat`: every skill with its weight, as batches of token ids."""
import random
from importlib import import_module

END, PAD = "<|end|>", "<|endoftext|>"
IGNORED = -100
# a batch holds dialogues of one length class; finer ones pad less (10 % of a batch, not 18)
LENGTHS = (32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 384)
MODULES = "stories emails grounded numbers agent queries dialogue labels topics warmup".split()


def registry(name: str) -> dict:
    """{skill: function} of all modules; name is "SKILLS" (makers) or "SCORES" (rules)."""
    found = {}
    for module in MODULES:
        found |= getattr(import_module(f"data.recipes.skills.{module}"), name)
    return found


def encode(tokenizer, messages) -> tuple[list, list]:
    """(ids, labels) of a dialogue; labels are IGNORED outside of the assistant's words.

    The same ids as `apply_chat_template`; the end tag of an answer is learned with it.
    """
    ids, labels = [], []
    for m in messages:
        own = m["role"] == "assistant"
        tag = f"<|{m['role']}|>\n"
        for text, learn in ((tag, False), (m["content"] + END, own), ("\n", False)):
            new = tokenizer.encode(text, add_special_tokens=False)
            ids += new
            labels += new if learn else [IGNORED] * len(new)
    return ids, labels


class Stream:
    """Endless batches of dialogues, drawn by weight, of similar length.

    weights: {skill: share}. lead: {skill: keyword arguments} for an easier start.
    """

    def __init__(self, tokenizer, weights: dict, tokens: int, makers=None):
        self.tokenizer, self.weights, self.tokens = tokenizer, dict(weights), tokens
        self.makers = makers or registry("SKILLS")

    def draw(self, rng) -> tuple[list, list]:
        """One encoded case that fits the longest length class."""
        names = list(self.weights)
        while True:
            skill = rng.choices(names, [self.weights[n] for n in names])[0]
            case = self.makers[skill](rng, "train")
            pair = encode(self.tokenizer, case["messages"])
            if len(pair[0]) <= LENGTHS[-1]:
                return pair

    def batches(self, seed: str):
        """Dicts of input_ids and labels, (rows, length); about `tokens` tokens each."""
        rng = random.Random(seed)
        waiting = {n: [] for n in LENGTHS}
        while True:
            pair = self.draw(rng)
            length = next(n for n in LENGTHS if n >= len(pair[0]))
            waiting[length].append(pair)
            if len(waiting[length]) == self.tokens // length:
                yield pad(waiting[length], length, self.tokenizer.pad_token_id)
                waiting[length] = []


def pad(pairs, length: int, pad_id: int) -> dict:
    """Encoded cases as two tensors, filled up to the right."""
    import torch

    ids = [i + [pad_id] * (length - len(i)) for i, _ in pairs]
    labels = [y + [IGNORED] * (length - len(y)) for _, y in pairs]
    return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)}


def answer_loss(model, batch):
    """Mean loss over the answers' tokens; only these reach the output matrix.

    A token of an answer of n tokens weighs 1 / sqrt(n): else the skills whose answer is one
    word (sentiment, judge) stay at chance, drowned by those that write e-mails.
    """
    import torch.nn.functional as F

    hidden = model.model(batch["input_ids"], use_cache=False)[0][:, :-1]
    wanted = batch["labels"][:, 1:]
    learn = wanted != IGNORED
    weight = (learn / learn.sum(1, keepdim=True).clamp(min=1) ** 0.5)[learn]
    loss = F.cross_entropy(model.lm_head(hidden[learn]).float(), wanted[learn], reduction="none")
    return (weight * loss).sum() / weight.sum()


def exact(model, stream, skill: str, cases: int = 24, seed: str = "probe") -> float:
    """Share of fresh training cases whose every answer token is the model's first choice.

    That is what greedy decoding would get exactly right; one forward pass.
    """
    import torch

    rng = random.Random(f"{seed} {skill}")
    pairs = [encode(stream.tokenizer, stream.makers[skill](rng, "train")["messages"])
             for _ in range(cases)]
    device = next(model.parameters()).device
    length = max(len(i) for i, _ in pairs)
    batch = {k: v.to(device) for k, v in pad(pairs, length, stream.tokenizer.pad_token_id).items()}
    with torch.no_grad():
        best = model.lm_head(model.model(batch["input_ids"], use_cache=False)[0][:, :-1]).argmax(-1)
    wanted = batch["labels"][:, 1:]
    return float(((best == wanted) | (wanted == IGNORED)).all(1).float().mean())
