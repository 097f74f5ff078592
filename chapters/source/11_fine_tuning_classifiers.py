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
# # 11 · Fine-tuning representation models
#
# **How much of an encoder must move to learn a task, how few labels are enough, and what changes when every token gets a label?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/11_fine_tuning_classifiers.ipynb) · two to four minutes on two cores and 2 GiB of memory; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **train** encoder and head together, and prove which weights moved (section 1, exercise 1);
# - **freeze** parts by name, and read what that costs (section 2, exercise 2);
# - **learn** from 32 labels by SetFit's three steps (section 3, exercise 3);
# - **continue** pre-training on your domain, and test whether it paid (section 4, exercise 4);
# - **label** tokens, align them with words, train and score named entities by span (sections 5 and 6, exercise 5).

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

run = chapter.start(11)

# %%
# Every knob of this chapter
LABELS = ["negative", "positive"]
TAUGHT = run.pick(laptop=320, book=2000)  # reviews to learn from, half of each label
RATE, HEAD_RATE = run.pick(laptop=2e-4, book=2e-5), 1e-2  # of a model, of a head alone
EPOCHS = 2  # passes over them; rates and passes were chosen on validation
FREE = run.pick(laptop=[0, 1, 2], book=[0, 2, 4])  # trainable blocks, besides all
DRAWS = 5  # random draws of few labels (section 3)
SHOTS, FEW = [4, 8, 16, 32], 16  # labels per class: of the curve, of the rest
PAIR_STEPS, PAIR_RATE = 10, run.pick(laptop=2e-4, book=2e-5)  # SetFit: steps, rate
ROUNDS, LIBRARY_ROUNDS = 20, 2  # pairs of both kinds per text; fewer where it trains
MLM_STEPS, EVERY, HIDDEN = 72, 12, 0.3  # reading: steps, of them noted, share of gaps
MLM_RATE, TASK_RATE, NER_RATE = run.pick(laptop=[5e-4, 5e-4, 5e-4], book=[5e-5] * 3)
KIND = run.pick(laptop="field", book="year")  # what a paper's title is sorted by
PAPERS, TASK_EPOCHS = 240, 2  # titles to learn from, passes over the tasks
NER_EPOCHS, NER_FROZEN = 3, 1 / 2  # names: passes, share of blocks frozen
# what is claimed of the small models; the book's answer freely, and are only shown
GOALS = dict(loss=0.05, majority=0.2, probe=-0.01, freedom=0.05, rank=0, luck=0.02,
             apart=0.02, same=-0.05, few=0, rise=0, domain=0.2, forget=0.0, film=0.02,
             paid=0.05, names=0.05, twofold=0.2)  # fmt: skip
GOALS = run.pick(laptop=GOALS, book=dict.fromkeys(GOALS, -1))
RESAMPLES = 1000  # bootstrap resamples behind every interval

# %% [markdown]
# ## The result first
#
# A *representation model* turns text into vectors. Chapter 4 mostly left such a model as it was; here it learns. The **profile** *laptop* has a small sentence encoder, *book* (`HANDSON_PROFILE=book`) a larger one. A line with ✓ is a claim tested just now. As in chapter 4 we learn from the split `train`, choose on `validation`, report on `test`; neutral reviews stay out.

# %%
import hashlib
import tempfile
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from transformers import (AutoModelForSequenceClassification, AutoTokenizer,
                          DataCollatorWithPadding, PrinterCallback, Trainer,
                          TrainingArguments)

from utils.scores import interval, macro_f1

spec = models.find("encoder")
tokenizer = AutoTokenizer.from_pretrained(spec.path)
raw = corpora.load("reviews")
reviews = {s: [{"text": r["text"], "label": LABELS.index(r["label"])}
               for r in raw[s] if r["label"] in LABELS] for s in raw}  # fmt: skip
texts = {s: [r["text"] for r in reviews[s]] for s in reviews}
y = {s: np.array([r["label"] for r in reviews[s]]) for s in reviews}
print(spec, {s: len(rows) for s, rows in reviews.items()}, sep="\n")

# %% [markdown]
# A few helpers serve the whole chapter. `classifier` puts a new head with random weights on the encoder. (Its *dropout*, noise against overfitting, is off: so few steps hardly need it, and section 2 relies on that.) `fit` is the library's `Trainer`, told to be quiet. `f1_of` answers and scores.

# %%
def classifier(base=spec.path, labels=2, seed=run.seed):
    """The encoder in `base` with a new head for so many labels; dropout off."""
    chapter.set_seed(seed)  # the same head each time
    off = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    load = AutoModelForSequenceClassification.from_pretrained
    return load(base, num_labels=labels, dtype=torch.float32, **off).eval()


def fit(model, dataset, collator, steps=None, epochs=1, rate=RATE, batch=16,
        seed=run.seed, frozen=(), **more):  # fmt: skip
    """Train all of `model` whose name has no part in `frozen`; the losses."""
    for name, weights in model.named_parameters():
        weights.requires_grad_(not any(part in name for part in frozen))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, TrainingArguments(
            folder, learning_rate=rate, num_train_epochs=epochs, max_steps=steps or -1,
            per_device_train_batch_size=batch, per_device_eval_batch_size=32, seed=seed,
            warmup_steps=0.1,  # a tenth of all steps
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch" if "eval_dataset" in more else "no",
            logging_steps=1, report_to="none", disable_tqdm=True, save_strategy="no",
            dataloader_pin_memory=False, remove_unused_columns=False),
            collator, dataset, **{"processing_class": tokenizer} | more)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    model.eval()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


# %%
def encoded(rows, tok=tokenizer):
    """Rows as a model wants them: ids of tokens, mask, label."""
    ids, names = tok([r["text"] for r in rows], truncation=True, max_length=128), (
        "input_ids", "attention_mask")
    return [{n: ids[n][i] for n in names} | {"label": r["label"]}
            for i, r in enumerate(rows)]  # fmt: skip


@torch.no_grad()
def answers(model, items, collator):
    """The most probable label of each item, 32 of similar length at a time."""
    order = sorted(range(len(items)), key=lambda i: len(items[i]["input_ids"]))
    said = np.zeros(len(items), dtype=int)
    for some in (order[i : i + 32] for i in range(0, len(items), 32)):
        inputs = collator([items[i] for i in some])
        inputs = {name: t.to(model.device) for name, t in inputs.items()}
        said[some] = model(**inputs).logits.argmax(dim=-1).cpu()
    return said


def f1_of(model, rows, tok=tokenizer):
    """(labels, their macro F1) of a model for rows with text and label."""
    said = answers(model, encoded(rows, tok), DataCollatorWithPadding(tok))
    return said, macro_f1([r["label"] for r in rows], said)


rng, pad = np.random.default_rng(run.seed), DataCollatorWithPadding(tokenizer)
sides = [np.flatnonzero(y["train"] == c) for c in (0, 1)]
taught = np.concatenate([rng.choice(side, TAUGHT // 2, False) for side in sides])
lessons = encoded([reviews["train"][i] for i in taught])

# %% [markdown]
# Now we train, once, for about half a minute (section 1 looks at this very run), and put five validation reviews before the model as it was and as it is.

# %% tags=["c11.03"]
fresh, tuned = classifier(), classifier()
losses = fit(tuned, lessons, pad, epochs=EPOCHS)
begin, end = np.mean(losses[:5]), np.mean(losses[-5:])
run.check("the loss falls", end < begin - GOALS["loss"])

# %%
five, models_of = reviews["validation"][:5], {"before": fresh, "after": tuned}
named = {n: np.take(LABELS, f1_of(m, five)[0]) for n, m in models_of.items()}
figure, ax = plt.subplots(figsize=(8.5, 3.2))
plots.verdicts(ax, texts["validation"][:5], np.take(LABELS, y["validation"][:5]), named)
plots.show(figure, "Five reviews: their label, the answers before and after training.")

# %% [markdown]
# **Figure 1.** Five reviews, their label in grey; right answers green with +, wrong ones red with x. Before training the head's weights are random, so *before* says one label throughout.
#
# *Guess: if only the head may learn, how much of the gain is left? And how near do 32 labelled reviews come to 320?*
#
# ## 1 · Head and body learn together
#
# A classifier is one architecture of two parts. The **body** is the encoder: *embeddings*, then *blocks*, each of which refines the vectors of all tokens. A BERT's body ends with a small layer, the *pooler* (linear, then tanh), over the state of the first token, [CLS]. The **head** on top is linear, a row per label.

# %% tags=["c11.01"]
inputs = pad(lessons[:16])
with torch.no_grad():
    states = fresh.base_model(inputs["input_ids"], inputs["attention_mask"])
    library = fresh(**inputs)
first = states.last_hidden_state[:, 0]  # [CLS]
print("states", tuple(states.last_hidden_state.shape), "of [CLS]", tuple(first.shape))

# %% tags=["c11.01"]
pooler, linear = fresh.base_model.pooler.dense, fresh.classifier
pooled = torch.tanh(first @ pooler.weight.T + pooler.bias)
by_hand = pooled @ linear.weight.T + linear.bias
run.check("by hand = logits", torch.allclose(by_hand, library.logits, atol=1e-5))

# %% [markdown]
# Training asks every weight of both parts which way it should go: one loss, one backward pass.

# %% tags=["c11.01"]
fresh(**inputs).loss.backward()
parts = {"body": fresh.base_model, "head": linear}
reach = {n: max(p.grad.abs().max() for p in m.parameters()) for n, m in parts.items()}
fresh.zero_grad()
run.check("one step reaches body and head", min(reach.values()) > 0)

# %% [markdown]
# ### Rows of unequal length
#
# A batch is a rectangle, reviews are not: short rows are filled up (*padded*), and a *mask* says what to ignore. Filling to a fixed length is simple and wasteful; a **collator** pads each batch to its longest row only. `fit` saves more: it puts reviews of similar length together.

# %% tags=["c11.02"]
some = encoded(reviews["train"][:64])
ways = {"fixed": some, "longest row": some,
        "and by length": sorted(some, key=lambda r: len(r["input_ids"]))}  # fmt: skip
tokens = {"no padding": sum(len(r["input_ids"]) for r in some)}
for name, items in ways.items():
    batches = [pad(items[i : i + 16])["input_ids"] for i in range(0, 64, 16)]
    tokens[name] = sum(map(torch.numel, batches)) if name != "fixed" else 64 * 128
order = tokens["and by length"] < tokens["longest row"] < tokens["fixed"]
run.check("fewer tokens", order, f"{tokens}")

# %% tags=["c11.02"]
options = dict(padding="max_length", max_length=128, truncation=True)
fixed = tokenizer(texts["train"][:16], return_tensors="pt", **options)
with torch.no_grad():
    wide = fresh(fixed["input_ids"], fixed["attention_mask"]).logits
    narrow = fresh(**pad(some[:16])).logits
run.check("the same logits", torch.allclose(wide, narrow, atol=1e-4))

# %% [markdown]
# The counts are tokens of 64 reviews: padding changes no answer, it only costs time.
#
# ### What did the training move?
#
# Compare every array of weights with its start.

# %% tags=["c11.03"]
old, new = fresh.state_dict(), tuned.cpu().state_dict()
moved = {name: not torch.equal(old[name], new[name]) for name in old}
run.check("every array of weights moved", all(moved.values()), f"{len(moved)} of them")

# %% [markdown]
# And is the classifier better than what a logistic regression makes of the same reviews' *frozen* vectors (chapter 4, section 3)? These are means over all tokens, stored beside the texts. Each system meets the test split once; a *gain* has its 95 % interval over pairs, the same reviews for both.

# %% tags=["c11.03"]
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

encoder = SentenceTransformer(spec.path, **spec.options)
vectors = corpora.vectors("reviews", spec, encoder.encode)
X = {s: vectors[s][[label in LABELS for label in raw[s]["label"]]] for s in raw}
gap = np.abs(encoder.encode(texts["test"][:16]) - X["test"][:16]).max()
run.check("stored vectors = fresh ones within 0.002", gap < 2e-3)


def f1(truth, answer):
    """Macro F1 of two classes, by counts: a thousand times in no time."""
    hits, seen = (np.bincount(a, minlength=2) for a in (truth[truth == answer], answer))
    return np.mean(2 * hits / (np.bincount(truth, minlength=2) + seen))


def gain(truth, answer, base):
    """F1 of one set of answers above another's."""
    return f1(truth, answer) - f1(truth, base)


def scored(names):
    """Test F1 of entries of BOARD, with their intervals."""
    rows = [[f1(truth, BOARD[n]), *interval(f1, truth, BOARD[n], resamples=RESAMPLES)]
            for n in names]  # fmt: skip
    return pd.DataFrame(rows, names, ["F1", "low", "high"])


def duel(name, other):
    """Gain of one entry of BOARD over another with its paired interval; prints it."""
    pair = truth, BOARD[name], BOARD[other]
    found = [gain(*pair), *interval(gain, *pair, resamples=RESAMPLES)]
    print(f"{name} over {other}: {found[0]:+.2f}, {found[1]:+.2f} to {found[2]:+.2f}")
    return found


# %% tags=["c11.03", "nbval-ignore-output"]
truth, BOARD = y["test"], {"majority": np.zeros(len(y["test"]), dtype=int)}
probe = LogisticRegression().fit(X["train"][taught], y["train"][taught])
BOARD["frozen vectors + logistic"] = probe.predict(X["test"])
BOARD["full"], _ = f1_of(tuned, reviews["test"])
same = np.isclose(f1(truth, BOARD["full"]), macro_f1(truth, BOARD["full"]))
run.check("F1 by counts = macro_f1", same)
board = scored([*BOARD])
above = board.F1["full"] - board.F1["majority"]
run.check("20 points above the majority", above > GOALS["majority"])
ahead = duel("full", "frozen vectors + logistic")
run.check("at most a point below the frozen vectors", ahead[0] > GOALS["probe"])
board.round(2)

# %% [markdown]
# Same reviews, same labels. Where the interval of the gain lies above 0, as in the laptop profile, letting the body learn paid. (Another draw can shrink the gain; nor was the regression's C tuned, as our rate and passes were.)
#
# ## 2 · What freezing costs
#
# Training all weights is dear: memory for their gradients, time for the backward pass. Cheaper: **freeze** the body, so that only the head learns. We freeze by *name*; counting arrays ("the first 165") would be right for one model only. A **fingerprint**, a hash over all weights, is the witness.

# %% tags=["c11.04"]
def fingerprint(module):
    """A hash over all weights: one changed number changes it."""
    parts = [t.detach().cpu().numpy().tobytes() for t in module.state_dict().values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


head_only = classifier()
body = f"{head_only.base_model_prefix}."  # how the names of its weights begin
before = fingerprint(head_only.base_model), fingerprint(head_only.classifier)
_ = fit(head_only, lessons, pad, steps=3, frozen=[body])
after = fingerprint(head_only.base_model), fingerprint(head_only.classifier)
run.check("the body is what it was", after[0] == before[0])
run.check("the head is not", after[1] != before[1])

# %% tags=["c11.04"]
sizes = {name: weights.numel() for name, weights in head_only.named_parameters()}
free = sum(count for name, count in sizes.items() if not name.startswith(body))
print(f"trained: {free:,} of {sum(sizes.values()):,} parameters")

# %% [markdown]
# ### What is frozen need not be computed twice
#
# A frozen part gives the same output for the same review in every epoch: compute it once, store it, and train what lies above on the stored states. `shortened` cuts off the embeddings and the first *k* blocks; the rest begins with states that it is given. (Exact, because dropout is off.)

# %% tags=["c11.05"]
class Given(torch.nn.Module):
    """Stands where the embeddings stood, and passes on the states that it is given."""

    def forward(self, input_ids=None, inputs_embeds=None, **others):
        return inputs_embeds


def shortened(model, k):
    """A copy of `model` without embeddings and first k blocks."""
    short = deepcopy(model)
    core = short.base_model
    core.embeddings, core.encoder.layer = Given(), core.encoder.layer[k:]
    return short


@torch.no_grad()
def stored(items, depths):
    """The items with the states of their tokens after so many blocks."""
    lengths = [len(r["input_ids"]) for r in items]
    kept, order = {}, np.argsort(lengths, kind="stable").tolist()
    for some in (order[i : i + 32] for i in range(0, len(items), 32)):
        ids, mask = (pad([items[i] for i in some])[n].to(fresh.device)
                     for n in ("input_ids", "attention_mask"))  # fmt: skip
        found = fresh.base_model(ids, mask, output_hidden_states=True).hidden_states
        for row, i in enumerate(some):
            own = {k: found[k][row, mask[row] == 1].cpu() for k in depths}
            kept[i] = items[i] | {"states": own}
    return [kept[i] for i in range(len(items))]


# %% tags=["c11.05"]
def states_at(k):
    """A collator: states after block k, padded to the longest row with zeros."""

    def collate(items):
        states = [r["states"][k] for r in items]
        filled = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
        sizes = torch.tensor([len(s) for s in states])[:, None]
        mask = (torch.arange(filled.shape[1]) < sizes).long()
        labels = torch.tensor([r["label"] for r in items])
        return {"inputs_embeds": filled, "attention_mask": mask, "labels": labels}

    return collate


BLOCKS = fresh.config.num_hidden_layers
DEPTHS = [BLOCKS - count for count in FREE]  # so many blocks lie below
LAST = min(DEPTHS)
shelf = {"train": stored(lessons, DEPTHS)}
shelf["test"] = stored(encoded(reviews["test"]), DEPTHS)

# %% [markdown]
# Does the short model learn what the long one learns? Three steps each, with the last two blocks free (in the laptop profile; blocks count from 0), and everything above them.

# %% tags=["c11.05", "c11.06"]
frozen = ["embeddings.", *(f".layer.{i}." for i in range(LAST))]
long, short = classifier(), shortened(classifier(), LAST)
slow = fit(long, lessons, pad, steps=3, frozen=frozen)
quick = fit(short, shelf["train"], states_at(LAST), steps=3)
run.check("the same three losses", np.allclose(slow, quick, atol=1e-5))

# %% tags=["c11.06"]
free = " ".join(name for name, p in long.named_parameters() if p.requires_grad)
asked = [*range(LAST, BLOCKS)]
run.check("free = asked", [i for i in range(BLOCKS) if f".layer.{i}." in free] == asked)
both = zip(long.base_model.encoder.layer, fresh.base_model.encoder.layer)
moved = [i for i, pair in enumerate(both) if len({*map(fingerprint, pair)}) == 2]
run.check("these blocks moved, no other", moved == asked, f"{moved}")

# %% [markdown]
# ### How much freedom?
#
# The same lesson with 0, 1 and 2 blocks free, from the top (in the laptop profile); all free is the model of the opening, whose embeddings learned, too. The head alone gets larger steps and more passes, as it has so few weights.

# %% tags=["c11.04", "c11.06", "c11.07", "nbval-ignore-output"]
names = {0: "head only"}
for count, k in zip(FREE, DEPTHS):
    short = shortened(classifier(), k)
    name = names.setdefault(count, f"{count} block{'s' * (count > 1)} + head")
    alone = dict(rate=HEAD_RATE, epochs=5 * EPOCHS, frozen=[body])
    how = dict(epochs=EPOCHS) if count else alone
    _ = fit(short, shelf["train"], states_at(k), **how)
    BOARD[name] = answers(short, shelf["test"], states_at(k))
names[BLOCKS] = "full"
sweep = scored([*names.values()])

paid = [duel("full", name)[0] for name in names.values() if name != "full"]
run.check("full is 5 points above the head only", paid[0] >= GOALS["freedom"])
rank = sweep.F1.rank().reset_index(drop=True).corr(pd.Series(range(len(sweep))))
run.check("F1 tends to rise with the free blocks", rank > GOALS["rank"])

# %% tags=["c11.07"]
figure, ax = plt.subplots()
band = {"test F1, 95 % interval": (sweep.low, sweep.high)}
plots.lines(ax, [*names], dict.fromkeys(band, sweep.F1), band)
ax.set(xlabel="trainable blocks", ylabel="F1 on the test split", xticks=[*names])
plots.show(figure, "F1 against the number of trainable blocks, with 95 % intervals.")

# %% [markdown]
# **Figure 2.** Test F1 by the number of trainable blocks (0: the head alone). The axis counts what *learns*, from left to right. The printed pairs say what each saving costs. (The first guess: of what full training has above the majority the head alone keeps about three quarters, in the laptop profile.) The head alone reads [CLS] through a frozen pooler, which this encoder was not made to use: perhaps why it stands below the regression on means. One training each.

# %% [markdown]
# ## 3 · Thirty-two labels
#
# Labels cost reading. What do 16 per class give? First the luck of the draw: five draws of 32 reviews, each with a logistic regression on frozen vectors.

# %% tags=["c11.08"]
from datasets import Dataset
from setfit import logging as setfit_logging
from setfit import sample_dataset

setfit_logging.set_verbosity_error()

pool = Dataset.from_list([r | {"row": i} for i, r in enumerate(reviews["train"])])


def draw(shots, seed):
    """Which training reviews: so many per class, by SetFit's own sampler."""
    return np.array(sample_dataset(pool, "label", shots, seed)["row"])


def probed(shots, seed):
    """Test answers of a logistic regression on the frozen vectors of one draw."""
    rows = draw(shots, seed)
    fitted = LogisticRegression().fit(X["train"][rows], y["train"][rows])
    return fitted.predict(X["test"])


# %% tags=["c11.08"]
luck = [f1(truth, probed(FEW, seed)) for seed in range(DRAWS)]
apart = max(luck) - min(luck)
run.check("draws differ by 2 points or more", apart >= GOALS["luck"], f"{apart:.2f}")
print("test F1:", *(f"{f:.2f}" for f in luck))

# %% [markdown]
# So much hangs on *which* 32, before any method is compared. From here on the methods get the same draws.
#
# **SetFit** makes more of few labels in three steps: pairs, contrastive training of the body, a plain classifier on the new vectors.
#
# ### Step 1: pairs
#
# Two reviews of one class belong together (target 1), two of different classes do not (target 0). N texts make N (N - 1) / 2 pairs, so 32 make hundreds. Three per class first:

# %% tags=["c11.09"]
def pairs_of(labels):
    """All pairs of rows, and whether both have the same label."""
    one, two = np.triu_indices(len(labels), k=1)
    return one, two, labels[one] == labels[two]


same = pairs_of(np.array([0, 0, 0, 1, 1, 1]))[2]
run.check("2 x 3 within, 3 x 3 between", (sum(same), sum(~same)) == (6, 9))

# %% tags=["c11.09"]
few = draw(FEW, seed=0)
chosen = [texts["train"][i] for i in few], y["train"][few]
same = pairs_of(chosen[1])[2]
within, between = FEW * (FEW - 1), FEW**2  # 2 classes x n (n - 1) / 2; n x n
run.check("counts = formula", (sum(same), sum(~same)) == (within, between))
print(f"{len(few)} reviews, {len(same)} pairs: {within} within, {between} between")

# %% [markdown]
# The library draws from these, as many within as between: for R rounds 2 x R x N pairs. (It pairs each text with itself, too, which without dropout teaches nothing.)

# %% tags=["c11.09"]
from setfit.sampler import ContrastiveDataset

sampler = ContrastiveDataset(*chosen, multilabel=False, num_iterations=ROUNDS)
drawn = [pair["label"] for pair in sampler]
fits = len(drawn) == 2 * ROUNDS * len(few) == 2 * sum(drawn)
run.check("2 x R x N, half within", fits, f"{len(drawn)}")
run.check("ours and one self-pair each", len(sampler.pos_pairs) == within + len(few))

# %% [markdown]
# ### Step 2: contrastive training
#
# The body learns to bring the **cosine** of a pair's vectors close to its target; the loss is the mean squared difference. We encode each review once per step and use *all* its pairs. To be quick, only the last two blocks learn, on stored states; a vector is the mean of its tokens' states.

# %% tags=["c11.10"]
def embed(body, items):
    """One unit vector per item: the mean over its tokens, of length 1."""
    inputs = states_at(LAST)(items)
    del inputs["labels"]
    inputs = {name: t.to(body.device) for name, t in inputs.items()}
    mask = inputs["attention_mask"][..., None]
    state = body(**inputs).last_hidden_state
    return F.normalize((state * mask).sum(1) / mask.sum(1), dim=-1).cpu()


def contrast(vectors, labels):
    """Squared difference of cosine and target; both kinds of pairs count alike."""
    one, two, same = pairs_of(labels)
    cosines = (vectors[one] * vectors[two]).sum(dim=1)
    return (((cosines[same] - 1) ** 2).mean() + (cosines[~same] ** 2).mean()) / 2


# %% tags=["c11.10"]
# three directions, 45 degrees apart; cosines: root of 1/2, 0, root of 1/2
corner = F.normalize(torch.tensor([[1.0, 0], [1, 1], [0, 1]]), dim=-1)
by_hand = ((0.5**0.5 - 1) ** 2 + (0**2 + 0.5) / 2) / 2
loss = contrast(corner, np.array([0, 0, 1])).item()
run.check("three vectors, by hand", np.isclose(loss, by_hand), f"{by_hand:.3f}")

# %% [markdown]
# The training itself, and two helpers to read with what came out:

# %% tags=["c11.10"]
def contrasted(rows, seed=run.seed):
    """Step 2 on the training reviews `rows`: the upper blocks, trained."""
    items, labels = [few_shelf[i] for i in rows], y["train"][rows]
    chapter.set_seed(seed)
    upper = shortened(fresh, LAST).base_model
    optimizer = torch.optim.AdamW(upper.parameters(), lr=PAIR_RATE)
    for _ in range(PAIR_STEPS):  # at most 16 reviews per class in a step
        order = np.random.permutation(len(rows))
        some = np.concatenate([order[labels[order] == c][:16] for c in (0, 1)])
        contrast(embed(upper, [items[i] for i in some]), labels[some]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return upper


@torch.no_grad()
def read(upper, items):
    """Vectors of many items, as an array."""
    order = np.argsort([len(r["input_ids"]) for r in items], kind="stable")
    parts = [embed(upper, [items[i] for i in some])
             for some in np.array_split(order, len(items) // 32 + 1)]  # fmt: skip
    return torch.cat(parts).numpy()[np.argsort(order)]


# %% tags=["c11.10"]
most = max(SHOTS)  # smaller draws with the same seed are part of larger ones
wanted = sorted({*draw(most, 0), *draw(most, 1), *draw(FEW, 2)})
few_items = encoded([reviews["train"][i] for i in wanted])
few_shelf = dict(zip(wanted, stored(few_items, [LAST])))

# %% [markdown]
# Do reviews that were in *no* pair move apart, too? The cosines of all pairs of test reviews, before and after:

# %% tags=["c11.10", "nbval-ignore-output"]
trained, untrained = contrasted(few), shortened(fresh, LAST).base_model
one, two, same = pairs_of(truth)
cosines, margin = {}, {}
for name, upper in {"before": untrained, "after": trained}.items():
    seen = read(upper, shelf["test"])
    cosines[name] = (seen @ seen.T)[one, two]
    margin[name] = cosines[name][same].mean() - cosines[name][~same].mean()
wider = margin["after"] - margin["before"]
run.check("the classes move apart", wider > GOALS["apart"])
print({name: f"{m:.2f}" for name, m in margin.items()})
figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.4), sharey=True)
for ax, (name, c) in zip(axes, cosines.items()):
    look = dict(bins=40, range=(-0.5, 1), density=True, alpha=0.5)
    _ = ax.hist([c[same], c[~same]], label=["same class", "different"], **look,
                histtype="stepfilled")  # fmt: skip
    ax.set(title=name, xlabel="cosine", xticks=[-0.5, 0, 0.5, 1])
axes[0].legend()
plots.show(figure, "Cosines of test pairs: two like humps before, shifted ones after.")

# %% [markdown]
# **Figure 3.** Cosines of pairs that training never saw. Before, the humps nearly coincide: the verdict moves these cosines little (printed: the mean of one class minus that of different ones). Afterwards both lie further right, pairs of different classes, too, whose target is 0; only less far. What counts is the gap.
#
# ### Step 3: a classifier on the new vectors
#
# A logistic regression, no more. First the library trains a model of its own on the same draw (two rounds, for time; as by hand, only the last blocks learn). Is its head what we would fit to the same vectors?

# %% tags=["c11.12"]
import contextlib
import io

from setfit import SetFitModel
from setfit import Trainer as SetFitTrainer
from setfit import TrainingArguments as SetFitArguments

quiet = io.StringIO()
with (tempfile.TemporaryDirectory() as out, contextlib.redirect_stderr(quiet),
      contextlib.redirect_stdout(quiet)):  # fmt: skip
    model = SetFitModel.from_pretrained(spec.path, device=encoder.device.type)
    for name, weights in model.model_body.named_parameters():
        weights.requires_grad_(not any(part in name for part in frozen))
    settings = SetFitArguments(
        out, batch_size=16, num_iterations=LIBRARY_ROUNDS, body_learning_rate=PAIR_RATE,
        seed=run.seed, report_to="none", save_strategy="no", show_progress_bar=False)
    trainer = SetFitTrainer(model, settings, train_dataset=pool.select(few))
    trainer.train()
BOARD["SetFit, library"] = model.predict(texts["test"], as_numpy=True)
head = type(model.model_head).__name__
run.check("its head is a logistic regression", head == "LogisticRegression")

# %% tags=["c11.11"]
inside, outside = model.encode(chosen[0]), model.encode(texts["validation"][:50])
refit = LogisticRegression().fit(inside, chosen[1])
same_said = np.array_equal(refit.predict(outside), model.model_head.predict(outside))
run.check("our regression = its head", same_said)

# %% [markdown]
# Then all three steps by hand, beside it and beside the frozen vectors of the same draw:

# %% tags=["c11.11", "c11.12"]
def by_setfit(rows, upper=None):
    """Test answers of SetFit by hand, learned from the training reviews `rows`."""
    upper = upper or contrasted(rows)
    seen = read(upper, [few_shelf[i] for i in rows])
    fitted = LogisticRegression().fit(seen, y["train"][rows])
    return fitted.predict(read(upper, shelf["test"]))


# %% tags=["c11.12", "nbval-ignore-output"]
BOARD["frozen vectors, 32"] = probed(FEW, seed=0)
BOARD["SetFit, 32"] = by_setfit(few, trained)
apart = duel("SetFit, 32", "SetFit, library")
run.check("no gap of 5 points is sure", max(apart[1], -apart[2]) < -GOALS["same"])
scored(["frozen vectors, 32", "SetFit, 32", "SetFit, library"]).round(2)

# %% [markdown]
# *By hand* sees many more pairs; in the laptop profile the interval of the difference includes 0, so none is seen (nor is one of 5 points ruled out). And did the pairs pay, against the frozen vectors of the same draw? One draw cannot tell; three follow.
#
# ### Against ordinary fine-tuning
#
# The rival of SetFit is section 2's training, a new head and the last two blocks, on the same 32 reviews, as often. Three draws:

# %% tags=["c11.13", "nbval-ignore-output"]
plain = {}
for seed in range(3):
    short = shortened(classifier(), LAST)
    items = [few_shelf[i] for i in draw(FEW, seed)]
    _ = fit(short, items, states_at(LAST), steps=2 * PAIR_STEPS)  # 16 reviews a step
    plain[seed] = answers(short, shelf["test"], states_at(LAST))

# %% tags=["c11.13", "nbval-ignore-output"]
def lead(truth, *said):
    """Mean F1 of the first three answers minus that of the other three."""
    scores = [f1(truth, answer) for answer in said]
    return np.mean(scores[:3]) - np.mean(scores[3:])


paired = {0: BOARD["SetFit, 32"]} | {s: by_setfit(draw(FEW, s)) for s in (1, 2)}
BOARD["fine-tuned, 32"] = plain[0]
still = {s: probed(FEW, s) for s in range(3)}
three = {"SetFit": paired, "fine-tuned": plain, "frozen vectors": still}
for rival in ("fine-tuned", "frozen vectors"):
    said = [three[n][s] for n in ("SetFit", rival) for s in range(3)]
    low, high = interval(lead, truth, *said, resamples=RESAMPLES)
    print(f"SetFit over {rival}: {lead(truth, *said):+.2f}, {low:+.2f} to {high:+.2f}")
    if rival == "fine-tuned":
        run.check("SetFit leads fine-tuning, interval and all", low > GOALS["few"])
f1s = {n: [f1(truth, said[s]) for s in range(3)] for n, said in three.items()}
pd.DataFrame(f1s, [f"draw {s}" for s in range(3)]).round(2)

# %% [markdown]
# Ordinary fine-tuning has to teach a random head and the blocks at once, from 32 single reviews. SetFit trains without a head, and reads the mean of all tokens instead of [CLS]. Its lead holds, interval and all (over test reviews; the luck of three draws is not in it). But do not thank the pairs: in the laptop profile the *frozen vectors*, which saw none, are above fine-tuning in every draw, too, and SetFit's interval over them includes 0. These reviews hide many a verdict in irony or contrast, which 32 examples do not teach.
#
# ### How few are enough?
#
# The same with 4 to 32 labels per class:

# %% tags=["c11.14", "nbval-ignore-output"]
curve = {"frozen vectors": [], "SetFit": []}
for n in SHOTS:
    said = [paired[s] if n == FEW else by_setfit(draw(n, s)) for s in (0, 1)]
    curve["SetFit"].append([f1(truth, a) for a in said])
    curve["frozen vectors"].append([f1(truth, probed(n, s)) for s in range(2)])
mean = {name: np.mean(points, axis=1) for name, points in curve.items()}
for name, points in mean.items():
    gain_by = points[-1] - points[0]
    run.check(f"{name}: rises from first to last", gain_by > GOALS["rise"])
below = board.F1["full"] - mean["SetFit"]
print("SetFit below full:", dict(zip(SHOTS, below.round(2).tolist())))
figure, ax = plt.subplots(figsize=(7, 3))
bands = {n: (np.min(points, 1), np.max(points, 1)) for n, points in curve.items()}
plots.lines(ax, SHOTS, mean, bands, xlabel="labels per class", ylabel="F1 on test")
ax.axhline(board.F1["full"], ls="--", color=plots.QUIET)
ax.text(SHOTS[0], board.F1["full"], f"full, {TAUGHT} reviews", va="top")
ax.set(xscale="log")
ax.set_xticks(SHOTS, SHOTS)
ax.set_xticks([], minor=True)
plots.show(figure, "F1 against labels per class: frozen vectors, SetFit, and full.")

# %% [markdown]
# **Figure 4.** Test F1 by labels per class, mean (line) and range (band) of two draws. From first to last both rise, not at every step; each step costs twice the labels of the one before. The printed line answers the second guess: how far SetFit stays below full training on 320.

# %% [markdown]
# ## 4 · Read the domain first
#
# The encoder so far had learned from a billion pairs of texts. What of a model that never met a film? `masked` is a small BERT that has read stories and learned to fill gaps (**masked language modelling**). Between that pre-training and fine-tuning fits a third step: **continued pre-training**, more gaps, in texts of *your* domain. It needs no labels.
#
# A gap is made like this: choose 15 % of the pieces; of the chosen, 80 % become [MASK], 10 % another piece, and 10 % stay, so that the model cannot trust what it sees. By hand, and by the library's collator, over 20,000 pieces of reviews:

# %% tags=["c11.15"]
from transformers import AutoModelForMaskedLM, DataCollatorForLanguageModeling, pipeline

mlm_spec = models.find("masked")
mlm_tok = AutoTokenizer.from_pretrained(mlm_spec.path)
print(mlm_spec)


def cut(lines):
    """Texts as pieces, 64 at most, and where each piece stands in its text."""
    kept = dict(truncation=True, max_length=64, return_offsets_mapping=True)
    ids, names = mlm_tok(list(lines), **kept), ("input_ids", "offset_mapping")
    return [{n: ids[n][i] for n in names} for i in range(len(lines))]


def by_hand(ids):
    """Pieces with gaps, and which were chosen."""
    rng = np.random.default_rng(run.seed)
    chosen, fate, gapped = rng.random(len(ids)) < 0.15, rng.random(len(ids)), ids.copy()
    gapped[chosen & (fate < 0.8)] = mlm_tok.mask_token_id
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    gapped[swap] = rng.integers(len(mlm_tok), size=swap.sum())
    return gapped, chosen


def by_library(ids):
    """The same from the collator: it marks what was not chosen by -100."""
    asked = dict(mlm_probability=0.15, seed=run.seed)
    collate = DataCollatorForLanguageModeling(mlm_tok, **asked)
    made = collate([{"input_ids": row} for row in torch.tensor(ids).reshape(-1, 50)])
    return made["input_ids"].numpy().ravel(), made["labels"].numpy().ravel() >= 0


film = {s: cut(raw[s]["text"]) for s in ("train", "validation")}  # neutral ones, too
ids = np.concatenate([r["input_ids"][1:-1] for r in film["train"]])[:20_000]

# %% tags=["c11.15"]
for way in (by_hand, by_library):
    seen, chosen = way(ids)
    mask, same = (seen == mlm_tok.mask_token_id)[chosen], (seen == ids)[chosen]
    parts = 100 * np.array([x.mean() for x in (chosen, mask, ~mask & ~same, same)])
    near = np.abs(parts - [15, 80, 10, 10]) <= [1, 3, 3, 3]
    run.check(f"15 and 80/10/10: {way.__name__}", near.all())

# %% [markdown]
# ### Does it learn the domain?
#
# From here on every chosen piece becomes [MASK], as a second kind of masking below needs it. Held out are the validation reviews; beside them some stories of the kind it was made on, their gaps drawn once. The measure is the mean loss per gap; its exponential, the **perplexity**, reads as "as unsure as among so many equally good pieces".

# %% tags=["c11.16", "c11.18"]
class Gaps(DataCollatorForLanguageModeling):
    """Pads the offsets, too, by which the library finds whole words."""

    def __call__(self, rows, return_tensors=None):
        size = max(len(r["input_ids"]) for r in rows)
        where = [r["offset_mapping"] for r in rows]
        where = [offsets + [(0, 0)] * (size - len(offsets)) for offsets in where]
        rows = [r | {"offset_mapping": offsets} for r, offsets in zip(rows, where)]
        return super().__call__(rows, return_tensors)


def gaps(whole, seed=None, share=0.15):
    """A collator for gaps in pieces or in whole words."""
    return Gaps(mlm_tok, whole_word_mask=whole, mlm_probability=share, seed=seed,
                mask_replace_prob=1.0, random_replace_prob=0.0)  # fmt: skip


def held_out(rows, whole=False):
    """Batches whose gaps are drawn once and for all."""
    collate = gaps(whole, run.seed)
    return [collate(rows[i : i + 32]) for i in range(0, len(rows), 32)]

# %% tags=["c11.16"]
def reader(folder=mlm_spec.path):
    """The gap filler in `folder`; dropout off."""
    off = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    load = AutoModelForMaskedLM.from_pretrained
    return load(folder, dtype=torch.float32, **off).eval()


@torch.no_grad()
def gap_losses(model, batches):
    """The loss of every gap."""
    found = []
    for batch in batches:
        batch = {n: t.to(model.device) for n, t in batch.items()}
        at = batch["labels"] >= 0
        logits = model(batch["input_ids"], batch["attention_mask"]).logits[at]
        loss = F.cross_entropy(logits, batch["labels"][at], reduction="none")
        found.append(loss.cpu())
    return torch.cat(found).numpy()

# %% [markdown]
# `continued` reads reviews, with 30 % of the pieces hidden, as in this model's pre-training: twice the lessons for the same reading. `Watch` notes the held-out loss on the way (sixty reviews will do for a curve).

# %% tags=["c11.16", "c11.19"]
from transformers import TrainerCallback


class Watch(TrainerCallback):
    """Keeps the held-out loss of every so many steps."""

    def __init__(self, model, batches):
        self.batches, self.losses = batches, [gap_losses(model, batches).mean()]

    def on_step_end(self, args, state, control, model, **rest):
        if state.global_step % EVERY == 0:
            self.losses.append(gap_losses(model, self.batches).mean())


def continued(whole, seed=run.seed):
    """`masked` after more reading, in reviews, and its held-out curve."""
    model = reader()
    watch = Watch(model, held_out(film["validation"][:60], whole))
    fit(model, film["train"], gaps(whole, share=HIDDEN), steps=MLM_STEPS, batch=8,
        rate=MLM_RATE, seed=seed, callbacks=[watch])  # fmt: skip
    return model, watch.losses

# %% tags=["c11.16"]
before, (after, curve) = reader(), continued(False)
stories = [r["story"] for part in corpora.load("stories").values() for r in part]
tests = {"reviews": film["validation"], "stories": cut(stories[:60])}
loss = {t: [gap_losses(m, held_out(rows)) for m in (before, after)]
        for t, rows in tests.items()}  # fmt: skip
change = {t: np.expm1((new - old).mean()) for t, (old, new) in loss.items()}

# %% [markdown]
# Perplexities, and their relative change with its interval (over gaps as if independent, hence a little too narrow):

# %% tags=["c11.16", "nbval-ignore-output"]
rows = {t: [*np.exp([x.mean() for x in pair]), change[t],
            *np.expm1(interval(np.mean, pair[1] - pair[0], resamples=RESAMPLES))]
        for t, pair in loss.items()}  # fmt: skip
run.check("a fifth less perplexity on reviews", change["reviews"] <= -GOALS["domain"])
run.check("on stories it does not fall", change["stories"] >= GOALS["forget"])
pd.DataFrame(rows, ["before", "after", "change", "low", "high"]).T.round(2)

# %% [markdown]
# Reviews become likelier, stories less so: what is gained in one domain is paid for in the other.
#
# ### What does it say now?
#
# Twelve sentences with a gap. Which of the five best fillings are *film words*, whole words at least three times as frequent in the training reviews as in stories? (*Film* itself is none: the small vocabulary cuts it into `fil` and `##m`.)

# %% tags=["c11.17"]
from collections import Counter

TEMPLATES = ["What a horrible {}!", "What a wonderful {}!", "The worst {} of the year.",
             "I loved the {}.", "The {} is far too long.", "A clever and funny {}.",
             "The lead {} is superb.", "I left before the {}.", "Two hours of {}.",
             "A moving {}.", "The {} was dull.", "Not one {} works."]  # fmt: skip
read_in = [Counter(i for r in rows for i in r["input_ids"])
           for rows in (film["train"], cut(stories))]  # fmt: skip
share = [{i: n / count.total() for i, n in count.items()} for count in read_in]
film_words = {mlm_tok.convert_ids_to_tokens(i) for i, n in read_in[0].items()
              if n >= 8 and share[0][i] >= 3 * share[1].get(i, 0)}  # fmt: skip
asked, said = [t.format(mlm_tok.mask_token) for t in TEMPLATES], {}
for name, model in {"before": before, "after": after}.items():
    fill = pipeline("fill-mask", model, tokenizer=mlm_tok, top_k=5)
    said[name] = [[a["token_str"].strip() for a in row] for row in fill(asked)]
film_words = {word for word in film_words if word.isalpha()}
hits = {name: np.mean([w in film_words for row in rows for w in row])
        for name, rows in said.items()}  # fmt: skip

# %% tags=["c11.17", "nbval-ignore-output"]
rise = hits["after"] - hits["before"]
run.check("film words rise among the top 5", rise > GOALS["film"])
print({name: f"{share:.2f}" for name, share in hits.items()})
shown = {name: [" ".join(row) for row in rows] for name, rows in said.items()}
pd.DataFrame(shown, TEMPLATES)[:5]

# %% [markdown]
# *Story* now fills four of five rows; people stay in some. Endings such as `##s` come high, too: what fills a gap need not be a word.
#
# ### Whole words
#
# While `##ri` and `##ble` stay visible, `hor` is easy: a gap in a piece is a lesson in spelling. **Whole-word masking** hides all pieces of a chosen word. `word_ids` tells which pieces are one word:

# %% tags=["c11.18"]
ids, groups = mlm_tok("What a horrible mistake"), {}
for piece, word in zip(ids.tokens(), ids.word_ids()):
    if word is not None:  # None: [CLS] and [SEP]
        groups.setdefault(word, []).append(piece)
print([*groups.values()])


def torn(whole, texts):
    """How many words the collator hides in part."""
    chosen, found = gaps(whole, run.seed)(cut(texts))["labels"].numpy() >= 0, 0
    for text, row in zip(texts, chosen):
        of = mlm_tok(text, truncation=True, max_length=64).word_ids()
        for word in {*of} - {None}:
            found += len({row[i] for i, w in enumerate(of) if w == word}) > 1
    return found

# %% tags=["c11.18"]
some = raw["train"]["text"][:200]
run.check("whole words: none is hidden in part", torn(True, some) == 0)
run.check("pieces: some are", torn(False, some) > 0)
first = [gap_losses(before, held_out(film["validation"], w)) for w in (False, True)]
ends = [interval(np.mean, losses, resamples=RESAMPLES) for losses in first]
run.check("whole words are harder before any step", ends[1][0] > ends[0][1])

# %% [markdown]
# (The library's word ends at the next space: a full stop is hidden along with its word.) It is said that whole words *converge later*, too. Two seeds each, equal steps; printed is the share of the fall that the first half of the steps brought.

# %% tags=["c11.19"]
curves, more = {("pieces", run.seed): curve}, run.seed + 1
for kind, seed in [("words", run.seed), ("pieces", more), ("words", more)]:
    _, curves[kind, seed] = continued(kind == "words", seed)
run.check("all held-out losses fall", all(c[-1] < c[0] - 0.1 for c in curves.values()))

# %% tags=["c11.19", "nbval-ignore-output"]
figure, ax = plt.subplots()
for (kind, seed), values in sorted(curves.items()):
    look = dict(color=plots.PALETTE[kind == "words"], ls=["-", ":"][seed > run.seed])
    steps = range(0, EVERY * len(values), EVERY)
    ax.plot(steps, values, label=f"{kind}, seed {seed}", **look)
    early = (values[0] - values[len(values) // 2]) / (values[0] - values[-1])
    print(f"{kind}, seed {seed}: {early:.2f} of the fall in the first half")
ax.set(xlabel="step", ylabel="held-out loss per gap")
ax.legend()
plots.show(figure, "Held-out loss while reading reviews, for both kinds of gaps.")

# %% [markdown]
# **Figure 5.** Held-out loss per gap, each model on its own kind of gap. Whole words start higher. But *later* is not what we see: they have most of their fall in the first half of the steps, pieces less. (So few steps of a small model prove little.) The levels do not compare (other gaps, other difficulty); the shapes do.
#
# ### Did it pay?
#
# Filling gaps is not the goal. **Judge by downstream tasks**: fine-tune each checkpoint alike, on sentiment (the reviews of section 1) and on another domain, which of the six most frequent fields a paper's title is from (in the book profile: years). Three starts: *fresh* has random weights, so it is fine-tuning only; *pre-trained* is two steps; *continued*, three. A fourth repeats *pre-trained* with another seed, for the luck of head and order.

# %% tags=["c11.20", "c11.21"]
papers = [*corpora.load("abstracts")["all"]]
kinds = [kind for kind, _ in Counter(r[KIND] for r in papers).most_common(6)]
titles = [{"text": r["title"], "label": kinds.index(r[KIND])}
          for r in papers if r[KIND] in kinds]  # fmt: skip
tasks = {"sentiment": ([reviews["train"][i] for i in taught], reviews["test"]),
         "titles": (titles[:PAPERS], titles[PAPERS:][:1000])}  # fmt: skip

# %% tags=["c11.20", "c11.21"]
right, padded = {}, DataCollatorWithPadding(mlm_tok)
with tempfile.TemporaryDirectory() as out:
    chapter.set_seed(run.seed)
    AutoModelForMaskedLM.from_config(before.config).save_pretrained(f"{out}/fresh")
    after.save_pretrained(f"{out}/continued")
    starts = {"fresh": f"{out}/fresh", "pre-trained": mlm_spec.path,
              "continued": f"{out}/continued", "other seed": mlm_spec.path}  # fmt: skip
    how = dict(epochs=TASK_EPOCHS, rate=TASK_RATE)
    for task, (train, test) in tasks.items():
        true = np.array([r["label"] for r in test])
        lessons_of = encoded(train, mlm_tok)
        for start, folder in starts.items():
            seed = run.seed + (start == "other seed")
            learner = classifier(folder, len({r["label"] for r in train}), seed)
            fit(learner, lessons_of, padded, seed=seed, **how)
            right[task, start] = f1_of(learner, test, mlm_tok)[0] == true
gained = right["titles", "pre-trained"].mean() - right["titles", "fresh"].mean()
run.check("pre-training pays", gained > GOALS["paid"])

# %% [markdown]
# The share of right answers, and what each start has over *pre-trained* on the same texts, with its interval:

# %% tags=["c11.20", "c11.21", "nbval-ignore-output"]
rows = {}
for (task, start), hit in right.items():
    more = 1.0 * hit - right[task, "pre-trained"]
    rows[task, start] = [hit.mean(), more.mean(), *interval(np.mean, more)]
paid = pd.DataFrame(rows, ["right", "over pre-trained", "low", "high"]).T
paid.round(2)

# %% [markdown]
# Pre-training pays. That the third step does is not shown: in the laptop profile it is below *pre-trained* in both tasks, on sentiment with an interval that just reaches 0. Another seed changes as much on titles. And *fresh* is at chance: so few steps teach a random model nothing. Perplexity is a hint, the task is the judge, and one seed is no verdict.
#
# ## 5 · A label for every token
#
# **Named entity recognition** (NER) marks names in a text and says what they name: a person (PER), a place (LOC), an organisation (ORG), something else (MISC). The 600 sentences were written and marked for this project (`data/texts/entities.md`). The body stays; the head answers for *each* token, and nothing is pooled.

# %% tags=["c11.22"]
from transformers import AutoModelForTokenClassification

entities = {s: [*part] for s, part in corpora.load("entities").items()}
TYPES = ["PER", "LOC", "ORG", "MISC"]
BIO = ["O"] + [f"{mark}-{kind}" for kind in TYPES for mark in "BI"]
chapter.set_seed(run.seed)
tagger = AutoModelForTokenClassification.from_pretrained(
    spec.path, dtype=torch.float32, id2label=dict(enumerate(BIO)),
    label2id={label: i for i, label in enumerate(BIO)},
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).eval()  # fmt: skip
four = [r["text"] for r in entities["train"][:4]]
inputs = tokenizer(four, padding=True, return_tensors="pt")
with torch.no_grad():
    per_token = tagger(**inputs).logits
    per_text = fresh(**inputs.to(fresh.device)).logits
run.check("9 scores a token", per_token.shape == (*inputs["input_ids"].shape, 9))
run.check("against 2 a text", per_text.shape == (4, 2))

# %% tags=["c11.22"]
everything = [r for part in entities.values() for r in part]
mixed = [len({s["type"] for s in r["spans"]}) > 1 for r in everything]
print(f"{sum(mixed)} of {len(mixed)} sentences name things of two types or more")

# %% [markdown]
# One label per text would be wrong for each of these. Why nine? A name may have several words, and two names may touch. **BIO** labels say so: B begins a name, I is inside one, O is outside of all; B and I come once per type.

# %% tags=["c11.23"]
def to_bio(size, spans):
    """One label for each of `size` words."""
    labels = ["O"] * size
    for start, end, kind in spans:
        labels[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return labels


def to_spans(labels):
    """(start, end, type) of each name; an I that continues nothing begins one, too."""
    spans = []
    for i, label in enumerate(labels):
        if label[0] == "I" and spans and spans[-1][1:] == (i, label[2:]):
            spans[-1] = (spans[-1][0], i + 1, label[2:])
        elif label != "O":
            spans.append((i, i + 1, label[2:]))
    return spans


def gold(row):
    """The marked spans of a sentence as (start, end, type)."""
    return [(s["start"], s["end"], s["type"]) for s in row["spans"]]

# %% tags=["c11.23"]
back = [to_spans(to_bio(len(r["tokens"]), gold(r))) == gold(r) for r in everything]
run.check("spans -> BIO -> spans is the same", all(back), f"{len(back)} sentences")
two = to_bio(4, [(0, 2, "PER"), (2, 4, "PER")])
blind = [label.replace("B-", "I-") for label in two]
run.check("two touching persons stay two", len(to_spans(two)) == 2, f"{two}")
run.check("without B they become one", len(to_spans(blind)) == 1, f"{blind}")

# %% [markdown]
# ### Pieces are labelled, not words
#
# The model reads pieces, so each piece needs a label. **Alignment**: a word's first piece takes its label, in later ones B becomes I, and special tokens get -100, which the loss ignores. `word_ids` says which word a piece belongs to; by hand we cut every word alone and count its pieces.

# %% tags=["c11.24"]
def align(row):
    """A sentence as the tagger wants it: ids, mask, a label for each piece."""
    ids = tokenizer(row["tokens"], is_split_into_words=True, truncation=True)
    words, labels, last = to_bio(len(row["tokens"]), gold(row)), [], None
    for word in ids.word_ids():
        label = None if word is None else words[word]
        if label and word == last:
            label = label.replace("B-", "I-")
        labels.append(BIO.index(label) if label else -100)
        last = word
    return {n: ids[n] for n in ("input_ids", "attention_mask")} | {"labels": labels}


def align_by_hand(row):
    """The labels of a sentence's pieces, each word cut alone."""
    labels = []
    for word, label in zip(row["tokens"], to_bio(len(row["tokens"]), gold(row))):
        more = len(tokenizer.tokenize(word)) - 1
        labels += [label] + [label.replace("B-", "I-")] * more
    return [-100, *map(BIO.index, labels), -100]


lesson = {s: [align(r) for r in part] for s, part in entities.items()}

# %% tags=["c11.24"]
same = [align_by_hand(r) == align(r)["labels"] for r in entities["train"]]
run.check("by hand = by word_ids", all(same), f"{len(same)} sentences")
flat = np.concatenate([a["labels"] for a in lesson["train"]])
pieces, words = sum(flat >= 0), sum(len(r["tokens"]) for r in entities["train"])
run.check("pieces >= words", pieces >= words, f"{pieces:,} and {words:,}")
run.check("ignored = [CLS] and [SEP]", sum(flat == -100) == 2 * len(same))

# %% [markdown]
# Here is a sentence in pieces with their labels. Sentences of unequal length need equally many labels: the token-level collator fills them up with -100, too.

# %% tags=["c11.24", "c11.25"]
from transformers import DataCollatorForTokenClassification

pad_tokens = DataCollatorForTokenClassification(tokenizer)
batch = pad_tokens(lesson["train"][:4])
shown = zip(tokenizer.convert_ids_to_tokens(batch["input_ids"][0]), batch["labels"][0])
print(*(f"{piece} {BIO[x] if x >= 0 else x}" for piece, x in shown), sep=" | ")
with torch.no_grad():
    out, counted = tagger(**batch), batch["labels"] >= 0
chances = out.logits.log_softmax(dim=-1)[counted]
ours = -chances.gather(1, batch["labels"][counted][:, None]).mean()
run.check("loss = mean over the rest", torch.isclose(ours, out.loss, atol=1e-6))
run.check("padding has -100", (batch["labels"][batch["attention_mask"] == 0] < 0).all())

# %% [markdown]
# ### Training, and what to compare with
#
# A name is right if its start, its end *and* its type are. Precision, recall and F1 of chapter 4, taken over **spans**, are what the package `seqeval` computes. The `Trainer` calls `compute_metrics` on validation after every epoch. The lower blocks stay frozen, as in section 2.

# %% tags=["c11.27"]
from seqeval.metrics import f1_score

EPOCH_F1 = []


def compute_metrics(outcome):
    """Span F1 over the labelled pieces; kept for later."""
    said, true = outcome.predictions.argmax(axis=-1), outcome.label_ids
    pairs = [(a[b >= 0], b[b >= 0]) for a, b in zip(said, true)]
    said, true = ([[BIO[x] for x in row] for row in side] for side in zip(*pairs))
    EPOCH_F1.append(f1_score(true, said))
    return {"span_f1": EPOCH_F1[-1]}

# %% tags=["c11.26", "c11.27", "nbval-ignore-output"]
below = [f".layer.{i}." for i in range(int(BLOCKS * NER_FROZEN))]
_ = fit(tagger, lesson["train"], pad_tokens, epochs=NER_EPOCHS, rate=NER_RATE,
        frozen=["embeddings.", *below], eval_dataset=lesson["validation"],
        compute_metrics=compute_metrics)  # fmt: skip
run.check("one score for every epoch", len(EPOCH_F1) == NER_EPOCHS)
print("span F1 on validation:", *(f"{f:.2f}" for f in EPOCH_F1))

# %% [markdown]
# Who marks nothing scores 0. A better baseline is a **dictionary**: the names of the training sentences, each with its most frequent type; the longest that fits wins. Span F1 by hand: count what is right, marked, found; twice the right, divided by the sum of the others.

# %% tags=["c11.26"]
known = {}
for row in entities["train"]:
    for start, end, kind in gold(row):
        known.setdefault(tuple(row["tokens"][start:end]), Counter())[kind] += 1


def look_up(row):
    """The dictionary's names in a sentence, longest first."""
    words, spans, i = row["tokens"], [], 0
    while i < len(words):
        ends = [j for j in range(len(words), i, -1) if tuple(words[i:j]) in known]
        if ends:
            kind = known[tuple(words[i : ends[0]])].most_common(1)[0][0]
            spans.append((i, ends[0], kind))
        i = ends[0] if ends else i + 1
    return spans

# %% tags=["c11.26", "c11.27"]
@torch.no_grad()
def recognise(row):
    """The spans that the tagger sees; a word's first piece speaks for it."""
    ids = tokenizer(row["tokens"], is_split_into_words=True, truncation=True,
                    return_tensors="pt").to(tagger.device)  # fmt: skip
    said, labels = tagger(**ids).logits[0].argmax(dim=-1).tolist(), {}
    for word, label in zip(ids.word_ids(), said):
        labels.setdefault(word, BIO[label])
    return to_spans([labels.get(w, "O") for w in range(len(row["tokens"]))])


def counts(true, found):
    """Per sentence: spans right, marked, found."""
    return np.array([[len({*t} & {*f}), len(t), len(f)] for t, f in zip(true, found)])


def span_f1(rows):
    """F1 of such counts."""
    right, marked, found = rows.sum(axis=0)
    return 2 * right / max(marked + found, 1)


def ahead(rows, others):
    """Its lead."""
    return span_f1(rows) - span_f1(others)


def wrapped(labels):
    """Each label as a sentence of its own: the wrong way, see section 6."""
    return [[label] for row in labels for label in row]


readers = {"fine-tuned": recognise, "dictionary": look_up, "nothing": lambda row: []}

# %% [markdown]
# On the test sentences, once, with intervals (whole sentences resampled):

# %% tags=["c11.26", "c11.27"]
true = [gold(r) for r in entities["test"]]
found = {name: [read(r) for r in entities["test"]] for name, read in readers.items()}
NER = {name: counts(true, spans) for name, spans in found.items()}
sizes = [len(r["tokens"]) for r in entities["test"]]
real = [[*map(to_bio, sizes, spans)] for spans in (true, found["fine-tuned"])]
run.check("by hand = seqeval", np.isclose(span_f1(NER["fine-tuned"]), f1_score(*real)))

# %% tags=["c11.26", "c11.27"]
rows = [[span_f1(c), *interval(span_f1, c, resamples=RESAMPLES)] for c in NER.values()]
scores = pd.DataFrame(rows, [*NER], ["F1", "low", "high"])
pair = NER["fine-tuned"], NER["dictionary"]
run.check("5 points above the dictionary or more", ahead(*pair) >= GOALS["names"])

# %% tags=["c11.26", "c11.27", "nbval-ignore-output"]
plain = [c[[not r["ambiguous"] for r in entities["test"]]] for c in pair]
for what, two in {"its lead": pair, "without twofold names": plain}.items():
    print(what, *(f"{v:.2f}" for v in [ahead(*two), *interval(ahead, *two)]))
scores.round(2)

# %% [markdown]
# The dictionary is no straw man: many names recur. And look at the last line: half of the test sentences were written to mislead it (section 6), and *without them no lead is left*.
#
# ## 6 · Score spans, not tokens
#
# It is tempting to count labels: they are many, and most are easy. And `seqeval` has a trap: it wants *sentences*, lists of labels. Whoever hands it each label as a sentence of its own scores tokens under the name of spans. Four names, of which the third comes out a word too long and the fourth a word too short; then our test sentences:

# %% tags=["c11.28"]
marked = [(0, 2, "PER"), (3, 5, "LOC"), (7, 10, "ORG"), (11, 13, "PER")]
said = [(0, 2, "PER"), (3, 5, "LOC"), (6, 10, "ORG"), (11, 12, "PER")]
toy = [[to_bio(14, spans)] for spans in (marked, said)]
by_span, by_token = f1_score(*toy), f1_score(*map(wrapped, toy))
run.check("two of four spans", by_span == 0.5, f"{by_span:.2f}")
run.check("wrapped: 8 of 9 labels", np.isclose(by_token, 8 / 9), f"{by_token:.2f}")

# %% tags=["c11.28", "nbval-ignore-output"]
by_span, by_token = f1_score(*real), f1_score(*map(wrapped, real))
run.check("wrapped flatters", by_span <= by_token, f"{by_span:.2f} and {by_token:.2f}")
agree = np.concatenate(real[0]) == np.concatenate(real[1])
print(f"labels right, O among them: {agree.mean():.2f}")

# %% [markdown]
# The same answers, three scores; only the first says how many names one can use. Three test sentences with a name of two readings, from those that mislead the dictionary:

# %% tags=["c11.29"]
INK = dict(zip(TYPES, plots.PALETTE))


def colour_names(ax, row, lines):
    """A sentence once per entry of `lines` {who: spans}, its names in colour."""
    starts = np.cumsum([0] + [len(word) + 1 for word in row["tokens"]])
    for level, (who, spans) in enumerate(lines.items()):
        for at, word in zip(starts, row["tokens"]):
            ax.text(at, level, word, family="monospace", fontsize=9, va="center")
        for start, end, kind in spans:
            ax.barh(level, starts[end] - starts[start] - 1, left=starts[start],
                    height=0.8, color=INK[kind], alpha=0.4)  # fmt: skip
    ax.set(xlim=(-1, 92), ylim=(len(lines) - 0.4, -0.6), xticks=[])
    ax.set_yticks(range(len(lines)), lines)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def reads(i, spans):
    """Is the twofold name of test sentence i found with its type?"""
    row = entities["test"][i]
    asked = {(a, b, kind) for a, b, kind in true[i]
             if row["ambiguous"] in " ".join(row["tokens"][a:b])}  # fmt: skip
    return len(asked) > 0 and asked <= {*spans}

# %% tags=["c11.29"]
twofold = [i for i, r in enumerate(entities["test"]) if r["ambiguous"]]
misled = [i for i in twofold if {*found["dictionary"][i]} - {*true[i]}]
three = [i for i in misled if len(entities["test"][i]["text"]) < 80][:3]
figure, axes = plt.subplots(3, figsize=(9, 3.3))
for ax, i in zip(axes, three):
    systems = {name: found[name][i] for name in ("fine-tuned", "dictionary")}
    colour_names(ax, entities["test"][i], {"marked": true[i]} | systems)
patches = [plt.Rectangle((0, 0), 1, 1, color=INK[k], alpha=0.4) for k in TYPES]
figure.legend(patches, TYPES, ncol=4, loc="outside upper right")
plots.show(figure, "Three sentences, names coloured by type: marked, by two systems.")
heard = {name: np.mean([reads(i, found[name][i]) for i in twofold]) for name in found}
run.check("the dictionary: at most half", heard["dictionary"] <= 0.5)
more = heard["fine-tuned"] - heard["dictionary"]
run.check("the model: more, and clearly", more >= GOALS["twofold"])

# %% [markdown]
# **Figure 6.** Names in colour by type: as marked, and as fine-tuned model and dictionary say. A dictionary has one answer per name; the model reads the sentence, not always rightly.
#
# Thirty test sentences, half of all, hold such a *twofold* name: a person here, a firm elsewhere, mostly in training, so the dictionary has the other reading. How many get the right span and type? And names that training never had?

# %% tags=["c11.29", "c11.31", "nbval-ignore-output"]
def table_of(name):
    """Span F1 with its interval for each of the parts."""
    both = [(only(keep, true), only(keep, found[name])) for keep in parts.values()]
    rows = [counts(*pair) for pair in both]
    return [(span_f1(c), *interval(span_f1, c, resamples=RESAMPLES)) for c in rows]


def only(keep, spans):
    """Of each test sentence's spans those that `keep` (their words, their type)."""
    return [[s for s in some if keep(tuple(r["tokens"][s[0] : s[1]]), s[2])]
            for r, some in zip(entities["test"], spans)]  # fmt: skip


parts = {kind: lambda words, of, kind=kind: of == kind for kind in TYPES}
parts |= {"seen names": lambda words, of: words in known,
          "unseen names": lambda words, of: words not in known}  # fmt: skip
met, new = (counts(only(parts[p], true), only(parts[p], found["fine-tuned"]))
            for p in ("seen names", "unseen names"))  # fmt: skip
names_of = [f"{part} ({sum(map(len, only(keep, true)))})"
            for part, keep in parts.items()]  # fmt: skip
ends = [ahead(met, new), *interval(ahead, met, new, resamples=RESAMPLES)]
print("seen above unseen, the model:", *(f"{v:.2f}" for v in ends))
print("twofold names right:", {name: f"{share:.2f}" for name, share in heard.items()})

# %% tags=["c11.29", "c11.31"]
figure, axes = plt.subplots(1, 2, figsize=(9, 2.7), sharey=True)
for ax, name in zip(axes, ("fine-tuned", "dictionary")):
    plots.bars(ax, names_of, *zip(*table_of(name)), title=name)
    ax.set(xlim=(0, 1.25), xticks=np.arange(0, 1.1, 0.2), xlabel="span F1 on test")
plots.show(figure, "Span F1 by type and for seen and unseen names, of two systems.")

# %% [markdown]
# **Figure 7.** Span F1 with 95 % intervals; in brackets the number of marked spans. The model's clearest lead is on persons, whom the dictionary often takes for something else of that name; on organisations the dictionary stands higher. (A seen name cut wrongly counts as a false alarm among the *unseen*.) Unseen names, lost to the dictionary, are often found, but less often than seen ones. The laptop's model reads lower case only: the capital, a name's plainest mark, is lost on it.
#
# ### Names out of running text
#
# In use, nobody has cut the words. `pipeline` cuts, labels, and merges pieces into names. Its strategy *simple* trusts each piece, so a word may be torn; with *first* a word's first piece speaks for all. By hand:

# %% tags=["c11.30"]
def merged(text):
    """(start, end, type), in characters, of the names in a text."""
    ids = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    where, words = ids.pop("offset_mapping")[0].tolist(), {}
    with torch.no_grad():
        said = tagger(**ids.to(tagger.device)).logits[0].argmax(dim=-1).tolist()
    for word, label, (start, end) in zip(ids.word_ids(), said, where):
        if word is not None:
            words.setdefault(word, [start, end, BIO[label]])[1] = end
    words = [*words.values()]
    spans = to_spans([label for *_, label in words])
    return [(words[a][0], words[b - 1][1], kind) for a, b, kind in spans]


def by_pipeline(texts, how):
    """The same from the library."""
    find = pipeline("token-classification", tagger, tokenizer=tokenizer,
                    aggregation_strategy=how)  # fmt: skip
    return [[(e["start"], e["end"], e["entity_group"]) for e in row]
            for row in find(texts)]  # fmt: skip


some = [r["text"] for r in entities["test"][:50]]

# %% tags=["c11.30", "nbval-ignore-output"]
first, simple = by_pipeline(some, "first"), by_pipeline(some, "simple")
run.check("by hand = pipeline, first", [*map(merged, some)] == first, "50 texts")
differ = [i for i in range(len(some)) if first[i] != simple[i]][:1]
for how, rows in (("first", first), ("simple", simple)):
    print(f"{how:7}", [f"{k}: {some[i][a:b]}" for i in differ for a, b, k in rows[i]])
print(*[some[i] for i in differ])

# %% [markdown]
# In the case shown *simple* breaks *Wyke* in two; *first* does not, but takes the verb for a name. Cut names out of the *text*, by their characters: joined pieces would come in lower case, with gaps at hyphens.
#
# ## Is it any good?
#
# Sentiment on the test reviews (macro F1; TF-IDF, the counted words of chapter 4, learns from the same reviews as *full*), names on the test sentences (span F1):

# %% tags=["nbval-ignore-output"]
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

counted = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression())
counted.fit([texts["train"][i] for i in taught], y["train"][taught])
BOARD["TF-IDF + logistic"] = counted.predict(texts["test"])
good = {"sentiment": scored([*BOARD]).sort_values("F1"), "names": scores[::-1]}
good = pd.concat(good)
full, lazy = good.loc[("sentiment", "full")], good.loc[("sentiment", "majority")]
run.check("full is above the majority, intervals and all", full.low > lazy.high)
good.round(2)

# %% [markdown]
# Overlap settles nothing: to compare two rows, ask `duel`. Full training leads; counted words are level with the middle of the field.
#
# ## Where it fails
#
# **Contrast.** The share of right answers for plain reviews and for those flagged *hard* (negation, contrast, irony: "good cast, dull film"), with the interval of the latter. **Names.** Sentences of our own with a trap each: a common word at the start, names without capitals, a word that is also a name.

# %% tags=["nbval-ignore-output"]
hard = np.array([r["hard"] for r in raw["test"] if r["label"] in LABELS])
for name in ("full", "SetFit, 32", "TF-IDF + logistic"):
    hit = 1.0 * (BOARD[name] == truth)
    ends = np.round(interval(np.mean, hit[hard], resamples=RESAMPLES), 2)
    print(f"{name}: plain {hit[~hard].mean():.2f}, hard {hit[hard].mean():.2f} {ends}")

TRAPS = ["Hope was all they had left.", "Hope signed the letter in April.",
         "The turkey was burnt.", "turkey beat denmark in extra time",
         "Rust and frost ruined the bridge.", "may we meet, asked may"]  # fmt: skip
for text in TRAPS:
    print(text, "->", [f"{kind}: {text[a:b]}" for a, b, kind in merged(text)])

# %% [markdown]
# On hard reviews all lose much: SetFit falls to a coin, and full training, far ahead on plain ones, is hardly above counted words. As for names, the sentence tells *Hope* the person from hope; but *turkey* and *denmark* come out as MISC (we mark teams LOC), and *may*, a person, not at all. Capitals would change nothing: this model lowers every text.
#
# ## Summary
#
# Here an encoder learned best when all of it moved; with few labels, good vectors and a plain classifier are hard to beat; and where every token has a label, whole names are what counts.
#
# - **Full training** moves every weight: F1 0.85 on the laptop, where frozen vectors have 0.77. With all blocks frozen it is 0.73, with two free 0.79.
# - **Thirty-two labels**: which ones they are matters as much as the method. SetFit (0.73) beats plain fine-tuning (0.64) on the same ones; that it beats frozen vectors (0.70) is not shown.
# - **More reading** of your domain lowers perplexity by a quarter, makes the model forget, and need not help the task: test it, with more than one seed.
# - **NER** is one label per piece: BIO, alignment, -100. Span F1 0.77, a dictionary's 0.64; all of the lead comes from names with two readings.
# - **Score spans.** On a toy, 0.50 by spans is 0.89 by wrapped labels.
#
# **Key terms.** *head and body* · *collator* · *freezing* · *SetFit* · *contrastive training* · *continued pre-training* · *masked language modelling* · *perplexity* · *whole-word masking* · *named entity* · *BIO* · *alignment* · *span F1*
#
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** All weights of `tuned` moved. Which part moved farthest, relative to its size: embeddings, one of the blocks, or the head?
#
# <details><summary>Hint</summary>
#
# `named_parameters()` of `fresh` and `tuned` come in the same order. Sum squared differences and squared weights per part.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# import re
#
# far = {}
# for (name, old), new in zip(fresh.named_parameters(), tuned.parameters()):
#     block = re.search(r"layer\.(\d+)\.", name)
#     inside = "embeddings" if "embeddings" in name else "pooler and head"
#     sums = far.setdefault(f"block {block[1]}" if block else inside, [0, 0])
#     old, new = old.detach().cpu(), new.detach().cpu()
#     sums[0] += (new - old).square().sum().item()
#     sums[1] += old.square().sum().item()
# for part, (moved, size) in far.items():
#     print(f"{part}: {(moved / size) ** 0.5:.4f}")
# ```
#
# The head, which began at random, moves farthest; among the blocks the upper ones do. Word embeddings move least as a whole: of thirty thousand words only those in the lessons have a gradient.
#
# </details>
#
# <br>
#
# **Exercise 2 (\*\*)** Between frozen and free lies *layer-wise learning rates*: each block learns at a fraction of the rate of the one above. Is that better on validation than one rate for all? Try 1 and 0.3 on the upper blocks that section 3 trains.
#
# <details><summary>Hint</summary>
#
# `torch.optim.AdamW` takes groups, `{"params": ..., "lr": ...}`; `fit(..., optimizers=(optimizer, None))` hands it to the `Trainer`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# answered, held2 = {}, stored(encoded(reviews["validation"]), [LAST])
# for factor in (1, 0.3):
#     layered = shortened(classifier(), LAST)
#     stack = [*layered.base_model.encoder.layer]
#     groups = [{"params": block.parameters(), "lr": RATE * factor ** (len(stack) - 1 - i)}
#               for i, block in enumerate(stack)]
#     inside = {id(p) for block in stack for p in block.parameters()}
#     groups.append({"params": [p for p in layered.parameters() if id(p) not in inside], "lr": RATE})
#     _ = fit(layered, shelf["train"], states_at(LAST), optimizers=(torch.optim.AdamW(groups), None))
#     answered[factor] = answers(layered, held2, states_at(LAST))
#     print(factor, round(f1(y["validation"], answered[factor]), 2))
# pair2 = answered[0.3], answered[1]
# print(np.round(interval(gain, y["validation"], *pair2, resamples=RESAMPLES), 2))
# ```
#
# If the interval of the difference includes 0, these reviews cannot tell. With many blocks, few labels and long training, slow lower blocks are an insurance against forgetting.
#
# </details>
#
# <br>
#
# **Exercise 3 (\*\*)** SetFit with three classes: bring back the *neutral* reviews, 16 per class, and compare with a logistic regression on the frozen vectors, on validation.
#
# <details><summary>Hint</summary>
#
# `pairs_of`, `contrast` and `embed` take any number of classes; `raw` and `vectors` still hold all reviews.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# marks3 = {s: np.array(raw[s]["label"]) for s in raw}
# classes3, picks = sorted({*marks3["train"]}), np.random.default_rng(run.seed)
# rows3 = np.concatenate([picks.choice(np.flatnonzero(marks3["train"] == c), 16, False)
#                         for c in classes3])
#
# def shelved(split, rows):
#     label_of = [classes3.index(c) for c in marks3[split]]
#     some = [{"text": raw[split][int(i)]["text"], "label": label_of[i]} for i in rows]
#     return stored(encoded(some), [LAST])
#
# items3, held3 = shelved("train", rows3), shelved("validation", range(len(marks3["validation"])))
# labels3, body3 = np.array([r["label"] for r in items3]), shortened(fresh, LAST).base_model
# optimizer = torch.optim.AdamW(body3.parameters(), lr=PAIR_RATE)
# for _ in range(PAIR_STEPS):
#     contrast(embed(body3, items3), labels3).backward()
#     optimizer.step()
#     optimizer.zero_grad()
# sides = {"SetFit": (read(body3, items3), read(body3, held3)),
#          "frozen": (vectors["train"][rows3], vectors["validation"])}
# true3 = [r["label"] for r in held3]
# for name, (seen3, new3) in sides.items():
#     print(name, round(macro_f1(true3, LogisticRegression().fit(seen3, labels3).predict(new3)), 2))
# ```
#
# Neutral reviews are few in validation, and decide a third of the score: draw several times before you believe an order. (The book profile has no neutral reviews: two classes.)
#
# </details>
#
# <br>
#
# **Exercise 4 (\*)** Did reading reviews make the model better or worse at *papers*? Measure the perplexity of 200 titles before and after, with an interval of the change.
#
# <details><summary>Hint</summary>
#
# `held_out(cut(...))` and `gap_losses`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# on_papers = held_out(cut([r["title"] for r in papers[:200]]))
# paper_loss = [gap_losses(m, on_papers) for m in (before, after)]
# print("perplexity:", [f"{np.exp(x.mean()):.0f}" for x in paper_loss])
# print("change of the loss:", np.round(interval(np.mean, paper_loss[1] - paper_loss[0]), 2))
# ```
#
# Reviews and papers have in common what stories lack, verdicts and abstract nouns, and have few quotations. Whether that outweighs what was forgotten, the interval says: in the laptop profile it includes 0.
#
# </details>
#
# <br>
#
# **Exercise 5 (\*\*)** BILOU marks more than BIO: L is the last word of a name, U a name of one word. Write `to_bilou` and its way back, test the round trip, and count how often each mark occurs. Two names that touch, with the B of the second lost: which scheme still tells them apart?
#
# <details><summary>Hint</summary>
#
# In BIO a lost B makes one name of two. In BILOU the first name has already ended.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def to_bilou(size, spans):
#     marks = ["O"] * size
#     for start, end, kind in spans:
#         inner = ["U"] if end - start == 1 else ["B", *"I" * (end - start - 2), "L"]
#         marks[start:end] = [f"{mark}-{kind}" for mark in inner]
#     return marks
#
# def from_bilou(marks):
#     spans, start = [], None
#     for i, mark in enumerate(marks):
#         if mark[0] in "BU" or (mark[0] in "IL" and start is None):
#             start = i
#         if mark[0] in "LU":
#             spans.append((start, i + 1, mark[2:]))
#         if mark[0] in "LUO":
#             start = None
#     return spans
#
# assert all(from_bilou(to_bilou(len(r["tokens"]), gold(r))) == gold(r) for r in everything)
# print(Counter(m[0] for r in everything for m in to_bilou(len(r["tokens"]), gold(r))))
# touching = [(0, 2, "PER"), (2, 4, "PER")]
# bio_lost, bilou_lost = to_bio(4, touching), to_bilou(4, touching)
# bio_lost[2] = bilou_lost[2] = "I-PER"
# print("BIO:", to_spans(bio_lost), "BILOU:", from_bilou(bilou_lost))
# ```
#
# BILOU tells them apart. The price: seventeen labels instead of nine, some of them rare, to be learned from the same sentences.
#
# </details>
#
# <br>
#
# **Exercise 6 (\*\*\*)** A second opinion: let the dictionary add its names wherever the model marked nothing. Does span F1 rise on validation? Decide there, then look at test, once, with a paired interval.
#
# <details><summary>Hint</summary>
#
# Two spans overlap if each starts before the other ends. `interval` takes two columns of counts and resamples their rows together.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def second_opinion(said, extra):
#     free = [e for e in extra if all(e[1] <= s[0] or s[1] <= e[0] for s in said)]
#     return sorted(said + free)
#
# def more(new, old):
#     return span_f1(new) - span_f1(old)
#
# for split in ("validation", "test"):
#     said = [recognise(r) for r in entities[split]]
#     both_said = [second_opinion(s, look_up(r)) for s, r in zip(said, entities[split])]
#     old, new = (counts([gold(r) for r in entities[split]], x) for x in (said, both_said))
#     print(split, round(more(new, old), 3), np.round(interval(more, new, old), 3))
# ```
#
# The dictionary knows exactly the names that the model learned from, and is wrong on those with two readings. What it adds, the model mostly knows already: a gain of half a point on validation, chosen, does not return on test.
#
# </details>
#
# <br>
#
# [previous: 10 · Creating text embedding models](10_embedding_models.ipynb) | [contents](README.md)

# %% tags=["nbval-ignore-output"]
run.report()
