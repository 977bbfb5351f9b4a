"""A converted SavedModel serves in a process that knows neither Keras nor tfsparse."""

import keras
import numpy as np
import pytest

import tfsparse
from tests import processes
from tfsparse import ops

from .helpers import blocky, normal

SERVE = """
import sys
for absent in ("keras", "tf_keras", "tfsparse"):
    sys.modules[absent] = None  # importing it fails
import numpy as np
import tensorflow as tf

library, model, x, y = sys.argv[1:]
if library:
    tf.load_op_library(library)
signature = tf.saved_model.load(model).signatures["serving_default"]
((name, _),) = signature.structured_input_signature[1].items()
(result,) = signature(**{name: tf.constant(np.load(x))}).values()
np.save(y, result.numpy())
"""


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((24,), name="x")
    hidden = keras.layers.Dense(32, activation="relu", name="first")(inputs)
    built = keras.Model(inputs, keras.layers.Dense(5, name="second")(hidden))
    for index, name in enumerate(("first", "second")):
        kernel = built.get_layer(name).kernel
        kernel.assign(blocky(kernel.shape[1], kernel.shape[0], (4, 1), 0.4, seed=index).T)
    return built


def serve(folder, x, library):
    np.save(folder.parent / "x.npy", x)
    arguments = [library, folder, folder.parent / "x.npy", folder.parent / "y.npy"]
    return processes.run_code(SERVE, *arguments, timeout=120)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_new_process_gives_the_same_numbers(tmp_path, model, precision):
    x = normal((33, 24))
    overrides = {"first": "4x1", "second": "convert"}
    converted = tfsparse.convert(model, precision, x, overrides=overrides)
    converted.save(tmp_path / "1")
    run = serve(tmp_path / "1", x, ops.library_path())
    assert run.returncode == 0, run.stderr
    (expected,) = converted(x).values()
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_tensorflows_own_ops_need_no_library(tmp_path, model, precision):
    x = normal((33, 24))
    overrides = {"first": "4x1", "second": "convert"}
    ours = tfsparse.convert(model, precision, x, overrides=overrides)
    tfsparse.export(model, tmp_path / "1", precision, x, overrides=overrides, ops="tensorflow")
    run = serve(tmp_path / "1", x, "")
    assert run.returncode == 0, run.stderr
    (expected,) = ours(x).values()
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, atol=1e-4)


def test_without_the_library_tensorflow_names_the_op(tmp_path, model):
    tfsparse.export(model, tmp_path / "1", overrides={"first": "4x1"})
    run = serve(tmp_path / "1", normal((2, 24)), "")
    assert run.returncode != 0
    assert "Tfsparse>BlockSparseMatMul" in run.stderr
