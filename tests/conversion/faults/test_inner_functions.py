"""Products inside of loops, branches and inner functions are converted too.

Reported: an inner function with `jit_compile=True` or `noinline` was said to be "inside a loop or
branch". It is converted, or the report has the true reason.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.long_cases import some_of

from .models import INT8_BOUND, assert_close, function, kernel, normal, serve, serve_all, spec, thin

OPS = {
    "Tfsparse>BlockSparseMatMul",
    "Tfsparse>BlockSparseMatMulChain",
    "Tfsparse>QuantizedBlockSparseMatMul",
    "Tfsparse>QuantizedBlockSparseMatMulChain",
}
X = normal((3, 256))


def _while(x, w):
    body = lambda i, h: (i + 1, tf.nn.tanh(h @ w))  # noqa: E731
    return tf.while_loop(lambda i, _: i < 3, body, (0, x))[1]


def _while_with_a_limit(x, w):
    body = lambda i, h: (i + 1, tf.nn.tanh(h @ w))  # noqa: E731
    return tf.while_loop(lambda i, _: i < 9, body, (0, x), maximum_iterations=3)[1]


def _condition(x, w):
    """The product is in what decides whether a loop goes on."""
    going = lambda h: tf.reduce_sum(tf.abs(h @ w)) > 1.0  # noqa: E731
    return tf.while_loop(going, lambda h: [h * 0.3], [x])[0]


def _cond(x, w):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x @ w), lambda: x @ w)


def _case(x, w):
    branches = [lambda: x @ w, lambda: tf.nn.tanh(x @ w), lambda: x]
    return tf.switch_case(tf.cast(tf.shape(x)[0] % 3, tf.int32), branches)


def _map_fn(x, w):
    return tf.map_fn(lambda row: tf.nn.relu(row[None] @ w)[0], x)


def _vectorized_map(x, w):
    return tf.vectorized_map(lambda row: tf.linalg.matvec(w, row, transpose_a=True), x)


def _scan(x, w):
    return tf.scan(lambda h, row: tf.nn.tanh((h + row)[None] @ w)[0], x)


def _nested(x, w):
    body = lambda i, h: (i + 1, _cond(h, w))  # noqa: E731
    return tf.while_loop(lambda i, _: i < 2, body, (0, x))[1]


def _noinline(x, w):
    @tf.function(experimental_attributes={"_noinline": True})
    def inner(x):
        return tf.nn.relu(x @ w)

    return inner(x)


def _jit_compile(x, w):
    @tf.function(jit_compile=True)
    def inner(x):
        return tf.nn.relu(x @ w)

    return inner(x)


def _jit_compile_within(x, w):
    @tf.function(jit_compile=True)
    def inner(x):
        return tf.nn.relu(x @ w)

    @tf.function
    def middle(x):
        return inner(x) + 1.0

    return middle(x)


def _called_twice(x, w):
    """One inner function, two calls: each is right, with its own followers."""

    @tf.function(experimental_attributes={"_noinline": True})
    def inner(x):
        return x @ w

    return tf.nn.relu(inner(x)) + inner(inner(x))


def _custom_gradient(x, w):
    @tf.custom_gradient
    def product(x):
        def gradient(dy, variables=None):
            return tf.matmul(dy, w, transpose_b=True), [None] * len(variables or [])

        return x @ w, gradient

    return product(x)


CASES = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _while,
        _while_with_a_limit,
        _condition,
        _cond,
        _case,
        _map_fn,
        _vectorized_map,
        _scan,
        _nested,
        _noinline,
        _jit_compile,
        _jit_compile_within,
        _called_twice,
        _custom_gradient,
    )
}
PLAIN = (
    "while",
    "case",
    "map fn",
    "nested",
    "jit compile within",
    "called twice",
    "custom gradient",
)
CASE = pytest.mark.parametrize("case", some_of(CASES, PLAIN))


def _source(tmp_path, case):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    return function(tmp_path, lambda x: {"y": CASES[case](x, w)}, {"x": spec(None, 256)}, [w])


@CASE
def test_products_in_there_are_converted(tmp_path, case):
    source = _source(tmp_path, case)
    served = serve_all(tmp_path, source.folder)
    assert served.converted and set(served.converted) == {"d"} and not served.stayed
    assert OPS & set(served.ops()) and "MatMul" not in served.ops()
    for x in (X, -X, normal((1, 256), 5)):
        assert_close(served(x=x), source(x=x))


@CASE
def test_the_weights_are_in_the_file_once(tmp_path, case):
    source = _source(tmp_path, case)
    served = serve_all(tmp_path, source.folder)
    dense = 256 * 256 * 4
    assert served.bytes < 0.8 * dense  # a tenth of the weights, with their places, and the graphs


@CASE
def test_in_int8(tmp_path, case):
    source = _source(tmp_path, case)
    served = serve_all(tmp_path, source.folder, "int8", normal((100, 256), 1))
    for row in served.report:
        # Ranges that cannot be watched from outside are a reason, but it has to be the true one.
        assert row.converted or "calibrat" in row.reason
    if case == "condition":
        return  # one step more or less is no small difference
    assert_close(served(x=X), source(x=X), INT8_BOUND)


@CASE
def test_in_int8_with_ranges_of_each_call(tmp_path, case):
    source = _source(tmp_path, case)
    words = {"d": "convert"}
    served = serve(tmp_path, source.folder, "int8", activations="dynamic", overrides=words)
    assert served.converted and not served.stayed
    assert {row.precision for row in served.report} == {"int8"}
    if case == "condition":
        return
    assert_close(served(x=X), source(x=X), INT8_BOUND)


def test_a_weight_that_a_loop_carries_stays_with_the_reason(tmp_path):
    """The loop changes what it multiplies by, so that nothing is constant there."""
    w = tf.Variable(kernel(256, 256), name="d/kernel")

    def body(x):
        step = lambda i, h, v: (i + 1, tf.nn.tanh(h @ v), v * 0.5)  # noqa: E731
        return {"y": tf.while_loop(lambda i, *_: i < 2, step, (0, x, w.read_value()))[1]}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w])
    served = serve(tmp_path, source.folder)
    (row,) = served.report
    assert not row.converted and row.reason == "its weights are not constant"
    assert_close(served(x=X), source(x=X))


def test_a_weight_that_is_passed_unchanged_through_a_loop(tmp_path):
    w = tf.Variable(kernel(256, 256), name="d/kernel")

    def body(x):
        step = lambda i, h, v: (i + 1, tf.nn.tanh(h @ v), v)  # noqa: E731
        return {"y": tf.while_loop(lambda i, *_: i < 2, step, (0, x, w.read_value()))[1]}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w])
    served = serve(tmp_path, source.folder)
    assert_close(served(x=X), source(x=X))
    (row,) = served.report
    assert row.converted


@pytest.mark.parametrize("unroll", [False, True])
def test_the_products_of_an_rnn(tmp_path, unroll):
    """Its kernels are multiplied in a loop; its steps are converted as any other product is."""
    inputs = keras.Input((4, 256), name="x")
    rnn = keras.layers.SimpleRNN(256, unroll=unroll, name="rnn")
    model = thin(keras.Model(inputs, keras.layers.Dense(256, name="d")(rnn(inputs))))
    served = serve_all(tmp_path, model)
    assert "d" in served.converted and not served.stayed
    x = normal((3, 4, 256))
    assert_close(served.only(x), np.asarray(model(x)))


def test_a_jit_compiled_keras_model(tmp_path):
    layers = [keras.layers.Input((256,)), keras.layers.Dense(256, "relu", name="d")]
    model = thin(keras.Sequential(layers))
    model.compile(jit_compile=True)
    model.predict(X, verbose=0)
    served = serve_all(tmp_path, model)
    assert served.converted == ["d"]
    assert_close(served.only(X), np.asarray(model(X)))
