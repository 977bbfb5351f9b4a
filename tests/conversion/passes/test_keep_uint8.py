"""A layer that alone is no faster becomes INT8 where its readers would else read floats."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from ..helpers import INT8_CONV_OP, blocky, dtype_of, nodes, normal, save, spec

IMAGE = (64, 64, 3)
WIDE = 64


def kernel(size, inputs, outputs, keep, seed):
    rows = size * size * inputs
    matrix = blocky(outputs, rows, (4, 1), keep, seed) / np.sqrt(keep * rows)
    return matrix.T.reshape(size, size, inputs, outputs).astype(np.float32)


KERNELS = {
    "stem": kernel(3, 3, 16, 1.0, 0),
    "first": kernel(3, 16, WIDE, 0.2, 1),
    "second": kernel(3, WIDE, 16, 0.2, 2),
    "third": kernel(3, 16, WIDE, 0.2, 3),
}


def conv(x, weights):
    return tf.nn.conv2d(x, weights, 1, "SAME")


def rows_of(path, function, **options):
    kernels = {name: tf.Variable(value, name=f"{name}/kernel") for name, value in KERNELS.items()}
    inputs = {"x": spec(None, *IMAGE)}
    save(path, lambda x: {"y": function(x, **kernels)}, inputs, list(kernels.values()))
    converted = tfsparse.convert(path, **options)
    return {row.layer: row for row in converted.report}, converted


def network(x, stem, first, second, third):
    start = tf.nn.relu(conv(x, stem))
    y = conv(tf.nn.relu(conv(tf.nn.max_pool2d(start, 1, 1, "VALID"), first)), second)
    return conv(tf.nn.relu(y + start), third)


@pytest.fixture(scope="module")
def data():
    return normal((4, *IMAGE), 5)


def test_the_stem_alone_would_stay(tmp_path):
    rows, _ = rows_of(tmp_path, network)
    assert not rows["stem"].converted and "predicted no faster" in rows["stem"].reason


def test_the_stem_gives_uint8(tmp_path, data):
    rows, converted = rows_of(tmp_path, network, precision="int8", calibration_data=data)
    assert rows["stem"].reason == "lets its readers take uint8"
    assert [row.output for row in rows.values()] == ["uint8", "uint8", "uint8", "float32"]
    (residual,) = [
        node
        for node in nodes(converted.graph_def(), INT8_CONV_OP)
        if dtype_of(node, "Tresidual") == tf.uint8
    ]
    assert residual.name == rows["second"].node
    expected = network(data, **KERNELS).numpy()
    error = np.linalg.norm(converted(data)["y"].numpy() - expected)
    assert error < 0.03 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, stem, **_: conv(x, stem),
        lambda x, stem, first, **_: (lambda h: conv(h, first) + tf.reduce_max(h))(conv(x, stem)),
        lambda x, stem, first, **_: conv(tf.exp(conv(x, stem)), first),
    ],
    ids=["an output", "read by another", "changed before it is read"],
)
def test_a_result_that_is_read_as_floats_is_left(tmp_path, data, function):
    rows, _ = rows_of(tmp_path, function, precision="int8", calibration_data=data)
    assert not rows["stem"].converted


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "int8", "overrides": {"stem": "skip"}},
        {"precision": "int8", "activations": "dynamic"},
        {"precision": "bf16"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_what_was_said_otherwise_holds(tmp_path, data, options):
    if options["precision"] == "int8" and "activations" not in options:
        options = options | {"calibration_data": data}
    rows, _ = rows_of(tmp_path, network, **options)
    assert not rows["stem"].converted


@pytest.mark.parametrize("named", [lambda x: x, tf.identity])
def test_a_residual_of_a_product_is_float(tmp_path, data, named):
    def product(x, weights):
        return tf.matmul(x, weights[1, 1])

    def plain(x, stem, first, second, **_):
        return product(product(conv(x, stem), first), second)

    def with_residual(x, stem, first, second, **_):
        start = conv(x, stem)
        return product(product(start, first), second) + named(start)

    options = {"precision": "int8", "calibration_data": data}
    options["overrides"] = {"first": "convert", "second": "convert"}
    rows, _ = rows_of(tmp_path / "plain", plain, **options)
    assert rows["stem"].reason == "lets its readers take uint8"
    rows, _ = rows_of(tmp_path / "residual", with_residual, **options)
    assert "residual" in rows["second"].fused and not rows["stem"].converted
