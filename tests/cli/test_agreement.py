"""How far outputs are from each other."""

import numpy as np
import pytest

from tfsparse.cli.agreement import compare


def one(expected, found):
    (agreement,) = compare([{"y": np.array(expected)}], [{"y": np.array(found)}])
    return agreement


def test_numbers():
    agreement = one([[3.0, 4.0]], [[3.0, 4.5]])
    assert agreement.max_difference == 0.5
    assert agreement.relative_error == pytest.approx(0.1)
    assert agreement.same_class == 1


def test_classes_over_batches():
    expected = [{"y": np.eye(3)}, {"y": np.eye(3)}]
    found = [{"y": np.eye(3)}, {"y": np.eye(3)[[0, 2, 1]]}]
    assert compare(expected, found)[0].same_class == pytest.approx(4 / 6)
    assert one([1.0, 2.0], [1.0, 2.0]).same_class is None
    assert one(np.ones((0, 3)), np.ones((0, 3))).same_class is None


@pytest.mark.parametrize(
    ("expected", "found", "error"),
    [([0.0], [0.0], 0), ([0.0], [1.0], 1), ([np.inf, 1.0], [np.inf, 1.0], 0)],
)
def test_zeros_and_infinities(expected, found, error):
    assert one(expected, found).relative_error == error


@pytest.mark.parametrize(
    ("expected", "found"), [(np.inf, -np.inf), (np.nan, np.inf), (-np.inf, np.nan), (1.0, np.inf)]
)
def test_special_values_that_are_not_the_same(expected, found):
    assert "NaN or Inf" in one([expected, 1.0], [found, 1.0]).problem
    assert one([expected, 1.0], [expected, 1.5]).max_difference == 0.5


def test_texts():
    agreement = one(np.array([b"a", b"b"], object), np.array([b"a", b"c"], object))
    assert (agreement.max_difference, agreement.relative_error) == (1.0, 0.5)


def test_integers_do_not_wrap():
    assert one(np.uint8([0]), np.uint8([255])).max_difference == 255


def test_what_cannot_be_compared():
    assert "shapes" in one([1.0], [1.0, 2.0]).problem
    assert "NaN" in one([1.0], [np.nan]).problem
    assert "does not have it" in compare([{"y": np.ones(1)}], [{"z": np.ones(1)}])[0].problem
