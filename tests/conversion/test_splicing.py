import numpy as np
import tensorflow as tf

from tfsparse.conversion.splicing import splice

from .helpers import nodes, normal, read, spec

X = normal((3, 4))


def test_a_function_is_applied_inside_a_graph(tmp_path):
    example = read(tmp_path, lambda x: {"y": tf.exp(x)}, {"x": spec(None, 4)})
    (exp,) = nodes(example.graph, "Exp")

    def moments(x, y):
        mean = tf.reduce_mean(x, keepdims=True)
        return mean, tf.square(y - mean) + 1.0

    specs = [spec(None, 4), spec(None, None)]
    mean, square = splice(example.graph, "a/b", moments, [exp.name, exp.input[0]], specs)
    added = [name for name in example.graph.nodes if name.startswith("a/b/")]
    assert added and {mean.split(":")[0], square.split(":")[0]} <= set(added)
    assert len(nodes(example.graph, "Placeholder")) == 1
    example.graph.outputs = [f"{square}:0"]
    (found,) = example(x=X).values()
    np.testing.assert_allclose(found, (X - np.exp(X).mean()) ** 2 + 1, rtol=1e-5)


def test_names_stay_apart_from_those_that_are_there(tmp_path):
    example = read(tmp_path, lambda x: {"y": x + 1.0}, {"x": spec(None, 4)})
    tensor = example.output("y").removesuffix(":0")
    for factor in (2.0, 3.0):
        function = lambda x, factor=factor: x * factor  # noqa: E731
        (tensor,) = splice(example.graph, "twice", function, [tensor], [spec(None)])
    example.graph.outputs = [f"{tensor}:0"]
    np.testing.assert_allclose(example(x=X)["y"], (X + 1) * 6, rtol=1e-6)
