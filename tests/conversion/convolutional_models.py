"""Models with every kind of convolution, for both versions of Keras."""

import keras
import numpy as np
import pytest
import tf_keras

import tfsparse

from .helpers import blocky, normal

KERAS = {"keras3": keras, "tf_keras": tf_keras}
BOTH = pytest.mark.parametrize("k", KERAS.values(), ids=KERAS)

CHANNELS = 6


def thinned(model):
    """Gives kernels zeros in blocks 4x1, and all else values that are not the first ones."""
    for seed, variable in enumerate(model.weights):
        shape = tuple(variable.shape)
        name = getattr(variable, "path", variable.name).split("/")[-1].split(":")[0]
        if len(shape) > 2:
            rows = int(np.prod(shape[:-1]))
            matrix = blocky(shape[-1], rows, (4, 1), 0.4, 100 + seed) / np.sqrt(0.4 * rows)
            variable.assign(matrix.T.reshape(shape))
        elif name in ("gamma", "moving_variance"):
            variable.assign(np.random.default_rng(seed).uniform(0.5, 1.5, shape))
        elif len(shape) == 1:
            variable.assign(0.3 * normal(shape, seed))
    return model


def everything(model, precision="fp32", data=None, **options):
    """Converts every layer that can be, whatever the cost model says; the layers are not nested."""
    kinds = ("Conv1D", "Conv2D", "SeparableConv2D", "Dense")
    names = [layer.name for layer in model.layers if type(layer).__name__ in kinds]
    overrides = dict.fromkeys(names, "convert")
    return tfsparse.convert(model, precision, data, overrides=overrides, **options)


IMAGES = {
    "same": lambda k, x, n: k.layers.Conv2D(8, 3, padding="same", activation="relu", name=n)(x),
    "strided": lambda k, x, n: k.layers.Conv2D(8, (3, 2), strides=2, name=n)(x),
    "dilated": lambda k, x, n: k.layers.Conv2D(
        8, 3, dilation_rate=2, padding="same", activation="silu", name=n
    )(x),
    "grouped": lambda k, x, n: k.layers.Conv2D(8, 3, groups=2, activation="tanh", name=n)(x),
    "pointwise": lambda k, x, n: k.layers.Conv2D(5, 1, activation="sigmoid", name=n)(x),
    "strided_pointwise": lambda k, x, n: k.layers.Conv2D(
        8, 1, strides=2, padding="same", activation="gelu", name=n
    )(x),
    "norm_behind": lambda k, x, n: k.layers.ReLU(6.0)(
        k.layers.BatchNormalization()(
            k.layers.Conv2D(8, 3, padding="same", use_bias=False, name=n)(x)
        )
    ),
    "norm_before": lambda k, x, n: k.layers.Conv2D(8, 3, activation="relu", name=n)(
        k.layers.BatchNormalization()(x)
    ),
    "norm_before_padding": lambda k, x, n: k.layers.Conv2D(8, 3, padding="same", name=n)(
        k.layers.BatchNormalization()(x)
    ),
    "padded": lambda k, x, n: k.layers.ReLU()(
        k.layers.Conv2D(8, 3, strides=2, name=n)(k.layers.ZeroPadding2D(((1, 0), (2, 1)))(x))
    ),
    "residual": lambda k, x, n: k.layers.ReLU()(
        k.layers.Add()([x, k.layers.Conv2D(CHANNELS, 3, padding="same", name=n)(x)])
    ),
    "separable": lambda k, x, n: k.layers.SeparableConv2D(8, 3, name=n)(x),
    "transposed": lambda k, x, n: k.layers.Conv2DTranspose(8, 3, name=n)(x),
}

SEQUENCES = {
    "strided_sequence": lambda k, x, n: k.layers.ReLU()(
        k.layers.BatchNormalization()(k.layers.Conv1D(8, 3, strides=2, padding="same", name=n)(x))
    ),
    "causal": lambda k, x, n: k.layers.Conv1D(
        8, 3, padding="causal", dilation_rate=2, activation="relu", name=n
    )(x),
    "sequence_residual": lambda k, x, n: k.layers.Activation("tanh")(
        k.layers.Add()([x, k.layers.Conv1D(CHANNELS, 3, padding="same", name=n)(x)])
    ),
}

FUSED = {
    "same": ("bias", "relu"),
    "strided": ("bias",),
    "dilated": ("bias", "silu"),
    "grouped": ("bias", "tanh"),
    "pointwise": ("bias", "sigmoid"),
    "strided_pointwise": ("bias", "gelu"),
    "norm_behind": ("bias", "relu6"),
    "norm_before": ("bias", "relu"),
    "norm_before_padding": ("bias",),
    "padded": ("bias", "relu"),
    "residual": ("bias", "residual", "relu"),
    "strided_sequence": ("bias", "relu"),
    "causal": ("bias", "relu"),
    "sequence_residual": ("bias", "residual", "tanh"),
}
"""What is done to the sums of each in the same op; those that are not in here are not converted."""


def every_kind(k, is_open):
    """A model with an output for each kind of convolution."""
    image = k.layers.Input((None, None, CHANNELS) if is_open else (9, 10, CHANNELS), name="image")
    sequence = k.layers.Input((None if is_open else 11, CHANNELS), name="sequence")
    outputs = {name: build(k, image, name) for name, build in IMAGES.items()}
    outputs |= {name: build(k, sequence, name) for name, build in SEQUENCES.items()}
    return thinned(k.Model([image, sequence], outputs))


def every_input(batch, seed):
    return {
        "image": normal((batch, 9, 10, CHANNELS), seed),
        "sequence": normal((batch, 11, CHANNELS), seed + 1),
    }


def residual_network(k, size=(8, 9)):
    """A small ResNet: stem, pooling, a block, a block with stride, and a classifier."""
    x = inputs = k.layers.Input((*size, 3), name="x")
    x = _conv(k, x, 16, 3, "stem", strides=2)
    x = k.layers.MaxPooling2D(3, strides=1, padding="same")(x)
    y = _conv(k, _conv(k, x, 8, 1, "a1"), 8, 3, "a2")
    x = k.layers.ReLU()(k.layers.Add()([x, _conv(k, y, 16, 1, "a3", relu=False)]))
    y = _conv(k, _conv(k, x, 8, 1, "b1"), 8, 3, "b2", strides=2)
    shortcut = _conv(k, x, 24, 1, "b0", relu=False, strides=2)
    x = k.layers.ReLU()(k.layers.Add()([shortcut, _conv(k, y, 24, 1, "b3", relu=False)]))
    x = k.layers.GlobalAveragePooling2D()(_conv(k, x, 16, 1, "head"))
    return thinned(k.Model(inputs, k.layers.Dense(4, name="classes")(x)))


def _conv(k, x, filters, size, name, relu=True, **options):
    x = k.layers.Conv2D(filters, size, padding="same", use_bias=False, name=name, **options)(x)
    x = k.layers.BatchNormalization(name=f"{name}_norm")(x)
    return k.layers.ReLU()(x) if relu else x


def pruned(model, sparsity=0.8):
    """Prunes a model's kernels 4x1, and gives norms values that are not the first ones."""
    for seed, variable in enumerate(model.weights):
        name = getattr(variable, "path", variable.name).split("/")[-1].split(":")[0]
        shape = tuple(variable.shape)
        if name in ("gamma", "moving_variance"):
            variable.assign(np.random.default_rng(seed).uniform(0.7, 1.3, shape))
        elif name in ("beta", "moving_mean"):
            variable.assign(0.1 * normal(shape, seed))
        elif len(shape) == 4:
            rows = int(np.prod(shape[:-1]))
            keep = 1 - sparsity
            matrix = blocky(shape[-1], rows, (4, 1), keep, seed) * np.sqrt(2 / (keep * rows))
            variable.assign(matrix.T.reshape(shape))
    return model
