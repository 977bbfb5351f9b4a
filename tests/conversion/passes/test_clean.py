import numpy as np
import pytest
import tensorflow as tf

from ..helpers import nodes, normal, read, spec


def test_waits_for_reads_of_variables_are_dropped(tmp_path):
    kernel = tf.Variable(normal((3, 4)))
    graph = read(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel]).graph
    assert not any(ref.startswith("^") for node in graph.nodes.values() for ref in node.input)
    assert not nodes(graph, "NoOp") and not graph.control_outputs
    assert not any("_class" in node.attr for node in graph.nodes.values())


def test_waits_for_variables_that_change_are_kept(tmp_path):
    count = tf.Variable(0.0)

    def function(x):
        before = count + 0.0
        count.assign_add(1.0)
        return {"y": x + before, "z": count + 0.0}

    example = read(tmp_path, function, {"x": spec(None)}, [count])
    results = [example(x=np.zeros(1, np.float32)) for _ in range(3)]
    assert [float(each["y"][0]) for each in results] == [0, 1, 2]
    assert [float(each["z"]) for each in results] == [1, 2, 3]


def test_effects_are_kept(tmp_path):
    def function(x):
        with tf.control_dependencies([tf.debugging.assert_less(x, 10.0)]):
            return {"y": tf.identity(x) * 2.0}

    example = read(tmp_path, function, {"x": spec(None)})
    np.testing.assert_array_equal(example(x=np.float32([1.0]))["y"], [2.0])
    with pytest.raises(tf.errors.InvalidArgumentError):
        example(x=np.float32([11.0]))
