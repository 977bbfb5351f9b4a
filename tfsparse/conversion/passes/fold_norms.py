"""Folds BatchNorm into the convolutions that stay what they are.

A layer of ours takes the scales and shifts behind it into itself. A convolution that stays, above
all a depthwise one, would still be followed by a multiplication and an addition over the whole
image, each about as slow as the convolution. The scale goes into its weights, which become a
constant, and the shift becomes a ``BiasAdd``, which TensorFlow's optimizer fuses with the
convolution and the activation.

Contract: float32 with weights that do not change, and not more than `MOST_WEIGHTS` of them.
Results differ from the original by rounding. Loops and branches of TF1 are left: a constant is
inside of one only if it waits for a node that is.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse.conversion.affine import read_affine
from tfsparse.conversion.control_flow import nodes_in_frames
from tfsparse.conversion.convolutions import CONVOLUTION, DEPTHWISE, channels_come_first
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView

MOST_WEIGHTS = 1 << 16
"""More would make constants of the graph too large."""


def fold_norms(view: GraphView) -> None:
    """Folds scales and shifts into convolutions.

    Args:
        view: View of a graph, which is changed in place.
    """
    frames = nodes_in_frames(view.graph)
    for node in list(view.nodes.values()):
        is_convolution = node.op in (DEPTHWISE, CONVOLUTION) and not channels_come_first(node)
        if is_convolution and node.name not in frames:
            _fold(view, node)
    view.graph.prune()


def _fold(view: GraphView, node: NodeDef) -> None:
    kernel = view.data_inputs(node)[1]
    shape = view.shape(kernel)
    if not shape.is_fully_defined() or not 0 < shape.num_elements() <= MOST_WEIGHTS:
        return
    channels = int(np.prod(shape[-2:])) if node.op == DEPTHWISE else int(shape[-1])
    weights = view.constant(kernel)
    if weights is None or weights.dtype != np.float32:
        return
    scale, shift, absorbed = _behind(view, node, channels)
    if scale is None:
        return
    along = (shape[-2], shape[-1]) if node.op == DEPTHWISE else (channels,)
    folded = (weights * scale.reshape(along)).astype(np.float32)
    if not (np.isfinite(folded).all() and np.isfinite(shift.astype(np.float32)).all()):
        return
    _replace(view, node, absorbed, folded, shift.astype(np.float32))


def _behind(
    view: GraphView, node: NodeDef, channels: int
) -> tuple[np.ndarray | None, np.ndarray, list[str]]:
    """Scale (None where there is none) and shift behind a node, and the nodes as far as them."""
    scale: np.ndarray | None = None
    shift = np.zeros(channels)
    way: list[str] = []
    absorbed: list[str] = []
    reader = view.sole_reader(f"{node.name}:0")
    while reader is not None:
        way.append(reader.node.name)
        found = read_affine(view, reader.node, reader.index, (channels,))
        if found is not None:
            if found.scale is not None:
                scale = found.scale if scale is None else scale * found.scale
                shift = shift * found.scale
            if found.shift is not None:
                shift = shift + found.shift
            absorbed = list(way)
        elif reader.node.op != "Identity":
            break
        reader = view.sole_reader(f"{reader.node.name}:0")
    return scale, shift, absorbed


def _replace(
    view: GraphView, node: NodeDef, absorbed: list[str], kernel: np.ndarray, shift: np.ndarray
) -> None:
    """Puts a convolution and an addition in the place of a chain of nodes."""
    graph = view.graph
    folded = tf.compat.v1.NodeDef()
    folded.CopyFrom(node)
    folded.name = graph.free_name(f"{node.name}/folded")
    folded.input[1] = graph.add_constant(f"{node.name}/kernel", kernel)
    inputs = [graph.add(folded), graph.add_constant(f"{node.name}/shift", shift)]
    name, waits = absorbed[-1], graph.waits_of(absorbed)
    biased = tf.compat.v1.NodeDef(name=name, op="BiasAdd", input=[*inputs, *waits])
    biased.attr["T"].type = tf.float32.as_datatype_enum
    del graph.nodes[name]
    graph.add(biased)
