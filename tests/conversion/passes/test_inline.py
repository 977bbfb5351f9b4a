import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.graph import Graph
from tfsparse.conversion.passes.inline import inline
from tfsparse.conversion.reading import run_graph

from ..helpers import nodes, normal, read, spec

W = normal((4, 4))


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}])
def test_a_function_with_a_product_is_inlined(tmp_path, options):
    @tf.function(**options)
    def inner(x):
        return tf.nn.relu(x @ W)

    example = read(tmp_path, lambda x: {"y": inner(inner(x))}, {"x": spec(None, 4)})
    assert len(nodes(example.graph, "MatMul")) == 2 and not example.graph.bodies
    x = normal((3, 4), 1)
    expected = np.maximum(np.maximum(x @ W, 0) @ W, 0)
    np.testing.assert_allclose(example(x=x)["y"], expected, rtol=1e-5)


def test_a_compiled_function_without_a_product_stays_a_call(tmp_path):
    inner = tf.function(lambda x: tf.exp(x) * 2.0, jit_compile=True)
    graph = read(tmp_path, lambda x: {"y": inner(x)}, {"x": spec(None, 4)}).graph
    calls = [node for node in graph.nodes.values() if node.op.endswith("PartitionedCall")]
    assert len(calls) == 1 and graph.bodies


def test_names_that_are_taken_already():
    """A scope may have the name of a call, and the function names that make way for its nodes."""
    with tf.Graph().as_default() as source:
        x = tf.compat.v1.placeholder(tf.float32, [2], "in")
        with tf.name_scope("PartitionedCall/"):
            shifted = tf.add(x, 100.0, name="x")

        @tf.function(autograph=False)
        def inner(a):
            b = tf.add(a, 1.0, name="x")
            return tf.multiply(b, 3.0, name="x_1") - b

        tf.add(inner(x), shifted, name="out")
    graph_def = source.as_graph_def()
    nodes_of = {node.name: node for node in graph_def.node}
    assert {"PartitionedCall", "PartitionedCall/x"} <= nodes_of.keys()
    graph = Graph(nodes_of, ["in"], ["out:0"])
    inline(graph, {each.signature.name: each for each in graph_def.library.function})
    run = tf.function(lambda x: run_graph(graph, [x], graph.outputs), autograph=False)
    np.testing.assert_array_equal(run(tf.constant([1.0, 2.0]))[0], [105.0, 108.0])


def test_effects_keep_their_order(tmp_path):
    count = tf.Variable(0.0)
    add = tf.function(lambda: count.assign_add(1.0))
    double = tf.function(lambda: count.assign(count * 2.0))

    def function(x):
        add()
        double()
        add()
        return {"y": x + count}

    example = read(tmp_path, function, {"x": spec()}, [count])
    zero = np.float32(0)
    assert [float(example(x=zero)["y"]) for _ in range(3)] == [3, 9, 21]
