"""SavedModels of convolutions and pooling to serve: from flat rows, as the other models."""

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tests.ops.helpers import (
    BFLOAT16,
    float_arguments,
    float_weights,
    int8_arguments,
    int8_weights,
)
from tfsparse import ops

from .models import INPUTS, batch, constants, save

IMAGE = (3, 2, 4)
"""Height, width and channels of `INPUTS` numbers."""
FILTERS = 8
WINDOW = {"kernel_size": [3, 3], "padding": "SAME", "filters": FILTERS, "groups": 2}


LAYERS = ("stem", "grouped", "pointwise", "strided", "classes")


def network():
    """A Keras network with a stem, pooling, a residual and groups, pruned by hand."""
    layers = keras.layers
    x = keras.Input((INPUTS,), name="x")
    h = layers.Reshape((4, 6, 1))(x)
    h = layers.Conv2D(16, 3, padding="same", activation="relu", name="stem")(h)
    h = layers.MaxPooling2D(3, strides=1, padding="same")(h)
    y = layers.Conv2D(16, 3, padding="same", groups=2, activation="relu", name="grouped")(h)
    y = layers.Conv2D(16, 1, name="pointwise")(y)
    h = layers.ReLU()(layers.Add()([h, y]))
    h = layers.Conv2D(8, 3, strides=2, activation="relu", name="strided")(h)
    model = keras.Model(x, layers.Dense(5, name="classes")(layers.Flatten()(h)))
    for seed, name in enumerate(LAYERS):
        kernel, bias = model.get_layer(name).weights
        rng = np.random.default_rng(seed)
        rows = int(np.prod(kernel.shape[:-1]))
        weights = float_weights(rng, kernel.shape[-1], rows, (4, 1)) / np.sqrt(rows)
        kernel.assign(weights.T.reshape(kernel.shape))
        bias.assign(rng.standard_normal(bias.shape))
    return model


def export_network(model, folder, precision):
    tfsparse.export(
        model,
        folder,
        precision,
        batch(50) if precision == "int8" else None,
        overrides=dict.fromkeys(LAYERS, "4x1"),
        signatures=["serving_default"],
    )
    return folder


def _weights(dtype):
    rng = np.random.default_rng(3)
    make = int8_weights if dtype == np.int8 else float_weights
    return make(rng, FILTERS, 9 * IMAGE[2] // WINDOW["groups"], (4, 1), 0.6).astype(dtype)


def save_convolution(folder, precision):
    """One convolution of images by 3x3 kernels in two groups, all its inputs constants."""
    dtype = {"fp32": np.float32, "bf16": BFLOAT16, "int8": np.int8}[precision]
    make = int8_arguments if precision == "int8" else float_arguments
    arguments = constants(make(_weights(dtype), (4, 1), bias=np.ones(FILTERS, np.float32)))
    arguments |= WINDOW
    data = arguments.pop("data")
    del arguments["units"]
    if precision == "int8":
        arguments |= {"residual_scale": 0.5, "residual_zero_point": 7}
        op = ops.load().tfsparse_quantized_block_sparse_conv2d
    else:
        op = ops.load().tfsparse_block_sparse_conv2d

    def convolution(x):
        # A constant of this graph, of its own type: an array would be cast to the op's default one.
        y = op(x=tf.reshape(x, (-1, *IMAGE)), data=tf.constant(data), **arguments)
        return tf.reshape(y, (-1, IMAGE[0] * IMAGE[1] * FILTERS))

    return save(folder, convolution, INPUTS)


def save_depthwise(folder):
    """A depthwise convolution of uint8 images, and the product of its result and gates."""
    library = ops.load()
    channels = IMAGE[2]
    weights = int8_weights(np.random.default_rng(4), 9, channels, (1, 1), 1.0)
    quantization = {"x_scale": 0.1, "x_zero_point": 99, "y_scale": 0.2, "y_zero_point": 7}

    def convolution(x):
        images = tf.reshape(tf.cast(tf.clip_by_value(30 * x + 99, 0, 255), tf.uint8), (-1, *IMAGE))
        y = library.tfsparse_quantized_depthwise_conv2d(
            x=images,
            weights=tf.constant(weights.reshape(3, 3, channels)),
            w_scale=np.full(channels, 0.01, np.float32),
            bias=np.ones(channels, np.float32),
            kernel_size=[3, 3],
            strides=[2, 1],
            padding="SAME",
            activation="relu6",
            **quantization,
        )
        gates = tf.reduce_mean(tf.cast(y, tf.float32), (1, 2), keepdims=True)
        quantization["x_scale"], quantization["x_zero_point"] = 0.2, 7
        y = library.tfsparse_gate_channels(x=y, gate=gates, **quantization)
        return tf.reshape(tf.cast(y, tf.float32), (-1, 2 * IMAGE[1] * channels))

    return save(folder, convolution, INPUTS)


def save_pooling(folder):
    """Both kinds of pooling of uint8 images, one after the other."""
    library = ops.load()

    def pools(x):
        images = tf.reshape(tf.cast(tf.clip_by_value(30 * x + 99, 0, 255), tf.uint8), (-1, *IMAGE))
        window = {"pool_size": [2, 2], "padding": "SAME"}
        y = library.tfsparse_max_pool2d(x=images, **window)
        y = library.tfsparse_average_pool2d(x=y, strides=[2, 1], **window)
        return tf.reshape(tf.cast(y, tf.float32), (-1, 2 * IMAGE[1] * IMAGE[2]))

    return save(folder, pools, INPUTS)
