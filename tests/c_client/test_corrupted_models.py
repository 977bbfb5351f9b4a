"""A SavedModel is a file, and a file may hold anything: InvalidArgument, never a crash.

Every case is a good INT8, FP32 or bfloat16 model with one thing changed. Python loads it in this
process, where a crash would be hard to miss. A sanitized process, which takes many of them since it
takes long to start, loads it with every access watched.
"""

import numpy as np
import pytest
import tensorflow as tf

from .client import serve_in_python
from .corrupted import (
    LARGEST,
    LEAST,
    Corrupted,
    appended,
    attribute,
    claim,
    cut,
    cut_content,
    listed,
    no_blocks_of,
    put,
    replace,
    require_python_refuses,
    require_refused,
    selected,
    write_all,
)
from .models import batch, export_mlp


def units(value):
    def change(model):
        model.node.attr["units"].list.i[0] = value

    return change


def repeat_type(model, name, count):
    """Makes a list of types that a chain has for each layer another number of layers long."""
    types = model.node.attr[name].list.type
    first = types[0]
    del types[:]
    types.extend([first] * count)


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
    "indptr-too-short": replace("indptr", cut),
    "indptr-too-long": replace("indptr", appended),
    "indptr-empty": replace("indptr", lambda array: array[:0]),
    "indices-too-short": replace("indices", cut),
    "indices-empty": replace("indices", lambda array: array[:0]),
    "indices-too-long": replace("indices", appended),
    "data-too-short": replace("data", cut),
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
    "bias-too-short": replace("bias", cut),
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
    "w_scale-too-short": replace("w_scale", cut),
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

CASES = {
    **{f"int8-{name}": ("int8", change) for name, change in (STRUCTURE | QUANTIZATION).items()},
    **{
        f"{precision}-{name}": (precision, STRUCTURE[name])
        for precision in ("fp32", "bf16")
        for name in FLOAT
    },
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    precisions = ("fp32", "bf16", "int8")
    return {precision: export_mlp(folder / precision, precision) for precision in precisions}


@pytest.fixture(scope="module")
def corrupted(request, good, tmp_path_factory):
    """Folders of the models of the tests that will run."""
    cases = {name: CASES[name] for name in selected(request, "case")}
    return write_all(
        {name: (good[precision], change) for name, (precision, change) in cases.items()},
        tmp_path_factory.mktemp("corrupted"),
    )


@pytest.fixture(scope="module")
def sanitized(corrupted, sanitized_client):
    """What the sanitized process says of each."""
    served = sanitized_client.serve_all([(folder, batch(3)) for folder in corrupted.values()])
    return dict(zip(corrupted, served, strict=True))


@pytest.mark.long
def test_unchanged_models_serve(good, sanitized_client, tmp_path):
    """What is refused below is refused for its change, and not for how it was written."""
    for precision, source in good.items():
        model = Corrupted(source, tmp_path / precision)
        put("indices", 0, model["indices"][0])(model)
        model.write()
    calls = [(tmp_path / precision, batch(17)) for precision in good]
    for (folder, x), served in zip(calls, sanitized_client.serve_all(calls), strict=True):
        expected = serve_in_python(good[folder.name], x)
        np.testing.assert_array_equal(serve_in_python(folder, x), expected)
        np.testing.assert_array_equal(served.y, expected)


@pytest.mark.long
def test_a_number_of_layers_is_nothing_to_a_chain(good, sanitized_client, tmp_path):
    """TensorFlow lists N types of an input "N * T" before anybody can refuse: 20 GB for 2e8."""
    model = Corrupted(good["int8"], tmp_path / "int8")
    attribute("N", tf.compat.v1.AttrValue(i=2 * 10**8))(model)
    model.write()
    expected = serve_in_python(good["int8"], batch(17))
    np.testing.assert_array_equal(serve_in_python(tmp_path / "int8", batch(17)), expected)
    (served,) = sanitized_client.serve_all([(tmp_path / "int8", batch(17))])
    np.testing.assert_array_equal(served.y, expected)


@pytest.mark.parametrize("case", CASES)
def test_python_raises_invalid_argument(corrupted, case):
    require_python_refuses(corrupted[case], batch(3))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.long
def test_sanitized_client_reports_invalid_argument(sanitized, case):
    require_refused(sanitized[case])
