import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.passes.embed import embed_small_variables

from ..helpers import nodes, normal, read, spec


def embed(example, limit=1 << 20, others=()):
    embed_small_variables([example.graph], others, [], example.state, limit)


def captured(example):
    """Elements of each variable that the function still captures."""
    variables = example.state.variables
    handles = map(id, example.graph.captures.values())
    return sorted(variables[each].shape.num_elements() for each in handles if each in variables)


def test_a_small_variable_becomes_a_constant(tmp_path):
    kernel = tf.Variable(normal((3, 4)))
    example = read(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel])
    embed(example)
    assert not example.graph.captures and not nodes(example.graph, "ReadVariableOp")
    x = normal((2, 3), 1)
    np.testing.assert_allclose(example(x=x)["y"], x @ kernel.numpy(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["loop", "branch", "call"])
def test_bodies_read_constants_too(tmp_path, kind):
    kernel = tf.Variable(normal((3, 3)))
    inner = tf.function(lambda x: x @ kernel, experimental_attributes={"_noinline": True})

    def function(x):
        if kind == "branch":
            return {"y": tf.cond(x[0, 0] > 0, lambda: x @ kernel, lambda: x)}
        if kind == "call":
            return {"y": inner(x)}
        return {"y": tf.while_loop(lambda i, _: i < 1, lambda i, v: (i + 1, v @ kernel), (0, x))[1]}

    example = read(tmp_path, function, {"x": spec(None, 3)}, [kernel])
    assert captured(example) == [9]
    embed(example)
    assert not captured(example)
    x = np.abs(normal((2, 3), 1))
    np.testing.assert_allclose(example(x=x)["y"], x @ kernel.numpy(), rtol=1e-5)


def test_the_smallest_come_first_until_the_limit(tmp_path):
    variables = [tf.Variable(normal((size,))) for size in (100, 10, 50)]

    def function(x):
        return {"y": x + sum(tf.reduce_sum(each) for each in variables)}

    example = read(tmp_path, function, {"x": spec(None)}, variables)
    embed(example, limit=4 * 60)
    assert captured(example) == [100]


def test_a_variable_that_changes_stays(tmp_path):
    count = tf.Variable(0.0)
    function = lambda x: {"y": x + count.assign_add(1.0)}  # noqa: E731
    example = read(tmp_path, function, {"x": spec(None)}, [count])
    embed(example)
    results = [float(example(x=np.zeros(1, np.float32))["y"][0]) for _ in range(3)]
    assert results == [1, 2, 3]


def test_a_variable_that_is_not_only_read_as_it_is_stays(tmp_path):
    table = tf.Variable(normal((5, 2)))

    def function(x):
        return {"y": tf.raw_ops.ResourceGather(resource=table.handle, indices=x, dtype=tf.float32)}

    example = read(tmp_path, function, {"x": spec(None, dtype=tf.int32)}, [table])
    embed(example)
    assert captured(example) == [10]


def test_a_variable_that_another_function_reads_stays(tmp_path):
    kernel = tf.Variable(normal((3, 4)))
    example = read(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel])
    embed(example, others=[example.graph])
    assert captured(example) == [12]


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.int8, tf.bool])
def test_every_type_of_number(tmp_path, dtype):
    kernel = tf.Variable(tf.cast(tf.constant([0.0, 1.0, 3.0]), dtype))
    example = read(
        tmp_path, lambda x: {"y": x + tf.cast(kernel, tf.float32)}, {"x": spec(3)}, [kernel]
    )
    embed(example)
    assert not example.graph.captures
    expected = tf.cast(kernel, tf.float32).numpy()
    np.testing.assert_array_equal(example(x=np.zeros(3, np.float32))["y"], expected)
