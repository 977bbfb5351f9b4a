import numpy as np
import pytest

from tfsparse.pattern import BlockPattern
from tfsparse.pruning.mask_image import SMALLEST, mask_image
from tfsparse.pruning.report.mask_picture import mask_picture
from tfsparse.pruning.shares import LONGEST, shares


def random(shape, share=0.3):
    return np.random.default_rng(4).random(shape) < share


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        ((1, 1, 1), BlockPattern(4, 1)),
        ((1, 3, 5), BlockPattern(4, 1)),
        ((1, 192, 768), BlockPattern(4, 1)),
        ((1, 3072, 768), BlockPattern(1, 1)),
        ((1, 64, 1), BlockPattern(1, 576)),
        ((32, 1, 9), BlockPattern(1, 1)),
        ((1, 257, 255), BlockPattern(16, 4)),
    ],
)
def test_pictures_are_of_a_size_to_look_at(shape, block):
    image = mask_image(random(shape), block)
    assert image.dtype == np.uint8
    assert SMALLEST <= max(image.shape) <= LONGEST and min(image.shape) >= 1


def test_small_masks_keep_the_proportions_of_their_matrix():
    kept = np.array([[[True, False, True], [False, False, True]]])
    image = mask_image(kept, BlockPattern(4, 1))
    assert image.shape == (8 * 12, 3 * 12)
    assert np.array_equal(image[::48, ::12] == 255, kept[0])
    assert set(np.unique(image)) == {0, 255}


def test_a_channel_is_as_wide_as_its_inputs():
    image = mask_image(np.array([[[True], [False]]]), BlockPattern(1, 64))
    assert image.shape == (4, 128) and image[0].all() and not image[-1].any()


def test_the_matrices_of_a_group_lie_below_each_other():
    kept = np.zeros((2, 3, 4), bool)
    kept[1] = True
    image = mask_image(kept, BlockPattern(1, 1))
    half = len(image) // 2
    assert not image[:half].any() and (image[half:] == 255).all()


def test_grey_squared_is_the_share_that_is_kept():
    kept = random((1, 250, 700))
    image = mask_image(kept, BlockPattern(4, 1))
    elements = np.repeat(kept[0], 4, axis=0)
    np.testing.assert_array_equal(image, np.rint(255 * np.sqrt(shares(elements))))
    assert abs(np.mean((image / 255) ** 2) - 0.3) < 0.01


def test_a_mask_and_a_kernel_under_it_look_alike():
    """In TensorBoard and in the report."""
    kept = random((1, 100, 400))
    image = mask_image(kept, BlockPattern(4, 1))
    picture = mask_picture(np.repeat(kept, 4, axis=1).astype("float32"))
    assert np.abs((image / 255.0) ** 2 - picture.whole / 255.0).max() < 0.01


def test_an_empty_mask_is_a_dot():
    assert mask_image(np.zeros((1, 0, 4), bool), BlockPattern(4, 1)).tolist() == [[0]]
