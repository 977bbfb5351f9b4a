"""Measured times of ops, given to the layers that they belong to.

TensorFlow fuses ops before it runs them, and a fused op has the name of one of its parts, so a
layer owns every op whose name ends with that of one of its nodes.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from tfsparse.conversion.inspecting import InspectedLayer
from tfsparse.serving.op_times import OpTime, by_type

_NOT_WORK = {"_SOURCE", "_SINK", "RecvTensor", "_Arg", "_Retval", "NoOp"}


@dataclasses.dataclass(frozen=True)
class LayerTimes:
    """Where a call's time went.

    Attributes:
        layers: Id of each layer to its milliseconds.
        others: Type of op to the milliseconds of those that belong to no layer, greatest first.
        total: Milliseconds of all ops.
    """

    layers: dict[int, float]
    others: dict[str, float]
    total: float

    def of(self, layer: InspectedLayer) -> float | None:
        """Milliseconds of a layer; None where none of its ops was seen."""
        return self.layers.get(id(layer))


def layer_times(layers: Sequence[InspectedLayer], times: Sequence[OpTime]) -> LayerTimes:
    """Gives each op to a layer or to none.

    Args:
        layers: The layers.
        times: The ops.
    """
    times = [each for each in times if each.op not in _NOT_WORK]
    of_layers: dict[int, float] = defaultdict(float)
    others = []
    owners = {node: layer for layer in layers for node in layer.nodes}
    for each in times:
        owner = _owner(each.name, owners)
        if owner is None:
            others.append(each)
        else:
            of_layers[id(owner)] += each.ms
    total = sum(each.ms for each in times)
    return LayerTimes(dict(of_layers), {op: ms for op, _, ms in by_type(others)}, total)


def _owner(name: str, owners: dict[str, InspectedLayer]) -> InspectedLayer | None:
    """The layer with a node that the name ends with, or the other way around."""
    parts = name.split("/")
    for start in range(len(parts)):
        if (found := owners.get("/".join(parts[start:]))) is not None:
            return found
    return next(
        (layer for node, layer in owners.items() if node.endswith("/" + name) and "/" in name), None
    )
