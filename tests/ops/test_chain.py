"""The ops that run a chain of layers: equal to the ops one by one, and checked as they are."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

from .helpers import (
    BFLOAT16,
    bits,
    float_weights,
    int8_weights,
    raw_float,
    raw_int8,
    sparse,
)

SIZES = (20, 33, 64, 7)
BLOCKS = ((16, 4), (4, 1), (2, 2))
NONE = np.zeros(0, np.float32)


def float_layers(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    for in_, out, block in zip(SIZES[:-1], SIZES[1:], BLOCKS, strict=True):
        weights = sparse(float_weights(rng, out, in_, block), block)
        yield {
            "data": tf.constant(weights.data.astype(dtype)),
            "indices": weights.indices,
            "indptr": weights.indptr,
            "bias": rng.standard_normal(out).astype(np.float32),
        }


def int8_layers(seed=0):
    rng = np.random.default_rng(seed)
    for in_, out, block in zip(SIZES[:-1], SIZES[1:], BLOCKS, strict=True):
        weights = sparse(int8_weights(rng, out, in_, block), block)
        yield {
            "data": weights.data,
            "indices": weights.indices,
            "indptr": weights.indptr,
            "bias": rng.standard_normal(out).astype(np.float32),
            "w_scale": rng.uniform(1e-4, 2e-3, out).astype(np.float32),
            "x_scale": np.float32(rng.uniform(0.01, 0.1)),
            "x_zero_point": np.int32(rng.integers(0, 256)),
        }


def together(layers):
    """Arguments of a chain: each input of the layers as a list."""
    layers = list(layers)
    return {name: [layer[name] for layer in layers] for name in layers[0]}


def float_chain(x, layers, **changes):
    arguments = {
        "residual": NONE,
        "units": SIZES[1:],
        "activations": ["relu", "gelu", "linear"],
    }
    arguments |= together(layers) | changes
    return ops.load().tfsparse_block_sparse_mat_mul_chain(x=x, **arguments)


def int8_chain(x, layers, **changes):
    arguments = {
        "residual": NONE,
        "y_scale": 0.25,
        "y_zero_point": 100,
        "units": SIZES[1:],
        "activations": ["relu", "gelu", "linear"],
        "Tout": tf.float32,
    }
    arguments |= together(layers) | changes
    return ops.load().tfsparse_quantized_block_sparse_mat_mul_chain(x=x, **arguments)


@pytest.mark.parametrize("dtype", [np.float32, BFLOAT16])
@pytest.mark.parametrize("shape", [(1,), (9,), (200,), (3, 40), (0,)])
def test_float_is_the_ops_one_by_one(shape, dtype):
    x = np.random.default_rng(1).standard_normal((*shape, SIZES[0])).astype(np.float32)
    residual = np.random.default_rng(2).standard_normal((*shape, SIZES[-1])).astype(np.float32)
    result = float_chain(x, float_layers(dtype=dtype), residual=residual)
    y = x
    for i, layer in enumerate(float_layers(dtype=dtype)):
        last = i == len(BLOCKS) - 1
        activation = ("relu", "gelu", "linear")[i]
        y = raw_float(
            y,
            **layer,
            residual=residual if last else NONE,
            units=SIZES[i + 1],
            activation=activation,
        )
    np.testing.assert_array_equal(bits(result), bits(y))


@pytest.mark.parametrize("x_type", [np.float32, np.uint8])
@pytest.mark.parametrize("y_type", [tf.float32, tf.uint8])
@pytest.mark.parametrize("rows", [1, 200])
def test_int8_is_the_ops_one_by_one(x_type, y_type, rows):
    x = np.random.default_rng(1).integers(0, 256, (rows, SIZES[0])).astype(x_type)
    result = int8_chain(x, int8_layers(), Tout=y_type)
    layers = list(int8_layers())
    y = x
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        y = raw_int8(
            y,
            **layer,
            residual=NONE,
            y_scale=0.25 if last else layers[i + 1]["x_scale"],
            y_zero_point=100 if last else layers[i + 1]["x_zero_point"],
            units=SIZES[i + 1],
            activation=("relu", "gelu", "linear")[i],
            Tout=y_type if last else tf.uint8,
        )
    np.testing.assert_array_equal(bits(result), bits(y))


def changed(layers, number, **changes):
    layers = list(layers)
    layers[number] |= changes
    return layers


X = np.ones((4, SIZES[0]), np.float32)
BAD_LAYER = {
    "bias too short": ({"bias": np.zeros(3, np.float32)}, r"`bias\[1\]` should have 64 or 0"),
    "bias NaN": ({"bias": np.full(64, np.nan, np.float32)}, r"`bias\[1\]` should be finite"),
    "data of rank 2": ({"data": np.zeros((2, 2), np.int8)}, r"`data\[1\]` should have rank 3"),
    "scale zero": ({"x_scale": np.float32(0)}, r"_scale` should be finite and positive"),
    "scale of rank 1": ({"x_scale": np.ones(1, np.float32)}, r"`x_scale\[1\]` should have rank 0"),
    "zero point": ({"x_zero_point": np.int32(256)}, r"_zero_point` should be in \[0, 255\]"),
    "weight scales": ({"w_scale": np.ones(2, np.float32)}, r"`w_scale\[1\]` should have 64"),
    "index too large": ({"indices": np.full(999, 10**6, np.int32)}, r"`indices`"),
}


@pytest.mark.parametrize("case", BAD_LAYER)
def test_a_bad_layer_is_named(case):
    changes, message = BAD_LAYER[case]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        int8_chain(X, changed(int8_layers(), 1, **changes))


FLOAT_LAYERS = list(float_layers())
DATA = [layer["data"] for layer in FLOAT_LAYERS]
BIASES = [layer["bias"] for layer in FLOAT_LAYERS]
BAD_CHAIN = {
    "units missing": ({"units": SIZES[1:3]}, r"for each layer. Received: 2 units, 3 of activ"),
    "units empty": ({"units": []}, r"`units`"),
    "activations missing": ({"activations": ["relu"]}, r"Received: 3 units, 1 of activations"),
    "a layer's weights missing": ({"data": DATA[:2]}, r"Received: 3 units, 2 of T"),
    "a bias missing": ({"bias": BIASES[:2]}, r"Received: 3 units, 2 of Tfloat"),
    "a bias too many": ({"bias": [*BIASES, NONE]}, r"Received: 3 units, 4 of Tfloat"),
    "indices missing": (
        {key: [layer[key] for layer in FLOAT_LAYERS[:2]] for key in ("indices", "indptr")},
        r"Received: 3 units, 2 of Tint",
    ),
    "lists that make up for each other": (
        {"data": DATA * 2, "bias": []},
        r"`units`.*of T|Tfloat",
    ),
    "weights of two types": (
        {"data": [tf.cast(DATA[0], tf.bfloat16), *DATA[1:]]},
        r"kernels registered",
    ),
    "no such activation": ({"activations": ["relu", "relu", "elu"]}, r"elu"),
    "units that do not fit": ({"units": (33, 60, 7)}, r"bias\[1\]|indptr|indices"),
    "negative units": ({"units": (33, 64, -1)}, r"`units` should be at least 1"),
    "residual": ({"residual": np.zeros((4, 8), np.float32)}, r"`residual` should have y's shape"),
}


@pytest.mark.parametrize("case", BAD_CHAIN)
def test_a_bad_chain_is_refused(case):
    changes, message = BAD_CHAIN[case]
    # TensorFlow has no kernel for a list of several types.
    errors = (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, ValueError)
    with pytest.raises(errors, match=message):
        float_chain(X, float_layers(), **changes)


def test_a_chain_has_at_most_16_layers():
    weights = sparse(np.eye(4, dtype=np.float32), (1, 1))
    layer = {
        "data": weights.data,
        "indices": weights.indices,
        "indptr": weights.indptr,
        "bias": NONE,
    }
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    for count in (16, 17):
        arguments = {"units": [4] * count, "activations": ["linear"] * count}
        if count == 16:
            np.testing.assert_array_equal(float_chain(x, [layer] * count, **arguments), x)
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match="1 to 16"):
                float_chain(x, [layer] * count, **arguments)


def test_the_shape_is_inferred():
    @tf.function(input_signature=[tf.TensorSpec((None, 5, SIZES[0]))])
    def function(x):
        return float_chain(x, float_layers())

    assert function.get_concrete_function().output_shapes.as_list() == [None, 5, SIZES[-1]]


def rows_of_chain():
    """What `test_isas` gives the chains on every ISA."""
    return np.random.default_rng(1).integers(0, 256, (200, SIZES[0])).astype(np.float32)
