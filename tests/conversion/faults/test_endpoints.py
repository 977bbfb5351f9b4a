"""Callable attributes of a model are there afterwards, and are called as before.

Reported: `loaded.serve(x)` was gone, and `TFSMLayer(call_endpoint="serve")([a, b])` failed.
"""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from .models import (
    BOTH,
    INT8_BOUND,
    assert_close,
    kernel,
    normal,
    ops_of,
    serve,
    signatures,
    spec,
    thin,
)

pytestmark = pytest.mark.one_keras

A, B = normal((4, 256)), normal((4, 256), 1)
OPS = {"Tfsparse>BlockSparseMatMul", "Tfsparse>BlockSparseMatMulChain"}


def _one(k):
    inputs = k.Input((256,), name="x")
    return k.Model(inputs, k.layers.Dense(256, name="d")(inputs)), A


def _list(k):
    one, two = k.Input((256,), name="z"), k.Input((256,), name="a")
    difference = k.layers.Subtract()([one, two])
    return k.Model([one, two], k.layers.Dense(256, name="d")(difference)), [A, B]


def _dict(k):
    inputs = {"z": k.Input((256,), name="z"), "a": k.Input((256,), name="a")}
    difference = k.layers.Subtract()([inputs["z"], inputs["a"]])
    return k.Model(inputs, k.layers.Dense(256, name="d")(difference)), {"z": A, "a": B}


def _outputs(k):
    inputs = k.Input((256,), name="x")
    hidden = k.layers.Dense(256, "relu", name="d")(inputs)
    last = k.layers.Dense(256, name="e")(hidden)
    return k.Model(inputs, {"y": last, "b": hidden}), A


def _several_outputs(k):
    model, x = _outputs(k)
    return k.Model(model.inputs[0], list(model.outputs)), x


CASES = {"one": _one, "list": _list, "dict": _dict, "dict of outputs": _outputs}
CASES["list of outputs"] = _several_outputs
CASE = pytest.mark.parametrize("case", CASES)


def tensors(x):
    return tf.nest.map_structure(tf.constant, x)


@BOTH
@CASE
def test_serve_takes_what_the_model_takes(tmp_path, k, case):
    model, x = CASES[case](k)
    thin(model).export(str(tmp_path / "source"))
    source = tf.saved_model.load(str(tmp_path / "source"))
    fed = x if case != "dict" or k is keras else [x[name] for name in sorted(x)]  # its own way
    expected = source.serve(tensors(fed))
    assert_close(expected, model(x))
    served = serve(tmp_path, model)
    assert "d" in served.converted
    assert_close(served.loaded.serve(tensors(fed)), expected)
    assert OPS & set(ops_of(served.loaded.serve.concrete_functions[0]))


@CASE
def test_a_layer_of_keras_loads_it(tmp_path, case):
    model, x = CASES[case](keras)
    expected = thin(model)(x)
    serve(tmp_path, model)
    layer = keras.layers.TFSMLayer(str(tmp_path / "converted"), call_endpoint="serve")
    assert_close(layer(x), expected)


@CASE
def test_a_layer_of_keras_in_a_model(tmp_path, case):
    model, x = CASES[case](keras)
    expected = tf.nest.map_structure(np.asarray, thin(model)(x))
    serve(tmp_path, model)
    layer = keras.layers.TFSMLayer(str(tmp_path / "converted"), call_endpoint="serve")
    inputs = tf.nest.map_structure(
        lambda each: keras.Input(each.shape[1:], name=each.name), model.input
    )
    around = keras.Model(inputs, layer(inputs))
    assert_close(around.predict(x, verbose=0), expected)


def test_a_layer_of_keras_loads_the_signature(tmp_path):
    model, x = _one(keras)
    expected = np.asarray(thin(model)(x))
    serve(tmp_path, model)
    layer = keras.layers.TFSMLayer(str(tmp_path / "converted"), call_endpoint="serving_default")
    assert_close(layer(x), {"output_0": expected})


@BOTH
def test_other_endpoints_of_an_archive(tmp_path, k):
    inputs = k.Input((256,), name="x")
    hidden = k.layers.Dense(256, "relu", name="d")(inputs)
    model = thin(k.Model(inputs, k.layers.Dense(256, name="e")(hidden)))
    encoder = k.Model(inputs, hidden)
    archive = k.export.ExportArchive()
    archive.track(model)
    shape = [tf.TensorSpec((None, 256), tf.float32)]
    archive.add_endpoint("serve", lambda x: model(x, training=False), shape)
    archive.add_endpoint("encode", lambda x: {"code": encoder(x)}, shape)
    archive.add_endpoint("compare", lambda x, y: encoder(x) - encoder(y), shape * 2)
    archive.write_out(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source")
    source = tf.saved_model.load(str(tmp_path / "source"))
    loaded = served.loaded
    assert set(loaded.signatures) == set(source.signatures)
    a, b = tf.constant(A), tf.constant(B)
    assert_close(loaded.serve(a), source.serve(a))
    assert_close(loaded.encode(a), source.encode(a))
    assert_close(loaded.compare(a, b), source.compare(a, b))
    assert_close(loaded.encode(a)["code"], encoder(A))
    for name in ("encode", "compare"):
        assert OPS & set(ops_of(getattr(loaded, name).concrete_functions[0]))
    layer = keras.layers.TFSMLayer(str(served.folder), call_endpoint="encode")
    assert_close(layer(A), {"code": np.asarray(encoder(A))})


def test_the_training_endpoint_of_a_layer_of_keras(tmp_path):
    model, x = _one(keras)
    thin(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    shape = [tf.TensorSpec((None, 256), tf.float32)]
    archive.add_endpoint("serve", model, shape)
    archive.add_endpoint("train", lambda x: model(x) * 2.0, shape)
    archive.write_out(str(tmp_path / "source"))
    serve(tmp_path, tmp_path / "source")
    layer = keras.layers.TFSMLayer(
        str(tmp_path / "converted"), call_endpoint="serve", call_training_endpoint="train"
    )
    expected = np.asarray(model(x))
    assert_close(layer(x), expected)
    assert_close(layer(x, training=True), 2 * expected)


class Module(tf.Module):
    """Functions that are called in every way that a tf.function can be."""

    Pair = collections.namedtuple("Pair", ["sum", "parts"])

    def __init__(self):
        super().__init__()
        self.w = tf.Variable(kernel(256, 256), name="d/kernel")

    @tf.function
    def polymorphic(self, x, scale=None):
        return x @ self.w if scale is None else x @ self.w * scale

    @tf.function
    def flagged(self, x, double=False):
        return x @ self.w * (2.0 if double else 1.0)

    @tf.function(input_signature=[spec(None, 256), {"b": spec(None, 256), "a": [spec(None, 256)]}])
    def nested(self, first, rest):
        parts = [first @ self.w, (rest["b"] @ self.w, rest["a"][0])]
        return self.Pair(first + rest["b"], parts)

    @tf.function(input_signature=[spec(None, 256)])
    def __call__(self, x):
        return tf.nn.relu(x @ self.w)

    @tf.function(input_signature=[])
    def nothing(self):
        return tf.reduce_sum(self.w)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("module")
    built = Module()
    flat, cube = spec(None, 256), spec(None, 3, 256)
    built.polymorphic.get_concrete_function(flat)
    built.polymorphic.get_concrete_function(cube, spec())
    for double in (False, True):
        built.flagged.get_concrete_function(flat, double=double)
    default = built.__call__.get_concrete_function()
    _, source = signatures(folder, built, serving_default=default)
    served = serve(folder, folder / "source", overrides={"d": "convert"})
    return source, served


CALLS = {
    "one way": lambda m: m.polymorphic(tf.constant(A)),
    "another way": lambda m: m.polymorphic(tf.constant(normal((2, 3, 256))), tf.constant(2.0)),
    "another way, by name": lambda m: m.polymorphic(
        x=tf.constant(normal((2, 3, 256))), scale=tf.constant(2.0)
    ),
    "with the default of a Python argument": lambda m: m.flagged(tf.constant(A)),
    "with a Python argument": lambda m: m.flagged(tf.constant(A), double=True),
    "with a Python argument in its place": lambda m: m.flagged(tf.constant(A), True),
    "nested": lambda m: m.nested(tf.constant(A), {"b": tf.constant(B), "a": [tf.constant(A)]}),
    "nested, by name": lambda m: m.nested(
        first=tf.constant(A), rest={"a": [tf.constant(A)], "b": tf.constant(B)}
    ),
    "the object itself": lambda m: m(tf.constant(A)),
    "nothing": lambda m: m.nothing(),
    "an array": lambda m: m.polymorphic(A),
}


@pytest.mark.parametrize("call", CALLS)
def test_functions_of_a_module(module, call):
    source, served = module
    assert "d" in served.converted
    assert_close(CALLS[call](served.loaded), CALLS[call](source))


def test_what_does_not_fit_is_refused_as_before(module):
    for each in (module[0], module[1].loaded):
        with pytest.raises(ValueError, match="Could not find matching concrete function"):
            each.polymorphic(tf.constant("text"))


def test_int8_is_for_endpoints_too(tmp_path):
    model, x = _list(keras)
    expected = np.asarray(thin(model)(x))
    data = {"z": normal((64, 256), 2), "a": normal((64, 256), 3)}
    served = serve(tmp_path, model, "int8", data)
    assert served.report["d"].precision == "int8"
    assert_close(served.loaded.serve(tensors(x)).numpy(), expected, INT8_BOUND)


def test_a_saved_model_of_tf_keras_is_called_as_before(tmp_path):
    """`model.save` writes an object with calls for training and for serving, by flags."""
    model, x = _one(tf_keras)
    thin(model).save(str(tmp_path / "source"), save_format="tf")
    source = tf.saved_model.load(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source")
    assert "d" in served.converted
    for arguments in ({}, {"training": False}):
        expected = source(tf.constant(x), **arguments)
        assert_close(served.loaded(tf.constant(x), **arguments), expected)
