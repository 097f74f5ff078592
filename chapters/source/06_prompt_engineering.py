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
# # 6 · Prompt engineering
#
# **Which words around a task change the answer, by how much, and what must be enforced instead of asked for?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/06_prompt_engineering.ipynb) · about 2 minutes on two free cores (busy ones take longer) and 1 GiB of memory; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **reshape** a model's next-token probabilities by temperature, top-p and top-k (section 1, exercise 1);
# - **build** a prompt from parts, and measure what each part does (sections 2 and 3, exercise 2);
# - **show** a format by examples, and split a task into a chain of prompts (section 4, exercise 4);
# - **make** a model reason step by step, vote and search, and say what that costs (section 5, exercises 3 and 5);
# - **guarantee** the form of an answer, and check its content separately (section 6, exercise 4).

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

run = chapter.start(6)

# %%
# Every knob of this chapter
CASES, RESAMPLES = 40, 1000  # of every technique, at least; bootstrap resamples
VOTES, BEAM, PROPOSALS, DEPTH = 7, 2, 3, 3  # votes and tree of section 5
BATCH = run.pick(laptop=100, book=8)  # prompts answered at once
MAIL, HERO = run.pick(laptop=(66, 48), book=(150, 100))  # tokens: e-mail, JSON
KIND = run.pick(laptop="q8_0", book="q4_0")  # GGUF file of section 6
FILES = run.pick(laptop=["f16", "q8_0", "q4_0"], book=["q4_0"])  # compared there

# %% [markdown]
# ## The result first
#
# One model does nearly all the work: a chat model that answers messages. The laptop's stand-in has five million parameters, where the book's (*Hands-On Large Language Models*) has billions: it knows a few skills and nothing of the world. None of the names, goods and stories below occurs in its training. Their *forms* do: it was trained to answer step-by-step cues and "Answer with the number only", guard sentences, steered e-mails and "Write the next step". So the sizes of effects show what was trained, not what such words do to another model.
#
# A model reads and writes **tokens**, pieces of words from a fixed list, its *vocabulary*. A line with ✓ is a check that ran and held. "On the laptop" means: in the default *profile*, with the small models; the *book* profile runs the same cells on the book's.

# %%
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

print(spec := models.find("chat"))
tokenizer = AutoTokenizer.from_pretrained(spec.path, padding_side="left")
chat = AutoModelForCausalLM.from_pretrained(spec.path, **spec.options).eval()


def turn(prompt):
    """The text the model continues: a prompt, or a list of messages, with chat tags."""
    talk = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    options = dict(tokenize=False, add_generation_prompt=True)
    return tokenizer.apply_chat_template(talk, **options)

# %% [markdown]
# Word problems come from a generator, with known answers. Each needs a sum, a product and a difference.

# %%
import random
import re

NAMES = "Adam Bianca Chloe Dana Daria Dora Flora Harry Hugo Isaac Ivan Joan Judith Kai"
NAMES = NAMES.split() + "Leila Lina Marco Marius Milo Pablo Pavel Pearl Ruth".split()
GOODS = "pencils spoons forks gloves pens bottles sponges folders torches".split()
STORIES = [
    "Each box holds {a} red and {b} white {t}. {n} buys {k} such boxes.",
    "A drawer holds {a} old and {b} new {t}. {n} has {k} such drawers.",
    "Each day {n} finds {a} small {t} and {b} large {t}. This goes on for {k} days.",
    "In each shop {n} buys {a} cheap and {b} dear {t}. {n} visits {k} shops.",
]
LOSSES = ["{n} gives {c} of them to a friend.", "Later {c} of the {t} get lost."]
LOSSES += ["Then {n} sells {c} {t}.", "After that {c} {t} break."]
ENDS = ["How many {t} are left?", "How many {t} does {n} still have?"]


def problem(rng):
    """(text, numbers) of a story that means (a + b) * k - c, which is above 0."""
    a, b, k = rng.randint(2, 15), rng.randint(2, 15), rng.randint(2, 9)
    c = rng.randint(2, min(20, (a + b) * k - 1))
    text = " ".join(map(rng.choice, (STORIES, LOSSES, ENDS)))
    words = dict(n=rng.choice(NAMES), t=rng.choice(GOODS))
    return text.format(a=a, b=b, k=k, c=c, **words), (a, b, k, c)


rng = random.Random(run.seed)
texts, numbers = zip(*[problem(rng) for _ in range(CASES)])
truth = np.array([(a + b) * k - c for a, b, k, c in numbers])


# %% [markdown]
# `ask` sends prompts in batches and takes the likeliest token each time (*greedy decoding*), unless told to sample. Then the same forty problems three times: bare, and with two different sentences at the end.

# %%
def ask(prompts, tokens=60, plain=False, by=None, **sampling):
    """The answer to each prompt; plain: no tags; by: another (model, tokenizer)."""
    model, cut = by or (chat, tokenizer)
    texts = prompts if plain else [turn(p) for p in prompts]
    how = dict(do_sample=False)
    if sampling:  # top_k=0: transformers' own default would keep the best 50 only
        how = dict(do_sample=True, top_k=0) | sampling
    answers = np.empty(len(texts), dtype=object)
    order = np.argsort([len(t) for t in texts], kind="stable")  # little padding
    for rows in np.array_split(order, -(-len(order) // BATCH)):  # rounded up
        once = list(dict.fromkeys(texts[i] for i in rows))  # equal prompts: read once
        which = torch.tensor([once.index(texts[i]) for i in rows])
        ids = cut(once, padding=True, add_special_tokens=False, return_tensors="pt")
        ids, mask = (ids[k].to(model.device) for k in ("input_ids", "attention_mask"))
        place = (mask.cumsum(1) - 1).clamp_min(0)  # padding on the left has no place
        read = dict(attention_mask=mask[:, :-1], position_ids=place[:, :-1])
        with torch.inference_mode():
            cache = model(ids[:, :-1], **read, logits_to_keep=1).past_key_values
            cache.batch_select_indices(which)  # a copy for each row that asks
            how |= dict(past_key_values=cache, attention_mask=mask[which])
            out = model.generate(ids[which], max_new_tokens=tokens, **how)
        new = out[:, ids.shape[1] :]
        answers[rows] = cut.batch_decode(new, skip_special_tokens=True)
    return answers.tolist()


# %% tags=["c6.26"]
bare = ask(list(texts))
direct = ask([f"{t} Answer with the number only." for t in texts], tokens=8)
steps = ask([f"{t} Let's think step by step." for t in texts])
print(texts[0], f"bare: {bare[0]}", f"number only: {direct[0]}", sep="\n")
print(f"step by step: {steps[0]}")


# %% tags=["c6.26"]
def result(answer):
    """The number after the last "answer is", else the last number, else -1."""
    found = re.findall(r"answer is (\d+)", answer) or re.findall(r"\d+", answer)
    return int(found[-1]) if found else -1


def solved(answers):
    # Which give the right number? The first answer is to the first problem
    return np.array([result(a) == t for a, t in zip(answers, truth)])


# %% [markdown]
# One example proves nothing, so this chapter's tables show the share of cases that came out right, its exact 95 % **interval** (Clopper and Pearson's), and the *gain* over the table's first row with a bootstrap interval (chapter 4), resampled in pairs. *Clear?* says yes where the gain's interval excludes 0. A gain from 0.00 to 0.00 (or 1.00 to 1.00) only says that none of these cases was an exception. About forty such rows follow; even if no word mattered, about two would be "clear".

# %% tags=["c6.26"]
import pandas as pd

from scipy.stats import binomtest

from utils import scores


def interval(statistic, *columns):
    """The middle 95 % over resamples of the cases."""
    return scores.interval(statistic, *columns, resamples=RESAMPLES, seed=run.seed)


def sure(hits):
    """95 % interval of a share; exact where every case is right or wrong."""
    hits = np.asarray(hits, dtype=float)
    if set(hits) - {0.0, 1.0}:  # means of several draws a case
        return interval(np.mean, hits)
    exact = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="exact")
    return exact.low, exact.high


# %% tags=["c6.26"]
def gain(new, old):
    """Share of the first column minus share of the second."""
    return np.mean(new) - np.mean(old)


def more(claim, new, old):
    """Check that `new` is right more often, by an interval above 0."""
    run.check(claim, interval(gain, new, old)[0] > 0)


# %% tags=["c6.26"]
def compare(hits):
    """A row per way of asking; gain: over the first one."""
    rows, first = {}, next(iter(hits.values()))
    for name, h in hits.items():
        low, high = interval(gain, h, first)
        clear = "yes" if low > 0 or high < 0 else "not clear"
        rows[name] = [np.mean(h), *sure(h), gain(h, first), low, high, clear]
    rows[next(iter(rows))][3:] = ["", "", "", "first"]
    columns = ["share", "low", "high", "gain", "from", "to", "clear?"]
    table = pd.DataFrame(rows, columns, dtype=object).T
    return table.map(lambda v: v if isinstance(v, str) else f"{v:.2f}")


# %% [markdown]
# The three ways, as a table and as a picture:

# %% tags=["c6.26"]
tried = {"the bare question": solved(bare), "number only": solved(direct)}
tried["step by step"] = solved(steps)
more("steps beat number only", tried["step by step"], tried["number only"])
run.check("by 20 points", gain(tried["step by step"], tried["number only"]) >= 0.2)
compare(tried)

# %%
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7.5, 2))
low, high = zip(*[sure(h) for h in tried.values()])
plots.bars(ax, list(tried), [np.mean(h) for h in tried.values()], low, high)
ax.set(xlim=(0, 1.1), xlabel=f"share of {CASES} problems solved")
plots.show(figure, "Share of problems solved: bare, number only, and step by step.")

# %% [markdown]
# **Figure 1.** Share solved, with 95 % intervals: the same model and problems; only the last sentence differs. Asked the bare question, this model already writes its steps most of the time: it was trained so. "Answer with the number only" forbids them, and nothing is left. *Guess: why are written steps needed? And what would asking seven times, and taking the most frequent answer, add?* Section 5 answers both.
#
# ## 1 · A prompt shapes a distribution
#
# A chat model continues text. Its training text had **tags** around each turn, and the *chat template* writes them: one for the user's turn, one where it ends, one where the answer begins. (Some models also want a *start token*, but once only.)

# %% tags=["c6.01"]
by_hand = f"<|user|>\n{texts[0]}<|end|>\n<|assistant|>\n"
run.check("f-string = apply_chat_template", by_hand == turn(texts[0]))
ids = tokenizer.encode("<|user|><|end|><|assistant|>", add_special_tokens=False)
run.check("each tag is one token", len(ids) == 3, str(ids))
starts = tokenizer.encode(turn(texts[0])).count(tokenizer.bos_token_id)
run.check("at most one start token", starts <= 1)

# %% [markdown]
# What if we forget them? The same problems, without tags:

# %% tags=["c6.02"]
raw = ask([f"{t} Let's think step by step." for t in texts], plain=True)
templated = {"with the template": solved(steps), "plain text": solved(raw)}
more("the template solves more", *templated.values())
print(f"empty answers without it: {sum(not a.strip() for a in raw)} of {CASES}")
compare(templated)

# %% [markdown]
# No weight changed, only what stands in front.
#
# ### Temperature
#
# The model gives every token a raw score, its **logit**; the softmax turns logits into probabilities. **Temperature** *T* divides the logits first. By hand: logits ln 4 and 0 are probabilities 4/5 and 1/5. At T = 2 the first logit is ln 2: 2/3 and 1/3. At T = 0.5 it is ln 16: 16/17 and 1/17. Low temperatures sharpen, high ones flatten, T = 1 does nothing.

# %% tags=["c6.03"]
two = torch.tensor([np.log(4), 0.0])
for T in (0.5, 1, 2):
    print(f"T = {T}:", (two / T).softmax(-1).numpy().round(3))

# %% tags=["c6.03"]
slogan = "Find a short slogan for SunPan, a handy pan that runs on sunlight."
ids = tokenizer(turn(slogan), add_special_tokens=False, return_tensors="pt")
with torch.inference_mode():
    logits = chat(**ids.to(chat.device)).logits[0, -1].float().cpu()

# %% tags=["c6.03"]
from transformers import TemperatureLogitsWarper

for T in (0.2, 0.7, 1.5):
    library = TemperatureLogitsWarper(T)(None, logits[None])[0]
    run.check(f"T = {T}: by hand = library", torch.allclose(logits / T, library))


# %% [markdown]
# How spread out is the first token of the answer? Its **entropy** (in bits: 1 is a fair coin, 0 no doubt) tells. And how many different slogans are among thirty draws? (They can differ after a sure first token.)

# %% tags=["c6.03", "nbval-ignore-output"]
def entropy(logits):
    """Bits of uncertainty about the next token."""
    p = logits.double().softmax(-1)
    return -(p * p.clamp_min(1e-30).log2()).sum().item()


bits = [entropy(logits / T) for T in (0.2, 0.7, 1, 1.5)]
run.check("entropy rises with T", bits == sorted(bits), f"{np.round(bits, 1)} bits")

# %% tags=["c6.03", "nbval-ignore-output"]
chapter.set_seed(run.seed)
heat = (0.2, 0.7, 1.0, 1.5)
drawn = {T: ask([slogan] * 30, tokens=20, temperature=T) for T in heat}
kinds = {T: len(set(d)) for T, d in drawn.items()}
run.check("hot draws differ more than cold ones", kinds[1.5] > kinds[0.2], str(kinds))
print(*(f"T = {T}: {d[0]}" for T, d in drawn.items()), sep="\n")


# %% [markdown]
# ### Top-p and top-k
#
# Both cut off the tail before drawing. **Top-k** keeps the *k* most probable tokens. **Top-p**, *nucleus sampling*, keeps the smallest set whose probabilities add up to *p* at least: few tokens where the model is sure, many where it is not. From 0.5, 0.3, 0.15 and 0.05, top-p 0.7 keeps two.

# %% tags=["c6.04"]
def top_p(logits, p):
    """Logits with everything outside the nucleus at minus infinity."""
    ordered, order = logits.sort()  # the least probable first
    tail = ordered.softmax(-1).cumsum(-1)  # mass of a token and all less probable ones
    cut = logits.clone()
    cut[order[tail <= 1 - p]] = -torch.inf
    return cut


four = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
print(top_p(four, 0.7).softmax(-1).numpy().round(3))

# %% tags=["c6.04", "c6.05"]
from transformers import TopKLogitsWarper, TopPLogitsWarper

kept = []
for p in (0.3, 0.6, 0.8, 0.95):
    library = TopPLogitsWarper(p)(None, logits[None])[0]
    run.check(f"top-p {p}: by hand = library", torch.equal(top_p(logits, p), library))
    kept.append(int(library.isfinite().sum()))
run.check("the set grows with p", kept == sorted(set(kept)), f"{kept} tokens")
run.check("p = 1 changes nothing", torch.equal(top_p(logits, 1.0), logits))
def top_k(logits, k):
    """Logits with all but the k largest at minus infinity."""
    return logits.masked_fill(logits < logits.topk(k).values[-1], -torch.inf)


library = TopKLogitsWarper(5)(None, logits[None])[0]
run.check("by hand = TopKLogitsWarper", torch.equal(top_k(logits, 5), library))
run.check("k = 1 leaves one token", int(top_k(logits, 1).isfinite().sum()) == 1)

# %% [markdown]
# The next token after the slogan's prompt, under five settings:

# %% tags=["c6.05"]
settings = {"T = 1": logits, "T = 0.5": logits / 0.5, "T = 1.5": logits / 1.5}
settings |= {"top-p 0.6": top_p(logits, 0.6), "top-k 3": top_k(logits, 3)}
best = logits.topk(9).indices
table = np.array([w.softmax(-1)[best].numpy() for w in settings.values()]).T

# %% tags=["c6.05"]
figure, ax = plt.subplots(figsize=(7, 3.4))
names = [plots.visible(tokenizer.decode(i)) for i in best]
plots.heat(ax, table, names, list(settings), top=1.0)
ax.set_ylabel("next token")
plots.show(figure, "Probabilities of the nine likeliest tokens under five settings.")


# %% [markdown]
# **Figure 2.** Probabilities of the nine likeliest tokens (rows) under five settings. Temperature changes all of them; top-p and top-k set the tail to 0 and share its mass out.
#
# ### Together
#
# Diversity costs accuracy where only one answer is right. We ask for the *first step* of ten problems, four times each, on a grid; *distinct* is the mean number of different answers among the four, *wrong* the share of wrong steps. (Only one step counts as right, so here variety must err.)

# %% tags=["c6.06", "nbval-ignore-output"]
def next_step(text, done=()):
    """A prompt for the one line that follows the lines done."""
    return f"{text}\nSo far: {' '.join(done) or 'nothing.'}\nWrite the next step."


prompts = [next_step(t) for t in texts[:10] for _ in range(4)]
right = [f"{a} + {b} = {a + b}." for a, b, _, _ in numbers[:10] for _ in range(4)]

# %% tags=["c6.06", "nbval-ignore-output"]
chapter.set_seed(run.seed)
grid = {}
for T in (0.3, 1.0, 1.7):
    for p in (0.5, 0.9, 1.0):
        said = ask(prompts, tokens=14, temperature=T, top_p=p)
        groups = [len(set(said[i : i + 4])) for i in range(0, 40, 4)]
        grid[T, p] = np.mean(groups), np.mean([s != r for s, r in zip(said, right)])


grid = pd.DataFrame(grid, ["distinct", "wrong"]).T.rename_axis(["T", "top-p"])
hot, cold = grid.distinct[1.7, 1.0], grid.distinct[0.3, 0.5]
run.check("the hot corner is more diverse than the cold one", hot > cold)
grid.unstack().round(2)

# %% [markdown]
# The two work together: a small nucleus tames a high temperature. Where one answer is right, stay cold; heat brings variety, good or not (see the slogan at T = 1.5).
#
# ## 2 · Say what you want
#
# A prompt needs two parts: the **instruction** (what to do) and the **data** (with what). A hundred film reviews, with both parts and with one of them alone. *Usable* is an answer that is the review's own label, and nothing else.

# %% tags=["c6.07"]
found = [r for r in corpora.load("reviews")["test"] if r["label"] != "neutral"][:100]
reviews, labels = [r["text"] for r in found], np.array([r["label"] for r in found])
task = "Decide whether this review is positive or negative. Give only the word."
both = ask([f"{task}\n{r}" for r in reviews], tokens=8)
only_data = ask(reviews, tokens=8)
only_task = ask([task], tokens=8) * len(reviews)  # always the same prompt

# %% tags=["c6.07"]
usable = {"instruction and data": both, "data": only_data, "instruction": only_task}
usable = {name: np.char.strip(said) == labels for name, said in usable.items()}
for alone in ("data", "instruction"):
    more(f"both beat {alone} alone", usable["instruction and data"], usable[alone])
print(f"both: {both[0]} | data: {only_data[0]} | instruction: {only_task[0]}")
compare(usable)

# %% [markdown]
# The instruction alone shows a trap: its one answer looks like a label, and there is no review to be right about.
#
# ### The output indicator
#
# An **output indicator** says what the answer looks like, or begins it. Which one makes the model write a label and nothing else?

# %% tags=["c6.08"]
plain_task = "What is the sentiment of this review?"
indicators = {
    "none": "{q}\n{r}",
    "a trailing cue": "{q}\n{r}\nSentiment:",
    "the labels named": "{q}\n{r}\nPositive or negative?",
    "labels and form": "{q} Answer positive or negative. Give only the word.\n{r}",
}
bare_label = {}
for name, form in indicators.items():
    said = ask([form.format(q=plain_task, r=r) for r in reviews[:CASES]], tokens=8)
    bare_label[name] = np.isin([a.strip() for a in said], ["positive", "negative"])


more("labels and form: a bare label", bare_label["labels and form"], bare_label["none"])
compare(bare_label)

# %% [markdown]
# On the laptop the trailing *Sentiment:*, a classic for models that only continue text, does nothing clear; to name the labels is what works.
#
# ### Be specific
#
# "Write about it" leaves open what, how long, for whom. Forty products, a vague request and a specific one:

# %% tags=["c6.09"]
THINGS = "bottle chair desk fork glove jacket keyboard pan pen pot quilt spoon".split()
TRAITS = "small simple handy new pretty modern".split()
FEATURES = ["runs on sunlight", "cleans itself", "is made from sea plastic"]
FEATURES += ["stays cool in summer", "opens with one finger", "plays soft music"]


def product(rng):
    """Something to sell, such as "a handy pan that runs on sunlight"."""
    return f"a {rng.choice(TRAITS)} {rng.choice(THINGS)} that {rng.choice(FEATURES)}"


products = [product(rng) for _ in range(CASES)]
vague = ask([f"Write about {p}." for p in products])
exact = ask([f"Write a one-sentence slogan that sells {p}." for p in products])
print(products[0], f"vague: {vague[0]}", f"specific: {exact[0]}", sep="\n")

# %% tags=["c6.09"]
size = [np.array([len(a.split()) for a in said]) for said in (vague, exact)]
for name, statistic in {"mean": np.mean, "spread": np.std}.items():
    low, high = interval(lambda a, b: statistic(a) - statistic(b), *size)
    run.check(f"the vague request has the larger {name} of words", low > 0)
    print(f"vague {statistic(size[0]):.0f}, specific {statistic(size[1]):.0f}")

# %% [markdown]
# Shorter and more even is not better: both answers printed miss what the product can do.
#
# ### Forbid guessing
#
# A language model answers, whether it knows or not: an invented answer is a **hallucination**. A guard sentence allows it to decline. Forty questions that three passages answer, and forty that they do not:

# %% tags=["c6.10"]
PLACES = ["the Kosur Museum", "the Rijang Museum", "Hotel Niflim", "Hotel Stador"]
PLACES += ["the Kurig Hotel", "the Zotheesk Museum", "Hotel Bethung"]
TOWNS = "Poarndale Nervale Darwick Zimton Kudby Renby Jepmouth Ditfield Hetmere".split()
FACTS = [
    ("{s} was opened in {v}.", "When was {s} opened?", [*map(str, range(1850, 2020))]),
    ("{s} is in {v}.", "Where is {s}?", TOWNS),
    ("{s} is run by {v}.", "Who runs {s}?", [f"{n} Plazing" for n in NAMES]),
    ("{s} closes at {v}.", "When does {s} close?", [f"{h}:30" for h in range(15, 23)]),
]


def scene(rng, absent):
    """(passages, question, answer); absent: the answer is told of another place."""
    (one, two), told, chosen = rng.sample(PLACES, 2), [], rng.sample(FACTS, 3)
    for place, (say, _, values) in zip([two if absent else one, one, two], chosen):
        told.append(say.format(s=place, v=rng.choice(values)))
    answer, asked = told[0].rstrip(".").split()[-1], chosen[0][1].format(s=one)
    rng.shuffle(told)
    lines = [f"[{i}] {t[0].upper()}{t[1:]}" for i, t in enumerate(told, 1)]
    return "\n".join(lines), asked, answer


# %% tags=["c6.10"]
scenes = [scene(rng, absent=i % 2 == 1) for i in range(2 * CASES)]
order = "Answer using only the passages and cite the passage."
guard = order + " If the answer is not in the passages, tell me so."
free = ask([f"{p}\n\n{order}\nQuestion: {q}" for p, q, _ in scenes], tokens=30)
held = ask([f"{p}\n\n{guard}\nQuestion: {q}" for p, q, _ in scenes], tokens=30)


def refuses(answers):
    """Which answers decline?"""
    return np.array([bool(re.search("not (say|know)", a)) for a in answers])


works = refuses(held) & ~refuses(free)
for i in (int(works[1::2].argmax()) * 2 + 1, int(works[::2].argmax()) * 2):
    print(*scenes[i][:2], f"no guard: {free[i]}", f"guard: {held[i]}\n", sep="\n")


# %% tags=["c6.10"]
def apart(values, one):
    """Mean where `one` holds minus mean where it does not."""
    return values[one].mean() - values[~one].mean()


what = {"declined, absent": {}, "declined, present": {}, "right, present": {}}
for name, answers in {"no guard": free, "guard": held}.items():
    cited = [v in a for a, (_, _, v) in zip(answers, scenes)][::2]
    halves = refuses(answers)[1::2], refuses(answers)[::2], cited
    for half, hits in zip(what.values(), halves):
        half[name] = hits


missing, absent = np.arange(2 * CASES) % 2 == 1, what["declined, absent"]
more("no answer there: more refusals", absent["guard"], absent["no guard"])
low, high = interval(apart, refuses(held), missing)
print(f"with the guard, refusals where absent minus where present: "
      f"{apart(refuses(held), missing):.2f} ({low:.2f} to {high:.2f})")
pd.concat({name: compare(hits) for name, hits in what.items()})

# %% [markdown]
# The guard works in the first scene printed and does harm in the second. On the laptop it detects absence poorly: much of what it does is to switch refusing on, in both halves. Always measure both.
#
# ### Where the question stands
#
# Of a list people best remember the beginning (**primacy**) and the end (**recency**). Here the *question* moves: before, in the middle of, and after twelve sentences, one of which, anywhere, tells a code:

# %% tags=["c6.11"]
FILLERS = ["The train leaves at noon.", "The shop sells bread and cheese."]
FILLERS += ["A cat sleeps on the wall.", "The street is wet after the rain."]
FILLERS += ["Two boys play with a ball.", "The market opens on Monday."]


def buried(seed, where):
    """A text with a question at a share `where` of it, and the answer."""
    rng = random.Random(seed)
    text, name, code = rng.choices(FILLERS, k=12), rng.choice(NAMES), rng.randrange(999)
    text.insert(rng.randrange(len(text)), f"The code of {name} is {code}.")
    at = round(where * len(text))
    parts = " ".join(text[:at]), f"What is the code of {name}?", " ".join(text[at:])
    return "\n".join(filter(None, parts)), str(code)


recall = {}
for name, where in {"end": 1, "begin": 0, "middle": 0.5}.items():
    asked, codes = zip(*[buried(seed, where) for seed in range(CASES)])
    said = zip(codes, ask(list(asked), tokens=16))
    recall[name] = [bool(re.search(rf"\b{c}\b", a)) for c, a in said]
best_end = max(np.mean(recall["begin"]), np.mean(recall["end"]))
run.check("middle is not above the better end", np.mean(recall["middle"]) <= best_end)
compare(recall)

# %% [markdown]
# On the laptop the end wins clearly, beginning and middle are level. (The place of the *fact* was not varied.) For a long text try the question last.
#
# ## 3 · Seven parts, each measured
#
# A full prompt can have seven parts: who speaks (**persona**), what to do (**instruction**), why (**context**), how it should look (**format**), for whom (**audience**), in which **tone**, with which **data**. Kept in a dictionary they can be joined, left out and exchanged.

# %% tags=["c6.12"]
PARTS = ["persona", "instruction", "context", "format", "audience", "tone", "data"]
JOBS = "librarian, bookseller, waiter, babysitter, bank clerk, taxi driver, tour guide"
READERS = "client, tourist, trainee, classmate, swimmer, winner, bus passenger"
MISHAPS = "the taxi arrived late, the suitcase got lost, the pot had no lid, the lift "
MISHAPS += "broke down, the bottle was empty, the book was damaged, the soup was cold"
STUFF = "steel, oak, glass, leather, red, blue, green, wool"
draws = dict(persona=JOBS, context=MISHAPS, audience="child, manager", reader=READERS)
draws |= dict(tone="formal, friendly", format="two, three", stuff=STUFF)


def email_case(rng):
    """What the e-mail should show, and the seven parts that ask for it."""
    g = {name: rng.choice(values.split(", ")) for name, values in draws.items()}
    g["item"] = f"{g['stuff']} {rng.choice(THINGS)}"
    g["number"] = str(rng.randrange(1000, 10000))
    return g, {
        "persona": f"Write as a {g['persona']} who is honest.",
        "instruction": f"Write a short email to say sorry to the {g['reader']}.",
        "context": f"What happened: {g['context']}.",
        "format": f"Answer in {g['format']} short lines.",
        "audience": f"It is for a {g['audience']}, so write clearly.",
        "tone": f"Make it sound {g['tone']}.",
        "data": f"Order number {g['number']}, item: {g['item']}.",
    }


# %% tags=["c6.12"]
def join(parts, keep=PARTS):
    """The parts that are kept, one a line, in the order of PARTS."""
    return "\n".join(parts[p] for p in PARTS if p in keep)


emails = [email_case(rng) for _ in range(CASES)]
parts = emails[0][1]
print(join(parts))

# %% tags=["c6.12"]
at = [join(parts).find(parts[p]) for p in PARTS]
run.check("all parts are there, in order", at == sorted(at) and at[0] == 0)
run.check("each of them once", all(join(parts).count(p) == 1 for p in parts.values()))
count = {p: len(tokenizer.tokenize(parts[p])) for p in PARTS}
rest = len(tokenizer.tokenize(join(parts))) - sum(count.values())
run.check("tokens add up, with one a line break", rest == len(PARTS) - 1, str(count))

# %% [markdown]
# What would each part change if the model obeyed? One *sign* a part, which a program checks:

# %% tags=["c6.13", "c6.14", "c6.15", "c6.16", "c6.17", "c6.18", "c6.19"]
HELLO = {"child": "Hello there,", "manager": "Dear Manager,"}
MARK = {"formal": "sincerely", "friendly": "So sorry"}


def signs(gold, answer):
    """Which of the seven signs an e-mail shows."""
    blocks = answer.strip().split("\n\n")
    body, last = blocks[min(1, len(blocks) - 1)], blocks[-1].split("\n")[-1]
    return {
        "persona": gold["persona"] in last.lower(),  # the sign-off names it
        "instruction": len(blocks) >= 3 and blocks[0].endswith(","),  # an e-mail's form
        "context": gold["context"] in answer.lower(),  # the reason is told
        "format": len(body.split("\n")) == 2 + (gold["format"] == "three"),
        "audience": blocks[0] == HELLO[gold["audience"]],
        "tone": MARK[gold["tone"]] in answer,
        "data": gold["number"] in answer and gold["item"] in answer,  # both copied
    }


whole = ask([join(parts) for _, parts in emails], tokens=MAIL)
full = np.array([[*signs(g, a).values()] for (g, _), a in zip(emails, whole)])
print(whole[0], signs(emails[0][0], whole[0]), sep="\n")


# %% [markdown]
# Now leave out one part at a time:

# %% tags=["c6.20"]
def shown(keep, cases):
    """Array (cases, signs) of what the answers show when only some parts are kept."""
    answers = ask([join(parts, keep) for _, parts in cases], tokens=MAIL)
    return np.array([[*signs(g, a).values()] for (g, _), a in zip(cases, answers)])


dropped = {p: shown([q for q in PARTS if q != p], emails) for p in PARTS}
half = emails[: CASES // 2]  # adding part by part: half the cases will do
built = [shown(PARTS[:i], half) for i in range(1, len(PARTS) - 1)]
built += [x[: len(half)] for x in (dropped[PARTS[-1]], full)]  # the last two are known
left = np.array([b.mean(axis=0) for b in built])
right = np.array([full.mean(axis=0), *[d.mean(axis=0) for d in dropped.values()]])
loss = right[0] - right[1:]  # row: the part left out; column: the sign
side = np.abs(loss - np.diag(np.diag(loss)))
names = [f"+ {p}" for p in PARTS], ["all seven", *[f"- {p}" for p in PARTS]]
figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.4))
plots.heat(axes[0], left, names[0], PARTS, top=1.0, title="parts added one by one")
plots.heat(axes[1], right, names[1], PARTS, top=1.0, title="all parts but one")
_ = [(ax.tick_params(axis="x", labelsize=7), ax.set_xlabel("sign")) for ax in axes]
plots.show(figure, "Share of e-mails with each sign: parts added, and parts left out.")

# %% [markdown]
# **Figure 3.** Share of e-mails that show each sign (columns). Left, twenty e-mails: row by row one part more. Right, forty: all parts, then all but one. The format is the weakest sign, about half show it, and it moves with parts that are not its own (left, when tone and data come in). A pale cell on the right's diagonal is a part at work: without it its sign goes. Without an instruction there is no e-mail, so signs of an e-mail's form go, too.

# %% tags=["c6.13", "c6.14", "c6.15", "c6.16", "c6.17", "c6.18", "c6.19", "c6.20"]
own = {p: (full[:, i], dropped[p][:, i]) for i, p in enumerate(PARTS)}
for part, columns in own.items():
    more(f"{part}: its sign is more frequent with it", *columns)
rows = {p: [*map(np.mean, c), *interval(gain, *c)] for p, c in own.items()}
pd.DataFrame(rows, ["with", "without", "gain from", "to"]).T.round(2)

# %% tags=["c6.20"]
most = sum(loss[i, i] >= loss[:, i].max() for i in range(len(PARTS)))
run.check("5 of 7 signs or more depend most on their own part", most >= 5, str(most))
side[PARTS.index("instruction")] = 0  # without it the whole form goes, see above
i, j = np.unravel_index(side.argmax(), side.shape)
low, high = interval(gain, dropped[PARTS[i]][:, j], full[:, j])
print(f"largest other effect: {PARTS[j]} without {PARTS[i]}, {low:+.2f} to {high:+.2f}")

# %% [markdown]
# For persona, context and data the zeros are forced (who guesses an order number?): only *with* is measured.
#
# Two parts change more than a marker: words per sentence, by audience; formal words, by tone:

# %% tags=["c6.17", "c6.18"]
FORMAL = ["apologise", "kind regards", "resolve", "matter"]  # without the tone's sign
formal = np.array([sum(w in a.lower() for w in FORMAL) for a in whole])
length = np.array([len(a.split()) / len(re.findall(r"[.!]\s", a)) for a in whole])
adult = np.array([g["audience"] == "manager" for g, _ in emails])
stiff = np.array([g["tone"] == "formal" for g, _ in emails])

# %% tags=["c6.17", "c6.18"]
run.check("longer sentences for a manager", interval(apart, length, adult)[0] > 0)
run.check("formal tone: more formal words", interval(apart, formal, stiff)[0] > 0)
print(f"words a sentence: manager {length[adult].mean():.1f}, "
      f"child {length[~adult].mean():.1f}")
print(f"of {FORMAL}: formal {formal[stiff].mean():.1f} an e-mail, "
      f"friendly {formal[~stiff].mean():.1f}")

# %% [markdown]
# ## 4 · Examples and chains
#
# ### The format that only examples show
#
# **In-context learning**: examples in the prompt teach what no instruction says; the weights stay. With no example it is *zero-shot*, with one *one-shot*, with more *few-shot*. Words are to be sorted into classes, and the label has an invented look, such as `[TOOL]` or `tag:fruit`, that the instruction does not mention.

# %% tags=["c6.21", "c6.22"]
CLASSES = {
    "animal": "bear deer duck fox goose monkey snake swan turtle".split(),
    "tool": "pitchfork sander scissors wrench".split(),
    "fruit": "banana blueberry grapefruit peach strawberry".split(),
    "vehicle": "coach sledge snowmobile taxi truck van".split(),
    "garment": "cap coat jumper kilt shawl skirt".split(),
}
LOOKS = [lambda w: f"[{w.upper()}]", lambda w: f"<<{w}>>", lambda w: f"tag:{w}"]
LOOKS += [lambda w: f"=={w.upper()}==", lambda w: f"#{w}#"]


def shot_case(seed, shots, shuffle=0):
    """(prompt, the two labels in the wanted look, the right one)."""
    rng, look = random.Random(seed), LOOKS[seed % len(LOOKS)]
    one, two = rng.sample(sorted(CLASSES), 2)
    asked = rng.choice([one, two])
    pools = {c: rng.sample(CLASSES[c], 3) for c in (one, two)}
    item = pools[asked].pop()
    four = [(pools[c].pop(), look(c)) for c in (one, two, one, two)]
    rows = [f"Item: {thing}\nCategory: {label}" for thing, label in four]
    if shuffle:
        random.Random(shuffle).shuffle(rows)
    text = [f"Each one is either {one} or {two}.", *rows[:shots]]
    text.append(f"Item: {item}\nCategory:")
    return "\n".join(text), {look(one), look(two)}, look(asked)


print(shot_case(0, 2)[0])


# %% tags=["c6.21", "c6.22"]
def few_shot(shots, shuffle=0):
    """Per item: has the answer the wanted look? is it also the right class?"""
    cases = [shot_case(seed, shots, shuffle) for seed in range(CASES)]
    answers = [a.strip() for a in ask([c[0] for c in cases], tokens=12)]
    look = np.array([a in c[1] for a, c in zip(answers, cases)])
    return look, np.array([a == c[2] for a, c in zip(answers, cases)])


# %% [markdown]
# How many examples does the look take?

# %% tags=["c6.21", "c6.22"]
shots = {k: few_shot(k) for k in (0, 1, 2, 4)}
looks = {f"{k} examples": look for k, (look, _) in shots.items()}
run.check("no example: the look is unknown", np.mean(looks["0 examples"]) <= 0.1)
more("one example shows it", looks["1 examples"], looks["0 examples"])
compare(looks)

# %% tags=["c6.22"]
curves = {"in the wanted look": 0, "and the right class": 1}
means = {n: [np.mean(s[j]) for s in shots.values()] for n, j in curves.items()}
ends = {n: [sure(s[j]) for s in shots.values()] for n, j in curves.items()}
bands = {n: np.transpose(e) for n, e in ends.items()}
figure, ax = plt.subplots(figsize=(6.8, 3))
plots.lines(ax, list(shots), means, bands, xlabel="examples", ylabel="share")
ax.set(xticks=list(shots), ylim=(-0.03, 1.05))
ax.axhline(0.5, ls="--", lw=1, color=plots.QUIET)  # a coin between two classes
plots.show(figure, "Share of answers in the wanted look, and right, against examples.")

# %% [markdown]
# **Figure 4.** Answers in the wanted look, and those that are the right class as well (bands: 95 % intervals), against the number of examples. Dashed: a coin's share; at 0 examples the 0 is forced, for nobody can guess the look. On the laptop one example teaches the look at once. The class stays at guessing: the words are new to this model, so it cannot know what they mean, and a perfect form says nothing about it.
#
# Does the order of the four examples matter?

# %% tags=["c6.22"]
orders = [few_shot(4, shuffle=s) for s in (1, 2, 3)]
for name, j in curves.items():
    print(f"{name}:", [f"{np.mean(o[j]):.2f}" for o in orders])
moved = int(np.sum(orders[0][1] != orders[1][1]))
print(f"right or wrong changed from the first order to the second: {moved} of {CASES}")

# %% [markdown]
# On the laptop the order changes little; at guessing level it has little to change.
#
# ### An invented word
#
# Can one example show how to use a word just made up? *Used* means that the word, or a form of it, occurs in the sentence.

# %% tags=["c6.23"]
NEW = "lithen meflous trastop stikeeth ripait moalog laited grinol fapouth giedrid "
NEW = (NEW + "fibrind proacien cledrist binuck plaitrond gequet loawarn jecour").split()
coined = [(w, f"a {rng.choice(TRAITS)} {rng.choice(THINGS)}") for w in NEW * 3]
form = 'Write one sentence that contains the word "{}". It is {}.'
asked = [form.format(*c) for c in coined]
example = 'A "vorbel" is a funny lamp. A sentence with the word vorbel: '
example += "The vorbel on my desk is too bright.\n"
invented = {}
for name, lead in {"definition": "", "definition and example": example}.items():
    said = ask([lead + a for a in asked], tokens=25)
    hits = [w in a.lower() for (w, _), a in zip(coined, said)]
    invented[name] = np.reshape(hits, (3, -1)).mean(axis=0)  # one value a word
    print(f"{name}: {coined[0][0]} -> {said[0]}")
compare(invented)

# %% [markdown]
# A word that no training text had must be copied piece by piece. On the laptop most sentences miss it. Whether the example helps is not clear (eighteen whole words are resampled, with three sentences each).
#
# ### A chain of prompts
#
# **Chain prompting** splits a task: the answer of one prompt becomes data of the next. Forty products get a name, then a slogan, then a sales pitch; against one prompt that asks for all three. Does the *name* come back in slogan and pitch?

# %% tags=["c6.24"]
names = ask([f"Invent a name for our new product: {p}." for p in products], tokens=10)
named = list(zip(names, products))
slogans = ask([f"Write a short slogan for {n}, {p}." for n, p in named], tokens=30)
pitch = "Product: {}, {}\nSlogan: {}\nWrite a pitch of two sentences."
pitches = ask([pitch.format(*n, s) for n, s in zip(named, slogans)])
all_three = "Invent a name for our new product: {}. Then write a slogan and a pitch."
at_once = ask([all_three.format(p) for p in products], tokens=90)
print(names[0], slogans[0], pitches[0], f"at once: {at_once[0]}", sep="\n")


# %% tags=["c6.24"]
def keeps_name(text):
    """Does the first word, the name, stand there three times at least?"""
    name = (text.split() or ["?"])[0].strip(".,:!")
    return len(re.findall(rf"\b{re.escape(name)}\b", text)) >= 3


linked = ["\n".join(three) for three in zip(names, slogans, pitches)]

# %% tags=["c6.24"]
tied = {"at once": [*map(keeps_name, at_once)], "chain": [*map(keeps_name, linked)]}
more("the chain keeps the name", tied["chain"], tied["at once"])
spent = [np.mean([len(tokenizer.tokenize(a)) for a in x]) for x in (linked, at_once)]
print(f"tokens: chain {spent[0]:.0f} in 3 calls, at once {spent[1]:.0f} in 1")
compare(tied)

# %% [markdown]
# Not a fair race: this model knows no three requests in one (see what it wrote), and the chain's prompts hand the name on. Three calls cost more (each also *reads* its prompt), but each can be checked. A mistake in the first link travels on.
#
# ## 5 · Thinking costs tokens and pays
#
# A transformer does a fixed amount of work per token. Who must answer at once has that much for three calculations; who writes them down has it for each, and can read what it wrote. That is **chain of thought**. It can be asked for by a sentence (Kojima et al. 2022: "Let's think step by step") or shown by a solved example (Wei et al. 2022). The forty problems, five ways, the bare question first:

# %% tags=["c6.25", "c6.26", "c6.29"]
cue = [f"{t} Let's think step by step." for t in texts]
solution = "3 + 4 = 7. 7 * 5 = 35. 35 - 6 = 29. The answer is 29."
shown_first = [
    dict(role="user", content="Each crate holds 3 big and 4 small lamps. Max buys 5 "
         "such crates. Then Max sells 6 lamps. How many lamps are left?"),
    dict(role="assistant", content=solution),
]
talks = [[*shown_first, dict(role="user", content=t)] for t in texts]
ways = {"a solved example first": ask(talks)}
experts = "Imagine that three experts answer this question. Each writes down one step, "
experts += "shares it, and drops out on noticing a mistake. The question is: "
ways["three experts"] = ask([experts + t for t in texts])
solved_by = {"the bare question": solved(bare), "direct": solved(direct)}
solved_by |= {name: solved(answers) for name, answers in ways.items()}
solved_by["step by step"] = solved(steps)

# %% tags=["c6.25", "c6.26", "c6.29"]
good = int(solved_by["three experts"].argmax())  # the first that they solve
for name, answers in ways.items():
    print(f"{name}: {answers[0]} / {answers[good]}")
compare(solved_by)

# %% [markdown]
# *Three experts* is a **tree of thought** in one prompt: the model plays thinkers who compare their steps.
#
# On the laptop the cue is clearly above the bare question, a solved example and three experts clearly *below*: both were invented for large models, this one met neither in training. After the example it breaks off or writes noise; where the experts solve a problem, they write its steps. A technique is a bet on what the model has seen.
#
# ### Why it helps
#
# If each line feeds the next, then a planted mistake must spoil the rest. We write the first line ourselves, once right and once wrong by one, and let the model go on from there:

# %% tags=["c6.27"]
begun = {}
for name, slip in {"right first line": 0, "wrong first line": 1}.items():
    lines = [f"{a} + {b} = {a + b + slip}." for a, b, *_ in numbers]
    rest = ask([turn(c) + line for c, line in zip(cue, lines)], plain=True)
    begun[name] = solved(rest)
    print(f"{lines[0]} -> {rest[0].strip()}")

# %% tags=["c6.27"]
more("a wrong first step spoils the answer", *begun.values())
spent = [np.mean([len(tokenizer.tokenize(a)) for a in x]) for x in (direct, steps)]
run.check("thinking takes more tokens", spent[1] > spent[0], f"{np.round(spent, 1)}")
followed = [result(a) == (x + y + 1) * k - c for a, (x, y, k, c) in zip(rest, numbers)]
print(f"result that follows from the wrong line: {sum(followed)} of {CASES}")
compare(begun)

# %% [markdown]
# After a wrong line the model mostly computes on with it: written steps are its working memory (psychologists speak of *System 2*).
#
# ### Self-consistency: ask seven times, take a vote
#
# Sampled chains may err in different ways, and right ones agree. So draw several, and count (Wang et al. 2023).

# %% tags=["c6.28", "nbval-ignore-output"]
from collections import Counter

chapter.set_seed(run.seed)
drawn = ask(cue * VOTES, tokens=56, temperature=0.8)
ballots = [[result(a) for a in drawn[i::CASES]] for i in range(CASES)]
winners = [Counter(b).most_common(1)[0] for b in ballots]

# %% tags=["c6.28", "nbval-ignore-output"]
vote = np.array([w == t for (w, _), t in zip(winners, truth)])
single = np.array([np.mean([r == t for r in b]) for b, t in zip(ballots, truth)])
run.check("a vote is not seen below one sample", interval(gain, vote, single)[1] >= 0)
greedy = solved(steps)
compare({"one greedy chain": greedy, "one sample": single, f"vote of {VOTES}": vote})

# %% tags=["c6.28", "nbval-ignore-output"]
united = np.array([n == VOTES for _, n in winners])
for name, rows in {"all votes": united, "fewer": ~united}.items():
    low, high = sure(vote[rows])
    print(f"{name}: {rows.sum()}, right {vote[rows].mean():.2f} ({low:.2f}-{high:.2f})")
low, high = interval(apart, vote, united)
print(f"difference {apart(vote, united):.2f} ({low:.2f} to {high:.2f})")

# %% [markdown]
# On the laptop the vote of seven solves what one greedy chain solves, at seven times the price: it only mends what sampling spoiled. Whether unanimous winners are safer is not clear: the difference's interval holds 0.
#
# ### Tree of thought as a search
#
# A chain has one try at each line. A **tree** of thought (Yao et al. 2023) has several: *propose* next lines, *rate* them, keep the best few (the *beam*), go on from these. The model proposes; a checker in plain Python rates: is the line a calculation, is it right, and were its numbers there before? That exact rater and the depth of three are help that no other way has.

# %% tags=["c6.30"]
SUM = re.compile(r"(\d+) ([+*-]) (\d+) = (\d+)\.?")


def sums(line):
    """(x, sign, y, stated result, true result) of a line, or None."""
    if not (found := SUM.fullmatch(line.strip())):
        return None
    x, y, z = int(found[1]), int(found[3]), int(found[4])
    return x, found[2], y, z, {"+": x + y, "-": x - y, "*": x * y}[found[2]]


def rate(text, done, line):
    """0 to 3: a calculation; right; from the story's numbers or the last result."""
    if not (found := sums(line)) or line in done:
        return 0
    x, _, y, stated, true = found
    last = [sums(d)[3] for d in done[-1:] if sums(d)]
    story = [int(n) for n in re.findall(r"\d+", text)]
    return 1 + (stated == true) + (x in (last or story) and y in story)


rated = {line: rate("7 red and 4 white", [], line) for line in
         ("7 + 4 = 11.", "7 + 4 = 12.", "5 + 5 = 10.", "Hello.")}
run.check("the rater by hand", list(rated.values()) == [3, 2, 2, 0], str(rated))

# %% tags=["c6.30", "nbval-ignore-output"]
beams, written, levels = {i: [()] for i in range(CASES)}, [], []
worth = {(i, ()): 0 for i in range(CASES)}
chapter.set_seed(run.seed)
for depth in range(DEPTH):
    jobs = [(i, path) for i in beams for path in beams[i] for _ in range(PROPOSALS)]
    lines = ask([next_step(texts[i], p) for i, p in jobs], tokens=14, temperature=1.2)
    written += lines
    found = {i: Counter() for i in beams}
    for (i, path), line in zip(jobs, lines):
        found[i][(*path, line.strip())] += 1  # the same line twice is one node
        worth[i, (*path, line.strip())] = worth[i, path] + rate(texts[i], path, line)
    for i, nodes in found.items():  # at equal worth the more frequent line leads
        beams[i] = sorted(nodes, key=lambda p: (-worth[i, p], -nodes[p]))[:BEAM]
    levels.append((found, dict(beams)))


ends = [sums(beams[i][0][-1]) for i in beams]
tree = np.array([bool(s) and s[3] == t for s, t in zip(ends, truth)])
made = np.sum([[len(found[i]) for i in beams] for found, _ in levels], axis=0)
print(f"{len(written) / CASES:.1f} calls and {made.mean():.1f} nodes a problem; "
      f"never a choice in {sum(made == DEPTH)} of {CASES} problems")


# %% tags=["c6.30", "nbval-ignore-output"]
def pruned(i):
    """How many nodes were not kept; those before the last level count first."""
    lost = [len(found[i]) - len(kept[i]) for found, kept in levels]
    return sum(lost[:-1]), lost[-1]


busy, spot = max(range(CASES), key=pruned), {(): (0, 0.0)}
figure, ax = plt.subplots(figsize=(11, 4.2))
for depth, (found, kept) in enumerate(levels, 1):
    nodes = sorted(found[busy], key=lambda p: (spot[p[:-1]][1], p))
    for j, path in enumerate(nodes):
        spot[path] = depth, j - (len(nodes) - 1) / 2
        good = path in kept[busy]
        color, mark = (plots.GOOD, "") if good else (plots.BAD, "pruned: ")
        ax.plot(*zip(spot[path[:-1]], spot[path]), color=color, alpha=0.5, lw=1)
        note = f" {mark}{path[-1][:22]} ({worth[busy, path]})"
        edge = "black" if path == beams[busy][0] else "white"  # the tree's answer
        frame = dict(facecolor="white", edgecolor=edge, pad=1)
        ax.text(*spot[path], note, color=color, fontsize=7, va="center", bbox=frame)
ax.set(xlim=(-0.1, DEPTH + 0.9), xticks=range(1, DEPTH + 1), yticks=[], xlabel="depth")
ax.set_title(texts[busy], fontsize=8)
ax.grid(False)
plots.show(figure, "Proposed lines: kept green, pruned red, the answer boxed.")

# %% [markdown]
# **Figure 5.** The tree of the problem with most pruning, not a typical one: kept lines in green, pruned lines in red, the chosen last line in a box; in brackets the worth of the path so far. Green means kept, not right. A wrong calculation loses a point, numbers out of nowhere another.
#
# What does each way cost and bring?

# %% tags=["c6.26", "c6.28", "c6.29", "c6.30", "nbval-ignore-output"]
imagined = ways["three experts"]
all_ways = {  # name: (right or wrong, calls a problem, the forty problems' answers)
    "step by step": (greedy, 1, steps),
    "the bare question": (solved(bare), 1, bare),
    "direct": (solved(direct), 1, direct),
    "three experts": (solved(imagined), 1, imagined),
    f"vote of {VOTES}": (vote, VOTES, drawn),
    "tree search": (tree, len(written) / CASES, written),
}
tokens_of = {name: sum(len(tokenizer.tokenize(a)) for a in said) / CASES
             for name, (*_, said) in all_ways.items()}

# %% tags=["c6.26", "c6.28", "c6.29", "c6.30", "nbval-ignore-output"]
figure, ax = plt.subplots(figsize=(7.5, 3.4))
for name, (hits, *_) in all_ways.items():
    (low, high), mean, x = sure(hits), np.mean(hits), tokens_of[name]
    ax.errorbar(x, mean, [[mean - low], [high - mean]], fmt="o", capsize=3)
    side = ("right", -7) if name == "the bare question" else ("left", 7)
    ax.annotate(name, (x, mean), (side[1], -3), textcoords="offset points", ha=side[0])
ax.set(xscale="log", xlim=(2, 800), ylim=(-0.03, 1.05), ylabel="solved")
ax.set_xticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
ax.set_xlabel("tokens written for a problem")
ax.minorticks_off()
plots.show(figure, "Share solved against tokens a problem for six ways.")

# %% [markdown]
# **Figure 6.** Share of problems solved, with 95 % intervals, against the tokens *written* for one (log scale). Going right costs money, going up is what it buys. Prompts, read anew for each call, are not in it.

# %% tags=["c6.30", "nbval-ignore-output"]
run.check("the tree is not seen below a sample", interval(gain, tree, single)[1] >= 0)
compare({"one greedy chain": greedy, "tree search": tree, f"vote of {VOTES}": vote})

# %% [markdown]
# On the laptop the tree is not seen above one greedy chain either. In many problems it had no choice, even at a temperature of 1.2: all proposals were the same line. And the checker knows arithmetic, not the story: the wrong two numbers, added correctly, get full marks.
#
# ## 6 · Enforce the form, check the content
#
# ### Why verify
#
# There are four reasons to check an answer before a program uses it: its *structure* (does it parse?), its *values* (is the label one of ours?), *ethics* (banned words, personal data), and *accuracy* (do the calculations hold?). Each check is a few lines, and needs a test itself: forty good texts, and ten with a planted fault of the kinds that we thought of.

# %% tags=["c6.31"]
import json

KEYS = ["name", "class", "armour", "pet"]


def has_keys(text, keys=KEYS):
    """Is the text a JSON object with exactly these keys, in any order?"""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == set(keys)


def is_decent(text):
    """No banned word, no e-mail address, no telephone number."""
    banned = re.search(r"\b(stupid|idiot|damn)\b", text, re.I)
    return not (banned or re.search(r"\S+@\S+\.\w+|\+?\d[\d ]{7,}\d", text))


def adds_up(text):
    """Is every written calculation right?"""
    return all(s[3] == s[4] for s in (sums(m[0]) for m in SUM.finditer(text)))


checks = dict(structure=has_keys, decency=is_decent, sums=adds_up)
checks["label"] = ["positive", "negative", "unsure"].__contains__

# %% tags=["c6.31"]
someone = dict(zip(KEYS, ["Ada", "miner", "chain mail", "owl"]))
clean = {
    "structure": [json.dumps(dict(rng.sample([*someone.items()], 4)))
                  for _ in range(CASES)],
    "label": ["positive", "negative"] * (CASES // 2),
    "decency": whole,
    "sums": [f"{a} + {b} = {a + b}. {b} * {k} = {b * k}."
             for a, b, k, _ in numbers],
}
plant = {
    "structure": lambda t, i: [t[:-3], t.replace("pet", "cat"), '["name"]'][i % 3],
    "label": lambda t, i: [f"{t}!", "great", t.upper(), ""][i % 4],
    "decency": lambda t, i: t + ["\n0049 171 555123", "\nIdiot", "\nx@y.org"][i % 3],
    "sums": lambda t, i: t[:-1] + "7.",  # one digit more in the last result
}
for name, holds in checks.items():
    faulty = [plant[name](t, i) for i, t in enumerate(clean[name][:10])]
    caught, false = [sum(not holds(t) for t in x) for x in (faulty, clean[name])]
    run.check(f"{name}: 10 of 10 faults found", caught == 10)
    run.check("   at most one false alarm in 40", false <= 1, str(false))

# %% [markdown]
# ### Control by examples
#
# A game character as JSON with four keys of our choice, other ones each time. *Zero-shot* names the keys; *one-shot* shows a filled template.

# %% tags=["c6.32", "c6.37"]
from itertools import combinations

cast = "healer shaman explorer illusionist merchant miner".split()
cast = [(c, n) for n in NAMES for c in cast][:CASES]
more_keys = dict(armour="steel plate", pet="wolf", home="castle", food="bread")
pairs = list(combinations(more_keys, 2)) * CASES
keys = [["name", "class", *pair] for pair in pairs[:CASES]]
known = dict(name="Oda", **{"class": "knight"}, **more_keys)
shown_json = [json.dumps({k: known[k] for k in ks}) for ks in keys]
hero = "Make a hero whose class is {}, by the name of {}, in JSON"
heroes = [hero.format(*who) for who in cast]
by_keys = ask([f"{h} with the keys {', '.join(ks)}." for h, ks in zip(heroes, keys)])
template = [f"{h}.\nUse this template: {j}" for h, j in zip(heroes, shown_json)]
by_template = ask(template, tokens=HERO)


def fits(answers):
    """Which answers are JSON with the keys that were asked for?"""
    return [has_keys(a, ks) for a, ks in zip(answers, keys)]


control = {"keys named": fits(by_keys), "template": fits(by_template)}
more("a template gives our keys", control["template"], control["keys named"])
print(keys[0], by_keys[0], by_template[0], sep="\n")
compare(control)

# %% [markdown]
# Both answers printed fail (other keys; a key forgotten): an example raises the share and guarantees nothing.
#
# Form can also be trained into a model: **fine-tuning** (chapter 12). `base` only learned to continue stories; `chat` met JSON in its training. Any valid object counts here.

# %% tags=["c6.37"]
def is_json(text):
    """Is the text a JSON object, whatever its keys?"""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


reader = models.find("base")
base = AutoModelForCausalLM.from_pretrained(reader.path, **reader.options).eval()
base_tokenizer = AutoTokenizer.from_pretrained(reader.path, padding_side="left")
base_tokenizer.pad_token = base_tokenizer.pad_token or base_tokenizer.eos_token
prompts = [turn(f"{h}.") for h in heroes]
untaught = ask(prompts, plain=True, by=(base, base_tokenizer), tokens=HERO)
tuned = {"base": [*map(is_json, untaught)]}
tuned["chat"] = [*map(is_json, ask(prompts, plain=True))]
run.check("trained on JSON: valid at least 80 %", np.mean(tuned["chat"]) >= 0.8)
run.check("not trained on it: hardly ever", np.mean(tuned["base"]) <= 0.1)
print(untaught[0][:70].replace("\n", " "))
compare(tuned)

# %% [markdown]
# ### Forbid tokens: a mask
#
# Asking is not enforcing. To enforce, list the token sequences that are allowed, here those of three labels, and at each step set the logit of every other token to minus infinity. In transformers a `LogitsProcessor` may do so. (Drawing and keeping valid answers is not the same: the mask cannot see that a token leads into a corner.)

# %% tags=["c6.35"]
endings = [tokenizer.encode(x, add_special_tokens=False) + [tokenizer.eos_token_id]
           for x in ("positive", "negative", "unsure")]


def allowed(done):
    """Tokens that may follow the tokens written so far; after the end only the end."""
    follow = {e[len(done)] for e in endings if e[: len(done)] == done and e != done}
    return sorted(follow or {tokenizer.eos_token_id})


# %% tags=["c6.35"]
from transformers import LogitsProcessor, LogitsProcessorList


class OnlyLabels(LogitsProcessor):
    """Every token that leads to no label gets minus infinity."""

    def __init__(self, start):
        self.start = start  # the length of the prompt

    def __call__(self, ids, logits):
        mask = torch.full_like(logits, -torch.inf)
        for row, written in enumerate(ids[:, self.start :].tolist()):
            mask[row, allowed(written)] = 0
        return logits + mask


# %% [markdown]
# Three ways to the same label: this processor; transformers' own `prefix_allowed_tokens_fn`; and a loop of our own that takes the best allowed token.

# %% tags=["c6.35"]
def three_ways(prompt):
    """The label by our mask, by transformers' own option, and by a loop."""
    ids = tokenizer(turn(prompt), add_special_tokens=False, return_tensors="pt")
    ids, loop = ids.input_ids.to(chat.device), []
    n, options = ids.shape[1], dict(max_new_tokens=6, do_sample=False)
    options["attention_mask"] = torch.ones_like(ids)
    mask = LogitsProcessorList([OnlyLabels(n)])
    ours = chat.generate(ids, logits_processor=mask, **options)[0, n:].tolist()
    also = dict(prefix_allowed_tokens_fn=lambda _, seen: allowed(seen[n:].tolist()))
    theirs = chat.generate(ids, **also, **options)[0, n:].tolist()
    while loop not in endings:
        tail = torch.tensor([loop], dtype=ids.dtype, device=ids.device)
        with torch.inference_mode():
            scored = chat(torch.cat([ids, tail], dim=1)).logits[0, -1]
        loop.append(max(allowed(loop), key=lambda t: scored[t].item()))
    return ours, theirs, loop


print("first tokens allowed:", [tokenizer.decode(t) for t in allowed([])])
opinion = [f"What do you think of this review?\n{r}" for r in reviews[:CASES]]
got = [three_ways(o) for o in opinion[:20]]
run.check("mask = prefix_allowed_tokens_fn", all(a == b for a, b, _ in got))
run.check("mask = best allowed token, one by one", all(a == c for a, _, c in got))
print(Counter(tokenizer.decode(a) for a, *_ in got).most_common())


# %% [markdown]
# ### Control by a grammar
#
# A **grammar** describes larger forms, and makes the mask from its rules: at each step every token that would break the form is removed. llama.cpp does this. It reads models as **GGUF**, one file with weights and tokenizer, here with its weights rounded to 8 bits. A JSON *schema* says which keys and types there must be. At a temperature of 1.5, forty characters with and without it. llama.cpp's own top-k, top-p and min-p are switched off. The guarantee has a condition: the model must be allowed to *end*, so we look at the `finish_reason`, too.

# %% tags=["c6.33", "c6.39", "nbval-ignore-output"]
from utils import services

llm, ended = services.llama(KIND), []  # a llama_cpp.Llama


def write(prompt, seed=7, temperature=0, **options):
    """llama.cpp's answer to one prompt; `ended` notes whether it came to its end."""
    talk = [dict(role="user", content=prompt)]
    how = dict(seed=seed, temperature=temperature, max_tokens=200, **options)
    how |= dict(top_k=0, top_p=1.0, min_p=0.0)  # the defaults would cut the tail
    choice = llm.create_chat_completion(talk, **how)["choices"][0]
    ended.append(choice["finish_reason"] == "stop")
    return choice["message"]["content"]


def schema(keys, **fixed):
    """A JSON schema: an object of short words, some of them fixed."""
    # Without the pattern, control characters get in, which JSON forbids in strings
    string = dict(type="string", pattern="^[A-Za-z ]{1,20}$")
    kinds = dict.fromkeys(keys, string) | {k: dict(const=v) for k, v in fixed.items()}
    rules = dict(required=keys, additionalProperties=False)
    return dict(type="object", properties=kinds, **rules)


def form(keys, **fixed):
    """llama-cpp-python's option that enforces the schema."""
    return dict(response_format=dict(type="json_object", schema=schema(keys, **fixed)))

# %% tags=["c6.33", "c6.39", "nbval-ignore-output"]
hot = dict(temperature=1.5)
loose = [write(t, i, **hot) for i, t in enumerate(template)]
bound = [write(t, i, **hot, **form(keys[i])) for i, t in enumerate(template)]
run.check("under the grammar every draw came to its end", all(ended[-CASES:]))
valid = {"asked": fits(loose), "grammar": fits(bound)}
print(json.dumps(schema(KEYS[:1])))
print(loose[0][:80].replace("\n", " "), "...\n" + bound[0])
run.check("with the grammar every draw is valid", all(valid["grammar"]))
more("without it fewer", valid["grammar"], valid["asked"])
compare(valid)


# %% [markdown]
# ### Valid is not right
#
# A hundred percent valid, and yet: is the character of the *class that was asked for*, letter by letter? Now cold, with the same schema, and with one that fixes the class by `const`.

# %% tags=["c6.36", "nbval-ignore-output"]
def in_class(answers):
    """Is the class in the JSON the one asked for?"""
    return [json.loads(a)["class"] == c for a, (c, _) in zip(answers, cast)]


cold = [write(t, **form(ks)) for t, ks in zip(template, keys)]
wanted = [form(ks, **{"class": c}) for ks, (c, _) in zip(keys, cast)]
const = [write(t, **f) for t, f in zip(template, wanted)]
run.check("all of both are valid", all(fits(cold) + fits(const)))
run.check("with const the class is right in all", all(in_class(const)))
print(f"asked for {cast[0][0]}: {cold[0]}")
compare({"schema": in_class(cold), "schema with const": in_class(const)})

# %% [markdown]
# Whoever measures only `json.loads` would have called both rows perfect. A grammar guarantees form; content needs its own check, or must not be left to the model at all.
#
# ### A grammar of your own
#
# The three labels once more, now as rules. llama.cpp's notation (GBNF) names rules: `::=` is "is made of", `|` is "or", quotes hold literal text; `root` is the whole answer. A JSON schema is turned into the same notation. (A faulty grammar can end the process: test first.)

# %% tags=["c6.34", "nbval-ignore-output"]
from llama_cpp import LlamaGrammar

three = 'root ::= "positive" | "negative" | "unsure"'
three = LlamaGrammar.from_string(three, verbose=False)
said = [write(o, grammar=three) for o in opinion]
run.check("only the three labels", all(map(checks["label"], said)), str(len(said)))

# %% tags=["c6.34", "nbval-ignore-output"]
hits = np.array(said) == labels[:CASES]
low, high = sure(hits)
print(Counter(said).most_common(), f"right: {hits.mean():.2f}, {low:.2f} to {high:.2f}")
print(f"always the same label: {max(Counter(labels[:CASES]).values()) / CASES:.2f}")
ours = LlamaGrammar.from_json_schema(json.dumps(schema(KEYS)), verbose=False)
run.check("schema as grammar: valid", has_keys(write(template[0], grammar=ours)))

# %% [markdown]
# ### Try again, with the error
#
# Where no grammar is at hand (some APIs), parse, and send the error back. Each character that failed without a grammar gets a second call, with the complaint, and as a control the same call without it:

# %% tags=["c6.38"]
def once_more(i, wrong):
    """The talk so far, a complaint (or none) and the request again, as messages."""
    said = [("user", template[i]), ("assistant", by_template[i])]
    said.append(("user", f"{wrong}{template[i]}"))
    return [dict(role=r, content=c) for r, c in said]


def complaint(i):
    """What is wrong with an answer."""
    return f"This is not valid. The keys must be {', '.join(keys[i])}. Try again.\n"


todo = [i for i in range(CASES) if not control["template"][i]]
retried = {"no retry": control["template"]}
for name, words in {"error sent": complaint, "only repeated": lambda i: ""}.items():
    answers = dict(enumerate(by_template))
    answers |= zip(todo, ask([once_more(i, words(i)) for i in todo], tokens=HERO))
    retried[name] = fits(answers.values())
low, high = interval(gain, retried["error sent"], retried["only repeated"])
print(f"{len(todo)} extra calls each")
print(f"error sent minus only repeated: {low:.2f} to {high:.2f}")
compare(retried)

# %% [markdown]
# Only failures are asked again, so the share cannot fall. The fair comparison, of the two retries, is not clear on the laptop.
#
# ### Smaller files
#
# A GGUF file may hold each weight in 16 bits, or in 8 or 4 with a scale per block of 32 (chapter 7 takes that apart). Is the 16-bit file the same model, and what do the small ones lose on our problems?

# %% tags=["c6.39", "nbval-ignore-output"]
from pathlib import Path

llm.close()
stepwise = [turn(c) for c in cue]
reference = steps  # the same prompts, answered by transformers
read, size = {"transformers": reference}, {}
for kind in FILES:
    llm = services.llama(kind)
    size[kind] = Path(llm.model_path).stat().st_size / 2**20
    texts_of = [llm(p, max_tokens=60, temperature=0)["choices"] for p in stepwise]
    read[kind] = [choices[0]["text"] for choices in texts_of]
    llm.close()


mib = list(size.values())
run.check("fewer bits, smaller files", mib == sorted(set(mib), reverse=True))
same = np.mean([a == b for a, b in zip(read[FILES[0]], reference)])
run.check("the first file writes what transformers writes", same >= 0.9, f"{same:.2f}")
print({k: f"{m:.1f} MiB" for k, m in size.items()})
compare({name: solved(answers) for name, answers in read.items()})

# %% [markdown]
# On the laptop 16 and 8 bits solve the same problems. With 4 bits a few are lost, but forty problems are too few to make that clear.
#
# ## Is it any good?
#
# All ways side by side, with what they cost. The baseline is one greedy chain, *step by step*, the cheapest good way.

# %% tags=["nbval-ignore-output"]
summary = compare({name: hits for name, (hits, *_) in all_ways.items()})
summary["calls"] = [f"{calls:.0f}" for _, calls, _ in all_ways.values()]
summary["tokens"] = [f"{n:.0f}" for n in tokens_of.values()]
run.check("the vote is not seen below it", interval(gain, vote, greedy)[1] >= 0)
summary


# %% [markdown]
# ## Where it fails
#
# On the laptop nothing that costs more is seen above one greedy chain.
#
# *One step more than was trained*: the same stories, in which at the end some more arrive. (*Right for the wrong reason* is counted, too.)

# %% tags=["c6.27"]
def longer(text, d):
    """The problem with a fourth step: d more arrive."""
    story, end = text.rsplit(". ", 1)
    return f"{story}. In the evening {d} more arrive. {end}"


more_of_it = [rng.randint(2, 15) for _ in range(CASES)]
longer_ones = [longer(t, d) for t, d in zip(texts, more_of_it)]
four = ask([f"{t} Let's think step by step." for t in longer_ones], tokens=80)
shaky = np.array([not (SUM.search(s) and adds_up(s)) for s in steps])
print(f"right number after a wrong line or none: {sum(solved(steps) & shaky)}")
print(f"answer of three steps to four: {sum(solved(four))} of {CASES}")
hard = [result(a) == t + d for a, t, d in zip(four, truth, more_of_it)]
more("three steps are solved more often than four", solved(steps), hard)
print(longer_ones[0], four[0], sep="\n")
compare({"three steps": solved(steps), "four steps": hard})

# %% [markdown]
# On the laptop hardly one is solved: most stop where three steps would end (count above). The guard's price (section 2), the solved example (section 5) and the wrong class in valid JSON (section 6) belong here, too. How much of it is this model's smallness, only the book profile can say.
#
# ## Summary
#
# Which words change the answer? On the laptop:
#
# - **Words work as they were trained.** The forms were trained: another model has other sizes of effects, so measure yours.
# - **Tags, then temperature and nucleus, shape a distribution.** Without its template the model is lost; a high temperature buys variety with errors.
# - **Each part of a prompt moves its own sign** most; the instruction carries the form of the whole. Leave one out to see what it does, to other signs as well.
# - **One example shows a format** that no instruction named. It cannot teach what unknown words mean.
# - **Written steps solve what a direct answer does not**: the model computes with what it wrote. Here neither votes nor a tree were seen to beat one greedy chain, at seven times the calls and more.
# - **A grammar guarantees the form**, 40 of 40; the content needs its own check. Valid is not right.
#
# **Key terms.** *chat template* · *logit, softmax* · *temperature* · *top-p, nucleus* · *top-k* · *instruction, data, output indicator* · *hallucination, guard* · *primacy, recency* · *persona, context, format, audience, tone* · *in-context learning, zero-shot, one-shot, few-shot* · *chain prompting (prompt chaining)* · *chain of thought* · *self-consistency (vote, agreement)* · *tree of thoughts, beam* · *JSON schema, grammar, GBNF (constrained decoding)* · *GGUF*
#
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** *Min-p* keeps the tokens whose probability is at least a share *m* of the most probable one's. Write it, and count the tokens that it keeps of `logits` at m = 0.05 and T = 1 and 1.5. What is the difference from top-p 0.8 when the temperature rises?
#
# <details><summary>Hint</summary>
#
# `logits.softmax(-1)` against its maximum; `masked_fill` as in `top_k`. `top_p(logits / T, 0.8)` for the comparison.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def min_p(logits, m):
#     chances = logits.softmax(-1)
#     return logits.masked_fill(chances < m * chances.max(), -torch.inf)
#
# from transformers import MinPLogitsWarper
# assert torch.equal(min_p(logits, 0.05), MinPLogitsWarper(0.05)(None, logits[None])[0])
# for T in (1, 1.5):
#     kept = [int(f(logits / T, x).isfinite().sum()) for f, x in ((min_p, 0.05), (top_p, 0.8))]
#     print(f"T = {T}: min-p keeps {kept[0]}, top-p {kept[1]}")
# ```
#
# Both keep more of a flatter distribution. Top-p must reach its mass whatever the tail looks like, so its set can explode; min-p is tied to the best token.
#
# </details>
#
# <br>
#
# **Exercise 2 (\*)** More parts are not always better. Which part of section 3, left out, *raises* another sign the most, and is that more than chance?
#
# <details><summary>Hint</summary>
#
# `dropped[part][:, j]` and `full[:, j]` are paired: `interval(gain, ...)`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# rises = {(p, q): gain(dropped[p][:, j], full[:, j])
#          for p in PARTS for j, q in enumerate(PARTS) if p != q}
# part, sign = max(rises, key=rises.get)
# low, high = interval(gain, dropped[part][:, PARTS.index(sign)], full[:, PARTS.index(sign)])
# print(f"without {part}, {sign} rises by {rises[part, sign]:.2f} ({low:.2f} to {high:.2f})")
# ```
#
# The largest of 42 differences is large by selection alone: even an interval above 0 needs a second set of e-mails before it is believed.
#
# </details>
#
# <br>
#
# **Exercise 3 (\*\*)** Votes of 1, 3, 5 and 7: where does it stop paying? Use the ballots that were drawn.
#
# <details><summary>Hint</summary>
#
# Draw n of the seven ballots of each problem, many times, and average.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def share(n, tries=50):
#     rng, right = random.Random(7), []
#     for _ in range(tries):
#         votes = [Counter(rng.sample(b, n)).most_common(1)[0][0] for b in ballots]
#         right.append(np.mean([v == t for v, t in zip(votes, truth)]))
#     return np.mean(right)
#
# for n in (1, 3, 5, 7):
#     print(f"{n} votes: {share(n):.2f}")
# ```
#
# The first few votes bring most of the gain. A vote mends errors that scatter; where the model makes the same mistake each time, it only confirms it.
#
# </details>
#
# <br>
#
# **Exercise 4 (\*\*)** Write a grammar for dates such as 2026-11-30, with months 01 to 12 and days 01 to 31, and let the model fill it in at temperature 1.5, twenty times. Are all of them real dates?
#
# <details><summary>Hint</summary>
#
# Digits: `[0-9]`; alternatives in brackets: `("0" [1-9] | "1" [0-2])`. `datetime.date.fromisoformat` knows the calendar.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# from datetime import date
#
# gbnf = '''root ::= year "-" month "-" day
# year ::= "20" [0-9] [0-9]
# month ::= "0" [1-9] | "1" [0-2]
# day ::= "0" [1-9] | [12] [0-9] | "3" [01]'''
# llm = services.llama(KIND)
# rule = LlamaGrammar.from_string(gbnf, verbose=False)
# dates = [write("When was the museum opened?", i, 1.5, grammar=rule) for i in range(20)]
# llm.close()
# shape, real = [re.fullmatch(r"20\d\d-\d\d-\d\d", d) for d in dates], 0
# for d in dates:
#     try:
#         real += bool(date.fromisoformat(d))
#     except ValueError:
#         print(d, "is no date")
# print(f"{sum(map(bool, shape))} of 20 have the form, {real} are dates")
# ```
#
# The form is guaranteed, 30 February is not excluded: once more valid is not right.
#
# </details>
#
# <br>
#
# **Exercise 5 (\*\*\*)** Weight each vote by how probable the model found its answer: by the exponential of the mean log-probability of the answer's tokens. Does the weighted vote beat the plain one?
#
# <details><summary>Hint</summary>
#
# One forward pass over prompt and answer; the row before a token predicts it (chapter 4, section 7).
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def confidence(prompt, answer):
#     start, end = [tokenizer(t, add_special_tokens=False, return_tensors="pt").input_ids
#                   for t in (turn(prompt), answer or ".")]
#     both = torch.cat([start, end], dim=1).to(chat.device)
#     with torch.inference_mode():
#         logs = chat(both).logits[0, start.shape[1] - 1 : -1].float().log_softmax(-1).cpu()
#     return float(logs.gather(1, end.T).mean().exp())
#
# weighted = []
# for i, (prompt, ballot) in enumerate(zip(cue, ballots)):
#     weight = Counter()
#     for answer, number in zip(drawn[i::CASES], ballot):
#         weight[number] += confidence(prompt, answer)
#     weighted.append(weight.most_common(1)[0][0] == truth[i])
# print(compare({"plain vote": vote, "weighted vote": weighted}))
# ```
#
# The two differ only where the vote is close. With forty problems expect "not clear": a hint that counting is most of the idea.
#
# </details>
#
# <br>
#
# [previous: 5 · Text clustering and topic modelling](05_clustering_and_topics.ipynb) | [contents](README.md) | [next: 7 · Advanced text generation](07_chains_memory_agents.ipynb)

# %% tags=["nbval-ignore-output"]
run.report()
