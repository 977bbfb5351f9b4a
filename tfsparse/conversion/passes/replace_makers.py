"""Goes through the nodes that make activations of INT8 layers, and has some of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfsparse.conversion.graph import NodeDef, node_name
from tfsparse.conversion.graph_view import GraphView
from tfsparse.conversion.quantization import ActivationParams


def replace_makers(
    view: GraphView,
    params: Mapping[str, ActivationParams],
    replace: Callable[[NodeDef], bool],
) -> dict[str, ActivationParams]:
    """Offers each node that makes activations, once.

    Args:
        view: View of a rewritten graph. The graph is changed in place.
        params: The activations of INT8 layers to how they are read as uint8.
        replace: Puts an op of the same name in the place of a node, if it can, and says so.

    Returns:
        Names of the new ops to how their results are read.
    """
    made: dict[str, ActivationParams] = {}
    for tensor, how in params.items():
        tensor = view.through_identities(tensor) if node_name(tensor) in view.nodes else tensor
        node = view.nodes.get(node_name(tensor))
        if node is not None and node.name not in made and replace(node):
            made[node.name] = how
    view.graph.prune()
    return made
