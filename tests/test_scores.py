"""utils.scores: intervals and paired tests against cases worked out by hand."""
import numpy as np
import pytest

from utils.scores import interval, macro_f1, mcnemar


def test_interval_of_a_case_worked_out_by_hand():
    """Two draws from {0, 1}: the mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4."""
    assert interval(np.mean, [0, 1], level=0.95) == (0.0, 1.0)
    assert interval(np.mean, [0, 1], level=0.40) == (0.5, 0.5)
    assert interval(np.mean, [3, 3, 3]) == (3.0, 3.0)


def test_interval_of_a_mean_is_what_the_normal_law_says():
    right = np.repeat([0, 1], [200, 800])
    low, high = interval(np.mean, right, resamples=4000)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.003)


def test_columns_are_resampled_together():
    truth = list("abcabcabc")
    same = interval(lambda a, b: float(np.mean(a == b)), truth, truth)
    assert same == (1.0, 1.0)


def test_interval_is_the_same_for_the_same_seed_only():
    x = np.random.default_rng(0).normal(size=50)
    assert interval(np.mean, x) == interval(np.mean, x)
    assert interval(np.mean, x) != interval(np.mean, x, seed=8)


@pytest.mark.parametrize("only_a, only_b", [(9, 2), (2, 9), (5, 5), (1, 0)])
def test_mcnemar_is_a_fair_coin_on_the_disagreements(only_a, only_b):
    from scipy.stats import binomtest

    a = [True] * 7 + [False] * 4 + [True] * only_a + [False] * only_b
    b = [True] * 7 + [False] * 4 + [False] * only_a + [True] * only_b
    truth = binomtest(min(only_a, only_b), only_a + only_b, 0.5).pvalue
    assert mcnemar(a, b) == pytest.approx(truth)


def test_mcnemar_by_hand_and_without_disagreement():
    assert mcnemar([1, 1, 1, 1], [0, 0, 0, 0]) == pytest.approx(2 / 2**4)
    assert mcnemar([1, 0, 1], [1, 0, 1]) == 1.0


def test_macro_f1_is_the_mean_over_the_classes_of_the_truth():
    from sklearn.metrics import f1_score

    truth, answers = list("aabbbc"), list("abbbca")
    expected = f1_score(truth, answers, average="macro", zero_division=0)
    assert macro_f1(truth, answers) == pytest.approx(expected)
    # a: precision 1, recall 1/2; b: 1; an answer "z" is wrong, and no class of its own
    assert macro_f1(list("aabb"), list("azbb")) == pytest.approx((2 / 3 + 1) / 2)
