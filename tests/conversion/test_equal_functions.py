import pytest
import tensorflow as tf

from tfsparse.conversion.equal_functions import Pairing, pair
from tfsparse.conversion.model_graphs import ModelGraphs
from tfsparse.conversion.source import load_source

from .helpers import nodes, normal, read, spec

INPUTS = {"x": spec(None, 3), "unused": spec(None)}


def double(x, unused):
    return {"y": x * 2.0, "z": x + 1.0}


def test_names_do_not_matter(tmp_path):
    one = read(tmp_path / "a", double, INPUTS).graph
    two = read(
        tmp_path / "b",
        lambda a, b: {"first": tf.add(b, 1.0, name="add"), "second": tf.multiply(b, 2.0, "m")},
        {"a": spec(None), "b": spec(None, 3)},
    ).graph
    found = pair(one, two)
    assert found is not None
    # y and z of the one are the second and the first of the other.
    assert found.outputs == (1, 0)
    paired = dict(zip(one.inputs, (two.inputs[place] for place in found.inputs), strict=True))
    assert paired == {"x": "b", "unused": "a"}


def test_a_graph_is_equal_to_itself(tmp_path):
    graph = read(tmp_path, double, INPUTS).graph
    assert pair(graph, graph) == Pairing.itself(graph)


OTHERS = {
    "another constant": (lambda x, unused: {"y": x * 3.0, "z": x + 1.0}, INPUTS),
    "another op": (lambda x, unused: {"y": x / 2.0, "z": x + 1.0}, INPUTS),
    "another shape": (double, INPUTS | {"x": spec(2, 3)}),
    "another type": (double, INPUTS | {"unused": spec(None, dtype=tf.int32)}),
    "one output less": (lambda x, unused: {"y": x * 2.0}, INPUTS),
}


@pytest.mark.parametrize("case", OTHERS)
def test_tells_functions_apart(tmp_path, case):
    graph = read(tmp_path / "a", double, INPUTS).graph
    assert pair(graph, read(tmp_path / "b", *OTHERS[case]).graph) is None


def test_inputs_in_another_role_are_told_apart(tmp_path):
    inputs = {"a": spec(None), "b": spec(None)}
    one = read(tmp_path / "a", lambda a, b: {"y": a - b, "z": a * 2.0}, inputs).graph
    two = read(tmp_path / "b", lambda a, b: {"y": a - b, "z": b * 2.0}, inputs).graph
    assert pair(one, two) is None


def test_bodies_of_loops_are_compared(tmp_path):
    def loop(factor):
        def function(x):
            step = lambda i, v: (i + 1, v * factor)  # noqa: E731
            return {"y": tf.while_loop(lambda i, _: i < 3, step, (0, x))[1]}

        return function

    graphs = [
        read(tmp_path / str(place), loop(factor), {"x": spec(None)}).graph
        for place, factor in enumerate((2.0, 2.0, 3.0))
    ]
    assert pair(graphs[0], graphs[1]) is not None
    assert pair(graphs[0], graphs[2]) is None


def _one_number(x):
    number = tf.random.normal([3])
    return {"y": x + number, "z": x + number}


def _two_numbers(x):
    return {"y": x + tf.random.normal([3]), "z": x + tf.random.normal([3])}


def _in_a_branch(function):
    def branch(x):
        y, z = tf.cond(x[0] > 0, lambda: tuple(function(x).values()), lambda: (x, x))
        return {"y": y, "z": z}

    return branch


@pytest.mark.parametrize("around", [lambda function: function, _in_a_branch])
def test_two_random_numbers_are_not_one_that_is_read_twice(tmp_path, around):
    graphs = [
        read(tmp_path / str(place), around(function), {"x": spec(3)}).graph
        for place, function in enumerate((_one_number, _two_numbers, _two_numbers))
    ]
    assert pair(graphs[0], graphs[1]) is None and pair(graphs[1], graphs[0]) is None
    assert pair(graphs[1], graphs[2]) is not None


def _loop_of_tf1(factor):
    """A function of a graph that holds Enter, Merge and NextIteration."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, (2,), "x")
            step = lambda i, v: (i + 1, v * factor)  # noqa: E731
            tf.identity(v1.while_loop(lambda i, _: i < 3, step, (0, x))[1], "y")
    finally:
        v1.enable_control_flow_v2()
    wrapped = v1.wrap_function(lambda: v1.import_graph_def(graph.as_graph_def(), name=""), [])
    return wrapped.prune("x:0", "y:0")


def test_loops_of_tf1_are_compared(tmp_path):
    """Their nodes have the same names, whatever they compute."""
    graphs = [
        read(tmp_path / str(place), lambda x, run=run: {"y": run(x)}, {"x": spec(2)}).graph
        for place, run in enumerate(map(_loop_of_tf1, (2.0, 2.0, 3.0)))
    ]
    assert nodes(graphs[0], "NextIteration")
    assert pair(graphs[0], graphs[1]) is not None
    assert pair(graphs[0], graphs[2]) is None


def test_variables_are_compared_by_what_they_are(tmp_path):
    one, two = tf.Variable(normal((3, 3))), tf.Variable(normal((3, 3)))
    module = tf.Module()
    module.kept = [one, two]

    def of(variable):
        return tf.function(lambda x: {"y": x @ variable}).get_concrete_function(x=spec(None, 3))

    signatures = {"a": of(one), "b": of(two), "c": of(one)}
    tf.saved_model.save(module, str(tmp_path), signatures)
    found = ModelGraphs(load_source(tmp_path)).functions
    assert sorted(each.signatures for each in found) == [("a", "c"), ("b",)]
