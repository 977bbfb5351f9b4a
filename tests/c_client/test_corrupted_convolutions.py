"""The same for convolutions and pooling: how windows move, and what they move over."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from .client import serve_in_python
from .convolutional_models import save_convolution, save_depthwise, save_pooling
from .corrupted import (
    LARGEST,
    LEAST,
    Corrupted,
    appended,
    attribute,
    claim,
    cut,
    listed,
    no_blocks_of,
    put,
    replace,
    require_python_refuses,
    require_refused,
    selected,
    write_all,
)
from .models import batch

VALUES = (0, -1, LEAST, 2**31, 2**62, -(2**63))
PAIRS = [*([value, 1] for value in VALUES), *([1, value] for value in VALUES)]
LENGTHS = ([], [1], [1, 1, 1], [1] * 10**5)


def ints(name, *values):
    return attribute(name, listed(i=list(values)))


def number(name, value):
    return attribute(name, tf.compat.v1.AttrValue(i=value))


def text(name, value):
    return attribute(name, tf.compat.v1.AttrValue(s=value))


def window(**lists):
    """Writes several attributes that are lists, without SAME."""

    def change(model):
        for name, values in lists.items():
            ints(name, *values)(model)
        text("padding", b"EXPLICIT")(model)

    return change


def no_blocks(change):
    """No stored block, so that any kernel has its weights."""

    def both(model):
        no_blocks_of(4, 1)(model)
        change(model)

    return both


def names_of(name, lists):
    return {f"{name}-{str(values)[:40]}-of-{len(values)}": ints(name, *values) for values in lists}


def windows(size):
    """What is wrong with a window whose sizes have that name, whatever it does."""
    return {
        **names_of(size, [*PAIRS, *LENGTHS]),
        **names_of("strides", [*PAIRS, *LENGTHS]),
        **names_of("paddings", [[0] * 3, [0] * 5, [], [1, 0, 0, 0], [0] * 10**5]),
        "paddings-negative": window(paddings=[-1, 1, 0, 0]),
        "paddings-huge": window(paddings=[0, 0, 2**62, 2**62]),
        "padding-unknown": text("padding", b"CAUSAL"),
        "padding-empty": text("padding", b""),
        "sizes-not-a-list": number(size, 3),
        "image-far-smaller": window(**{size: [900, 1]}),
    }


GEOMETRY = windows("kernel_size") | {
    **names_of("dilations", [*PAIRS, *LENGTHS]),
    **{f"filters-{value}": number("filters", value) for value in (*VALUES, 7, 12, 16, LARGEST)},
    **{f"groups-{value}": number("groups", value) for value in (*VALUES, 3, 4, 8, 16, LARGEST)},
    **{f"inputs-{value}": number("inputs", value) for value in (-1, 3, 5, LEAST, 2**62, -(2**63))},
    "dilations-beyond-the-image": window(dilations=[LARGEST, LARGEST]),
    "kernel-of-another-size": ints("kernel_size", 3, 1),
    "activation-unknown": text("activation", b"softmax"),
    "kernel-of-2^30": no_blocks(ints("kernel_size", 2**15, 2**15)),
    "kernel-of-2^62": no_blocks(ints("kernel_size", LARGEST, LARGEST)),
    "kernel-in-padding": no_blocks(window(kernel_size=[2**28, 1], paddings=[2**28, 0, 0, 0])),
}

# A filter has 9 taps of 2 channels: 18 block columns, and 2 block rows.
STRUCTURE = {
    "index-out-of-range": put("indices", 0, 18),
    "index-huge": put("indices", 1, LARGEST),
    "index-negative": put("indices", 0, -1),
    "indptr-falls": put("indptr", 1, -1),
    "indptr-huge-inside": put("indptr", 1, LARGEST),
    "indptr-too-short": replace("indptr", cut),
    "indptr-too-long": replace("indptr", appended),
    "indices-empty": replace("indices", lambda array: array[:0]),
    "data-too-short": replace("data", cut),
    "data-of-rank-2": replace("data", lambda array: array.reshape(-1, 4)),
    "data-of-no-height": claim("data", 68, 0, 1),
    "data-transposed": replace("data", lambda array: array.reshape(-1, 1, 4)),
    "blocks-of-2^63-1": no_blocks_of(2**63 - 1, 1),
    "blocks-across-groups": replace("data", lambda array: np.repeat(array, 2, axis=1)),
    "bias-too-short": replace("bias", cut),
    "bias-nan": put("bias", 3, np.nan),
    "residual-of-one-pixel": replace("residual", lambda array: np.ones((3, 1, 1, 8), np.float32)),
    "residual-of-one-image": replace("residual", lambda array: np.ones((1, 3, 2, 8), np.float32)),
    "residual-flat": replace("residual", lambda array: np.ones((3, 48), np.float32)),
    "residual-claims-a-shape": claim("residual", 0, 2**31, 2**31, 8),
    "indices-of-int64": replace("indices", lambda array: array.astype(np.int64)),
    "data-of-another-dtype": replace("data", lambda array: array.astype(np.float16)),
}


def of_uint8_residual(change):
    """Gives the op a uint8 residual of y's shape first."""

    def both(model):
        model["residual"] = np.ones((3, 3, 2, 8), np.uint8)
        attribute("Tresidual", tf.compat.v1.AttrValue(type=tf.uint8.as_datatype_enum))(model)
        change(model)

    return both


SCALES = {f"{value}": value for value in (np.nan, np.inf, 0.0, -1.0)}
POINTS = {f"{value}": value for value in (-1, 256, LARGEST, LEAST)}
QUANTIZATION = {
    **{
        f"{name}-{text}": put(name, 0, value)
        for names, values in (
            (("x_scale", "y_scale", "w_scale"), SCALES),
            (("x_zero_point", "y_zero_point"), POINTS),
        )
        for name in names
        for text, value in values.items()
    },
    **{
        f"{name}-{text}": of_uint8_residual(put(name, 0, value))
        for name, values in (("residual_scale", SCALES), ("residual_zero_point", POINTS))
        for text, value in values.items()
    },
    "w_scale-too-short": replace("w_scale", cut),
    "x_scale-of-rank-1": replace("x_scale", lambda array: array[None]),
    "residual_scale-of-rank-1": replace("residual_scale", lambda array: array[None]),
    "residual-of-another-dtype": replace("residual", lambda array: array.astype(np.uint8)),
}

# The float op has the same checks: enough of them to see that it does.
FLOAT = {
    name: change
    for number, (name, change) in enumerate((GEOMETRY | STRUCTURE).items())
    if number % 8 == 0 or name in STRUCTURE
}
# Of the ops that read uint8 images without stored blocks.
ENDS = {
    name: change
    for name, change in QUANTIZATION.items()
    if name.startswith(("x_", "y_")) and "scale-of-rank" not in name
}
DEPTHWISE = windows("kernel_size") | {
    **names_of("dilations", [*PAIRS, *LENGTHS]),
    **ENDS,
    "activation-unknown": text("activation", b"softmax"),
    "kernel-of-another-size": ints("kernel_size", 3, 1),
    "weights-of-rank-4": replace("weights", lambda array: array[..., None]),
    "weights-of-less-channels": replace("weights", lambda array: array[..., :-1]),
    "weights-claim-a-shape": claim("weights", 0, 2**31, 2**31),
    "weights-of-another-dtype": replace("weights", lambda array: array.astype(np.uint8)),
    "w_scale-too-short": replace("w_scale", cut),
    "w_scale-nan": put("w_scale", 1, np.nan),
    "bias-too-short": replace("bias", cut),
    "bias-nan": put("bias", 3, np.nan),
}
CHANGES = {
    "int8": GEOMETRY | STRUCTURE | QUANTIZATION,
    "fp32": FLOAT,
    "bf16": FLOAT,
    "MaxPool2D": windows("pool_size"),
    "AveragePool2D": windows("pool_size"),
    "QuantizedDepthwiseConv2D": DEPTHWISE,
    "GateChannels": ENDS,
}
CASES = {
    f"{kind}-{name}": (kind, change)
    for kind, changes in CHANGES.items()
    for name, change in changes.items()
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    made = {each: save_convolution(folder / each, each) for each in ("int8", "fp32", "bf16")}
    pooling = save_pooling(folder / "pooling")
    depthwise = save_depthwise(folder / "depthwise")
    made |= dict.fromkeys(("QuantizedDepthwiseConv2D", "GateChannels"), depthwise)
    return made | {"MaxPool2D": pooling, "AveragePool2D": pooling}


def is_op(kind, node):
    return (
        "Conv2D" in node.op if kind in ("int8", "fp32", "bf16") else node.op == f"Tfsparse>{kind}"
    )


@pytest.fixture(scope="module")
def corrupted(request, good, tmp_path_factory):
    """Folders of the models of the tests that will run."""
    cases = {name: CASES[name] for name in selected(request, "case")}
    return write_all(
        {
            name: (good[kind], change, functools.partial(is_op, kind))
            for name, (kind, change) in cases.items()
        },
        tmp_path_factory.mktemp("corrupted"),
    )


@pytest.fixture(scope="module")
def sanitized(corrupted, sanitized_client):
    served = sanitized_client.serve_all([(folder, batch(3)) for folder in corrupted.values()])
    return dict(zip(corrupted, served, strict=True))


@pytest.mark.long
def test_unchanged_models_serve(good, sanitized_client, tmp_path):
    """Rewritten without a change, and with a uint8 residual."""
    for kind, source in good.items():
        model = Corrupted(source, tmp_path / kind, functools.partial(is_op, kind))
        if kind == "int8":
            of_uint8_residual(lambda model: None)(model)
        model.write()
    calls = [(tmp_path / kind, batch(3)) for kind in good]
    for (folder, x), served in zip(calls, sanitized_client.serve_all(calls), strict=True):
        assert served.y is not None, served.said
        np.testing.assert_array_equal(served.y, serve_in_python(folder, x))
        assert served.y.std() > 0.01


@pytest.mark.parametrize("case", CASES)
def test_python_raises_invalid_argument(corrupted, case):
    require_python_refuses(corrupted[case], batch(3))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.long
def test_sanitized_client_reports_invalid_argument(sanitized, case):
    require_refused(sanitized[case])
