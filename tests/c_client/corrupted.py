"""Models with one thing changed, the changes, and how they should be refused.

A change is a function of a `Corrupted` model.
"""

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.op_interface import CHAIN_OF, OF_LAST, OUR_OPS, PER_LAYER

from .client import INVALID_ARGUMENT, read_saved_model, serve_in_python

LAYERS = 2
"""Of a chain."""

LARGEST, LEAST = 2**31 - 1, -(2**31)

INPUTS = {op: ("x", *per_layer, *OF_LAST[op]) for op, per_layer in PER_LAYER.items()} | {
    chain: ("x", *(name for name in PER_LAYER[op] for _ in range(LAYERS)), *OF_LAST[op])
    for op, chain in CHAIN_OF.items()
}
"""Names of the inputs of an op in their order."""


@functools.cache
def _first_weights(folder):
    weights = tf.saved_model.load(str(folder)).tfsparse_weights
    return {name: weights[place].numpy() for place, name in enumerate(("data", "indices"))}


class Corrupted:
    """A copy of a SavedModel whose op of ours is changed before it is written.

    The op is a chain of two layers, whose inputs per layer are those of the first one, or any other
    op. Packed weights that it reads from variables become constants.
    """

    def __init__(self, source, target, is_op=lambda node: node.op.startswith(OUR_OPS)):
        shutil.copytree(source, target)
        self._file = Path(target) / "saved_model.pb"
        self._model = read_saved_model(target)
        functions = self._model.meta_graphs[0].graph_def.library.function
        self._function, self.node = next(
            (function, node) for function in functions for node in function.node_def if is_op(node)
        )
        has_blocks = "data" in INPUTS.get(self.node.op, ())
        if has_blocks and self._source("data").op == "ReadVariableOp":
            for name, value in _first_weights(source).items():
                self._make_constant(name, value)
        # A note for TensorFlow's importer, which would find a contradiction before our op does.
        self.node.attr.pop("_output_shapes", None)

    def _make_constant(self, name, value):
        node = self._source(name)
        assert node.op == "ReadVariableOp"
        node.op = "Const"
        del node.input[:]
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        node.attr.pop("_output_shapes", None)
        for reader in self._function.node_def:
            for place, reference in enumerate(reader.input):
                if reference == f"{node.name}:value:0":
                    reader.input[place] = f"{node.name}:output:0"

    def _source(self, name):
        place = INPUTS[self.node.op].index(name)
        source = self.node.input[place].split(":")[0]
        (node,) = [node for node in self._function.node_def if node.name == source]
        return node

    def constant(self, name):
        """The node that holds an input of the op."""
        node = self._source(name)
        assert node.op == "Const"
        return node

    def __getitem__(self, name):
        """An input of the op as an array."""
        return tf.make_ndarray(self.constant(name).attr["value"].tensor).copy()

    def __setitem__(self, name, value):
        node = self.constant(name)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        node.attr["dtype"].type = node.attr["value"].tensor.dtype
        node.attr.pop("_output_shapes", None)

    def claim_shape(self, name, *shape):
        """An input without elements, of a shape that NumPy would not hold."""
        self[name] = np.zeros(0, self[name].dtype)
        proto = self.constant(name).attr["value"].tensor.tensor_shape
        proto.ClearField("dim")
        for size in shape:
            proto.dim.add(size=size)

    def write(self):
        self._file.write_bytes(self._model.SerializeToString())


# Changes.


def put(name, place, value):
    """Writes one element of an array."""

    def change(model):
        array = model[name]
        array.flat[place] = value
        model[name] = array

    return change


def replace(name, make):
    """Puts make(array) in the place of an array."""

    def change(model):
        model[name] = make(model[name])

    return change


def attribute(name, value):
    """Writes an attribute of the op."""

    def change(model):
        model.node.attr[name].CopyFrom(value)

    return change


def listed(**values):
    return tf.compat.v1.AttrValue(list=tf.compat.v1.AttrValue.ListValue(**values))


def claim(name, *shape):
    return lambda model: model.claim_shape(name, *shape)


def cut_content(model):
    """A constant whose bytes are fewer than its shape says."""
    tensor = model.constant("indices").attr["value"].tensor
    tensor.tensor_content = tensor.tensor_content[:-4]


def no_blocks_of(*block):
    """No stored block at all, but blocks of an impossible shape."""

    def change(model):
        model.claim_shape("data", 0, *block)
        model["indices"] = np.zeros(0, np.int32)
        model["indptr"] = np.zeros_like(model["indptr"])

    return change


def cut(array):
    return array[:-1]


def appended(array):
    return np.append(array, array[-1:], axis=0)


# The answers.


def write_all(cases, folder):
    """Writes a model for each of ``name -> (source, change, is_op)``; gives name to folder."""
    written = {}
    for number, (name, (source, change, *is_op)) in enumerate(cases.items()):
        written[name] = folder / f"model{number}"
        model = Corrupted(source, written[name], *is_op)
        change(model)
        model.write()
    return written


def selected(request, parameter):
    """Values of a parameter in the tests of this module that will run."""
    items = [item for item in request.session.items if item.path == request.path]
    calls = [item.callspec.params for item in items if hasattr(item, "callspec")]
    return list(dict.fromkeys(call[parameter] for call in calls if parameter in call))


def require_python_refuses(folder, x):
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)) as raised:
        serve_in_python(folder, x)
    if not isinstance(raised.value, tf.errors.InvalidArgumentError):
        # What TensorFlow finds while it imports a graph, it raises again as a ValueError.
        assert isinstance(raised.value.__context__, tf.errors.InvalidArgumentError)


def require_refused(served):
    """Of a `Served`: an error, and neither an answer nor the end of the process."""
    assert served.said.startswith("error "), served.said
    assert INVALID_ARGUMENT in served.said
