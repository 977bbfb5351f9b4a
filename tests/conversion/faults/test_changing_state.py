"""State that changes while a model serves goes on changing, wherever it is.

Reported: with `self.n.assign_add(1)` inside `if`, `while` or `map_fn`, export succeeded and the
file could not be loaded.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from .models import BOTH, assert_close, function, kernel, normal, serve, spec, thin

pytestmark = pytest.mark.one_keras

X = normal((3, 256))


def _plainly(n, h):
    return h + n.assign_add(1.0)


def _in_if(n, h):
    return h + tf.cond(tf.reduce_sum(h) > -1e9, lambda: n.assign_add(1.0), n.read_value)


def _in_switch(n, h):
    branches = [lambda: n.assign_add(1.0), lambda: n.assign(7.0), n.read_value]
    return h + tf.switch_case(tf.cast(n, tf.int32) % 2, branches)


def _in_while(n, h):
    def step(i, h):
        return i + 1, h + n.assign_add(1.0)

    return tf.while_loop(lambda i, _: i < 3, step, (0, h))[1]


def _in_the_condition_of_while(n, h):
    return tf.while_loop(lambda _: n.assign_add(1.0) % 4.0 > 0.0, lambda h: [h * 1.5], [h])[0]


def _in_map_fn(n, h):
    return tf.map_fn(lambda row: row + n.assign_add(1.0), h)


def _in_scan(n, h):
    return tf.scan(lambda total, row: total + row * n.assign_add(1.0), h)


def _in_if_in_while(n, h):
    def step(i, h):
        return i + 1, _in_if(n, h)

    return tf.while_loop(lambda i, _: i < 2, step, (0, h))[1]


def _in_a_function(n, h):
    @tf.function
    def inner(h):
        return h * n.assign_add(1.0)

    return inner(h)


def _in_a_function_that_stays(n, h):
    @tf.function(experimental_attributes={"_noinline": True})
    def inner(h):
        return h * n.assign_add(1.0)

    return inner(h)


def _behind_a_control_dependency(n, h):
    with tf.control_dependencies([n.assign_add(1.0)]):
        return h + n.read_value()


def _unread(n, h):
    """Nothing that is returned depends on the change; the next call does."""
    before = tf.identity(n.read_value())
    n.assign_add(1.0)
    return h + before


CHANGES = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _plainly,
        _in_if,
        _in_switch,
        _in_while,
        _in_the_condition_of_while,
        _in_map_fn,
        _in_scan,
        _in_if_in_while,
        _in_a_function,
        _in_a_function_that_stays,
        _behind_a_control_dependency,
        _unread,
    )
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_counter(tmp_path, case):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    n = tf.Variable(2.0, name="n")

    def body(x):
        return {"y": CHANGES[case](n, tf.nn.relu(x @ w)), "n": n.read_value()}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w, n])
    served = serve(tmp_path, source.folder)
    assert served.converted == ["d"]
    counts = []
    for _ in range(3):
        expected = source(x=X)
        assert_close(served(x=X), expected)
        counts.append(float(expected["n"]))
    assert len(set(counts)) > 1, "the source should count"


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_calibration_does_not_count(tmp_path, precision):
    """Data run through the model to see ranges; what is saved is the state of the source."""
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    n = tf.Variable(5.0, name="n")

    def body(x):
        return {"y": x @ w, "n": n.assign_add(1.0)}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w, n])
    served = serve(tmp_path, source.folder, precision, normal((200, 256)))
    assert served.report["d"].converted
    assert [float(served(x=X)["n"]) for _ in range(2)] == [6.0, 7.0]


def test_calibration_does_not_fill_a_table(tmp_path):
    module = tf.Module()
    module.w = tf.Variable(kernel(256, 256), name="d/kernel")
    module.table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)
    keys = tf.constant([1, 2], tf.int64)
    module.table.insert(keys[:1], [5.0])

    @tf.function(input_signature=[spec(None, 256)])
    def count(x):
        module.table.insert(keys, module.table.lookup(keys) + 1.0)
        return {"y": x @ module.w, "n": module.table.lookup(keys)}

    tf.saved_model.save(module, str(tmp_path / "source"), {"serving_default": count})
    served = serve(tmp_path, tmp_path / "source", "int8", normal((200, 256)))
    assert served.report["d"].precision == "int8"
    assert [served(X)["n"].tolist() for _ in range(2)] == [[6.0, 1.0], [7.0, 2.0]]


def test_calibration_leaves_the_state_of_an_rnn(tmp_path):
    inputs = keras.Input(batch_shape=(3, 5, 16), name="x")
    hidden = keras.layers.LSTM(256, stateful=True)(inputs)
    model = thin(keras.Model(inputs, [keras.layers.Dense(256, name="d")(hidden), hidden]))
    model.export(str(tmp_path / "source"), verbose=False)
    source = tf.saved_model.load(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source", "int8", list(normal((4, 3, 5, 16))))
    assert served.report["d"].precision == "int8"
    x = normal((3, 5, 16), 1)
    expected = source.serve(tf.constant(x))
    # The products of the cell are INT8 as well.
    assert_close(served.loaded.serve(tf.constant(x))[1].numpy(), expected[1].numpy(), 0.02)


@BOTH
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_rnn(tmp_path, k, cell):
    inputs = k.Input(batch_shape=(3, 5, 16), name="x")
    hidden = getattr(k.layers, cell)(256, stateful=True, name="rnn")(inputs)
    model = thin(k.Model(inputs, k.layers.Dense(256, name="d")(hidden)))
    model.export(str(tmp_path / "source"))
    source = tf.saved_model.load(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source")
    assert served.report["d"].converted
    x = normal((3, 5, 16), 1)
    results = []
    for _ in range(3):
        expected = source.serve(tf.constant(x)).numpy()
        assert_close(served.loaded.serve(tf.constant(x)).numpy(), expected)
        results.append(expected)
    assert np.abs(results[0] - results[1]).max() > 1e-3, "the source should remember"


class Sampling(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(7)

    def call(self, mean):
        return mean + keras.random.normal(keras.ops.shape(mean), seed=self.seeds)


def _vae(layer):
    inputs = keras.Input((256,), name="x")
    mean = keras.layers.Dense(256, name="mean")(inputs)
    return thin(keras.Model(inputs, keras.layers.Dense(256, name="decoder")(layer(mean))))


def test_the_sampling_of_a_vae(tmp_path):
    model = _vae(Sampling())
    model.export(str(tmp_path / "source"), verbose=False)
    source = tf.saved_model.load(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source")
    assert served.converted == ["mean", "decoder"]
    results = [served.loaded.serve(tf.constant(X)).numpy() for _ in range(3)]
    for result in results:
        assert_close(result, source.serve(tf.constant(X)).numpy())
    assert np.abs(results[0] - results[1]).max() > 1e-3


class MonteCarloDropout(keras.layers.Dropout):
    def call(self, inputs):
        return super().call(inputs, training=True)


def test_dropout_that_samples(tmp_path):
    model = _vae(MonteCarloDropout(0.5, seed=3))
    model.export(str(tmp_path / "source"), verbose=False)
    source = tf.saved_model.load(str(tmp_path / "source"))
    served = serve(tmp_path, tmp_path / "source")
    assert served.converted == ["mean", "decoder"]
    results = [served.loaded.serve(tf.constant(X)).numpy() for _ in range(3)]
    for result in results:
        assert_close(result, source.serve(tf.constant(X)).numpy())
    assert np.abs(results[0] - results[1]).max() > 1e-3


RANDOM = {
    "an op of a fixed seed": lambda module, shape: tf.random.normal(shape, seed=5),
    "an op of a free seed": lambda module, shape: tf.random.normal(shape),
    "a generator": lambda module, shape: module.generator.normal(shape),
    "a generator in a loop": lambda module, shape: tf.while_loop(
        lambda i, _: i < 2,
        lambda i, _: (i + 1, module.generator.normal(shape)),
        (0, tf.zeros(shape)),
    )[1],
    "an op in map_fn": lambda module, shape: tf.map_fn(
        lambda _: tf.random.normal(shape[1:]), tf.zeros(shape)
    ),
}


@pytest.mark.parametrize("case", RANDOM)
def test_random_numbers_are_new_in_each_call(tmp_path, case):
    module = tf.Module()
    module.generator = tf.random.Generator.from_seed(3)
    w = tf.Variable(kernel(256, 256), name="d/kernel")

    def body(x):
        return {"y": x @ w, "noise": RANDOM[case](module, (400, 256))}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w, module.generator])
    served = serve(tmp_path, source.folder)
    assert served.converted == ["d"]
    one, two = served(x=X)["noise"], served(x=X)["noise"]
    assert_close(served(x=X)["y"], source(x=X)["y"])
    for noise in (one, two):
        assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.02


def test_random_numbers_of_a_seed_that_is_given(tmp_path):
    w = tf.Variable(kernel(256, 256), name="d/kernel")

    def body(x, seed):
        return {"y": x @ w + tf.random.stateless_normal((3, 256), seed)}

    inputs = {"x": spec(3, 256), "seed": spec(2, dtype=tf.int32)}
    source = function(tmp_path, body, inputs, [w])
    served = serve(tmp_path, source.folder)
    for seed in ([1, 2], [1, 3]):
        assert_close(served(x=X, seed=np.int32(seed)), source(x=X, seed=np.int32(seed)))
