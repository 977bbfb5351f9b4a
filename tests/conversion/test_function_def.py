import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.function_def import definition, is_stateful, output_count

from .helpers import read, spec


def test_outputs_are_counted_by_attributes(tmp_path):
    def function(x):
        return {"y": tf.add_n(tf.split(x, 3)), "z": tf.unique_with_counts(x)[2]}

    graph = read(tmp_path, function, {"x": spec(6)}).graph
    counts = {node.op: output_count(node, {}) for node in graph.nodes.values() if node.input}
    assert counts["Split"] == 3 and counts["UniqueWithCounts"] == 3


def test_tensors_of_lists_are_read_and_written_in_bodies(tmp_path):
    def function(x):
        def step(i, v):
            one, two, three = tf.split(v, 3)
            return i + 1, tf.concat([three, one * 2.0, two], 0)

        return {"y": tf.while_loop(lambda i, _: i < 2, step, (0, x))[1]}

    example = read(tmp_path, function, {"x": spec(3)})
    np.testing.assert_array_equal(example(x=np.float32([1, 2, 3]))["y"], [2, 6, 2])


def test_an_unknown_op_is_refused_in_words():
    node = tf.compat.v1.NodeDef(name="n", op="NoSuchOp")
    with pytest.raises(ValueError, match=r"ops that are registered.*'NoSuchOp'"):
        definition(node, {})


def test_state_is_known_by_the_op():
    assert is_stateful(tf.compat.v1.NodeDef(name="n", op="RandomUniform"), {})
    assert not is_stateful(tf.compat.v1.NodeDef(name="n", op="MatMul"), {})
