"""Gradient accumulation of Keras 3: what happens to a weight happens once for each change of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.accumulation import accumulated_batches, updates_weights
from tfsparse.pruning.binding import pruned_layers

BATCHES = 8
OPTIMIZERS = {
    "plain": lambda number: keras.optimizers.SGD(0.0, gradient_accumulation_steps=number),
    "scaled": lambda number: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.0, gradient_accumulation_steps=number)
    ),
}


def test_an_optimizer_that_scales_the_loss_accumulates_inside():
    optimizers = [make(number) for make in OPTIMIZERS.values() for number in (None, 4)]
    assert [accumulated_batches(optimizer) for optimizer in optimizers] == [1, 4, 1, 4]


def test_which_calls_change_a_variable():
    one, other = (keras.Variable([1.0, 2.0]) for _ in range(2))
    optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=3)
    optimizer.build([one])
    seen = []
    for _ in range(6):
        before = one.numpy()
        says = bool(updates_weights(optimizer, one))
        optimizer.apply([tf.ones(2)], [one])
        seen.append((says, bool((one.numpy() != before).all())))
    assert seen == [(False, False), (False, False), (True, True)] * 2
    assert updates_weights(optimizer, other) is None
    assert updates_weights(keras.optimizers.SGD(), one) is updates_weights(None, one) is None


def norms_after(optimizer, jit_compile=False, loop=False):
    """Norms of the blocks of a kernel, which the proximal group lasso alone changes."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, use_bias=False)])
    model = tfsparse.prune_block(
        model,
        "4x1",
        tfsparse.ConstantSparsity(0.5, begin_step=1000),
        group_lasso=tfsparse.GroupLasso(0.01, form="proximal"),
    )
    (layer,) = pruned_layers(model)
    kernel = layer.pruning.kernels[0].variable

    def norms():
        return np.linalg.norm(kernel.numpy().reshape(8, 2, 4), axis=-1)

    before = norms()
    x, y = np.ones((BATCHES * 2, 8), "float32"), np.ones((BATCHES * 2, 8), "float32")
    if loop:
        with tfsparse.UpdatePruning().loop(model, optimizer) as pruning:
            for _ in range(BATCHES):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(model(x, training=True) ** 2)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply(gradients, model.trainable_variables)
                pruning.step()
    else:
        model.compile(optimizer, "mse", jit_compile=jit_compile)
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    return before, norms()


@pytest.mark.parametrize("number", [None, 2, 4])
@pytest.mark.parametrize("make", list(OPTIMIZERS))
def test_the_proximal_lasso_shrinks_when_weights_change(make, number):
    before, after = norms_after(OPTIMIZERS[make](number))
    changes = BATCHES // (number or 1)
    np.testing.assert_allclose(after, np.maximum(before - changes * 0.02, 0), atol=1e-6)


@pytest.mark.parametrize("how", [{"jit_compile": True}, {"loop": True}])
def test_also_when_compiled_by_xla_and_in_a_loop_of_ones_own(how):
    before, after = norms_after(OPTIMIZERS["plain"](4), **how)
    np.testing.assert_allclose(after, np.maximum(before - 2 * 0.02, 0), atol=1e-6)
