"""Small graphs and models that the tests of the conversion share."""

import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph import Graph
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.model_graphs import ModelGraphs
from tfsparse.conversion.source import load_source

INT8_OP = "Tfsparse>QuantizedBlockSparseMatMul"
FLOAT_OP = "Tfsparse>BlockSparseMatMul"
INT8_CONV_OP = "Tfsparse>QuantizedBlockSparseConv2D"
FLOAT_CONV_OP = "Tfsparse>BlockSparseConv2D"
INT8_CHAIN = "Tfsparse>QuantizedBlockSparseMatMulChain"
FLOAT_CHAIN = "Tfsparse>BlockSparseMatMulChain"


def normal(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def blocky(out, in_, block, keep, seed=0):
    """A matrix (out, in) of which about the share `keep` of the blocks holds non-zeros."""
    rng = np.random.default_rng(seed)
    rows, columns = -(-out // block[0]), -(-in_ // block[1])
    mask = np.kron(rng.random((rows, columns)) < keep, np.ones(block))[:out, :in_]
    return (normal((out, in_), seed) * mask).astype(np.float32)


def spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype)


def save(path, function, inputs, variables=(), signature="serving_default"):
    """Saves a function of named inputs as a SavedModel with one signature."""
    module = tf.Module()
    module.kept = list(variables)
    concrete = tf.function(function, autograph=False).get_concrete_function(
        **{key: tf.TensorSpec(s.shape, s.dtype, name=key) for key, s in inputs.items()}
    )
    tf.saved_model.save(module, str(path), signatures={signature: concrete})
    return path


class Example:
    """A function as conversion reads it, by way of a SavedModel."""

    def __init__(self, path):
        self.graphs = ModelGraphs(load_source(path, signatures=["serving_default"]))
        (self.function,) = self.graphs.functions
        self.graph, self.state = self.function.graph, self.graphs.state

    @property
    def view(self):
        return Views(self.state).of(self.graph)

    def output(self, key):
        """Name of the tensor that is returned under a key."""
        keys = sorted(self.function.entries[0].function.structured_outputs)
        return self.graph.outputs[keys.index(key)]

    def __call__(self, **inputs):
        (converted,) = self.graphs.rebuilt().values()
        tensors = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in converted(**tensors).items()}


def read(path, function, inputs, variables=()):
    """Reads a function of named inputs."""
    return Example(save(path, function, inputs, variables))


def view_of(path, function, inputs, variables=()):
    return read(path, function, inputs, variables).view


def nodes(graph, op):
    """Nodes of a `Graph` or a GraphDef of one op."""
    every = graph.nodes.values() if isinstance(graph, Graph) else graph.node
    return [node for node in every if node.op == op]


def constants(graph_def):
    return {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in graph_def.node
        if node.op == "Const"
    }


def dtype_of(node, attr):
    return tf.as_dtype(node.attr[attr].type)


def float_bound(x, kernel):
    """Error of a float32 dot product in any order: depth * eps * sum of magnitudes."""
    depth = kernel.shape[0]
    magnitudes = np.abs(x).reshape(-1, depth) @ np.abs(kernel)
    return 2 * (depth + 2) * np.finfo(np.float32).eps * (magnitudes.max() + 1.0)
