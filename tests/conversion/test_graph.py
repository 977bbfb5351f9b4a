import pytest

from tfsparse.conversion.graph import reference_of

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
