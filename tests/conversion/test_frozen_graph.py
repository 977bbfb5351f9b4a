import dataclasses

import tensorflow as tf

from .helpers import frozen, nodes, spec

INPUTS = {"x": spec(None, 3), "unused": spec(None)}


def double(x, unused):
    return {"y": x * 2.0, "z": x + 1.0}


def test_reducing_keeps_inputs_and_drops_what_no_root_needs(tmp_path):
    graph = frozen(tmp_path, double, INPUTS)
    root = graph.outputs["y"].split(":")[0]
    reduced = graph.reduced_to([root])
    assert {node.name for node in nodes(reduced.graph_def, "Placeholder")} == {"x", "unused"}
    assert nodes(reduced.graph_def, "Mul") and not nodes(reduced.graph_def, "AddV2")
    assert nodes(graph.graph_def, "AddV2")


def test_a_fingerprint_knows_which_output_is_which(tmp_path):
    graph = frozen(tmp_path, double, INPUTS)
    swapped = dict(zip(graph.outputs, reversed(graph.outputs.values()), strict=True))
    assert dataclasses.replace(graph, outputs=swapped).fingerprint() != graph.fingerprint()


def test_fingerprints_tell_signatures_apart(tmp_path):
    graph = frozen(tmp_path / "a", double, INPUTS)
    assert graph.fingerprint() == frozen(tmp_path / "b", double, INPUTS).fingerprint()
    others = [
        frozen(tmp_path / "c", lambda x, unused: {"y": x * 3.0, "z": x + 1.0}, INPUTS),
        frozen(tmp_path / "d", lambda x, unused: {"y": x * 2.0, "w": x + 1.0}, INPUTS),
        frozen(tmp_path / "e", double, INPUTS | {"x": spec(2, 3)}),
        frozen(tmp_path / "f", double, INPUTS | {"unused": spec(None, dtype=tf.int32)}),
    ]
    assert len({graph.fingerprint(), *(other.fingerprint() for other in others)}) == 5
