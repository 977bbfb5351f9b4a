import pytest
import tensorflow as tf

from tfsparse.conversion.equal_functions import Pairing, pair
from tfsparse.conversion.model_graphs import ModelGraphs
from tfsparse.conversion.source import load_source

from .helpers import normal, read, spec

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
