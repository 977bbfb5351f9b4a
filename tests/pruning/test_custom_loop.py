"""`UpdatePruning.loop`: a training loop of one's own with one call per step."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ConstantSparsity, PolynomialDecay, UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import (
    STEPS_PER_EPOCH,
    assert_masks_hold,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
    sparsities,
)

pytestmark = pytest.mark.one_keras


def pruned(keras, schedule):
    return tfsparse.prune_block(dense_model(keras), "4x1", schedule)


def step_function(keras, model, optimizer):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return step


def test_one_call_per_step(keras):
    model = pruned(keras, PolynomialDecay(0.25, 0.5, 0, 7, power=1, frequency=3))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    train = step_function(keras, model, optimizer)
    seen = []
    with UpdatePruning().loop(model, optimizer) as pruning:
        assert sparsities(model) == [0.25, 0.25]  # before the first step
        for _ in range(9):
            train(*data())
            pruning.step()
            assert_masks_hold(model)
            seen.append(round(sparsities(model)[0] * 48))
    by_step = [round((0.25 + 0.25 * done / 7) * 48) for done in (0, 3, 6, 7)]
    assert seen == [*by_step[:1] * 2, *by_step[1:2] * 3, by_step[2], *by_step[3:] * 3]
    assert pruning.sparsity == 0.5


def test_it_prunes_as_fit_does(keras):
    fitted, looped = (
        pruned(keras, 0.75) for _ in range(2) if keras.utils.set_random_seed(3) is None
    )
    compile_model(keras, fitted, keras.optimizers.SGD(0.1, momentum=0.9))
    inputs, labels = data()
    fitted.fit(
        inputs,
        labels,
        batch_size=8,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[UpdatePruning()],
    )
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    train = step_function(keras, looped, optimizer)
    with UpdatePruning(training_steps=2 * STEPS_PER_EPOCH).loop(looped, optimizer) as pruning:
        for _ in range(2):
            for start in range(0, len(inputs), 8):
                train(inputs[start : start + 8], labels[start : start + 8])
                pruning.step()
    for one, other in zip(masks(fitted), masks(looped), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_optimizer_of_a_compiled_model_is_the_default(keras):
    model = compile_model(keras, pruned(keras, ConstantSparsity(0.5, 1)))
    with UpdatePruning().loop(model) as pruning:
        model.train_on_batch(*data())
        pruning.step()
    assert sparsities(model) == [0.5, 0.5]


def test_a_loop_goes_on_where_another_stopped(keras):
    schedule = PolynomialDecay(0.0, 0.5, 0, 10, frequency=4)
    model = pruned(keras, schedule)
    for steps in (5, 6):
        optimizer = keras.optimizers.SGD(0.1)
        train = step_function(keras, model, optimizer)
        with UpdatePruning().loop(model, optimizer) as pruning:
            for _ in range(steps):
                train(*data())
                pruning.step()
        position = next(pruned_layers(model)).pruning.clock.variable.numpy()
        assert position[0] == (6 if steps == 5 else 12)
    assert sparsities(model) == [0.5, 0.5]


def test_a_loop_that_is_left_early_says_so(keras):
    model = pruned(keras, 0.5)
    optimizer = keras.optimizers.SGD(0.1)
    train = step_function(keras, model, optimizer)
    with (
        pytest.warns(UserWarning, match="before the schedule"),
        UpdatePruning(training_steps=100).loop(model, optimizer) as pruning,
    ):
        for _ in range(20):
            train(*data())
            pruning.step()
    assert 0.0 < pruning.sparsity < 0.5


def test_steps_that_the_optimizer_left_out_do_not_keep_it_from_its_target(keras):
    model = pruned(keras, PolynomialDecay(0.0, 0.5, 0.0, 1.0))
    optimizer = keras.optimizers.SGD(0.1)
    train = step_function(keras, model, optimizer)
    with UpdatePruning(training_steps=10).loop(model, optimizer) as pruning:
        for number in range(10):
            if number != 4:  # as where a loss scale finds an overflow
                train(*data())
            pruning.step()
        assert pruning.sparsity < 0.5
    assert sparsities(model) == [0.5, 0.5]


def test_an_error_inside_is_not_hidden(keras):
    model = compile_model(keras, pruned(keras, 0.5))
    with pytest.raises(KeyError, match="mine"), UpdatePruning(training_steps=4).loop(model):
        raise KeyError("mine")
    model.fit(*data(), epochs=1, verbose=0, callbacks=[UpdatePruning()])


def test_weights_set_past_the_mask_are_zero_after_the_loop(keras):
    model = compile_model(keras, pruned(keras, ConstantSparsity(0.5, 0)))
    with UpdatePruning().loop(model) as pruning:
        model.train_on_batch(*data())
        pruning.step()
        kernels(model)[0].variable.assign(np.ones((12, 16), np.float32))
    assert sparsities(model) == [0.5, 0.5]


def test_wrong_calls_are_named(keras):
    model = pruned(keras, 0.5)
    callback = UpdatePruning(training_steps=4)
    with pytest.raises(RuntimeError, match="loop"):
        callback.step()
    with pytest.raises(ValueError, match="optimizer"), callback.loop(model):
        pass
    optimizer = keras.optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="training_steps"), UpdatePruning().loop(model, optimizer):
        pass
    dense = dense_model(keras)
    with pytest.raises(ValueError, match="prune_block"), callback.loop(dense, optimizer):
        pass
    model = pruned(keras, ConstantSparsity(0.5, 0))
    in_graph = pytest.raises(RuntimeError, match=r"tf\.function")
    with callback.loop(model, optimizer), in_graph:
        tf.function(callback.step)()
    with pytest.raises(RuntimeError, match="loop"):
        callback.step()
