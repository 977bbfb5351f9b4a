"""Puts an op of ours in the place of attention: scores, mask, softmax and context in one.

The op takes queries, keys and values as they are projected, heads before or behind positions, so
transpositions around it fall away; where axes stand in another order still, one is put before it.
It gives float32; `propagate_uint8` comes later. Masks stay in the graph, and what the scores' shape
was needed for is computed from the shapes of queries and keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.attention import Attention
from tfsparse.conversion.attention_operands import Operand
from tfsparse.conversion.derived import Made, constant, made, put, transposed
from tfsparse.conversion.graph import Graph, NodeDef, reference_of
from tfsparse.conversion.importing import tensor_type
from tfsparse.conversion.op_interface import (
    ATTENTION_INPUTS,
    ATTENTION_SCALES,
    attention_node,
    set_attribute,
)
from tfsparse.conversion.splicing import splice


def attend(found: Sequence[Attention], compute: str = "float32") -> None:
    """Replaces attention in its graphs.

    Args:
        found: What was found. Its graphs are changed in place; the result keeps its name.
        compute: ``"float32"`` or ``"bfloat16"``, the type of the operands of both products.
    """
    for attention in found:
        _Rewriting(attention, compute).run()
    for graph in {id(each.graph): each.graph for each in found}.values():
        graph.prune()
        graph.sort()


def with_uint8_ends(graph: Graph, node: NodeDef) -> NodeDef:
    """Makes attention the op whose ends may be uint8; they are float32 still.

    Args:
        graph: The graph. It is changed in place.
        node: A node of attention.

    Returns:
        The node that takes its place, with scales of its own.
    """
    data = [reference for reference in node.input if not reference.startswith("^")]
    inputs = dict(zip(ATTENTION_INPUTS, data, strict=True))
    for name in ATTENTION_SCALES:
        source = constant(np.int32(0) if name.endswith("zero_point") else np.float32(1))
        source.node.name = name
        inputs[name] = put(graph, node.name, source)
    waits = [reference for reference in node.input if reference.startswith("^")]
    made = attention_node(node.name, inputs, {}, waits)
    for key in node.attr:
        made.attr[key].CopyFrom(node.attr[key])
    for key in ("Tin", "Tout"):
        set_attribute(made, key, tf.float32)
    graph.nodes[node.name] = made
    return made


class _Rewriting:
    def __init__(self, attention: Attention, compute: str) -> None:
        self._found = attention
        self._compute = compute
        self._graph: Graph = attention.graph
        self._done: dict[Made, str] = {}

    def run(self) -> None:
        found, graph = self._found, self._graph
        name = graph.free_name(f"{found.result}/attention")
        for node, labels in found.shapes.items():
            self._give_shape(graph.nodes[node], labels)
        inputs, attributes = {}, self._attributes()
        for role in ("query", "key", "value"):
            operand: Operand = getattr(found, role)
            inputs[role], attributes[f"{role}_layout"] = self._operand(operand, name, role)
        inputs["bias"] = self._or_none(found.masking.bias, name, np.float32)
        inputs["mask"] = self._or_none(found.masking.mask, name, np.bool_)
        attributes["output_layout"], after = self._output()
        graph.add(attention_node(name, inputs, attributes, graph.waits_of(found.absorbed)))
        self._finish(name, after)

    def _attributes(self) -> dict[str, Any]:
        found, masking = self._found, self._found.masking
        return {
            "heads": found.sizes.heads,
            "kv_heads": found.sizes.kv_heads,
            "head_size": found.sizes.depth,
            "value_head_size": found.sizes.value_depth,
            "scale": float(np.float32(found.scale)),
            "soft_cap": float(np.float32(found.soft_cap)),
            "causal": masking.causal,
            "masked": "replace" if masking.replaces else "add",
            "masked_value": masking.value,
            "bias_first": masking.bias_first,
            "zero_masked": masking.zero_masked,
            "compute": self._compute,
        }

    def _order(self, *last: str, shared: bool) -> tuple[str, ...]:
        """The labels of positions before heads: batch, positions, heads, and what is last."""
        roles = self._found.roles
        return (roles.batch, last[0], *(roles.shared if shared else roles.heads), *last[1:])

    def _operand(self, operand: Operand, name: str, role: str) -> tuple[str, str]:
        """A reference to queries, keys or values in float32, and their layout."""
        roles = self._found.roles
        depth = roles.value_depth if role == "value" else roles.depth
        positions = roles.queries if role == "query" else roles.keys
        shared = role != "query" and len(roles.heads) != len(roles.shared)
        wanted = self._order(positions, depth, shared=shared)
        swapped = (roles.batch, *roles.heads, positions, depth)
        source, layout = self._float(operand.tensor, name), "BTHD"
        if operand.labels == swapped and len(roles.heads) == 1:
            return source, "BHTD"
        if operand.labels != wanted:
            order = tuple(operand.labels.index(label) for label in wanted)
            source = put(self._graph, f"{name}/{role}", transposed(source, order, tf.float32))
        return source, layout

    def _float(self, tensor: str, scope: str) -> str:
        dtype = tensor_type(self._graph, tensor)
        if dtype == tf.float32:
            return reference_of(tensor)
        return put(self._graph, scope, made("Cast", (tensor,), 0, SrcT=dtype, DstT=tf.float32))

    def _or_none(self, source: str | Made | None, name: str, dtype: type) -> str:
        if source is None:
            source = constant(np.zeros(0, dtype))
        return put(self._graph, name, source, self._done)

    def _output(self) -> tuple[str, tuple[str, ...]]:
        """The layout of the op's result, and the labels of its axes once it is reshaped."""
        roles, labels = self._found.roles, self._found.result_labels
        swapped = (roles.batch, *roles.heads, roles.queries, roles.value_depth)
        if labels == swapped and len(roles.heads) == 1:
            return "BHTD", labels
        wanted = self._order(roles.queries, roles.value_depth, shared=False)
        return ("BTHD" if len(roles.heads) == 1 else "BTC"), wanted

    def _finish(self, name: str, labels: tuple[str, ...]) -> None:
        """Gives the op's result the axes, type and name that its readers expect."""
        found, graph, result = self._found, self._graph, name
        scope = f"{found.result}/result"
        if len(found.roles.heads) > 1:
            result = self._with_axes_of_heads(result, scope)
        if labels != found.result_labels:
            order = tuple(labels.index(label) for label in found.result_labels)
            result = put(graph, scope, transposed(result, order, tf.float32))
        types = {"T": found.dtype}
        op = "Identity"
        if found.dtype != tf.float32:
            op, types = "Cast", {"SrcT": tf.float32, "DstT": found.dtype}
        node = tf.compat.v1.NodeDef(name=found.result, op=op, input=[result])
        for key, dtype in types.items():
            node.attr[key].type = dtype.as_datatype_enum
        graph.nodes[found.result] = node

    def _with_axes_of_heads(self, result: str, scope: str) -> str:
        """``(batch, queries, channels)`` with two axes of heads."""
        sizes = self._found.sizes
        axes = [sizes.kv_heads, sizes.heads // sizes.kv_heads, sizes.value_depth]

        def reshape(value: tf.Tensor) -> tf.Tensor:
            return tf.reshape(value, tf.concat([tf.shape(value)[:2], axes], 0))

        spec = tf.TensorSpec((None, None, None), tf.float32)
        return splice(self._graph, scope, reshape, [result], [spec])[0]

    def _give_shape(self, node: NodeDef, labels: tuple[str, ...]) -> None:
        """Computes the shape of scores or probabilities from queries, keys and values."""
        found = self._found
        operands = (found.query, found.key, found.value)
        dtype = tf.as_dtype(node.attr["out_type"].type) if "out_type" in node.attr else tf.int32
        places: list[tuple[int, int]] = []
        for label in labels:
            places.append(
                next(
                    (place, operand.labels.index(label))
                    for place, operand in enumerate(operands)
                    if label in operand.labels and (place == 0 or label not in found.roles.heads)
                )
            )

        def shape(*tensors: tf.Tensor) -> tf.Tensor:
            sizes = [tf.shape(each, dtype) for each in tensors]
            return tf.stack([sizes[place][axis] for place, axis in places])

        specs = [
            tf.TensorSpec([None] * len(each.labels), tensor_type(self._graph, each.tensor))
            for each in operands
        ]
        arguments = [reference_of(each.tensor) for each in operands]
        (result,) = splice(self._graph, f"{node.name}/from_operands", shape, arguments, specs)
        waits = [reference for reference in node.input if reference.startswith("^")]
        name = node.name
        del self._graph.nodes[name]
        again = tf.compat.v1.NodeDef(name=name, op="Identity", input=[result, *waits])
        again.attr["T"].type = dtype.as_datatype_enum
        self._graph.add(again)
