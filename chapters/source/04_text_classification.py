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
# # 4 · Text classification
#
# **With the same reviews, what do you gain from a ready-made classifier, from frozen text vectors, or from asking a generative model?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/04_text_classification.ipynb) · about 100 seconds on two free cores (busy ones take longer) and 1.5 GiB of memory; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **compute** precision, recall and F1 from counts, and say when accuracy misleads (section 2, exercise 1);
# - **train** a classifier on frozen text vectors, and say how many labels it takes (section 3, exercise 4);
# - **classify** without a labelled text, by describing the labels in words (section 4, exercise 2);
# - **ask** a generative model, through an API or on your own machine, and score what it writes (sections 6 and 7, exercise 3);
# - **compare** systems by intervals and paired tests instead of the second decimal (sections 2 and 8, exercises 2 and 5).

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

run = chapter.start(4)

# %%
# Every knob of this chapter
LABEL_COUNTS = [8, 32, 128, 600]  # labelled reviews to learn from (section 3)
LABEL_COUNTS += run.pick(laptop=[], book=[2400])
DRAWS = 5  # random draws of that many reviews
RESAMPLES = 1000  # bootstrap resamples behind every interval
TUNED_ON = run.pick(laptop=700, book=2000)  # at most so many reviews (section 5)
EPOCHS = run.pick(laptop=3, book=1, long=10)  # passes over them; long: with LONG=1
ASKED = 150  # test reviews through the API (section 7): quick, cheap if billed
PRICE_IN, PRICE_OUT = 0.15, 0.60  # US dollars per million tokens; look up today's
PRICE_PER_HOUR = 0.05  # of this machine, US dollars (section 8)

# %% [markdown]
# ## The result first
#
# Three models do most of the work (section 7 brings two more): a classifier trained before we came; an *encoder*, which turns a text into a vector (a list of numbers, also called an **embedding**) such that similar texts get similar vectors; T5, which writes. The **profile** *laptop* has small models that ship with the notebook, *book* (`HANDSON_PROFILE=book`) the book's own. A line with ✓ is a claim tested just now.

# %%
import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, pipeline

reviews = corpora.load("reviews")
spec, ready, writer = map(models.find, ["embedder", "sentiment", "seq2seq"])
print(spec, ready, writer, sep="\n")
# LoRA is section 5, a prefix section 6; bf16, in the first line, a 16-bit number format

# %%
encoder = SentenceTransformer(spec.path, **spec.options)
vectors = corpora.vectors("reviews", spec, encoder.encode)  # stored: encoded only once
classify = pipeline("text-classification", ready.path)
t5 = AutoModelForSeq2SeqLM.from_pretrained(writer.path, **writer.options)
t5_tokenizer = AutoTokenizer.from_pretrained(writer.path)

# %% [markdown]
# We keep the *positive* and *negative* reviews (neutral: exercise 5). For each split `s`: `X` holds the vectors, `y` the labels, `hard` marks reviews whose surface misleads.

# %%
LABELS = ["negative", "positive"]
keep = {s: np.flatnonzero(np.isin(reviews[s]["label"], LABELS)) for s in reviews}
X = {s: vectors[s][keep[s]] for s in keep}
text = {s: [reviews[s]["text"][i] for i in keep[s]] for s in keep}
y = {s: np.array(reviews[s]["label"])[keep[s]] for s in keep}
hard = {s: np.array(reviews[s]["hard"], dtype=bool)[keep[s]] for s in keep}

# %% [markdown]
# Six validation reviews, two plain and four hard, meet five systems. Three read the encoder's vectors: one learned a weight per number (section 3), one takes the class whose average is nearest, one the nearest description (section 4). T5 is simply asked.

# %%
from sklearn.linear_model import LogisticRegression


def unit(rows):
    """Rows scaled to length 1, so that a dot product is a cosine."""
    return np.asarray(rows) / np.linalg.norm(rows, axis=-1, keepdims=True)


logistic = LogisticRegression().fit(X["train"], y["train"])
averages = unit([X["train"][y["train"] == c].mean(axis=0) for c in LABELS])
described = unit(encoder.encode(["A negative review", "A positive review"]))

# %%
QUESTION = "Is this review positive or negative?"


def t5_writes(texts, tokens=8):
    """What T5 writes for each of `texts`, `tokens` tokens at most."""
    ids = t5_tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    out = t5.generate(**ids.to(t5.device), max_new_tokens=tokens)
    return t5_tokenizer.batch_decode(out, skip_special_tokens=True)

# %%
import matplotlib.pyplot as plt

flag, label = hard["validation"], y["validation"]
six = [np.flatnonzero(~flag & (label == c))[0] for c in LABELS]  # one of each label
six += [i for c in LABELS for i in np.flatnonzero(flag & (label == c))[:2]]
x6, t6 = X["validation"][six], [text["validation"][i] for i in six]
answers = {
    "ready-made classifier": [answer["label"] for answer in classify(t6)],
    "vectors + logistic fit": logistic.predict(x6),
    "vectors + averages": np.take(LABELS, (x6 @ averages.T).argmax(axis=1)),
    "vectors + label texts": np.take(LABELS, (x6 @ described.T).argmax(axis=1)),
    "T5, asked": t5_writes([f"{QUESTION} {t}" for t in t6]),
}
figure, ax = plt.subplots(figsize=(9.5, 4.2))
plots.verdicts(ax, t6, label[six], answers)
plots.show(figure, "Six reviews as rows, five systems as columns; right answers green.")

# %% [markdown]
# **Figure 1.** Six reviews, their label in grey, five answers: green with + is right, red with x is wrong. The last four are *hard*: negation, contrast or irony.
#
# The fit and the averages learned from labels here, the label texts from none; the ready-made classifier and T5 before we came: in the laptop profile from thousands of film reviews, our `train` split among them. *Guess: over all test reviews, how many points (hundredths of F1; for now read "accuracy") lie between the ready-made classifier and the label texts? And who loses most when reviews get hard?*
#
# ## 1 · A ready-made classifier needs no training, but it brings its own labels
#
# **The task.** A review goes in, a *label* comes out. The laptop's reviews were written for this project (`data/texts/reviews.md`); the book's are *rotten_tomatoes*. We learn from the *split* `train`, choose on `validation`, report on `test`. Whoever chooses on test flatters the winner.

# %% tags=["c4.01"]
import pandas as pd

counts = {s: pd.Series(part["label"]).value_counts() for s, part in reviews.items()}
table = pd.DataFrame(counts)
table.assign(share=(table.sum(axis=1) / table.to_numpy().sum()).round(3))

# %% [markdown]
# Does a test review stand in another split? *Fingerprints* (hashes of the bare letters and digits) find copies; paraphrases would be similar by the **cosine** of their vectors' angle: 1 is the same direction.

# %% tags=["c4.01"]
prints = {s: {corpora.fingerprint(t) for t in reviews[s]["text"]} for s in reviews}
elsewhere = prints["train"] | prints["validation"]
run.check("no test review is in another split", not prints["test"] & elsewhere)
twins = unit(X["test"]) @ unit(np.vstack([X["train"], X["validation"]])).T
print(f"most similar test review and other review: cosine {twins.max():.2f}")

# %% [markdown]
# What scores the laziest system, the **majority baseline**, which always gives training's most frequent label (of equals the first, as here)?

# %% tags=["c4.01"]
from sklearn.dummy import DummyClassifier

truth = y["test"]
lazy = np.full(len(truth), max(LABELS, key=list(y["train"]).count))
library = DummyClassifier(strategy="most_frequent").fit(X["train"], y["train"])
run.check("by hand = DummyClassifier", np.array_equal(lazy, library.predict(X["test"])))
print(f"always '{lazy[0]}': {np.mean(lazy == truth):.1%} of {len(truth)} are right")

# %% [markdown]
# ### What the pipeline does
#
# `pipeline("text-classification")` hides four steps: cut the text into *tokens* (words and pieces of words), run the model, take the **logits** (one raw score per label), turn them into probabilities with the **softmax**: the exponential of each, divided by their sum. Logits 0, 0 and ln 2 give 1, 1 and 2, so a quarter, a quarter and a half. Label names come from `config.id2label`, never from memory.

# %% tags=["c4.04"]
import torch


def softmax(logits):
    """Probabilities along the last axis; the maximum is taken off to avoid overflow."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


softmax(np.array([0, 0, np.log(2)])).round(2)

# %% tags=["c4.04"]
def probabilities(texts):
    """Softmax over all labels, shape (texts, labels), without the pipeline."""
    ids = classify.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = classify.model(**ids.to(classify.device)).logits
    return softmax(logits.float().cpu().numpy())

# %% tags=["c4.04"]
names = [name for _, name in sorted(classify.model.config.id2label.items())]
fifty = text["validation"][:50]
said = [{a["label"]: a["score"] for a in row} for row in classify(fifty, top_k=None)]
library = [[row[name] for name in names] for row in said]
same = np.allclose(probabilities(fifty), library, atol=1e-5)
run.check("softmax by hand = pipeline", same, f"{len(fifty)} reviews")

# %% [markdown]
# ### Its third class
#
# This classifier knows *neutral*, and our question does not. **Keep** it, and every "neutral" is wrong. Or **drop** it, and compare the two other probabilities.

# %% tags=["c4.05"]
batches = [text["test"][i : i + 64] for i in range(0, len(truth), 64)]
chances = np.vstack([probabilities(batch) for batch in batches])
kept = np.take(names, chances.argmax(axis=1))
two_chances = chances[:, [names.index(c) for c in LABELS]]
dropped = np.take(LABELS, two_chances.argmax(axis=1))
print(f"labels {', '.join(names)}; answered neutral: {np.mean(kept == 'neutral'):.1%}")

# %% tags=["c4.05"]
from sklearn.metrics import confusion_matrix


def confusion(answer, columns):
    """Counts of truth (rows) against answer (columns)."""
    counted = [[sum((truth == r) & (answer == c)) for c in columns] for r in LABELS]
    return np.array(counted)


kept_table, dropped_table = confusion(kept, names), confusion(dropped, LABELS)
library = confusion_matrix(truth, dropped, labels=LABELS)
same = np.array_equal(dropped_table, library)
run.check("by hand = confusion_matrix", same)
run.check("with neutral, too, every review is counted", kept_table.sum() == len(truth))
figure, axes = plt.subplots(1, 2, figsize=(8.5, 2.6), width_ratios=[3, 2])
plots.heat(axes[0], kept_table, LABELS, names, "{:.0f}", "neutral kept")
plots.heat(axes[1], dropped_table, LABELS, LABELS, "{:.0f}", "neutral dropped")
_ = [ax.set(xlabel="(answer)", ylabel="(truth)") for ax in axes]
plots.show(figure, "Two confusion matrices: with the neutral class and without it.")

# %% [markdown]
# **Figure 2.** *Confusion matrices*: the truth in rows, the answer in columns, right where both have the same name. From here on, "ready-made" means the matrix on the right.
#
# ## 2 · Precision, recall and F1: three counts and three divisions
#
# Take one label, say *positive*: **hits** (positive, and called so; *true positives*), **misses** (positive, not called so; *false negatives*), **false alarms** (called positive, and not; *false positives*), and the rest (*true negatives*).
#
# - **Precision** = hits / (hits + false alarms): which share of what was called positive is positive?
# - **Recall** = hits / (hits + misses): which share of the positive was found?
# - **F1** = their harmonic mean, high only if both are: 2 · hits / (2 · hits + false alarms + misses)
#
# The fourth count enters **accuracy**, the share of right answers, and the other label's F1. By hand: of ten reviews six are positive, four of them were found, and one negative was called positive. Precision 4/5, recall 4/6, F1 = 8 / (8 + 1 + 2).

# %% tags=["c4.06"]
def precision_recall_f1(truth, answer, label):
    """Of one label, from hits, false alarms and misses."""
    hits = np.sum((truth == label) & (answer == label))
    alarms = np.sum((truth != label) & (answer == label))
    misses = np.sum((truth == label) & (answer != label))
    precision = hits / max(hits + alarms, 1)  # max: never divide by 0
    recall = hits / max(hits + misses, 1)
    return precision, recall, 2 * hits / max(2 * hits + alarms + misses, 1)


ten_true, ten_said = np.array([*"ppppppnnnn"]), np.array([*"ppppnnpnnn"])
by_hand = precision_recall_f1(ten_true, ten_said, "p")
run.check("4/5, 4/6 and 8/11", np.allclose(by_hand, [4 / 5, 4 / 6, 8 / 11]))

# %% [markdown]
# Of the labels' two F1 values, the **macro** mean treats both alike; the **weighted** mean counts each by its reviews.

# %% tags=["c4.06"]
parts = np.array([precision_recall_f1(truth, dropped, c) for c in LABELS])
sizes = [np.sum(truth == c) for c in LABELS]
ours = [*parts, parts.mean(axis=0), np.average(parts, axis=0, weights=sizes)]
ours = pd.DataFrame(ours, [*LABELS, "macro avg", "weighted avg"])
ours.columns = ["precision", "recall", "f1-score"]
ours.round(3)

# %% tags=["c4.06"]
from sklearn.metrics import classification_report

report = pd.DataFrame(classification_report(truth, dropped, output_dict=True)).T
library = report.loc[ours.index, ours.columns].astype(float)
run.check("by hand = classification_report", np.allclose(ours, library, atol=1e-12))

# %% [markdown]
# From now on "F1" is the macro mean. On balanced labels a fair coin gets about 0.5, a system that always gives one label 0.33; a lopsided coin, which deals a system's own answers to the reviews at random, lies between.

# %%
def f1(truth, answer):
    """Macro F1 over negative and positive."""
    return float(np.mean([precision_recall_f1(truth, answer, c)[2] for c in LABELS]))


predicted = {"majority baseline": lazy, "ready-made classifier": dropped}
lazy_or_coin = max(f1(truth, lazy), 0.5)  # what every system has to beat
print(f"majority baseline, F1: {f1(truth, lazy):.3f}")

# %%
def dealt(truth, answer):
    """Expected macro F1 if the same answers were dealt to the reviews at random."""
    shares = [(np.mean(answer == c), np.mean(truth == c)) for c in LABELS]
    return float(np.mean([2 * said * true / (said + true) for said, true in shares]))


deal = np.random.default_rng(run.seed).permutation
mean = np.mean([f1(truth, deal(kept)) for _ in range(300)])
run.check("formula = mean of 300 deals", abs(dealt(truth, kept) - mean) < 0.01)

# %% [markdown]
# ### Why accuracy is not enough
#
# Say nine reviews in ten are positive, as in many a shop. Who always says *positive* looks splendid.

# %% tags=["c4.07"]
shop = np.array(["positive"] * 90 + ["negative"] * 10)
flattery = np.full(100, "positive")
found = precision_recall_f1(shop, flattery, "negative")[2]
accuracy = np.mean(shop == flattery)
run.check("90 % right, and no complaint found", accuracy == 0.9 and found == 0)
print(f"F1 of 'negative' {found:.2f}, macro F1 {f1(shop, flattery):.2f}")

# %% [markdown]
# ### How sure can a few hundred reviews make us?
#
# Other reviews, another number. The **bootstrap** estimates how different: from *n* test reviews draw *n* with replacement (some come twice, some not at all), compute F1, do that a thousand times, keep the middle 95 %. (Training's luck is not in it.)

# %% tags=["c4.23"]
def interval(statistic, *columns, level=0.95, resamples=RESAMPLES):
    """Middle 95 % of a statistic over resamples of the rows, all columns together."""
    rng, n = np.random.default_rng(run.seed), len(columns[0])
    draws = [rng.integers(0, n, n) for _ in range(resamples)]
    values = [statistic(*(column[rows] for column in columns)) for rows in draws]
    return np.percentile(values, [50 * (1 - level), 50 * (1 + level)])

# %% tags=["c4.23"]
from utils import scores

library = scores.interval(f1, truth, dropped, resamples=RESAMPLES, seed=run.seed)
same = np.allclose(interval(f1, truth, dropped), library)
run.check("by hand = utils.scores.interval, used in later chapters", same)


def with_interval(statistic, *columns):
    """Value and interval as text."""
    low, high = interval(statistic, *columns)
    return f"{statistic(*columns):.3f}, 95 % interval {low:.3f} to {high:.3f}"


def gain(truth, answer, base):
    """F1 of one system above another's."""
    return f1(truth, answer) - f1(truth, base)


print("ready-made classifier, F1:", with_interval(f1, truth, dropped))

# %% [markdown]
# ## 3 · Frozen vectors and a logistic fit: one weight per number
#
# The encoder is a **foundation model**: trained once (*pre-training*), used for many tasks. We can leave its millions of *weights* or *parameters* as they are (*frozen*) and train something small on the vectors (a *linear probe*, this section) or nothing (section 4); or train them further (*fine-tuning*, section 5).
#
# The small thing is a **logistic regression**: one weight for each number of the vector, found by making training's right labels probable while keeping the weights small (a *penalty*). Are the stored vectors the encoder's? Does the encoder stay as it is? A hash over all its weights is the witness.

# %% tags=["c4.08"]
gap = np.abs(encoder.encode(text["test"][:32]) - X["test"][:32]).max()
run.check("stored vectors = fresh ones within 0.002", gap < 2e-3, "32 reviews")
frozen = predicted["vectors + logistic fit"] = logistic.predict(X["test"])
margin = f1(truth, frozen) - lazy_or_coin
run.check("at least 20 points over baseline and coin", margin >= 0.2)
print("logistic fit, F1:", with_interval(f1, truth, frozen))

# %% tags=["c4.03"]
import hashlib
from copy import deepcopy


def weight_hash(model):
    """One short hash over every weight of a model, in order."""
    tensors = [t.float().cpu().numpy().tobytes() for t in model.state_dict().values()]
    return hashlib.sha256(b"".join(tensors)).hexdigest()[:12]


untouched = weight_hash(encoder)
scratch = encoder.encode(text["train"][::20])  # every twentieth review
_ = LogisticRegression().fit(scratch, y["train"][::20])
run.check("encoding and fitting move no weight", weight_hash(encoder) == untouched)
nudged = deepcopy(encoder)
next(nudged.parameters()).data[0, 0] += 1
run.check("one changed number would show", weight_hash(nudged) != untouched)

# %% [markdown]
# ### What the classifier computes
#
# Multiply each number by its weight, add up, add a constant, squash the sum into a probability with the **sigmoid**: 0 gives one half, ln 3 three quarters.

# %% tags=["c4.09"]
def sigmoid(z):
    """Squash any number into (0, 1)."""
    return 1 / (1 + np.exp(-z))


print(sigmoid(0.0), round(float(sigmoid(np.log(3))), 2))

# %% tags=["c4.09"]
by_hand = sigmoid(X["test"] @ logistic.coef_[0] + logistic.intercept_[0])
column = list(logistic.classes_).index("positive")
library = logistic.predict_proba(X["test"])[:, column]
same = np.allclose(by_hand, library, atol=1e-6)
run.check("sigmoid(w · x + b) = predict_proba", same, f"{len(by_hand)} reviews")

# %% [markdown]
# ### How many labels does it take?
#
# We draw small training sets, half from each class, and score on validation. Beside the vectors stands **TF-IDF**: one number per word, larger the more often it occurs in the review and the fewer reviews have it.

# %% tags=["c4.10"]
from itertools import product

from sklearn.feature_extraction.text import TfidfVectorizer

# its list of words, though no label, comes from the whole training split
tfidf = TfidfVectorizer(sublinear_tf=True).fit(text["train"])
inputs = {"vectors": X, "TF-IDF": {s: tfidf.transform(text[s]) for s in text}}


def learned_f1(kind, count, seed):
    """Validation F1 of a logistic fit on `count` reviews, half of each class."""
    rng, x = np.random.default_rng(seed), inputs[kind]
    sides = [np.flatnonzero(y["train"] == c) for c in LABELS]
    rows = np.concatenate([rng.choice(s, count // 2, replace=False) for s in sides])
    fit = LogisticRegression().fit(x["train"][rows], y["train"][rows])
    return f1(y["validation"], fit.predict(x["validation"]))


draws = {n: range(DRAWS) for n in LABEL_COUNTS}
runs = {k: [[learned_f1(k, n, s) for s in draws[n]] for n in draws] for k in inputs}
curve = pd.DataFrame({k: np.mean(r, axis=1) for k, r in runs.items()}, LABEL_COUNTS)
run.check("more labels help both", (curve.iloc[-1] > curve.iloc[0]).all())
grid = pd.DataFrame(index=pd.Index([0.1, 1, 10, 100], name="C"), columns=inputs)
for C, kind in product(grid.index, inputs):  # validation F1, all labels
    fit = LogisticRegression(C=C, max_iter=1000).fit(inputs[kind]["train"], y["train"])
    grid.loc[C, kind] = round(f1(label, fit.predict(inputs[kind]["validation"])), 2)
print(grid)
curve.rename_axis("labelled reviews").round(2)

# %% tags=["c4.10"]
figure, ax = plt.subplots(figsize=(7.5, 3.2))
bands = {k: (np.min(r, axis=1), np.max(r, axis=1)) for k, r in runs.items()}
plots.lines(ax, LABEL_COUNTS, dict(curve), bands)
without = np.take(LABELS, (X["validation"] @ described.T).argmax(axis=1))
ax.axhline(f1(label, without), ls="--", color=plots.QUIET)
note = dict(ha="right", va="center", color="dimgray", backgroundcolor="white")
ax.text(LABEL_COUNTS[-1], f1(label, without), "label texts, 0 labelled reviews", **note)
ax.set(xscale="log", xlabel="labelled reviews", ylabel="F1 on the validation split")
ax.set_xticks(LABEL_COUNTS, LABEL_COUNTS)
ax.set_xticks([], minor=True)
plots.show(figure, "F1 against the number of labels, vectors and TF-IDF, with ranges.")

# %% [markdown]
# **Figure 3.** Mean F1 (line) and range over the draws (band) against the number of labelled reviews. With few labels the vectors lead: TF-IDF has to meet a word beside a label before it can use it. With more the order turns on these validation reviews, in the laptop profile (section 8 asks on test), and no other penalty `C` in the table serves either better. TF-IDF's heaviest words are verdicts for the most part:

# %% tags=["c4.10"]
bag = LogisticRegression().fit(inputs["TF-IDF"]["train"], y["train"])
predicted["TF-IDF + logistic fit"] = bag.predict(inputs["TF-IDF"]["test"])
ranked = tfidf.get_feature_names_out()[np.argsort(bag.coef_[0])]
print("negative:", *ranked[:14])
print("positive:", *ranked[:-15:-1])

# %% [markdown]
# ## 4 · A label can be a point in the same space
#
# Give each class the **average** of its training vectors, and a new review the class whose average has the highest **cosine** (the dot product of vectors scaled to length 1): the *nearest-centroid* classifier. In two dimensions: averages (1, 0) and (0, 1), a review at (3, 4). Its length is 5, so the cosines are 3/5 and 4/5, and the second class wins.

# %% tags=["c4.11"]
print(unit([3, 4]) @ unit([[1, 0], [0, 1]]).T)
nearest = np.take(LABELS, (unit(X["test"]) @ averages.T).argmax(axis=1))
predicted["vectors + averages"] = nearest
print("class averages, F1:", with_interval(f1, truth, nearest))

# %% tags=["c4.11"]
from sklearn.neighbors import KNeighborsClassifier

# in scikit-learn: a nearest-neighbour classifier that knows only the two averages
library = KNeighborsClassifier(1, metric="cosine").fit(averages, LABELS)
run.check("by hand = library", np.array_equal(nearest, library.predict(X["test"])))
margin, lead = f1(truth, nearest) - lazy_or_coin, f1(truth, nearest) - f1(truth, frozen)
run.check("at least 10 points over baseline and coin", margin >= 0.1)
run.check("at most 2 points above the logistic fit", lead <= 0.02)

# %% [markdown]
# ### No labelled review at all: zero-shot
#
# The *name* of a label is a text, too, so it has a vector. "A negative review" and "A positive review" in the place of the averages: that is **zero-shot classification** by embeddings. (The averages do need labels.)

# %% tags=["c4.12"]
def zero_shot(vectors, *descriptions):
    """The label whose description points in the most similar direction."""
    cosines = unit(vectors) @ unit(encoder.encode(list(descriptions))).T
    return np.take(LABELS, cosines.argmax(axis=1))

# %% tags=["c4.12"]
guessed = zero_shot(X["test"], "A negative review", "A positive review")
predicted["vectors + label texts"] = guessed
hits = guessed == truth
run.check("zero-shot beats a coin, interval and all", interval(np.mean, hits)[0] > 0.5)
print("accuracy:", with_interval(np.mean, hits), "| F1:", round(f1(truth, guessed), 3))

# %% [markdown]
# ### The label text is a choice
#
# Compare on *validation*, and take only the winner to the test split.

# %% tags=["c4.13"]
wordings = {
    "a ... review": ("A negative review", "A positive review"),
    "one word": ("negative", "positive"),
    "bad / good film": ("This film is bad", "This film is good"),
    "hated / loved": ("I hated it, a waste of time", "I loved it, it was wonderful"),
    "advice": ("Do not go and see it", "Go and see it"),
}
tries = {name: zero_shot(X["validation"], *pair) for name, pair in wordings.items()}
rows = {name: [f1(label, a), *interval(f1, label, a)] for name, a in tries.items()}
tried = pd.DataFrame(rows, ["F1", "low", "high"]).T
tried["said positive"] = [np.mean(a == "positive") for a in tries.values()]
tried["dealt at random"] = [dealt(label, a) for a in tries.values()]
tried.round(2)

# %% tags=["c4.13"]
best, apart = tried.F1.idxmax(), tried.F1.max() - tried.F1.min()
run.check("best and worst are at least 3 points apart", apart >= 0.03, f"{apart:.2f}")
for n in tried.index.drop(best):
    print(f"{best} over {n}:", with_interval(gain, label, tries[best], tries[n]))
winner = predicted["label texts, chosen"] = zero_shot(X["test"], *wordings[best])
print(f"chosen: {best}; on test, F1:", with_interval(f1, truth, winner))

# %% tags=["c4.13"]
figure, ax = plt.subplots(figsize=(7.5, 2.6))
colors = [plots.GOOD if name == best else plots.PALE for name in tried.index]
plots.bars(ax, tried.index, tried.F1, tried.low, tried.high, colors, mark=(0.5, "coin"))
ax.set(xlim=(0, 1), xlabel="F1 on the validation split, no training labels")
plots.show(figure, "F1 of five pairs of descriptions with intervals; winner in green.")

# %% [markdown]
# **Figure 4.** Validation F1 of five pairs of descriptions; the winner in green. A poor wording can do no better than its own answers dealt at random. Where a paired gain above includes 0, "the best" is a bold word. A wording picked with labelled reviews is no longer zero-shot.
#
# ## 5 · Fine-tuning moves the encoder itself
#
# Sentence vectors were made for similarity; **fine-tuning** lets the encoder move. It is a stack of *blocks* (layers), each of which refines the vectors of all tokens; a small *head* on top gives one score per label. The laptop's ready-made classifier is the same encoder, fine-tuned by **LoRA**: a matrix may change only by the product of a tall thin matrix and a low wide one, so by *rank* 16 (the thin side) at most (chapter 11). What moved?

# %% tags=["c4.03"]
pretrained = {n: w.cpu() for n, w in encoder[0].auto_model.state_dict().items()}
adapted = {n.split(".", 1)[-1]: w.cpu() for n, w in classify.model.state_dict().items()}
same_words = "embeddings.word_embeddings.weight"
# in the book profile the two have no common ancestor
kin = torch.equal(pretrained[same_words], adapted[same_words])
both = [n for n in pretrained if kin and n in adapted and "encoder" in n]
moved = [n for n in both if not torch.equal(pretrained[n], adapted[n])]
print(f"same ancestor: {kin}; {len(moved)} of {len(both)} arrays in the blocks moved")
matrices = [n for n in moved if pretrained[n].ndim == 2]
# the rank of a product is at most the narrow side of its two matrices
changes = [adapted[n] - pretrained[n] for n in matrices]
ranks = [int(torch.linalg.matrix_rank(change, rtol=1e-3)) for change in changes]
run.check("only matrices moved, no one-dimensional array", len(matrices) == len(moved))
run.check("each by a matrix of rank 16 at most", max(ranks, default=0) <= 16)
d = X["train"].shape[1]  # d x 16 and 16 x d numbers, where the matrix has d x d
print(f"largest rank {max(ranks, default=0)}; {32 * d:,} numbers in place of {d * d:,}")

# %% [markdown]
# ### Thaw the last block
#
# Now we train only the **last block** and the head, which starts as a logistic fit on the same reviews.

# %% tags=["c4.22"]
tuned = deepcopy(encoder).requires_grad_(False).eval()  # all weights frozen ...
blocks = tuned[0].auto_model.encoder.layer
blocks[-1].requires_grad_(True)  # ... but those of the last block
before = [weight_hash(block) for block in blocks]
torch.manual_seed(run.seed)
few = torch.randperm(len(y["train"]))[:TUNED_ON]
begin = LogisticRegression().fit(X["train"][few], y["train"][few])
head = torch.nn.Linear(X["train"].shape[1], 1, device=tuned.device)
weights = {"weight": begin.coef_, "bias": begin.intercept_}
_ = head.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
trained = sum(p.numel() for p in [*blocks[-1].parameters(), *head.parameters()])
total = sum(p.numel() for p in [*tuned.parameters(), *head.parameters()])
print(f"trained: {trained:,} of {total:,} parameters ({trained / total:.1%})")

# %% [markdown]
# A training step: score sixteen reviews, measure by the *loss* how improbable the right labels were, compute which way each weight lowers it (its *gradient*), move a little.

# %% tags=["c4.22"]
def scores_of(texts):
    """Score of each text, positive if above 0, with gradients."""
    ids = encoder.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return head(tuned(dict(ids.to(tuned.device)))["sentence_embedding"])[:, 0]


goal = torch.tensor(y["train"] == "positive", dtype=torch.float32, device=tuned.device)
rounds = [r for _ in range(EPOCHS) for r in few[torch.randperm(len(few))].split(16)]

# %% tags=["c4.22"]
losses = []
optimizer = torch.optim.AdamW([*blocks[-1].parameters(), *head.parameters()], lr=1e-4)
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(rounds))
for rows in rounds:
    out = scores_of([text["train"][i] for i in rows])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(out, goal[rows])
    loss.backward()
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    losses.append(loss.item())

# %% tags=["c4.22", "nbval-ignore-output"]
with torch.no_grad():
    out = torch.cat([scores_of(batch) for batch in batches]).cpu().numpy()
thawed = predicted["last block fine-tuned"] = np.where(out > 0, "positive", "negative")
same_labels = begin.predict(X["test"])
stayed = [weight_hash(block) == old for block, old in zip(blocks, before)]
run.check("of the blocks only the last moved", all(stayed[:-1]) and not stayed[-1])
run.check("at most 2 points were lost", gain(truth, thawed, same_labels) >= -0.02)
first_loss, last_loss = np.mean(losses[:13]), np.mean(losses[-13:])
print(f"loss of the first 13 steps {first_loss:.2f}, of the last 13 {last_loss:.2f}")
print("fine-tuned, F1:", with_interval(f1, truth, thawed))
print("gain over the frozen vectors:", with_interval(gain, truth, thawed, same_labels))

# %% [markdown]
# The last line is training's gain, resampled in pairs (the same reviews for both). Where its interval includes 0, as in the laptop profile, no difference can be seen.
#
# ## 6 · Text in, label word out: the other family
#
# So far every system was a **representation model**: text in, numbers out. A **generative model** turns text into text; the label is a word that it writes. T5 does so **sequence to sequence**: its *encoder* reads the whole input, its *decoder* writes token after token from the encoder's vectors and what is written already.

# %% tags=["c4.02"]
review = text["test"][0]
vector, word = encoder.encode(review), t5_writes([f"{QUESTION} {review}"])[0]
close = np.abs(vector - X["test"][0]).max() < 2e-3
run.check("representation: text to numbers, those stored for it", close)
run.check("generation: text to a label word", word in LABELS)
print(f"{review}\nas a vector: {vector[:3].round(2)} ... as a word: {word}")

# %% [markdown]
# ### Read once, write token by token
#
# By hand, a translation (longer than a label): keep the encoder's vectors, begin with the start token (T5's is `<pad>`), append the likeliest next token until it is the end token. `▁` marks the beginning of a word.

# %% tags=["c4.14"]
asked = "translate English to French: The old farmer sees a red boat."
asked = t5_tokenizer(asked, return_tensors="pt").to(t5.device)
with torch.no_grad():
    read = t5.get_encoder()(**asked)  # once
print("tokens, numbers for each:", tuple(read.last_hidden_state.shape[1:]))

# %% tags=["c4.14"]
written, end = [t5.config.decoder_start_token_id], t5.config.eos_token_id
while written[-1] != end and len(written) < 30:
    so_far = torch.tensor([written], device=t5.device)
    logits = t5(encoder_outputs=read, decoder_input_ids=so_far).logits
    written.append(logits[0, -1].argmax().item())
print(t5_tokenizer.convert_ids_to_tokens(written))

# %% [markdown]
# `generate` does the same. *Hooks*, called along with a part of a model, count who works how often. The second call gets the vectors and not the text. (That the laptop's T5 reads and writes equally many tokens is chance.)

# %% tags=["c4.14"]
from collections import Counter

calls = Counter()
parts = {"encoder": t5.get_encoder(), "decoder": t5.get_decoder()}
# n=n: each function keeps its own n instead of the loop's last
count = {n: lambda *_, n=n: calls.update([n]) for n in parts}
hooks = [parts[n].register_forward_hook(count[n]) for n in parts]
out = t5.generate(**asked, max_new_tokens=29)
once = calls == {"encoder": 1, "decoder": out.shape[1] - 1}
run.check("encoder once, decoder once for each token", once, f"{dict(calls)}")

# %% tags=["c4.14"]
mask = asked.attention_mask
again = t5.generate(encoder_outputs=read, attention_mask=mask, max_new_tokens=29)
_ = [hook.remove() for hook in hooks]
run.check("vectors reused: the encoder rested", calls["encoder"] == 1)
run.check("three times the same", out[0].tolist() == again[0].tolist() == written)

# %% [markdown]
# The input takes one parallel pass, an answer one pass per token; a label word is short. (At an API the input can still be most of the bill.)
#
# ### Pre-training: fill the holes
#
# T5 first learned without labels, by **span masking**: words are cut out in spans, each hole gets a numbered *sentinel*, the target lists what stood there, and one more sentinel closes it. By hand:

# %% tags=["c4.15"]
import re

holes = "we <extra_id_0> the film twice and <extra_id_1> it"
target = "<extra_id_0> saw <extra_id_1> really liked <extra_id_2>"


def rebuild(holes, target):
    """Put each span of the target back into its hole."""
    kept, spans = [re.split(r" ?<extra_id_\d+> ?", t) for t in (holes, target)]
    return " ".join(p for pair in zip(kept, spans[1:]) for p in pair if p)


sentence = "we saw the film twice and really liked it"
run.check("input and target rebuild the sentence", rebuild(holes, target) == sentence)

# %% [markdown]
# Where to cut is drawn at random: 15 % of the words (T5: of the tokens), in spans of three on average. Does that hold for 500 short reviews? And how does T5 fill our holes?

# %% tags=["c4.15"]
def pieces(total, count, rng):
    """`total` as a sum of `count` random whole numbers from 1 up."""
    cuts = rng.choice(np.arange(1, total), count - 1, replace=False)
    return np.diff([0, *np.sort(cuts), total])


def corrupt(words, rng, share=0.15, mean=3):
    """(holes, target) of a text, and how many words were cut out."""
    drop = max(1, round(share * len(words)))
    count = max(1, round(drop / mean))
    keep, cut = pieces(len(words) - drop, count + 1, rng), pieces(drop, count, rng)
    holes, target, at = [], [], 0
    for n, (a, b) in enumerate(zip(keep, [*cut, 0])):
        mark = f"<extra_id_{n}>"
        holes += [*words[at : at + a], *([mark] if b else [])]
        target += [mark, *words[at + a : at + a + b]]
        at += a + b
    return " ".join(holes), " ".join(target), drop

# %% tags=["c4.15"]
rng = np.random.default_rng(run.seed)
lots = [t.split() for t in text["train"] if t.count(" ") > 6][:500]  # not the shortest
cut = [corrupt(words, rng) for words in lots]
whole = all(rebuild(a, b) == " ".join(words) for (a, b, _), words in zip(cut, lots))
run.check("every review can be rebuilt", whole, f"{len(lots)} of them")
share = sum(drop for *_, drop in cut) / sum(map(len, lots))
run.check("15 % are masked, give or take 2", abs(share - 0.15) < 0.02, f"{share:.1%}")
spans = sum(a.count("<extra_id_") for a, *_ in cut)
print(f"mean span: {sum(drop for *_, drop in cut) / spans:.2f} words; one review:")
print(*cut[0][:2], sep="\n")
ids = t5_tokenizer(holes, return_tensors="pt").to(t5.device)
guess = t5.generate(**ids, max_new_tokens=20)
print(f"{holes}\nT5 writes: {t5_tokenizer.decode(guess[0])}")
# two ids each: the sentinel, then the end token
marks = t5_tokenizer([f"<extra_id_{n}>" for n in range(3)]).input_ids
run.check("to T5 a sentinel is one token", all(len(ids) == 2 for ids in marks))

# %% [markdown]
# ### Every task is text
#
# T5's filling has the right form; the laptop's words are poor. Then come tasks with answers, all in one form: a *prefix* says what to do. The same text, four prefixes:

# %% tags=["c4.16"]
tale = "The old farmer sells a red boat. A young woman sees the boat and wants it more "
tale += "than anything. So she works for the farmer all summer."
prefixes = {
    "translate": "translate English to French: ",
    "summarize": "summarize: ",
    "classify": f"{QUESTION} ",
    "extract": "question: What does the old farmer sell? context: ",
}
shapes = {name: t5_writes([prefix + tale], 40)[0] for name, prefix in prefixes.items()}

# %% tags=["c4.16"]
run.check("four different answers", len(set(shapes.values())) == 4)
run.check("one is a label word", shapes["classify"] in LABELS)
run.check("one is copied from the text", shapes["extract"] in tale)
run.check("one is shorter than the text", len(shapes["summarize"]) < len(tale))
for name, answer in shapes.items():
    print(f"{name}: {answer}")

# %% [markdown]
# The same weights; only the words in front differ. Each answer has the form its prefix asks for; right is another matter. In the laptop profile the French sells the boat twice and loses the young woman, the summary invents a present, and a tale gets a verdict. FLAN-T5, the book's model, learned many hundreds, so it takes instructions it never saw. The laptop's T5 knows five: translation, summary, sentiment, topic of keywords, answers from a text.
#
# ### As a classifier
#
# Count the answers that are no label. They are wrong, but no third class, nor "not negative, hence positive".

# %% tags=["c4.17"]
requests = [f"{QUESTION} {t}" for t in text["test"]]
said = [t5_writes(requests[i : i + 32]) for i in range(0, len(truth), 32)]
t5_says = np.char.lower(np.char.strip(np.concatenate(said)))
predicted["T5, asked"] = t5_says
off_format = sum(~np.isin(t5_says, LABELS))
off_share = off_format / len(truth)
run.check("at most 5 % are off format", off_share <= 0.05, f"{off_format} answers")
margin = f1(truth, t5_says) - f1(truth, lazy)
run.check("at least 20 points over the majority baseline", margin >= 0.2)
low = interval(f1, truth, t5_says)[0]
run.check("and above a coin, interval and all", low > 0.5)
print("T5, F1:", with_interval(f1, truth, t5_says))

# %% [markdown]
# Nothing was fitted here.
#
# ## 7 · Asking a chat model
#
# A chat model has a decoder only: the question is the beginning of the text, the answer its continuation. Most live behind an **API**, a service that programs call with *messages*, each with a role: *system* for the rules, *user* for the question. The client is OpenAI's own; without a key a server on this machine (`127.0.0.1`) answers it.

# %% tags=["c4.18"]
from utils import services

client, chat_name = services.openai_client()  # q8_0: weights rounded to 8 bits
# digits: one token each, and easy to parse
RULE = "Answer with 1 if the review is positive and with 0 if it is negative."
RULE += " Give no other answer."


def request(review):
    """What the API is sent for one review."""
    rule = {"role": "system", "content": RULE}
    task = {"role": "user", "content": f"{QUESTION}\n{review}"}
    # temperature 0: the likeliest token each time
    limits = dict(temperature=0, max_completion_tokens=5)
    return dict(model=chat_name, messages=[rule, task], **limits)

# %% tags=["c4.18", "nbval-ignore-output"]
reply = client.chat.completions.create(**request(review))
digit, used = reply.choices[0].message.content, reply.usage
run.check("the answer is 0 or 1", digit in {"0", "1"}, digit)
print(f"{used.prompt_tokens} tokens read, {used.completion_tokens} written")
print(f"{digit} means {LABELS[int(digit)]}; the review is {truth[0]}")

# %% [markdown]
# ### A hundred and fifty requests
#
# The right form can be the wrong answer, so ask many. Asked too often, an API says status 429, "try again", and the client does; we make our server fail three times. And the answer is text: a *regular expression* accepts a lone 0 or 1, for "not 1" is no 1. (With a service's *structured output* no other form can come.)

# %% tags=["c4.19"]
def parse(answer):
    """The label in an answer, or "unparsed"."""
    found = re.fullmatch(r"\s*([01])[\s.!]*", answer or "")  # an answer may be None
    return LABELS[int(found[1])] if found else "unparsed"


for example in ["1", " 0.", "1!", "not 1", "0.5", "-1", "10", None]:
    print(repr(example), "is", parse(example))

# %% tags=["c4.19"]
def api_answer(review):
    """(text, tokens read, tokens written, retries) of one request."""
    raw = client.chat.completions.with_raw_response.create(**request(review))
    got = raw.parse()
    used = got.usage.prompt_tokens, got.usage.completion_tokens
    return got.choices[0].message.content, *used, raw.retries_taken

# %% tags=["c4.19", "nbval-ignore-output"]
import time

some = np.linspace(0, len(truth) - 1, ASKED).astype(int)  # evenly spread
failures = 3 * (client.base_url.host == "127.0.0.1")
if failures:
    services.inject(429, failures)
began = time.perf_counter()
got = pd.DataFrame([api_answer(text["test"][i]) for i in some])
api_seconds = time.perf_counter() - began
got.columns = ["answer", "read", "written", "retries"]
retries = got.retries.sum()
most = f"{retries} retries; {client.max_retries} a request at most"
run.check("every failure was recovered", retries >= failures, most)
by_api = np.array([parse(answer) for answer in got.answer])
unparsed = got.answer[by_api == "unparsed"]
print(f"{len(unparsed)} of {len(got)} unparsed: {list(unparsed[:5])}")
print("chat through the API, F1:", with_interval(f1, truth[some], by_api))
cost = (got.read.sum() * PRICE_IN + got.written.sum() * PRICE_OUT) / 1e6
print(f"{got.read.sum():,} tokens read, {got.written.sum():,} written: ${cost:.4f}")

# %% [markdown]
# What cannot be parsed is listed, and wrong. The last number is the charge at the prices in the knobs, if a service counts as many tokens.
#
# ### Look inside: compare the label words
#
# With the weights at hand take the label word (the class's *verbalizer*) that is the more probable continuation. No answer can be off format, no text goes to a hosted API.

# %% tags=["c4.20"]
from transformers import AutoModelForCausalLM


def load(role):
    """Model and tokenizer of a role."""
    print(spec := models.find(role))
    model = AutoModelForCausalLM.from_pretrained(spec.path, **spec.options)
    return model.eval(), AutoTokenizer.from_pretrained(spec.path)


chat, chat_tokenizer = load("chat")


def prompt_of(question, review):
    """The text a chat model continues with its answer."""
    messages = [{"role": "user", "content": question.replace("{review}", review)}]
    options = dict(tokenize=False, add_generation_prompt=True)
    return chat_tokenizer.apply_chat_template(messages, **options)


plain = QUESTION + "\n{review}"
prompt = prompt_of(plain, review)
print(prompt)

# %% [markdown]
# The *chat template* added the tags of the model's training. A word of several tokens is as probable as all of them in a row, so the *logarithms* add up: 1/2, then 1/4, gives 1/8. (Each further token shrinks it: compare words of similar length.) The library's own `loss` is the mean of their negatives over the tokens that have a target (it calls targets *labels*).

# %% tags=["c4.20"]
def log_probs(model, tokenizer, prompt, words):
    """Log-probability of each word after the prompt: the sum over its tokens."""
    ids = dict(add_special_tokens=False, return_tensors="pt")
    prompt, sums = tokenizer(prompt, **ids).input_ids.to(model.device), []
    with torch.no_grad():
        read = model(prompt, use_cache=True)
        for word in words:
            tokens = tokenizer(word, **ids).input_ids.to(model.device)
            logits, rest = read.logits, tokens[:, :-1]
            if rest.numel():  # more than one token: go on from what was read
                # the cache (keys and values, chapter 3) is copied: a word adds its own
                cache = deepcopy(read.past_key_values)
                more = model(rest, past_key_values=cache).logits
                logits = torch.cat([logits[:, -1:], more], dim=1)
            # shifted: the prompt's last row is about the word's first token, and so on;
            # gather takes from each row the entry of the token that stands there
            chances = logits[0, -tokens.shape[1] :].float().log_softmax(-1)
            sums.append(chances.gather(1, tokens.T).sum().item())
    return sums

# %% tags=["c4.20"]
def by_loss(prompt, word):
    """The same sum, from transformers' loss."""
    ids = dict(add_special_tokens=False, return_tensors="pt")
    start, tokens = [chat_tokenizer(t, **ids).input_ids for t in (prompt, word)]
    both = torch.cat([start, tokens], dim=1).to(chat.device)
    labels = both.clone()
    labels[:, : start.shape[1]] = -100  # the prompt's tokens are no targets
    with torch.no_grad():
        return -chat(both, labels=labels).loss.item() * tokens.shape[1]

# %% tags=["c4.20"]
trial = [*LABELS, "positive, and not negative"]
by_hand = log_probs(chat, chat_tokenizer, prompt, trial)
library = [by_loss(prompt, word) for word in trial]
fine = 1e-4 if chat.dtype == torch.float32 else 0.1  # half precision rounds coarsely
same = np.allclose(by_hand, library, atol=fine)
run.check("sum by hand = loss", same, f"{len(trial)} continuations")
count = [len(chat_tokenizer.tokenize(word)) for word in trial]
pd.DataFrame({"tokens": count, "probability": np.exp(by_hand)}, trial).round(2)

# %% [markdown]
# The more probable word can be wrong, too. Now every test review. It need not agree with the API: prompt, rounding (q8_0) and decoding differ.

# %% tags=["c4.20"]
def label_words(model, tokenizer, question, texts):
    """The label word that is the more probable answer to each text."""
    prompts = [prompt_of(question, t) for t in texts]
    sums = [log_probs(model, tokenizer, prompt, LABELS) for prompt in prompts]
    return np.take(LABELS, np.argmax(sums, axis=1))

# %% tags=["c4.20", "nbval-ignore-output"]
from sklearn.metrics import cohen_kappa_score

chat_says = label_words(chat, chat_tokenizer, plain, text["test"])
predicted["chat, label words"] = chat_says
run.check("chat is above baseline and coin", f1(truth, chat_says) > lazy_or_coin)
print("chat, label words, F1:", with_interval(f1, truth, chat_says))
print(f"on the API's reviews: {f1(truth[some], chat_says[some]):.3f}")
two = np.array([chat_says[some], by_api])[:, by_api != "unparsed"]
# kappa is agreement beyond chance: 0 none, 1 complete
same, kappa = np.mean(two[0] == two[1]), cohen_kappa_score(*two)
print(f"same as the API: {same:.1%} of {two.shape[1]} parsed, kappa {kappa:.2f}")

# %% [markdown]
# In the laptop profile this chat model has 5.3 million parameters; those behind real APIs have thousands of times as many. Take the procedure from here, not the score.
#
# ### The prompt is a choice, too
#
# Again: compare on validation, report on test. *Question last* is the same question behind the review.

# %% tags=["c4.21", "nbval-ignore-output"]
questions = {
    "question first": plain,
    "question last": "{review}\n" + QUESTION,
    "brief": "Say if the review is positive or negative. Give only the word.\n{review}",
}
says = {"validation": {}, "test": {"question first": chat_says}}
for split, (name, question) in product(says, questions.items()):
    if name not in says[split]:
        says[split][name] = label_words(chat, chat_tokenizer, question, text[split])
scored = {s: {n: f1(y[s], says[s][n]) for n in questions} for s in says}
prompts = pd.DataFrame(scored)
chosen, tested = prompts.validation.idxmax(), says["validation"]
predicted["chat, chosen prompt"] = says["test"][chosen]
for n in prompts.index.drop(chosen):
    print(f"{chosen} over {n}:", with_interval(gain, label, tested[chosen], tested[n]))
other = np.mean(says["test"]["question last"] != chat_says)
run.check("moving the question moves answers", other > 0, f"{other:.1%} on test")
spread = prompts.test.max() - prompts.test.min()
print(f"on test, best minus worst prompt: {spread:.3f}")
prompts.round(3)

# %% [markdown]
# Part of "the model" is its prompt. Where a paired gain includes 0, validation cannot rank two of them; picking on test would flatter.
#
# ### Is it enough to have read?
#
# `base`, a decoder never taught to answer, gets the chat model's prompt, then one that suits it: a text to continue. In case it leans to one word, we also split at its median lean.

# %% tags=["c4.26", "nbval-ignore-output"]
base, base_tokenizer = load("base")
untaught = label_words(base, base_tokenizer, plain, text["test"])
# bos_token: the sign that begins a text in training
start = (base_tokenizer.bos_token or "") + "Review: "
starts = [f"{start}{t}\nThe review is" for t in text["test"]]
sums = [log_probs(base, base_tokenizer, s, [" negative", " positive"]) for s in starts]
lean = np.diff(sums, axis=1)[:, 0]  # log-probability of positive minus negative
continued = np.where(lean > 0, "positive", "negative")
halved = np.where(lean > np.median(lean), "positive", "negative")
judged = {"base, chat's prompt": untaught, "base, text to continue": continued}
predicted |= judged
judged |= {"base, halved at its median": halved, "chat, label words": chat_says}
for name, said in judged.items():
    share = np.mean(said == "negative")
    score = f"F1 {f1(truth, said):.3f}, dealt at random {dealt(truth, said):.3f}"
    print(f"{name}: said negative {share:.2f}, {score}")
    print("   accuracy", with_interval(np.mean, said == truth))
hits = chat_says == truth, untaught == truth
ahead = with_interval(lambda a, b: np.mean(a) - np.mean(b), *hits)
run.check("base is not above chat", hits[0].mean() >= hits[1].mean(), ahead)

# %% [markdown]
# In the laptop profile each interval of `base` includes one half: reading stories was not enough for this small model. This does not show what instruction tuning alone adds: chat has another design and size, and saw labelled reviews.
#
# ## 8 · Which one? Ask for the interval before you answer

# %% tags=["c4.23", "nbval-ignore-output"]
rows = {n: [f1(truth, a), *interval(f1, truth, a)] for n, a in predicted.items()}
by_service = f"chat, API, {len(some)} reviews"
rows[by_service] = [f1(truth[some], by_api), *interval(f1, truth[some], by_api)]
results = pd.DataFrame(rows, ["F1", "low", "high"]).T.sort_values("F1", ascending=False)
none = ("ready-made", "vectors + label", "T5", "chat", "base")
taught = len(y["train"])
used = {n: 0 if n.startswith(none) else taught for n in results.index}
used |= dict.fromkeys(["label texts, chosen", "chat, chosen prompt"], len(label))
results["labels used here"] = used | {"last block fine-tuned": len(few)}
roles = {"ready-made": "sentiment", "T5": "seq2seq", "chat": "chat"}


def met_before(name):
    """How many labelled texts its model is known to have learned from; ? is unknown."""
    role = [role for first, role in roles.items() if name.startswith(first)]
    return (len(models.training_texts(role[0])) or "?") if role else 0


results["met before"] = [met_before(n) for n in results.index]
results.round(3)

# %% tags=["c4.23"]
figure, ax = plt.subplots(figsize=(7.5, 4.8))
colors = [plots.QUIET if n == by_service else plots.PALE for n in results.index]
marked = dict(colors=colors, mark=(0.5, "fair coin"))
plots.bars(ax, results.index, results.F1, results.low, results.high, **marked)
ax.set(xlim=(0, 1), xlabel="F1 on the test split, with its 95 % interval")
plots.show(figure, "F1 of all systems with intervals, best on top; the API in grey.")

# %% [markdown]
# **Figure 5.** F1 (bar) with its 95 % interval (whisker), best on top; in grey the API, on fewer reviews. *Labels used here*: this notebook's; *met before*: labelled texts on record in the model's training.
#
# All but the API read the same reviews, and the **McNemar test** uses that: it counts the reviews that exactly one of two systems got right. Were the two equally good, each would be a coin's toss; *p* is the probability that fair coins fall at least as unevenly. Below 0.05 is unlikely by custom; many tests are many chances of luck, so we divide it by their number.

# %% tags=["c4.23"]
right = {name: answer == truth for name, answer in predicted.items()}
ours = ("ready", "TF-IDF", "vectors", "T5", "chat, label")
steady = [name for name in results.index if name in right and name.startswith(ours)]
fitted, names_only = "vectors + logistic fit", "vectors + label texts"
picked = "label texts, chosen"
pairs = [*zip(steady, steady[1:]), ("ready-made classifier", names_only)]
pairs += [(fitted, names_only), (fitted, picked), (picked, names_only)]
pairs = list(dict.fromkeys(pairs))  # each once
level = 1 - 0.05 / len(pairs)
only = [[sum(right[a] & ~right[b]), sum(right[b] & ~right[a])] for a, b in pairs]
columns = ["only first right", "only second right"]
duels = pd.DataFrame(only, [f"{a} | {b}" for a, b in pairs], columns)
duels["p"] = [scores.mcnemar(right[a], right[b]) for a, b in pairs]
print(f"{len(pairs)} comparisons: a difference needs p < {1 - level:.4f}")
duels.round(4)

# %% [markdown]
# Only pairs with *p* below the line can be shown to differ here. Two systems that cannot be told apart from a third may differ from each other, hence the direct comparisons at the end.
#
# ### Was the test set in the training data?
#
# The laptop's models carry the fingerprints of the reviews they learned from, so we can look for copies.

# %% tags=["c4.24"]
for role in ["sentiment", "seq2seq", "chat"]:
    known = models.training_texts(role)
    found = {s: f"{len(prints[s] & known)} of {len(prints[s])}" for s in prints}
    print(f"{role}: {len(known):,} training texts on record; of ours: {found}")
    run.check("no test review is on record", not prints["test"] & known)

# %% [markdown]
# No copy, but the same writers: other texts would be a harder test. An empty record proves nothing. FLAN-T5's training mixture is public and names *rotten_tomatoes* and SST-2 (Stanford's labels for the same sentences): in the book profile its score is not zero-shot. What GPT read nobody outside can say.
#
# ### Do the families err on the same reviews?
#
# One system of each kind votes, since a vote repairs what few miss; at a draw the ready-made classifier decides. The **Jaccard index** of two sets of errors is the number of reviews both got wrong, divided by the number at least one got wrong.

# %% tags=["c4.25"]
from sklearn.metrics import jaccard_score

four = ["ready-made classifier", "vectors + logistic fit", "T5, asked"]
four += ["chat, label words"]
wrong = np.array([~right[name] for name in four])
jaccard = np.array([[(a & b).sum() / (a | b).sum() for b in wrong] for a in wrong])
library = [[jaccard_score(a, b) for b in wrong] for a in wrong]
run.check("by hand = jaccard_score", np.allclose(jaccard, library))
rate = wrong.mean(axis=1)  # independent errors coincide at the product of their rates
shared = np.outer(rate, rate)
chance = shared / (rate[:, None] + rate - shared)
np.fill_diagonal(chance, 1)
figure, axes = plt.subplots(1, 2, figsize=(11, 2.6), sharey=True)
plots.heat(axes[0], jaccard, four, four, top=1.0, title="measured")
plots.heat(axes[1], chance, four, four, top=1.0, title="expected of independent errors")
plots.show(figure, "Overlap of four systems' errors, measured and by chance.")

# %% [markdown]
# **Figure 6.** Overlap of the error sets: 1 means the same errors, 0 none in common. Independent errors overlap, too (right), so read the excess of the left: reviews hard for both, or training in common.

# %% tags=["c4.25"]
# +1, -1; an answer off format abstains
voters = [predicted[name] for name in four]
votes = np.sum([1 * (v == "positive") - (v == "negative") for v in voters], axis=0)
voted = np.where(votes == 0, dropped, np.where(votes > 0, "positive", "negative"))
mean = np.mean([f1(truth, v) for v in voters])
run.check("the vote is at least their mean", f1(truth, voted) >= mean, f"{mean:.3f}")
print(f"gain over the {four[0]}:", with_interval(gain, truth, voted, dropped))

# %% [markdown]
# The mean is a low bar; against its best voter a vote can lose, outvoted by weaker ones.
#
# ### Labels, seconds, money
#
# A thousand texts in time (best of three runs), a million in money:

# %% tags=["c4.27", "nbval-ignore-output"]
from timeit import repeat

few_texts = text["test"][:32]
actions = {
    "ready-made classifier": lambda: probabilities(few_texts),
    "vectors + anything small": lambda: encoder.encode(few_texts),
    "TF-IDF + logistic fit": lambda: bag.predict(tfidf.transform(few_texts)),
    "T5, asked": lambda: t5_writes(requests[:32]),
    "chat, label words": lambda: label_words(chat, chat_tokenizer, plain, few_texts),
}
spent = {n: min(repeat(action, number=1, repeat=3)) for n, action in actions.items()}
fastest = spent["TF-IDF + logistic fit"]
times = sorted(spent.values())[1] / fastest
run.check("counting words is faster", times > 1.5, f"{times:.0f} times")

# %% tags=["c4.27", "nbval-ignore-output"]
decision = pd.DataFrame({"seconds per 1,000": spent}) * 1000 / len(few_texts)
decision.loc["chat, API"] = api_seconds / len(some) * 1000
# 1,000 times the seconds for a million, 3,600 of them an hour: hence 3.6
decision["dollars per million"] = decision["seconds per 1,000"] / 3.6 * PRICE_PER_HOUR
decision.loc["chat, API", "dollars per million"] = cost / len(some) * 1e6
# 127.0.0.1 is this machine; with a key the texts go to OpenAI's
decision["text goes to"] = "nobody"
decision.loc["chat, API", "text goes to"] = client.base_url.host
decision["labels used here"] = [0, f"0 to {taught}", taught, 0, 0, 0]
decision["met before"] = [met_before(name) for name in decision.index]
decision.round(2)

# %% [markdown]
# A toy of five million parameters is no match for what the API's price buys, and labelling costs are missing. So which one?
#
# - *A ready-made classifier has your labels, for text like yours*: take it, and test it.
# - *No labels, or changing ones*: describe them (section 4) or ask a large generative model (not shown here); label some all the same, to test it.
# - *Dozens of labels*: frozen vectors, if they beat the label texts.
# - *Hundreds of labels, or millions of texts*: try counting words, the fastest. *Thousands*: fine-tune (not shown here).
# - *Texts that must not leave the house*: anything but a hosted API.
#
# ## Is it any good?
#
# The same pairs as gains in F1, at the same corrected level: how much, not only whether. McNemar asks about accuracy, the gain about macro F1; where they disagree, the case is *open*. The row *ready-made | label texts* answers your first guess.

# %% tags=["c4.23"]
asked_for = dict(level=level, resamples=2 * RESAMPLES)  # more, as the tails are thin
columns = [(truth, predicted[a], predicted[b]) for a, b in pairs]
duels["gain"] = [gain(*three) for three in columns]
duels[["low", "high"]] = [interval(gain, *three, **asked_for) for three in columns]
by_count, by_gain = duels.p < 1 - level, (duels.low > 0) | (duels.high < 0)
told = np.select([by_count & by_gain, by_count | by_gain], ["yes", "open"], "no")
duels["told apart"] = told
coin = np.random.default_rng([run.seed, 1]).choice(LABELS, len(truth))
low = interval(gain, truth, guessed, coin)[0]
run.check("even the label texts beat a tossed coin, interval and all", low > 0)
duels.drop(columns=["only first right", "only second right"]).round(3)

# %% [markdown]
# *No* is not "equal": these reviews cannot tell. The last row, chosen against first wording, ranks no other wordings.
#
# ## Where it fails
#
# Accuracy by the flag *hard*, with intervals (in the book profile a rule sets it: words such as *not*, *but*):

# %%
tricky, by_flag = hard["test"], pd.DataFrame(index=steady)
by_flag["plain"] = [right[name][~tricky].mean() for name in steady]
by_flag["hard"] = [right[name][tricky].mean() for name in steady]
by_flag[["(low)", "(high)"]] = [interval(np.mean, right[n][tricky]) for n in steady]


def lost(right, tricky):
    """Accuracy on plain reviews minus accuracy on hard ones."""
    return right[~tricky].mean() - right[tricky].mean()


by_flag["lost"] = [lost(right[n], tricky) for n in steady]
by_flag[["from", "to"]] = [interval(lost, right[n], tricky) for n in steady]
run.check("hard reviews are harder", by_flag["hard"].mean() < by_flag["plain"].mean())
print(f"{tricky.sum()} of {len(truth)} reviews are hard")
by_flag.round(2)

# %% [markdown]
# *Lost*, with its interval, answers your second guess; who is near a coin on plain reviews has little to lose. Where (low) is below one half, a system is not shown to beat a coin on hard ones: in the laptop profile all three on frozen vectors, and others. Reviews that defeat the most systems:

# %%
missed = np.sum([~right[name] for name in steady], axis=0)
worst = np.argsort(-missed, kind="stable")[:5]
run.check("some reviews defeat nearly all", missed.max() >= len(steady) - 1)
for i in worst:
    print(f"{missed[i]} of {len(steady)} miss this {truth[i]} one: {text['test'][i]}")

# %% [markdown]
# ## Summary
#
# What do you gain? In the laptop profile the ready-made classifier has 0.900 without a label of ours, but met thousands before; frozen vectors have 0.789 with all our labels, 0.691 with none. Asking saves the fitting, and brings what its model learned before: T5 and chat in Figure 5.
#
# - **Know what laziness scores.** Accuracy can hide a system that finds no complaint; F1 of every label cannot.
# - **A ready-made classifier** brings its own labels and training data: look at both.
# - **Frozen vectors with a logistic fit** lead counting words while labels are few. **Label texts** need none; the wording has a large effect.
# - **A generative model writes**: parse its answer, count what cannot be parsed, choose the prompt on validation; or compare label words.
# - **Paired intervals decide**: neighbours in a ranking are often not distinguishable.
#
# **Key terms.** *embedding* · *softmax* · *confusion matrix* · *precision, recall, F1* · *bootstrap* · *foundation model* · *linear probe* · *TF-IDF* · *nearest centroid* · *zero-shot* · *LoRA* · *sequence to sequence* · *span masking* · *prefix* · *API* · *verbalizer* · *chat template* · *McNemar test*

# %% [markdown]
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** The logistic fit says *positive* above a probability of 0.5. Calling a bad film good costs 5, missing a good one costs 1. Which of the thresholds 0.3, 0.4, ... 0.9 is the cheapest on validation, and is it cheaper than always saying *negative*?
#
# <details><summary>Hint</summary>
#
# A false alarm for *positive* costs 5, a miss costs 1. `logistic.predict_proba(X["validation"])[:, column]` holds the probabilities.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# chance = logistic.predict_proba(X["validation"])[:, column]
# print("always negative, cost", np.sum(label == "positive"))
# for threshold in [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]:
#     called = chance > threshold
#     alarms = np.sum(called & (label == "negative"))
#     misses = np.sum(~called & (label == "positive"))
#     print(f"{threshold}: {called.sum()} called positive, cost {5 * alarms + misses}")
# ```
#
# In theory say *positive* where 5 (1 - p) < p, that is above 5/6, if the probabilities can be trusted; the penalty pulls them towards 0.5, so the best threshold may be lower. In the laptop profile the fifth of the seven is the cheapest, and cheaper than the lazy system, which beats the usual threshold.
#
# </details>
#
# <br>
#
# **Exercise 2 (\*)** Write two further pairs of label descriptions, negative first. Which of them, and of the five in section 4, is best on validation? Is it better than the old winner by more than chance?
#
# <details><summary>Hint</summary>
#
# `with_interval(gain, label, a, b)` gives the paired interval of a difference on validation.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# mine = {
#     "verdict": ("a terrible film", "a wonderful film"),
#     "critic": ("The critic is disappointed by the film", "The critic is delighted by the film"),
# }
# old = zero_shot(X["validation"], *wordings[best])
# for name, pair in mine.items():
#     new = zero_shot(X["validation"], *pair)
#     print(name, round(f1(label, new), 3), "gain:", with_interval(gain, label, new, old))
# ```
#
# In the laptop profile *critic* comes out on top, but its gain over the old winner has an interval that includes 0: with so few validation reviews, a handful of wordings cannot be ranked.
#
# </details>

# %% [markdown]
# **Exercise 3 (\*\*)** A language model can lean to one label word, whatever the review says. Calibrate the label words of section 7 without labels: subtract from each difference of log-probabilities, positive minus negative, its median over unlabelled reviews. Does F1 on validation rise? Why a median? What does the trick assume?
#
# <details><summary>Hint</summary>
#
# `log_probs(chat, chat_tokenizer, prompt_of(plain, t), LABELS)` gives both; take the median over the first 200 training reviews.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def lean(texts):
#     both = [log_probs(chat, chat_tokenizer, prompt_of(plain, t), LABELS) for t in texts]
#     return np.diff(both, axis=1)[:, 0]
#
# shift, margin = np.median(lean(text["train"][:200])), lean(text["validation"])
# for name, level in {"as it is": 0, "calibrated": shift}.items():
#     answer = np.where(margin > level, "positive", "negative")
#     share = np.mean(answer == "positive")
#     print(f"{name}: said positive {share:.2f}, F1 {f1(label, answer):.3f}")
# ```
#
# In the laptop profile F1 rose by some points, as far as chat leaned before. The median splits the texts in two halves, and few extreme reviews cannot move it. It assumes that both labels are equally frequent; on the shop's reviews of section 2 it would do harm. (The laptop's model has met these training reviews with their labels; with a model that has not, any texts of the same kind will do.)
#
# </details>
#
# <br>
#
# **Exercise 4 (\*\*)** Sixteen labels are all you may have. Do sixteen *chosen* reviews teach a logistic fit more than sixteen drawn at random, on validation?
#
# <details><summary>Hint</summary>
#
# Choose reviews that are far apart: those nearest to the centres of sixteen k-means clusters (`sklearn.cluster.KMeans` groups vectors around centres). Repeat both with several seeds.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# from sklearn.cluster import KMeans
#
# def taught_by(rows):
#     fit = LogisticRegression().fit(X["train"][rows], y["train"][rows])
#     return f1(label, fit.predict(X["validation"]))
#
# chosen, drawn = [], []
# for seed in range(8):
#     centres = KMeans(16, random_state=seed, n_init=1).fit(X["train"]).cluster_centers_
#     chosen.append(taught_by((X["train"] @ centres.T).argmax(axis=0)))
#     drawn.append(taught_by(np.random.default_rng(seed).choice(len(y["train"]), 16, False)))
# for name, values in {"chosen": chosen, "drawn": drawn}.items():
#     print(f"{name}: {np.mean(values):.3f}, standard error {np.std(values, ddof=1) / 8**0.5:.3f}")
# ```
#
# In the laptop profile the gap is smaller than the two standard errors together: no gain is shown, and with sixteen labels either way does no better than a coin. Both sides share the luck of one validation split.
#
# </details>
#
# <br>
#
# **Exercise 5 (\*\*\*)** Bring back the neutral reviews: three classes, all test reviews. Compare the ready-made classifier with a logistic fit, with intervals.
#
# <details><summary>Hint</summary>
#
# `vectors` still holds every review; `scores.macro_f1` takes any number of classes; `class_weight="balanced"` makes a fit care for rare labels. How many neutral reviews are there to learn from? For a paired answer, take the interval of a difference of two `scores.macro_f1`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# three = LogisticRegression(class_weight="balanced")
# three.fit(vectors["train"], reviews["train"]["label"])
# all_text, all_true = list(reviews["test"]["text"]), np.array(reviews["test"]["label"])
# parts = [probabilities(all_text[i : i + 64]) for i in range(0, len(all_text), 64)]
# said = np.take(names, np.vstack(parts).argmax(axis=1))
# for name, answer in {"ready-made": said, "logistic": three.predict(vectors["test"])}.items():
#     print(name, with_interval(scores.macro_f1, all_true, answer))
# lead = lambda t, a, b: scores.macro_f1(t, a) - scores.macro_f1(t, b)
# print("difference:", with_interval(lead, all_true, said, three.predict(vectors["test"])))
# ```
#
# In the laptop profile the ready-made classifier leads, and the interval of the difference is above 0. The few neutral reviews decide a third of the score, hence the wide intervals.
#
# In the book profile there are no neutral reviews, so only two classes count.
#
# </details>
#
# <br>
#
# [previous: 3 · Looking inside large language models](03_inside_transformers.ipynb) | [contents](README.md) | [next: 5 · Text clustering and topic modelling](05_clustering_and_topics.ipynb)

# %% tags=["nbval-ignore-output"]
run.report()
