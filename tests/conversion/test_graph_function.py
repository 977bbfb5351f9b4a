import numpy as np
import tensorflow as tf

from tfsparse.conversion.graph_function import graph_function

from .helpers import frozen, normal, spec


def test_names_shapes_and_types_are_those_of_the_signature(tmp_path):
    def function(ids, x):
        return {"sum": tf.reduce_sum(x, axis=-1), "ids": ids + 1}

    graph = frozen(tmp_path, function, {"ids": spec(None, dtype=tf.int64), "x": spec(None, 5)})
    call = graph_function(graph)
    inputs = call.structured_input_signature[1]
    assert inputs["ids"] == tf.TensorSpec([None], tf.int64, "ids")
    assert inputs["x"] == tf.TensorSpec([None, 5], tf.float32, "x")
    assert call.structured_outputs["sum"].shape.as_list() == [None]
    assert call.structured_outputs["ids"].dtype == tf.int64


def test_declared_shapes_survive_where_the_graph_infers_none(tmp_path):
    def function(x, count):
        result = tf.reshape(x, [count, -1])
        result.set_shape([None, 6])
        return {"y": result}

    inputs = {"x": spec(None, 6), "count": spec(dtype=tf.int32)}
    call = graph_function(frozen(tmp_path, function, inputs))
    assert call.structured_outputs["y"].shape.as_list() == [None, 6]


def test_any_tensor_can_be_asked_for(tmp_path):
    graph = frozen(tmp_path, lambda x: {"y": tf.square(x) + 1.0}, {"x": spec(None)})
    square = next(node.name for node in graph.graph_def.node if node.op == "Square")
    x = normal(4)
    found = graph_function(graph, {"inner": f"{square}:0", "input": "x:0"})(x=tf.constant(x))
    np.testing.assert_allclose(found["inner"], x**2, rtol=1e-6)
    np.testing.assert_array_equal(found["input"], x)
