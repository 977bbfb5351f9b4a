"""The law of the conversion: the converted model predicts what the model predicts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse

from .helpers import FLOAT_CHAIN, FLOAT_OP, INT8_OP, blocky, constants, nodes, normal, save, spec

BOTH = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras3", "tf_keras"])


def sparsify(model, block=(4, 2), keep=0.4):
    """Gives every kernel of a model block zeros, and biases that are not zero."""
    for index, variable in enumerate(model.weights):
        shape = tuple(variable.shape)
        if len(shape) == 2:
            variable.assign(blocky(shape[1], shape[0], block, keep, seed=index).T)
        else:
            variable.assign(normal(shape, index) * 0.1)
    return model


def mlp(k, bias=True):
    layers = [
        k.layers.Input((20,), name="x"),
        k.layers.Dense(24, activation="relu", use_bias=bias, name="first"),
        k.layers.Dropout(0.5),
        k.layers.Dense(16, activation="relu", use_bias=bias, name="second"),
        k.layers.Dense(5, use_bias=bias, name="last"),
    ]
    return sparsify(k.Sequential(layers))


def everything(model, precision="fp32", data=None, **options):
    """Converts every layer that can be, whatever the cost model says."""
    overrides = dict.fromkeys(products(model), "convert") | options.pop("overrides", {})
    return tfsparse.convert(model, precision, data, overrides=overrides, **options)


def products(model):
    """Names of the layers that can be converted; only a conversion knows those of some models."""
    layers = [layer for layer in getattr(model, "layers", []) if layer.weights]
    if layers and {type(layer).__name__ for layer in layers} == {"Dense"}:
        return [layer.name for layer in layers]
    return [op.layer for op in tfsparse.convert(model).report if op.shape is not None]


def only(result):
    (value,) = result.values()
    return np.asarray(value)


def assert_close(result, expected):
    result, expected = np.asarray(result), np.asarray(expected)
    assert result.shape == expected.shape
    # Three layers of depth at most 64, values of order 10: see float_bound.
    bound = 3 * 64 * np.finfo(np.float32).eps * (np.abs(expected).max(initial=0) + 10)
    np.testing.assert_allclose(result, expected, atol=bound, rtol=0)


def rounded(array):
    """The nearest bfloat16 of each element, in float64."""
    return np.asarray(array, np.float32).astype(tf.bfloat16.as_numpy_dtype).astype(np.float64)


def int8_layer(x, kernel, bias, x_range, relu):
    """One INT8 layer in exact arithmetic, from the definition of its parameters."""
    low, high = min(x_range[0], 0.0), max(x_range[1], 0.0)
    x_scale = np.float64(np.float32((high - low) / 255))
    zero_point = np.clip(np.rint(-low / x_scale), 0, 255)
    q = np.clip(np.rint(x / x_scale) + zero_point, 0, 255) - zero_point
    largest = np.abs(kernel).max(axis=0)
    w_scale = np.where(largest > 0, np.float32(largest.astype(np.float64) / 127), 1.0)
    y = (q @ np.rint(kernel / w_scale)) * (w_scale * x_scale) + bias
    return np.maximum(y, 0) if relu else y


@BOTH
@pytest.mark.parametrize("bias", [True, False])
def test_fp32_predicts_what_the_model_predicts(k, bias):
    model = mlp(k, bias)
    converted = everything(model)
    (chain,) = nodes(converted.graph_def(), FLOAT_CHAIN)
    assert list(chain.attr["units"].list.i) == [24, 16, 5]
    assert not nodes(converted.graph_def(), "MatMul")
    for batch in (1, 7, 64, 0):
        x = normal((batch, 20), batch)
        assert_close(only(converted(x)), model(x))


@BOTH
def test_int8_predicts_what_exact_int8_arithmetic_predicts(k):
    model = mlp(k)
    data = normal((300, 20), 3)
    converted = everything(model, "int8", data)
    float_layers = [data]
    for layer in ("first", "second"):
        kernel, bias = (np.asarray(w) for w in model.get_layer(layer).get_weights())
        float_layers.append(np.maximum(float_layers[-1] @ kernel + bias, 0))
    y = x = normal((64, 20), 9)
    for seen, layer in zip(float_layers, ("first", "second", "last"), strict=True):
        kernel, bias = (np.asarray(w) for w in model.get_layer(layer).get_weights())
        y = int8_layer(y, kernel, bias, (seen.min(), seen.max()), layer != "last")
    result = only(converted(x))
    # Float32 rounds a rare tie the other way, which moves one u8 step through a layer.
    np.testing.assert_allclose(result, y, atol=0.02 * np.abs(y).max())
    assert np.mean(np.abs(result - y) < 1e-4 * np.abs(y).max()) > 0.95
    expected = np.asarray(model(x))
    assert np.abs(result - expected).max() < 0.05 * np.abs(expected).max()
    assert np.mean(result.argmax(axis=1) == expected.argmax(axis=1)) > 0.95


@BOTH
def test_bf16_predicts_what_rounded_operands_predict(k):
    """And within three layers' two roundings of 2^-8 of what the model predicts, uncalibrated."""
    model = mlp(k)
    converted = everything(model, "bf16")
    (chain,) = nodes(converted.graph_def(), FLOAT_CHAIN)
    assert list(chain.attr["T"].list.type) == [tf.bfloat16.as_datatype_enum] * 3
    assert {(op.precision, op.input, op.output) for op in converted.report} == {
        ("bf16", "float32", "float32")
    }
    for batch in (1, 7, 64, 0):
        y = x = normal((batch, 20), batch)
        for layer in ("first", "second", "last"):
            kernel, bias = (np.asarray(w) for w in model.get_layer(layer).get_weights())
            y = rounded(y) @ rounded(kernel) + bias
            y = y if layer == "last" else np.maximum(y, 0)
        result, expected = only(converted(x)), np.asarray(model(x))
        largest = np.abs(expected).max(initial=0)
        # Float32 sums round a rare tie the other way, which moves one step through a layer.
        np.testing.assert_allclose(result, y, atol=4e-3 * largest, rtol=0)
        assert np.count_nonzero(np.abs(result - y) > 1e-5 * largest) <= 0.05 * y.size
        np.testing.assert_allclose(result, expected, atol=3 * 2 * 2.0**-8 * largest, rtol=0)


@BOTH
def test_a_chain_passes_uint8(k):
    converted = everything(mlp(k), "int8", normal((50, 20)))
    kinds = [(op.layer, op.input, op.output) for op in converted.report]
    assert kinds == [
        ("first", "float32", "uint8"),
        ("second", "uint8", "uint8"),
        ("last", "uint8", "float32"),
    ]


@BOTH
def test_several_inputs_and_outputs_keep_their_names(k):
    a, b = k.Input((12,), name="a"), k.Input((12,), name="b")
    shared = k.layers.Dense(16, activation="relu", name="shared")
    mixed = k.layers.Concatenate()([shared(a), shared(b)])
    outputs = {
        "score": k.layers.Dense(3, activation="softmax", name="score_layer")(mixed),
        "hidden": shared(a),
    }
    model = sparsify(k.Model([b, a], outputs))
    data = {"a": normal((40, 12), 1), "b": normal((40, 12), 2)}
    expected = model([data["b"], data["a"]])
    converted = everything(model)
    shared_rows = [op for op in converted.report if op.layer == "shared"]
    assert len(shared_rows) >= 2
    packed = {n.input[1] for n in nodes(converted.graph_def(), FLOAT_OP)}
    assert len(packed) == 2
    for key in outputs:
        assert_close(converted(**data)[key], expected[key])
    quantized = everything(model, "int8", data)(**data)
    for key in outputs:
        largest = np.abs(expected[key]).max()
        np.testing.assert_allclose(quantized[key], expected[key], atol=0.05 * largest)


@BOTH
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("length", [5, None])
def test_rank_3_inputs(k, precision, length):
    inputs = k.Input((length, 20), name="x")
    hidden = k.layers.Dense(16, activation="relu", name="first")(inputs)
    model = sparsify(k.Model(inputs, k.layers.Dense(8, name="second")(hidden)))
    x = normal((6, 5, 20))
    converted = everything(model, precision, x if precision == "int8" else None)
    assert not nodes(converted.graph_def(), "MatMul")
    assert not nodes(converted.graph_def(), "Transpose")
    if precision == "fp32":
        assert_close(only(converted(x)), model(x))
    else:
        expected = np.asarray(model(x))
        np.testing.assert_allclose(only(converted(x)), expected, atol=0.05 * np.abs(expected).max())
        output = "uint8" if precision == "int8" else "float32"
        assert converted.report["first"].output == output


@BOTH
def test_layers_are_named_as_the_user_named_them(k):
    model = sparsify(
        k.Sequential(
            [
                k.layers.Input((8,)),
                k.layers.Dense(8, name="dense"),
                k.layers.Dense(8, name="dense_1"),
            ]
        )
    )
    assert [op.layer for op in tfsparse.convert(model).report] == ["dense", "dense_1"]


@BOTH
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_mixed_precision_is_converted(k, half):
    inputs = k.Input((8,))
    layer = k.layers.Dense(8, name="half", dtype=f"mixed_{half}")
    model = sparsify(k.Model(inputs, k.layers.Dense(4, name="whole")(layer(inputs))))
    converted = everything(model)
    assert converted.report["half"].converted
    assert converted.report["whole"].converted
    x = normal((4, 8))
    np.testing.assert_allclose(only(converted(x)), model(x), rtol=0.05, atol=0.05)


@BOTH
def test_a_model_that_is_still_wrapped_for_pruning(k):
    model = k.Sequential([k.layers.Input((64,)), k.layers.Dense(64, name="first")])
    pruned = tfsparse.prune_block(model, pattern="4x1", schedule=0.9)
    kernel = next(v for v in pruned.trainable_variables if len(v.shape) == 2)
    kernel.assign(blocky(64, 64, (4, 1), keep=0.1).T)
    converted = everything(pruned)
    x = normal((9, 64))
    assert_close(only(converted(x)), pruned(x))
    (row,) = converted.report
    assert row.block == "4x1" and row.zeros > 0.8


def test_layers_stay_where_no_gain_is_predicted():
    converted = tfsparse.convert(mlp(keras))
    assert not any(op.converted for op in converted.report)
    assert all("predicted no faster" in op.reason for op in converted.report)
    assert len(nodes(converted.graph_def(), "MatMul")) == 3
    x = normal((3, 20))
    assert_close(only(converted(x)), mlp(keras)(x))


def test_large_sparse_layers_are_converted_unasked():
    inputs = keras.Input((512,))
    model = sparsify(keras.Model(inputs, keras.layers.Dense(512, name="d")(inputs)), (16, 4), 0.15)
    (row,) = tfsparse.convert(model).report
    assert row.converted and row.block == "16x4" and row.speedup > 1.1
    assert row.zeros == pytest.approx(0.85, abs=0.03) and row.shape == (512, 512)
    assert row.reason == "predicted faster"


def test_overrides_reach_the_layer_they_name():
    model = mlp(keras)
    report = everything(model, overrides={"second": "skip", "last": "5x3"}).report
    assert report["first"].converted and not report["second"].converted
    assert report["last"].block == "5x3"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_saved_model_with_several_signatures(tmp_path, precision):
    kernel = tf.Variable(blocky(8, 12, (4, 1), keep=0.5).T.copy(), name="layer/kernel")
    module = tf.Module()
    module.kept = [kernel]

    def score(x):
        return {"score": tf.nn.relu(x @ kernel)}

    def encode(y, z):
        return {"code": (y - z) @ kernel, "length": tf.shape(y)[0]}

    x = spec(None, 12)
    signatures = {
        "serving_default": tf.function(score).get_concrete_function(x=x),
        "encode": tf.function(encode).get_concrete_function(y=x, z=x),
        "shape": tf.function(lambda x: {"n": tf.shape(x)}).get_concrete_function(x=x),
    }
    tf.saved_model.save(module, str(tmp_path / "in"), signatures=signatures)
    arrays = [normal((9, 12), seed) for seed in range(3)]
    data = {
        "serving_default": arrays[0],
        "encode": [{"y": arrays[1][:4], "z": arrays[2][:4]}, {"y": arrays[1], "z": arrays[2]}],
    }
    report = tfsparse.export(
        tmp_path / "in",
        tmp_path / "out",
        precision,
        data if precision == "int8" else None,
        overrides={"layer": "4x1"},
    )
    assert [op.signatures for op in report] == [("serving_default",), ("encode",)]
    source = tf.saved_model.load(str(tmp_path / "in")).signatures
    result = tf.saved_model.load(str(tmp_path / "out")).signatures
    assert set(result) == set(source) == {"serving_default", "encode", "shape"}
    inputs = {"serving_default": arrays[:1], "encode": arrays[1:], "shape": arrays[:1]}
    for key, values in inputs.items():
        assert result[key].structured_input_signature == source[key].structured_input_signature
        assert result[key].structured_outputs == source[key].structured_outputs
        feeds = dict(zip(sorted(source[key].structured_input_signature[1]), values, strict=True))
        feeds = {name: tf.constant(value) for name, value in feeds.items()}
        expected = source[key](**feeds)
        for name, value in result[key](**feeds).items():
            limit = 0.05 * np.abs(expected[name]).max() if precision == "int8" else 1e-5
            np.testing.assert_allclose(value, expected[name], atol=limit)


def test_equal_signatures_are_written_once(tmp_path):
    model = sparsify(
        keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(512, name="d")]),
        keep=1.0,
    )
    report = tfsparse.export(model, tmp_path / "1", overrides={"d": "convert"})
    (row,) = report
    assert set(row.signatures) == {"serve", "serving_default"}
    sizes = [file.stat().st_size for file in (tmp_path / "1").rglob("*") if file.is_file()]
    assert 64 * 512 * 4 < sum(sizes) < 1.3 * 64 * 512 * 4


def test_batches_without_examples_in_int8():
    model = mlp(keras)
    converted = everything(model, "int8", normal((20, 20)))
    assert only(converted(np.zeros((0, 20), np.float32))).shape == (0, 5)


def test_constant_activations_in_int8():
    model = mlp(keras)
    converted = everything(model, "int8", np.zeros((8, 20), np.float32))
    x = np.zeros((3, 20), np.float32)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(only(converted(x)), expected, atol=0.05 * np.abs(expected).max())


def test_int8_quantizes_weights_per_channel():
    inputs = keras.Input((16,))
    layer = keras.layers.Dense(8, use_bias=False, name="d")
    model = keras.Model(inputs, layer(inputs))
    kernel = normal((16, 8)) * np.logspace(-4, 4, 8, dtype=np.float32)
    layer.kernel.assign(kernel)
    converted = everything(model, "int8", normal((64, 16)))
    (node,) = nodes(converted.graph_def(), INT8_OP)
    scale = constants(converted.graph_def())[node.input[6].split(":")[0]]
    np.testing.assert_allclose(scale, np.abs(kernel).max(axis=0) / 127, rtol=1e-6)
    x = normal((64, 16))
    expected = np.asarray(model(x))
    error = np.abs(only(converted(x)) - expected).max(axis=0) / np.abs(expected).max(axis=0)
    assert error.max() < 0.03


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"precision": "int4"},
            "`precision` should be 'fp32', 'bf16', 'int8' or 'auto'. Received: precision='int4'",
        ),
        ({"precision": "int8"}, "`calibration_data` should be given"),
        ({"batch_size": 0}, "`batch_size` should be a positive integer"),
        ({"overrides": {"third": "skip"}}, "`overrides` should name"),
        ({"overrides": {"first": "2:4"}}, "`overrides` should hold"),
        ({"overrides": ["first"]}, r"`overrides` should be a dict .* Received: overrides="),
        ({"max_error": "0.1"}, "`max_error` should be a number of at least 0"),
        ({"max_error": np.nan}, "`max_error` should be a number of at least 0"),
        ({"target": ["avx2"]}, "`target` should be one of"),
    ],
)
def test_wrong_arguments_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.convert(mlp(keras), **arguments)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((4, 20), np.nan), "NaN or Inf in input"),
        (np.zeros((0, 20)), "at least one example"),
        (np.zeros((4, 21)), r"shape \(None, 20\)"),
        (np.full((4, 20), 3e38), "NaN or Inf at layer"),
    ],
)
def test_wrong_calibration_data_is_refused_in_words(data, message):
    with pytest.raises(ValueError, match=message):
        everything(mlp(keras), "int8", data)


def test_an_existing_target_is_refused_before_any_work(tmp_path):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        tfsparse.export("no such model", tmp_path)
    save(tmp_path / "in", lambda x: {"y": x @ normal((3, 4))}, {"x": spec(None, 3)})
    tfsparse.export(tmp_path / "in", tmp_path / "1")
    tfsparse.export(tmp_path / "in", tmp_path / "1", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "in"]


def test_keras_int8_layers_are_converted_from_the_tensor_that_they_quantize():
    layers = [keras.layers.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(8)]
    model = keras.Sequential(layers)
    x = normal((16, 64))
    exact = np.asarray(model(x))
    model.quantize("int8")
    converted = everything(model)
    assert all(row.converted for row in converted.report)
    assert np.abs(only(converted(x)) - exact).max() < 0.02 * np.abs(exact).max()


KERNEL = np.rint(20.0 * normal((64, 64))).astype(np.int8)


def quantized_by_hand(folder, axis=-1, low=-127.0, top=127.0, dtype=tf.int8, x_first=True):
    def function(x):
        scale = top / (tf.reduce_max(tf.abs(x), axis=axis, keepdims=True) + 1e-7)
        steps = tf.round(x * scale if x_first else scale * x)
        steps = tf.cast(tf.clip_by_value(steps, low, 127.0), dtype)
        sums = tf.matmul(tf.cast(steps, tf.int32), tf.cast(KERNEL, tf.int32))
        return {"y": tf.cast(sums, tf.float32) / (20.0 * scale)}

    return save(folder, function, {"x": spec(None, 64)})


@pytest.mark.parametrize("x_first", [True, False])
def test_int8_layers_by_hand_are_converted_in_either_order_of_factors(tmp_path, x_first):
    converted = everything(quantized_by_hand(tmp_path, x_first=x_first))
    assert all(row.converted for row in converted.report)
    x = normal((8, 64))
    exact = x @ KERNEL / 20.0
    assert np.abs(only(converted(x)) - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize(
    "more", [{"low": 0.0}, {"top": 400.0}, {"axis": 0}, {"dtype": tf.uint8}], ids=str
)
def test_more_than_rounding_is_not_taken_for_rounding(tmp_path, more):
    """A ReLU, a saturation and a scale along the inputs change the product."""
    (row,) = tfsparse.convert(quantized_by_hand(tmp_path, **more)).report
    assert row.reason == "it computes in int32, not float32"


def test_the_report_points_at_large_errors():
    """One scale for all inputs cannot hold some that are a thousandth of the others."""
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(32, name="d")])
    width = np.where(np.arange(64) % 2, 1.0, 1e-3).astype(np.float32)
    model.layers[0].kernel.assign(normal((64, 32)) / width[:, None])
    x = normal((100, 64), 1) * width
    (note,) = everything(model, "int8", x).report.notes
    assert note.startswith("'d' errs by ") and "in int8" in note
    assert not everything(model, "bf16", x).report.notes


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_the_error_of_a_precision_is_measured(precision):
    model = mlp(keras)
    found = tfsparse.convert(model, precision, normal((50, 20)), max_error=1.0, tune=False)
    for row in found.report:
        assert (row.error is not None) == row.converted


def test_auto_takes_no_precision_that_errs_too_much():
    layers = [keras.layers.Input((512,)), keras.layers.Dense(512, name="d")]
    model = keras.Sequential(layers)
    x = normal((64, 512))
    loose = tfsparse.convert(model, "auto", x, max_error=0.05)
    strict = tfsparse.convert(model, "auto", x, max_error=1e-6)
    assert loose.report["d"].precision == "int8" and loose.report["d"].error < 0.05
    assert not strict.report["d"].converted
    assert "max_error" in strict.report["d"].reason


ANYWHERE = {
    "weights first": lambda x, w: tf.matmul(w, x),
    "a middle axis": lambda x, w: tf.einsum("abc,bd->adc", x[None], w),
    "in a loop": lambda x, w: tf.while_loop(
        lambda i, _: i < 2, lambda i, y: (i + 1, tf.tanh(y @ w)), (0, x)
    )[1],
}


@pytest.mark.parametrize("activations", ["calibrated", "dynamic"])
@pytest.mark.parametrize("case", ANYWHERE)
def test_auto_takes_no_precision_whose_error_is_not_known(tmp_path, case, activations):
    w = blocky(128, 128, (4, 1), 0.1).T.copy()
    save(tmp_path / "in", lambda x: {"y": ANYWHERE[case](x, w)}, {"x": spec(128, 128)})
    x = {"x": normal((128, 128))}
    found = [
        tfsparse.convert(tmp_path / "in", "auto", x, max_error=limit, activations=activations)
        for limit in (0.0, 0.1)
    ]
    strict, loose = (list(each.report) for each in found)
    assert [row.precision for row in strict] == ["fp32"]
    if case == "in a loop":
        assert [row.precision for row in loose] == ["fp32"]
    else:
        assert loose[0].precision != "fp32" and 0 < loose[0].error < 0.1


def test_auto_says_that_an_error_is_not_known(tmp_path):
    w = normal((512, 512))
    save(tmp_path / "in", lambda x: {"y": ANYWHERE["in a loop"](x, w)}, {"x": spec(64, 512)})
    (row,) = tfsparse.convert(tmp_path / "in", "auto", {"x": normal((64, 512))}).report
    assert not row.converted
    assert row.reason == "the calibration data do not show its error in int8"


def test_dynamic_ranges_need_no_data():
    model = mlp(keras)
    names = {row.layer: "convert" for row in tfsparse.convert(model).report}
    converted = tfsparse.convert(model, "int8", activations="dynamic", overrides=names)
    x = normal((64, 20), 9)
    expected = np.asarray(model(x))
    assert np.abs(only(converted(x)) - expected).max() < 0.05 * np.abs(expected).max()


def test_data_as_in_fit_and_without_end():
    model = mlp(keras)
    x = normal((50, 20))
    exact = tfsparse.convert(model, "int8", x, overrides={"first": "convert"})
    pair = tfsparse.convert(model, "int8", (x, 1e3 * x), overrides={"first": "convert"})
    np.testing.assert_array_equal(only(exact(x)), only(pair(x)))
    endless = tf.data.Dataset.from_tensor_slices(x).batch(10).repeat()
    without_end = tfsparse.convert(model, "int8", endless, overrides={"first": "convert"})
    np.testing.assert_array_equal(only(exact(x)), only(without_end(x)))
    assert str(without_end.report).endswith("calibrated on the first 100 batches of the data")
    assert not exact.report.notes


def test_endpoints_go_on(tmp_path):
    a, b = keras.Input((16,), name="b"), keras.Input((16,), name="a")
    model = keras.Model([a, b], keras.layers.Dense(4)(keras.layers.Subtract()([a, b])))
    tfsparse.export(model, tmp_path / "1")
    x, y = normal((2, 16)), normal((2, 16), 1)
    expected = np.asarray(model([x, y]))
    layer = keras.layers.TFSMLayer(str(tmp_path / "1"), call_endpoint="serve")
    np.testing.assert_allclose(layer([x, y]), expected, atol=1e-5)
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    np.testing.assert_allclose(loaded.serve([tf.constant(x), tf.constant(y)]), expected, atol=1e-5)


def test_a_text_classifier_is_converted(tmp_path):
    vectorize = keras.layers.TextVectorization(100, output_sequence_length=8)
    vectorize.adapt(["a b c d", "c d e"])
    layers = [keras.Input((), dtype="string"), vectorize, keras.layers.Embedding(100, 32)]
    layers += [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(64, name="d")]
    model = keras.Sequential(layers)
    report = tfsparse.export(model, tmp_path / "1", overrides={"d": "convert"})
    assert report["d"].converted and len(report) == 1
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    text = tf.constant(["a b", "e d c"])
    np.testing.assert_allclose(loaded.serve(text), model(text), atol=1e-5)


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse"])
def test_an_outlier_costs_less_with_a_range_that_cuts_it_off(method):
    model = mlp(keras)
    x = normal((4000, 20))
    x[0, 0] = 1e4
    names = {row.layer: "convert" for row in tfsparse.convert(model).report}
    converted = tfsparse.convert(model, "int8", x, calibration_method=method, overrides=names)
    expected = np.asarray(model(x[1:65]))
    error = np.abs(only(converted(x[1:65])) - expected).max() / np.abs(expected).max()
    assert (error > 0.3) == (method != "percentile")


def test_products_of_a_feature_cross_are_converted():
    keras_rs = pytest.importorskip("keras_rs")
    inputs = keras.Input((40,), name="x")
    cross = keras_rs.layers.FeatureCross(projection_dim=16, name="cross")
    model = sparsify(keras.Model(inputs, cross(inputs, cross(inputs))))
    x = normal((7, 40))
    converted = everything(model)
    # Keras numbers the two Dense of the cross, which is called twice.
    names = [row.layer for row in converted.report if row.converted]
    assert len(names) == 4 and names[:2] == names[2:] and len(set(names)) == 2
    assert all(name.startswith("cross/dense") for name in names)
    assert_close(only(converted(x)), model(x))
