"""Sets of channels that have one order: who makes them, who reads them, who must not see it change.

A space is the last axis of some tensors. What makes it (the outputs of a kernel), what goes with
it (a bias, a normalization) and what reads it (the inputs of the next kernel) are its uses, and
are permuted together. Tensors that are added have the same space: two spaces become one
(union-find). A space that somebody sees who cannot be told of the order, such as the caller of
the model, is fixed, with the reason.

The last axis of a tensor may be several spaces side by side: after a concatenation, or flattened,
where each pixel has all channels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.pruning.rearrangement.calls import Call

Axis = tuple["Space", ...]
"""The last axis of a tensor: spaces side by side."""


@dataclasses.dataclass(eq=False)
class Space:
    """A set of channels.

    Attributes:
        size: How many.
        reason: Why their order may not change; None if it may.
        parent: The space that this one has become a part of, or None.
    """

    size: int
    reason: str | None = None
    parent: Space | None = None

    @property
    def root(self) -> Space:
        """The space that this one is now."""
        space = self
        while space.parent is not None:
            space = space.parent
        return space

    def fix(self, reason: str) -> None:
        """From now on its order may not change."""
        root = self.root
        root.reason = root.reason or reason

    def join(self, other: Space) -> None:
        """From now on both are one."""
        one, two = self.root, other.root
        if one is not two:
            two.parent = one
            one.reason = one.reason or two.reason


@dataclasses.dataclass(frozen=True, eq=False)
class Use:
    """An axis of a variable whose order is that of spaces.

    Attributes:
        variable: The variable.
        axis: Which of its axes.
        spaces: The spaces along it.
        makes: The `PrunableKernel` whose rows these are, or None.
    """

    variable: Any
    axis: int
    spaces: Axis
    makes: Any | None = None


def fix(axis: Axis, reason: str) -> None:
    """Fixes all spaces of an axis."""
    for space in axis:
        space.fix(reason)


def join(one: Axis, other: Axis, reason: str) -> None:
    """Makes two axes one; if they are made of different parts, both are fixed.

    Args:
        one: An axis.
        other: An axis.
        reason: Why they are fixed then.
    """
    if [space.size for space in one] != [space.size for space in other]:
        fix(one, reason)
        fix(other, reason)
        return
    for left, right in zip(one, other, strict=True):
        left.join(right)


def new_axis(tensor: Any, reason: str | None = None) -> Axis:
    """A new space for the last axis of a tensor."""
    shape = tuple(tensor.shape)
    size = shape[-1] if shape else None
    return (Space(int(size or 0), reason or (None if size else "its size is not known")),)


def refuse(call: Call, inputs: list[Axis], reason: str) -> Axis:
    """Fixes the inputs of a call, and gives a fixed axis for its output."""
    for axis in inputs:
        fix(axis, reason)
    return new_axis(call.outputs[0], reason)


def fix_what_does_not_fit(uses: Sequence[Use]) -> None:
    """Fixes the spaces of all uses of which the variable could not be permuted.

    So a permutation that has begun does not fail in the middle.
    """
    for use in uses:
        shape = tuple(getattr(use.variable, "shape", ()))
        size = sum(space.size for space in use.spaces)
        if not hasattr(use.variable, "assign"):
            fix(use.spaces, "a tensor that has them is no variable")
        elif use.axis >= len(shape) or shape[use.axis] != size:
            name = getattr(use.variable, "path", None) or use.variable.name
            fix(use.spaces, f"axis {use.axis} of {name!r} has another size")


def places(axis: Axis, orders: dict[int, np.ndarray]) -> np.ndarray:
    """Where each element of an axis comes from.

    Args:
        axis: The axis.
        orders: By the id of a root its new order; those that are missing stay.
    """
    parts, start = [], 0
    for space in axis:
        order = orders.get(id(space.root))
        parts.append(start + (np.arange(space.size) if order is None else order))
        start += space.size
    return np.concatenate(parts)


def rearranged(uses: Sequence[Use], orders: dict[int, np.ndarray]) -> list[tuple[Any, np.ndarray]]:
    """New values of all variables that change.

    Args:
        uses: All uses of all spaces.
        orders: As in `places`.

    Returns:
        Variables, each once, and their values.
    """
    values: dict[int, tuple[Any, np.ndarray]] = {}
    for use in uses:
        if any(id(space.root) in orders for space in use.spaces):
            _, value = values.get(id(use.variable), (None, use.variable.numpy()))
            value = np.take(value, places(use.spaces, orders), axis=use.axis)
            values[id(use.variable)] = use.variable, value
    return list(values.values())
