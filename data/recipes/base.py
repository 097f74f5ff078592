"""make models: `base`, a small Llama with grouped-query attention that has read only stories.

It uses the tokenizer of `chat`, so it knows the chat tags as ids but never saw one in use.
python -m data.recipes.base [--steps N] [--force]
"""
import random

from data.recipes import chat, kit, loop

LENGTH = 128
LAPTOP = loop.Plan(steps=1400, rate=1e-3, matrices=20, compile=True, probe_every=200)
GPU = loop.Plan(steps=6000, rate=1e-3, tokens=32768, probe_every=500)


def build(tokenizer, width: int = 256, layers: int = 4):
    """A fresh LlamaForCausalLM: 4 query heads share 2 key and value heads."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, intermediate_size=width * 11 // 4,
        max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=1, eos_token_id=0,
        pad_token_id=0))


def is_held_out(paragraph: str) -> bool:
    """One paragraph of the tales in fifty is kept for the scorecard."""
    import hashlib

    return hashlib.sha1(paragraph.encode()).digest()[0] % 50 == 0


def story(rng, split: str) -> str:
    """A story without its request."""
    from data.recipes.skills import stories

    make = stories.story if rng.random() < 0.7 else stories.chain_story
    return make(rng, split)["messages"][-1]["content"]


class Stream:
    """Windows of LENGTH tokens: half invented stories, half public-domain tales."""

    def __init__(self, tokenizer, tokens: int):
        self.tokenizer, self.tokens, self.weights = tokenizer, tokens, None
        tales = [p for p in kit.tales() if len(p) > 40 and not is_held_out(p)]
        self.tales = [tokenizer.encode(p) for p in tales]

    def ids(self, rng):
        """An endless run of token ids; a story ends with <|endoftext|>."""
        while True:
            if rng.random() < 0.5:
                for _ in range(3):
                    yield from self.tokenizer.encode(story(rng, "train")) + [0]
            else:
                at = rng.randrange(len(self.tales))
                for part in self.tales[at:at + 4]:
                    yield from part
                    yield 0 if part is self.tales[-1] else self.newline
                yield 0

    @property
    def newline(self) -> int:
        return self.tokenizer.encode("\n")[0]

    def batches(self, seed: str):
        """{"input_ids": (rows, LENGTH)}; each row is a stretch of its own text."""
        import torch

        rng = random.Random(seed)
        rows = [self.ids(random.Random(rng.random())) for _ in range(self.tokens // LENGTH)]
        while True:
            yield {"input_ids": torch.tensor([[next(r) for _ in range(LENGTH)] for r in rows])}


def next_token_loss(model, batch):
    """Mean loss of every next token."""
    import torch.nn.functional as F

    ids = batch["input_ids"]
    logits = model.lm_head(model.model(ids, use_cache=False)[0][:, :-1])
    return F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    import torch

    plan, force = kit.asked("base", __doc__, LAPTOP, GPU)
    tokenizer = kit.made_once(loop.folder("chat") / "tokenizer", chat.make_tokenizer)
    model = build(tokenizer)
    if plan.compile:
        model.model.forward = torch.compile(model.model.forward, dynamic=False)
    log = loop.train("base", model, Stream(tokenizer, plan.tokens), next_token_loss, plan)
    kit.install("base", model, tokenizer, log, force)


if __name__ == "__main__":
    main()
