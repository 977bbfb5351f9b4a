import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.freezing import freeze
from tfsparse.conversion.graph_view import CONTROL, GraphView, node_name, tensor_name

from .helpers import nodes, normal, save, spec, view_of


def test_names():
    assert tensor_name("a/b") == "a/b:0"
    assert tensor_name("a/b:1") == "a/b:1"
    assert node_name("^a/b") == node_name("a/b:1") == "a/b"


@pytest.mark.parametrize(
    "derive",
    [
        lambda v: v,
        tf.identity,
        tf.transpose,
        lambda v: tf.cast(tf.cast(v, tf.float16), tf.float32),
        lambda v: tf.reshape(v, [4, 3]),
        lambda v: tf.where(v > 0, v, 0.0),
    ],
    ids=["variable", "identity", "transpose", "cast", "reshape", "masked"],
)
def test_what_is_derived_from_constants_is_constant(tmp_path, derive):
    weights = tf.Variable(normal((3, 4)))
    view = view_of(
        tmp_path, lambda x: {"y": derive(weights) * x}, {"x": spec(dtype=tf.float32)}, [weights]
    )
    (product,) = nodes(view.graph.graph_def, "Mul")
    source, other = view.data_inputs(product)
    np.testing.assert_array_equal(view.constant(source), derive(weights).numpy())
    assert view.constant(other) is None


def test_random_numbers_are_not_constant(tmp_path):
    view = view_of(tmp_path, lambda x: {"y": x * tf.random.uniform([3])}, {"x": spec(None, 3)})
    random = next(node for node in view.graph.graph_def.node if node.op == "RandomUniform")
    assert view.constant(f"{random.name}:0") is None


def test_an_output_and_a_tensor_read_twice_have_no_sole_reader(tmp_path):
    def function(x):
        once = tf.square(x)
        twice = tf.exp(once)
        return {"y": twice * tf.tanh(twice), "x": x}

    view = view_of(tmp_path, function, {"x": spec(None)})
    names = {node.op: node.name for node in view.graph.graph_def.node}
    assert view.sole_reader(f"{names['Square']}:0").node.op == "Exp"
    assert view.sole_reader(f"{names['Exp']}:0") is None
    assert view.sole_reader(view.graph.outputs["y"]) is None
    assert view.is_output(view.graph.outputs["y"])


def test_an_output_in_the_middle_has_no_sole_reader(tmp_path):
    view = view_of(tmp_path, lambda x: {"y": tf.exp(tf.square(x))}, {"x": spec(None)})
    (square,) = nodes(view.graph.graph_def, "Square")
    assert view.sole_reader(f"{square.name}:0") is not None
    returned = dataclasses.replace(view.graph, outputs={"y": f"{square.name}:0"})
    assert GraphView(returned).sole_reader(f"{square.name}:0") is None


def test_waiting_for_a_node_counts_as_reading_it(tmp_path):
    def function(x):
        square = tf.square(x)
        with tf.control_dependencies([square]):
            tf.print("done")
        return {"y": tf.exp(square)}

    loaded = tf.saved_model.load(str(save(tmp_path, function, {"x": spec(None)})))
    view = GraphView(freeze(loaded.signatures["serving_default"]))
    (square,) = nodes(view.graph.graph_def, "Square")
    assert {reader.index for reader in view.readers(f"{square.name}:0")} == {0, CONTROL}
    assert view.sole_reader(f"{square.name}:0") is None
