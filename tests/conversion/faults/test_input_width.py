"""Inputs of another width than a layer's weights are refused, as TensorFlow's own product does.

Reported: `sig(x=tf.ones((2, 300)))` on a converted layer of 256 inputs gave an answer, in FP32,
BF16 and INT8.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.ops.helpers import cpu_has

from .models import function, kernel, normal, serve, serve_all, spec

PRECISIONS = pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "dynamic"])

SHAPES = {
    "rank 2": ((None, None), lambda width: (2, width), lambda x, w: x @ w),
    "rank 3": ((None, None, None), lambda width: (2, 3, width), lambda x, w: x @ w),
    "einsum": (
        (None, None, None),
        lambda width: (2, 3, width),
        lambda x, w: tf.einsum("bti,io->bto", x, w),
    ),
    "of no known rank": (None, lambda width: (2, width), lambda x, w: tf.matmul(x, w)),
}


def _convert(tmp_path, body, inputs, variables, precision, data):
    source = function(tmp_path, body, inputs, variables)
    options = {"activations": "dynamic"} if precision == "dynamic" else {}
    name = "int8" if precision == "dynamic" else precision
    if precision == "dynamic":
        data = None
    words = {"d": "convert"}
    return source, serve(tmp_path, source.folder, name, data, overrides=words, **options)


@PRECISIONS
@pytest.mark.parametrize("case", SHAPES)
def test_both_widths_are_named(tmp_path, precision, case):
    shape, fed, product = SHAPES[case]
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    specs = {"x": tf.TensorSpec(shape, tf.float32)}
    body = lambda x: {"y": product(x, w)}  # noqa: E731
    data = [normal(fed(256), seed) for seed in range(4)]
    source, served = _convert(tmp_path, body, specs, [w], precision, data)
    assert "d" in served.converted
    assert served(x=normal(fed(256)))["y"].shape == source(x=normal(fed(256)))["y"].shape
    for width in (300, 255, 257, 512, 1, 0):
        x = np.ones(fed(width), np.float32)
        # TensorFlow takes oneDNN where there is VNNI; without it, its einsum lets no inputs pass.
        if (case, width) != ("einsum", 0) or cpu_has("avx512_vnni"):
            with pytest.raises(tf.errors.InvalidArgumentError):
                source(x=x)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=rf"\b(256.*\b{width}|{width}.*256)\b"
        ):
            served(x=x)


@PRECISIONS
def test_in_a_chain(tmp_path, precision):
    """Two layers that run as one op."""
    w, v = (tf.Variable(kernel(256, 256, seed), name=f"{n}/kernel") for seed, n in enumerate("dv"))
    body = lambda x: {"y": tf.nn.relu(x @ w) @ v}  # noqa: E731
    specs = {"x": spec(None, None)}
    _, served = _convert(tmp_path, body, specs, [w, v], precision, normal((50, 256)))
    for width in (300, 128):
        with pytest.raises(tf.errors.InvalidArgumentError, match="256"):
            served(x=np.ones((2, width), np.float32))


def test_a_signature_of_a_known_width_refuses_as_before(tmp_path):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    source = function(tmp_path, lambda x: {"y": x @ w}, {"x": spec(None, 256)}, [w])
    served = serve_all(tmp_path, source.folder)
    for each in (source, served):
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
            each(x=np.ones((2, 300), np.float32))
