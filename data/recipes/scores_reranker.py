"""The lines of `reranker` in the scorecard: the embedder's ten best, put in a better order."""
import sys

from data.recipes import relevance
from data.recipes.scorecard import kept, table
from utils import HandsOnError
from utils.scores import interval

TOP = 10
OWN = "questions, test: nDCG@10 gained on the embedder alone"
REAL = "SQuAD articles held out: nDCG@10 gained on the embedder alone"


def ndcg(grades: dict, order) -> float:
    """nDCG@10 of an order of passages with gains 2^grade - 1; unnamed ones have grade 0."""
    from math import log2

    def total(gains):
        return sum((2 ** g - 1) / log2(at + 2) for at, g in enumerate(gains[:TOP]))

    best = sorted(grades.values(), reverse=True)
    return total([grades.get(p, 0) for p in order]) / total(best)


def compare(folder, cases) -> tuple:
    """nDCG@10 of each case as arrays: in the embedder's order, and reranked."""
    import numpy as np
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    pairs = [(c.question, p) for c in cases for p in c.found[:TOP]]
    scores = iter(model.predict(pairs, batch_size=32, show_progress_bar=False))
    dense, reranked = [], []
    for c in cases:
        of = {p: next(scores) for p in c.found[:TOP]}
        dense.append(ndcg(c.grades, c.found))
        reranked.append(ndcg(c.grades, sorted(of, key=of.get, reverse=True)))
    return np.array(dense), np.array(reranked)


def gain(dense, reranked) -> float:
    """Mean difference; resampling whole questions keeps the pairs together."""
    return float((reranked - dense).mean())


def line(folder, cases, skill: str, target: float = 0.03) -> dict:
    """One line of the scorecard; `dense` and `reranked` are what the two systems reach."""
    dense, reranked = compare(folder, cases)
    low, high = interval(gain, dense, reranked)
    print(f"{skill}: {dense.mean():.3f} -> {reranked.mean():.3f}")
    return dict(role="reranker", skill=skill, measure="difference",
                value=round(gain(dense, reranked), 3), low=round(low, 3), high=round(high, 3),
                n=len(cases), target=target, dense=round(float(dense.mean()), 3),
                reranked=round(float(reranked.mean()), 3))


def rows(folder) -> list[dict]:
    """Dense against reranked on graded questions of our own, and on real ones."""
    found = [line(folder, relevance.own_cases("test", TOP), OWN)]
    try:
        real = relevance.squad_cases("test", TOP)
    except HandsOnError as e:
        print(e)
        return found + [kept("reranker", REAL)]
    return found + [line(folder, real, REAL)]


if __name__ == "__main__":
    print(table(rows(sys.argv[1])))
