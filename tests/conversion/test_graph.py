import pytest
import tensorflow as tf

from tfsparse.conversion.graph import Graph, node_name, reference_of

from .helpers import read, spec


def test_a_reference_is_as_short_as_it_can_be():
    assert reference_of("a:0") == "a" and reference_of("a:1") == "a:1"


def test_names_are_taken_once(tmp_path):
    graph = read(tmp_path, lambda x: {"y": x + 1.0}, {"x": spec(None)}).graph
    assert graph.free_name("x") == "x_1"
    with pytest.raises(ValueError, match="free name"):
        graph.add(graph.nodes["x"])


def test_pruning_keeps_inputs_and_drops_what_nothing_needs(tmp_path):
    inputs = {"x": spec(None), "unused": spec(None)}
    graph = read(tmp_path, lambda x, unused: {"y": x + 1.0, "z": x * 2.0}, inputs).graph
    graph.outputs = graph.outputs[:1]
    graph.prune()
    ops = {node.op for node in graph.nodes.values()}
    assert set(graph.inputs) <= graph.nodes.keys() and "AddV2" in ops and "Mul" not in ops


def test_nodes_are_sorted_behind_what_they_read(tmp_path):
    def function(x):
        return {"y": tf.exp(x) + tf.tanh(x) * 2.0}

    graph = read(tmp_path, function, {"x": spec(None)}).graph
    before = list(graph.nodes)
    graph.sort()
    assert list(graph.nodes) == before
    graph.nodes = dict(reversed(graph.nodes.items()))
    graph.sort()
    places = {name: place for place, name in enumerate(graph.nodes)}
    assert places.keys() == set(before)
    for node in graph.nodes.values():
        assert all(places[node_name(ref)] < places[node.name] for ref in node.input)


def test_what_is_read_first_comes_first():
    nodes = {name: tf.compat.v1.NodeDef(name=name, op="NoOp") for name in ("sum", "two", "one")}
    nodes["sum"].input.extend(["one", "two", "^one"])
    graph = Graph(nodes, [], ["sum:0"])
    graph.sort()
    assert list(graph.nodes) == ["one", "two", "sum"]


def test_a_circle_is_no_obstacle_to_sorting():
    nodes = {name: tf.compat.v1.NodeDef(name=name, op="NoOp") for name in "abc"}
    for name, source in zip("abc", "cab", strict=True):
        nodes[name].input.append(source)
    graph = Graph(nodes, [], [])
    graph.sort()
    assert sorted(graph.nodes) == ["a", "b", "c"]


def test_what_takes_the_place_of_nodes_waits_for_what_they_did():
    nodes = {name: tf.compat.v1.NodeDef(name=name, op="NoOp") for name in "abcd"}
    nodes["b"].input.extend(["a", "^d", "^c"])
    nodes["c"].input.extend(["b:1", "^b", "^d", "^a"])
    assert Graph(nodes, [], []).waits_of(["b", "c"]) == ["^a", "^d"]
