"""Models of the tests of faults, and the way each of them takes: convert, save, load, compare."""

import dataclasses
import textwrap
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tests import processes

from ..helpers import blocky, normal, save, spec

BOTH = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras3", "tf_keras"])

FP32_BOUND = 1e-5
"""Greatest difference to the source in FP32, relative to its greatest output."""

INT8_BOUND = 0.05
"""The same in INT8, for at most three layers and activations whose range was calibrated."""

NOT_CONSTANT = "its weights are not constant"

BF16_BOUND = 0.02
"""The same in bfloat16, and for models that compute in half precision themselves."""


def kernel(in_, out, seed=0):
    """A kernel (in, out) that is worth converting: nine of ten 4x1 blocks are zero.

    Its seeds are others than those of activations, which could resemble it otherwise.
    """
    blocks = blocky(out, in_, (4, 1), 0.1, 1000 + seed)
    return blocks.T.copy() / np.float32(np.sqrt(0.1 * in_))


def thin(model):
    """Gives a Keras model such kernels, and everything else values that are not the first ones."""
    variables = [each for each in model.weights if hasattr(each, "assign")]
    for seed, variable in enumerate(variables):
        name = getattr(variable, "path", variable.name).split("/")[-1].split(":")[0]
        shape = tuple(variable.shape)
        if name in ("kernel", "recurrent_kernel") and len(shape) > 1:
            rows = int(np.prod(shape[:-1]))
            variable.assign(kernel(rows, shape[-1], seed).reshape(shape))
        elif name in ("gamma", "moving_variance"):
            variable.assign(np.random.default_rng(seed).uniform(0.5, 1.5, shape))
        elif name in ("beta", "bias", "moving_mean", "embeddings"):
            variable.assign(0.3 * normal(shape, seed))
    return model


@dataclasses.dataclass
class Served:
    """A converted model that was saved and loaded again, as a server has it."""

    report: Any
    loaded: Any
    folder: Any

    def __call__(self, *args, signature="serving_default", **inputs):
        function = self.loaded.signatures[signature]
        if args:
            ((name, _),) = function.structured_input_signature[1].items()
            inputs = {name: args[0]}
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in function(**tensors).items()}

    def only(self, *args, **inputs):
        (value,) = self(*args, **inputs).values()
        return value

    @property
    def converted(self):
        return [row.layer for row in self.report if row.converted]

    @property
    def stayed(self):
        """Products by a constant that stayed; attention has others, of two activations."""
        rows = [row for row in self.report if not row.converted]
        return {row.layer: row.reason for row in rows if row.reason != NOT_CONSTANT}

    @property
    def bytes(self):
        """Size of the SavedModel: of its graphs, its variables, and its assets."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def ops(self, signature="serving_default"):
        """Names of the ops that a signature runs, with those of the functions that it calls."""
        return ops_of(self.loaded.signatures[signature])


def ops_of(function):
    graph_def = function.graph.as_graph_def()
    nodes = list(graph_def.node)
    for each in graph_def.library.function:
        nodes += each.node_def
    return [node.op for node in nodes]


def serve(tmp_path, source, precision="fp32", data=None, **options):
    """Converts, saves and loads."""
    folder = tmp_path / "converted"
    report = tfsparse.export(source, folder, precision, data, **options)
    return Served(report, tf.saved_model.load(str(folder)), folder)


def serve_all(tmp_path, source, precision="fp32", data=None, **options):
    """The same with every layer converted that can be, whatever the cost model predicts."""
    rows = tfsparse.convert(source).report
    overrides = {
        row.layer: "convert"
        for row in rows
        if row.converted or row.reason.startswith("predicted no faster")
    }
    return serve(tmp_path, source, precision, data, overrides=overrides, **options)


@dataclasses.dataclass
class Function:
    """A function of named inputs as a SavedModel, with the answers of that."""

    folder: Any
    signature: Any
    loaded: Any

    def __call__(self, **inputs):
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in self.signature(**tensors).items()}


def function(tmp_path, body, inputs, variables=()):
    """Saves a function and loads it: the source of a conversion."""
    folder = save(tmp_path / "source", body, inputs, variables)
    loaded = tf.saved_model.load(str(folder))
    return Function(folder, loaded.signatures["serving_default"], loaded)


def signatures(tmp_path, module, **functions):
    """Saves a module with several signatures and loads it."""
    folder = tmp_path / "source"
    tf.saved_model.save(module, str(folder), signatures=functions)
    return folder, tf.saved_model.load(str(folder))


def run_child(code, *arguments):
    """Runs Python code in a new process, which finds this package; returns what it prints."""
    done = processes.run_code(textwrap.dedent(code), *arguments, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def served_elsewhere(folder, tmp_path, **inputs):
    """What the default signature answers in a process that has never seen the model."""
    code = """
        import sys
        import numpy as np
        import tensorflow as tf
        import tfsparse
        folder, inputs, outputs = sys.argv[1:]
        function = tf.saved_model.load(folder).signatures["serving_default"]
        fed = {name: tf.constant(value) for name, value in np.load(inputs).items()}
        np.savez(outputs, **{name: value.numpy() for name, value in function(**fed).items()})
        """
    np.savez(tmp_path / "inputs.npz", **inputs)
    run_child(code, folder, tmp_path / "inputs.npz", tmp_path / "outputs.npz")
    return dict(np.load(tmp_path / "outputs.npz"))


def assert_close(result, expected, bound=FP32_BOUND):
    """Compares whole structures; `bound` is relative to the greatest magnitude of each output."""
    tf.nest.assert_same_structure(result, expected)
    pairs = zip(tf.nest.flatten(result), tf.nest.flatten(expected), strict=True)
    for one, other in pairs:
        one, other = np.asarray(one), np.asarray(other)
        assert one.shape == other.shape and one.dtype == other.dtype
        if one.dtype.kind not in "fV":
            np.testing.assert_array_equal(one, other)
            continue
        one, other = one.astype(np.float64), other.astype(np.float64)
        largest = np.abs(other).max(initial=0)
        assert largest > 0 or not other.size, "outputs that are all zero tell nothing"
        np.testing.assert_allclose(one, other, atol=bound * largest, rtol=0)


__all__ = [
    "BF16_BOUND",
    "BOTH",
    "FP32_BOUND",
    "INT8_BOUND",
    "Function",
    "Served",
    "assert_close",
    "function",
    "kernel",
    "normal",
    "ops_of",
    "run_child",
    "serve",
    "serve_all",
    "served_elsewhere",
    "signatures",
    "spec",
    "thin",
]
