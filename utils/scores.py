"""Intervals and paired tests, shown by hand in chapter 4 and reused from then on."""


def interval(statistic, *columns, resamples: int = 1000, seed: int = 7, level: float = 0.95):
    """Bootstrap percentile interval (low, high) of `statistic(*columns)`.

    Rows of the equally long `columns` are drawn with replacement, together. Efron and
    Tibshirani 1993, chapter 13.
    """
    import numpy as np

    columns = [np.asarray(c) for c in columns]
    rng, n = np.random.default_rng(seed), len(columns[0])
    draws = (rng.integers(0, n, n) for _ in range(resamples))
    values = [statistic(*(c[rows] for c in columns)) for rows in draws]
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def mcnemar(right_a, right_b) -> float:
    """Exact two-sided p-value that two systems, right or wrong on the same rows, are equal.

    Only rows on which they disagree count; under equality each is a coin toss
    (McNemar 1947, in its exact binomial form). 1.0 when they never disagree.
    """
    import numpy as np
    from scipy.stats import binomtest

    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def macro_f1(truth, answers) -> float:
    """Mean F1 over the classes of `truth`, in [0, 1]."""
    from sklearn.metrics import f1_score

    labels = sorted(set(truth))
    return float(f1_score(truth, answers, labels=labels, average="macro", zero_division=0))
