"""Calls of which one argument, mask or weight sees the order of channels."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.rearrangement import rearrange as module

from .test_rearrange import randomized

pytestmark = pytest.mark.one_keras


def outcome(model, pattern="2x1"):
    """What was said, or the message of the refusal; outputs are the same either way."""
    rng = np.random.default_rng(1)
    x = [rng.standard_normal([d or 3 for d in t.shape]).astype("float32") for t in model.inputs]
    x = x[0] if len(x) == 1 else x
    before = np.asarray(model(x))
    try:
        said = tfsparse.rearrange(model, pattern, 0.5)
    except ValueError as error:
        assert "order can be undone" in str(error)
        said = str(error)
    np.testing.assert_allclose(model(x), before, rtol=1e-3, atol=1e-4 * np.abs(before).max())
    return said


def between(keras, function, shape=(8,), **options):
    """A dense layer, a function of its result, and a dense layer."""
    x = keras.Input(shape, **options)
    h = function(keras.layers.Dense(8, name="first")(x))
    return randomized(keras.Model(x, keras.layers.Dense(3, name="last")(h)))


NUMBERS = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda h: h * NUMBERS,
        lambda h: h + tuple(NUMBERS),
        lambda h: NUMBERS - h,
        lambda h: tf.math.multiply(h, NUMBERS),
        lambda h: tf.math.add(x=h, y=NUMBERS),
        lambda h: h * np.float32(NUMBERS),
        lambda h: h * tf.constant(NUMBERS),
    ],
)
def test_a_constant_with_a_number_for_each_channel_is_seen(function):
    assert "is given what is no" in outcome(between(importlib.import_module("tf_keras"), function))


def test_a_constant_array_is_seen_by_a_bare_operation():
    keras = importlib.import_module("keras")
    assert "is given what" in outcome(between(keras, lambda h: h * np.float32(NUMBERS)))
    ones = np.ones((2, 3), "float32")
    model = between(
        keras,
        lambda h: keras.ops.concatenate([h, ones], axis=-1),
        shape=None,
        batch_shape=(2, 8),
    )
    assert "is given what" in outcome(model)


@pytest.mark.parametrize(
    "function", [lambda h: h * 2.0, lambda h: 1.0 + h, lambda h: h - np.float32(1)]
)
def test_one_number_is_the_same_for_all_channels(keras, function):
    assert "first" in outcome(between(keras, function)).gains


def test_channels_of_a_size_that_is_open_are_not_added(keras):
    x, other = keras.Input((8,)), keras.Input((None,))
    h = keras.layers.Add(name="add")([keras.layers.Dense(8, name="first")(x), other])
    h = keras.layers.Reshape((8,))(h)
    model = randomized(keras.Model([x, other], keras.layers.Dense(3, name="last")(h)))
    with pytest.raises(ValueError, match="first: 'add' adds channels"):
        tfsparse.rearrange(model, "2x1")


def masked(keras, mask=None):
    x = keras.Input((8, 6))
    h = keras.layers.Dense(8, name="embed")(x)
    made = keras.layers.Dense(8, "relu", name="mask")(x) if mask is None else mask
    h = keras.layers.MultiHeadAttention(2, 4, name="attention")(h, h, attention_mask=made)
    return randomized(keras.Model(x, keras.layers.Dense(3, name="last")(h)))


def test_what_attention_takes_as_a_mask_stays(keras):
    said = outcome(masked(keras))
    assert said.reasons["mask"] == "'attention' takes them as a mask"
    assert {"embed", "attention/attention_output"} <= set(said.gains)


def test_a_constant_mask_has_no_channels(keras):
    said = outcome(masked(keras, np.tril(np.ones((1, 8, 8)))))
    assert {"embed", "attention/attention_output"} <= set(said.gains)


def test_what_an_embedding_looks_up_stays(keras):
    x = keras.Input((6,))
    ids = keras.layers.Dense(8, "sigmoid", name="ids")(x)
    h = keras.layers.Embedding(2, 4)(ids)
    h = keras.layers.Dense(8, name="inner")(h)
    said = outcome(randomized(keras.Model(x, keras.layers.Dense(3, name="last")(h))))
    assert "looks them up" in said.reasons["ids"]


def test_attention_that_is_called_with_other_arguments(keras):
    x = keras.Input((5, 6))
    shared = keras.layers.MultiHeadAttention(2, 4, name="shared")
    h = keras.layers.Dense(6, name="first")(x)
    other = keras.layers.Dense(6, name="second")(x)
    y = shared(h, value=other)
    y = shared(key=other, query=y, value=h)
    y = shared(y, y)
    outcome(randomized(keras.Model(x, keras.layers.Dense(3, name="last")(y))))


def test_roles_are_joined_by_name_and_not_by_place(keras):
    x = keras.Input((5, 6))
    shared = keras.layers.MultiHeadAttention(2, 4, name="shared")
    sizes = {"query": 8, "value": 8, "key": 4}
    q, v, k = (keras.layers.Dense(size, name=name)(x) for name, size in sizes.items())
    y = shared(query=q, key=k, value=v) + shared(q, v, key=k) + shared(q, value=v, key=k)
    said = outcome(randomized(keras.Model(x, keras.layers.Dense(3, name="last")(y))))
    assert "called with channels" not in str(said)
    assert {"query", "value"} <= set(said.gains)


def test_attention_whose_result_has_several_axes(keras):
    layer = keras.layers.MultiHeadAttention(2, 4, output_shape=(4, 8), name="attention")
    outcome(between(keras, lambda h: layer(h, h), (5, 6)))


@pytest.mark.parametrize("axes", ["b", "d", "bd", None])
def test_biases_of_einsum_along_any_axes(keras, axes):
    inner = keras.layers.EinsumDense("abc,cd->abd", (5, 8), bias_axes=axes, name="inner")
    assert {"first", "inner"} <= set(outcome(between(keras, inner, (5, 6))).gains)


def test_nested_models_are_called_by_name(keras):
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    dense = keras.layers.Dense
    y = keras.layers.Concatenate()([dense(4)(a), dense(4)(b)])
    inner = keras.Model([b, a], y, name="inner")
    x = keras.Input((6,))
    h = inner({"a": dense(8, name="x")(x), "b": dense(8, name="y")(x)})
    assert "'inner' is called with names" in str(outcome(randomized(keras.Model(x, dense(3)(h)))))


@pytest.mark.parametrize("change", ["lora", "int8"])
def test_attention_that_keras_has_changed_inside(change):
    keras = importlib.import_module("keras")
    layer = keras.layers.MultiHeadAttention(2, 4, name="attention")
    model = between(keras, lambda h: layer(h, h), (5, 6))
    if change == "lora":
        layer._query_dense.enable_lora(2)
    else:
        layer._output_dense.quantize("int8")
    assert "of 'attention': its kernel is" in outcome(model)


def test_a_failure_leaves_the_model_as_it_was(keras, monkeypatch):
    model = between(keras, keras.layers.BatchNormalization())
    before = model.get_weights()

    class Interrupted:
        def __init__(self, variable):
            self.variable, self.calls = variable, 0

        def numpy(self):
            return self.variable.numpy()

        def assign(self, value):
            self.calls += 1
            self.variable.assign(value)
            if self.calls == 1:
                raise KeyboardInterrupt

    found = module.rearranged

    def second_fails(uses, orders):
        values = found(uses, orders)
        assert len(values) > 2
        return [(Interrupted(v) if n == 1 else v, new) for n, (v, new) in enumerate(values)]

    monkeypatch.setattr(module, "rearranged", second_fails)
    with pytest.raises(KeyboardInterrupt):
        tfsparse.rearrange(model, "2x1")
    for now, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, was)
