"""A conversion changes nothing of the process that it runs in, from however many threads.

Reported: after `convert` from several threads at once, `sys.stdout` was a dead StringIO.
"""

import concurrent.futures
import gc
import logging
import os
import pathlib
import sys
import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.python.eager import context

import tfsparse

from ..helpers import save, spec
from .models import assert_close, kernel, normal, thin

pytestmark = pytest.mark.one_keras

X = normal((3, 256))
BUILDERS = {"keras3": keras, "tf_keras": tf_keras}


def _model(k, seed=0):
    layers = [k.layers.Input((256,)), k.layers.Dense(256, "relu", name=f"d{seed}")]
    return thin(k.Sequential(layers))


def _state():
    return {
        "stdout": sys.stdout,
        "stderr": sys.stderr,
        "folder": pathlib.Path.cwd(),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "tensorflow's log": tf.get_logger().level,
        "log": logging.getLogger().level,
        "log of absl": logging.getLogger("absl").level,
        "handlers": list(logging.getLogger().handlers),
        "errors of NumPy": np.geterr(),
        "random numbers of NumPy": np.random.get_state()[1].tolist(),
        "policy": keras.config.dtype_policy().name,
        "float": keras.config.floatx(),
        "eager": tf.executing_eagerly(),
        "functions run eagerly": tf.config.functions_run_eagerly(),
        "optimizer": tf.config.optimizer.get_experimental_options(),
        "threads": threading.active_count(),
    }


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("k", BUILDERS)
def test_one_conversion(tmp_path, k, precision):
    model = _model(BUILDERS[k])
    tfsparse.export(model, tmp_path / "0", precision, X)  # what is made once in a process is there
    before = _state()
    tfsparse.export(model, tmp_path / "1", precision, X)
    assert _state() == before


@pytest.mark.parametrize("k", BUILDERS)
def test_conversions_in_threads(tmp_path, k):
    models = [_model(BUILDERS[k], seed) for seed in range(4)]
    expected = [np.asarray(model(X)) for model in models]
    for place, model in enumerate(models):
        model.export(str(tmp_path / f"source{place}"))
    before = {name: _state()[name] for name in ("stdout", "stderr", "warnings", "environment")}
    seen = []
    stop = threading.Event()

    def watch():
        while not stop.wait(0.001):
            seen.append(sys.stdout)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            sources = [tmp_path / f"source{place}" for place in range(4)]
            folders = [tmp_path / str(place) for place in range(4)]
            reports = list(pool.map(tfsparse.export, sources, folders))
    finally:
        stop.set()
        watcher.join()
    after = {name: _state()[name] for name in before}
    assert after == before
    assert seen and all(each is before["stdout"] for each in seen), "it was another for a while"
    for place, report in enumerate(reports):
        assert [row.converted for row in report] == [True]
        loaded = tf.saved_model.load(str(tmp_path / str(place)))
        assert_close(loaded.serve(tf.constant(X)).numpy(), expected[place])


@pytest.mark.parametrize("k", BUILDERS)
def test_models_of_keras_in_threads(k):
    """Keras itself exports them, one at a time or not; nothing of the process may suffer."""
    models = [_model(BUILDERS[k], seed) for seed in range(3)]
    expected = [np.asarray(model(X)) for model in models]
    before = sys.stdout
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        converted = list(pool.map(tfsparse.convert, models))
    assert sys.stdout is before
    for each, wanted in zip(converted, expected, strict=True):
        (result,) = each(X).values()
        assert_close(result.numpy(), wanted)


def test_nothing_is_said_of_a_folder_that_nobody_asked_for(tmp_path, capfd):
    """Keras prints where it has exported to; that is a scratch folder of ours."""
    tfsparse.export(_model(keras), tmp_path / "1")
    assert "Saved artifact" not in capfd.readouterr().out


def test_the_model_is_left_as_it_was(tmp_path):
    model = _model(keras)
    model.compile("adam", "mse")
    names = [weight.path for weight in model.weights]
    values = [weight.numpy() for weight in model.weights]
    tfsparse.export(model, tmp_path / "1", "int8", X)
    assert [weight.path for weight in model.weights] == names
    for weight, value in zip(model.weights, values, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    model.fit(X, X, epochs=1, verbose=0)


def _names_of_functions():
    return set(context.context().list_function_names())


def test_a_conversion_that_is_repeated_leaves_no_more_functions(tmp_path):
    """TensorFlow forgets no function that it was told of, such as the body of a loop."""
    weights = tf.Variable(kernel(8, 8))

    def function(x):
        shapes = (tf.TensorShape(()), tf.TensorShape((None, 8)))
        step = lambda i, h: (i + 1, tf.nn.relu(h @ weights))  # noqa: E731
        return {"y": tf.while_loop(lambda i, h: i < 3, step, (0, x), shapes)[1]}

    save(tmp_path / "m", function, {"x": spec(None, 8)}, [weights])
    left = []
    for _ in range(3):
        tfsparse.convert(tmp_path / "m")
        gc.collect()
        left.append(_names_of_functions())
    assert left[2] <= left[1]
    assert any("body" in name for name in left[0])
