import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.passes.clean import clean

from ..helpers import normal, read, spec


@pytest.mark.parametrize("kind", ["loop", "branch"])
def test_what_a_body_reads_no_more_goes(tmp_path, kind):
    kernel, scale = tf.Variable(normal((3, 3))), tf.Variable(2.0)

    def function(x):
        if kind == "branch":
            return {"y": tf.cond(x[0, 0] > 0, lambda: x @ kernel * scale, lambda: x)}

        def step(i, v):
            return i + 1, v @ kernel * scale

        return {"y": tf.while_loop(lambda i, _: i < 2, step, (0, x))[1]}

    example = read(tmp_path, function, {"x": spec(None, 3)}, [kernel, scale])
    for body in example.graph.bodies.values():
        for node in body.nodes.values():
            if node.op == "MatMul":
                body.replace_inputs(node.name, [node.input[0], node.input[0]])
                node.attr["transpose_b"].b = True
    clean(example.graph, example.state)
    assert len(example.graph.captures) == 1
    x = np.abs(normal((3, 3), 1))
    expected = x @ x.T * 2
    if kind == "loop":
        expected = expected @ expected.T * 2
    np.testing.assert_allclose(example(x=x)["y"], expected, rtol=1e-4)
