"""SavedModels to serve: an exported one, and products of odd sizes."""

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tests.ops.helpers import (
    BFLOAT16,
    float_weights,
    int8_arguments,
    int8_weights,
    raw_float,
    raw_int8,
    tensor_arguments,
)

INPUTS = 24
IMAGE = (45, 37, 3)


def batch(rows, inputs=INPUTS):
    return np.random.default_rng(rows).standard_normal((rows, inputs)).astype(np.float32)


def export_mlp(folder, precision):
    """A Keras MLP of two layers in blocks 4x1, pruned by hand."""
    x = keras.Input((INPUTS,), name="x")
    hidden = keras.layers.Dense(32, activation="relu", name="first")(x)
    model = keras.Model(x, keras.layers.Dense(5, name="second")(hidden))
    for index, name in enumerate(("first", "second")):
        layer = model.get_layer(name)
        shape = layer.kernel.shape
        weights = float_weights(np.random.default_rng(index), shape[1], shape[0], (4, 1))
        layer.set_weights([weights.T, np.linspace(-1, 1, shape[1])])
    overrides = {"first": "4x1", "second": "4x1"}
    # One signature: the op is in one function, which is the one that serves.
    tfsparse.export(
        model, folder, precision, batch(100), overrides=overrides, signatures=["serving_default"]
    )
    return folder


def export_resnet(folder, precision):
    """A small ResNet: a stem, a pooling, and two bottlenecks, the second of which halves images."""
    layers = keras.layers

    def convolution(x, filters, size, strides=1):
        y = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(y)

    def bottleneck(x, width, strides):
        y = layers.ReLU()(convolution(x, width, 1))
        y = convolution(layers.ReLU()(convolution(y, width, 3, strides)), 4 * width, 1)
        return layers.ReLU()(layers.Add()([y, convolution(x, 4 * width, 1, strides)]))

    image = keras.Input(IMAGE, name="image")
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(convolution(image, 16, 7, 2)))
    x = layers.GlobalAveragePooling2D()(bottleneck(bottleneck(x, 8, 1), 16, 2))
    model = keras.Model(image, layers.Dense(5)(x))
    rng = np.random.default_rng(3)
    for variable in model.variables:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            rows = int(np.prod(shape[:-1]))
            matrix = float_weights(rng, shape[-1], rows, (4, 1)) / np.sqrt(rows / 2)
            variable.assign(matrix.T.reshape(shape))
        elif variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, shape))
        else:
            variable.assign(rng.normal(0, 0.3, shape))
    kinds = (layers.Conv2D, layers.Dense)
    names = [layer.name for layer in model.layers if isinstance(layer, kinds)]
    overrides = dict.fromkeys(names, "convert")
    return tfsparse.export(model, folder, precision, images(16), overrides=overrides)


def images(rows):
    return np.random.default_rng(rows).standard_normal((rows, *IMAGE)).astype(np.float32)


def save(folder, function, inputs):
    module = tf.Module()
    concrete = tf.function(function, autograph=False).get_concrete_function(
        tf.TensorSpec([None, inputs], tf.float32, name="x")
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    return folder


def constants(arguments):
    """Weights the way conversion writes them: constants of the graph."""
    return arguments | {"is_weight_const": True}


def save_float_product(folder, block, inputs, outputs, rows, dtype=np.float32):
    """The first `m` rows, for every m of `rows`, in a tensor of their own, times a matrix."""
    rng = np.random.default_rng(1)
    weights = float_weights(rng, outputs, inputs, block, share=0.6).astype(dtype)
    bias = rng.standard_normal(outputs).astype(np.float32)
    arguments = constants(tensor_arguments(weights, block, bias=bias, activation="relu"))

    def product(x):
        return tf.concat([raw_float(own(x, m), **arguments) for m in rows], axis=0)

    return save(folder, product, inputs)


def save_bf16_product(*arguments, **keywords):
    """The same with bfloat16 weights."""
    return save_float_product(*arguments, dtype=BFLOAT16, **keywords)


def save_int8_products(folder, block, inputs, outputs, rows):
    """Likewise two products: float to uint8, uint8 to float."""
    rng = np.random.default_rng(2)
    between = {"y_scale": 40.0, "y_zero_point": 11}
    first = constants(
        int8_arguments(
            int8_weights(rng, outputs, inputs, block, share=0.6),
            block,
            x_scale=0.02,
            x_zero_point=128,
            bias=rng.standard_normal(outputs).astype(np.float32),
            activation="relu",
            Tout=tf.uint8,
            **between,
        )
    )
    second = constants(
        int8_arguments(
            int8_weights(rng, inputs, outputs, block, share=0.6),
            block,
            x_scale=between["y_scale"],
            x_zero_point=between["y_zero_point"],
        )
    )

    def products(x):
        hidden = [raw_int8(own(x, m), **first) for m in rows]
        return tf.concat([raw_int8(h, **second) for h in hidden], axis=0)

    return save(folder, products, inputs)


def own(x, rows):
    """The first rows of x in memory that ends with them. (A slice may share x's memory.)"""
    return tf.gather(x, tf.range(rows))
