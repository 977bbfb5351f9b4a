"""What each layer of Keras does to the order of channels, the last axis of its inputs.

A layer passes channels on (an activation, pooling), makes new ones of them (a kernel), puts them
side by side, or adds those of several inputs. Where none of this is known, as of a layer of a
user's own, its inputs are fixed, and so are its outputs.

To add a layer: its name in `_PASSES` or a function in `_RULES`. Layers are known by the exact
names of their classes, as in `prunable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsparse.pruning.prunable import adaptation
from tfsparse.pruning.rearrangement import kernel_channels
from tfsparse.pruning.rearrangement.calls import Call
from tfsparse.pruning.rearrangement.spaces import Axis, Use, fix, join, new_axis, refuse

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
    rule = _rule_of(call.layer)
    problem = _problem(call, rule)
    if rule is None or problem is not None:
        for axis in inputs:
            fix(axis, str(problem))
        return [new_axis(tensor, problem) for tensor in call.outputs]
    return [rule(call, inputs, uses)]


def _problem(call: Call, rule: Rule | None) -> str | None:
    """Why nothing is known of what a call does to channels, or None."""
    layer = call.layer
    if rule is None:
        return f"{kind(layer)} {layer.name!r} is not known"
    if getattr(layer, "data_format", None) == "channels_first":
        return f"{layer.name!r} has its channels first"
    if (changed := adaptation(layer)) is not None:
        return f"{layer.name!r}: {changed}"
    if len(call.outputs) != 1:
        return f"{layer.name!r} has several outputs"
    if rule not in _SEVERAL and len(call.inputs) != 1:
        return f"{layer.name!r} is called with a mask, or with several inputs"
    # Attention reads channels by name; what else it is given has none of them.
    if rule is not kernel_channels.attention and not _are_inputs_or_numbers(call):
        return f"{layer.name!r} is given what is no other layer's result"
    return _unknown_activation(layer)


def _are_inputs_or_numbers(call: Call) -> bool:
    """Whether each argument of a call is an input, one number, or a setting.

    A constant of several numbers, as an array or as a list, has a place for each channel.
    """
    tensors = {id(tensor) for tensor in call.inputs}

    def known(value: Any) -> bool:
        if id(value) in tensors or value is None or isinstance(value, str):
            return True
        return not isinstance(value, list | tuple | dict) and _is_number(value)

    merged = call.args[:1] or (call.kwargs.get("inputs"), call.kwargs.get("xs"))
    lists = [value for value in merged if isinstance(value, list | tuple)]
    inner = [item for value in lists for item in value]
    if any(id(item) not in tensors for item in inner):
        return False
    ids = {id(value) for value in lists}
    return all(id(value) in ids or known(value) for value in (*call.args, *call.kwargs.values()))


def _is_number(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return np.isscalar(value) if shape is None else tuple(shape) == ()


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
    name = getattr(activation, "__name__", "")
    stock = str(getattr(activation, "__module__", "")).partition(".")[0] in _STOCK
    if stock and name in _ACTIVATIONS:
        return None
    return f"the activation of {layer.name!r} is not one of Keras's own"


def _pass(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    if getattr(call.layer, "axis", -1) not in (-1, [-1], (-1,)):
        return refuse(call, inputs, f"{call.layer.name!r} works along another axis")
    return inputs[0]


def _merge(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    rank = len(call.outputs[0].shape)
    if any(len(tensor.shape) != rank for tensor in call.inputs):
        return refuse(call, inputs, f"{call.layer.name!r} adds results of other ranks")
    # What has one channel is the same for all.
    wide = [axis for axis in inputs if sum(space.size for space in axis) != 1] or inputs[:1]
    for axis in wide[1:]:
        join(wide[0], axis, f"{call.layer.name!r} adds channels that are put together in two ways")
    return wide[0]


def _concatenate(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    shape = tuple(call.outputs[0].shape)
    if call.layer.axis not in (-1, len(shape) - 1):
        return _merge(call, inputs, uses)
    spaces = tuple(space for axis in inputs for space in axis)
    if sum(space.size for space in spaces) != shape[-1]:
        return refuse(call, inputs, f"{call.layer.name!r} adds channels of an open size")
    return spaces


def _flatten(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    pixels = call.inputs[0].shape[1:-1]
    if any(size is None for size in pixels):
        return refuse(call, inputs, f"{call.layer.name!r} flattens images of open size")
    return inputs[0] * int(math.prod(pixels))


def _reshape(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    size = sum(space.size for space in inputs[0])
    if call.outputs[0].shape[-1] == size:
        return inputs[0]
    return refuse(call, inputs, f"{call.layer.name!r} mixes channels with other axes")


def _permute(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    if call.layer.dims[-1] == len(call.layer.dims):
        return inputs[0]
    return refuse(call, inputs, f"{call.layer.name!r} moves the axis of the channels")


def _normalization(call: Call, inputs: list[Axis], uses: Uses) -> Axis:
    axes = call.layer.axis
    axes = [axes] if isinstance(axes, int) else list(axes)
    if len(axes) != 1 or axes[0] not in (-1, len(call.inputs[0].shape) - 1):
        return refuse(call, inputs, f"{call.layer.name!r} works along another axis")
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


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("BatchNormalization", "LayerNormalization", "RMSNormalization"), _normalization
    ),
    **dict.fromkeys(("Dense", *(f"Conv{size}" for size in _SIZES)), kernel_channels.kernel),
    **dict.fromkeys((f"Conv{size}Transpose" for size in _SIZES), kernel_channels.kernel),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), kernel_channels.depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), kernel_channels.separable),
    **dict.fromkeys(("GroupedQueryAttention", "MultiHeadAttention"), kernel_channels.attention),
    "Concatenate": _concatenate,
    "EinsumDense": kernel_channels.einsum,
    "Embedding": kernel_channels.embedding,
    "Flatten": _flatten,
    "Permute": _permute,
    "PReLU": _prelu,
    "Reshape": _reshape,
}
_SEVERAL = (_merge, _concatenate, kernel_channels.attention)
"""Rules of layers with several inputs; each fixes those that it does not consume."""
