import numpy as np
import pytest
import tensorflow as tf

from tfsparse import BlockPattern
from tfsparse.pattern import KernelView, to_blocks
from tfsparse.pruning.group_lasso import group_lasso
from tfsparse.pruning.selection import elements_per_block

SHAPE = (7, 10)  # neither side is divided by the pattern
PATTERN = BlockPattern(4, 3)
VIEW = KernelView.of_dense(SHAPE)


def kernel_values():
    values = np.random.default_rng(0).standard_normal(SHAPE)
    values[:3, :4] = 0.0  # one block
    return values


def test_value_is_the_formula():
    values = kernel_values()
    norms = np.linalg.norm(to_blocks(VIEW.to_matrix(values), PATTERN), axis=(2, 3))
    expected = 0.3 * np.sum(np.sqrt(elements_per_block((10, 7), PATTERN)) * norms)
    penalty = group_lasso(tf.constant(values), VIEW, PATTERN, 0.3)
    assert float(penalty) == pytest.approx(expected, abs=1e-4)


def test_gradient_agrees_with_differences_and_is_zero_in_a_zero_block():
    values = kernel_values()
    kernel = tf.Variable(values)
    with tf.GradientTape() as tape:
        penalty = group_lasso(kernel, VIEW, PATTERN, 0.3)
    gradient = tape.gradient(penalty, kernel).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[:3, :4].any()
    step = 1e-6
    for index in [(0, 4), (3, 0), (6, 9), (5, 7)]:
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * step
            ends.append(float(group_lasso(tf.constant(moved), VIEW, PATTERN, 0.3)))
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_low_precision_kernels_are_summed_in_float32(dtype):
    kernel = tf.fill(SHAPE, tf.constant(300.0, dtype))
    penalty = group_lasso(kernel, VIEW, PATTERN, 1.0)
    assert penalty.dtype == tf.float32
    assert float(penalty) == pytest.approx(300.0 * 70, rel=1e-2)
