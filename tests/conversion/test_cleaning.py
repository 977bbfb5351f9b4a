import numpy as np
import tensorflow as tf

from tfsparse.conversion.cleaning import clean
from tfsparse.conversion.freezing import freeze
from tfsparse.conversion.graph_function import graph_function

from .helpers import frozen, nodes, normal, save, spec


def test_waits_for_reads_of_variables_are_dropped(tmp_path):
    kernel = tf.Variable(normal((3, 4)))
    save(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel])
    loaded = tf.saved_model.load(str(tmp_path))
    raw = freeze(loaded.signatures["serving_default"])
    assert any(ref.startswith("^") for node in raw.graph_def.node for ref in node.input)
    cleaned = clean(raw)
    assert not any(ref.startswith("^") for node in cleaned.graph_def.node for ref in node.input)
    assert not nodes(cleaned.graph_def, "NoOp")
    assert not any("_class" in node.attr for node in cleaned.graph_def.node)


def test_effects_are_kept(tmp_path, capfd):
    def function(x):
        with tf.control_dependencies([tf.debugging.assert_less(x, 10.0)]):
            return {"y": tf.identity(x) * 2.0}

    graph = frozen(tmp_path, function, {"x": spec(None)})
    call = graph_function(graph)
    np.testing.assert_array_equal(call(x=tf.constant([1.0]))["y"], [2.0])
    try:
        call(x=tf.constant([11.0]))
    except tf.errors.InvalidArgumentError:
        return
    raise AssertionError("the assertion of the model was lost")
