import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.graph import node_name, tensor_name
from tfsparse.conversion.graph_view import CONTROL, GraphView

from .helpers import nodes, normal, read, spec, view_of


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
    (product,) = nodes(view.graph, "Mul")
    source, other = view.data_inputs(product)
    np.testing.assert_array_equal(view.constant(source), derive(weights).numpy())
    assert view.constant(other) is None


def test_random_numbers_are_not_constant(tmp_path):
    view = view_of(tmp_path, lambda x: {"y": x * tf.random.uniform([3])}, {"x": spec(None, 3)})
    random = next(node for node in view.nodes.values() if node.op == "RandomUniform")
    assert view.constant(f"{random.name}:0") is None


def test_an_output_and_a_tensor_read_twice_have_no_sole_reader(tmp_path):
    def function(x):
        once = tf.square(x)
        twice = tf.exp(once)
        return {"y": twice * tf.tanh(twice), "x": x}

    example = read(tmp_path, function, {"x": spec(None)})
    view = example.view
    names = {node.op: node.name for node in view.nodes.values()}
    assert view.sole_reader(f"{names['Square']}:0").node.op == "Exp"
    assert view.sole_reader(f"{names['Exp']}:0") is None
    assert view.sole_reader(example.output("y")) is None
    assert view.is_output(example.output("y"))


def test_an_output_in_the_middle_has_no_sole_reader(tmp_path):
    view = view_of(tmp_path, lambda x: {"y": tf.exp(tf.square(x))}, {"x": spec(None)})
    (square,) = nodes(view.graph, "Square")
    assert view.sole_reader(f"{square.name}:0") is not None
    view.graph.outputs = [f"{square.name}:0"]
    assert GraphView(view.graph, view.state).sole_reader(f"{square.name}:0") is None


def test_waiting_for_a_node_counts_as_reading_it(tmp_path):
    def function(x):
        square = tf.raw_ops.CheckNumerics(tensor=x, message="x")
        with tf.control_dependencies([tf.debugging.assert_less(square, 1e9)]):
            return {"y": tf.exp(square)}

    view = view_of(tmp_path, function, {"x": spec(None)})
    waited = [ref[1:] for node in view.nodes.values() for ref in node.input if ref[0] == "^"]
    assert waited
    for name in waited:
        assert CONTROL in {reader.index for reader in view.readers(f"{name}:0")}
        assert view.sole_reader(f"{name}:0") is None
