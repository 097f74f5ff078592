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
# # 1 · An introduction to language models
#
# **What lies between counting words and a model that writes, and what does such a model ask of your machine?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/01_introduction.ipynb) · about one minute and 1.1 GiB of memory on a laptop with two cores; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **build** a bag-of-words by hand, and name what it cannot see (section 2, exercise 1);
# - **measure** how alike two meanings are, with three measures (section 3, exercise 2);
# - **compute** attention for three tokens, on paper and in code (section 4, exercise 4);
# - **tell** a model that represents from one that generates, by what it sees and what it returns (section 5, exercise 4);
# - **estimate** the memory that a model takes, weights plus cache (section 7, exercise 5).

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

run = chapter.start(1)

# %%
# Every knob of this chapter
NEW_TOKENS = 120  # no answer gets longer (a token is a word or a piece of one)
CASES = run.pick(laptop=60, book=40)  # test cases of a job where a model writes
RESAMPLES = 1000  # bootstrap resamples behind every interval
AHEAD = run.pick(laptop=7, book=5)  # of seven jobs, won at least (section 6)
CONTEXT = 4096  # tokens that a model must keep in memory (section 7)
TIMED = 64  # tokens read and written when we measure speed (section 7)

# %% [markdown]
# ## The result first
#
# A message goes in, an answer comes out. The model is taken from a list by its role, `chat`. Two classes load it and its **tokenizer**, which cuts text into **tokens**, words and pieces of words; `pipeline` ties the two together.

# %% tags=["c1.01"]
from textwrap import fill

from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

spec = models.find("chat")
tokenizer = AutoTokenizer.from_pretrained(spec.path)
model = AutoModelForCausalLM.from_pretrained(spec.path, **spec.options)
chat = pipeline("text-generation", model=model, tokenizer=tokenizer)
style = dict(max_new_tokens=NEW_TOKENS, do_sample=False, return_full_text=False)
message = [{"role": "user", "content": "Tell me a story about a fox and a drum."}]
print(fill(chat(message, **style)[0]["generated_text"], 88))

# %% [markdown]
# Nobody wrote that story; a program put it together token by token, largely from phrases of its training. Others come out worse: try *a dragon and a quilt*. *Guess: of how many numbers does this model consist, and how much memory do they take? The book's model has 3.8 billion: would it run on your machine?* Section 7 answers.
#
# This notebook runs in one of two **profiles**: *laptop*, with small models that ship with it, or *book* (`HANDSON_PROFILE=book`), with the book's own. A line with ✓ is a claim that was tested just now; if one fails, the notebook stops.

# %% tags=["c1.01"]
print(spec)
answer, again = (chat(message, **style)[0]["generated_text"] for _ in range(2))
run.check("the same message twice, the same answer twice", answer == again)

# %% [markdown]
# It repeats itself because `do_sample=False` takes the likeliest token each time (*greedy* decoding). The pipeline hides three steps: wrap the message in the tags that this model was trained with, let the model continue, and cut off what we sent.

# %% tags=["c1.01"]
import torch

how = dict(add_generation_prompt=True, return_dict=True, return_tensors="pt")
wrapped = tokenizer.apply_chat_template(message, **how).to(model.device)
written = model.generate(**wrapped, max_new_tokens=NEW_TOKENS, do_sample=False)
tokens_in = wrapped.input_ids.shape[1]
by_hand = tokenizer.decode(written[0, tokens_in:], skip_special_tokens=True)
run.check("pipeline = generate, decoded", by_hand.strip() == answer.strip())
print(repr(tokenizer.decode(wrapped.input_ids[0])))

# %% [markdown]
# ## 1 · It does one thing: it gives every possible next token a probability
#
# Take away the message and the manners, and a **language model** remains. It reads some tokens and gives each of the thousands in its **vocabulary** a probability to come next. To write, append one and ask again. We look at `base`, which has read text and was never taught to answer.

# %% tags=["c1.02"]
spec = models.find("base")
pieces = AutoTokenizer.from_pretrained(spec.path)
writer = AutoModelForCausalLM.from_pretrained(spec.path, **spec.options)
ids = pieces("Once upon a", return_tensors="pt").input_ids.to(writer.device)
for _ in range(3):
    with torch.no_grad():  # logits: raw scores; softmax turns them into probabilities
        best = writer(ids).logits[0, -1].softmax(-1).topk(5)  # -1: the last
    guesses = zip(pieces.batch_decode(best.indices[:, None]), best.values.tolist())
    print(pieces.decode(ids[0], skip_special_tokens=True), "...")
    print("   ", *(f"{token.strip()} {chance:.2f} " for token, chance in guesses))
    ids = torch.cat([ids, best.indices[None, :1]], dim=1)

# %% [markdown]
# The probability of a text, given its first token, is the product of its steps. Products of many small numbers vanish, so one adds logarithms; the library's **loss** is minus their mean, and a text of *n* steps has the probability exp(-*n* · loss). Two steps of 1/2 and 1/4: the product is 1/8, the loss (ln 2 + ln 4) / 2.

# %% tags=["c1.02"]
with torch.no_grad():
    logits, loss = writer(ids).logits[0, :-1], writer(ids, labels=ids).loss
steps = logits.softmax(-1).gather(1, ids[0, 1:, None])  # of the tokens that came
same = torch.isclose(steps.prod(), torch.exp(-len(steps) * loss), rtol=1e-4)
run.check("product of the steps = exp(-n · loss)", same, f"{len(steps)} steps")

# %% [markdown]
# How did we get here? The next three sections follow one task, *which texts mean the same?*, through three ways of turning text into numbers: counts, word vectors, Transformers.
#
# ## 2 · Counting forgets meaning
#
# The oldest way: list all words (the *vocabulary*), and count each in the text. Order is thrown away, hence the name **bag-of-words**.

# %% tags=["c1.05", "c1.07"]
import re
from collections import Counter

import numpy as np
import pandas as pd


def bag_of_words(texts):
    """Sorted vocabulary, and one row of counts per text."""
    bags = [Counter(re.findall(r"\w\w+", text.lower())) for text in texts]
    words = sorted(set().union(*bags))
    return words, np.array([[bag[word] for word in words] for bag in bags])


four = ["the dog bites the man", "the man bites the dog"]
four += ["great film", "wonderful movie"]
words, counts = bag_of_words(four)
pd.DataFrame(counts, four, words)

# %% [markdown]
# Two things went wrong. Who bites whom is gone: the first two rows are equal. And the last two, which mean the same, share nothing. For a number, take the **cosine** of the angle between two rows: 1 for the same direction, 0 for nothing in common.

# %% tags=["c1.07"]
def unit(rows):
    """Rows scaled to length 1, so that a dot product is a cosine."""
    return np.asarray(rows) / np.linalg.norm(rows, axis=-1, keepdims=True)


dog, man, film, movie = unit(counts)
run.check("who bites whom: cosine 1", np.isclose(dog @ man, 1))
run.check("great film, wonderful movie: cosine 0", film @ movie == 0)

# %% tags=["c1.05"]
# now film reviews in place of four scraps, and scikit-learn in place of our lines;
# train is there to learn from, test to judge on what nobody has learned from
LABELS = ["negative", "positive"]
reviews = corpora.load("reviews")
kept = {s: [r for r in reviews[s] if r["label"] in LABELS][:2000] for s in reviews}
text = {s: [r["text"] for r in rows] for s, rows in kept.items()}
label = {s: np.array([r["label"] for r in rows]) for s, rows in kept.items()}

# %% tags=["c1.05"]
from sklearn.feature_extraction.text import CountVectorizer

words, counts = bag_of_words(text["train"])
vectorizer = CountVectorizer().fit(text["train"])
theirs = vectorizer.transform(text["train"])
run.check("our matrix = CountVectorizer's", np.array_equal(counts, theirs.toarray()))
print(len(counts), "texts,", len(words), f"words, {np.mean(counts == 0):.1%} zeros")

# %% [markdown]
# ### A bag of words can still judge
#
# For all it forgets, the bag is a **representation**: numbers that stand for a text, from which something can be learned. A *logistic regression* finds a weight for each word such that the weighted counts of good reviews come out positive.

# %% tags=["c1.08"]
from sklearn.linear_model import LogisticRegression

judge = LogisticRegression(max_iter=1000).fit(theirs, label["train"])
truth = label["test"]  # reviews that it has not seen
counted_right = judge.predict(vectorizer.transform(text["test"])) == truth
majority = (truth == max(LABELS, key=list(label["train"]).count)).mean()

# %% tags=["c1.08"]
from utils import scores

low, high = scores.interval(np.mean, counted_right, resamples=RESAMPLES)
print(f"right {counted_right.mean():.2f}, 95 % interval {low:.2f} to {high:.2f}")
print(f"always the same answer {majority:.2f}")
run.check("at least 10 points above", counted_right.mean() >= majority + 0.10)

# %% [markdown]
# The *interval* says how far the number could move with other reviews of the same kind: draw as many with replacement, count again, a thousand times, and keep the middle 95 % (chapter 4 builds it). The trained model stays the same throughout.
#
# ### Pieces for words nobody has seen
#
# A word that no training text had is in no column: its row is all zeros. Modern tokenizers cut rare words into pieces that do occur, and these can be counted, too.

# %% tags=["c1.06"]
from sentence_transformers import SentenceTransformer

spec = models.find("embedder")
encoder = SentenceTransformer(spec.path, **spec.options)
cut = encoder.tokenizer.tokenize
print(cut("unwatchably"))

# %% tags=["c1.06"]
by_piece = CountVectorizer(tokenizer=cut, token_pattern=None).fit(text["train"])
known_words = vectorizer.transform(["unwatchably"]).sum()
known_pieces = by_piece.transform(["unwatchably"]).sum()
print(f"known words {known_words}, known pieces {known_pieces}")
run.check("no word of it is known, but pieces are", known_words == 0 < known_pieces)

# %% [markdown]
# ### The test: twelve pairs that mean nearly the same
#
# The two halves of each line share not one word. Can a representation find the partner of each left half among the twelve right halves?

# %% tags=["c1.04"]
said = """The physician examined a sick child | Doctors checked an ill kid
My automobile broke down yesterday | Our car stopped working last night
This film was dreadful | That movie is awful
He purchased some inexpensive shoes | She bought cheap boots
Heavy rain flooded the streets | A storm put roads under water
The pupils feared their examination | Students were nervous about a test
An infant is weeping | The baby cries
We had supper at eight | They ate dinner in the evening
The aircraft landed safely | A plane touched down without trouble
Prices climbed sharply | Everything became much more expensive
The monarch gave a speech | Our king addressed his people
Her residence is enormous | That house they own looks huge"""
left, right = zip(*[line.split(" | ") for line in said.splitlines()])
_, counts = bag_of_words(left + right)
one, other = unit(counts).reshape(2, 12, -1)
run.check("counts: all twelve cosines are 0", np.all((one * other).sum(axis=1) == 0))

# %% [markdown]
# ## 3 · Near vectors, near meaning
#
# Give each word not a column of its own but a point in a space, such that words used alike lie close together. Nobody places them: training does, by moving them until texts become predictable. Such points are **word embeddings**; *word2vec* (2013) learned nothing else. Every language model holds a table of them, one row for each token, as its first layer. Ours comes from an encoder trained to bring like texts together. The neighbours of *king*:

# %% tags=["c1.09"]
table = encoder.transformers_model.get_input_embeddings().weight.detach().cpu().numpy()
vocabulary = encoder.tokenizer.get_vocab()
whole = [w for w in vocabulary if re.fullmatch("[a-z]{3,}", w)]  # no pieces
rows = np.array([table[vocabulary[w]] for w in whole])
print(len(whole), "words, each a point with", table.shape[1], "coordinates")

# %% tags=["c1.09"]
def nearest(word, count=12):
    """The words with the highest cosine to a word, itself left out."""
    cosines = unit(rows) @ unit(table[vocabulary[word]])
    return [whole[i] for i in (-cosines).argsort(kind="stable")[1 : count + 1]]


print(*nearest("king"))

# %% tags=["c1.09"]
royal = """kings queen queens prince princess monarch monarchs monarchy royal royals
kingdom kingdoms throne emperor ruler rulers crown reign pharaoh""".split()
found = sum(word in royal for word in nearest("king"))
run.check("queen is among the three nearest", "queen" in nearest("king", 3))
run.check("at least four of the twelve are royal", found >= 4, f"{found}")

# %% [markdown]
# A picture needs two dimensions. *PCA* turns the cloud so that its shadow on the page is as wide as possible.

# %% tags=["c1.09"]
from sklearn.decomposition import PCA

groups = [[word, *nearest(word, 20)] for word in ["king", "doctor", "river", "piano"]]
groups = [[w for w in group if not w.endswith("s")][:7] for group in groups]
cloud = np.array([[table[vocabulary[w]] for w in group] for group in groups])
flat = PCA(2, svd_solver="full").fit_transform(unit(cloud).reshape(28, -1))

# %% tags=["c1.09"]
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(8.5, 4.2))
for group, points, color in zip(groups, flat.reshape(4, 7, 2), plots.PALETTE):
    ax.scatter(*points.T, s=14, color=color)
    for rank, i in enumerate(points[:, 1].argsort()):  # labels take turns: up, down
        bold = dict(color=color, fontweight="normal" if i else "bold")
        side = (4, -7 + 8 * (rank % 2))
        ax.annotate(group[i], points[i], side, textcoords="offset points", **bold)
ax.axis("off")
plots.show(figure, "Words around king, doctor, river and piano: four clusters.")

# %% [markdown]
# **Figure 1.** Four words (bold) and the six nearest to each, plurals left out. The groups keep apart although the picture drops all but two of the coordinates. *King* and *queen* are close: near means *used alike*, not *meaning the same*.
#
# ### Three ways to say near
#
# Of two vectors *a* and *b*: the **dot product** multiplies number by number and adds up; the **cosine** does so after both were scaled to length 1; the **Euclidean distance** is what a ruler measures (it falls as the other two rise). By hand, for (3, 4) and (6, 8): dot 18 + 32 = 50, lengths 5 and 10, cosine 50/50 = 1, distance 5. The same direction, yet far apart.

# %% tags=["c1.10"]
from sklearn.metrics import pairwise

a, b = np.array([[3.0, 4.0]]), np.array([[6.0, 8.0]])
ours = (a @ b.T).item(), (unit(a) @ unit(b).T).item(), np.linalg.norm(a - b)
kernels = "linear_kernel", "cosine_similarity", "euclidean_distances"
theirs = [getattr(pairwise, kernel)(a, b).item() for kernel in kernels]
run.check("by hand = scikit-learn", np.allclose(ours, theirs, atol=1e-6), f"{theirs}")

# %% [markdown]
# Do they rank alike? Not in general: long vectors win by dot product. On unit vectors they must, since there the squared distance is 2 - 2 · cosine.

# %% tags=["c1.10"]
def rankings(query, candidates):
    """The twelve nearest by dot product, by cosine, and by distance."""
    dots, cosines = candidates @ query, unit(candidates) @ unit(query)
    keys = [-dots, -cosines, np.linalg.norm(candidates - query, axis=1)]
    return {tuple(key.argsort(kind="stable")[:12].tolist()) for key in keys}

# %% tags=["c1.10"]
king = table[vocabulary["king"]]
run.check("raw vectors: the rankings differ", len(rankings(king, rows)) > 1)
run.check("unit vectors: one ranking", len(rankings(unit(king), unit(rows))) == 1)
squared = ((unit(rows) - unit(king)) ** 2).sum(axis=1)
same = np.allclose(squared, 2 - 2 * unit(rows) @ unit(king), atol=1e-5)
run.check("squared distance = 2 - 2 · cosine", same)

# %% [markdown]
# ### The twelve pairs again
#
# A text's simplest vector is the mean of its words' vectors. Beside it stands the whole encoder, a **Transformer**: layers of attention, which the next section opens.

# %% tags=["c1.04"]
def mean_of_words(texts):
    """Mean of the rows of the embedding table, for each text."""
    lists = encoder.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return np.array([table[ids].mean(axis=0) for ids in lists])


def tested(encode):
    """Partners found; cosine to partner, to others, gap; cosine of reordered words."""
    between = unit(encode(left)) @ unit(encode(right)).T
    own, others = np.diag(between), between[~np.eye(12, dtype=bool)].reshape(12, 11)
    first, second = unit(encode(four[:2]))
    gap = (own.mean() - others.mean()) / others.std()
    return sum(own > others.max(axis=1)), own.mean(), others.mean(), gap, first @ second


bag = CountVectorizer().fit([*left, *right, *four])
ways = {"counts": lambda texts: bag.transform(texts).toarray(),
        "mean of word vectors": mean_of_words,
        "Transformer": lambda texts: encoder.encode(list(texts))}
columns = ["found of 12", "cosine to partner", "to others", "gap in spreads",
           "dog bites, man bites"]
history = pd.DataFrame({name: tested(way) for name, way in ways.items()}, columns).T
history.round(2)

# %% tags=["c1.04"]
partners, order = history["found of 12"].tolist(), history["dog bites, man bites"]
run.check("none by counts, all by Transformer", (partners[0], partners[2]) == (0, 12))
run.check("only the Transformer sees the order", order.iloc[2] < 0.999 < order.iloc[1])

# %% [markdown]
# Word vectors alone solve the pairs: synonyms were the hard part, and a mean is enough for that. Raw cosines of different spaces do not compare, but the *gap*, in standard deviations of the strangers, does: the Transformer holds the two further apart. But look at the last column: a mean cannot tell who bites whom, and the Transformer hardly does.
#
# ## 4 · Attention lets words change each other
#
# In a table of word embeddings *bank* has one row, whether money or water runs past it. **Attention** mixes the vectors of a text. Each token *scores* every token (a dot product: how much do you concern me?); a **softmax** turns the scores into weights that sum to 1 (the exponential of each, divided by their sum); the token's new vector is the weighted mean of all. (Bahdanau and others brought it to translation in 2014.) Scores are divided by the root of the number of coordinates, lest they grow with it. By hand, three tokens of two numbers: (1, 0), (0, 1), (1, 1). The third scores them 1, 1, 2; divided by √2, their exponentials are about 2, 2, 4, and the weights 1/4, 1/4, 1/2.

# %% tags=["c1.11"]
def attend_from(position, vectors):
    """Weights and new vector of one token: score, softmax, weighted mean."""
    scored = vectors @ vectors[position] / len(vectors[position]) ** 0.5
    weights = np.exp(scored) / np.exp(scored).sum()
    return weights, weights @ vectors

# %% tags=["c1.11"]
three = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
looped = [attend_from(position, three) for position in range(3)]
for vector, (weights, changed) in zip(three, looped):
    print(vector, "weights", weights.round(2), "->", changed.round(2))
run.check("weights sum to 1", np.allclose([w.sum() for w, _ in looped], 1))

# %% [markdown]
# Nothing in this loop waits for the step before: two matrix products do all positions at once. That is why Transformers train fast on hardware that multiplies matrices, and *recurrent* networks before them, which read word by word, did not.

# %% tags=["c1.11", "c1.13"]
import torch.nn.functional as F

scored = three @ three.T / 2**0.5  # all positions at once
weights = np.exp(scored) / np.exp(scored).sum(axis=1, keepdims=True)
mixed = weights @ three
run.check("two matrix products = the loop", np.allclose(mixed, [m for _, m in looped]))
batch = torch.tensor(three)[None]  # queries, keys and values: here the same
library = F.scaled_dot_product_attention(batch, batch, batch)[0].numpy()
run.check("= scaled_dot_product_attention", np.allclose(mixed, library, atol=1e-6))

# %% [markdown]
# A trained model first multiplies each vector by three learned matrices (what I ask, what I offer, what I pass on: *query*, *key*, *value*), does so several times side by side (*heads*), and stacks such layers, each with a *feed-forward* part for each vector alone. Attention is blind to order, so positions are built in, too; chapter 3 takes it apart. Does it bring context? Eight times *bank*, its vector read from the last layer:

# %% tags=["c1.12"]
river = ["They sat on the bank of the river and watched the ducks.",
         "The little boat drifted towards the muddy bank.",
         "Willows grow along the grassy bank of the stream.",
         "He fished from the steep bank of the lake."]
money = ["She took her savings to the bank.", "He opened an account at the bank.",
         "The bank raised the interest on its loans.",
         "The bank lends money to small firms."]

# %% tags=["c1.12"]
reader = encoder.transformers_model  # the Transformer inside the encoder


def vectors_of(word, texts):
    """The last layer's vector of one word in each text, scaled to length 1."""
    found = []
    for ids in (encoder.tokenizer(t, return_tensors="pt") for t in texts):
        with torch.no_grad():
            states = reader(**ids.to(reader.device)).last_hidden_state[0]
        found.append(states[ids.input_ids[0].tolist().index(vocabulary[word])])
    return unit(torch.stack(found).cpu().numpy())

# %% tags=["c1.12"]
banks = np.vstack([vectors_of("bank", river), vectors_of("bank", money)])
cosines = banks @ banks.T
names = [f"{sense} {i}" for sense in ("river", "money") for i in range(1, 5)]
figure, ax = plt.subplots(figsize=(7, 3.2))
plots.heat(ax, cosines, names, names, top=1.0, low=0.5)
plots.show(figure, "Cosines of eight vectors of bank: on average higher in a sense.")

# %% [markdown]
# **Figure 2.** Cosines between eight vectors of the same word, four times by a river, four times with money. The table of embeddings would fill every field with 1. Now cover the words that give the river away; and, as a control, *all the others* instead:

# %% tags=["c1.12"]
cues = """ducks river boat drifted little muddy willows grow grassy stream fished
steep lake""".split()
mask = encoder.tokenizer.mask_token


def cover(these):
    """The river sentences without their cues, or without all other words but bank."""
    def shown(m):
        return mask if (m[0].lower() in cues) == these else m[0]
    return [re.sub(r"\b(?!bank\b)\w+", shown, sentence) for sentence in river]


covered, control = cover(True), cover(False)
print(covered[0], control[0], sep="\n")
pairs = np.triu_indices(4, 1)  # each pair of different sentences once
same = np.mean([cosines[:4, :4][pairs], cosines[4:, 4:][pairs]])
across = cosines[:4, 4:].mean()
without, cues_only = ((vectors_of("bank", texts) @ banks[4:].T).mean()
                      for texts in (covered, control))
print(f"same sense {same:.2f}, across {across:.2f}")
print(f"across, cues covered {without:.2f}, the others covered {cues_only:.2f}")
run.check("same sense is nearer, by 0.05 at least", same > across + 0.05)
run.check("without its cues the river drifts towards money", without > across + 0.02)
run.check("more than without the other words", without > cues_only)

# %% [markdown]
# ## 5 · One mechanism, two families
#
# May a token attend to the tokens *after* it? To understand, why not; to learn writing, no: training predicts all positions at once, and the answer would be in view. That one choice, the **mask**, makes two families.
#
# - **Encoders** (BERT) look both ways and return a vector per token: **representation models**.
# - **Decoders** (GPT) look back only and return a probability per next token: **generative models**.
#
# Both learn from bare text, without labels: the encoder fills gaps, the decoder continues.

# %% tags=["c1.13"]
def attention(network, cutter):
    """Tokens, and weights of shape (layers and heads, from, to)."""
    usual_form = network.config._attn_implementation
    network.set_attn_implementation("eager")  # the plain form, which shows its weights
    ids = cutter("She sat on the bank of the river", return_tensors="pt")
    ids = ids.to(network.device)
    with torch.no_grad():
        layers = network(**ids, output_attentions=True).attentions
    network.set_attn_implementation(usual_form)
    shown = [cutter.decode([i]).strip() for i in ids.input_ids[0].tolist()]
    return shown, torch.cat(layers).float().flatten(0, 1).cpu().numpy()


families = {"encoder": (reader, encoder.tokenizer), "decoder": (writer, pieces)}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.9))
ahead = []
for ax, (name, family) in zip(axes, families.items()):
    shown, weights = attention(*family)
    ahead.append(np.triu(weights, 1).max())  # right of the diagonal
    ax.imshow(weights.mean(axis=0) ** 0.5)
    ax.set_xticks(range(len(shown)), shown, rotation=90)
    ax.set_yticks(range(len(shown)), shown)
    ax.grid(False)
    ax.set_title(f"{name}: from row to column")
plots.show(figure, "Attention weights: a full square, and a lower triangle.")
run.check("the encoder looks ahead, the decoder never", min(ahead) == 0 < max(ahead))
print("largest weight on a later token: encoder {:.2f}, decoder {:.2f}".format(*ahead))

# %% [markdown]
# **Figure 3.** Who attends to whom, mean over layers and heads (square root, so that small weights show). Right of the diagonal lies the future, used by one family only. In the laptop profile the first column holds much of the weight in most rows; perhaps a token that finds nothing of interest puts it there.
#
# Seen from outside: change the *last* word. Does the vector of an *early* one move?

# %% tags=["c1.16"]
def moved(network, cutter):
    """Largest change of the second token's vector when the last word changes."""
    early = []
    for last in ("river", "king"):
        ids = cutter(f"The bank of the {last}", return_tensors="pt").to(network.device)
        with torch.no_grad():
            states = network(**ids, output_hidden_states=True).hidden_states
        early.append(states[-1][0, 1].float())
    return (early[0] - early[1]).abs().max().item()


in_encoder, in_decoder = (moved(*family) for family in families.values())
run.check("in the encoder it moves", in_encoder > 1e-3, f"{in_encoder:.1f}")
run.check("in the decoder it does not", in_decoder < 1e-6)

# %% [markdown]
# ### The encoder fills gaps
#
# `masked` is of BERT's class. One word of each test story is covered; the baseline always says the commonest word.

# %% tags=["c1.14"]
stories = corpora.load("stories")
filler = pipeline("fill-mask", models.find("masked").path, top_k=1)
rng, gaps, covered_words = np.random.default_rng(run.seed), [], []
for story in stories["test"]["story"]:
    spots = list(re.finditer(r"\b[a-z]+\b", story))
    start, end = spots[rng.integers(len(spots))].span()
    covered_words.append(story[start:end])
    gaps.append(story[:start] + filler.tokenizer.mask_token + story[end:])
filled = [best[0]["token_str"].strip() for best in filler(gaps)]
print(fill(gaps[0], 88))
print(f"filled in: {filled[0]}; it was: {covered_words[0]}")

# %% tags=["c1.14"]
seen = Counter(re.findall(r"\b[a-z]+\b", " ".join(stories["train"]["story"])))
commonest = seen.most_common(1)[0][0]
right_word = np.mean([f == c for f, c in zip(filled, covered_words)])
always = np.mean([commonest == c for c in covered_words])
run.check("at least twice the commonest word's", right_word >= 2 * always)
print(f"filled rightly {right_word:.2f}; always '{commonest}' {always:.2f}")

# %% [markdown]
# ### The decoder continues
#
# `base` guesses each next token of the same stories. Its rival from the age of counting is a *bigram table*: for each token, the one that followed it most often in 300 training stories.

# %% tags=["c1.15"]
encoded = {s: pieces(list(stories[s]["story"]))["input_ids"] for s in stories}
followers = {}
for ids in encoded["train"]:
    for now, then in zip(ids, ids[1:]):
        followers.setdefault(now, Counter())[then] += 1
usual = Counter(sum(encoded["train"], [])).most_common(1)[0][0]

# %% tags=["c1.15"]
def next_right(ids):
    """Share of next tokens guessed: always the usual token, bigram table, model."""
    with torch.no_grad():
        logits = writer(torch.tensor([ids], device=writer.device)).logits[0, :-1]
    nobody = Counter([usual])
    counted = [followers.get(i, nobody).most_common(1)[0][0] for i in ids[:-1]]
    guesses = [[usual] * len(counted), counted, logits.argmax(-1).tolist()]
    return [np.mean(np.array(guess) == ids[1:]) for guess in guesses]

# %% tags=["c1.15"]
next_scores = np.array([next_right(ids) for ids in encoded["test"]])
lazy, counting, today = next_scores.mean(axis=0)
print(f"usual token {lazy:.2f}, bigram table {counting:.2f}, decoder {today:.2f}")
run.check("at least 5 points above the bigram table", today > counting + 0.05)

# %% [markdown]
# (In the laptop profile `base` learned from the same generator.)
#
# ### Two families in one table
#
# What goes in is the same for all, token ids. What comes out tells what a model is for.

# %% tags=["c1.17"]
classify = pipeline("text-classification", models.find("sentiment").path)
cast = {
    "masked": (filler.model, filler.tokenizer, "both ways", "the covered token"),
    "embedder": (reader, encoder.tokenizer, "both ways", "near vectors for near texts"),
    "sentiment": (classify.model, classify.tokenizer, "both ways", "a label"),
    "base": (writer, pieces, "back only", "the next token"),
    "chat": (model, tokenizer, "back only", "the next token of an answer"),
}
lines = {}
for role, (network, cutter, looks, goal) in cast.items():
    ids = cutter("The bank of the river", return_tensors="pt").to(network.device)
    with torch.no_grad():
        shape = tuple(network(**ids)[0].shape)
    lines[role] = type(network).__name__, looks, goal, shape
family = pd.DataFrame(lines, ["class", "looks", "learned to give", "output"]).T
family

# %% tags=["c1.17"]
wide = {role: shape[-1] for role, shape in family["output"].items()}
sizes = {"masked": filler.model.config.vocab_size, "base": writer.config.vocab_size,
         "chat": model.config.vocab_size, "embedder": table.shape[1],
         "sentiment": len(classify.model.config.id2label)}
run.check("a score per token, a vector, a score per label", wide == sizes)

# %% [markdown]
# ## 6 · Seven jobs, one toolbox
#
# **Language AI** is older than Transformers. Each job used to have a system of its own, and many of these counted; now one architecture, trained for each, does them all. For seven jobs, three systems side by side: a *lazy* one that anybody writes in a line, one from the age of *counting*, and a *Transformer*. (An eighth, *speech recognition*, needs sound: a Transformer reads slices of a spectrogram as it reads words. Chapter 9 does the like with patches of images.)

# %% tags=["c1.03", "c1.22"]
board = {}


def enter(job, lazy, counting, today, statistic=np.mean, reach_of=scores.interval):
    """Value and 95 % interval of three systems, each a tuple of columns or one."""
    board[job] = []
    for columns in (lazy, counting, today):
        columns = columns if isinstance(columns, tuple) else (columns,)
        reach = reach_of(statistic, *columns, resamples=RESAMPLES)
        board[job].append((float(statistic(*columns)), *reach))
    print(f"{job}:", *(f"{value:.2f}" for value, _, _ in board[job]))


enter("next token", *next_scores.T)

# %% [markdown]
# ### Translation
#
# This job brought the Transformer about: an encoder reads one language, and a decoder writes the other while attending to the encoder. `seq2seq` (T5) is of this third kind, and a prefix names the task.

# %% tags=["c1.18"]
from transformers import AutoModelForSeq2SeqLM

spec = models.find("seq2seq")
t5_tokenizer = AutoTokenizer.from_pretrained(spec.path)
t5 = AutoModelForSeq2SeqLM.from_pretrained(spec.path, **spec.options)


def rewritten(prefix, texts):
    """What seq2seq makes of each text, greedily."""
    prompts = [prefix + t for t in texts]
    ids = t5_tokenizer(prompts, padding=True, return_tensors="pt").to(t5.device)
    out = t5.generate(**ids, max_new_tokens=60, do_sample=False, num_beams=1)
    return [t.strip() for t in t5_tokenizer.batch_decode(out, skip_special_tokens=True)]

# %% tags=["c1.18"]
sentences = corpora.load("translations")
english, french = (sentences["test"][c][:CASES] for c in ("english", "french"))
translated = rewritten("translate English to French: ", english)
print(english[0], french[0], translated[0], sep="\n")

# %% [markdown]
# The rival learns a dictionary from 800 translated sentences. At first any French word may translate any English word beside it; then, round by round, pairs that keep appearing together gain at the cost of the rest. This is *IBM Model 1* (Brown and others, 1993). We use only its dictionary, each word's likeliest partner, in English order: no language model, no reordering.

# %% tags=["c1.18"]
from collections import defaultdict


def words_of(sentence):
    return re.findall(r"\w+'?", sentence.lower())


both = [(words_of(r["english"]), words_of(r["french"])) for r in sentences["train"]]
belief = defaultdict(lambda: 1.0)  # how well does an English word explain a French one
for _ in range(5):
    shares, totals = Counter(), Counter()
    for source, target in both:
        for f in target:
            competing = sum(belief[e, f] for e in source)
            for e in source:
                shares[e, f] += belief[e, f] / competing
                totals[e] += belief[e, f] / competing
    belief = {pair: share / totals[pair[0]] for pair, share in shares.items()}

# %% tags=["c1.18"]
dictionary = dict(sorted(belief, key=lambda pair: (belief[pair], pair)))  # best last
looked_up = [[dictionary.get(w, w) for w in words_of(t)] for t in english]
gold = [words_of(t) for t in french]
print(" ".join(looked_up[0]))

# %% tags=["c1.18"]
systems = [words_of(t) for t in english], looked_up, [words_of(t) for t in translated]
exact = [[t == g for t, g in zip(texts, gold)] for texts in systems]
enter("translation", *exact)
single = [np.mean([w in g for t, g in zip(s, gold) for w in t]) for s in systems]
print("single words right:", *(f"{share:.2f}" for share in single))
run.check("more sentences right than word by word", sum(exact[2]) > sum(exact[1]))

# %% [markdown]
# Whole sentences right: lazy (it returned the English), dictionary, Transformer. The dictionary has most words right, and hardly a sentence: French puts most adjectives after the noun and makes them agree with it, which counts of single words cannot show.
#
# ### Classification
#
# A label for a text (chapters 4 and 11): a ready-made classifier against the bag of words of section 2, on 200 of its test reviews. A *neutral* counts as wrong.

# %% tags=["c1.19"]
two_hundred, wanted = text["test"][:200], truth[:200]
answers = np.array([a["label"] for a in classify(two_hundred, batch_size=32)])
always = wanted == max(LABELS, key=list(label["train"]).count)
enter("classification", always, counted_right[:200], answers == wanted)
run.check("20 points above lazy", np.mean(answers == wanted) > always.mean() + 0.20)

# %% [markdown]
# ### Summarisation
#
# The lazy system takes the first sentence; the counting one (after Luhn, 1958) takes the sentence whose words, but for the likes of *the* and *of*, are the most frequent in the story. The measure, *ROUGE-1*, is the harmonic mean of two shares: of the summary's words that are in the reference, and of the reference's that are in the summary.

# %% tags=["c1.20"]
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS


def rouge(summary, reference):
    """ROUGE-1 F: shared words, against the words of both."""
    ours, theirs = Counter(words_of(summary)), Counter(words_of(reference))
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())


def after_luhn(parts):
    """The sentence whose words, stop words out, are on average the most frequent."""
    told = [w for w in words_of(" ".join(parts)) if w not in ENGLISH_STOP_WORDS]
    seen = Counter(told)
    return max(parts, key=lambda s: np.mean([seen[w] for w in words_of(s)] or [0]))

# %% tags=["c1.20"]
tales = corpora.load("summaries")["test"][:CASES]
parted = [re.split(r"(?<=[.!?]) ", tale) for tale in tales["story"]]
short = rewritten("summarize: ", tales["story"])
systems = [p[0] for p in parted], [after_luhn(p) for p in parted], short
rouges = [[rouge(*pair) for pair in zip(s, tales["summary"])] for s in systems]
enter("summarisation", *rouges)

# %% tags=["c1.20"]
print(fill(tales["story"][0], 88), "->", short[0], sep="\n")
length = sum(map(len, short)) / sum(map(len, tales["story"]))
first, counted_out, made = (np.mean(rouge_of) for rouge_of in rouges)
print(f"first sentence {first:.2f}, after Luhn {counted_out:.2f}, seq2seq {made:.2f}")
run.check("nearer to the reference than either rival", made > max(first, counted_out))
run.check("at most a third as long", length <= 1 / 3, f"{length:.2f}")

# %% [markdown]
# Here counting loses even to the first sentence.
#
# ### Copywriting
#
# A product in, a slogan out. Counting has little to offer; its place takes a form to fill in. A slogan scores if it names the product; those that are the same but for the name share one point.

# %% tags=["c1.21"]
names = """Brumo Tavik Zelda Orbo Pluma Nimbo Kasto Vendi Lumo Fresco
Dorso Quilla Stello Mirka Tondo Balto Rivva Senzo Gribo Halvo""".split()
things = """small umbrella, red glove, new thermos, simple chair, sturdy desk, tiny
boat, handy pen, warm quilt, bright torch, modern keyboard, small bottle,
red jacket, new suitcase, pretty pan, simple sponge, blue tricycle, sturdy
fork, red skirt, handy spoon, modern stove""".replace("\n", " ").split(", ")
traits = ["folds flat", "cleans itself", "stays cool in summer", "talks to your phone"]
wares = [f"{n}, a {thing}" for n, thing in zip(names, things)]
wares = [f"{ware} that {traits[i % 4]}" for i, ware in enumerate(wares)]


def without_names(slogans):
    """The slogans with ... for the name of the product, a whole word."""
    return [re.sub(rf"\b{n}\b", "...", s) for n, s in zip(names, slogans)]


def points_of(slogans):
    """For each slogan: 0 without the name, else 1 / how often its template came."""
    bare = without_names(slogans)
    return [(b != s) / bare.count(b) for b, s in zip(bare, slogans)]


asked = [[{"role": "user", "content": f"Write a short slogan for {w}."}] for w in wares]
replies = chat(asked, batch_size=10, **style)
slogans = [reply[0]["generated_text"].strip() for reply in replies]
systems = ["Buy it today!"] * 20, [f"Buy {name} today!" for name in names], slogans
enter("copywriting", *map(points_of, systems))

# %% tags=["c1.21"]
print(*[f"{ware}: {slogan}" for ware, slogan in zip(wares[:4], slogans)], sep="\n")
bare = without_names(slogans)
print("different slogans once the name is taken out:", len(set(bare)), "of 20")
different, named = len(set(slogans)), np.mean([b != s for b, s in zip(bare, slogans)])
run.check("15 or more differ, if only by name", different >= 15, f"{different} of 20")
run.check("at least 80 % name the product", named >= 0.8, f"{named:.0%}")

# %% [markdown]
# ### Semantic search
#
# Find the passage that answers a question in other words (chapter 8). The counting system is *TF-IDF*: shared words, rare ones weighing more. A hit is a right passage among the first three; the lazy system shuffles. Only *paraphrases* count, questions that avoid the passage's words: the hard case for counting. The line below has the others, where shared words may do as well.

# %% tags=["c1.23"]
from sklearn.feature_extraction.text import TfidfVectorizer

passages = corpora.load("passages")["all"]
split = corpora.load("questions")
asked = [q for name in ("tune", "test") for q in split[name]]
asked = [q for q in asked if 3 in q["grades"].values()]  # it has a full answer
hard = np.array([q["type"] == "paraphrase" for q in asked])
wording, stored = [q["question"] for q in asked], list(passages["text"])
shelf = corpora.vectors("passages", models.find("embedder"), encoder.encode)["all"]
tfidf = TfidfVectorizer().fit(stored)
shared = (tfidf.transform(wording) @ tfidf.transform(stored).T).toarray()
near = unit(encoder.encode(wording)) @ unit(shelf).T
shuffled = np.random.default_rng(run.seed).random(near.shape)


def hit(question, row):
    """Is one of the three best passages a full answer?"""
    top = [passages["id"][i] for i in (-row).argsort(kind="stable")[:3].tolist()]
    return any(question["grades"].get(i) == 3 for i in top)


hits = [[hit(*pair) for pair in zip(asked, s)] for s in (shuffled, shared, near)]
hits = np.array(hits)
enter("search", *hits[:, hard])
print(f"{sum(hard)} paraphrases, {len(stored)} passages; {sum(~hard)} other questions:",
      *(f"{share:.2f}" for share in hits[:, ~hard].mean(axis=1)))
only = np.flatnonzero(hits[2] & ~hits[1] & hard)[0]
print(wording[only], "->", fill(stored[near[only].argmax()], 88), sep="\n")
run.check("more hits than by shared words", sum(hits[2, hard]) > sum(hits[1, hard]))

# %% [markdown]
# Above: a paraphrase that only the Transformer answered.
#
# ### Clustering
#
# Sort texts into groups that nobody has named (chapter 5). *k-means* moves five centres until each is the mean of the texts nearest to it. The measure, the *adjusted Rand index*, compares the groups with the true fields, pair by pair: 1 is the same grouping, 0 what chance gives. The lazy system shuffles the groups. The groups are made once; their true number is given. A text drawn twice would agree with itself, so this interval takes random *halves* without repeats.

# %% tags=["c1.24"]
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

FIELDS = ["machine translation", "parsing and syntax", "question answering",
          "sentiment and opinion analysis", "speech recognition"]
papers = corpora.load("abstracts", "laptop")["all"]
field = np.array(papers["field"])
some = np.concatenate([np.flatnonzero(field == name)[:40] for name in FIELDS])
abstract = [papers["text"][int(i)] for i in some]
small = models.find("embedder", "laptop")  # its vectors are stored
points = corpora.vectors("abstracts", small, encoder.encode)["all"][some]
counted = TfidfVectorizer(stop_words="english").fit_transform(abstract)

# %% tags=["c1.24"]
def by_halves(statistic, *columns, resamples):
    """Interval from random halves of the rows, none of them twice."""
    rng, n = np.random.default_rng(run.seed), len(columns[0])
    halves = [rng.permutation(n)[: n // 2] for _ in range(resamples)]
    values = [statistic(*(column[half] for column in columns)) for half in halves]
    return np.percentile(values, [2.5, 97.5])


kmeans = KMeans(n_clusters=5, n_init=10, random_state=run.seed)
groups = kmeans.fit_predict(unit(points))
shuffled = np.random.default_rng(run.seed).permutation(groups)
truth_5 = np.repeat(range(5), 40)
sides = [(truth_5, found) for found in (shuffled, kmeans.fit_predict(counted), groups)]
enter("clustering", *sides, statistic=adjusted_rand_score, reach_of=by_halves)

# %% tags=["c1.24"]
run.check("far above chance", board["clustering"][2][0] > 0.3)
run.check("shuffled groups are at chance", abs(board["clustering"][0][0]) < 0.05)
pd.crosstab(field[some], groups, rownames=["field"], colnames=["group"])

# %% [markdown]
# ## Is it any good?

# %% tags=["c1.03"]
figure, ax = plt.subplots(figsize=(8.5, 3.6))
marks = {"lazy": ("x", plots.QUIET), "counting": ("s", plots.PALETTE[0]),
         "Transformer": ("o", plots.PALETTE[1])}
down = np.arange(len(board))[::-1]
for place, (name, (mark, color)) in enumerate(marks.items()):
    values = np.array([found[place] for found in board.values()])
    reach = np.abs(values[:, 1:].T - values[:, 0])
    look = dict(fmt=mark, color=color, label=name, capsize=2, lw=1)
    ax.errorbar(values[:, 0], down + 0.2 * (1 - place), xerr=reach, **look)
ax.set_yticks(down, board)
ax.set(xlim=(-0.08, 1.03))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plots.show(figure, "Seven jobs as rows; lazy, counting, Transformer on a scale to 1.")

# %% [markdown]
# **Figure 4.** Seven jobs, three systems, with 95 % intervals. Compare within a row only, since the measures differ. It compares mechanism *plus data*: the Transformers read far more, in the laptop profile much of it by the generators of the test cases. Now a map of the field: what is measured, what counted and from how much, which family does it here, and where the book goes on.

# %% tags=["c1.03"]
system = {
    "next token": ("right", "bigram table", f"{len(stories['train'])} stories",
                   "decoder", 3),
    "translation": ("sentence right", "IBM Model 1", f"{len(both)} pairs",
                    "encoder-decoder", 1),
    "classification": ("right", "bag-of-words", f"{len(text['train'])} reviews",
                       "encoder", 4),
    "summarisation": ("ROUGE-1", "after Luhn", "-", "encoder-decoder", 1),
    "copywriting": ("named and new", "a form", "-", "decoder", 6),
    "search": ("hit in three", "TF-IDF", f"{len(stored)} passages", "encoder", 8),
    "clustering": ("adjusted Rand", "TF-IDF", f"{len(abstract)} abstracts",
                   "encoder", 5),
}
values = [[f"{value:.2f}" for value, _, _ in found] for found in board.values()]
won = sum(found[2][0] > max(found[0][0], found[1][0]) for found in board.values())
run.check("the Transformer leads on (almost) all jobs", won >= AHEAD, f"{won} of 7")
columns = ["measure", "how it counted", "it learned from", "family here", "chapter",
           *marks]
pd.DataFrame([[*system[j], *v] for j, v in zip(board, values)], list(board), columns)

# %% [markdown]
# ## Where it fails
#
# ### It repeats what people wrote about people
#
# Take the vector of "He is a man." from that of "She is a woman.": the direction in which texts get more female. Where do occupations lie on it? And could eight words against eight differ so much by chance? A *permutation test* deals the sixteen values out in all 12,870 ways; *p* is the share of deals with a gap at least as large, either way. (A relative of *WEAT*: Caliskan and others, 2017.)

# %% tags=["c1.25"]
ONE = "nurse secretary librarian nanny dancer receptionist hairdresser florist".split()
TWO = "plumber engineer pilot carpenter soldier mechanic surgeon farmer".split()
she, he = encoder.encode(["She is a woman.", "He is a man."])
along = unit(encoder.encode(ONE + TWO)) @ unit(she - he)
print(f"nurse, secretary ... {along[:8].mean():+.2f}; ", end="")
print(f"plumber, engineer ... {along[8:].mean():+.2f}")

# %% tags=["c1.25"]
from itertools import combinations

deals = [along[list(half)].mean() for half in combinations(range(16), 8)]
by_chance = 2 * np.abs(np.array(deals) - along.mean())  # gap of the two halves
gap = along[:8].mean() - along[8:].mean()
p = np.mean(by_chance >= abs(gap) - 1e-6)
run.check("the two lists differ", gap > 0 and p < 0.05, f"gap {gap:.2f}, p = {p:.4f}")

# %% [markdown]
# Whoever sorts applications by such vectors risks sorting by gender without wanting to. The *p* covers these sixteen words; others give another number (exercise 3), and the texts are measured as much as the model.
#
# ### It never says "I do not know"
#
# One next token is always the likeliest, whether or not there is anything to know. `base` completes sentences about places that do not exist:

# %% tags=["c1.26"]
begun = """The river that flows through the city of Zorvath is called
The king who founded the town of Kelmore was
The highest mountain of Brandolia is
The national dish of the island of Tuvessa is
The capital of Morravia was built by
The people of Norrbeck are famous for
The oldest bridge in Grissel was made of
Every summer the people of Lindvar celebrate
The queen of Estermark is known for
The harbour of Selvane was destroyed by""".splitlines()

# %% tags=["c1.26"]
pieces.pad_token = pieces.pad_token or pieces.eos_token
pieces.padding_side = "left"  # so that all prompts end where writing begins


def continued(prompts, tokens, **how):
    """What base appends to each prompt."""
    ids = pieces(prompts, padding=True, return_tensors="pt").to(writer.device)
    out = writer.generate(**ids, max_new_tokens=tokens, **how)
    new = out[:, ids.input_ids.shape[1] :]
    return pieces.batch_decode(new, skip_special_tokens=True)

# %% tags=["c1.26"]
told = [t.strip().split("\n")[0] for t in continued(begun, 14, do_sample=False)]
print(*[f"{start} [{end}]" for start, end in zip(begun, told)], sep="\n")
declined = re.compile("not know|n't know|no such|not exist|fiction|unknown|sorry")
invented = sum(bool(end) and not declined.search(end) for end in told)
says = f"{invented} of {len(begun)}"
run.check("all completed, none declined", invented == len(begun), says)

# %% [markdown]
# All made up: `base` was never taught to decline. Larger models invent less, not never; chapters 6 and 8 make models answer from given text, and refuse where it is silent. Until then, whoever publishes such a sentence has to answer for it.
#
# ### It repeats what it has read
#
# How much of what it writes stood in training text? We continue test stories, greedily or *sampled* (each token drawn with its probability), and look for the longest run of words that also stands in one of 300 training stories. The baseline is the true end of each story, at equal length: stories of one kind share phrases though neither copied.

# %% tags=["c1.27"]
def runs_of(text, length):
    """All runs of that many words."""
    w = words_of(text)
    return {tuple(w[i : i + length]) for i in range(len(w) - length + 1)}


known = {n: set() for n in range(1, 40)}
for n, tale in ((n, tale) for n in known for tale in stories["train"]["story"]):
    known[n] |= runs_of(tale, n)


def copied(texts):
    """For each text, the longest run of words that stands in a training story."""
    return [max([0, *(n for n in known if runs_of(t, n) & known[n])]) for t in texts]

# %% tags=["c1.27", "nbval-ignore-output"]
openings = [" ".join(tale.split()[:5]) for tale in stories["test"]["story"]]
torch.manual_seed(run.seed)
ways = [continued(openings, 50, do_sample=False),
        continued(openings, 50, do_sample=True, top_k=0),
        [" ".join(tale.split()[5:]) for tale in stories["test"]["story"]]]
ways = [[words_of(end) for end in ends] for ends in ways]
shortest = [min(map(len, three_ends)) for three_ends in zip(*ways)]
cut_off = [[" ".join(e[:n]) for e, n in zip(ends, shortest)] for ends in ways]
greedy, sampled, true = (np.mean(copied(ends)) for ends in cut_off)
print(f"mean of {np.mean(shortest):.0f} words; longest run that training has, mean:")
print(f"greedy {greedy:.0f}, sampled {sampled:.0f}, the true ends {true:.0f}")
run.check("greedy writing repeats longer runs than sampled", greedy > sampled)

# %% [markdown]
# Only what exceeds the true ends would show copying. In the laptop profile one generator made all stories from shared phrases; without the baseline, the first number would look like theft. Where living authors wrote the training text, an excess raises the question whose text it is.
#
# ### Outside its lessons it is lost
#
# `chat` in the laptop profile has learned some skills and a few facts. Ten questions that it was not made for:

# %% tags=["c1.01"]
quiz = {
    "What is the capital of France?": "Paris",
    "Who wrote Hamlet?": "Shakespeare",
    "What is 4837 times 6291?": "30,?429,?567",
    "What is the chemical symbol of gold?": r"\bAu\b",
    "Spell the word umbrella backwards.": "allerbmu",
    "Who won the Nobel Prize in Literature in 2025?": "Krasznahorkai",
    "What is the square root of 15241578750190521?": "123,?456,?789",
    "How do you say good night in Danish?": "[Gg]odnat",
    "What did I have for breakfast?": "not know|n't know|not told|access|can't|cannot",
    "How many letters does the word bookkeeping have?": r"\b(11|eleven)\b",
}

# %% tags=["c1.01"]
asked = [[{"role": "user", "content": question}] for question in quiz]
replies = chat(asked, batch_size=10, **(style | {"max_new_tokens": 40}))
replies = [" ".join(reply[0]["generated_text"].split()) for reply in replies]
good = [bool(re.search(key, reply)) for key, reply in zip(quiz.values(), replies)]
print(*map(" | ".join, zip(np.where(good, "right", "wrong"), quiz, replies)), sep="\n")
run.check("three or more are wrong", sum(good) <= 7, f"{10 - sum(good)} of 10")

# %% [markdown]
# Where answers are fluent, their form does not tell which are right. (Some questions need a tool, a recent text or private facts, which no size supplies.)
#
# The encoder has a blind spot of its own. Is a statement nearer to its denial, or to the same in other words? Six cases only illustrate; *p* is the chance that coins fall as unevenly.

# %% tags=["c1.10"]
triples = """The film is good. | The film is not good. | The movie is great.
I like this town. | I do not like this town. | This city pleases me.
The shop is open today. | The shop is not open today. | You can buy things there now.
She knows the answer. | She does not know the answer. | The solution is clear to her.
He was on time. | He was not on time. | He came at the agreed hour.
The medicine works. | The medicine does not work. | Patients get well with this."""
sides = [unit(encoder.encode(line.split(" | "))) for line in triples.splitlines()]
denial, restated = np.array([(v[0] @ v[1], v[0] @ v[2]) for v in sides]).T
print(f"to the denial {denial.mean():.2f}, to other words {restated.mean():.2f}")
nearer = sum(denial > restated)
by_luck = scores.mcnemar(denial > restated, denial <= restated)
says = f"{nearer} of 6, p = {by_luck:.2f}"
run.check("the denial is nearer in most cases", nearer > 3, says)

# %% [markdown]
# ## 7 · What it costs, and what fits on your machine
#
# A model is its numbers, the **parameters**; each takes 4 bytes in full precision (float32), 2 in half precision, 1 or 1/2 when *quantized* to 8 or 4 bits (and a few per cent more for the scales).

# %% tags=["c1.28"]
count, each = model.num_parameters(), next(model.parameters()).element_size()
footprint = model.get_memory_footprint()
print(f"chat: {count:,} parameters of {each} bytes = {footprint / 1e6:.1f} MB")
run.check("= get_memory_footprint()", abs(count * each / footprint - 1) < 0.01)
# a GB has 10**9 bytes; a GiB, as in the tables below, 2**30: 7 % more
sizes = [f"{3.82 * bits / 8:.1f} GB in {bits} bits" for bits in (32, 16, 8, 4)]
print("3.82 billion:", ", ".join(sizes))

# %% [markdown]
# Writing takes more: each new token attends to the keys and values of all tokens before it, and these are kept (the **KV cache**) instead of computed again. Two vectors per layer and token, of full width (less in exercise 5), 2 bytes a number in half precision; for Phi-3-mini, the book's `chat`, a full cache (its 4k version attends to the last 2,047 tokens):

# %% tags=["c1.28"]
import transformers as hf

from utils import machine

phi3 = hf.Phi3Config()  # its defaults are the sizes of Phi-3-mini
per_token = 2 * phi3.num_hidden_layers * phi3.hidden_size * 2
same = per_token == machine.count(phi3).cache_bytes_per_token
run.check("by hand = utils.machine's count", same, f"{per_token:,} bytes a token")
print(f"{CONTEXT} tokens: {per_token * CONTEXT / 1e9:.1f} GB")

# %% [markdown]
# ### Arithmetic and time
#
# For each token, each number of a weight matrix is multiplied once and the product added once: two operations (*FLOP*) per parameter of the matrices. Attention adds to it with every token before. (The table of embeddings is only looked up; where it also serves as the output matrix, it counts.)

# %% tags=["c1.29"]
from torch.utils.flop_counter import FlopCounterMode

for name, network in {"base": writer, "chat": model}.items():
    linear = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    expected = 2 * sum(m.weight.numel() for m in linear)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.tensor([[5]], device=network.device))
    flop = counter.get_total_flops()
    near_it = abs(flop / expected - 1) < 0.1
    run.check(f"{name}: 2 · matrix parameters, within 10 %", near_it, f"{flop:,} FLOP")

# %% [markdown]
# Time is another matter. Reading a prompt is one pass over all its tokens; writing is a pass for each token. In a large model a pass waits for its weights to arrive from memory, in small ones mostly for the overhead of many little steps.

# %% tags=["c1.29", "nbval-ignore-output"]
import time


def per_second(action, *given, **settings):
    """Tokens per second, the best of three runs."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        with torch.no_grad():
            action(*given, **settings)
        times.append(time.perf_counter() - began)
    return round(TIMED / min(times))


exactly = dict(min_new_tokens=TIMED, max_new_tokens=TIMED, do_sample=False)
pace = {}
for name, network in {"base": writer, "chat": model, "seq2seq": t5}.items():
    ids = torch.full((1, TIMED), 5, device=network.device)
    reading = network.get_encoder() if name == "seq2seq" else network
    reads = per_second(reading, ids)
    writes = per_second(network.generate, ids, **exactly)
    pace[name] = f"{network.num_parameters() / 1e6:.1f}", reads, writes
    run.check(f"{name} reads faster than it writes", reads > 1.5 * writes)
pd.DataFrame(pace, ["million parameters", "tokens read a second", "written a second"]).T

# %% [markdown]
# ### The models of the book on this machine
#
# A configuration tells the size of a model before a byte of it is fetched; here, published sizes. `utils.machine` looks at the memory that is free now, adds weights, cache and a reserve, and takes the most exact form that fits.

# %% tags=["c1.28"]
roberta = dict(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
llama = dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22)
opt = dict(model_type="opt", hidden_size=2560, num_hidden_layers=32, ffn_dim=10240,
           num_attention_heads=32, word_embed_proj_dim=2560)
book = {
    "all-mpnet-base-v2": hf.MPNetConfig(max_position_embeddings=514),
    "bert-base-uncased": hf.BertConfig(architectures=["BertForMaskedLM"]),
    "gpt2": hf.GPT2Config(),
    "roberta, tweets": hf.RobertaConfig(num_labels=3, **roberta),
    "clip-vit-base-patch32": hf.CLIPConfig(),
    "TinyLlama 1.1B": hf.LlamaConfig(num_key_value_heads=4, **llama),
    "BLIP-2, OPT 2.7B": hf.Blip2Config(text_config=opt),
    "Phi-3-mini 3.8B": phi3,
    "Mistral 7B": hf.MistralConfig(),
}
book["all-mpnet-base-v2"].architectures = ["MPNetModel"]
book["roberta, tweets"].architectures = ["RobertaForSequenceClassification"]

# %% tags=["c1.28"]
size = {name: machine.count(config) for name, config in book.items()}
known_sizes = {models.catalogue()[role]["book"]["parameters"]
               for role in ("embedder", "masked", "sentiment", "base", "chat")}
agree = known_sizes <= {s.parameters for s in size.values()}
run.check("counted = listed in our catalogue", agree, f"{len(known_sizes)} models")

# %% tags=["c1.28", "nbval-ignore-output"]
def held(config):
    """Tokens to keep: CONTEXT, or fewer where the model has fewer positions."""
    return min(CONTEXT, config.get_text_config().max_position_embeddings)


plans = {name: machine.fits(c, context=held(c)) for name, c in book.items()}
columns = ["million", "weights", "+ cache", "+ reserve", "= GiB", "as", "fits here"]
fitting = pd.DataFrame([
    [f"{p.parameters / 1e6:,.0f}", f"{p.weights_gib:.1f}", f"{p.cache_gib:.1f}",
     f"{p.overhead_gib:.1f}", f"{p.total_gib:.1f}", p.form, "yes" if p.fits else "no"]
    for p in plans.values()], list(plans), columns)
print(machine.look(), plans["Phi-3-mini 3.8B"].reason, sep="\n")
run.check("the sentence encoder fits", plans["all-mpnet-base-v2"].fits)
fitting

# %% [markdown]
# GiB of weights, cache and reserve; their sum; the form that `machine` chose. Where it chose a smaller form than full precision, the line above the table (for Phi-3-mini) says why.

# %% tags=["c1.28"]
mine = machine.look()
limit = mine.usable_gib(None if mine.kind == "cpu" else mine.kind)
large = ["TinyLlama 1.1B", "BLIP-2, OPT 2.7B", "Phi-3-mini 3.8B", "Mistral 7B"]
cache = [size[n].cache_bytes_per_token * held(book[n]) / 2**30 for n in large]
figure, ax = plt.subplots(figsize=(8.5, 3.3))
for i, bits in enumerate([32, 16, 8, 4]):
    weights = [size[name].parameters * bits / 8 / 2**30 for name in large]
    at = np.arange(4) + 0.2 * (i - 1.5)
    ax.bar(at, weights, 0.18, color=plots.PALETTE[i], label=f"{bits} bits")
    kept_in = np.multiply(cache, 2 if bits == 32 else 1)  # 4 bytes a number, or 2
    ax.bar(at, kept_in, 0.18, bottom=weights, color=plots.PALE)
ax.axhline(limit, ls="--", color="dimgray")
ax.text(-0.45, limit, "usable on this machine", va="bottom", color="dimgray")
ax.set_xticks(range(4), large)
ax.set(ylabel="GiB: weights, and pale the cache")
ax.legend(ncols=4)
plots.show(figure, "Memory of four models at four precisions; this machine's limit.")

# %% [markdown]
# **Figure 5.** Weights at four precisions with the cache on top (pale), for 4,096 tokens or as many as the model has positions for. What rises above the dashed line did not fit into the memory usable when this ran (free, less a margin) on two cores without a GPU; just below is close, since the reserve comes on top. Below 16 bits only the weights shrink: the cache stays at 2 bytes a number. *Your guess:* the story at the top came out of 5.3 million numbers and 21.3 MB; the book's model has 700 times as many.

# %% [markdown]
# ## Summary
#
# In the laptop profile:
#
# - **Counting** words throws away order and synonyms: twelve paraphrases out of twelve have cosine 0. It still judges 0.77 of the reviews rightly.
# - **Word vectors** bring synonyms together; all twelve pairs are found. Each word has one vector, whatever its neighbours.
# - **Attention** mixes the vectors of a text by learned scores: *bank* by a river and *bank* with money part (0.86 within, 0.69 across).
# - **Encoders look both ways and represent, decoders look back and write.** One architecture, trained separately for each, does seven jobs.
# - **It invents, repeats phrases and prejudice**, and does not say so. Parameters times bytes, plus a cache, tell what fits.
#
# **Key terms.** *token* · *language model* · *bag-of-words* · *embedding* · *cosine* · *attention* · *softmax* · *Transformer* · *encoder, decoder* · *representation model, generative model* · *greedy decoding* · *parameter* · *KV cache* · *FLOP* · *quantization*

# %% [markdown]
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** Let the bag-of-words count pairs of neighbouring words, too. How many test reviews change sides, and how many of those to the right side?
#
# <details><summary>Hint</summary>
#
# `CountVectorizer(ngram_range=(1, 2))` counts words and pairs. `counted_right` says which reviews were right before.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# pairs_too = CountVectorizer(ngram_range=(1, 2)).fit(text["train"])
# wider = LogisticRegression(max_iter=1000).fit(pairs_too.transform(text["train"]), label["train"])
# right_too = wider.predict(pairs_too.transform(text["test"])) == truth
# print("changed sides:", sum(right_too != counted_right))
# print("to the right side:", sum(right_too & ~counted_right))
# print("p =", round(scores.mcnemar(right_too, counted_right), 2))
# ```
#
# "not dull" becomes a word of its own. But most pairs occur once, so there is little to learn from; the last line (a McNemar test, chapter 4) says whether the difference could be chance.
#
# </details>
#
# **Exercise 2 (\*)** *Bank* has two senses. Find a word with three and measure: three sentences for each sense; is the mean cosine within a sense above that across, for each pair of senses?
#
# <details><summary>Hint</summary>
#
# `vectors_of("match", sentences)`: a football match, a match to light a fire, a match of colours. The word must be a whole token of the vocabulary.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# senses = {
#     "game": ["We won the match by two goals.", "The match was played in the rain.",
#              "Her last match ended in a draw."],
#     "fire": ["He struck a match to light the candle.", "She lit the stove with a match.",
#              "The match burnt his fingers."],
#     "fit": ["This tie is a good match for your shirt.", "The curtains are a match for the rug.",
#             "The new paint is a perfect match."],
# }
# third = {name: vectors_of("match", s) for name, s in senses.items()}
# pd.DataFrame({a: {b: (u @ v.T)[~np.eye(3, dtype=bool) if a == b else ...].mean().round(2)
#                   for b, v in third.items()} for a, u in third.items()})
# ```
#
# The diagonal (within a sense, each sentence against the others) should be the largest of its row and column. Where it is not, the sentences give too little away.
#
# </details>
#
# **Exercise 3 (\*\*)** Write the test of prejudice for two other groups: does the embedder put pleasant words nearer to young people than to old ones? With its *p*.
#
# <details><summary>Hint</summary>
#
# Keep the code of "Where it fails": a direction from two sentences, two lists of eight words, all 12,870 deals.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# def prejudice(plus, minus, one, two):
#     """Gap of two lists along a direction, and its permutation p."""
#     direction = unit(np.subtract(*encoder.encode([plus, minus])))
#     along = unit(encoder.encode(one + two)) @ direction
#     deals = np.array([along[list(h)].mean() for h in combinations(range(16), 8)])
#     gap, chance = along[:8].mean() - along[8:].mean(), 2 * (deals - along.mean())
#     p = np.mean(np.abs(chance) >= abs(gap) - 1e-6)
#     return f"gap {gap:+.3f}, p = {p:.3f}"
#
# pleasant = "love joy friend laughter peace gift honest lucky".split()
# unpleasant = "hatred pain enemy failure war theft ugly evil".split()
# print(prejudice("They are young people.", "They are old people.", pleasant, unpleasant))
# print(prejudice("She is a woman.", "He is a man.", pleasant, unpleasant))
# ```
#
# One test says little: with other words the gap changes, and twenty tests give one *p* below 0.05 by chance. Fix the lists before you look.
#
# </details>
#
# **Exercise 4 (\*\*)** Make attention by hand *causal*: no token may look ahead. Check against the library with `is_causal=True`.
#
# <details><summary>Hint</summary>
#
# Set the scores right of the diagonal to minus infinity before the softmax: exp(-inf) is 0. `np.triu_indices(3, 1)` gives their places.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# blocked = three @ three.T / 2**0.5
# blocked[np.triu_indices(3, 1)] = -np.inf
# causal = np.exp(blocked) / np.exp(blocked).sum(axis=1, keepdims=True)
# theirs = F.scaled_dot_product_attention(batch, batch, batch, is_causal=True)[0].numpy()
# print(causal.round(2))
# assert np.allclose(causal @ three, theirs, atol=1e-6)
# ```
#
# The first token can only look at itself, so its vector stays as it was. This triangle is what makes a decoder: put it into an encoder, and the test of section 5 (change the last word) finds nothing that moves.
#
# </details>
#
# **Exercise 5 (\*\*)** Mistral 7B with 4,096 tokens in memory: predict on paper what it takes at 16 and at 4 bits (32 layers, 8 key and value heads of width 128), then compute it.
#
# <details><summary>Hint</summary>
#
# Weights: the number of parameters times 2 bytes or 1/2 byte. Cache: 2 · layers · heads · width · 2 bytes, per token.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# mistral = size["Mistral 7B"]
# by_paper = 2 * 32 * 8 * 128 * 2
# assert by_paper == mistral.cache_bytes_per_token
# for bits in (16, 4):
#     weights_gb = mistral.parameters * bits / 8 / 1e9
#     print(f"{bits} bits: {weights_gb:.1f} GB + {by_paper * CONTEXT / 1e9:.2f} GB of cache")
# print(f"Phi-3-mini's cache: {per_token * CONTEXT / 1e9:.2f} GB")
# ```
#
# The larger model has the smaller cache: four query heads share one pair of key and value heads (*grouped-query attention*, chapter 3).
#
# </details>

# %% [markdown]
# [contents](README.md) | [next: 2 · Tokens and embeddings](02_tokens_and_embeddings.ipynb)

# %% tags=["nbval-ignore-output"]
run.report()
