"""The AUC is scikit-learn's, and its standard error what samples of views show."""

import numpy as np
import pytest
from dlrm.scores import accuracy, auc
from sklearn.metrics import roc_auc_score


def drawn(seed, count=2000):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.3).astype(np.float32)
    return labels, np.round(labels * 0.7 + rng.standard_normal(count), 1), rng


def test_is_that_of_scikit_learn_with_ties():
    labels, scores, _ = drawn(0)
    found = auc(labels, scores)
    assert found.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert found.of_others.mean() == pytest.approx(found.value, abs=1e-12)


def test_the_standard_error_is_the_spread_over_samples():
    values = [auc(*drawn(seed, 400)[:2]).value for seed in range(300)]
    errors = [auc(*drawn(seed, 400)[:2]).standard_error for seed in range(20)]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_a_difference_on_the_same_views_is_known_better():
    labels, scores, rng = drawn(1)
    one, other = auc(labels, scores), auc(labels, scores + 0.05 * rng.standard_normal(len(scores)))
    assert one.error_of_difference(one) == 0
    assert 0 < one.error_of_difference(other) < one.standard_error / 5


def test_labels_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="zeros and ones"):
        auc(np.ones(3), np.arange(3))


def test_accuracy():
    assert accuracy(np.array([0, 1, 1, 0]), np.array([[0.2], [0.7], [0.4], [0.5]])) == 0.75
