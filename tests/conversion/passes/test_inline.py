import numpy as np
import pytest
import tensorflow as tf

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
