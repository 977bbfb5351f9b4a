"""Differences are over the greatest result."""

import numpy as np
import pytest

from benchmarks.conversions.steps import difference_of, size_of


@pytest.mark.parametrize(
    ("result", "right", "difference"),
    [
        ([1.0, -4.0], [1.0, -4.0], 0),
        ([2.0, -4.0], [1.0, -4.0], 0.25),
        ([1, 2], [1, 4], 0.5),
        ([0.5], [0.0], 0.5),
        ([b"a"], [b"a"], 0),
        ([b"a"], [b"b"], 1),
    ],
)
def test_differences(result, right, difference):
    assert difference_of(np.array(result), np.array(right)) == difference


def test_results_that_do_not_compare_are_errors():
    with pytest.raises(ValueError, match="should be of shape"):
        difference_of(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="should be finite"):
        difference_of(np.array([np.nan]), np.zeros(1))


def test_sizes_are_those_of_all_files(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "inner" / "b").write_bytes(b"45")
    assert size_of(tmp_path) == 5
