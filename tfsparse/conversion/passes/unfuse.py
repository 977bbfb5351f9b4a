"""Keeps TensorFlow from fusing convolutions that XLA compiled before.

Both versions of Keras compile grouped convolutions, since TensorFlow's fused kernel (convolution,
bias and activation in one) refuses groups where oneDNN is off. A function that is inlined is
compiled no more, and if its convolution stays what it is, the optimizer would fuse it with the bias
that follows. A ``Snapshot`` between the two, which passes its input on, keeps it from doing so.
"""

from __future__ import annotations

import tensorflow as tf

from tfsparse.conversion.graph import Graph, tensor_name

UNFUSED = "Snapshot"
"""The op that stands behind such a convolution."""


def unfuse(graph: Graph) -> None:
    """Puts a node behind each convolution of a function that was compiled.

    Args:
        graph: The function. It and its bodies are changed in place.
    """
    for each in graph.all_graphs():
        for name in [node.name for node in each.nodes.values() if node.op == "Conv2D"]:
            _unfuse(each, name)


def _unfuse(graph: Graph, name: str) -> None:
    behind = tf.compat.v1.NodeDef(name=graph.free_name(f"{name}/unfused"), op=UNFUSED, input=[name])
    behind.attr["T"].CopyFrom(graph.nodes[name].attr["T"])
    for node in list(graph.nodes.values()):
        if any(reference in (name, f"{name}:0") for reference in node.input):
            references = [
                behind.name if reference in (name, f"{name}:0") else reference
                for reference in node.input
            ]
            graph.replace_inputs(node.name, references)
    graph.add(behind)
    graph.outputs = [
        f"{behind.name}:0" if tensor_name(tensor) == f"{name}:0" else tensor
        for tensor in graph.outputs
    ]
