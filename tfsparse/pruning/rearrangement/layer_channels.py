"""What each layer of Keras does to the order of channels, the last axis of its inputs.

A layer passes channels on (an activation, pooling), makes new ones of them (a kernel), puts them
side by side, or adds those of several inputs. Where none of this is known, as of a layer of a
user's own, its inputs are fixed, and so are its outputs.

To add a layer: its name in `_PASSES` or a function in `_RULES`. Layers are known by the exact
names of their classes, as in `prunable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from tfsparse.pruning.prunable import adaptation, find_kernels
from tfsparse.pruning.rearrangement.calls import Call
from tfsparse.pruning.rearrangement.spaces import Axis, Space, Use, fix, join

Uses = list[Use]
Rule = Callable[[Call, list[Axis], Uses], Axis]

_ACTIVATIONS = {
    *("celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"),
    *("leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "swish", "tanh"),
    *("hard_shrink", "squareplus", "tanh_shrink", "threshold", "log_sigmoid"),
}
"""Functions of Keras that treat all channels alike."""

_SIZES = ("1D", "2D", "3D")
_PASSES = {
    *("Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout"),
    *(
        "GaussianNoise",
        "Identity",
        "LeakyReLU",
        "ReLU",
        "RepeatVector",
        "Softmax",
        "ThresholdedReLU",
    ),
    *(
        f"{name}{size}"
        for name in ("AveragePooling", "Cropping", "GlobalAveragePooling", "GlobalMaxPooling")
        for size in _SIZES
    ),
    *(f"{name}{size}" for name in ("MaxPooling", "SpatialDropout") for size in _SIZES),
    *(f"{name}{size}" for name in ("UpSampling", "ZeroPadding") for size in _SIZES),
    # Bare operations.
    *("Abs", "Absolute", "Elu", "Exp", "Gelu", "HardSigmoid", "LeakyRelu", "Negative", "Relu"),
    *("Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Sqrt", "Square", "Tanh"),
}
_MERGES = {
    *("Add", "Average", "Divide", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("__operators__.add", "math.add", "math.multiply", "math.subtract"),  # tf_keras's functions
}
_STOCK = ("keras", "tf_keras")


def outputs_of(call: Call, inputs: list[Axis], uses: Uses) -> list[Axis]:
    """Spaces of the outputs of a call.

    Args:
        call: The call.
        inputs: Spaces of its inputs.
        uses: What the layer does with them is added to it.
    """
    layer = call.layer
    rule = _rule_of(layer)
    problem = None if rule is not None else f"{kind(layer)} {layer.name!r} is not known"
    if getattr(layer, "data_format", None) == "channels_first":
        problem = f"{layer.name!r} has its channels first"
    elif (why := _unknown_activation(layer)) is not None:
        problem = why
    if rule is None or problem is not None or len(call.outputs) != 1:
        problem = problem or f"{layer.name!r} has several outputs"
        for axis in inputs:
            fix(axis, problem)
        return [new_axis(tensor, problem) for tensor in call.outputs]
    return [rule(call, inputs, uses)]


def new_axis(tensor: Any, reason: str | None = None) -> Axis:
    """A new space for the last axis of a tensor."""
    shape = tuple(tensor.shape)
    size = shape[-1] if shape else None
    return (Space(int(size or 0), reason or (None if size else "its size is not known")),)


def kind(layer: Any) -> str:
    """Name of the class of a layer, or of the function that it stands for."""
    return str(getattr(layer, "symbol", None) or type(layer).__name__)


def _rule_of(layer: Any) -> Rule | None:
    if type(layer).__module__.partition(".")[0] not in _STOCK:
        return None
    name = kind(layer)
    if name in _PASSES:
        return _pass
    return _merge if name in _MERGES else _RULES.get(name)


def _unknown_activation(layer: Any) -> str | None:
    activation = getattr(layer, "activation", None)
    if activation is None or type(layer).__name__ in ("LSTM", "GRU"):
        return None
    name = getattr(activation, "__name__", None) or getattr(activation, "name", "")
    stock = (
        type(activation).__module__.partition(".")[0] in _STOCK
        or getattr(activation, "__module__", "").partition(".")[0] in _STOCK
    )
    if stock and name in _ACTIVATIONS:
        return None
    return f"the activation of {layer.name!r} is not one of Keras's own"


def _pass(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    if len(inputs) != 1 or getattr(call.layer, "axis", -1) not in (-1, [-1], (-1,)):
        return _refuse(call, inputs, f"{call.layer.name!r} works along another axis")
    return inputs[0]


def _refuse(call: Call, inputs: list[Axis], reason: str) -> Axis:
    for axis in inputs:
        fix(axis, reason)
    return new_axis(call.outputs[0], reason)


def _merge(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    rank = len(call.outputs[0].shape)
    if any(len(tensor.shape) != rank for tensor in call.inputs) or _has_arrays(call):
        return _refuse(call, inputs, f"{call.layer.name!r} adds what is no other layer's result")
    # What has one channel is the same for all.
    wide = [axis for axis in inputs if sum(space.size for space in axis) > 1] or inputs[:1]
    for axis in wide[1:]:
        join(wide[0], axis, f"{call.layer.name!r} adds channels that are put together in two ways")
    return wide[0]


def _has_arrays(call: Call) -> bool:
    """Whether a call is given a constant that is more than one number."""
    tensors = {id(tensor) for tensor in call.inputs}
    given = [*_leaves(call.args), *_leaves(call.kwargs)]
    return any(id(value) not in tensors and getattr(value, "shape", ()) for value in given)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _concatenate(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    rank = len(call.outputs[0].shape)
    if call.layer.axis in (-1, rank - 1):
        return tuple(space for axis in inputs for space in axis)
    return _merge(call, inputs, uses)


def _flatten(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    pixels = call.inputs[0].shape[1:-1]
    if any(size is None for size in pixels):
        return _refuse(call, inputs, f"{call.layer.name!r} flattens images of open size")
    return inputs[0] * int(math.prod(pixels))


def _reshape(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    size = sum(space.size for space in inputs[0])
    if call.outputs[0].shape[-1] == size:
        return inputs[0]
    return _refuse(call, inputs, f"{call.layer.name!r} mixes channels with other axes")


def _permute(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    if call.layer.dims[-1] == len(call.layer.dims):
        return inputs[0]
    return _refuse(call, inputs, f"{call.layer.name!r} moves the axis of the channels")


def _normalization(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    axes = call.layer.axis
    axes = [axes] if isinstance(axes, int) else list(axes)
    if len(axes) != 1 or axes[0] not in (-1, len(call.inputs[0].shape) - 1):
        return _refuse(call, inputs, f"{call.layer.name!r} works along another axis")
    uses += [Use(variable, 0, inputs[0]) for variable in _vectors(call.layer, inputs[0])]
    return inputs[0]


def _vectors(layer: Any, axis: Axis) -> list[Any]:
    size = sum(space.size for space in axis)
    return [variable for variable in layer.weights if tuple(variable.shape) == (size,)]


def _prelu(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    alpha = call.layer.alpha
    if alpha.shape[-1] != 1:
        uses.append(Use(alpha, len(alpha.shape) - 1, inputs[0]))
    return inputs[0]


def _kernel(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Dense and convolutions: the kernel's last two axes are inputs and outputs."""
    layer = call.layer
    if (reason := adaptation(layer)) is not None:
        return _refuse(call, inputs, f"{layer.name!r}: {reason}")
    if getattr(layer, "groups", 1) != 1:
        return _refuse(call, inputs, f"{layer.name!r} is a convolution in groups")
    kernel, swapped = layer.kernel, type(layer).__name__.endswith("Transpose")
    last = len(kernel.shape) - 1
    axis_in, axis_out = (last, last - 1) if swapped else (last - 1, last)
    made = new_axis(call.outputs[0])
    found = [] if swapped else find_kernels(layer)
    uses.append(Use(kernel, axis_in, inputs[0]))
    uses.append(Use(kernel, axis_out, made, makes=found[0] if found else None))
    return _with_bias(layer, made, uses)


def _with_bias(layer: Any, made: Axis, uses: Uses) -> Axis:
    if getattr(layer, "bias", None) is not None:
        uses.append(Use(layer.bias, 0, made))
    return made


def _depthwise(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    layer = call.layer
    if layer.depth_multiplier != 1:
        return _refuse(call, inputs, f"{layer.name!r} makes several channels of each")
    kernel = layer.kernel if "kernel" in dir(layer) and layer.kernel is not None else None
    kernel = layer.depthwise_kernel if kernel is None else kernel
    uses.append(Use(kernel, len(kernel.shape) - 2, inputs[0]))
    return _with_bias(layer, inputs[0], uses)


def _separable(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    layer = call.layer
    if layer.depth_multiplier != 1:
        return _refuse(call, inputs, f"{layer.name!r} makes several channels of each")
    last = len(layer.pointwise_kernel.shape) - 1
    made = new_axis(call.outputs[0])
    uses.append(Use(layer.depthwise_kernel, last - 1, inputs[0]))
    uses.append(Use(layer.pointwise_kernel, last - 1, inputs[0]))
    uses.append(Use(layer.pointwise_kernel, last, made, makes=find_kernels(layer)[0]))
    return _with_bias(layer, made, uses)


def _einsum(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    layer = call.layer
    operands, _, output = layer.equation.replace(" ", "").partition("->")
    given, _, letters = operands.partition(",")
    read, made_by = given[-1], output[-1]
    new = [letter for letter in letters if letter not in given]
    reads = read in letters and read not in output
    if adaptation(layer) is not None or not reads or new != [made_by]:
        return _refuse(call, inputs, f"{layer.name!r} computes {layer.equation!r}")
    made = new_axis(call.outputs[0])
    uses.append(Use(layer.kernel, letters.index(read), inputs[0]))
    found = find_kernels(layer)[0]
    alone = (
        found.view.groups == 1
        and found.view.matrix_shape[0] == layer.kernel.shape[letters.index(made_by)]
    )
    uses.append(Use(layer.kernel, letters.index(made_by), made, makes=found if alone else None))
    if getattr(layer, "bias", None) is not None:
        uses.append(Use(layer.bias, len(layer.bias.shape) - 1, made))
    return made


def _attention(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    """Attention of several heads: what is inside of a head keeps its order."""
    layer = call.layer
    axes = {id(tensor): axis for tensor, axis in zip(call.inputs, inputs, strict=True)}
    names = ("query", "value", "key")
    given = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    if given.get("key") is None:
        given["key"] = given.get("value")
    if any(id(given.get(name)) not in axes for name in names):
        return _refuse(call, inputs, f"of {layer.name!r} it is not known what it attends to")
    for name in names:
        kernel = getattr(layer, f"_{name}_dense").kernel
        uses.append(Use(kernel, 0, axes[id(given[name])]))
    output = layer._output_dense
    made = new_axis(call.outputs[0])
    last = len(output.kernel.shape) - 1
    uses.append(Use(output.kernel, last, made, makes=find_kernels(output)[0]))
    return _with_bias(output, made, uses)


def _embedding(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    if (reason := adaptation(call.layer)) is not None:
        return _refuse(call, inputs, f"{call.layer.name!r}: {reason}")
    made = new_axis(call.outputs[0])
    uses.append(Use(call.layer.embeddings, 1, made))
    return made


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("BatchNormalization", "LayerNormalization", "RMSNormalization"), _normalization
    ),
    **dict.fromkeys(("Dense", *(f"Conv{size}" for size in _SIZES)), _kernel),
    **dict.fromkeys((f"Conv{size}Transpose" for size in _SIZES), _kernel),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    **dict.fromkeys(("GroupedQueryAttention", "MultiHeadAttention"), _attention),
    "Concatenate": _concatenate,
    "EinsumDense": _einsum,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "Permute": _permute,
    "PReLU": _prelu,
    "Reshape": _reshape,
}
