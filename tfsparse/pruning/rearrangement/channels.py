"""Follows the channels of a model from layer to layer, nested models included.

A layer that is called several times has one kernel: what it makes in all calls is one space, and
what it reads is another one. Layers that share a variable with another one are fixed, since the
variable would have to be in two orders.
"""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.graph import is_graph, tied_layers
from tfsparse.pruning.rearrangement.calls import Call, calls_of, graph_of
from tfsparse.pruning.rearrangement.layer_channels import kind, new_axis, outputs_of
from tfsparse.pruning.rearrangement.spaces import Axis, Use, fix, join


class Channels:
    """The spaces of a model's channels.

    Args:
        model: A Sequential or functional model.

    Attributes:
        uses: All uses of all spaces.
        refused: By the id of a layer with weights, why its channels are not followed.
    """

    def __init__(self, model: Any) -> None:
        self.uses: list[Use] = []
        self.refused: dict[int, str] = {}
        self._tied = tied_layers(model)
        # By the id of a layer with weights: what it read and made when it was called first.
        self._first: dict[int, tuple[list[Axis], list[Axis]]] = {}
        graph = graph_of(model)
        inputs = [new_axis(tensor, "they are inputs of the model") for tensor in graph.inputs]
        for axis in self._follow(model, inputs):
            fix(axis, "they are a result of the model")

    def _follow(self, model: Any, inputs: list[Axis]) -> list[Axis]:
        """Spaces of the outputs of a model for those of its inputs."""
        graph = graph_of(model)
        known = {id(tensor): axis for tensor, axis in zip(graph.inputs, inputs, strict=True)}
        for call in calls_of(model):
            given = [
                known.get(id(tensor)) or new_axis(tensor, "where they come from is not known")
                for tensor in call.inputs
            ]
            made = self._call(call, given)
            known |= {id(tensor): axis for tensor, axis in zip(call.outputs, made, strict=True)}
        return [known[id(tensor)] for tensor in graph.outputs]

    def _call(self, call: Call, inputs: list[Axis]) -> list[Axis]:
        layer = call.layer
        if hasattr(layer, "_flatten_layers") and is_graph(layer):
            return self._follow(layer, inputs)
        has_weights = bool(getattr(layer, "weights", ()))
        if has_weights and id(layer) in self._first:
            read, made = self._first[id(layer)]
            for one, other in zip(read, inputs, strict=True):
                join(one, other, f"{layer.name!r} is called with channels of two kinds")
            return made
        uses: list[Use] = []
        made = outputs_of(call, inputs, uses)
        if id(layer) in self._tied:
            reason = f"{kind(layer)} {layer.name!r}: {self._tied[id(layer)]}"
            for axis in (*inputs, *made):
                fix(axis, reason)
        self.uses += uses
        if has_weights and not uses and made and made[0][0].root.reason:
            self.refused[id(layer)] = str(made[0][0].root.reason)
        if has_weights:
            self._first[id(layer)] = inputs, made
        return made
