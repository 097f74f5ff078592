# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Looking inside large language models
#
# **What exactly is computed between the last token of a prompt and the next one?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/03_inside_transformers.ipynb) · about two minutes and 1 GiB of memory with two cores; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **write** the loop that turns a model into a writer, and the cache that makes it fast (sections 1 to 3, exercises 1, 2 and 6);
# - **rebuild** a Transformer block from its weights, and prove it equal (sections 4 and 7, exercise 2);
# - **explain** attention as scoring and combining, and read attention weights (section 5, exercise 5);
# - **count** the parameters, the bytes and the multiplications of each part (sections 3 and 4, exercise 3);
# - **say** what each newer variant saves, and what it must leave equal (sections 6 and 7, exercise 4).

# %% tags=["nbval-ignore-output"]
# Setup: finds the companion; on Colab it fetches it first
import subprocess
import sys
from pathlib import Path

REPO = "owner/hands-on-llms-companion"  # set once, by: make badges REPO=owner/name
here = Path.cwd()
if "google.colab" in sys.modules and not (here / "companion").exists():
    url = f"https://github.com/{REPO}.git"
    subprocess.run(["git", "clone", "--depth", "1", url, "companion"], check=True)
places = [here / "companion", here, *here.parents]
root = next((p for p in places if (p / "utils" / "chapter.py").exists()), None)
assert root, "Fix: clone the repository and open this notebook in its folder chapters/"
sys.path.insert(0, str(root))

from utils import chapter, corpora, models, plots

run = chapter.start(3)

# %%
# Every knob of this chapter
MODEL = "chat"  # a role, a folder, or (profile "book") a hub id: any Phi-3 or Llama
CHATS = True  # has it learned its chat template? False for a base model
GROUPED = "base"  # likewise; the one whose heads share keys and values (section 6)
REQUEST = "Write an email apologising to Nora for the broken gate. Say how it happened."
LIMIT = 100  # most tokens of an answer
NEW_TOKENS = [32, 128, 256]  # written with and without the cache (section 3)
STORIES = run.pick(laptop=40, book=12)  # held-out stories behind every loss
WINDOWS = [4, 16, 64]  # tokens that local attention sees (section 6)
STEPS, SEEDS = 60, [0, 1]  # training of two tiny models (section 7)
TRAINED_ON = run.pick(laptop=384, book=4096)  # longest text in MODEL's training
RESAMPLES = 1000  # bootstrap resamples behind every interval

# %% [markdown]
# ## The result first
#
# A language model is a function. It takes a text as *ids*, the numbers of its pieces (**tokens**), and returns one score for each token that could come next.
#
# The notebook runs in one of two **profiles**: *laptop*, with small models that ship with it, or *book* (`HANDSON_PROFILE=book`), with the book's own. A line with ✓ is a claim tested just now; its = means "up to rounding".

# %%
import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config


def load(name):
    """Tokenizer and model of a role, a folder or a hub id."""
    path, options = name, {"dtype": torch.float32}
    if name in models.catalogue():
        spec = models.find(name)
        print(spec)
        path = spec.path  # below: weights we can read, so never quantized
        options = {k: v for k, v in spec.options.items() if "quantization" not in k}
    net = AutoModelForCausalLM.from_pretrained(path, **options)
    return AutoTokenizer.from_pretrained(path), net.eval()


tokenizer, model = load(MODEL)
torch.set_grad_enabled(False)  # only two cells of this chapter train anything
torch.set_default_device(model.device)


# %% [markdown]
# A request becomes ids in two steps: the *chat template* puts it between the tags that the model met in training, and the tokenizer cuts the text and looks up each piece. In the pass that follows, a *forward hook*, a function that torch calls when a part has computed something, notes the shape of what comes out.

# %%
def encode(request, answer="", chats=CHATS, by=tokenizer):
    """Ids of a request, and of an answer if given, shape (1, tokens)."""
    if chats:
        talk = [{"role": "user", "content": request}]
        text = by.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
        ids = by(text, add_special_tokens=False).input_ids
    else:  # a base model continues the request; an answer begins on a new line
        ids, answer = by(request).input_ids, answer and "\n" + answer
    ids += by(answer, add_special_tokens=False).input_ids
    return torch.tensor([ids])


def shown(ids):
    """Each token as text, with spaces and line ends made visible."""
    return [repr(tokenizer.decode([i]))[1:-1].replace(" ", "·") for i in ids]


prompt = encode(REQUEST)
print(*shown(prompt[0]), sep="|")


# %%
def watch(name, part):
    """Note under `name` the shape of whatever `part` puts out."""

    def note(module, inputs, out):
        shapes[name] = tuple((out if torch.is_tensor(out) else out[0]).shape)

    return part.register_forward_hook(note)


body = model.model  # everything but the last matrix, the "LM head"
layers = body.layers
shapes = {"token ids": tuple(prompt.shape)}
stages = {"embedding": body.embed_tokens}
stages |= {f"block {i}": layer for i, layer in enumerate(layers)}
stages |= {"norm": body.norm, "LM head": model.lm_head}
hooks = [watch(name, part) for name, part in stages.items()]
logits = model(prompt).logits
_ = [hook.remove() for hook in hooks]

# %%
import matplotlib.pyplot as plt

boxes = list(shapes.items())
if len(boxes) > 9:  # a deep model: leave blocks out
    boxes = [*boxes[:4], ("...", ""), *boxes[-4:]]
figure, (ax, below) = plt.subplots(2, 1, figsize=(9.5, 4.2), height_ratios=[1, 2.6])
for i, (name, shape) in enumerate(boxes):
    color = plots.PALE if "block" in name else "white"
    style = dict(boxstyle="round,pad=0.5", fc=color, ec=plots.QUIET)
    ax.text(i, 0.6, name, ha="center", va="center", bbox=style)
    ax.text(i, -0.1, str(shape), ha="center", fontsize=8, color="dimgray")
    if i:
        arrow = dict(arrowstyle="->")
        ax.annotate("", (i - 0.4, 0.6), (i - 0.6, 0.6), arrowprops=arrow)
ax.set(xlim=(-0.5, len(boxes) - 0.5), ylim=(-0.4, 1.0))
ax.axis("off")
top = logits[0, -1].float().softmax(-1).topk(10)
bars = below.bar(range(10), top.values.cpu(), color=plots.PALETTE[0], log=True)
below.bar_label(bars, fmt="%.3g", fontsize=8)
below.set_xticks(range(10), shown(top.indices))
below.set(ylabel="probability", xlabel="the ten likeliest next tokens")
plots.show(figure, "One pass as boxes with shapes; bars of ten next tokens, log axis.")

# %% [markdown]
# **Figure 1.** One pass, left to right, with the shape of what leaves each stage: one row of numbers per token, at the end one score for each entry of the vocabulary. Below, on a logarithmic axis, the ten likeliest next tokens (· is a space): one takes nearly all.
#
# A model only answers the question "which token comes next?" A network of such stacked blocks is a **Transformer**. *Guess: what share of this model's numbers sits in the attention, for which Transformers are famous? And how much faster are 256 tokens written if we keep what was computed for the earlier ones?* Section 1 answers the first, section 3 the second. Section 7 ends with this whole pass, computed from the bare weights.
#
# ## 1 · One token per pass
#
# To write a text, run the model, choose a token, append it, run again: the model is **autoregressive**, it reads its own output, until it chooses a special end token. The function `generate` wraps this; `do_sample=False` means: always the likeliest. The same request inside the template, and bare:

# %% tags=["c3.01"]
ends = model.generation_config.eos_token_id
ends = ends if isinstance(ends, list) else [ends]


def write(ids, new=LIMIT, **how):
    """Ids that `generate` appends, the likeliest ones unless `how` says otherwise."""
    how = {"do_sample": False, "attention_mask": torch.ones_like(ids), **how}
    return model.generate(ids, max_new_tokens=new, **how)[0, ids.shape[1] :]


bare = tokenizer(REQUEST, return_tensors="pt").input_ids.to(model.device)
answer, other = write(prompt), write(bare)
print(tokenizer.decode(answer), "\n-- without the template:")
print(tokenizer.decode(other))
again = torch.equal(answer, write(prompt)) and torch.equal(other, write(bare))
run.check("both are the same at every run", again)
if CHATS:
    run.check("the templated one ends by itself", answer[-1] in torch.tensor(ends))

# %% [markdown]
# The template is the form in which the model learned to answer. Without it the model meets a form that it never saw. (The small stand-in then stutters before it answers. Inside it, it knows apologies, not gates.) Next, the loop by hand:

# %% tags=["c3.02", "c3.03"]
passes = []
counter = body.register_forward_hook(lambda *_: passes.append(1))
ids = prompt
for _ in answer:  # as many as `generate` wrote before it met an end token
    ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
counter.remove()

# %% tags=["c3.02", "c3.03"]
n = prompt.shape[1]
run.check("loop by hand = generate", torch.equal(ids[0, n:], answer))
run.check("passes = new tokens", len(passes) == len(answer), f"{len(passes)}")


# %% [markdown]
# ### What the parts are
#
# A tokenizer (not a neural network); the *body*, that is a table with one vector per token and a stack of equally built *blocks* (layers); and a last matrix, the **LM head** (language-model head), that turns a vector into one score per token. Body and LM head can be called one by one.

# %% tags=["c3.04"]
def count(*modules):
    """Parameters in some modules."""
    return sum(w.numel() for module in modules for w in module.parameters())


tied = model.lm_head.weight is body.embed_tokens.weight  # one table for both ends
halves = count(*[b.self_attn for b in layers]), count(*[b.mlp for b in layers])
norms = [m for m in body.modules() if "Norm" in type(m).__name__]
anatomy = pd.DataFrame(
    [
        ["tokenizer", "text to ids", 0],
        ["embedding", "ids to vectors", count(body.embed_tokens)],
        ["attention", "moves information between tokens", halves[0]],
        ["feed-forward", "works on each token alone", halves[1]],
        ["norms", "keep the numbers in range", count(*norms)],
        ["LM head", "vectors to scores", 0 if tied else count(model.lm_head)],
    ],
    columns=["part", "what it does", "parameters"],
)
total = model.num_parameters()
run.check("parts = the whole model", anatomy.parameters.sum() == total, f"{total:,}")
anatomy["share"] = [f"{part / total:.1%}" for part in anatomy.parameters]
anatomy

# %% tags=["c3.05"]
ROUNDING = 1e-5 if model.dtype == torch.float32 else 0.03


def same(a, b, tolerance=ROUNDING):
    """Equal up to a share of the largest number (or of 1)?"""
    gap = (a.float() - b.float()).abs().max()
    return bool(gap <= tolerance * max(1.0, b.float().abs().max()))


vectors = body(prompt)[0]
scores = model.lm_head(vectors)
run.check("LM head(body(ids)) = model(ids)", same(scores, logits))
print(f"body {tuple(vectors.shape)}, LM head {tuple(scores.shape)}")


# %% [markdown]
# (Your first guess: the attention's share above.) The scores, called **logits**, become probabilities by the **softmax**: the exponential of each, divided by their sum. By hand: logits 0, 0 and ln 2 give 1, 1 and 2, so a quarter, a quarter and a half.

# %% tags=["c3.06"]
def softmax(z):
    """Probabilities along the last axis; the maximum is taken off to avoid overflow."""
    powers = (z - z.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


print(softmax(torch.tensor([0, 0, np.log(2)])).cpu().numpy().round(2))

# %% tags=["c3.06"]
last, best = scores[0, -1].cpu().double(), top.indices.cpu()
chances = softmax(last)
run.check("by hand = torch.softmax", same(chances, last.softmax(-1), 1e-6))
run.check("the probabilities sum to 1", abs(chances.sum() - 1) < 1e-5)
rows = {"token": shown(best), "logit": last[best]}
pd.DataFrame({**rows, "probability": chances[best]}).round(3)


# %% [markdown]
# ## 2 · Choosing the token
#
# So far always the likeliest (**greedy decoding**). Or draw the next token by chance, each with its probability (**sampling**). In between sits the **temperature** *T*: divide all logits by *T* before the softmax. Below 1 the likely gets likelier, above 1 the unlikely gets a chance. With logits 0 and ln 2 the probabilities are 1/3 and 2/3 at *T* = 1; at *T* = 1/2 they are 1/5 and 4/5.
#
# Look at the step of the answer at which the model wavered most. One pass over prompt and answer gives the scores of all steps (why, says section 3); the **entropy** of a distribution, minus the sum of *p* ln *p*, measures how undecided it is, in **nats** (ln is the natural logarithm): 0 if one token has it all, ln *V* if *V* tokens are equally likely.

# %% tags=["c3.09"]
def entropy(p):
    """In nats, along the last axis."""
    return -(p * p.clamp_min(1e-30).log()).sum(-1)


torch.manual_seed(run.seed)
steps = model(ids).logits[0, n - 1 : -1].float()  # one row per token of the answer
most = int(entropy(softmax(steps)).argmax())
step = steps[most]
print("after:", *shown(answer[max(0, most - 8) : most]))
spread = {T: float(entropy(softmax(step / T))) for T in [0.5, 1.0, 2.0]}
run.check("entropy rises with T", spread[0.5] < spread[1.0] < spread[2.0])
blind = np.log(len(step))  # ln V: all tokens equally likely
print({T: round(e, 2) for T, e in spread.items()}, f"of at most ln V = {blind:.2f}")

# %% tags=["c3.09"]
figure, ax = plt.subplots(figsize=(8, 2.8))
likely = step.topk(8).indices
eight = {T: softmax(step / T)[likely].tolist() for T in spread}
for k, (T, height) in enumerate(eight.items()):
    height = [*height, 1 - sum(height)]  # the last: all other tokens together
    ax.bar(np.arange(9) + 0.27 * (k - 1), height, 0.25, label=f"T = {T}")
ax.set_xticks(range(9), [*shown(likely), "all others"])
ax.set(ylabel="probability")
ax.legend()
print("kept by the eight:", {T: f"{sum(height):.0%}" for T, height in eight.items()})
plots.show(figure, "Probabilities of eight tokens and the rest, at three temperatures.")

# %% [markdown]
# **Figure 2.** The eight likeliest tokens at that step, and all others together: to these a high temperature hands probability.
#
# Do 5,000 draws follow the probabilities? Compare shares in eleven boxes, the ten likeliest tokens and the rest; half the summed gaps is the **total variation**. And is sampling at *T* near 0 greedy decoding, where the winner leads by half a logit?

# %% tags=["c3.07", "c3.08"]
p = softmax(step)
drawn = torch.bincount(torch.multinomial(p, 5000, replacement=True), minlength=len(p))
ten = p.topk(10).indices
gap = drawn[ten] / 5000 - p[ten]
# second term: the box of all the rest is off by what the ten are off together
variation = float(gap.abs().sum() + gap.sum().abs()) / 2
run.check("5,000 draws follow the probabilities", variation < 0.05, f"{variation:.2f}")

# %% tags=["c3.07", "c3.08"]
two = steps.topk(2).values
clear = steps[two[:, 0] - two[:, 1] > 0.5]
cold = torch.multinomial(softmax(clear / 0.01), 50, replacement=True)
greedy = clear.argmax(-1, keepdim=True)
run.check("at T = 0.01, 50 of 50 draws = greedy", (cold == greedy).all())

# %% [markdown]
# ## 3 · The cache repeats nothing
#
# A pass gives a row for *every* token, not only the last. The row at position *i* is what we would get from the text cut off after *i*. So a pass is a bundle of parallel streams, and the choice uses only the last one.

# %% tags=["c3.10"]
# Two routes through all blocks: rounding adds up, hence 10 times the tolerance
whole = model(prompt).logits[0]
prefixes = [model(prompt[:, : i + 1]).logits[0, -1] for i in range(n)]
run.check("rows = cut-off texts", same(torch.stack(prefixes), whole, 10 * ROUNDING))
alone = model.lm_head(vectors[:, -1:])[0, -1]
run.check("the last row is enough = model(ids)", same(alone, whole[-1]))

# %% [markdown]
# ### What a pass costs
#
# Each matrix in the blocks, and the LM head, is used once per token: that work grows with *n*, the number of tokens. In **attention** each token looks at itself and all before it: *n*(*n*+1)/2 pairs, which grows with the square. Several attentions run side by side, each called a **head** (section 5). The pairs, and the positions seen in training, limit the **context length**. Multiplications in one pass, in millions:

# %% tags=["c3.11"]
config, longest = model.config, model.config.max_position_embeddings
heads, head_size = config.num_attention_heads, layers[0].self_attn.head_dim
pairs = {i: int(torch.ones(i, i).tril().sum()) for i in [1, 10, n]}
run.check("pairs = n(n+1)/2", all(c == i * (i + 1) // 2 for i, c in pairs.items()))
used = halves[0] + halves[1] + count(model.lm_head)
even = round(used / (len(layers) * heads * head_size)) - 1  # tokens: pairs cost as much

# %% tags=["c3.11"]
labels = ["this prompt", "longest training text", "context length", "pairs = matrices"]
cost = pd.DataFrame({"tokens": [n, TRAINED_ON, longest, even]}, labels)
cost["matrices"] = used * cost.tokens / 1e6
# head_size products to score a pair and as many to mix: twice n(n+1)/2
cost["pairs"] = len(layers) * heads * head_size * cost.tokens * (cost.tokens + 1) / 1e6
cost["share of pairs"] = cost.pairs / (cost.pairs + cost.matrices)
cost.round(2)


# %% [markdown]
# In texts of the length that this model was trained on, the matrices cost most. Nothing refuses more tokens than it was built for; it just gets worse (see *Where it fails*). So:

# %% tags=["c3.11"]
def guard(ids, new=0):
    """The ids, if they and `new` more tokens fit into the context."""
    if ids.shape[1] + new > longest:
        raise ValueError(f"{ids.shape[1]} + {new} tokens, but the limit is {longest}")
    return ids


# %% tags=["c3.11"]
try:
    guard(prompt.repeat(1, longest))
except ValueError as refusal:
    print("refused:", refusal)
run.check("the prompt and its answer fit", guard(prompt, LIMIT) is prompt)

# %% [markdown]
# ### What is worth keeping
#
# Our loop computes the rows of all earlier tokens again at every step, and they come out the same. Later tokens need only two vectors of each per layer and head, the **key** and the **value** (section 5). Keep these in a **KV cache**, and a step needs only the newest token. Its size in bytes: 2 · layers · key/value heads · size of a head · tokens · bytes of a number.

# %% tags=["c3.12"]
cache = DynamicCache(config=config)
_ = model(ids[:, :-1], past_key_values=cache, use_cache=True)
kept = [t for layer in cache.layers for t in (layer.keys, layer.values)]
kv_heads = config.num_key_value_heads
shape = (1, kv_heads, ids.shape[1] - 1, head_size)
run.check("shape = (1, k/v heads, tokens, size)", kept[0].shape == shape, f"{shape}")

# %% tags=["c3.12"]
held = sum(t.nbytes for t in kept)
factors = [2, len(layers), kv_heads, head_size, kept[0].element_size()]
per_token = int(np.prod(factors))
run.check("bytes held = the formula", held == per_token * (ids.shape[1] - 1))
print(*factors, sep=" · ", end=f" = {per_token:,} bytes per token\n")

# %% tags=["c3.13"]
step_by_cache = model(ids[:, -1:], past_key_values=cache).logits[0, -1]
full = model(ids).logits[0, -1]
by_cache = same(step_by_cache, full, 10 * ROUNDING)
run.check("a step with the cache = a full pass", by_cache)
slow = write(prompt, use_cache=False)
run.check("greedy ids with = without the cache", torch.equal(slow, answer))

# %% [markdown]
# How much sooner? A stopwatch on the body, after a warm-up; the best of three runs of 256 tokens, the end token forbidden:

# %% tags=["c3.14", "nbval-ignore-output"]
import time


def clock(cached):
    """Seconds from the start to the end of each pass, (new tokens,)."""
    ticks = [time.perf_counter()]
    hook = body.register_forward_hook(lambda *_: ticks.append(time.perf_counter()))
    new = NEW_TOKENS[-1]
    # eight ids to start from: nearly all the time goes into writing
    write(prompt[:, -8:], new, min_new_tokens=new, use_cache=cached)
    hook.remove()
    return np.diff(ticks).cumsum()


_ = write(prompt, 8), write(prompt, 8, use_cache=False)  # warm-up
took = {c: np.min([clock(c) for _ in range(3)], axis=0) for c in (True, False)}
times = pd.Series({i: took[False][i - 1] / took[True][i - 1] for i in NEW_TOKENS})
run.check("the cache helps more in long texts", times.iloc[-1] > times.iloc[0])
run.check("at least 1.5 times as fast in the end", times.iloc[-1] >= 1.5)
times.rename_axis("new tokens").rename("times as fast").round(1)

# %% tags=["c3.14", "nbval-ignore-output"]
figure, ax = plt.subplots(figsize=(7, 3))
for cached, name in [(False, "without cache"), (True, "with cache")]:
    ax.plot(range(1, len(took[cached]) + 1), took[cached], label=name)
ax.set(xlabel="new tokens", ylabel="seconds since the start")
ax.legend()
plots.show(figure, "Seconds against new tokens: bent without, straight with the cache.")

# %% [markdown]
# **Figure 3.** Time to write so many tokens: with the cache each costs about the same, without it each costs more than the one before. (Your second guess: the last row above.)
#
# ### The price is memory
#
# The same formula for Phi-3-mini, at two bytes a number:

# %% tags=["c3.15"]
phi = Phi3Config()  # its defaults are Phi-3-mini's
phi_head = phi.hidden_size // phi.num_attention_heads
phi_token = 2 * phi.num_hidden_layers * phi.num_key_value_heads * phi_head * 2
phi_cache = phi_token * phi.max_position_embeddings / 2**30
run.check("393,216 bytes per token", phi_token == 393_216)
run.check("1.5 GiB for 4,096 tokens", phi_cache == 1.5)

# %% [markdown]
# ## 4 · A block has two halves
#
# A block does two things to the rows, each in the form *x + half(norm(x))*: **attention** lets each token fetch something from tokens before it, the **feed-forward network** works on each row alone. What a half computes is *added* to its input (a *residual connection*), so each token has a running sum to which each half contributes.

# %% tags=["c3.16"]
states = body(ids, output_hidden_states=True).hidden_states
k = (len(layers) - 1) // 2  # a block in the middle
layer, x, after = layers[k], states[k], states[k + 1]
turns = body.rotary_emb(x, torch.arange(ids.shape[1])[None])  # positions: section 7


# %% tags=["c3.16"]
def halves_of(x, layer, turns, skip=1.0):
    """A block, from its parts; `skip` scales what passes by each half."""
    # None: the attention module then hides the future by itself
    pair = {"position_embeddings": turns, "attention_mask": None}
    h = skip * x + layer.self_attn(layer.input_layernorm(x), **pair)[0]
    return skip * h + layer.mlp(layer.post_attention_layernorm(h))


run.check("two halves, two sums = the block", same(halves_of(x, layer, turns), after))

# %% [markdown]
# Where are the parameters? Two of our models, and Phi-3-mini as an empty shell: torch's *meta* device knows shapes and holds no numbers.

# %% tags=["c3.17"]
_, grouped = load(GROUPED)
with torch.device("meta"):
    shell = AutoModelForCausalLM.from_config(phi)


def shares(net):
    """Parameters of each part of a model."""
    stack = net.model.layers
    found = {"embedding": count(net.model.embed_tokens)}
    found["attention"] = count(*[b.self_attn for b in stack])
    found["feed-forward"] = count(*[b.mlp for b in stack])
    found["LM head and norms"] = net.num_parameters() - sum(found.values())
    return found


nets = {MODEL: model, GROUPED: grouped, "Phi-3-mini": shell}
parts_of = pd.DataFrame({Path(name).name: shares(net) for name, net in nets.items()})
block = parts_of.loc[["attention", "feed-forward"]]
of_block = block.loc["feed-forward"] / block.sum()
run.check("feed-forward: more than 60 % of a block", (of_block > 0.6).all())
published = parts_of["Phi-3-mini"].sum() == 3_821_079_552
run.check("the shell = Phi-3-mini's published size", published)
print("share of feed-forward in a block:", of_block.round(3).to_dict())
parts_of.map("{:,}".format) + (parts_of / parts_of.sum()).map(" ({:.1%})".format)

# %% tags=["c3.17"]
figure, ax = plt.subplots(figsize=(8, 2.3))
left = np.zeros(parts_of.shape[1])
for part, row in (parts_of / parts_of.sum()).iterrows():
    ax.barh(parts_of.columns, row, left=left, label=part, height=0.6)
    left = left + row
ax.set(xlabel="share of all parameters", xlim=(0, 1))
ax.invert_yaxis()
ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
plots.show(figure, "Stacked bars: share of parameters in four parts of three models.")

# %% [markdown]
# **Figure 4.** In a small model the tables at both ends weigh heavily; in a large one the blocks take nearly all. Within a block the feed-forward half holds two thirds or more. (`base` has no LM head of its own: one table serves both ends, and is counted once.)
#
# ### What each half is worth
#
# Switch one half off (its output becomes zero, the sum passes by) and measure the **loss** on held-out stories: minus the natural logarithm of the probability that the model gave to each right token, on average, in nats. A loss of *L* is a probability of e^(-*L*); a blind guess costs ln *V*. The stories have heroes, things and requests that the laptop's models never met, though plots that they know.
#
# Know first: into the first two blocks of our `chat` the recipe wrote a copying circuit before training (exercise 5). So this table is not typical.

# %% tags=["c3.18"]
stories = corpora.load("stories")["test"].select(range(STORIES))
rows = [encode(s["request"], s["story"])[0] for s in stories]
batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
begin = torch.tensor([encode(s["request"]).shape[1] for s in stories])[:, None]
place = torch.arange(1, batch.shape[1])[None]
# True where the token to guess belongs to the story; request and padding do not count
scored = (place >= begin) & (place < torch.tensor([len(r) for r in rows])[:, None])


def loss_of(hidden, net=model):
    """Mean loss of each story from the body's rows, in nats per token."""
    found = torch.zeros(scored.shape)
    z = net.lm_head(hidden[:, :-1][scored]).float()
    found[scored] = cross_entropy(z, batch[:, 1:][scored], reduction="none")
    return (found.sum(1) / scored.sum(1)).cpu().numpy()


def loss(net=model, **how):
    """Mean loss over the stories."""
    return loss_of(net.model(batch, use_cache=False, **how)[0], net).mean()


# %% tags=["c3.18"]
from contextlib import contextmanager
from copy import deepcopy


@contextmanager
def off(part):
    """Inside, whatever `part` puts out becomes zero."""

    def silence(module, inputs, out):
        return out * 0 if torch.is_tensor(out) else (out[0] * 0, *out[1:])

    hook = part.register_forward_hook(silence)
    yield
    hook.remove()


def loss_without(part):
    with off(part):
        return loss()


intact = loss()
rises = [[loss_without(h) - intact for h in (b.self_attn, b.mlp)] for b in layers]
worth = pd.DataFrame(rises, columns=["without attention", "without feed-forward"])
run.check("each kind of half is missed", (worth.mean() > 0.1).all())
print(f"intact {intact:.2f} nats per token, a probability of {np.exp(-intact):.2f};")
print(f"a blind guess has {blind:.2f}. The loss rises by")
worth.rename_axis("block").round(2)

# %% [markdown]
# The halves are missed, by no means equally. Such a table says what the *rest* cannot repair, not what a part knows: later blocks were trained on what the earlier ones put out.
#
# ## 5 · Attention scores, then mixes
#
# A token asks with its **query**, a vector; each token before it (and itself) offers a **key**, to be compared with the query, and a **value**, to be handed over. Step 1, *scoring*: dot products of the query with all keys, then softmax. Step 2, *combining*: the sum of the values, weighted by the result.
#
# Four tokens, two numbers each. The query (ln 2, 0) meets keys whose first numbers are 1, 0, 1, 0: scores ln 2, 0, ln 2, 0; exponentials 2, 1, 2, 1; weights 2/6, 1/6, 2/6, 1/6.

# %% tags=["c3.19"]
query = torch.tensor([np.log(2), 0.0], dtype=torch.float32)
keys = torch.tensor([[1.0, 0], [0, 1], [1, 1], [0, 1]])
values = torch.tensor([[0.0, 0], [6, 0], [0, 6], [6, 6]])
weights = softmax(keys @ query)
mixed = weights @ values
print(weights.cpu().numpy().round(3), mixed.cpu().numpy().round(3))

# %% tags=["c3.19"]
sixths = torch.tensor([2.0, 1, 2, 1]) / 6
run.check("weights = 2/6, 1/6, 2/6, 1/6", same(weights, sixths))
run.check("the mix = (2, 3)", same(mixed, torch.tensor([2.0, 3])))
inside = (mixed >= values.amin(0)) & (mixed <= values.amax(0))
run.check("it lies between the values", inside.all())


# %% [markdown]
# ### Queries, keys and values are three products
#
# Each is the row times a matrix of learned weights. Phi-3 stores the three matrices as one (`qkv_proj`), Llama separately; `parts` hides that. Each product is cut into equal pieces (here 4 of 64 numbers); each piece is a **head**, which scores and mixes on its own.

# %% tags=["c3.20"]
def parts(attention):
    """The weights of queries, keys and values, as views into the model."""
    d, c = attention.head_dim, attention.config
    if hasattr(attention, "qkv_proj"):
        sizes = [d * c.num_attention_heads, *[d * c.num_key_value_heads] * 2]
        return attention.qkv_proj.weight.split(sizes)
    return tuple(getattr(attention, f"{name}_proj").weight for name in "qkv")


attention, seen = layer.self_attn, layer.input_layernorm(x)[0]  # its input, (n, width)
w_q, w_k, w_v = parts(attention)
projections = [m for name, m in attention.named_children() if name[0] in "qkv"]
out = torch.cat([module(seen) for module in projections], dim=-1)
ours = [seen @ w.T for w in (w_q, w_k, w_v)]
print("matrices:", *[tuple(w.shape) for w in (w_q, w_k, w_v)])
print(f"query heads: {heads} of {head_size} numbers each")
run.check("row by matrix = the module's", same(torch.cat(ours, dim=-1), out))
sizes = sum(w.numel() for w in (w_q, w_k, w_v)) + attention.o_proj.weight.numel()
run.check("with the output matrix = all of attention", sizes == count(attention))

# %% [markdown]
# ### Scoring, for the last token
#
# Cut queries and keys into heads; turn them by their position (by hand in section 7); multiply; divide by the root of the head's size *d*; softmax. The library shows its **attention weights**, the outcome of the softmax, only in its plain ("eager") form.

# %% tags=["c3.21"]
from transformers.models.phi3.modeling_phi3 import apply_rotary_pos_emb


def attention_maps(ids):
    """The library's attention weights: one tensor per block, (heads, n, n)."""
    model.set_attn_implementation("eager")
    found = model(ids, output_attentions=True).attentions
    model.set_attn_implementation("sdpa")
    return [maps[0].float() for maps in found]


def by_heads(rows, d=head_size):
    """(n, heads · d) -> (heads, n, d)."""
    return rows.unflatten(-1, (-1, d)).transpose(0, 1)


q, key, value = map(by_heads, ours)
q, key = (t[0] for t in apply_rotary_pos_emb(q[None], key[None], *turns))
per_key = len(q) // len(key)  # query heads per key head: 1, if no heads are grouped
key, value = (t.repeat_interleave(per_key, 0) for t in (key, value))
raw = q[0, -1] @ key[0].T  # head 0, last token: one score per token
mine = softmax(raw / head_size**0.5)
theirs = attention_maps(ids)[k][0, -1]
run.check("scores by hand = output_attentions", same(mine, theirs))

# %% [markdown]
# **Why the root?** The dot product of two random vectors of *d* numbers has a variance of *d*; large scores make the softmax put all on one token. Divided by √*d* the variance is 1, whatever *d*.

# %% tags=["c3.22"]
torch.manual_seed(run.seed)
a, b = torch.randn(2, 20_000, head_size)
dots = (a * b).sum(1)
run.check("variance of q · k is near d", abs(dots.var() / head_size - 1) < 0.1)
run.check("scaled, it is near 1", abs((dots / head_size**0.5).var() - 1) < 0.1)

# %% tags=["c3.22"]
each = q[:, -1:] @ key.transpose(1, 2)  # every head's scores, for the last token
scaled, unscaled = (entropy(softmax(each / r)).mean() for r in (head_size**0.5, 1))
run.check("unscaled, attention is narrower", unscaled < scaled)
print(f"mean entropy of the heads: {scaled:.2f} nats scaled, {unscaled:.2f} unscaled")

# %% [markdown]
# ### Combining
#
# The attention weights of each head mix its values into a **context vector**; the heads' vectors, end to end, go through one more matrix, `o_proj`. The last token first:

# %% tags=["c3.23"]
looks = [softmax(q[h, -1] @ key[h].T / head_size**0.5) for h in range(heads)]
context = [looks[h] @ value[h] for h in range(heads)]
row = torch.cat(context) @ attention.o_proj.weight.T
library = attention(seen[None], position_embeddings=turns, attention_mask=None)[0][0]
run.check("one position by hand = self_attn", same(row, library[-1]))


# %% [markdown]
# All tokens and heads at once, and one thing is new: a token must not see those after it. The **causal mask** sets their scores to minus infinity, which the softmax turns into attention weight 0. So a later token cannot change what came out before: the last of the next three cells puts another token in the last place.

# %% tags=["c3.24", "c3.25"]
def attend(q, key, value, causal=True):
    """Attention of all heads, (heads, n, d): mixed values, and attention weights."""
    n, d = q.shape[-2:]
    hidden = torch.ones(n, n, dtype=bool).triu(1) & causal  # above the diagonal
    z = (q @ key.transpose(-2, -1) / d**0.5).masked_fill(hidden, -torch.inf)
    return softmax(z) @ value, softmax(z)


# %% tags=["c3.24", "c3.25"]
mix, weight = attend(q, key, value)
rows_out = mix.transpose(0, 1).flatten(1) @ attention.o_proj.weight.T
run.check("all positions by hand = self_attn", same(rows_out, library))
one_by_one = torch.stack([attend(q[h], key[h], value[h])[0] for h in range(heads)])
run.check("heads in parallel = a loop over heads", same(mix, one_by_one))
run.check("attention weight above the diagonal = 0", (weight.triu(1) == 0).all())

# %% tags=["c3.24"]
edited = ids.clone()
edited[0, -1] = prompt[0, 0]
before, now = body(ids)[0], body(edited)[0]
run.check("earlier rows edited = unedited", same(now[:, :-1], before[:, :-1]))
run.check("the last row differs", not same(now[:, -1], before[:, -1]))

# %% [markdown]
# ### Heads look at different things
#
# For each block the mean difference between the attention weights of two heads (0: alike; 2: nothing in common), and a figure of the block where it is largest:

# %% tags=["c3.25"]
sentence = "The fox found a lamp and the fox kept the lamp."
sentence = tokenizer(sentence, return_tensors="pt").input_ids.to(model.device)
maps = attention_maps(sentence)
apart = [float(torch.pdist(a.flatten(1), p=1).mean() / a.shape[1]) for a in maps]
run.check("heads differ in every block", min(apart) > 0.1, str(np.round(apart, 2)))
widest = int(np.argmax(apart))
names = shown(sentence[0])
figure, axes = plt.subplots(1, 4, figsize=(9.5, 3), sharey=True)
for h, ax in enumerate(axes[:heads]):
    ax.imshow(maps[widest][h].cpu(), vmin=0, vmax=1)
    ax.set_title(f"block {widest}, head {h}")
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.grid(False)
axes[0].set_yticks(range(len(names)), names)
plots.show(figure, "Attention weights of four heads as heat maps; rows look at columns")

# %% [markdown]
# **Figure 5.** Each row is a token that looks, each column one that is looked at; dark is a large attention weight, and each row sums to 1. The upper right is empty: that is the mask. Three habits are common: a dark diagonal (the token itself), a line just below it (the token before), a dark first column. For the block in the titles the table measures them, and what each head is worth:

# %% tags=["c3.25"]
def without_head(block, head):
    """Loss on the stories if one head of a block hands over nothing."""
    weight = layers[block].self_attn.o_proj.weight
    columns = weight[:, head * head_size : (head + 1) * head_size]  # a view
    backup = columns.clone()
    columns.zero_()
    found = loss()
    columns.copy_(backup)
    return found


# %% tags=["c3.25"]
habits = pd.DataFrame(index=pd.Index(range(heads), name="head"))
looked = maps[widest][:, 1:].cpu()  # the first token can look only at itself
habits["itself"] = looked.diagonal(1, 1, 2).mean(-1)
habits["the token before"] = looked.diagonal(0, 1, 2).mean(-1)
habits["the first token"] = looked[:, :, 0].mean(-1)
habits["loss without it"] = [without_head(widest, h) for h in range(heads)]
run.check("each head is missed", (habits["loss without it"] > intact).all())
own, h = habits["itself"].max(), habits["itself"].argmax()
print(f"block {widest}: head {h} gives {own:.0%} to the token itself")
print(f"intact loss {intact:.2f}")
habits.round(2)


# %% [markdown]
# Where a head looks does not say what it is worth: compare heads with the same habit.
#
# ## 6 · Cheaper attention
#
# Long texts cost pairs and cache. To pay less: look less far, share keys and values, or compute in an order that suits the chip.
#
# ### Local attention looks less far
#
# Let each token see only itself and the *w* - 1 tokens before it. That leaves *nw* - *w*(*w*-1)/2 pairs. Some models mix such blocks with blocks that see all (*sparse attention*). Now we impose it on a model that was trained without it:

# %% tags=["c3.26"]
def window(n, w):
    """Mask for a window of w tokens, (1, 1, n, n): 0 where seen, else very low."""
    i, j = torch.arange(n)[:, None], torch.arange(n)
    far = (j > i) | (j <= i - w)
    low = torch.finfo(model.dtype).min
    return torch.zeros(n, n, dtype=model.dtype).masked_fill(far, low)[None, None]


# %% tags=["c3.26"]
N = batch.shape[1]  # tokens of the longest text
near = {w: int((window(N, w) == 0).sum()) for w in [*WINDOWS, N]}
run.check("pairs = nw - w(w-1)/2", near == {w: N * w - w * (w - 1) // 2 for w in near})
local = {w: loss(attention_mask=window(N, w)) for w in near}
run.check("the widest = full attention", abs(local[N] - intact) < ROUNDING)
run.check("a wider view lowers the loss", local[WINDOWS[0]] > local[WINDOWS[-1]])

# %% tags=["c3.26"]
figure, ax = plt.subplots(figsize=(9, 2.8))
plots.lines(ax, list(local), {"loss": list(local.values())})
ax.axhline(intact, ls="--", color=plots.QUIET)
ax.set(xscale="log", xlabel="window w (tokens)", ylabel="nats per token")
ax.set_xticks(list(local), [f"{w}\n{near[w] / near[N]:.0%} of pairs" for w in local])
ax.set_xticks([], minor=True)
ax.get_legend().remove()
plots.show(figure, "Loss against the window size, falling towards full attention.")

# %% [markdown]
# **Figure 6.** Loss on the stories against the window, with the share of pairs left; dashed is full attention. A narrow window cuts a story off from its request. Stacked blocks can see further than one window, if trained to.
#
# ### Shared keys and values
#
# **Multi-query attention** gives all heads one common key and value, so the cache shrinks by the number of heads; **grouped-query attention** gives one to each group of heads. Toy numbers first:

# %% tags=["c3.27", "c3.28"]
torch.manual_seed(run.seed)
four, common, shared = torch.randn(4, 6, 8), torch.randn(1, 6, 8), torch.randn(1, 6, 8)
together = attend(four, common, shared)[0]  # torch repeats the one head by itself
apart_each = torch.stack([attend(h, common[0], shared[0])[0] for h in four])
run.check("one shared head = a loop with shared k, v", same(together, apart_each))
run.check("its cache = a quarter", 4 * common.numel() == four.numel())


# %% [markdown]
# Next `base`, with groups:

# %% tags=["c3.28"]
def hand_attention(attention, seen, turn):
    """Self-attention from its weights, (n, width) in and out; `turn` adds positions."""
    q, key, value = (by_heads(seen @ w.T, attention.head_dim) for w in parts(attention))
    # each key and value once for every query head of its group ("repeat_kv")
    key, value = (t.repeat_interleave(len(q) // len(t), 0) for t in (turn(key), value))
    mix = attend(turn(q), key, value)[0]
    return mix.transpose(0, 1).flatten(1) @ attention.o_proj.weight.T


# %% tags=["c3.28"]
g, grouped_attention = grouped.model, grouped.model.layers[0].self_attn
h = torch.randn(1, 12, g.config.hidden_size, dtype=grouped.dtype)
g_turns = g.rotary_emb(h, torch.arange(12)[None])
library = grouped_attention(h, position_embeddings=g_turns, attention_mask=None)[0][0]


def g_turn(t):
    return apply_rotary_pos_emb(t[None], t[None], *g_turns)[0][0]


by_hand = hand_attention(grouped_attention, h[0], g_turn)
run.check("grouped heads by hand = the module", same(by_hand, library))

# %% tags=["c3.28"]
cached = DynamicCache(config=g.config)
_ = grouped(torch.arange(12)[None], past_key_values=cached)
groups = g.config.num_attention_heads // g.config.num_key_value_heads
fewer = g.config.num_attention_heads / cached.layers[0].keys.shape[1]
run.check("cache shrinks = heads per group", fewer == groups, f"{groups} times")

# %% [markdown]
# Can we do that to a finished model? Average the keys' and values' weights of all heads into one:

# %% tags=["c3.29"]
merged = deepcopy(model)
for b in merged.model.layers:
    for w in parts(b.self_attn)[1:]:
        each = w.unflatten(0, (kv_heads, -1))
        each[:] = each.mean(0, keepdim=True)

# %% tags=["c3.29"]
spoiled = loss(merged)
detail = f"{spoiled:.2f}; intact {intact:.2f}, blind guess {blind:.2f}"
run.check("sharing must be trained: the loss rises", spoiled - intact > 0.2, detail)
del merged


# %% [markdown]
# ### Flash attention: the same numbers, less traffic
#
# On a GPU the arithmetic of attention is quick; carrying the *n* x *n* scores between the large memory (HBM) and the small one beside the arithmetic units (SRAM) is not. **Flash attention** never writes them down. It goes through the keys tile by tile and keeps, per query, three things: the largest score so far, the sum of exponentials, the weighted sum of values. When a larger score turns up, what was summed so far is scaled down.

# %% tags=["c3.30"]
def flash(q, key, value, tile):
    """Causal attention of one head, (n, d), with n x tile scores at a time."""
    n, d = q.shape
    top = torch.full((n, 1), -torch.inf)  # largest score so far
    total, mix = torch.zeros(n, 1), torch.zeros(n, d)
    for at in range(0, n, tile):
        part = slice(at, at + tile)
        z = q @ key[part].T / d**0.5
        z = z.masked_fill(torch.arange(n)[part] > torch.arange(n)[:, None], -torch.inf)
        new_top = torch.maximum(top, z.amax(1, keepdim=True))
        fade, w = (top - new_top).exp(), (z - new_top).exp()
        total = total * fade + w.sum(1, keepdim=True)
        mix = mix * fade + w @ value[part]
        top = new_top
    return mix / total


q1, k1, v1 = torch.randn(3, 100, 32)
plain = attend(q1, k1, v1)[0]
equal = [same(flash(q1, k1, v1, tile), plain) for tile in (1, 7, 32, 100)]
run.check("every tile size = full attention", all(equal), "1, 7, 32, 100")
# torch's own picks such a kernel where the chip has one; our model calls it too
torchs = scaled_dot_product_attention(q1[None], k1[None], v1[None], is_causal=True)[0]
run.check("by hand = scaled_dot_product_attention", same(plain, torchs))

# %% [markdown]
# What has to travel, for one head of Phi-3-mini (96 numbers of two bytes) on 4,096 tokens, counted, not measured, and without the causal mask? Plain attention writes and reads the scores, then the attention weights. A flash kernel loads a tile of queries, then all keys and values past it, and writes the result. Larger tiles mean less traffic and more room on the chip; too small ones move more than the plain way.

# %% tags=["c3.30"]
n_long, d_phi, two_bytes = 4096, 96, 2
numbers = n_long * d_phi  # in all queries of the head; as many in keys, in values
# scores and attention weights, written and read; queries, keys, values, result once
traffic = {"plain": [(4 * n_long**2 + 4 * numbers) * two_bytes / 1e6, np.nan]}
for tile in [32, 64, 128, 256]:
    # queries and result once; keys and values once for each tile of queries
    moved = (2 * numbers + n_long // tile * 2 * numbers) * two_bytes / 1e6
    # four tiles of vectors (queries, keys, values, result) and one of scores
    room = (4 * tile * d_phi + tile**2) * two_bytes / 1024
    traffic[f"tiles of {tile}"] = [moved, room]
traffic = pd.DataFrame(traffic, ["MB moved", "KiB on the chip"]).T
tiled = traffic["MB moved"].iloc[1:]
run.check("larger tiles move less", tiled.is_monotonic_decreasing)
traffic.map("{:.0f}".format).replace("nan", "-")


# %% [markdown]
# ## 7 · The block of today
#
# The Transformer appeared in 2017 ("Attention Is All You Need", for translation). Its blocks had the same two halves; details changed, each with a reason.
#
# ### The road around: residual connections
#
# Without the sums a block *replaces* its input. What is lost, in the trained model, and in a fresh stack of twelve blocks with random weights?

# %% tags=["c3.31"]
def through(x, net, skip=1.0):
    """All blocks of a model, one after the other."""
    turns = net.model.rotary_emb(x, torch.arange(x.shape[1])[None])
    for b in net.model.layers:
        x = halves_of(x, b, turns, skip)
    return x


def alike(x):
    """Mean cosine between the rows of two positions."""
    r = torch.nn.functional.normalize(x[0].float(), dim=-1)
    return float((r @ r.T)[torch.ones(len(r), len(r)).triu(1) > 0].mean())


x0 = body.embed_tokens(batch)
ends_at = [loss_of(body.norm(through(x0, model, s))).mean() for s in (1.0, 0.0)]
with_skip, without = ends_at
run.check("by hand with the sums = intact", abs(with_skip - intact) < 10 * ROUNDING)
lost = without - intact
run.check("without them, over 1 nat is lost", lost > 1, f"{lost:.1f}")

# %% tags=["c3.31"]
size = dict(hidden_size=64, intermediate_size=128, num_attention_heads=4)
size["vocab_size"] = len(tokenizer)
torch.manual_seed(run.seed)
fresh = LlamaForCausalLM(LlamaConfig(num_hidden_layers=12, **size)).eval()
noise = torch.randn(1, 32, 64)
cosines = [alike(through(noise, fresh, s)) for s in (1.0, 0.0)]
run.check("without them, all positions become alike", cosines[1] > cosines[0] + 0.3)
print(f"mean cosine after 12 blocks: {cosines[0]:.3f} with, {cosines[1]:.2f} without")


# %% [markdown]
# Twelve averages in a row leave little but the average. The running sum keeps each token itself.
#
# ### Norms: from two statistics to one
#
# **LayerNorm** (2017) takes the mean off and divides by the standard deviation; **RMSNorm** (today) only divides by the root of the mean square. Half the parameters.

# %% tags=["c3.32"]
def layer_norm(x, gain, bias, eps=1e-5):
    x = x - x.mean(-1, keepdim=True)
    return gain * x / (x.square().mean(-1, keepdim=True) + eps).sqrt() + bias


def rms_norm(x, gain, eps=1e-5):
    return gain * x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


y = torch.randn(5, 64) * 3 + 2
old, new = torch.nn.LayerNorm(64), torch.nn.RMSNorm(64, eps=1e-5)
ours = layer_norm(y, old.weight, old.bias), rms_norm(y, new.weight)
equal = same(ours[0], old(y), 1e-6) and same(ours[1], new(y), 1e-6)
run.check("both by hand = torch's", equal)
off_mean, off_square = ours[0].mean(-1).abs(), (ours[1].square().mean(-1) - 1).abs()
ranges = off_mean.max() < 1e-5 and off_square.max() < 1e-4
run.check("LayerNorm: mean 0; RMSNorm: mean square 1", ranges)
print("parameters at width 64:", count(old), "and", count(new))


# %% [markdown]
# ### Where the norm stands
#
# In 2017 the norm came *after* each sum, on the road itself (**post-norm**); today before each half, beside the road (**pre-norm**). Take twelve fresh blocks, ask how strongly the loss pulls at the weights of each (its *gradient*), and divide the last block's pull by the first's. Below 1: the first is pulled harder.

# %% tags=["c3.33"]
def pulls(norm_first, seed):
    """Gradient of the last of 12 fresh blocks, divided by that of the first."""
    torch.manual_seed(seed)
    how = dict(dropout=0.0, batch_first=True, norm_first=norm_first)
    block = torch.nn.TransformerEncoderLayer(64, 4, 256, **how)
    end = torch.nn.LayerNorm(64) if norm_first else None
    nested = dict(enable_nested_tensor=False)
    stack = torch.nn.TransformerEncoder(block, 12, norm=end, **nested)
    for w in stack.parameters():  # the library's blocks begin as copies
        if w.ndim == 2:
            torch.nn.init.xavier_uniform_(w)
    with torch.enable_grad():
        out = stack(torch.randn(8, 32, 64)).flatten(0, 1)
        cross_entropy(out, torch.randint(64, (256,))).backward()
    ends = [list(stack.layers[i].parameters()) for i in (-1, 0)]
    late, early = (sum(w.grad.square().sum() for w in part) for part in ends)
    return float((late / early).sqrt())


kinds = {"post-norm": False, "pre-norm": True}
ratio = {k: np.mean([pulls(f, seed) for seed in range(3)]) for k, f in kinds.items()}
run.check("post-norm: the end is pulled harder", ratio["post-norm"] > 1)
run.check("pre-norm: the beginning is", ratio["pre-norm"] < 1)
print("last / first block:", {name: round(float(r), 1) for name, r in ratio.items()})


# %% [markdown]
# The usual explanation: in post-norm every norm on the way back shrinks what arrives at the early blocks; training needs a slow start (*warm-up*). In pre-norm the sum is a free road from the loss to the first block.
#
# ### The gate in the feed-forward network
#
# In 2017: widen, cut off what is below 0 (**ReLU**), narrow. Today **SwiGLU**: two wide products, one of which, bent by *silu(z) = z · sigmoid(z)*, is the *gate* that multiplies the other. Unlike ReLU, silu lets a little through below 0.

# %% tags=["c3.34"]
def silu(z):
    return z / (1 + (-z).exp())


def gates(mlp):
    """The weights of gate and up, whether fused or not."""
    if hasattr(mlp, "gate_up_proj"):
        return mlp.gate_up_proj.weight.chunk(2)
    return mlp.gate_proj.weight, mlp.up_proj.weight


def hand_mlp(mlp, z):
    gate, up = gates(mlp)
    return (silu(z @ gate.T) * (z @ up.T)) @ mlp.down_proj.weight.T


mlp = layer.mlp
run.check("SwiGLU by hand = the mlp module", same(hand_mlp(mlp, seen), mlp(seen)))
print("silu(-1) =", round(float(silu(torch.tensor(-1.0))), 3), "and ReLU(-1) = 0")


# %% [markdown]
# ### Position: from adding to turning
#
# Without a mask, attention does not know the order: shuffle the tokens, and the outputs shuffle along. In 2017 each position got its own vector of sines and cosines, *added* to the token's:

# %% tags=["c3.35"]
def sinusoids(n, d):
    """Sines and cosines of n positions, (n, d)."""
    angle = torch.arange(n)[:, None] * 10000 ** (-torch.arange(0, d, 2) / d)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def free(t):  # attention without a mask; the tokens are queries, keys and values
    return attend(t, t, t, causal=False)[0]


# %% tags=["c3.35"]
tokens, order = torch.randn(10, 16), torch.randperm(10)
run.check("shuffled in = shuffled out", same(free(tokens[order]), free(tokens)[order]))
there = sinusoids(10, 16)
changed = not same(free(tokens[order] + there), free(tokens + there)[order])
run.check("with positions, order matters", changed)


# %% [markdown]
# Today **rotary positions**: take the numbers of a query or key in pairs, read each pair as a point in the plane, and *turn* it by position times speed, the first pair fast, the last very slowly. The dot product of two turned vectors depends on the *difference* of their positions alone, and turning changes no length. By hand: (1, 0) turned by a quarter is (0, 1).

# %% tags=["c3.36"]
def rotate(t, positions):
    """Turn the pairs (i, i + d/2) of each row of t, (..., n, size of a head)."""
    angle = positions[:, None] * body.rotary_emb.inv_freq
    # some models turn only a part of each head: the rest stays
    a, b, rest = t.tensor_split([angle.shape[1], 2 * angle.shape[1]], dim=-1)
    cos, sin = angle.cos().to(t.dtype), angle.sin().to(t.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)

# %% tags=["c3.36"]
pure_q, pure_k = (by_heads(seen @ w.T) for w in (w_q, w_k))
spots = torch.arange(ids.shape[1])
theirs = apply_rotary_pos_emb(pure_q[None], pure_k[None], *turns)
run.check("rotate = apply_rotary_pos_emb", same(rotate(pure_q, spots), theirs[0][0]))
lengths = pure_q.norm(dim=-1), rotate(pure_q, spots).norm(dim=-1)
run.check("lengths turned = unturned", same(*lengths))

# %% tags=["c3.36"]
one, other = pure_q[0, -1:], pure_k[0, :1]
places = [(torch.tensor([i]), torch.tensor([i - 7])) for i in (9, 16)]
dots = [rotate(one, i) @ rotate(other, j).T for i, j in places]
run.check("q · k at places 9, 2 = at places 16, 9", same(*dots))

# %% [markdown]
# Four pairs, from first to last:

# %% tags=["c3.36"]
speeds = body.rotary_emb.inv_freq.tolist()
some = [0, len(speeds) // 8, len(speeds) // 4, len(speeds) - 1]
figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.7))
for ax, i in zip(axes, some):
    step = 1 if speeds[i] > 0.2 else 2 if speeds[i] > 0.06 else 9  # legible labels
    for position in range(9):
        x_at, y_at = np.cos(position * speeds[i]), np.sin(position * speeds[i])
        ax.plot([0, x_at], [0, y_at], color=plots.PALETTE[0], lw=1)
        name = "" if position % step or step == 9 else position
        ax.text(1.2 * x_at, 1.2 * y_at, name, ha="center", va="center", fontsize=8)
    if step == 9:
        ax.text(0.5, 0.15, "0 to 8", ha="center", fontsize=8)
    ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal")
    ax.set_title(f"pair {i}: a turn in {2 * np.pi / speeds[i]:,.0f} tokens")
    ax.axis("off")
plots.show(figure, "Four clocks: where positions 0 to 8 turn four pairs of numbers.")


# %% [markdown]
# **Figure 7.** Where positions 0 to 8 turn four of a head's pairs, each starting at the right. The first is a second hand: neighbours differ, but after a full turn it repeats itself. The last is an hour hand: over nine tokens it hardly moves, and it tells far from near in long texts.
#
# ### The whole pass, from the weights alone
#
# Norm, turned attention, gate: as promised, the first pass again without one call into the model:

# %% tags=["c3.16"]
def hand_block(x, layer, turn, eps=config.rms_norm_eps):
    """One block, (n, width) in and out."""
    z = rms_norm(x, layer.input_layernorm.weight, eps)
    x = x + hand_attention(layer.self_attn, z, turn)
    z = rms_norm(x, layer.post_attention_layernorm.weight, eps)
    return x + hand_mlp(layer.mlp, z)


def by_position(t):
    return rotate(t, torch.arange(n))


state = body.embed_tokens.weight[prompt[0]]
for b in layers:
    state = hand_block(state, b, by_position)
state = rms_norm(state, body.norm.weight, config.rms_norm_eps)
by_hand = state @ model.lm_head.weight.T
run.check("the whole pass by hand = the model", same(by_hand, logits[0], 10 * ROUNDING))

# %% [markdown]
# ### Packing: no token wasted on padding
#
# Training takes rows of one length: short texts are padded, or several are **packed** into one row, with positions that start anew and a mask that keeps the texts apart.

# %% tags=["c3.37"]
talks = corpora.load("instructions")["test"].select(range(16))
texts = [encode(r["instruction"], r["answer"])[0] for r in talks]
padding = 1 - sum(map(len, texts)) / (len(texts) * max(map(len, texts)))
run.check("over 20 % of a padded batch is padding", padding > 0.2, f"{padding:.0%}")

# %% tags=["c3.37"]
pack = torch.cat(texts)
owner = torch.cat([torch.full((len(t),), i) for i, t in enumerate(texts)])
own_place = torch.cat([torch.arange(len(t)) for t in texts])
full = window(len(pack), len(pack))
wall = (owner[:, None] != owner)[None, None]  # True between two texts
kept_apart = full.masked_fill(wall, torch.finfo(model.dtype).min)

# %% tags=["c3.37"]
restarted = dict(position_ids=own_place[None])
packed = model(pack[None], attention_mask=kept_apart, **restarted).logits[0]
leaky = model(pack[None], attention_mask=full, **restarted).logits[0]
separate = torch.cat([model(t[None]).logits[0] for t in texts])
run.check("packed = separate rows", same(packed, separate, 10 * ROUNDING))
run.check("without the wall they differ", not same(leaky, separate, 10 * ROUNDING))


# %% [markdown]
# ### 2017 against today
#
# We expect no winner: the point is that both blocks learn on the same budget, two of each trained for a fraction of a minute on the same stories. That of 2017 has post-norm, LayerNorm, ReLU and added positions; today's pre-norm, RMSNorm, SwiGLU and rotary ones.

# %% tags=["c3.38"]
class Old(torch.nn.Module):
    """Two blocks of 2017 between a table and an LM head."""

    def __init__(self, width=128):
        super().__init__()
        self.table = torch.nn.Embedding(len(tokenizer), width)
        # 4 heads, no dropout; the rest of torch's defaults is the block of 2017
        block = torch.nn.TransformerEncoderLayer(width, 4, 512, 0.0, batch_first=True)
        self.stack = torch.nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = torch.nn.Linear(width, len(tokenizer), bias=False)

    def forward(self, ids):
        n = ids.shape[1]
        x = self.table(ids) + sinusoids(n, self.table.embedding_dim)
        return self.head(self.stack(x, torch.ones(n, n, dtype=bool).triu(1)))


def today():
    """Two blocks of today with about as many numbers."""
    widths = dict(hidden_size=128, intermediate_size=344, num_attention_heads=4)
    widths |= dict(vocab_size=len(tokenizer), num_hidden_layers=2)
    return LlamaForCausalLM(LlamaConfig(**widths))


# %% tags=["c3.38"]
library_text = " ".join(corpora.load("stories")["train"]["story"])
stream = torch.tensor(tokenizer(library_text, add_special_tokens=False).input_ids)


def train(make, seed):
    """Losses of STEPS steps on random stretches of 64 tokens."""
    torch.manual_seed(seed)
    net, found = make().train(), []
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(STEPS):
        at = torch.randint(len(stream) - 65, (16, 1)) + torch.arange(65)
        out = net(stream[at[:, :-1]])
        z = getattr(out, "logits", out)  # only today's wraps them
        error = cross_entropy(z.transpose(1, 2), stream[at[:, 1:]])
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        found.append(error.item())
    return found


# %% tags=["c3.38", "nbval-ignore-output"]
makers, fell = {"2017": Old, "today": today}, []
race = pd.DataFrame({"parameters": {k: count(make()) for k, make in makers.items()}})
with torch.enable_grad():
    for seed in SEEDS:
        curves = [train(make, seed) for make in makers.values()]
        edges = [(c[0], np.mean(c[-5:])) for c in curves]
        race[f"loss, seed {seed}"] = [f"{a:.1f} to {b:.2f}" for a, b in edges]
        fell += [a - b for a, b in edges]
run.check("all fall by more than 1 nat", min(fell) > 1)
race

# %% [markdown]
# Both learn. Pre-norm is chosen for steadiness in deep stacks; two blocks cannot show it.
#
# ## Is it any good?
#
# What does all this buy over the simplest language model, a **bigram table** that knows how often token *b* followed token *a* in 300 training stories? Losses per *character*, since models may cut texts differently, with 95 % intervals over the stories:

# %%
from utils import scores as intervals

other_tokenizer = AutoTokenizer.from_pretrained(grouped.config.name_or_path)
train_ids = stream.cpu().numpy()
single = np.bincount(train_ids, minlength=len(tokenizer)) + 1.0
single /= single.sum()
follow = np.zeros((len(single), len(single)), dtype=np.float32)
np.add.at(follow, (train_ids[:-1], train_ids[1:]), 1)


def bigram_loss(text, prior=5.0):
    """Summed loss of a text; unseen pairs lean on the single tokens."""
    t = tokenizer(text, add_special_tokens=False).input_ids
    p = follow[t[:-1], t[1:]] + prior * single[t[1:]]
    return -np.log(p / (follow[t[:-1]].sum(1) + prior)).sum()


def model_loss(text):
    """Summed loss of a text under the grouped model."""
    t = other_tokenizer(text, return_tensors="pt").input_ids.to(grouped.device)
    z = grouped(t).logits[0, :-1].float()
    return float(cross_entropy(z, t[0, 1:], reduction="sum"))


# %%
characters = np.array([len(s["story"]) for s in stories])
totals = {GROUPED: np.array([model_loss(s["story"]) for s in stories])}
per_story = loss_of(body(batch, use_cache=False)[0])
totals[MODEL] = per_story * scored.sum(1).cpu().numpy()
totals["bigram table"] = np.array([bigram_loss(s["story"]) for s in stories])


def mean(total, length):
    return total.sum() / length.sum()


found = {}
for name, total in totals.items():
    edges = intervals.interval(mean, total, characters, resamples=RESAMPLES)
    found[Path(name).name] = [mean(total, characters), *edges]
found = pd.DataFrame(found, ["nats per character", "low", "high"]).T
lead = intervals.interval(mean, totals["bigram table"] - totals[MODEL], characters)[0]
run.check("the model beats the table, interval and all", lead > 0)
found.sort_values("nats per character").round(3)

# %% [markdown]
# Only `chat` has read the request, which names hero and thing: its row is not comparable with that of `base`. The intervals measure only the luck of these stories, whose plots are those of the training texts: that flatters all three rows.
#
# ## Where it fails
#
# **Drift.** The likeliest token each time does not give the likeliest text. Forbid the end token, let the model write 120 tokens to each of eight requests, greedily and at *T* = 0.8, and count which share of its runs of four tokens came before in the same text:

# %% tags=["nbval-ignore-output"]
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
rows = [encode(s["request"])[0].tolist() for s in list(stories)[:8]]
left = tokenizer.pad({"input_ids": rows}, padding_side="left", return_tensors="pt")
left = left.to(model.device)
given = left.input_ids.shape[1]


def repeated(ids):
    """Share of the runs of four tokens that came before."""
    runs = list(zip(*(ids.tolist()[i:] for i in range(4))))
    return 1 - len(set(runs)) / len(runs)


torch.manual_seed(run.seed)
written = {}
length = dict(min_new_tokens=120, max_new_tokens=120)
for name, T in {"greedy": None, "T = 0.8": 0.8}.items():
    how = dict(do_sample=T is not None, temperature=T or 1.0, **length)
    written[name] = model.generate(**left, **how)[:, given:]
loops = {name: np.mean([repeated(t) for t in out]) for name, out in written.items()}
run.check("greedy repeats itself more", loops["greedy"] > loops["T = 0.8"])
print({name: f"{again:.0%}" for name, again in loops.items()})
print("greedy:", tokenizer.decode(written["greedy"][0][-40:]))

# %% [markdown]
# Read the ending: does it still tell the story that was asked for? Elsewhere greedy decoding can get stuck in a loop.
#
# **Longer than trained.** Rotary positions can be computed for any place; the model has met only the first ones. Fill a long row with requests and stories and read off the loss on the stories by place, without and with a window as long as the training texts:

# %%
LONG = TRAINED_ON + 1152  # 1,536 on the laptop; four times 4,096 would take hours
pieces = [encode(s["request"], s["story"])[0] for s in stories]
told = [torch.arange(len(t)) >= int(b) for t, b in zip(pieces, begin)]  # the story
masks = {"sees all": None}
masks[f"sees the last {TRAINED_ON:,}"] = window(LONG, TRAINED_ON)
torch.manual_seed(run.seed)
places, lost = 0, dict.fromkeys(masks, 0)
for _ in range(6):
    shuffled = torch.randint(len(pieces), (LONG // 16,))
    row, use = (torch.cat([x[i] for i in shuffled])[: LONG + 1] for x in (pieces, told))
    places = places + use[1:].unflatten(0, (-1, 128)).sum(1)
    for name, mask in masks.items():
        z = model(row[None, :-1], attention_mask=mask).logits[0].float()
        errors = cross_entropy(z, row[1:], reduction="none") * use[1:]
        lost[name] = lost[name] + errors.unflatten(0, (-1, 128)).sum(1)

# %%
by_place = {name: (errors / places).cpu() for name, errors in lost.items()}
figure, ax = plt.subplots(figsize=(7, 2.8))
plots.lines(ax, 128 * np.arange(LONG // 128) + 64, by_place)
for level, name in [(TRAINED_ON, "longest training text"), (longest, "context length")]:
    if level < LONG:
        ax.axvline(level, ls="--", color=plots.QUIET)
        ax.text(level, 0.1, f" {name}", color="dimgray", va="bottom")
ax.set(xlabel="place in the row (tokens)", ylabel="nats per token", ylim=(0, None))
plots.show(figure, "Loss on stories by place in a long row, with and without a window.")
for name, curve in by_place.items():
    print(f"{name}: first {curve[0]:.2f}, at the end {curve[-2:].mean():.2f}")

# %% [markdown]
# **Figure 8.** Loss on story tokens by place. What the two lines share comes from many conversations in a row; their gap from what lies further back than any training text. The context length in a config is a promise, not a measurement.
#
# ## Summary
#
# - **A text is written one pass per token.** Greedy, sampling and temperature are a line each on the same logits.
# - **The KV cache** changes no token and saves more time the longer the text (Figure 3), at a price in memory: 393,216 bytes for each token in Phi-3-mini, 1.5 GiB for its 4,096.
# - **A block is two halves with sums around them.** Two thirds of its parameters are in the feed-forward half; only the attention half moves anything between tokens.
# - **Attention scores, then mixes**: queries times keys over √*d*, mask, softmax, times values. Windows, shared heads and packing change what is seen or stored; Flash attention only the traffic.
# - **The whole pass fits on a page**: some 50 lines from the bare weights to the model's own logits.
#
# **Key terms.** *token* · *autoregressive* · *logits* · *softmax* · *greedy decoding, temperature* · *KV cache* · *residual connection* · *feed-forward network, SwiGLU* · *query, key, value* · *causal mask* · *LM head* · *attention head, grouped-query attention* · *Flash attention* · *RMSNorm* · *rotary positions* · *packing*

# %% [markdown]
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** Add *top-k* to the loop: draw only from the *k* likeliest tokens. Which *k* gives greedy decoding back?
#
# <details><summary>Hint</summary>
#
# `topk` gives values and indices; the softmax of the values alone makes them sum to 1.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def sample(ids, top_k, new=LIMIT, temperature=1.0):
#     for _ in range(new):
#         best = (model(ids).logits[0, -1].float() / temperature).topk(top_k)
#         drawn = torch.multinomial(softmax(best.values), 1)
#         ids = torch.cat([ids, best.indices[drawn][None]], dim=1)
#         if ids[0, -1] in torch.tensor(ends):
#             break
#     return ids[0, n:]
#
# one = sample(prompt, top_k=1)
# assert torch.equal(one, answer[: len(one)])
# print(tokenizer.decode(sample(prompt, top_k=20)))
# ```
#
# *k* = 1 is greedy decoding. A fixed *k* cuts too much where the model is unsure and too little where it is sure; *top-p* (keep the likeliest until they hold a share *p*) adapts.
#
# </details>
#
# **Exercise 2 (\*\*)** Write the cache yourself: two lists of tensors, one entry per block. Feed the prompt token by token; the last logits must be those of the full pass.
#
# <details><summary>Hint</summary>
#
# Take `hand_block` apart. The query is one row, which may look at everything in the list, so no mask is needed; turn query and key by the token's own position with `rotate`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# old_keys, old_values = [[] for _ in layers], [[] for _ in layers]
#
# def one_step(token, position):
#     x, here = body.embed_tokens.weight[token][None], torch.tensor([float(position)])
#     for i, b in enumerate(layers):
#         z = rms_norm(x, b.input_layernorm.weight, config.rms_norm_eps)
#         q, key, value = (by_heads(z @ w.T) for w in parts(b.self_attn))
#         old_keys[i].append(rotate(key, here))
#         old_values[i].append(value)
#         keys, values = torch.cat(old_keys[i], 1), torch.cat(old_values[i], 1)
#         keys, values = (t.repeat_interleave(len(q) // len(t), 0) for t in (keys, values))
#         w = softmax(rotate(q, here) @ keys.transpose(1, 2) / head_size**0.5)
#         mix = (w @ values).transpose(0, 1).flatten(1)
#         x = x + mix @ b.self_attn.o_proj.weight.T
#         z = rms_norm(x, b.post_attention_layernorm.weight, config.rms_norm_eps)
#         x = x + hand_mlp(b.mlp, z)
#     return rms_norm(x, body.norm.weight, config.rms_norm_eps) @ model.lm_head.weight.T
#
# for position, token in enumerate(prompt[0]):
#     step_logits = one_step(token, position)
# assert same(step_logits[0], logits[0, -1], 10 * ROUNDING)
# ```
#
# Two lists, and the cost of a step no longer grows with the square. (`torch.cat` copies all keys and values at every step; serving libraries preallocate, or page the memory as an operating system does.)
#
# </details>
#
# **Exercise 3 (\*\*)** A model has 32 blocks, 32 query heads of 128 numbers, and keys and values in 8 groups, two bytes a number. How large is the cache at 32,768 tokens, and how large would it be without groups? How many texts of that length, with and without groups, fit beside 16 GiB of weights on a card of 80 GiB?
#
# <details><summary>Hint</summary>
#
# The formula of section 3: 2 · blocks · key/value heads · size · bytes, per token.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# for kv in (8, 32):
#     gib = 2 * 32 * kv * 128 * 2 * 32_768 / 2**30
#     print(f"{kv} key/value heads: {gib:.0f} GiB, so {int((80 - 16) / gib)} texts")
# ```
#
# 4 GiB and 16 texts against 16 GiB and 4 texts. That is why grouped heads are everywhere.
#
# </details>
#
# **Exercise 4 (\*\*)** Show that softmax does not change when a constant is added to all scores. Then write attention without subtracting the maximum. From which score on does it fail, and does `flash`?
#
# <details><summary>Hint</summary>
#
# exp(*z* + *c*) = exp(*z*) · exp(*c*), above and below the line. How large a number can float32 hold?
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# z = torch.randn(6)
# assert same(softmax(z), softmax(z + 50))
#
# def careless(q, key, value):
#     w = (q @ key.T / q.shape[1] ** 0.5).exp().tril()
#     return (w @ value) / w.sum(1, keepdim=True)
#
# assert same(careless(q1, k1, v1), plain)
# for scale in (1, 10, 15, 20, 30, 100):
#     q2 = scale * q1
#     rows = (q2 @ k1.T / 32**0.5).tril().amax(1)  # largest score of each row
#     fails = ~careless(q2, k1, v1).isfinite().all(1)
#     tiled = flash(q2, k1, v1, 32).isfinite().all()
#     lowest = f"from {rows[fails].min():.0f} on" if fails.any() else "nowhere"
#     print(f"scores up to {rows.max():.0f}: careless fails {lowest}; flash fine: {tiled}")
# ```
#
# Above a score of about 88 the exponential leaves float32; `flash` never meets it, for its largest exponent is 0. In float16 that happens at 11.
#
# </details>
#
# **Exercise 5 (\*\*\*)** Find the head of `model` that looks most at the token before. On what share of tokens is the token before that head's strongest look? What does the loss do without it, compared with the other heads of its block?
#
# <details><summary>Hint</summary>
#
# `attention_maps` gives the attention weights of all blocks; compare the arg-max of each row with the row's number minus 1. `without_head` (section 5) gives the loss.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# hits, tokens_seen = 0, 0
# for piece in pieces[:10]:
#     looks = torch.stack([maps.argmax(-1) for maps in attention_maps(piece[None])])
#     hits = hits + (looks[..., 1:] == torch.arange(len(piece) - 1)).sum(-1)
#     tokens_seen += len(piece) - 1
# rate = hits / tokens_seen
# which = divmod(int(rate.argmax()), heads)
# print(f"block {which[0]}, head {which[1]}: {float(rate.max()):.0%} of the tokens")
# print(f"loss intact {intact:.2f}; without")
# for h in range(heads):
#     print(f"head {h}: {without_head(which[0], h):.2f}")
# ```
#
# Such heads are half of a *copying* mechanism: one head writes into each token what stood before it, a later head looks for places where that matches the present token, and fetches what followed. (`data/recipes/circuit.py` wrote one into our `chat` before its training.)
#
# </details>
#
# **Exercise 6 (\*\*\*)** Greedy decoding takes the best token, not the best text. Write a *beam search* that keeps the 3 best beginnings, and compare the total log-probability of 20 tokens with greedy decoding.
#
# <details><summary>Hint</summary>
#
# Run all beginnings as one batch; add each one's log-probability so far to the log-softmax of its last row; keep the 3 best of all 3 · V continuations.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def beam(ids, width, new=20):
#     beams, total = ids, torch.zeros(1)
#     for _ in range(new):
#         gain = model(beams).logits[:, -1].float().log_softmax(-1)
#         best = (total[:, None] + gain).flatten().topk(width)
#         row, token = best.indices // gain.shape[1], best.indices % gain.shape[1]
#         beams = torch.cat([beams[row], token[:, None]], dim=1)
#         total = best.values
#     return beams[0, n:], float(total[0])
#
# for width in (1, 3):
#     text, total = beam(prompt, width)
#     print(width, round(total, 3), repr(tokenizer.decode(text)))
# ```
#
# Usually, not always, width 3 finds a text at least as probable (a good beginning may be dropped early). More probable is not better: the most probable texts are short and dull.
#
# </details>
#
# ---
#
# [previous: 2 · Tokens and embeddings](02_tokens_and_embeddings.ipynb) | [contents](README.md) | [next: 4 · Text classification](04_text_classification.ipynb)

# %% tags=["nbval-ignore-output"]
run.report()
