"""Small models and the questions that tests ask of them."""

import numpy as np
import tensorflow as tf

from tfsparse.pruning.binding import pruned_layers

FEATURES, CLASSES, SAMPLES, BATCH = 12, 8, 96, 8
STEPS_PER_EPOCH = SAMPLES // BATCH


def data(seed=0):
    """Inputs (96, 12) and integer labels."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((SAMPLES, FEATURES)).astype("float32")
    return inputs, rng.integers(0, CLASSES, SAMPLES)


def dense_model(keras, **first):
    """Sequential model of two Dense layers of 16 and 8 units."""
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(16, activation="relu", name="hidden", **first),
            keras.layers.Dense(CLASSES, name="logits"),
        ]
    )


def compile_model(keras, model, optimizer="adam", **options):
    """Compiles for integer labels and returns the model."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    return model


def kernels(model):
    """The pruned kernels of a model, in order."""
    return [kernel for layer in pruned_layers(model) for kernel in layer.pruning.kernels]


def masks(model):
    """The mask of each pruned kernel."""
    return [np.array(kernel.mask.numpy()) for kernel in kernels(model)]


def sparsities(model):
    """Share of zero elements of each kernel, as stored."""
    return [float(np.mean(kernel.variable.numpy() == 0)) for kernel in kernels(model)]


def assert_masks_hold(model):
    """Pruned blocks are exactly zero in the stored kernels, and nothing else is."""
    for kernel in kernels(model):
        flags = kernel.constraint.flags().numpy()
        values = kernel.variable.numpy().astype("float64")
        assert not values[~flags].any()
        assert values[flags].all()


def assert_same_weights(one, other):
    """Two models have the same weights, bit for bit."""
    weights, others = one.get_weights(), other.get_weights()
    assert len(weights) == len(others)
    for weight, expected in zip(weights, others, strict=True):
        np.testing.assert_array_equal(weight, expected)


def assert_same_outputs(outputs, expected):
    """Two models gave the same, bit for bit, be it one output or several."""
    outputs, expected = tf.nest.flatten(outputs), tf.nest.flatten(expected)
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output.numpy(), wanted.numpy())
