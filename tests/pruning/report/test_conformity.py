import numpy as np
import pytest

from tfsparse.pattern import NMPattern
from tfsparse.pruning.report.conformity import conforming_share

from .kernels import sparse_matrices


@pytest.mark.parametrize("pattern", [NMPattern(1, 4), NMPattern(2, 4), NMPattern(4, 8)], ids=str)
def test_what_was_pruned_conforms(pattern):
    matrices = sparse_matrices((2, 8, 32), str(pattern), None)
    assert conforming_share(matrices, pattern) == 1.0
    matrices[1, 3, 8:16] = 1.0
    assert conforming_share(matrices, pattern) == 1.0 - 8 / pattern.of / (2 * 8 * 32 / pattern.of)


def test_fewer_than_asked_for_conform_too():
    assert conforming_share(np.zeros((1, 2, 8)), NMPattern(2, 4)) == 1.0
    assert conforming_share(np.ones((1, 2, 8)), NMPattern(2, 4)) == 0.0
    for zero in range(4):
        group = np.ones((1, 1, 4))
        group[..., zero] = 0
        assert conforming_share(group, NMPattern(2, 4)) == 0.0
        assert conforming_share(1 - group, NMPattern(2, 4)) == 1.0


def test_a_last_group_that_is_not_full_counts_with_zeros_behind_it():
    row = np.array([[[1.0, 1, 1, 1, 1, 1]]])
    assert conforming_share(row, NMPattern(2, 4)) == 0.5
    assert conforming_share(row, NMPattern(1, 4)) == 0.0


def test_without_elements_everything_conforms():
    assert conforming_share(np.ones((1, 0, 4)), NMPattern(2, 4)) == 1.0
