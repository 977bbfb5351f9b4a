"""Whole models with `ops="tensorflow"`: no op of ours, and the ordinary conversion's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tests.long_cases import some_of
from tests.ops.helpers import cpu_has

from .faults.models import assert_close, kernel, normal, ops_of, serve, signatures, spec, thin

ROUNDING = 1e-5
"""Difference of two models of the same numbers in float32, relative to the greatest output."""

FLIPPED = 0.01
"""The same where a sum's rounding may turn one step of an activation, of 255, into the next."""


def transformer(k):
    """A block with everything that is folded and fused: heads, BatchNorm, GELU, residuals."""
    x = k.Input((8, 64), name="x")
    attended = k.layers.MultiHeadAttention(4, 16, name="attention")(x, x)
    h = k.layers.Add()([x, attended])
    up = k.layers.Dense(128, name="up")(h)
    up = k.layers.Activation("gelu")(k.layers.BatchNormalization(name="norm")(up))
    h = k.layers.Add()([h, k.layers.Dense(64, name="down")(up)])
    return thin(k.Model(x, k.layers.Dense(10, activation="softmax", name="out")(h)))


NAMES = [*(f"attention/{each}" for each in ("query", "key", "value", "attention_output"))]
ALL = dict.fromkeys([*NAMES, "up", "down", "out"], "convert")
X = normal((64, 8, 64))

FOLDED = {keras: ["up"], tf_keras: ["up", "attention/query"]}
"""Layers that have something beside them to fold: a BatchNorm, the scale of attention's scores."""


@pytest.mark.parametrize(
    ("k", "precision"),
    some_of(
        [
            (keras, "fp32"),
            (tf_keras, "fp32"),
            (keras, "int8"),
            (tf_keras, "int8"),
            (keras, "bf16"),
            (tf_keras, "dynamic"),
        ],
        plain=[(keras, "fp32"), (tf_keras, "int8")],
    ),
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_model_has_no_op_of_ours_and_their_numbers(tmp_path, k, precision):
    model = transformer(k)
    options = {"precision": precision, "data": X if precision == "int8" else None}
    if precision == "dynamic":
        options = {"precision": "int8", "activations": "dynamic"}
    # Our op of attention rounds what TensorFlow's ops keep.
    options["overrides"] = ALL | {"attention": "skip"}
    ours = serve(tmp_path / "ours", model, **options)
    standard = serve(tmp_path / "standard", model, **options, ops="tensorflow")
    used = standard.ops() + ops_of(standard.loaded.serve.concrete_functions[0])
    assert not [op for op in used if op.startswith("Tfsparse")]
    bound = ROUNDING if precision == "fp32" else FLIPPED
    assert_close(standard.only(X[:3]), ours.only(X[:3]), bound)
    assert any("TensorFlow's own ops" in note for note in standard.report.notes)
    for row in standard.report:
        assert row.block is row.speedup is None and row.chain == ()
        if row.layer in ALL and (precision != "fp32" or row.layer in FOLDED[k]):
            assert row.converted and row.precision == options["precision"]
            assert "ops of TensorFlow" in row.reason
        elif row.layer in ALL:
            assert not row.converted and "stays what it is" in row.reason


def test_what_is_not_converted_stays_and_keeps_its_reason(tmp_path):

    model = transformer(keras)
    words = ALL | {"down": "skip"}
    standard = serve(tmp_path, model, "int8", X, overrides=words, ops="tensorflow")
    assert standard.report["down"].reason == "skipped by `overrides`"
    assert not standard.report["down"].converted and standard.report["out"].converted


def test_signatures_share_dense_weights(tmp_path):
    module, dense = tf.Module(), kernel(256, 512)
    module.w = tf.Variable(dense, name="backbone/kernel")

    def head(factor):
        function = tf.function(lambda x: {"y": tf.nn.relu(x @ module.w) * factor})
        return function.get_concrete_function(x=spec(None, 256))

    functions = {f"head{i}": head(float(i + 2)) for i in range(3)}
    holder = tf.Module()
    holder.kept = [module.w]
    folder, source = signatures(tmp_path, holder, **functions)
    x = normal((3, 256))
    for precision, data in (("fp32", None), ("int8", normal((100, 256)))):
        served = serve(
            tmp_path / precision, folder, precision, data, ops="tensorflow",
            overrides={"backbone": "convert"},
        )  # fmt: skip
        assert dense.nbytes < served.bytes < 1.1 * dense.nbytes + 100_000
        for key in functions:
            expected = source.signatures[key](x=tf.constant(x))["y"].numpy()
            bound = ROUNDING if precision == "fp32" else 0.05
            assert_close(served(signature=key, x=x)["y"], expected, bound)


def test_an_unknown_choice_is_an_error():
    with pytest.raises(ValueError, match=r"`ops` should be 'tfsparse' or 'tensorflow'. Received"):
        tfsparse.convert(None, ops="onnx")


def test_a_converted_model_is_refused(tmp_path):

    tfsparse.export(transformer(keras), tmp_path / "1", overrides=ALL)
    with pytest.raises(ValueError, match="`source` should be a model without ops of tfsparse"):
        tfsparse.convert(tmp_path / "1", ops="tensorflow")


@pytest.mark.parametrize(
    ("k", "precision"),
    [(keras, "fp32"), (tf_keras, "int8"), (keras, "bf16")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_convolutions_of_every_kind(tmp_path, k, precision):
    """Paddings, strides, dilations, groups, sequences, a BatchNorm and a residual."""
    if precision != "fp32" and not cpu_has("avx512_vnni"):
        pytest.skip("without VNNI TensorFlow has no oneDNN, and fails on fused groups")
    layers = k.layers
    x = k.Input((12, 12, 8), name="x")
    h = layers.Conv2D(16, 3, padding="same", name="same")(x)
    h = layers.ReLU()(layers.BatchNormalization(name="norm")(h))
    h = layers.Add()([h, layers.Conv2D(16, 1, name="point")(h)])
    h = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="strided")(h)
    h = layers.Conv2D(16, 3, padding="same", groups=2, name="groups")(h)
    h = layers.Conv2D(16, 2, dilation_rate=2, name="dilated")(h)
    h = layers.Conv1D(8, 3, padding="causal", name="causal")(layers.Reshape((16, 16))(h))
    model = thin(k.Model(x, layers.Dense(4, name="out")(layers.Flatten()(h))))
    data = normal((64, 12, 12, 8))
    names = ["same", "point", "strided", "groups", "dilated", "causal", "out"]
    served = serve(
        tmp_path, model, precision, data, overrides=dict.fromkeys(names, "4x1"), ops="tensorflow"
    )
    assert not [op for op in served.ops() if op.startswith("Tfsparse")]
    wanted = {"same"} if precision == "fp32" else set(names)
    assert wanted <= set(served.converted), served.stayed
    bound = {"fp32": ROUNDING, "bf16": 0.02, "int8": 0.05}[precision]
    assert_close(served.only(data[:3]), np.asarray(model(data[:3])), bound)
