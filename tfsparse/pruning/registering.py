"""`register_prunable`: kernels of layers that only their author knows.

tfsparse knows which attribute of a layer of Keras's own is a kernel, and which of
its axes are summed over. Of another class its author has to say so. What is
registered belongs to exactly that class, since a subclass may use its kernel in
another way, and is looked up by the class wherever a model is pruned or loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from tfsparse.pattern import KernelView

_Class = TypeVar("_Class", bound=type)
_AXIS = re.compile(r"[ioe]|\(([1-9][0-9]*)([io])\)")

# Class of a layer -> names of its kernels -> their axes.
_REGISTERED: dict[type, dict[str, str]] = {}


@overload
def register_prunable(layer_class: _Class, kernels: Mapping[str, str]) -> _Class: ...


@overload
def register_prunable(layer_class: Mapping[str, str]) -> Callable[[_Class], _Class]: ...


def register_prunable(layer_class: Any, kernels: Mapping[str, str] | None = None) -> Any:
    """Says which attributes of a class of layers are kernels that can be pruned.

    Use it as a function or as a decorator, in a module that is imported wherever
    models with such layers are pruned or loaded. It also makes layers prunable that
    tfsparse refuses by itself, such as `LSTM`.

    Args:
        layer_class: The class of the layer, of Keras 3 or tf_keras; subclasses of it
            are registered on their own. As a decorator, `kernels` takes its place.
        kernels: For each attribute that holds a kernel its axes, a letter each:
            ``"i"`` for inputs, which the layer sums over; ``"o"`` for output
            channels; ``"e"`` where each index has a matrix of its own, such as that
            of an expert. ``"(4o)"`` is an axis that joins 4 groups of outputs, such
            as the gates of an LSTM; no block reaches from one into the next, and
            likewise ``"(4i)"``. An attribute of an attribute is named with a dot.

    Returns:
        The class as it is.

    Raises:
        ValueError: If `layer_class` is no class of layers, or `kernels` does not map names
            to axes with an input and an output among them.

    Example:

    >>> @keras.saving.register_keras_serializable("my_package")
    ... @tfsparse.register_prunable({"experts": "eio"})
    ... class Experts(keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.experts = self.add_weight(shape=(3, input_shape[-1], 8))
    ...
    ...     def call(self, inputs):
    ...         return keras.ops.einsum("bi,eio->beo", inputs, self.experts)
    >>> layer = tfsparse.prune_block(Experts(), "4x1", tfsparse.OneShot(0.5))
    >>> layer(np.ones((2, 16), "float32")).shape
    TensorShape([2, 3, 8])

    The kernels of an LSTM, the gates kept apart:

    >>> class Memory(keras.layers.LSTM):
    ...     pass
    >>> gates = {"cell.kernel": "i(4o)", "cell.recurrent_kernel": "i(4o)"}
    >>> layer = tfsparse.prune_block(tfsparse.register_prunable(Memory, gates)(8), "4x1", 0.5)
    """
    if isinstance(layer_class, Mapping) and kernels is None:
        return lambda cls: register_prunable(cls, layer_class)
    if not isinstance(layer_class, type) or not hasattr(layer_class, "from_config"):
        raise ValueError(
            f"`layer_class` should be a class of layers. Received: layer_class={layer_class!r}"
        )
    _check_kernels(kernels)
    _REGISTERED[layer_class] = dict(kernels or {})
    return layer_class


def registered_kernels(layer: Any) -> dict[str, str]:
    """Names and axes of the kernels that are registered for the class of a layer."""
    return _REGISTERED.get(type(layer), {})


def view_of_axes(axes: str, shape: Sequence[int | None]) -> KernelView:
    """A kernel whose axes are as in `register_prunable`.

    Args:
        axes: The axes.
        shape: Shape of the kernel.

    Raises:
        ValueError: If the kernel has another number of axes, or one that does not
            divide into its groups.

    Example:

    >>> view_of_axes("i(4o)", (3, 32)).matrix_shape
    (8, 3)
    """
    parts = list(_AXIS.finditer(axes))
    sizes = [int(size) for size in shape if size is not None]
    groups = [int(part[1] or 1) for part in parts]
    if len(sizes) != len(parts) or any(s % g for s, g in zip(sizes, groups, strict=True)):
        raise ValueError(
            "`kernels` should name as many axes as a kernel has, each a multiple of its groups. "
            f"Received: axes={axes!r} for a kernel of shape {tuple(shape)}"
        )
    factors: list[int] = []
    of_kind: dict[str, list[int]] = {"i": [], "o": [], "e": []}
    for part, size, number in zip(parts, sizes, groups, strict=True):
        if number > 1:
            of_kind["e"].append(len(factors))
            factors.append(number)
        of_kind[part[2] or part[0]].append(len(factors))
        factors.append(size // number)
    out_axes, in_axes, group_axes = (tuple(of_kind[kind]) for kind in "oie")
    return KernelView(tuple(sizes), out_axes, in_axes, group_axes, tuple(factors))


def _check_kernels(kernels: Any) -> None:
    problem = f"Received: kernels={kernels!r}"
    if not isinstance(kernels, Mapping) or not kernels:
        raise ValueError(f"`kernels` should map names of attributes to their axes. {problem}")
    labels = [name.rpartition(".")[2] for name in kernels if isinstance(name, str)]
    if len(set(labels)) != len(kernels):
        raise ValueError(f"`kernels` should have a name of its own for each kernel. {problem}")
    for axes in kernels.values():
        kinds = "".join(part[2] or part[0] for part in _AXIS.finditer(str(axes)))
        if _AXIS.sub("", str(axes)) or not {"i", "o"} <= set(kinds):
            raise ValueError(
                "`kernels` should give axes as letters, at least one 'i' and one 'o', such as "
                f"'io', 'eio' or 'i(4o)'. {problem}"
            )
