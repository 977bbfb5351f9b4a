import numpy as np
import pytest
import tensorflow as tf

from tfsparse import BlockPattern
from tfsparse.pattern import KernelView
from tfsparse.pruning.block_mask import apply_mask, expand_mask, mask_shape


@pytest.mark.parametrize("shape", [(8, 16), (7, 18), (1, 3)])
@pytest.mark.parametrize("pattern", [BlockPattern(4, 1), BlockPattern(16, 4), BlockPattern(2, 3)])
def test_every_element_gets_the_flag_of_its_block(shape, pattern):
    view = KernelView.of_dense(shape)
    mask = np.random.default_rng(0).random(mask_shape(view, pattern)) < 0.5
    flags = expand_mask(mask, pattern, view).numpy()
    assert flags.shape == shape
    for i in range(shape[0]):
        for o in range(shape[1]):
            assert flags[i, o] == mask[0, o // pattern.out, i // pattern.in_]


def test_a_kernel_of_higher_rank_is_seen_through_its_view():
    view = KernelView.of_convolution((3, 2, 4, 8))
    pattern = BlockPattern(4, 2)
    mask = np.random.default_rng(1).random(mask_shape(view, pattern)) < 0.5
    flags = expand_mask(mask, pattern, view).numpy()
    expected = np.repeat(np.repeat(mask, 4, 1), 2, 2)
    np.testing.assert_array_equal(view.to_matrices(flags), expected)


def test_blocks_do_not_cross_groups():
    view = KernelView.of_convolution((3, 4, 12), groups=2)  # 6 outputs a group, blocks of 4
    block = BlockPattern(4, 1)
    mask = np.random.default_rng(2).random(mask_shape(view, block)) < 0.5
    assert mask.shape == (2, 2, 12)
    flags = expand_mask(mask, block, view).numpy()
    for output in range(12):
        group, row = divmod(output, 6)
        np.testing.assert_array_equal(flags[..., output].ravel(), mask[group, row // 4])


def test_masking_zeroes_what_a_product_would_not():
    kernel = tf.constant([[np.nan, 1.0], [np.inf, 2.0]], tf.float16)
    masked = apply_mask(kernel, tf.constant([[False, True], [False, False]]))
    assert masked.dtype == tf.float16
    assert masked.numpy().tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_masked_elements_have_no_gradient():
    kernel = tf.Variable([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(apply_mask(kernel, tf.constant([[False, True]]))))
    assert tape.gradient(loss, kernel).numpy().tolist() == [[0.0, 4.0]]
