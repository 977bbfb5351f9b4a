"""Lets a normalization give uint8 to the INT8 ops that read it.

The op gives float32 and uint8 in one pass, so that a product may read the one and a residual the
other: in a transformer whose normalizations come last, each has both. Float32 is left out where
nothing reads it.
"""

from __future__ import annotations

import tensorflow as tf

from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import CONTROL, GraphView, Reader
from tfsparse.conversion.op_interface import (
    NORMALIZATION_INPUTS,
    NORMALIZATION_OP,
    QUANTIZED_OPS,
    X,
    place_of,
    set_attribute,
)


def normalize_uint8(view: GraphView) -> None:
    """Lets INT8 ops read what normalizations give as uint8.

    Args:
        view: View of a graph in which layers are INT8 ops. The graph is changed in place.
    """
    for node in list(view.nodes.values()):
        if node.op == NORMALIZATION_OP:
            _give_uint8(view, node)
    view.graph.prune()


def _give_uint8(view: GraphView, norm: NodeDef) -> None:
    readers = list(_readers(view, f"{norm.name}:0"))
    takers = [each.node for each in readers if _is_activations(view, each)]
    scales = {_scale(view, node) for node in takers}
    if len(scales) != 1:
        return
    references = [takers[0].input[place_of(takers[0].op, name)] for name in _PARAMS]
    inputs = list(norm.input)
    for name, reference in zip(("y_scale", "y_zero_point"), references, strict=True):
        inputs[NORMALIZATION_INPUTS.index(name)] = reference
    view.graph.replace_inputs(norm.name, inputs)
    set_attribute(norm, "uint8_y", True)
    for node in takers:
        _read_uint8(view, node, norm)
        node.attr["Tin"].type = tf.uint8.as_datatype_enum
    others = [each.node for each in readers if each.index != X or each.node not in takers]
    if _is_returned(view, f"{norm.name}:0") or any(node.op != "Shape" for node in others):
        return
    for node in others:
        _read_uint8(view, node, norm)
        node.attr["T"].type = tf.uint8.as_datatype_enum
    set_attribute(norm, "float_y", False)


def _read_uint8(view: GraphView, node: NodeDef, norm: NodeDef) -> None:
    """Lets a node read what a norm gives as uint8, past identities."""
    data = [reference for reference in node.input if not reference.startswith("^")]
    waits = view.graph.waits_of([node.name, *view.identities(node.input[0])])
    view.graph.replace_inputs(node.name, [f"{norm.name}:1", *data[1:], *waits])


_PARAMS = ("x_scale", "x_zero_point")


def _readers(view: GraphView, tensor: str) -> list[Reader]:
    """Who reads a tensor, identities passed through; who only waits for it is left out."""
    found: list[Reader] = []
    for reader in view.readers(tensor):
        if reader.index == CONTROL:
            continue
        if reader.node.op == "Identity":
            found += _readers(view, f"{reader.node.name}:0")
        else:
            found.append(reader)
    return found


def _is_returned(view: GraphView, tensor: str) -> bool:
    """Whether the function returns a tensor, by way of identities too."""
    return view.is_output(tensor) or any(
        _is_returned(view, f"{reader.node.name}:0")
        for reader in view.readers(tensor)
        if reader.node.op == "Identity" and reader.index != CONTROL
    )


def _is_activations(view: GraphView, reader: Reader) -> bool:
    node = reader.node
    return (
        node.op in QUANTIZED_OPS
        and reader.index == X
        and node.attr["Tin"].type == tf.float32.as_datatype_enum
        and _scale(view, node) is not None
    )


def _scale(view: GraphView, node: NodeDef) -> tuple[float, int] | None:
    values = [view.constant(view.data_inputs(node)[place_of(node.op, name)]) for name in _PARAMS]
    if values[0] is None or values[1] is None:
        return None
    return float(values[0]), int(values[1])
