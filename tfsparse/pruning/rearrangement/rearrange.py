"""`rearrange`: puts output channels into an order in which blocks hold what belongs together.

A block Ax1 goes or stays as a whole. Which A channels make one is an accident of their order, and
the order is free: if the outputs of a layer are permuted and the inputs of the next one likewise,
the model computes what it did. So channels that need the same inputs are put into one block
(`grouping`), and the permutation is undone where the channels are read (`channels`).

Cost: that of `grouping` for each set of channels.

Reference:

- Lin et al., "1xN Pattern for Pruning Convolutional Neural Networks", 2022.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import BlockPattern, Pattern, parse_pattern
from tfsparse.pruning.binding import binding_of, pruned_layers
from tfsparse.pruning.graph import is_graph
from tfsparse.pruning.prunable import find_kernels
from tfsparse.pruning.rearrangement.channels import Channels
from tfsparse.pruning.rearrangement.grouping import grouped, kept_share
from tfsparse.pruning.rearrangement.spaces import Space, Use, rearranged
from tfsparse.pruning.schedules import check_sparsity


@dataclasses.dataclass(frozen=True)
class Rearrangement:
    """Result of `tfsparse.rearrange`; prints as a table.

    Attributes:
        gains: For each kernel whose output channels have moved: the share of its sum of squares
            that its best blocks held before, and hold now.
        reasons: For each other kernel, why its channels have not moved.

    Example:

    >>> print(Rearrangement({"hidden": (0.5, 0.75)}, {"last": "they are a result of the model"}))
    kernel  kept before  after
    hidden       50.00% 75.00%
    last    as it was: they are a result of the model
    """

    gains: dict[str, tuple[float, float]]
    reasons: dict[str, str]

    def __str__(self) -> str:
        width = max(map(len, [*self.gains, *self.reasons, "kernel"]))
        lines = [f"{'kernel':{width}}  kept before  after"]
        lines += [f"{name:{width}}  {a:11.2%} {b:6.2%}" for name, (a, b) in self.gains.items()]
        lines += [f"{name:{width}}  as it was: {why}" for name, why in self.reasons.items()]
        return "\n".join(lines)


def rearrange(model: Any, pattern: str | Pattern = "4x1", sparsity: float = 0.5) -> Rearrangement:
    """Permutes output channels so that pruning in blocks loses less.

    The inputs of the layers that read these channels are permuted alike. So the model computes what
    it did, but for rounding: only weights change. Call it before
    `tfsparse.prune_block` or `tfsparse.prune_one_shot`. A model that was compiled has to be
    compiled again, since its optimizer does not know of the order.

    Channels are followed through Dense, convolutions, attention, embeddings, activations, pooling,
    normalization, sums and concatenations, in Sequential, functional and nested models. Where
    channels are added, as along the blocks of a ResNet's stage, all have one order. Inputs and
    results of the model keep theirs, and so do channels that a layer reads of which this is not
    known: convolutions in groups, recurrent layers, layers of a user's own.

    Args:
        model: A built Sequential or functional model of Keras 3 or tf_keras, without layers from
            `tfsparse.prune_block`. Its weights are changed.
        pattern: A pattern ``"AxB"`` with A greater than 1.
        sparsity: Share of blocks that will be pruned, in (0, 1).

    Returns:
        A `Rearrangement`: which kernels have gained, and why the others have not.

    Raises:
        ValueError: If an argument is wrong, or if the order of no channels may change; the reasons
            are named.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((2,)),
    ...     keras.layers.Dense(4, use_bias=False, name="hidden"),
    ...     keras.layers.Dense(2, name="last"),
    ... ])
    >>> model.layers[0].set_weights([np.array([[9.0, 0, 9, 0], [0, 9, 0, 9]])])
    >>> print(tfsparse.rearrange(model, "2x1", 0.5))
    kernel  kept before  after
    hidden       50.00% 100.00%
    last    as it was: they are a result of the model
    >>> model.layers[0].get_weights()[0].tolist()
    [[9.0, 9.0, 0.0, 0.0], [0.0, 0.0, 9.0, 9.0]]
    """
    parsed = _checked(model, parse_pattern(pattern), sparsity)
    channels = Channels(model)
    uses = channels.uses
    spaces = {id(s.root): s.root for use in uses if use.makes is not None for s in use.spaces}
    orders: dict[int, np.ndarray] = {}
    gains: dict[int, tuple[float, float]] = {}
    for key, space in spaces.items():
        if space.reason is None and space.size > parsed.out:
            found = _order(space, uses, parsed, sparsity)
            if found is not None:
                orders[key], of_kernels = found
                gains |= of_kernels
    _assign(rearranged(uses, orders))
    return _report(model, channels, gains)


def _checked(model: Any, pattern: Pattern, sparsity: float) -> BlockPattern:
    """The pattern, where it and all else is what rearranging can work with."""
    if not is_graph(model) or not model.built:
        raise ValueError(
            "`model` should be a Sequential or functional model that is built: of a model of a "
            "class of its own it is not known where channels go. "
            f"Received: {getattr(model, 'name', model)!r} of type {type(model).__name__}"
        )
    binding_of(model)
    if any(pruned_layers(model)):
        raise ValueError(
            "`model` should have no layer from `prune_block`: rearrange it before. "
            f"Received: model={model.name!r}"
        )
    if not isinstance(pattern, BlockPattern) or pattern.out == 1:
        raise ValueError(
            "`pattern` should be 'AxB' with A greater than 1: in others the order of output "
            f"channels changes nothing. Received: pattern='{pattern}'"
        )
    if check_sparsity("sparsity", sparsity) == 0.0:
        raise ValueError(f"`sparsity` should be greater than 0. Received: sparsity={sparsity}")
    return pattern


def _assign(values: Sequence[tuple[Any, np.ndarray]]) -> None:
    """Assigns all values; if that ends early, the old ones again."""
    before = [(variable, variable.numpy()) for variable, _ in values]
    try:
        for variable, value in values:
            variable.assign(value)
    except BaseException:
        for variable, value in before:
            variable.assign(value)
        raise


def _order(
    space: Space, uses: Sequence[Use], pattern: BlockPattern, sparsity: float
) -> tuple[np.ndarray, dict[int, tuple[float, float]]] | None:
    """A better order of a space, and what its kernels gain; None if there is none."""
    makers = [use.makes for use in uses if use.makes is not None and use.spaces[0].root is space]
    squares = [np.square(_matrix(kernel)) for kernel in makers]
    order = grouped(squares, pattern.out, sparsity)
    before, after = (
        [kept_share(one, pattern.out, pattern.in_, sparsity) for one in matrices]
        for matrices in (squares, [one[order] for one in squares])
    )
    if sum(after) <= sum(before) + 1e-6 * len(before):
        return None
    gains = zip(before, after, strict=True)
    return order, {id(kernel.variable): gain for kernel, gain in zip(makers, gains, strict=True)}


def _matrix(kernel: Any) -> np.ndarray:
    matrices = kernel.view.to_matrices(kernel.variable.numpy())
    return np.asarray(matrices[0], np.float64)


def _report(model: Any, channels: Channels, gains: dict[int, tuple[float, float]]) -> Rearrangement:
    uses = channels.uses
    why = {id(use.makes.variable): use.spaces[0].root for use in uses if use.makes is not None}
    found: dict[str, tuple[float, float]] = {}
    reasons: dict[str, str] = {}
    for kernel in find_kernels(model):
        key = id(kernel.variable)
        if key in gains:
            found[kernel.path] = gains[key]
        elif key in why:
            reasons[kernel.path] = why[key].reason or "no order that was found keeps more"
        else:
            reasons[kernel.path] = channels.refused.get(
                id(kernel.owner),
                "it is inside of a layer, or a head of attention, that is not looked into",
            )
    if not found and all(space.reason for space in why.values()):
        listed = "; ".join(f"{path}: {reason}" for path, reason in reasons.items())
        raise ValueError(
            "`model` should have channels whose order can be undone where they are read. "
            f"Received: {model.name!r} ({listed})"
        )
    return Rearrangement(found, reasons)
