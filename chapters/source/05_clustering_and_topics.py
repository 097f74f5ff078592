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
# # 5 · Text clustering and topic modelling
#
# **How do you get from a pile of abstracts nobody has labelled to named topics you can defend?**
#
# [![Open in Colab](../data/images/colab.svg)](https://colab.research.google.com/github/owner/hands-on-llms-companion/blob/main/chapters/05_clustering_and_topics.ipynb) · about two minutes on two free cores (busy ones take longer) and 2 GiB of memory; no GPU, no network

# %% [markdown]
# After this chapter you will be able to
#
# - **run** the chain embed, reduce, cluster, and say what each step loses (sections 1 to 3, exercise 1);
# - **compare** clustering by density with clustering by centres, and judge both without labels and with them (section 3, exercise 6);
# - **compute** TF-IDF and its sister for clusters, c-TF-IDF, and fit the classic model of topics, LDA (sections 4 and 5, exercise 4);
# - **swap** any block of BERTopic and measure what changed (section 6, exercises 3 and 5);
# - **name** topics with language models, say when a name misleads (section 7), and follow topics over the years (exercise 2).

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

run = chapter.start(5)

# %%
# Every knob of this chapter
MOST = 3000  # texts at most; from 4,096 on UMAP looks for neighbours in another way
SHARE = 0.02  # the smallest group worth a name, as a share of the texts
MIN_SAMPLES = 5  # HDBSCAN: a place is dense if so many texts are near
NEIGHBOURS, DIMENSIONS = 15, 5  # UMAP: neighbours it keeps, dimensions it makes
TOLD = 16  # number of groups for methods that must be told one (sections 3, 4, 6)
SEEDS, RESAMPLES = [7, 8, 9], 300  # fits that are compared; subsamples of an interval

# %% [markdown]
# ## The result first
#
# A thousand abstracts without labels, and a map of their topics. An *encoder* turns each text into a vector (chapter 4); **UMAP** squeezes the vectors from hundreds of dimensions into a few, **HDBSCAN** finds the dense regions, **c-TF-IDF** their typical words; **BERTopic** is the four in a row. The profile *laptop* has abstracts written for this project, *book* (`HANDSON_PROFILE=book`) real ones from arXiv. A line with ✓ is a claim tested just now.

# %%
import numpy as np
from sentence_transformers import SentenceTransformer

print(spec := models.find("embedder"))
encoder = SentenceTransformer(spec.path, **spec.options)
data = corpora.load("abstracts")["all"]
vectors = corpora.vectors("abstracts", spec, encoder.encode)["all"]  # mostly stored
once = {corpora.fingerprint(t): i for i, t in enumerate(data["text"])}  # doubles go
rows = np.sort(list(once.values()))
rows = rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)]
data, vectors = data.select(rows), vectors[rows]
docs = list(data["text"])

# %%
from bertopic import BERTopic
from hdbscan import HDBSCAN
from sklearn.feature_extraction.text import CountVectorizer
from umap import UMAP

SMALLEST = round(SHARE * len(docs))


def reducer(**options):
    """UMAP with the knobs above, unless `options` say otherwise."""
    usual = dict(n_neighbors=NEIGHBOURS, n_components=DIMENSIONS, min_dist=0.0)
    usual |= dict(metric="cosine", random_state=run.seed, n_jobs=1)
    return UMAP(**usual | options)


def clusterer(**options):
    """HDBSCAN with the knobs above, unless `options` say otherwise."""
    usual = dict(min_cluster_size=SMALLEST, min_samples=MIN_SAMPLES)
    return HDBSCAN(**usual | dict(cluster_selection_method="leaf") | options)

# %% [markdown]
# A few lines (the first fit takes a while: UMAP's code is compiled for this machine):

# %% tags=["c5.16", "nbval-ignore-output"]
counter = CountVectorizer(stop_words="english")
steps = dict(embedding_model=encoder, vectorizer_model=counter)
steps |= dict(umap_model=reducer(), hdbscan_model=clusterer())
topic = np.array((model := BERTopic(**steps)).fit_transform(docs, vectors)[0])
run.check("there are topics", topic.max() > 0)
model.get_topic_info()[["Topic", "Count", "Name"]].head(8)

# %% tags=["c5.29"]
import datamapplot

flat = reducer(n_components=2).fit_transform(vectors)  # for the eye only
keywords = {t: [w for w, _ in words] for t, words in model.get_topics().items()}
labels = [", ".join(keywords[t][:3]) if t >= 0 else "no topic" for t in topic]
look = dict(figsize=(9.5, 6), use_system_fonts=True, font_family="DejaVu Sans")
look |= dict(noise_label="no topic", label_font_size=8, label_wrap_width=18)
look["add_glow"] = False
figure, _ = datamapplot.create_plot(flat, np.array(labels), **look)
plots.show(figure, "Map of all texts, each topic in a colour, with its top words.")

# %% [markdown]
# **Figure 1.** Each point is a text, each colour a topic with its three most typical words; grey texts are *outliers* and have no topic. Behind the laptop's abstracts stand 16 research fields, which no step has seen. *Guess: how well do topics and fields agree, from 0 (chance) to 1? And are the grey texts the odd ones?*
#
# ## 1 · Texts become points
#
# **The data.** Titles and abstracts of invented papers on language technology, and 30 texts that have no business here: recipes, minutes of clubs, field notes (`data/texts/abstracts.md`). In the book profile: real abstracts, evenly spaced over the data set. We put the field of each aside. It is the answer that clustering does not see: it may judge, but never choose.
#
# One caution belongs to every score below. In the laptop profile the fields were made plain: many abstracts were rewritten, with the vectors in view, until they named their task (the card tells how). That favours whoever clusters vectors, LDA least. Expect less from your own texts.

# %% tags=["c5.01"]
import pandas as pd

field = np.array(data["field"])  # the hidden answer
prints, least = {corpora.fingerprint(t) for t in docs}, min(map(len, docs))
run.check("no text is doubled", len(prints) == len(docs), f"{len(docs):,} texts")
run.check("no text is empty", least > 50, f"{least} letters or more")
pd.DataFrame({"title": data["title"], "year": data["year"]}).iloc[:4]

# %% [markdown]
# **Embeddings.** The encoder learned to give texts of similar meaning vectors of similar direction. The vectors are stored; are they the encoder's?

# %% tags=["c5.02"]
same = vectors.shape == (len(docs), encoder.encode("a text").shape[0])
run.check("one vector for each text", same, f"{vectors.shape}")
gap = np.abs(encoder.encode(docs[:32]) - vectors[:32]).max()
run.check("stored vectors = fresh ones within 0.002", gap < 2e-3, "32 texts")

# %% [markdown]
# **Neighbours.** Before any clustering, look who stands next to whom. For vectors of length 1 the *cosine* of their angle is the dot product: 1 for the same direction, 0 for a right angle.

# %% tags=["c5.03"]
def unit(rows):
    """Rows scaled to length 1, so that a dot product is a cosine."""
    return np.asarray(rows) / np.linalg.norm(rows, axis=-1, keepdims=True)


direct, title = unit(vectors), np.array(data["title"])
cosines = direct @ direct.T - 2 * np.eye(len(docs))  # nobody is his own neighbour
near = np.argsort(-cosines, axis=1, kind="stable")[:, :5]
for i in [0, len(docs) // 3, 2 * len(docs) // 3]:
    print(title[i], *(f"\n   {cosines[i, j]:.2f}  {title[j]}" for j in near[i]))

# %% [markdown]
# If an abstract's nearest are not of its kind, no clustering can save us. Do neighbours share the hidden field? By chance as often as the squared shares of the fields add up to (two equal fields: a half). Where all texts have one field, as in the book profile, such a claim cannot be tested, and the cell says so.

# %% tags=["c5.03"]
def judge(name, holds, detail=""):
    """A check that needs the hidden fields."""
    if len(set(field)) > 1:
        return run.check(name, holds, detail)
    print(f"not tested, as all texts have one field: {name}")


together = np.mean(field[near] == field[:, None])
chance = sum(np.mean(field == f) ** 2 for f in set(field))
judge("neighbours share it 3 times as often as chance", together > 3 * chance)
print(f"same field: {together:.2f} of the neighbours; by chance {chance:.2f}")

# %% [markdown]
# ## 2 · Fewer dimensions, at a price
#
# Why not cluster these vectors as they are? In hundreds of dimensions everybody is far from everybody: the nearest is hardly nearer than the average, so "dense" means little. Fewer dimensions give contrast, and lose something.
#
# **PCA** (principal component analysis) keeps the directions along which the points spread most. Three points on a slope need one direction; the outer two lie a root of two from the middle. (Which way is plus is arbitrary.)

# %% tags=["c5.04"]
def pca(points, count):
    """Coordinates along the `count` directions of most spread; their share of it."""
    centred = points - points.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:count].T, sizes[:count] ** 2 / np.sum(sizes**2)


print(np.abs(pca(np.array([[1.0, 1], [2, 2], [3, 3]]), 1)[0].T).round(2))

# %% tags=["c5.04"]
from sklearn.decomposition import PCA

spread, share = pca(vectors, DIMENSIONS)
library = PCA(DIMENSIONS, svd_solver="full").fit_transform(vectors)
same = np.allclose(np.abs(spread), np.abs(library), atol=1e-4)
run.check("by hand = sklearn's PCA, up to signs", same)
print(f"{DIMENSIONS} of {vectors.shape[1]} directions: {share.sum():.0%} of the spread")

# %% [markdown]
# Most of the spread is gone. PCA keeps what is large, not who is near. **UMAP** asks for the latter: it links each text to its 15 nearest neighbours, the nearest most strongly, then lays all texts out in few dimensions, pulling linked ones together and pushing random others away. Whom it pushes is drawn by lot: a seed belongs to every result.

# %% tags=["c5.05"]
seeded = [reducer().fit_transform(vectors[:200]) for _ in range(2)]
unseeded = [reducer(random_state=None).fit_transform(vectors[:200]) for _ in range(2)]
run.check("the same seed, the same layout", np.array_equal(*seeded))
run.check("without a seed, another one", not np.allclose(*unseeded, atol=0.1))

# %% tags=["c5.05"]
from scipy.spatial.distance import cdist


def nearest_share(points):
    """Distance to the nearest as a share of that to the average text (median)."""
    d = cdist(points, points) + np.diag(np.full(len(points), np.nan))
    return float(np.median(np.nanmin(d, axis=1) / np.nanmean(d, axis=1)))

# %% tags=["c5.05"]
five = reducer().fit_transform(vectors)
near_share = [nearest_share(points) for points in (vectors, spread, five)]
falls = near_share[0] > near_share[1] > near_share[2]
run.check("UMAP has more contrast than PCA, PCA than the vectors", falls)

# %% [markdown]
# ### Are the neighbours still the neighbours?
#
# **Trustworthiness** looks at each text's 10 neighbours in the new space. Who was not among the 10 before costs as many points as the old rank was beyond 10: the 12th nearest costs 2. Scaled, 1 is perfect.

# %% tags=["c5.06"]
def trust(old, new, k=10):
    """1 minus the scaled penalty for new neighbours that were none before."""
    each = np.arange(n := len(old))[:, None]
    ranks = cdist(old, old).argsort(axis=1, kind="stable").argsort(axis=1)  # self: 0
    near = cdist(new, new).argsort(axis=1, kind="stable")[:, 1 : k + 1]
    penalty = 2 * np.maximum(ranks[each, near] - k, 0).sum()
    return 1 - penalty / (n * k * (2 * n - 3 * k - 1))

# %% tags=["c5.06"]
from sklearn.datasets import make_swiss_roll
from sklearn.manifold import trustworthiness

roll, _ = make_swiss_roll(600, random_state=run.seed)  # a sheet, rolled up in 3-d
library = trustworthiness(roll, pressed := pca(roll, 2)[0], n_neighbors=10)
run.check("by hand = sklearn", abs(trust(roll, pressed) - library) < 1e-6)

# %% [markdown]
# UMAP against PCA: on a sheet rolled up in three dimensions, and on our texts.

# %% tags=["c5.05", "c5.06", "nbval-ignore-output"]
unrolled = reducer(n_components=2, metric="euclidean").fit_transform(roll)
sheet = [trust(roll, pressed), trust(roll, unrolled)]
kept = pd.DataFrame({"rolled sheet, 2-d": sheet}, ["PCA", "UMAP"])
kept["texts, 2-d"] = [trust(direct, pca(vectors, 2)[0]), trust(direct, flat)]
kept["texts, 5-d"] = [trust(direct, spread), trust(direct, five)]
run.check("UMAP keeps more, each time", (kept.loc["UMAP"] > kept.loc["PCA"]).all())
kept["nearest / average"] = near_share[1:]
kept.round(2)

# %% tags=["c5.06", "c5.13"]
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2))
for ax, points, name in zip(axes, [pca(vectors, 2)[0], flat], ["PCA", "UMAP"]):
    ax.scatter(*points.T, s=4, color="lightgray", label="others")
    for t in range(6):  # BERTopic numbers topics by size
        ax.scatter(*points[topic == t].T, s=6, label=", ".join(keywords[t][:2]))
    ax.set(title=name, xlabel="first dimension", ylabel="second dimension")
axes[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
plots.show(figure, "All texts in 2-d by PCA and by UMAP, six topics coloured.")

# %% [markdown]
# **Figure 2.** The same texts and the same six largest topics. The topics were found in five dimensions and are only drawn in two: `flat` is for the eye, `five` for the clustering, and each keeps its name. On a UMAP map the axes, the sizes of islands and the distances between far ones mean little; who is together means much.
#
# ## 3 · Dense regions are clusters
#
# **HDBSCAN** in three steps. (1) A point's *core distance* is the distance to its k-th nearest point: small in a crowd. (2) The *mutual reachability* of two points is their distance, but at least the larger core distance: loners move away from everybody. (3) Connect all points by the lightest edges (*minimum spanning tree*), then cut from the heaviest edge down. Parts of at least a minimum size that last (`"eom"`), or the smallest such parts (`"leaf"`), are clusters; the rest are outliers. Twelve points, k = 2: a corner of a square of side 1 has two neighbours at 1, so its core distance is 1.

# %% tags=["c5.07"]
twelve = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (7, 0), (8, 0), (7, 1), (8, 1)]
twelve = np.array([*twelve, (8, 2), (4, 7), (13, 5)], dtype=float)


def reachability(points, k):
    """Distance of each pair, but at least the core distance of either."""
    d = cdist(points, points)
    core = np.sort(d, axis=1)[:, k]  # column 0 is the point itself
    return np.maximum(d, np.maximum(core[:, None], core))

# %% tags=["c5.07"]
def spanning_tree(weights):
    """Lightest edges that connect all: from 0 on, always add the nearest outsider."""
    inside, edges = [0], []
    while len(inside) < len(weights):
        out = [i for i in range(len(weights)) if i not in inside]
        reach = weights[np.ix_(inside, out)]
        a, b = np.unravel_index(reach.argmin(), reach.shape)
        edges.append((inside[a], out[b], reach[a, b]))
        inside.append(out[b])
    return edges

# %% tags=["c5.07"]
tree = spanning_tree(reachability(twelve, 2))
exact = dict(min_cluster_size=3, min_samples=2, approx_min_span_tree=False)
library = clusterer(**exact, gen_min_span_tree=True).fit(twelve)
total = library.minimum_spanning_tree_.to_numpy()[:, 2].sum()
same = np.isclose(sum(weight for *_, weight in tree), total, atol=1e-6)
run.check("by hand = HDBSCAN's tree", same, f"total weight {total:.2f}")

# %% [markdown]
# The same tree can be drawn by the heights at which its parts join.

# %% tags=["c5.07"]
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3))
for a, b, weight in tree:
    axes[0].plot(*twelve[[a, b]].T, color=plots.QUIET, lw=1, zorder=1)
colors = [plots.BAD if c < 0 else plots.PALETTE[c] for c in library.labels_]
axes[0].scatter(*twelve.T, c=colors, s=30, zorder=2)
for i, (x, y) in enumerate(twelve):
    axes[0].annotate(i, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
axes[0].set(title="spanning tree", xlabel="x", ylabel="y")
close = reachability(twelve, 2) * (1 - np.eye(12))
grey = dict(color_threshold=0, above_threshold_color="gray", leaf_font_size=8)
dendrogram(linkage(squareform(close), "single"), ax=axes[1], **grey)
axes[1].set(title="heights at which parts join", xlabel="point", ylabel="height")
plots.show(figure, "Twelve points with their spanning tree; the tree as a dendrogram.")

# %% [markdown]
# **Figure 3.** Left the tree: two clusters, two outliers in red. Right the same as a *dendrogram*: cut between the heights 2 and 5, and two parts of five points remain over a long range; the loners join last.
#
# ### The abstracts
#
# Which parts last? HDBSCAN's default, *excess of mass* (`"eom"`), prefers few large ones; `"leaf"` takes the parts that split no further. Our rule looks at no field: a topic should hold 2 % of the texts, and we want the parts, not the one big contrast, hence the tips.

# %% tags=["c5.08"]
cluster, raw = [clusterer().fit_predict(points) for points in (five, direct)]
broad = clusterer(cluster_selection_method="eom").fit_predict(five)
sizes = np.bincount(cluster[cluster >= 0])
run.check("clusters, none of them too small", len(sizes) > 1 and min(sizes) >= SMALLEST)
everyone = sizes.sum() + sum(cluster < 0) == len(docs)
run.check("clusters and outliers are all texts", everyone)

# %% tags=["c5.08", "nbval-ignore-output"]
shown = {n: [c.max() + 1, sum(c < 0)] for n, c in [("leaf", cluster), ("eom", broad)]}
run.check("the tips are at least as many", cluster.max() >= broad.max())
lost = [np.mean(c < 0) for c in (raw, cluster)]
run.check("without UMAP more texts are outliers", lost[0] > lost[1], f"{lost[0]:.0%}")
pd.DataFrame(shown, ["clusters", "outliers"])

# %% [markdown]
# On the vectors as they are, the same HDBSCAN sees next to nothing: the question of section 2, answered. Density needs the reduction.
#
# ### Must everyone belong?
#
# **k-means** places centres and gives each text to the nearest, whatever the distance: no outliers, ever. HDBSCAN may abstain. Your second guess: where do the texts that have no business here end up?

# %% tags=["c5.09", "nbval-ignore-output"]
centred = KMeans(TOLD, n_init=5, random_state=run.seed).fit_predict(five)
paper = field != "foreign"
odd, usual = [np.mean(cluster[of] < 0) if of.any() else 0 for of in (~paper, paper)]
judge("foreign texts are outliers more often than abstracts", odd > usual)
print(f"outliers: {odd:.0%} of the foreign texts, {usual:.0%} of the abstracts;")
print(f"{sum(cluster[~paper] < 0)} of all {sum(cluster < 0)} outliers are foreign")

# %% [markdown]
# More often, not always. And as abstracts are many, most grey texts are abstracts: an outlier is a text in a thin place, not an error.
#
# ### Look inside
#
# No number tells what a cluster is about; reading does. Its **medoid** is the member with the least sum of distances to all others: an average that is a real text.

# %% tags=["c5.10"]
members = np.flatnonzero(cluster == np.argmax(sizes))
points, library = five[members], cdist(five[members], five[members])
sums = [sum(np.linalg.norm(a - b) for b in points) for a in points]
middle = int(np.argmin(sums))
run.check("by hand = least row sum", middle == library.sum(axis=1).argmin())

# %% tags=["c5.10", "nbval-ignore-output"]
order = members[np.argsort(library[middle], kind="stable")]
run.check("the medoid is its own nearest", order[0] == members[middle])
print("in the middle:", *title[order[:3]], sep="\n   ")
print("farthest out:", title[order[-1]], sep="\n   ")

# %% [markdown]
# ### Is it good, seen from inside, seen from outside?
#
# Inside: the **silhouette** of a text compares a, its mean distance to its own cluster, with b, that to the next one: (b - a) / the larger. 1 is well placed, below 0 misplaced. Outside: the **adjusted Rand index** compares two groupings by pairs: how many pairs are together in both, beyond chance? 1 for the same groups, 0 on average for random ones. By hand: six points grouped aaabbb and aabbbb. Of 15 pairs 6 are together in the first, 7 in the second, 4 in both; chance expects 6 · 7 / 15 = 2.8, the most possible counts as their mean, 6.5.

# %% tags=["c5.11"]
from sklearn.metrics import adjusted_rand_score, silhouette_score


def rand(a, b):
    """Adjusted Rand index of two groupings of the same things."""
    a, b = [np.unique(x, return_inverse=True)[1] for x in (a, b)]
    counts = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(counts, (a, b), 1)
    parts = counts.ravel(), counts.sum(axis=1), counts.sum(axis=0)
    both, first, second = [np.sum(n * (n - 1) / 2) for n in parts]
    expected, most = first * second / (len(a) * (len(a) - 1) / 2), (first + second) / 2
    return (both - expected) / (most - expected) if most > expected else 1.0


by_hand = rand(list("aaabbb"), list("aabbbb"))
run.check("(4 - 2.8) / (6.5 - 2.8)", np.isclose(by_hand, 1.2 / 3.7), f"{by_hand:.3f}")

# %% tags=["c5.11", "nbval-ignore-output"]
two, placed = (field[paper], cluster[paper]), paper & (cluster >= 0)
run.check("by hand = sklearn", np.isclose(rand(*two), adjusted_rand_score(*two)))
inside = silhouette_score(five[cluster >= 0], cluster[cluster >= 0])
print(f"silhouette {inside:.2f}; k-means {silhouette_score(five, centred):.2f}")
without = rand(field[placed], cluster[placed])
print(f"Rand: outliers as one group {rand(*two):.2f}, left out {without:.2f}")

# %% [markdown]
# The silhouette likes the islands that UMAP made and leaves the outliers out; it cannot see what matters to us. Leaving outliers out flatters the Rand index too, as the hard texts are gone. So from now on each outlier is *adopted* by the topic with the nearest mean vector, and the score covers all abstracts.

# %% tags=["c5.11", "c5.20"]
def adopted(labels):
    """Labels with each outlier in the group whose mean vector is nearest."""
    labels = np.array(labels)
    groups, lost = np.unique(labels[labels >= 0]), labels < 0
    if lost.all():  # nobody to adopt them
        return labels + 1
    means = unit([vectors[labels == g].mean(axis=0) for g in groups])
    labels[lost] = groups[(direct[lost] @ means.T).argmax(axis=1)]
    return labels


def agreement(labels):
    """Adjusted Rand index with the hidden fields, over the abstracts."""
    return rand(field[paper], np.asarray(labels)[paper])


judge("the clusters agree with the fields", agreement(adopted(cluster)) > 0.3)
luck = np.random.default_rng(run.seed).permutation(adopted(cluster))
judge("shuffled ones agree by chance only", abs(agreement(luck)) < 0.03)

# %% [markdown]
# ### How much hangs on the knobs?

# %% tags=["c5.12", "nbval-ignore-output"]
layouts = [five, *(reducer(random_state=s).fit_transform(vectors) for s in SEEDS[1:])]
tried, score, runs = pd.DataFrame(columns=["clusters", "outliers", "score"]), {}, []
for size in [round(f * SMALLEST) for f in (0.5, 0.75, 1, 1.5, 2)]:
    several = [clusterer(min_cluster_size=size).fit_predict(z) for z in layouts]
    runs = [adopted(c) for c in several] if size == SMALLEST else runs
    score[size] = [agreement(adopted(c)) for c in several]
    counts = np.mean([[c.max() + 1, np.mean(c < 0)] for c in several], axis=0)
    tried.loc[size] = [*counts, np.mean(score[size])]
run.check("larger minimum, fewer clusters", tried.clusters.is_monotonic_decreasing)
print("Rand with the first seed:", *(f"{rand(runs[0], r):.2f}" for r in runs[1:]))
tried.rename_axis("smallest").round(2)

# %% tags=["c5.12"]
figure, ax = plt.subplots(figsize=(7, 3))
band = np.min(list(score.values()), axis=1), np.max(list(score.values()), axis=1)
curves = {"agreement": list(tried.score), "outliers": list(tried.outliers)}
bands = {"agreement": band, "outliers": (tried.outliers, tried.outliers)}
plots.lines(ax, list(tried.index), curves, bands, xlabel="min_cluster_size")
for size, count in tried.clusters.items():
    ax.annotate(f"{count:.0f} clusters", (size, 0.02), ha="center", fontsize=8)
ax.set(ylabel="adjusted Rand; share", ylim=(0, 1), xlim=(0, 2.2 * SMALLEST))
plots.show(figure, "Agreement with the fields and share of outliers, by minimum size.")

# %% [markdown]
# **Figure 4.** Agreement with the fields (line: mean, band: its range over three UMAP seeds) and mean share of outliers, against the smallest cluster allowed. The number of clusters moves far more than the score: over a wide range many numbers of topics are about equally good. And two seeds agree only in part; whoever reports one run should know.
#
# ## 4 · The classic: topics as word distributions
#
# **Latent Dirichlet allocation** (LDA, 2003) needs no vectors. A topic is a distribution over words, a document a *mixture* of topics: for each word draw a topic from the mixture, then a word from the topic. Fitting turns this around. To trust it, give it texts whose topics we know: 300 documents of 40 words from three topics.

# %% tags=["c5.14"]
from sklearn.decomposition import LatentDirichletAllocation

rng = np.random.default_rng(run.seed)
names = "court judge law jury ball team goal match salt oil flour oven".split()
true = np.full((3, 12), 0.02)
for t in range(3):
    true[t, 4 * t : 4 * t + 4] = [0.31, 0.25, 0.16, 0.12]
mixtures = rng.dirichlet([0.3] * 3, 300)
drawn = np.array([rng.multinomial(40, mixture @ true) for mixture in mixtures])
sums = np.concatenate([true.sum(axis=1), mixtures.sum(axis=1)])
run.check("topics and mixtures sum to 1", np.allclose(sums, 1))

# %% tags=["c5.14"]
toy = LatentDirichletAllocation(3, max_iter=30, random_state=run.seed).fit(drawn)
match = unit(true) @ unit(toy.components_).T
run.check("each topic is found, cosine above 0.9", match.max(axis=1).min() > 0.9)
run.check("each by another one", len(set(match.argmax(axis=1))) == 3)
for t in match.argmax(axis=1):
    print(*(names[w] for w in np.argsort(-toy.components_[t])[:4]))

# %% [markdown]
# It works where its story is true. Now the abstracts. LDA must be told the number of topics, and gets that of the fields: more than we would know.

# %% tags=["c5.15"]
plain = CountVectorizer(stop_words="english", min_df=5, max_df=0.3)
bags = plain.fit_transform(docs)
# of five priors tried, one of the two nearest to the fields: a favour to LDA
prior = dict(doc_topic_prior=1.0, topic_word_prior=0.1)
lda = LatentDirichletAllocation(TOLD, max_iter=20, random_state=run.seed, **prior)
share_of = lda.fit_transform(bags)
run.check("each document's mixture sums to 1", np.allclose(share_of.sum(axis=1), 1))

# %% tags=["c5.15", "nbval-ignore-output"]
lda_topic, vocabulary = share_of.argmax(axis=1), plain.get_feature_names_out()
lda_words = [list(vocabulary[np.argsort(-row)[:10]]) for row in lda.components_]
for t in range(4):
    print(f"{sum(lda_topic == t)} texts:", *lda_words[t])
ours, theirs = agreement(adopted(cluster)), agreement(lda_topic)
judge("clusters of vectors beat LDA", ours > theirs + 0.1, f"{ours:.2f}, {theirs:.2f}")

# %% [markdown]
# Is that because the encoder has read far more? In part at most: in section 6 mere counts of words, reduced and clustered, agree with the fields better than LDA, too. What LDA has and clusters lack: a text may be of two topics.
#
# ## 5 · Clusters get words
#
# A cluster is a list of row numbers. BERTopic adds words. First: is its chain the one we went through step by step?

# %% tags=["c5.16"]
info = model.get_topic_info()
run.check("topic sizes sum to all texts", info.Count.sum() == len(docs))
run.check("BERTopic's topics = our clusters", rand(topic, cluster) == 1)

# %% [markdown]
# Only the numbers differ: BERTopic sorts topics by size.
#
# **Count by cluster.** Join the texts of a cluster and count: the *class-level bag-of-words*. Five tiny texts, two clusters:

# %% tags=["c5.17"]
tiny = ["the parser reads the sentence", "one parser builds a tree"]
tiny += ["the tree of each sentence", "the speaker hears the noise"]
tiny, group = np.array([*tiny, "noise and the speaker"]), np.array([0, 0, 0, 1, 1])
count = CountVectorizer(token_pattern=r"\w+").fit(tiny)
each = count.transform(tiny).toarray()
of_group = count.transform([" ".join(tiny[group == g]) for g in (0, 1)]).toarray()
sums = [each[group == g].sum(axis=0) for g in (0, 1)]
run.check("counts of joined texts = sums of counts", np.array_equal(of_group, sums))
pd.DataFrame(of_group, columns=count.get_feature_names_out())

# %% [markdown]
# The most frequent word of both is *the*: raw counts do not tell clusters apart. **TF-IDF** weighs down what many documents have: count x (log((1 + n) / (1 + df)) + 1), n the number of documents, df that of those with the word, each row scaled to length 1. A word in every document has logarithm 0 and factor 1; a rarer one has more.

# %% tags=["c5.18"]
from sklearn.feature_extraction.text import TfidfVectorizer

n, df = len(tiny), (each > 0).sum(axis=0)
by_hand = unit(each * (np.log((1 + n) / (1 + df)) + 1))
library = TfidfVectorizer(token_pattern=r"\w+").fit_transform(tiny).toarray()
run.check("by hand = TfidfVectorizer", np.allclose(by_hand, library, atol=1e-6))

# %% [markdown]
# Among few clusters df hardly varies. **c-TF-IDF** looks at counts instead: a word's share of its cluster x log(1 + A / f), f the word's count in all clusters, A the mean number of words in a cluster (cut to a whole number by the library).

# %% tags=["c5.19"]
from bertopic.vectorizers import ClassTfidfTransformer
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS


def c_tf_idf(counts):
    """Weight of each word (column) in each cluster (row)."""
    average = int(counts.sum(axis=1).mean())
    share = counts / counts.sum(axis=1, keepdims=True)
    return share * np.log(1 + average / counts.sum(axis=0))


library = ClassTfidfTransformer().fit_transform(csr_matrix(of_group)).toarray()
run.check("by hand = BERTopic's", np.allclose(c_tf_idf(of_group), library, atol=1e-6))
pd.DataFrame(library, columns=count.get_feature_names_out()).round(2)

# %% [markdown]
# *Parser* and *noise* pass *the* now. On the abstracts, with every word allowed: are fewer of a topic's ten top words *stop words* (the, of, we ...)?

# %% tags=["c5.19"]
every, texts = CountVectorizer(), np.array(docs)
raw = [" ".join(texts[topic == t]) for t in range(len(sizes))]
raw = every.fit_transform(raw).toarray()
stop = np.isin(every.get_feature_names_out(), list(ENGLISH_STOP_WORDS))
before, after = [stop[np.argsort(-w)[:, :10]].mean() for w in (raw, c_tf_idf(raw))]
run.check("fewer by c-TF-IDF than by raw counts", after < before)

# %% [markdown]
# Fewer, not none; hence the counter of the first cells leaves them out beforehand. That changes words only: the encoder read whole sentences.
#
# ### The outliers
#
# A text without a topic is honest, and useless to who needs one for each. `reduce_outliers` gives them away, by words (c-TF-IDF) or by vectors. The price is **purity**: the share of texts that have the main field of their topic.

# %% tags=["c5.20"]
give, old = model.reduce_outliers, list(topic)
given = {"as they are": topic, "by c-TF-IDF": give(docs, old, strategy="c-tf-idf")}
given["by embeddings"] = give(docs, old, strategy="embeddings", embeddings=vectors)
given = {name: np.array(labels) for name, labels in given.items()}
run.check("fewer outliers", [min(t) for t in given.values()] == [-1, 0, 0])
run.check("by hand", np.mean(adopted(topic) == given["by embeddings"]) > 0.99)

# %% tags=["c5.20", "nbval-ignore-output"]
def purity(labels, of):
    """Share of the rows `of` that have the main field of their topic."""
    main = pd.crosstab(topic[placed], field[placed]).idxmax(axis=1)
    return np.mean(main[labels[of]] == field[of]) if of.any() else np.nan


price = pd.DataFrame({n: [np.mean(t < 0), agreement(t)] for n, t in given.items()})
some = {"with a topic": topic >= -1, "adopted only": topic < 0}
for name, of in some.items():
    price.loc[name] = [purity(t, paper & of & (t >= 0)) for t in given.values()]
judge("adopting costs purity", price.iloc[2, 0] > price.iloc[2, 1:].max())
price.index = ["outliers", "agreement", *(f"purity, {name}" for name in some)]
price.round(2)

# %% [markdown]
# ### Explore
#
# Topic numbers change from run to run: never write one down, look a topic up by what it is about. `find_topics` compares the vector of a question with each topic's mean vector.

# %% tags=["c5.21", "nbval-ignore-output"]
ASKED = "question answering"
best = model.find_topics(ASKED, top_n=1)[0][0]
of_best = pd.Series(field[(topic == best) & paper]).value_counts(normalize=True)
print(f"{ASKED}:", *(word for word, _ in model.get_topic(best)))
print("its fields:", of_best.head(3).round(2).to_dict())
known = int((direct @ unit(encoder.encode(ASKED))).argmax())
print("nearest text:", title[known])
judge("over 60 % of its abstracts share a field", of_best.iloc[0] > 0.6)
run.check("the nearest text is in the topic found", adopted(topic)[known] == best)

# %% [markdown]
# ## 6 · Every block can be swapped
#
# Embed, reduce, cluster, count, weigh: BERTopic asks only that a block has the methods of its kind. `Ready` stands where UMAP stood and hands out the coordinates we have.

# %% tags=["c5.22"]
from sklearn.decomposition import TruncatedSVD


class Ready:
    """Coordinates made before, in the place of a reducer."""

    def __init__(self, points):
        self.points = points

    def fit_transform(self, vectors, y=None):
        return self.points


tfidf = TfidfVectorizer(stop_words="english", sublinear_tf=True).fit_transform(docs)
counted = unit(TruncatedSVD(100, random_state=run.seed).fit_transform(tfidf))
pairs = CountVectorizer(stop_words="english", ngram_range=(1, 2))
k_means = KMeans(TOLD, n_init=5, random_state=run.seed)
weights = ClassTfidfTransformer(bm25_weighting=True, reduce_frequent_words=True)
variants = {
    "as above": {},
    "TF-IDF + SVD vectors": {"umap_model": reducer()},
    "PCA for UMAP": {"umap_model": PCA(DIMENSIONS, random_state=run.seed)},
    "k-means for HDBSCAN": {"hdbscan_model": k_means},
    "word pairs, too": {"vectorizer_model": pairs},
    "BM25 weights": {"ctfidf_model": weights},
}

# %% [markdown]
# Each is fitted whole, with all other blocks as they were. (Where did our topic go? To where most of its texts went.)

# %% tags=["c5.22"]
usual = steps | dict(umap_model=Ready(five))
usual["vectorizer_model"] = CountVectorizer(stop_words="english")  # leaves ours alone
swapped, told = {}, {}
for name, change in variants.items():
    points = counted if name.startswith("TF-IDF") else vectors
    other = BERTopic(**usual | change).fit(docs, points)
    swapped[name] = np.array(other.topics_)
    went = np.bincount(swapped[name][topic == best] + 1).argmax() - 1
    words = " ".join(w for w, _ in other.get_topic(went)[:6])
    told[name] = words if went >= 0 else "(no topic)"
for name in ["as above", "word pairs, too", "BM25 weights"]:
    run.check(f"{name}: the same assignments", np.array_equal(swapped[name], topic))
run.check("k-means: no outliers", swapped["k-means for HDBSCAN"].min() == 0)

# %% tags=["c5.22", "nbval-ignore-output"]
table = {n: [t.max() + 1, np.mean(t < 0)] for n, t in swapped.items()}
table = pd.DataFrame(table, ["topics", "outliers"]).T
table["like ours"] = [rand(adopted(topic), adopted(t)) for t in swapped.values()]
table["agreement"] = [agreement(adopted(t)) for t in swapped.values()]
run.check("something changed", table["like ours"].min() < 0.9)
table.assign(words=told).round(2)

# %% [markdown]
# *Like ours* is the Rand index with our topics, outliers adopted in both (by the encoder's vectors, which helps the second and third row). The blocks before the words decide who belongs together, counter and weights only what a topic is called. After PCA most texts are outliers, in the laptop profile. One seed: differences of a few hundredths are noise, as Figure 4 showed.
#
# ### Other words, same topics
#
# A *representation model* chooses a topic's words anew. `update_topics` forgets the counter unless it gets it again (and the stop words are back), so we wrap it.

# %% tags=["c5.23"]
def retold(representation=None):
    """Words of each topic under a representation model; assignments must stay."""
    was = list(model.topics_)
    again = dict(vectorizer_model=counter, representation_model=representation)
    model.update_topics(docs, **again)
    assert was == list(model.topics_)
    return {t: [w for w, _ in words if w] for t, words in model.get_topics().items()}


def compare(before, after, topics):
    """Six words of some topics in two versions, side by side."""
    shown = {t: [" ".join(v[t][:6]) for v in (before, after)] for t in topics}
    return pd.DataFrame(shown, ["before", "after"]).T

# %% [markdown]
# **KeyBERTInspired** asks the encoder: the vectors of a topic's most typical abstracts are averaged, and words near this mean come first. (Take `update_topics` for it, which embeds these abstracts again: `fit` with stored vectors, in BERTopic 0.17.4, averages those of other rows, a fault that we found by computing it by hand.)

# %% tags=["c5.23", "c5.24", "nbval-ignore-output"]
from bertopic.representation import KeyBERTInspired

keybert = retold(KeyBERTInspired(nr_repr_docs=3, nr_candidate_words=30))
run.check("the same assignments", list(topic) == list(model.topics_))
pd.options.display.max_colwidth = 80
compare(keywords, keybert, [0, 1, best])

# %% [markdown]
# By hand, for the topic of section 5: its row of c-TF-IDF; the three members whose own weights are most like it; their mean vector; the cosines of the 30 heaviest words with it.

# %% tags=["c5.24"]
row = model.c_tf_idf_[best + 1].toarray()[0]  # the first is of -1
members = np.flatnonzero(topic == best)
own = model.ctfidf_model.transform(counter.transform(texts[members])).toarray()
typical = members[np.argsort(-(unit(own) @ unit(row)))[:3]]
centre = vectors[typical].mean(axis=0)

# %% tags=["c5.24"]
heaviest = np.argsort(-row)[:30]
candidates = counter.get_feature_names_out()[heaviest]
embedded = encoder.encode(list(candidates))
to_topic = unit(embedded) @ unit(centre)

# %% tags=["c5.24"]
ours = set(candidates[np.argsort(-to_topic)[:10]])
run.check("8 of 10 words are the library's", len(ours & set(keybert[best])) >= 8)
nearer = np.sort(to_topic)[-10:].mean() > to_topic[:10].mean()
run.check("they are nearer to the topic than c-TF-IDF's", nearer)

# %% [markdown]
# Near words are often near each other: a word and its plural. **Maximal marginal relevance** (MMR) picks one by one, each time the word with the largest (1 - d) x cosine to the topic - d x largest cosine to a word picked before. For d = 0 that is the order by cosine.

# %% tags=["c5.25"]
def mmr(centre, embedded, diversity, count=10):
    """Rows picked one by one: near the topic, far from those picked before."""
    to_topic, between = unit(embedded) @ unit(centre), unit(embedded) @ unit(embedded).T
    picked = [int(to_topic.argmax())]
    while len(picked) < count:
        gain = (1 - diversity) * to_topic - diversity * between[:, picked].max(axis=1)
        gain[picked] = -np.inf
        picked.append(int(gain.argmax()))
    return picked

# %% tags=["c5.25"]
from bertopic.representation._mmr import mmr as library_mmr

picks = {d: mmr(centre, embedded, d) for d in (0, 0.3, 0.7)}
words = list(candidates)
library = {d: library_mmr(centre[None], embedded, words, d, 10) for d in picks}
same = all(list(candidates[picks[d]]) == library[d] for d in picks)
run.check("by hand = BERTopic's", same, "three diversities")
squares = {d: unit(embedded[r]) @ unit(embedded[r]).T for d, r in picks.items()}
alike = {d: s[np.triu_indices(10, 1)].mean() for d, s in squares.items()}
run.check("diversity makes the words less alike", alike[0.7] < alike[0])

# %% tags=["c5.24", "c5.25", "c5.31"]
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), width_ratios=[1, 1, 1, 1.4])
weight, by_cosine = row[heaviest], np.argsort(-to_topic)
panels = {"c-TF-IDF": (range(10), weight), "KeyBERT": (by_cosine[:10], to_topic)}
panels["MMR, d = 0.3"] = picks[0.3], to_topic
for ax, (name, (rows, values)) in zip(axes, panels.items()):
    ax.barh(range(10)[::-1], values[list(rows)], color=plots.PALE)
    ax.set_yticks(range(10)[::-1], candidates[list(rows)])
    ax.set(title=name, xlabel="cosine to the topic" if ax is not axes[0] else "weight")
cloud, points = axes[3], 8 + 14 * weight[:10] / weight[0]
for i in range(10):
    place = (0.3 + 0.4 * (i % 2), 0.92 - i / 10.8)
    cloud.text(*place, candidates[i], fontsize=points[i], ha="center", va="center")
cloud.set(xticks=[], yticks=[], title=f"cloud: {ASKED}")
plots.show(figure, "Words of one topic by c-TF-IDF, KeyBERT and MMR, and as a cloud.")

# %% [markdown]
# **Figure 5.** The topic found for *question answering*; MMR's words stand in the order of picking. The **word cloud** is the first chart again, weights as letter sizes; places mean nothing, and long words look heavier than they are. Read the bars.

# %% tags=["c5.31"]
run.check("letter sizes follow the weights", np.all(np.diff(points) <= 0))

# %% [markdown]
# ## 7 · Names people understand
#
# Two models write labels: T5, and a chat model, once behind an API, once in this process (the labels should be the same). BERTopic takes any object with `extract_topics`, and a list of them as a chain: `First` keeps eight of the thirty words that BERTopic hands over, `T5Label` lets T5 read them.

# %% tags=["c5.26"]
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

writer = models.find("seq2seq")
t5 = AutoModelForSeq2SeqLM.from_pretrained(writer.path, **writer.options)
t5_tokenizer = AutoTokenizer.from_pretrained(writer.path)

# %% tags=["c5.26"]
from bertopic.representation._base import BaseRepresentation


class First(BaseRepresentation):
    def extract_topics(self, topic_model, documents, c_tf_idf, topics):
        return {t: words[:8] for t, words in topics.items()}


class T5Label(BaseRepresentation):
    def extract_topics(self, topic_model, documents, c_tf_idf, topics):
        asked = [", ".join(w for w, _ in words) for words in topics.values()]
        asked = ["topic of these keywords: " + words for words in asked]
        ids = t5_tokenizer(asked, padding=True, return_tensors="pt").to(t5.device)
        out = t5.generate(**ids, max_new_tokens=12)
        out = t5_tokenizer.batch_decode(out, skip_special_tokens=True)
        return {t: [(label.strip(), 1)] for t, label in zip(topics, out)}

# %% tags=["c5.26"]
names = pd.DataFrame({"T5": {t: w[0] for t, w in retold([First(), T5Label()]).items()}})
length = names["T5"].str.split().str.len()
run.check("one label for each topic, six words at most", length.between(1, 6).all())

# %% [markdown]
# A chat model may read documents, too. BERTopic fills `[KEYWORDS]` and `[DOCUMENTS]`: the four most typical abstracts, here cut to twelve words, mostly the title. Without a key a server on this machine answers OpenAI's client; `delay_in_seconds` helps with services that limit calls.

# %% tags=["c5.27"]
from bertopic.representation import OpenAI
from utils import scores, services

PROMPT = "I have a topic that contains the following documents:\n[DOCUMENTS]The "
PROMPT += "keywords of the topic are: '[KEYWORDS]'.\nGive a short label of the topic."
client, chat_name = services.openai_client()
brief = dict(prompt=PROMPT, nr_docs=4, doc_length=12, tokenizer="whitespace")
brief |= dict(system_prompt="")  # the default would be a second instruction
limits = dict(temperature=0, max_completion_tokens=12)
api = OpenAI(client, chat_name, generator_kwargs=limits, delay_in_seconds=0, **brief)

# %% tags=["c5.27", "nbval-ignore-output"]
names["chat, API"] = {t: w[0] for t, w in retold([First(), api]).items()}
run.check("one call for each topic", len(api.prompts_) == len(names))
filled = api.prompts_[best + 1]
whole = ", ".join(keywords[best][:8]) in filled and filled.count("\n- ") == 4
run.check("the prompt holds the keywords and four abstracts", whole)
print(filled)

# %% tags=["c5.28", "nbval-ignore-output"]
from bertopic.representation import LlamaCPP

llm = services.llama("q8_0")
local = LlamaCPP(llm, pipeline_kwargs=dict(max_tokens=12, temperature=0.0), **brief)
here = {t: w[0] for t, w in retold([First(), local]).items()}
llm.close()
run.check("the same prompts as the API got", local.prompts_ == api.prompts_)
print("same labels:", np.sum(pd.Series(here) == names["chat, API"]), "of", len(here))
names["main field"] = {t: pd.Series(field[topic == t]).mode()[0] for t in names.index}
real = names.drop(index=-1)
real

# %% [markdown]
# ### Are the names any good?
#
# Embed each label and the names of all fields. Is the nearest field the topic's most frequent one? By chance, one time in as many as there are fields.

# %% tags=["c5.28", "nbval-ignore-output"]
kinds = np.unique(field[paper])
kind_vectors = unit(encoder.encode(list(kinds)))


def named_right(labels):
    """Share of topics whose label is nearest to the topic's most frequent field."""
    nearest = (unit(encoder.encode(list(labels))) @ kind_vectors.T).argmax(axis=1)
    return np.mean(kinds[nearest] == real["main field"])


hit = {name: named_right(real[name]) for name in ["T5", "chat, API"]}
hit["three keywords"] = named_right([", ".join(keywords[t][:3]) for t in real.index])
named = hit["chat, API"] > 3 / len(kinds)
judge("the chat model is right 3 times as often as chance", named)
print({name: f"{h * len(real):.0f} of {len(real)}" for name, h in hit.items()})

# %% [markdown]
# The plain keywords are hard to beat by this measure, which does not ask whether a person could read the label. In the laptop profile the writers are models of a few million weights: they garble words that they never met, copy phrases, or drift off. A large model writes smoothly, and drifts off just as well: keep the keywords beside any label.
#
# ### Which topics are alike?

# %% tags=["c5.29"]
_ = retold()  # c-TF-IDF's words again
weighed = unit(model.c_tf_idf_[1:].toarray())  # without -1
alike = weighed @ weighed.T
whole = np.allclose(alike, alike.T) and np.allclose(np.diag(alike), 1)
run.check("similarity: symmetric, 1 on the diagonal", whole)

# %% tags=["c5.29"]
import contextlib
import io

with contextlib.redirect_stderr(io.StringIO()):  # it draws a progress bar
    merges = model.hierarchical_topics(docs).sort_values("Distance")
apart = squareform(1 - alike, checks=False)
joined = linkage(apart, "ward", optimal_ordering=True)
run.check("merge heights = scipy's", np.allclose(merges.Distance, joined[:, 2]))
first = {int(merges.Child_Left_ID.iloc[0]), int(merges.Child_Right_ID.iloc[0])}
run.check("the first merge = scipy's", first == {int(i) for i in joined[0, :2]})

# %% tags=["c5.29"]
figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.2), width_ratios=[1.2, 1])
three = [", ".join(keywords[t][:3]) for t in range(len(sizes))]
tree_of = dendrogram(joined, ax=axes[0], labels=three, orientation="left", **grey)
axes[0].set(title="hierarchy of the topics", xlabel="distance")
order = tree_of["leaves"][::-1]
image = axes[1].imshow(alike[np.ix_(order, order)], vmax=0.5)
figure.colorbar(image, ax=axes[1], label="cosine (0.5 and more: darkest)", shrink=0.8)
axes[1].set(title="similarity", xticks=[], yticks=[])
axes[1].grid(False)
plots.show(figure, "Dendrogram of the topics by their words, and their similarities.")

# %% [markdown]
# **Figure 6.** Topics that share words join early; right, their cosines in the same order, darker is more alike. Some joins are odd: it is words that are compared, and topics share words of method, too. Who wants fewer topics may cut this tree (exercise 3 measures what that costs).
#
# ### Coherence and diversity
#
# Without fields: do a topic's top words occur together? **NPMI** of two words is log(p12 / (p1 p2)) / -log p12, from the shares of documents that have both, the first, the second: 1 if always together, 0 if independent, -1 if never. Two words in half of the documents each, both in a quarter: independent. *Diversity* is the share of different words among all top words.

# %% tags=["c5.30"]
def npmi(has):
    """Mean NPMI of all pairs of words (columns); rows: which documents have them."""
    both = (has.T @ has) / len(has)
    single = np.diag(both)
    both = both + 1e-12  # gensim's, for words that never meet
    values = np.log(both / np.outer(single, single)) / -np.log(both)
    return values[~np.eye(len(both), dtype=bool)].mean()


quarter = npmi(np.array([[1.0, 1], [1, 0], [0, 1], [0, 0]]))
run.check("independent words have 0", abs(quarter) < 1e-9)

# %% tags=["c5.30"]
tops = {"BERTopic": [keywords[t] for t in range(len(sizes))]}
tops["KeyBERT"] = [keybert[t] for t in range(len(sizes))]
tops["LDA"] = lda_words
has = (counter.transform(docs) > 0).astype(float).toarray()
columns = {n: [[counter.vocabulary_[w] for w in t] for t in tops[n]] for n in tops}
coherent = {n: np.array([npmi(has[:, c]) for c in columns[n]]) for n in tops}

# %% tags=["c5.30"]
from gensim.corpora import Dictionary
from gensim.models import CoherenceModel

tokens = list(map(counter.build_analyzer(), docs))
whole = dict(coherence="c_npmi", window_size=10**5, processes=1)  # whole documents
whole |= dict(texts=tokens, dictionary=Dictionary(tokens), topics=tops["BERTopic"])
library = CoherenceModel(**whole)
same = np.allclose(coherent["BERTopic"], library.get_coherence_per_topic(), atol=1e-6)
run.check("by hand = gensim, every topic", same)

# %% [markdown]
# With intervals, from topics drawn with replacement (chapter 4). KeyBERT's topics are BERTopic's, so their difference is paired:

# %% tags=["c5.30", "nbval-ignore-output"]
found = {n: [c.mean(), *scores.interval(np.mean, c)] for n, c in coherent.items()}
found = pd.DataFrame(found, ["NPMI", "low", "high"]).T
lists = {n: np.concatenate(words) for n, words in tops.items()}
found["diversity"] = {n: len(set(words)) / len(words) for n, words in lists.items()}
found.round(2)

# %% tags=["c5.30", "nbval-ignore-output"]
gap = coherent["KeyBERT"] - coherent["BERTopic"]
low, high = scores.interval(np.mean, gap)
print(f"KeyBERT's words over c-TF-IDF's, topic by topic: {low:.2f} to {high:.2f}")

# %% [markdown]
# In the laptop profile KeyBERT's words meet less often: the encoder picks words of similar meaning, and synonyms replace each other. Words that meet in documents are not yet words that mean something to a reader.
#
# ## Is it any good?
#
# Your first guess, answered: agreement with the hidden fields over the abstracts, outliers adopted. The mean of three seeds, and its interval over random halves of the abstracts.

# %% tags=["c5.11"]
answers = {"BERTopic's chain": runs, "LDA": [lda_topic]}
for s in SEEDS[1:]:
    other = LatentDirichletAllocation(TOLD, max_iter=20, random_state=s, **prior)
    answers["LDA"].append(other.fit_transform(bags).argmax(axis=1))
again = [KMeans(TOLD, n_init=5, random_state=s) for s in SEEDS]
answers["k-means on UMAP"] = [k.fit_predict(z) for k, z in zip(again, layouts)]
answers["k-means on the vectors"] = [k.fit_predict(direct) for k in again]
codes, chosen = np.unique(field, return_inverse=True)[1], np.flatnonzero(paper)
answers["random"] = [np.random.default_rng(s).permutation(runs[0]) for s in SEEDS]

# %% tags=["c5.11"]
rng, half = np.random.default_rng(run.seed), len(chosen) // 2
draws = [rng.choice(chosen, half, replace=False) for _ in range(RESAMPLES)]
halves = {n: [np.mean([rand(codes[d], a[d]) for a in several]) for d in draws]
          for n, several in answers.items()}
above = np.mean((halves := pd.DataFrame(halves)).iloc[:, 0] > halves["LDA"])
judge("the chain is above LDA in 95 % of the halves", above > 0.95)

# %% [markdown]
# The halves show the luck of the texts (a random half of them varies about as much as a new sample of this size would), the lowest seed that of the fits.

# %% tags=["c5.11", "c5.15", "nbval-ignore-output"]
seeds = {n: [agreement(a) for a in several] for n, several in answers.items()}
final = pd.DataFrame({"agreement": {n: np.mean(s) for n, s in seeds.items()}})
final["lowest seed"] = {n: min(s) for n, s in seeds.items()}
final[["low", "high"]] = halves.quantile([0.025, 0.975]).T
judge("random labels agree by chance", abs(final.agreement["random"]) < 0.02)
judge("every seed of the chain is above 0.45", min(seeds["BERTopic's chain"]) > 0.45)
lead = (halves.iloc[:, 0] - halves["k-means on UMAP"]).quantile([0.025, 0.975])
print(f"the chain over k-means on UMAP: {lead.iloc[0]:.2f} to {lead.iloc[1]:.2f}")
final.round(2)

# %% [markdown]
# Where that interval includes 0, this score cannot tell the two kinds of clustering apart: k-means was told how many groups there are, HDBSCAN was not, and may say "no topic". Nor does k-means need UMAP: centres work in hundreds of dimensions, density does not.
#
# Remember the caution of section 1: the height of these numbers is partly made, not found. And 1 is out of reach: a paper on translating hospital notes has one field here, two in truth.
#
# ### How far does it carry?
#
# Measured once, on real abstracts, by `python -m data.recipes.scale`; the figure draws its file.

# %%
import json

scale = json.loads((models.DATA / "texts" / "scale.json").read_text("utf-8"))
took = pd.DataFrame(scale["seconds"], index=scale["documents"])
print(scale["machine"])

# %%
figure, ax = plt.subplots(figsize=(6.5, 3))
axes_of = dict(xlabel="documents", ylabel="seconds")
plots.lines(ax, list(took.index), {n: list(took[n]) for n in took}, **axes_of)
ax.set(xscale="log", yscale="log")
ax.set_xticks(took.index, [f"{n:,}" for n in took.index])
ax.set_xticks([], minor=True)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, "Seconds of each step against the number of documents, log scales.")
run.check("embedding costs the most", (took.idxmax(axis=1) == "embed").all())

# %% [markdown]
# **Figure 7.** Seconds of each step against the number of documents (both axes logarithmic), measured once on the machine named above. Embedding costs the most by far, and grows with every text: store the vectors. UMAP gets *cheaper* between 3,000 and 10,000: below 4,096 texts it compares all pairs, which is exact and quadratic, above that it looks for neighbours approximately.
#
# ## Where it fails
#
# *A text in the wrong topic*: of the abstracts that HDBSCAN placed itself, the two deepest in a topic whose main field is not theirs. Read the two: is the topic wrong, or the field? *Fields that merge or scatter. Labels that have lost the topic*: no word akin (same first five letters) to any of its ten keywords.

# %% tags=["nbval-ignore-output"]
main = real["main field"].to_numpy()
wrong = np.flatnonzero((topic >= 0) & paper)
wrong = wrong[field[wrong] != main[topic[wrong]]]
means = unit([vectors[topic == t].mean(axis=0) for t in range(len(sizes))])
deep = (direct[wrong] * means[topic[wrong]]).sum(axis=1)
judge("some texts stand in a wrong topic", len(wrong) > 0)
for i in wrong[np.argsort(-deep)[:2]]:
    print(f"{field[i]}, found among {', '.join(keywords[topic[i]][:3])}:")
    print("  ", docs[i][:300], "...")

# %% tags=["nbval-ignore-output"]
table = pd.crosstab(field[paper], adopted(topic)[paper], normalize="index")
run.check("shares of a field sum to 1", np.allclose(table.sum(axis=1), 1))
rest = sorted(set(kinds) - set(main))
print("fields that are no topic's main one:", *rest, sep="\n   ")
most = table.max(axis=1).sort_values()[:3].round(2)
print("least in one topic:", *(f"\n   {f}: {share}" for f, share in most.items()))

# %% tags=["nbval-ignore-output"]
import re


def stems(text):
    """The first five letters of each word."""
    return {w[:5] for w in re.findall(r"[a-z]+", text.lower())}


for name in ["T5", "chat, API"]:
    kin = {t: stems(real[name][t]) & stems(" ".join(keywords[t])) for t in real.index}
    lost = [real[name][t] for t in kin if not kin[t]]
    print(f"{name}: {len(lost)} of {len(real)} labels", lost[:4])
run.check("keywords stand beside every label", all(keywords[t] for t in real.index))

# %% [markdown]
# The last test is crude: a label that repeats one keyword passes, whatever else it says. And a field that is no topic's main one is the quiet failure: its texts are there, under other names, and no list of topics shows that it is missing.
#
# ## Summary
#
# How do you get to named topics you can defend? Embed, reduce, cluster, weigh words, name; and measure each step against something it did not see.
#
# - **Reduction** buys contrast, so that density means something, and pays with neighbours: UMAP brings in fewer false ones than PCA, and needs a seed.
# - **HDBSCAN** may say "no topic", k-means never does. The settings decide how many topics there are: fix a rule before you look, then show how much hangs on it.
# - **c-TF-IDF** counts a cluster as one document; KeyBERT and MMR choose among its words. None of them moves a text.
# - **LDA** finds topics in texts that were drawn as it thinks; on a thousand short abstracts, made plain as they were, clusters agree with the fields far better.
# - **Labels** from a language model are guesses about keywords: keep both, and score them.
#
# **Key terms.** *embedding* · *PCA* · *UMAP* · *trustworthiness* · *core distance* · *mutual reachability* · *HDBSCAN* · *outlier* · *k-means* · *medoid* · *silhouette* · *adjusted Rand index* · *LDA* · *BERTopic* · *c-TF-IDF* · *representation model* · *MMR* · *NPMI*

# %% [markdown]
# ## Exercises
#
# One star is minutes, three stars an evening. Hints and solutions are folded. Every solution runs in a new cell below the last one, and the tests run them all.
#
# **Exercise 1 (\*)** UMAP's `min_dist` says how tightly points may pack; we took 0. What do 0.5 and the same clusterer give: clusters, outliers, agreement?
#
# <details><summary>Hint</summary>
#
# `reducer(min_dist=0.5)`, then `clusterer()` and `adopted`.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# for name, points in {"0": five, "0.5": reducer(min_dist=0.5).fit_transform(vectors)}.items():
#     c = clusterer().fit_predict(points)
#     score = agreement(adopted(c)) if c.max() >= 0 else 0
#     print(f"min_dist {name}: {c.max() + 1} clusters, {np.mean(c < 0):.0%} outliers, {score:.2f}")
#     print(f"   nearest text at {nearest_share(points):.2f} of the mean distance")
# ```
#
# Room between the points flattens the density: less contrast, and in the laptop profile twice as many outliers. For looking at a map some room is pleasant; for clustering it is not.
#
# </details>
#
# <br>
#
# **Exercise 2 (\*\*)** Which topics grew over the years? For each topic, compare its share of the texts of the earlier half of the years with that of the later half.
#
# <details><summary>Hint</summary>
#
# `pd.crosstab(..., normalize="index")` on `year > median`. BERTopic has `topics_over_time`, which also counts the words anew for each period.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# year = np.array(data["year"])
# late = year > np.median(year)
# by_half = pd.crosstab(late, adopted(topic), normalize="index").T
# by_half.columns = ["early", "late"]
# by_half.index = [", ".join(keywords[t][:3]) for t in by_half.index]
# print(by_half.assign(change=by_half.late - by_half.early).sort_values("change").round(2))
# ```
#
# A rise of a few hundredths is a few texts: put an interval beside it (`scores.interval`) before you tell a story about it.
#
# </details>
#
# <br>
#
# **Exercise 3 (\*\*)** Merge the two most similar topics. Does agreement rise? Go on until six are left, and print the agreement at each step.
#
# <details><summary>Hint</summary>
#
# `fcluster(joined, t=k, criterion="maxclust")` from scipy cuts the dendrogram of Figure 6 into k groups; `np.take` turns topics into groups. (`model.merge_topics` does it inside BERTopic.)
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# from scipy.cluster.hierarchy import fcluster
#
# everyone = adopted(topic)
# for k in range(len(sizes), 5, -1):
#     groups = fcluster(joined, t=k, criterion="maxclust")
#     print(k, "topics:", round(agreement(np.take(groups, everyone)), 2))
# ```
#
# Merging helps where a field was split, harms where two fields become one; in the laptop profile it harms from the start. The dendrogram only knows words; the fields are another opinion.
#
# </details>
#
# <br>
#
# **Exercise 4 (\*\*)** Let KeyBERTInspired choose among word pairs, too. Which topics get a better name?
#
# <details><summary>Hint</summary>
#
# `model.update_topics(docs, vectorizer_model=CountVectorizer(stop_words="english", ngram_range=(1, 2)), representation_model=...)`. Few candidates keep it quick.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# two = CountVectorizer(stop_words="english", ngram_range=(1, 2))
# chosen = KeyBERTInspired(nr_repr_docs=3, nr_candidate_words=20)
# model.update_topics(docs, vectorizer_model=two, representation_model=chosen)
# paired = {t: [w for w, _ in words] for t, words in model.get_topics().items()}
# print(compare(keywords, paired, range(5)))
# _ = retold()
# ```
#
# Pairs such as *question answering* say more than either word; pairs that one text repeats creep in as well.
#
# </details>
#
# <br>
#
# **Exercise 5 (\*\*)** *Guided* topics: give BERTopic seed words for three topics that you expect. Do the texts that hold them move together?
#
# <details><summary>Hint</summary>
#
# `BERTopic(seed_topic_list=[["speech", "acoustic"], ...])` pulls the vectors of texts near a seed towards it before UMAP, so UMAP must run again.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# seeds = [["speech", "acoustic", "speaker"], ["translation", "bilingual"], ["question", "answer"]]
# guided = BERTopic(**usual | dict(umap_model=reducer(), seed_topic_list=seeds)).fit(docs, vectors)
# both = {"free": topic, "guided": np.array(guided.topics_)}
# for name, t in both.items():
#     print(f"{name}: agreement {agreement(adopted(t)):.2f}")
#     for words in seeds:
#         about = (direct @ unit(encoder.encode(" ".join(words)))).argsort()[-30:]
#         print("  ", words[0], pd.Series(t[about]).value_counts().iloc[0], "of 30 in one topic")
# ```
#
# Not every seed pulls its texts together: in the laptop profile those on translation fall further apart. Guiding bends vectors towards what you expect; say so when you report, since such topics are no longer simply found.
#
# </details>
#
# <br>
#
# **Exercise 6 (\*\*\*)** A mini HDBSCAN: cut the spanning tree of the twelve points at every height, and print how many clusters of at least three points there are, and how many outliers.
#
# <details><summary>Hint</summary>
#
# Keep the edges of `tree` lighter than the height; `scipy.sparse.csgraph.connected_components` gives the parts.
#
# </details>
# <details><summary>Solution</summary>
#
# ```python
# from scipy.sparse.csgraph import connected_components
#
# for height in sorted({round(float(w), 3) for *_, w in tree}):
#     links = np.zeros((12, 12))
#     for a, b, weight in tree:
#         links[a, b] = weight <= height + 1e-3
#     part = connected_components(links, directed=False)[1]
#     large = np.bincount(part) >= 3
#     print(f"{height}: {large.sum()} clusters, {np.sum(~large[part])} outliers")
# ```
#
# Two clusters stand over a wide range of heights: that is the stability for which HDBSCAN keeps them.
#
# </details>
#
# <br>
#
# [previous: 4 · Text classification](04_text_classification.ipynb) | [contents](README.md) | [next: 6 · Prompt engineering](06_prompt_engineering.ipynb)

# %% tags=["nbval-ignore-output"]
run.report()
