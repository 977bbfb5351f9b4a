import io

import numpy as np
import pytest
from PIL import Image

from tfsparse.pruning.report.mask_picture import COLOUR, CORNER, data_url, mask_picture, png
from tfsparse.pruning.shares import CELLS, LONGEST

from .kernels import sparse_matrices


def opened(picture):
    """Opacity of every pixel of a picture as another program reads its file, from 0 to 1."""
    image = np.array(Image.open(io.BytesIO(png(picture))).convert("RGBA"))
    assert (image[image[..., 3] > 0][:, :3] == COLOUR).all()
    return image[..., 3] / 255


def test_a_small_kernel_is_shown_element_by_element():
    matrices = sparse_matrices((1, 16, 40), "4x1", 0.5)
    picture = mask_picture(matrices)
    assert not picture.is_reduced
    np.testing.assert_array_equal(picture.whole, np.where(matrices[0] != 0, 255, 0))
    np.testing.assert_array_equal(picture.corner, matrices[0] != 0)


@pytest.mark.parametrize(
    ("shape", "cell"),
    [
        ((97, 96), (2, 1)),
        ((32, 289), (1, 2)),
        ((10, 1000), (1, 4)),
        ((1000, 10), (4, 1)),
        ((64, 576), (2, 2)),
        ((960, 961), (11, 10)),
    ],
)
def test_a_large_kernel_is_shown_by_shares(shape, cell):
    matrices = sparse_matrices((1, *shape), "4x1", 0.75)
    picture = mask_picture(matrices)
    height, width = cell
    rows, columns = -(-shape[0] // height), -(-shape[1] // width)
    assert picture.is_reduced and picture.whole.shape == (rows, columns)
    assert rows * columns <= CELLS and max(rows, columns) <= LONGEST
    # Outside of the kernel is nothing, which a mean over cells leaves out.
    padded = np.full((rows * height, columns * width), np.nan)
    padded[: shape[0], : shape[1]] = matrices[0] != 0
    shares = np.nanmean(padded.reshape(rows, height, columns, width), axis=(1, 3))
    np.testing.assert_allclose(picture.whole, 255 * shares, atol=0.5 + 1e-9)
    assert picture.corner.shape == (min(CORNER, shape[0]), min(CORNER, shape[1]))
    np.testing.assert_array_equal(picture.corner, matrices[0, :CORNER, :CORNER] != 0)


@pytest.mark.parametrize("shape", [(96, 96), (32, 288), (288, 32), (1, 288)])
def test_a_kernel_that_fits_is_not_reduced(shape):
    assert not mask_picture(np.ones((1, *shape))).is_reduced


def test_groups_lie_below_each_other_and_the_corner_shows_the_first():
    matrices = np.zeros((2, 8, 6))
    matrices[1] = 1
    picture = mask_picture(matrices)
    assert picture.shape == (16, 6)
    assert picture.whole[:8].max() == 0 and picture.whole[8:].min() == 255
    assert picture.corner.shape == (8, 6) and not picture.corner.any()


def test_the_file_is_one_that_others_read():
    matrices = sparse_matrices((1, 16, 40), "4x1", 0.5)
    np.testing.assert_array_equal(opened(mask_picture(matrices).whole), matrices[0] != 0)
    np.testing.assert_array_equal(opened(mask_picture(matrices).corner), matrices[0] != 0)


def test_opacity_is_the_root_of_the_share():
    shares = np.arange(0, 256, 5, dtype=np.uint8)[None]
    np.testing.assert_allclose(opened(shares), np.sqrt(shares / 255), atol=0.5 / 31 + 0.5 / 255)


def test_a_kernel_without_elements_has_an_empty_picture():
    assert mask_picture(np.ones((1, 0, 4))).whole.size == 0


def test_the_address_holds_the_picture():
    address = data_url(np.ones((2, 2), bool))
    assert address.startswith("data:image/png;base64,iVBORw0KGgo")
