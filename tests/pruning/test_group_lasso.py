import numpy as np
import pytest
import tensorflow as tf

from tfsparse import BlockPattern
from tfsparse.pattern import KernelView, to_blocks
from tfsparse.pruning.group_lasso import GroupLasso, as_group_lasso, penalty, shrink
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
    norms = np.linalg.norm(to_blocks(VIEW.to_matrices(values), PATTERN), axis=(-2, -1))
    expected = 0.3 * np.sum(np.sqrt(elements_per_block((10, 7), PATTERN)) * norms)
    value = penalty(tf.constant(values), VIEW, PATTERN, 0.3)
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_gradient_agrees_with_differences_and_is_zero_in_a_zero_block():
    values = kernel_values()
    kernel = tf.Variable(values)
    with tf.GradientTape() as tape:
        value = penalty(kernel, VIEW, PATTERN, 0.3)
    gradient = tape.gradient(value, kernel).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[:3, :4].any()
    step = 1e-6
    for index in [(0, 4), (3, 0), (6, 9), (5, 7)]:
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * step
            ends.append(float(penalty(tf.constant(moved), VIEW, PATTERN, 0.3)))
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_low_precision_kernels_are_summed_in_float32(dtype):
    kernel = tf.fill(SHAPE, tf.constant(300.0, dtype))
    value = penalty(kernel, VIEW, PATTERN, 1.0)
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(300.0 * 70, rel=1e-2)


def test_shrinking_is_the_proximal_operator():
    values = kernel_values()
    shrunk = shrink(tf.constant(values), VIEW, PATTERN, 0.3).numpy()
    before = to_blocks(VIEW.to_matrices(values), PATTERN)
    after = to_blocks(VIEW.to_matrices(shrunk), PATTERN)
    norms = np.linalg.norm(before, axis=(-2, -1))
    pull = 0.3 * np.sqrt(elements_per_block((10, 7), PATTERN))
    factors = np.maximum(0.0, 1.0 - pull / np.maximum(norms, 1e-30))
    assert ((factors > 0) & (factors < 1)).any()
    np.testing.assert_allclose(after, before * factors[..., None, None], rtol=1e-5)


def test_shrinking_zeroes_small_blocks_exactly():
    values = np.full(SHAPE, 1e-3)
    values[:3, :4] = 1.0
    shrunk = shrink(tf.constant(values), VIEW, PATTERN, 1e-2).numpy()
    assert np.count_nonzero(shrunk) == 12
    assert not shrink(tf.zeros(SHAPE), VIEW, PATTERN, 1.0).numpy().any()


@pytest.mark.parametrize("strength", [-1.0, True, float("nan"), float("inf")])
def test_a_wrong_strength_is_refused(strength):
    with pytest.raises(ValueError, match="`group_lasso` should be at least 0"):
        GroupLasso(strength)


def test_arguments_are_read():
    assert as_group_lasso(0.5) == GroupLasso(0.5, "penalty")
    lasso = GroupLasso(1e-4, form="proximal")
    assert as_group_lasso(lasso) is lasso and as_group_lasso(lasso.get_config()) == lasso
    with pytest.raises(ValueError, match="form='sharp'"):
        GroupLasso(1.0, form="sharp")
