"""A SavedModel is a file, and a file may hold anything: InvalidArgument, never a crash.

Every case is a good INT8, FP32 or bfloat16 model with one thing changed. Python loads it in this
process, where a crash would be hard to miss; the sanitized client loads it with every access
watched.
"""

import numpy as np
import pytest
import tensorflow as tf

from .client import INVALID_ARGUMENT, serve_in_python
from .models import Corrupted, batch, export_mlp

LARGEST, LEAST = 2**31 - 1, -(2**31)


def put(name, place, value):
    """Writes one element of an array."""

    def change(model):
        array = model[name]
        array.flat[place] = value
        model[name] = array

    return change


def replace(name, make):
    """Puts make(array) in the place of an array."""

    def change(model):
        model[name] = make(model[name])

    return change


def units(value):
    def change(model):
        model.node.attr["units"].list.i[0] = value

    return change


def attribute(name, value):
    """Writes an attribute of the chain."""

    def change(model):
        model.node.attr[name].CopyFrom(value)

    return change


def repeat_type(model, name, count):
    """Makes a list of types that a chain has for each layer another number of layers long."""
    types = model.node.attr[name].list.type
    first = types[0]
    del types[:]
    types.extend([first] * count)


def listed(**values):
    return tf.compat.v1.AttrValue(list=tf.compat.v1.AttrValue.ListValue(**values))


def claim(name, *shape):
    return lambda model: model.claim_shape(name, *shape)


def cut_content(model):
    """A constant whose bytes are fewer than its shape says."""
    tensor = model._constant("indices").attr["value"].tensor
    tensor.tensor_content = tensor.tensor_content[:-4]


def no_blocks_of(*block):
    """No stored block at all, but blocks of an impossible shape."""

    def change(model):
        model.claim_shape("data", 0, *block)
        model["indices"] = np.zeros(0, np.int32)
        model["indptr"] = np.zeros_like(model["indptr"])

    return change


def appended(array):
    return np.append(array, array[-1:], axis=0)


# The first layer has 32 outputs and 24 inputs in blocks 4x1: indptr is [0, ...], 9 elements.
STRUCTURE = {
    "index-out-of-range": put("indices", 0, 24),
    "last-index-out-of-range": put("indices", -1, 24),
    "index-huge": put("indices", 1, LARGEST),
    "index-negative": put("indices", 0, -1),
    "index-least": put("indices", -1, LEAST),
    "index-repeated": lambda model: put("indices", 1, model["indices"][0])(model),
    "indptr-falls": put("indptr", 4, 1),
    "indptr-begins-negative": put("indptr", 0, -4),
    "indptr-begins-late": put("indptr", 0, 1),
    "indptr-huge-inside": put("indptr", 4, LARGEST),
    "indptr-least-inside": put("indptr", 4, LEAST),
    "indptr-ends-late": lambda model: put("indptr", -1, model["indptr"][-1] + 1)(model),
    "indptr-ends-huge": put("indptr", -1, LARGEST),
    "indptr-ends-early": lambda model: put("indptr", -1, model["indptr"][-1] - 1)(model),
    "indptr-too-short": replace("indptr", lambda array: array[:-1]),
    "indptr-too-long": replace("indptr", appended),
    "indptr-empty": replace("indptr", lambda array: array[:0]),
    "indices-too-short": replace("indices", lambda array: array[:-1]),
    "indices-empty": replace("indices", lambda array: array[:0]),
    "indices-too-long": replace("indices", appended),
    "data-too-short": replace("data", lambda array: array[:-1]),
    "data-too-long": replace("data", appended),
    "data-of-rank-2": replace("data", lambda array: array.reshape(-1, 4)),
    "data-of-rank-0": replace("data", lambda array: array.flat[0]),
    "data-transposed": replace("data", lambda array: array.reshape(-1, 1, 4)),
    "data-of-no-height": claim("data", 68, 0, 1),
    "data-of-no-width": claim("data", 68, 4, 0),
    "data-absent": claim("data", 0, 4, 1),
    "blocks-too-high": no_blocks_of(65, 1),
    "blocks-of-2^62": no_blocks_of(2**62, 1),
    "blocks-of-2^63-1": no_blocks_of(2**63 - 1, 1),
    "blocks-of-2^40-by-2^40": no_blocks_of(2**40, 2**40),
    "bytes-cut-off": cut_content,
    "bias-too-short": replace("bias", lambda array: array[:-1]),
    "bias-of-rank-2": replace("bias", lambda array: array[None]),
    "bias-nan": put("bias", 3, np.nan),
    "residual-of-rank-1": replace("residual", lambda array: np.ones(1, np.float32)),
    "residual-of-one-row": replace("residual", lambda array: np.ones((1, 32), np.float32)),
    "residual-of-rank-0": replace("residual", lambda array: np.float32(1)),
    "residual-of-no-rows": replace("residual", lambda array: np.ones((0, 32), np.float32)),
    "residual-claims-a-shape": claim("residual", 0, 2**40),
    "residual-of-another-dtype": replace("residual", lambda array: array.astype(np.float16)),
    "units-0": units(0),
    "units-negative": units(-32),
    "units-too-few": units(28),
    "units-too-many": units(33),
    "units-2^31-1": units(LARGEST),
    "units-2^31": units(2**31),
    "units-2^63-1": units(2**63 - 1),
    "units-of-one-layer": attribute("units", listed(i=[32])),
    "units-of-three-layers": attribute("units", listed(i=[32, 5, 5])),
    "units-of-no-layer": attribute("units", listed(i=[])),
    "units-that-no-layer-takes": attribute("units", listed(i=[32, 2**62])),
    "units-not-a-list": attribute("units", tf.compat.v1.AttrValue(i=32)),
    "activations-of-one-layer": attribute("activations", listed(s=[b"relu"])),
    "activations-of-three-layers": attribute("activations", listed(s=[b"relu"] * 3)),
    "activation-unknown": attribute("activations", listed(s=[b"relu", b"softmax"])),
    **{
        f"{key}-of-{count}-layers": lambda model, key=key, count=count: repeat_type(
            model, key, count
        )
        for key in ("T", "Tint", "Tfloat")
        for count in (0, 1, 3, 10**4)
    },
    "y-of-300-axes": attribute("y_axes", listed(i=[1] * 299 + [5])),
    "y-of-10^5-axes": attribute("y_axes", listed(i=[1] * 10**5 + [5])),
    "a-number-for-types": attribute("Tint", tf.compat.v1.AttrValue(i=2**62)),
    "indices-of-int64": replace("indices", lambda array: array.astype(np.int64)),
    "indptr-of-int64": replace("indptr", lambda array: array.astype(np.int64)),
    "data-of-another-dtype": replace("data", lambda array: array.astype(np.float16)),
}

QUANTIZATION = {
    **{
        f"{name}-{value}": put(name, 0, value)
        for name in ("x_scale", "y_scale", "w_scale")
        for value in (np.nan, np.inf, 0.0, -1.0)
    },
    **{
        f"{name}-{value}": put(name, 0, value)
        for name in ("x_zero_point", "y_zero_point")
        for value in (-1, 256, 300, LARGEST, LEAST)
    },
    "w_scale-too-short": replace("w_scale", lambda array: array[:-1]),
    "w_scale-empty": replace("w_scale", lambda array: array[:0]),
    "w_scale-of-rank-0": replace("w_scale", lambda array: array[0]),
    "x_scale-of-rank-1": replace("x_scale", lambda array: array[None]),
    "data-uint8": replace("data", lambda array: array.view(np.uint8)),
    "data-float": replace("data", lambda array: array.astype(np.float32)),
}

# The float op runs the same checks: enough of them to see that it does.
FLOAT = [
    *("index-huge", "index-negative", "indptr-huge-inside", "indptr-ends-huge", "indptr-falls"),
    *("indptr-empty", "data-too-short", "data-of-no-height", "blocks-of-2^63-1", "bias-too-short"),
    *("residual-of-one-row", "residual-of-rank-1"),
    *("units-negative", "units-2^31-1", "data-of-another-dtype"),
    *(
        "units-of-one-layer",
        "activations-of-one-layer",
        "T-of-1-layers",
        "Tint-of-3-layers",
        "Tfloat-of-0-layers",
    ),
]

CASES = [
    *(("int8", name, change) for name, change in (STRUCTURE | QUANTIZATION).items()),
    *((precision, name, STRUCTURE[name]) for precision in ("fp32", "bf16") for name in FLOAT),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    precisions = ("fp32", "bf16", "int8")
    return {precision: export_mlp(folder / precision, precision) for precision in precisions}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def corrupted(request, good, tmp_path_factory):
    precision, _, change = request.param
    folder = tmp_path_factory.mktemp("corrupted") / precision
    model = Corrupted(good[precision], folder)
    change(model)
    model.write()
    return folder


def test_unchanged_models_serve(good, sanitized_client, tmp_path):
    """What is refused below is refused for its change, and not for how it was written."""
    for precision, source in good.items():
        model = Corrupted(source, tmp_path / precision)
        put("indices", 0, model["indices"][0])(model)
        model.write()
        expected = serve_in_python(source, batch(17))
        np.testing.assert_array_equal(serve_in_python(tmp_path / precision, batch(17)), expected)
        run, y = sanitized_client.serve(tmp_path / precision, batch(17))
        assert run.returncode == 0, run.stderr
        np.testing.assert_array_equal(y, expected)


def test_a_number_of_layers_is_nothing_to_a_chain(good, sanitized_client, tmp_path):
    """TensorFlow lists N types of an input "N * T" before anybody can refuse: 20 GB for 2e8."""
    model = Corrupted(good["int8"], tmp_path / "int8")
    attribute("N", tf.compat.v1.AttrValue(i=2 * 10**8))(model)
    model.write()
    expected = serve_in_python(good["int8"], batch(17))
    np.testing.assert_array_equal(serve_in_python(tmp_path / "int8", batch(17)), expected)
    run, y = sanitized_client.serve(tmp_path / "int8", batch(17))
    assert run.returncode == 0, run.stderr
    np.testing.assert_array_equal(y, expected)


def test_python_raises_invalid_argument(corrupted):
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)) as raised:
        serve_in_python(corrupted, batch(3))
    if not isinstance(raised.value, tf.errors.InvalidArgumentError):
        # What TensorFlow finds while it imports a graph, it raises again as a ValueError.
        assert isinstance(raised.value.__context__, tf.errors.InvalidArgumentError)


def test_sanitized_client_reports_invalid_argument(corrupted, sanitized_client):
    run, _ = sanitized_client.serve(corrupted, batch(3))
    assert run.returncode == 1, run.stderr
    assert INVALID_ARGUMENT in run.stderr
    assert "Sanitizer" not in run.stderr
    assert "runtime error" not in run.stderr
