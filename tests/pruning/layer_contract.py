"""What every layer under a wrapper has to do, in both versions of Keras."""

import numpy as np
import tensorflow as tf

import tfsparse
from tfsparse import ConstantSparsity
from tfsparse.pruning.binding import pruned_layers

from .helpers import assert_masks_hold, kernels, masks


def check_layer(keras, make_layer, inputs, *, optimizers, tmp_path):
    """Runs every check on a layer.

    Args:
        keras: The version of Keras.
        make_layer: Makes a fresh layer.
        inputs: A batch of inputs.
        optimizers: Makes fresh optimizers to train with.
        tmp_path: A folder to save in.
    """
    check_config(make_layer)
    check_predictions(make_layer, inputs)
    for make_optimizer in optimizers:
        check_training(keras, make_layer, inputs, make_optimizer())
    check_saving(keras, make_layer, inputs, tmp_path)


def wrap(layer, sparsity=0.5):
    schedule = ConstantSparsity(sparsity, begin_step=0, frequency=3)
    return tfsparse.prune_block(layer, "4x1", schedule, group_lasso=1e-3)


def check_config(make_layer):
    wrapper = wrap(make_layer())
    copy = type(wrapper).from_config(wrapper.get_config())
    assert copy.get_config() == wrapper.get_config()
    assert copy.name == wrapper.name == wrapper.layer.name
    assert copy.schedule == wrapper.schedule and copy.pattern == wrapper.pattern


def check_predictions(make_layer, inputs):
    layer = make_layer()
    expected = layer(inputs).numpy()
    wrapper = wrap(layer)
    np.testing.assert_array_equal(wrapper(inputs).numpy(), expected)
    assert tuple(wrapper.compute_output_shape(inputs.shape)) == expected.shape
    assert len(wrapper.trainable_weights) == len(layer.trainable_weights)
    kernel = wrapper.pruning.kernels[0]
    kernel.update(0.5)
    pruned = wrapper(inputs).numpy()
    assert not np.array_equal(pruned, expected)
    np.testing.assert_array_equal(layer(inputs).numpy(), pruned)
    plain = tfsparse.strip_pruning(_mark_as_run(wrapper))
    assert type(plain) is type(layer) and plain is not layer
    np.testing.assert_array_equal(plain(inputs).numpy(), pruned)


def check_training(keras, make_layer, inputs, optimizer):
    model = keras.Sequential([keras.Input(inputs.shape[1:]), wrap(make_layer())])
    model.compile(optimizer, "mse")
    targets = np.zeros(model(inputs).shape, "float32") + 0.5
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(_look(model, optimizer))
    )
    model.fit(
        inputs,
        targets,
        batch_size=4,
        epochs=2,
        verbose=0,
        callbacks=[tfsparse.UpdatePruning(), callback],
    )
    assert len(seen) == 2 * int(np.ceil(len(inputs) / 4))
    for kernel in kernels(model):
        zeros = np.count_nonzero(kernel.variable.numpy() == 0)
        assert abs(zeros - 0.5 * np.size(kernel.variable.numpy())) <= 2  # half a block


def _look(model, optimizer):
    """After a step: masks hold, and slots under them stay what they were: zero."""
    assert_masks_hold(model)
    for kernel in kernels(model):
        flags = kernel.constraint.flags().numpy()
        for slot in optimizer_slots(optimizer, kernel.variable):
            assert not slot[~flags].any()
    return True


def optimizer_slots(optimizer, kernel):
    """The slots of an optimizer that have the shape of a kernel."""
    variables = optimizer.variables
    variables = variables() if callable(variables) else variables
    return [v.numpy() for v in variables if tuple(v.shape) == tuple(kernel.shape)]


def check_saving(keras, make_layer, inputs, tmp_path):
    model = keras.Sequential([keras.Input(inputs.shape[1:]), wrap(make_layer())])
    model.compile("adam", "mse")
    targets = np.zeros(model(inputs).shape, "float32")
    model.fit(inputs, targets, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded(inputs).numpy(), model(inputs).numpy())
    assert next(pruned_layers(loaded)).schedule == next(pruned_layers(model)).schedule
    for mask, expected in zip(masks(loaded), masks(model), strict=True):
        np.testing.assert_array_equal(mask, expected)
    plain = tfsparse.strip_pruning(loaded)
    np.testing.assert_array_equal(plain(inputs).numpy(), model(inputs).numpy())
    plain.save(str(tmp_path / "plain.keras"))
    assert b"tfsparse" not in (tmp_path / "plain.keras").read_bytes()


def _mark_as_run(wrapper):
    wrapper.pruning.clock.next_step = 1
    wrapper.pruning.clock.store()
    return wrapper


def gradient_of(model, variable, inputs):
    """Gradient of a sum of squares of the outputs."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(tf.cast(model(inputs), tf.float32)))
    # A variable of Keras 3 holds the one that the tape has seen.
    return tape.gradient(loss, getattr(variable, "_value", variable)).numpy()
