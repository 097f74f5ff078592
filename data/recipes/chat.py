"""make models: `chat`, a small Phi-3 trained from nothing on generated dialogues.

python -m data.recipes.chat [--steps N] [--on] [--force]   one process, GPU where there is one
torchrun --nproc_per_node 2 -m data.recipes.chat      two processes on a CPU
The mixture of skills is weighed anew at each probe toward the skills that lag.
"""
import random

from data.recipes import bpe, circuit, dialogues, kit, loop, manifest

# Shares at the start; FREE skills have many right answers and keep theirs.
SHARES = dict(
    recall=3, cited=4, guarded=3, judge_support=1.5, judge_ab=1.2, extract=2.5, summary_text=.8,
    steps=3.5, sums=1, wrong_step_check=.7, next_line=1.2, react=2.5, react_facts=2, react_many=3,
    rewrite=1, split_two=.8, next_hop=1, route=1, relevance=2, memory=2, summarise_talk=1.5,
    system_turn=1.5, facts=.4, shots=2.5, sentiment=6, topic_label=1.2, title=.8,
    product_name=.8, opener=.5, email_steered=2.5, repeat=.6, recall_all=.8, many_sums=1.5,
    cited_many=2, guarded_many=2, support_many=2,
    checks_many=1)
FREE = dict(story=2.5, anecdote=1, character=.6, chain_story=1, slogan=2.5, pitch=1,
            email_plain=1.5, unguarded_absent=.3, closed=.3, direct=.3, json_character=.8,
            invented_word=.8)
BINARY = ("judge_support", "judge_ab", "wrong_step_check", "relevance", "sentiment")  # chance: half
DENSE = ("repeat", "recall_all", "recall", "many_sums")   # first: they teach copying soonest
# Small batches want small steps: with matrices=20 the loss stood at 1.4 for 2,000 steps.
# Dense exercises alone, from nothing: AdamW reaches a loss of 3.1 after 1.0 M tokens, Muon with
# heads that look back 2.3 after 0.8 M; with the whole copying circuit (circuit.py) 1.9 after
# 1.2 M and 0.8 after 2.4 M, when 4 in 10 lines are repeated without an error.
LAPTOP = loop.Plan(steps=3900, rate=1e-3, matrices=6, probe_every=150, save_every=100)
GPU = loop.Plan(steps=12000, rate=1e-3, tokens=32768, probe_every=1000, save_every=500)


def tokenizer_texts(cases: int = 12000):
    """Text for the tokenizer: training dialogues of all skills, and real tales."""
    makers, rng = dialogues.registry("SKILLS"), random.Random("tokenizer")
    names = sorted(makers)
    for at in range(cases):
        for message in makers[names[at % len(names)]](rng, "train")["messages"]:
            yield message["content"]
    yield from kit.tales(limit=1_500_000)


def make_tokenizer():
    """The one that `base` ships with, so that both read the same ids; else a new one."""
    from transformers import AutoTokenizer

    shipped = kit.MODELS / "base"
    if (shipped / "tokenizer.json").exists():
        return AutoTokenizer.from_pretrained(shipped)
    return bpe.train(tokenizer_texts())


def build(tokenizer, width: int, layers: int):
    """A fresh Phi3ForCausalLM; every attention head has 64 numbers."""
    import torch
    from transformers import Phi3Config, Phi3ForCausalLM

    torch.manual_seed(7)
    config = Phi3Config(
        vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=width // 64, num_key_value_heads=width // 64,
        intermediate_size=width * 11 // 4, max_position_embeddings=1024,
        original_max_position_embeddings=1024, sliding_window=None, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, pad_token_id=0)
    model = Phi3ForCausalLM(config)
    if width >= 4 * circuit.HEAD:                # it takes four heads
        circuit.install(model)
    return model


def probe(model, stream) -> dict:
    """Exact answers per skill on fresh training cases; weighs the mixture by what lags."""
    import torch

    model.eval()
    with torch.compiler.set_stance("force_eager"):
        found = {name: dialogues.exact(model, stream, name) for name in SHARES}
    weigh(stream.weights, found)
    return found


def weigh(weights: dict, found: dict) -> None:
    """Shares by what lags; until one recall in five is right, mostly dense exercises."""
    early = min(1.0, max(0.1, 5 * found["recall"]))
    for name, share in (SHARES | FREE).items():
        right = 2 * found[name] - 1 if name in BINARY else found.get(name, 0.4)
        lag = 0.2 + 1.3 * min(1.0, 1 - right)
        weights[name] = share * lag * (1.0 if name in DENSE else early)


def run(plan: loop.Plan, width: int, layers: int):
    """(model, tokenizer, log) after training."""
    import torch

    home = loop.folder("chat")
    tokenizer = kit.made_once(home / "tokenizer", make_tokenizer)
    model = build(tokenizer, width, layers)
    if plan.compile:
        torch._dynamo.config.recompile_limit = 2 * len(dialogues.LENGTHS)
        model.model.forward = torch.compile(model.model.forward, dynamic=False)
    stream = dialogues.Stream(tokenizer, SHARES | FREE, plan.tokens)
    weigh(stream.weights, dict.fromkeys(SHARES, 0.0))
    log = loop.train("chat", model, stream, dialogues.answer_loss, plan, probe)
    return model, tokenizer, log


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    import torch

    plan, force = kit.asked("chat", __doc__, LAPTOP, GPU)
    width, layers = (320, 5) if torch.cuda.is_available() else (256, 5)
    model, tokenizer, log = run(plan, width, layers)
    kit.install("chat", model, tokenizer, log, force, held_out=manifest.lines(),
                training_texts=manifest.reviews_read())


if __name__ == "__main__":
    main()
