"""Zeros that a graph puts around images, which a convolution can take into its own padding."""

from __future__ import annotations

import numpy as np

from tfsparse.conversion.geometry import Pads
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView

PADS = {"Pad", "PadV2"}


def read_pads(view: GraphView, node: NodeDef) -> Pads | None:
    """Reads a node as zeros around images.

    Args:
        view: The graph.
        node: The node.

    Returns:
        How many there are on each side, for sequences ``(batch, length, channels)`` on those of an
        image of height 1; None if the node is something else, pads with another value, or pads
        the batch or the channels.
    """
    if node.op not in PADS or not is_zero_pad(view, node):
        return None
    counts = view.constant(view.data_inputs(node)[1])
    if counts is None or counts.shape not in ((4, 2), (3, 2)) or counts.min() < 0:
        return None
    if np.any(counts[[0, -1]]):
        return None
    around = np.concatenate([np.zeros((4 - len(counts), 2), int), counts[1:-1]])
    top, bottom, left, right = (int(count) for count in around.reshape(-1))
    return top, bottom, left, right


def is_zero_pad(view: GraphView, node: NodeDef) -> bool:
    """Whether what a node of `PADS` adds is zero."""
    found = [view.constant(value) for value in view.data_inputs(node)[2:]]
    return all(value is not None and not np.any(value) for value in found)
