import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from ..faults.models import run_child
from ..helpers import nodes, normal, read, save, spec

K = normal((3, 3, 2, 6), 2)
B = normal((6,), 3)
X = {"x": spec(None, 6, 7, 4)}


def grouped(x, compiled=True):
    inner = tf.function(lambda x: tf.nn.conv2d(x, K, 1, "VALID"), jit_compile=compiled)
    return {"y": tf.nn.relu(tf.nn.bias_add(inner(x), B))}


@pytest.mark.parametrize("compiled", [True, False])
def test_a_node_stands_behind_what_was_compiled(tmp_path, compiled):
    graph = read(tmp_path, lambda x: grouped(x, compiled), X).graph
    (convolution,) = nodes(graph, "Conv2D")
    behind = [node.op for node in graph.nodes.values() if convolution.name in node.input]
    assert behind == ["Snapshot" if compiled else "Identity"]


def test_it_becomes_part_of_a_layer(tmp_path):
    save(tmp_path, grouped, X)
    (row,) = tfsparse.convert(tmp_path).report
    converted = tfsparse.convert(tmp_path, overrides={row.layer: "convert"})
    assert converted.report[row.layer].fused == ("bias", "relu")
    assert not nodes(converted.graph_def(), "Snapshot")


def test_what_stays_runs_without_onednn(tmp_path):
    source, served = tmp_path / "source", tmp_path / "served"
    save(source, grouped, X)
    (row,) = tfsparse.export(source, served)
    assert not row.converted
    x = normal((2, 6, 7, 4), 5)
    np.save(tmp_path / "x.npy", x)
    code = """
        import os, sys
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
        import numpy as np
        import tensorflow as tf
        function = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
        x = tf.constant(np.load(sys.argv[2]))
        np.save(sys.argv[3], function(x)["y"].numpy())
        """
    run_child(code, served, tmp_path / "x.npy", tmp_path / "y.npy")
    expected = grouped(tf.constant(x))["y"]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-4)
