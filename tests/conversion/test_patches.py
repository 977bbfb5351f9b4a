import numpy as np
import pytest

from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.patches import patches

from .helpers import normal
from .test_geometry import WINDOWS, convolve


@pytest.mark.parametrize("window", WINDOWS)
def test_a_convolution_is_the_product_of_its_windows(window):
    geometry = WINDOWS[window]
    images, kernel = normal((2, 8, 9, 3)), normal((*geometry.kernel_size, 3, 4))
    expected = convolve(images, geometry, kernel).numpy()
    rows = patches(images, geometry, count=10**6)
    assert rows.shape == (expected[..., 0].size, 1, kernel[..., 0].size)
    found = rows[:, 0] @ kernel.reshape(-1, 4)
    np.testing.assert_allclose(found, expected.reshape(-1, 4), rtol=1e-4, atol=1e-5)


def test_each_group_sees_its_own_channels():
    geometry = Geometry((3, 2), pads=None, groups=3)
    images, kernel = normal((2, 5, 6, 12)), normal((3, 2, 4, 6))
    expected = convolve(images, geometry, kernel).numpy().reshape(-1, 3, 2)
    rows = patches(images, geometry, count=10**6)
    found = np.einsum("pgk,kgo->pgo", rows, kernel.reshape(-1, 3, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_some_windows_are_taken_evenly():
    geometry = Geometry((3, 3), pads=None)
    images = normal((4, 8, 8, 2))
    every, some = (patches(images, geometry, count) for count in (10**6, 16))
    np.testing.assert_array_equal(some, every[::16])


@pytest.mark.parametrize("shape", [(0, 8, 8, 2), (3, 1, 8, 2)])
def test_of_nothing_there_are_no_windows(shape):
    assert patches(normal(shape), Geometry((3, 3)), 10).shape == (0, 1, 18)
