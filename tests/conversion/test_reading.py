import numpy as np
import tensorflow as tf

from tfsparse.conversion.reading import run_graph

from .helpers import normal, read, spec


def test_names_shapes_and_types_are_those_of_the_signature(tmp_path):
    def function(ids, x):
        return {"sum": tf.reduce_sum(x, axis=-1), "ids": ids + 1}

    example = read(tmp_path, function, {"ids": spec(None, dtype=tf.int64), "x": spec(None, 5)})
    (call,) = example.graphs.rebuilt().values()
    inputs = call.structured_input_signature[1]
    assert inputs["ids"] == tf.TensorSpec([None], tf.int64, "ids")
    assert inputs["x"] == tf.TensorSpec([None, 5], tf.float32, "x")
    assert call.structured_outputs["sum"].shape.as_list() == [None]
    assert call.structured_outputs["ids"].dtype == tf.int64


def test_inputs_and_outputs_of_one_kind_are_not_mixed_up(tmp_path):
    def function(zeta, alpha, mid):
        return {"z": zeta - alpha, "a": mid * 2.0}

    example = read(tmp_path, function, {name: spec(None) for name in ("zeta", "alpha", "mid")})
    one, ten, hundred = (np.float32([value]) for value in (1, 10, 100))
    result = example(alpha=one, mid=ten, zeta=hundred)
    assert (float(result["z"][0]), float(result["a"][0])) == (99.0, 20.0)


def test_declared_shapes_survive_where_the_graph_infers_none(tmp_path):
    def function(x, count):
        result = tf.reshape(x, [count, -1])
        result.set_shape([None, 6])
        return {"y": result}

    inputs = {"x": spec(None, 6), "count": spec(dtype=tf.int32)}
    (call,) = read(tmp_path, function, inputs).graphs.rebuilt().values()
    assert call.structured_outputs["y"].shape.as_list() == [None, 6]


def test_any_tensor_can_be_asked_for(tmp_path):
    graph = read(tmp_path, lambda x: {"y": tf.square(x) + 1.0}, {"x": spec(None)}).graph
    square = next(node.name for node in graph.nodes.values() if node.op == "Square")
    x = normal(4)
    run = tf.function(lambda x: run_graph(graph, [x], [f"{square}:0", "x:0"]), autograph=False)
    inner, fed = run(tf.constant(x))
    np.testing.assert_allclose(inner, x**2, rtol=1e-6)
    np.testing.assert_array_equal(fed, x)


def test_loops_and_branches_still_work(tmp_path):
    kernel = tf.Variable(normal((3, 3)))

    def function(x):
        def step(i, value):
            return i + 1, tf.cond(i < 2, lambda: value @ kernel, lambda: value * 2.0)

        return {"y": tf.while_loop(lambda i, _: i < 3, step, (0, x))[1]}

    example = read(tmp_path, function, {"x": spec(None, 3)}, [kernel])
    x = normal((2, 3), 1)
    expected = 2 * x @ kernel.numpy() @ kernel.numpy()
    np.testing.assert_allclose(example(x=x)["y"], expected, rtol=1e-4)
