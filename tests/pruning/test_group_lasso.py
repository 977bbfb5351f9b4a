import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.pruning.helpers import data, dense_model, kernels
from tfsparse import BlockPattern
from tfsparse.pattern import KernelView, to_blocks
from tfsparse.pruning.group_lasso import GroupLasso, as_group_lasso, penalty, shrink
from tfsparse.pruning.selection import elements_per_block

pytestmark = pytest.mark.one_keras

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


@pytest.mark.parametrize("strength", [-1.0, True, float("nan"), float("inf"), "x", None])
def test_a_wrong_strength_is_refused(strength):
    with pytest.raises(ValueError, match="`group_lasso` should be at least 0"):
        GroupLasso(strength)


def test_arguments_are_read():
    assert as_group_lasso(0.5) == GroupLasso(0.5, "penalty")
    lasso = GroupLasso(1e-4, form="proximal")
    assert as_group_lasso(lasso) is lasso and as_group_lasso(lasso.get_config()) == lasso
    assert lasso.until_target
    forever = GroupLasso(1e-4, until_target=False)
    assert as_group_lasso(forever.get_config()) == forever != GroupLasso(1e-4)
    with pytest.raises(ValueError, match="form='sharp'"):
        GroupLasso(1.0, form="sharp")


LAST_UPDATE, STEPS = 4, 8


def norms_of_training(keras, lasso, model=None):
    """Norm of a kernel after each step of a training whose loss is the lasso alone."""
    schedule = tfsparse.PolynomialDecay(0.25, 0.5, 0, LAST_UPDATE, frequency=1)
    if model is None:
        model = tfsparse.prune_block(dense_model(keras), "4x1", schedule, group_lasso=lasso)
    x, y = data()
    model.compile(keras.optimizers.SGD(0.01), lambda y, p: 0.0 * p[..., 0])
    found = []

    def watch(*_, **__):  # the most important block, which pruning leaves alone
        found.append(np.abs(kernels(model)[1].variable.numpy()).max())

    watch()
    after_step = keras.callbacks.LambdaCallback(on_train_batch_end=watch)
    callbacks = [tfsparse.UpdatePruning(), after_step]
    model.fit(x[:STEPS], y[:STEPS], batch_size=1, verbose=0, callbacks=callbacks)
    return -np.diff(found), model


@pytest.mark.parametrize("form", ["penalty", "proximal"])
def test_the_pull_ends_with_the_last_update(keras, form):
    strength = 0.1 if form == "penalty" else 1e-3
    pulled, model = norms_of_training(keras, GroupLasso(strength, form))
    assert (pulled[:LAST_UPDATE] > 1e-5).all()
    assert not pulled[LAST_UPDATE + 1 :].any()
    # A training that follows knows that the target is reached.
    assert not norms_of_training(keras, None, model)[0].any()


@pytest.mark.parametrize("form", ["penalty", "proximal"])
def test_the_pull_goes_on_when_asked_for(keras, form):
    lasso = GroupLasso(0.1 if form == "penalty" else 1e-3, form, until_target=False)
    assert (norms_of_training(keras, lasso)[0] > 1e-5).all()


def test_the_pull_stays_ended_in_a_model_that_was_loaded(keras, tmp_path):
    _, model = norms_of_training(keras, GroupLasso(0.1))
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = tfsparse.prune_block(dense_model(keras), "4x1", 0.5, group_lasso=GroupLasso(0.1))
    assert sum(map(float, loaded.losses)) > 0.01
    loaded.load_weights(tmp_path / "model.weights.h5")
    assert sum(map(float, loaded.losses)) == 0.0
