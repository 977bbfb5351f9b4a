"""What layers with kernels do to the order of channels: they read some, and make new ones.

Each function is a rule as in `layer_channels`: it says along which axes of which variables the
channels of its inputs and of its output lie. Inputs that it does not consume are fixed.
"""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.layer_tree import flat
from tfsparse.pruning.prunable import PrunableKernel, adaptation, find_kernels
from tfsparse.pruning.rearrangement.calls import Call
from tfsparse.pruning.rearrangement.spaces import Axis, Use, fix, new_axis, refuse

Uses = list[Use]

_READ = ("query", "value", "key")


def kernel(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Dense and convolutions: the kernel's last two axes are inputs and outputs."""
    layer = call.layer
    if getattr(layer, "groups", 1) != 1:
        return refuse(call, inputs, f"{layer.name!r} is a convolution in groups")
    variable, swapped = layer.kernel, type(layer).__name__.endswith("Transpose")
    last = len(variable.shape) - 1
    axis_in, axis_out = (last, last - 1) if swapped else (last - 1, last)
    made = new_axis(call.outputs[0])
    uses.append(Use(variable, axis_in, inputs[0]))
    uses.append(Use(variable, axis_out, made, makes=None if swapped else _maker(layer, made)))
    return _with_bias(layer, made, uses)


def depthwise(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Depthwise convolutions: each channel has its own kernel."""
    layer = call.layer
    if layer.depth_multiplier != 1:
        return refuse(call, inputs, f"{layer.name!r} makes several channels of each")
    variable = layer.kernel if "kernel" in dir(layer) and layer.kernel is not None else None
    variable = layer.depthwise_kernel if variable is None else variable
    uses.append(Use(variable, len(variable.shape) - 2, inputs[0]))
    return _with_bias(layer, inputs[0], uses)


def separable(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Separable convolutions: a depthwise one, and one of a pixel."""
    layer = call.layer
    if layer.depth_multiplier != 1:
        return refuse(call, inputs, f"{layer.name!r} makes several channels of each")
    last = len(layer.pointwise_kernel.shape) - 1
    made = new_axis(call.outputs[0])
    uses.append(Use(layer.depthwise_kernel, last - 1, inputs[0]))
    uses.append(Use(layer.pointwise_kernel, last - 1, inputs[0]))
    uses.append(Use(layer.pointwise_kernel, last, made, makes=_maker(layer, made)))
    return _with_bias(layer, made, uses)


def einsum(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """EinsumDense that sums over the last axis of its input and makes the last of its output."""
    layer = call.layer
    operands, _, output = layer.equation.replace(" ", "").partition("->")
    given, _, letters = operands.partition(",")
    read, made_by = given[-1], output[-1]
    new = [letter for letter in letters if letter not in given]
    reads = read in letters and read not in output and given.count(read) == 1
    if "." in letters or not reads or new != [made_by]:
        return refuse(call, inputs, f"{layer.name!r} computes {layer.equation!r}")
    made = new_axis(call.outputs[0])
    uses.append(Use(layer.kernel, letters.index(read), inputs[0]))
    uses.append(Use(layer.kernel, letters.index(made_by), made, makes=_maker(layer, made)))
    # A bias along other axes only is the same for all channels.
    if getattr(layer, "bias", None) is not None and made_by in layer.bias_axes:
        uses.append(Use(layer.bias, len(layer.bias.shape) - 1, made))
    return made


def attention(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Attention of several heads: what is inside of a head keeps its order."""
    layer = call.layer
    axes = {id(tensor): axis for tensor, axis in zip(call.inputs, inputs, strict=True)}
    given = {**dict(zip(_READ, call.args, strict=False)), **call.kwargs}
    if given.get("key") is None:
        given["key"] = given.get("value")
    if any(id(given.get(name)) not in axes for name in _READ):
        return refuse(call, inputs, f"of {layer.name!r} it is not known what it attends to")
    projections = [getattr(layer, f"_{name}_dense") for name in _READ]
    output = layer._output_dense
    if (reason := _unknown_parts(layer, [*projections, output])) is not None:
        return refuse(call, inputs, reason)
    for name, projection in zip(_READ, projections, strict=True):
        uses.append(Use(projection.kernel, 0, axes[id(given[name])]))
    _fix_others(call, inputs)
    made = new_axis(call.outputs[0])
    last = len(output.kernel.shape) - 1
    uses.append(Use(output.kernel, last, made, makes=_maker(output, made)))
    if getattr(output, "bias", None) is not None:
        uses.append(Use(output.bias, len(output.bias.shape) - 1, made))
    return made


def embedding(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Embeddings make channels; the places of the ids keep their order."""
    fix(inputs[0], f"{call.layer.name!r} looks them up")
    made = new_axis(call.outputs[0])
    uses.append(Use(call.layer.embeddings, 1, made))
    return made


def _unknown_parts(layer: Any, known: list[Any]) -> str | None:
    """Why it is not known where all weights of attention lie, or None."""
    for part in known:
        if (reason := adaptation(part)) is not None:
            return f"{part.name!r} of {layer.name!r}: {reason}"
    held = {id(weight) for part in known for weight in part.weights}
    if any(id(weight) not in held for weight in layer.weights):
        return f"{layer.name!r} has weights of its own"
    return None


def _fix_others(call: Call, inputs: list[Axis]) -> None:
    """Fixes what attention does not read as channels, such as a mask."""
    others = [*call.args[3:], *(call.kwargs[name] for name in call.kwargs if name not in _READ)]
    for tensor, axis in zip(call.inputs, inputs, strict=True):
        if any(value is tensor for value in flat(others)):
            fix(axis, f"{call.layer.name!r} takes them as a mask")


def _maker(layer: Any, made: Axis) -> PrunableKernel | None:
    """The kernel of a layer if its rows are the channels that it makes."""
    size = sum(space.size for space in made)
    for found in find_kernels(layer):
        if found.view.groups == 1 and found.view.matrix_shape[0] == size:
            return found
    return None


def _with_bias(layer: Any, made: Axis, uses: Uses) -> Axis:
    if getattr(layer, "bias", None) is not None:
        uses.append(Use(layer.bias, 0, made))
    return made
