"""Follows the channels of a model from layer to layer, nested models included.

A layer that is called several times has one kernel: what it makes in all calls is one space, and
what it reads is another one. Layers that share a variable with another one are fixed, since the
variable would have to be in two orders.
"""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.graph import is_graph, tied_layers
from tfsparse.pruning.rearrangement.calls import Call, calls_of, graph_of
from tfsparse.pruning.rearrangement.layer_channels import kind, outputs_of
from tfsparse.pruning.rearrangement.spaces import (
    Axis,
    Use,
    fix,
    fix_what_does_not_fit,
    join,
    new_axis,
)


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
        # By the id of a layer with weights: when it was called first, its uses and all its axes.
        self._first: dict[int, tuple[list[Use], list[Axis]]] = {}
        graph = graph_of(model)
        inputs = [new_axis(tensor, "they are inputs of the model") for tensor in graph.inputs]
        for axis in self._follow(model, inputs):
            fix(axis, "they are a result of the model")
        fix_what_does_not_fit(self.uses)

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
            return self._nested(call, inputs)
        uses: list[Use] = []
        made = outputs_of(call, inputs, uses)
        if id(layer) in self._tied:
            reason = f"{kind(layer)} {layer.name!r}: {self._tied[id(layer)]}"
            for axis in (*inputs, *made):
                fix(axis, reason)
        if not getattr(layer, "weights", ()):
            return made
        if not uses and made and made[0][0].root.reason:
            self.refused.setdefault(id(layer), str(made[0][0].root.reason))
        if id(layer) not in self._first:
            self._first[id(layer)] = uses, [*inputs, *made]
            self.uses += uses
        else:
            _join_calls(layer, *self._first[id(layer)], uses, [*inputs, *made])
        return made

    def _nested(self, call: Call, inputs: list[Axis]) -> list[Axis]:
        """A model that is called: its inputs are known by place, not by name."""
        graph = graph_of(call.layer)
        if len(inputs) == len(graph.inputs) and not _has_names(call):
            return self._follow(call.layer, inputs)
        reason = f"{call.layer.name!r} is called with names, masks or constants"
        fixed = [new_axis(tensor, reason) for tensor in graph.inputs]
        for axis in (*inputs, *self._follow(call.layer, fixed)):
            fix(axis, reason)
        return [new_axis(tensor, reason) for tensor in call.outputs]


def _has_names(call: Call) -> bool:
    """Whether inputs or outputs of a nested model are in dictionaries."""
    graph = graph_of(call.layer)
    names = ("_inputs_struct", "_outputs_struct", "_nested_inputs", "_nested_outputs")
    return any(map(_has_dict, [call.args, *(getattr(graph, name, None) for name in names)]))


def _has_dict(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_dict, value))
    return isinstance(value, dict)


def _join_calls(
    layer: Any, first: list[Use], axes: list[Axis], uses: list[Use], others: list[Axis]
) -> None:
    """Makes one what two calls of a layer read and make along the same axes of its variables."""
    reason = f"{layer.name!r} is called with channels of two kinds"
    one, two = ({(id(use.variable), use.axis): use.spaces for use in of} for of in (first, uses))
    if one.keys() != two.keys():
        for axis in (*axes, *others):
            fix(axis, reason)
        return
    for key, spaces in one.items():
        join(spaces, two[key], reason)
