import numpy as np
import pytest

from tfsparse.conversion.affine import along


@pytest.mark.parametrize(
    ("shape", "axes", "rank", "fits"),
    [
        ((4,), (4,), 2, True),
        ((1, 4), (4,), 2, True),
        ((), (4,), 2, True),
        ((2, 3), (2, 3), 4, True),
        ((3,), (2, 3), 4, True),
        ((2, 4), (4,), 2, False),
        ((1, 1, 4), (4,), 2, False),
        ((3,), (4,), 2, False),
    ],
)
def test_a_constant_along_the_last_axes_is_a_vector(shape, axes, rank, fits):
    constant = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) + 1
    vector = along(constant, axes, rank)
    assert (vector is not None) == fits
    if fits:
        expected = np.broadcast_to(constant.reshape(constant.shape[-len(axes) :]), axes)
        np.testing.assert_array_equal(vector, expected.reshape(-1))


def test_integers_are_no_scale():
    assert along(np.arange(4), (4,), 2) is None
