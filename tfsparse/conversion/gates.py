"""Products of images and a number for each image and channel, as of squeeze-and-excite."""

from __future__ import annotations

from tfsparse.conversion.batch_sizes import same_lead
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.graph_view import GraphView


def gated(view: GraphView, node: NodeDef) -> int | None:
    """Which input of a node is images that the other one scales.

    Args:
        view: The graph.
        node: The node.

    Returns:
        The input of shape ``(batch, height, width, channels)``, where the other one is ``(batch, 1,
        1, channels)``, not constant, and of the same batch; None if the node is no such product.
    """
    inputs = view.data_inputs(node)
    if node.op != "Mul" or len(inputs) != 2 or any(view.is_constant(each) for each in inputs):
        return None
    shapes = [view.shape(each) for each in inputs]
    if any(shape.rank != 4 or shape[3] is None for shape in shapes):
        return None
    for place, (images, gate) in enumerate([shapes, shapes[::-1]]):
        ones = gate.as_list()[1:3] == [1, 1] and images.as_list()[1:3] != [1, 1]
        if ones and images[3] == gate[3]:
            return place if same_lead(view, inputs[place], 3, inputs[1 - place], 3) else None
    return None
