import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.geometry import Geometry

from .helpers import normal

WINDOWS = {
    "1x1": Geometry((1, 1)),
    "1x1, strided": Geometry((1, 1), strides=(2, 3)),
    "3x3": Geometry((3, 3)),
    "3x3, same": Geometry((3, 3), pads=None),
    "3x2, same, strided": Geometry((3, 2), strides=(2, 1), pads=None),
    "5x3, same, strided far": Geometry((5, 3), strides=(3, 4), pads=None),
    "2x3, dilated": Geometry((2, 3), dilations=(3, 2)),
    "2x3, dilated, same": Geometry((2, 3), dilations=(3, 2), pads=None),
    "3x3, padded": Geometry((3, 3), strides=(2, 2), pads=(1, 0, 2, 1)),
}


def convolve(images, geometry, kernel):
    padding = "SAME"
    if geometry.pads is not None:
        top, bottom, left, right = geometry.pads
        padding = [[0, 0], [top, bottom], [left, right], [0, 0]]
    return tf.nn.conv2d(images, kernel, geometry.strides, padding, dilations=geometry.dilations)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("sizes", [(7, 8), (5, 5), (3, 2), (1, 1)])
def test_sizes_are_those_of_tensorflow(window, sizes):
    geometry = WINDOWS[window]
    kernel = normal((*geometry.kernel_size, 1, 1))
    found = geometry.output_sizes(sizes)
    if 0 in found:  # TensorFlow says something else, which holds nothing.
        assert geometry.pads is not None
        return
    expected = tuple(convolve(normal((1, *sizes, 1)), geometry, kernel).shape[1:3])
    assert found == expected
    for axis in (0, 1):
        by_shift = (sizes[axis] + geometry.shift(axis)) // geometry.strides[axis] + 1
        assert by_shift == expected[axis]


@pytest.mark.parametrize("window", WINDOWS)
def test_pads_of_same_are_those_of_tensorflow(window):
    geometry = WINDOWS[window]
    sizes = (7, 10)
    pads = geometry.fixed_pads(sizes)
    images, kernel = normal((2, *sizes, 3)), normal((*geometry.kernel_size, 3, 4))
    explicit = Geometry(geometry.kernel_size, geometry.strides, geometry.dilations, pads)
    expected = convolve(images, geometry, kernel)
    np.testing.assert_allclose(convolve(images, explicit, kernel), expected, rtol=1e-5, atol=1e-5)


def test_pads_of_same_that_depend_on_the_size_are_unknown_without_it():
    assert Geometry((3, 3), strides=(2, 2), pads=None).fixed_pads((None, 8)) is None
    assert Geometry((3, 4), pads=None).fixed_pads((None, None)) == (1, 1, 1, 2)
    assert Geometry((1, 1), strides=(2, 2), pads=None).fixed_pads((None, None)) == (0, 0, 0, 0)


def test_says_whether_a_window_reaches_beyond_the_image():
    padded = {window for window, geometry in WINDOWS.items() if geometry.is_padded}
    assert padded == {window for window in WINDOWS if "same" in window or "padded" in window}
    assert not Geometry((1, 1), strides=(2, 2), pads=None).is_padded
