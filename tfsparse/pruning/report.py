"""`sparsity_report`: what is pruned in a model, how far, and what is not and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfsparse.pattern import block_sparsity
from tfsparse.pruning.binding import binding_of, children, pruned_layers
from tfsparse.pruning.prunable import has_matrix, refusal
from tfsparse.pruning.pruned_kernel import PrunedKernel
from tfsparse.pruning.wrapper import PruneBlockMixin

_HEADER = ("layer", "pattern", "shape", "target", "elements", "blocks")


@dataclasses.dataclass(frozen=True)
class KernelSparsity:
    """One pruned kernel.

    Attributes:
        layer: Name of the layer.
        pattern: Block pattern, as ``"4x1"``.
        shape: Shape of the kernel as the layer stores it.
        target: Sparsity that the schedule ends with.
        element_sparsity: Zero elements over all elements.
        block_sparsity: Share of elements that lie in all-zero blocks.
    """

    layer: str
    pattern: str
    shape: tuple[int, ...]
    target: float
    element_sparsity: float
    block_sparsity: float


@dataclasses.dataclass(frozen=True)
class SparsityReport:
    """Result of `tfsparse.sparsity_report`; prints as a table.

    Attributes:
        kernels: The pruned kernels.
        skipped: Name of each layer that is not pruned, and the reason.
        notes: What the reader should know besides.
    """

    kernels: tuple[KernelSparsity, ...]
    skipped: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def total_sparsity(self) -> float:
        """Zero elements over all elements of the pruned kernels."""
        sizes = [int(np.prod(kernel.shape)) for kernel in self.kernels]
        zeros = [
            kernel.element_sparsity * size for kernel, size in zip(self.kernels, sizes, strict=True)
        ]
        return sum(zeros) / sum(sizes) if sum(sizes) else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        kernels = [dataclasses.asdict(kernel) for kernel in self.kernels]
        return {
            "kernels": [{**kernel, "shape": list(kernel["shape"])} for kernel in kernels],
            "skipped": dict(self.skipped),
            "notes": list(self.notes),
            "total_sparsity": self.total_sparsity,
        }

    def __str__(self) -> str:
        rows = [_row(kernel) for kernel in self.kernels]
        lines = _table([_HEADER, *rows]) if rows else ["No layer is pruned."]
        if rows:
            lines.append(f"total sparsity of these kernels: {self.total_sparsity:.2%}")
        if self.skipped:
            lines.append("skipped:")
            lines += _table(list(self.skipped.items()), indent="  ")
        lines += self.notes
        return "\n".join(lines)


def sparsity_report(layer: Any) -> SparsityReport:
    """Looks at the sparsity of a model.

    Args:
        layer: A model or layer of Keras 3 or tf_keras, or a list of layers.

    Returns:
        A `SparsityReport`: ``print`` it for a table, or take ``as_dict()``.

    Raises:
        ValueError: If `layer` is no layer.

    Example:

    >>> print(tfsparse.sparsity_report(model))  # doctest: +SKIP
    layer  pattern  shape      target  elements  blocks
    dense  4x1      (64, 128)  90.00%    89.99%  89.99%
    total sparsity of these kernels: 89.99%
    """
    kernels: list[KernelSparsity] = []
    skipped: dict[str, str] = {}
    notes: list[str] = []
    for leaf in _leaves(layer):
        if not isinstance(leaf, PruneBlockMixin):
            if has_matrix(leaf):
                skipped[leaf.name] = refusal(leaf) or "not passed to `prune_block`, or excluded"
        elif leaf.pruning is None:
            skipped[leaf.name] = "wrapped, but not built yet"
        else:
            kernels += [_measure(leaf, kernel) for kernel in leaf.pruning.kernels]
            if not leaf.pruning.has_run:
                notes.append(
                    f"{leaf.name}: the schedule never ran; pass `tfsparse.UpdatePruning()` to `fit`"
                )
    return SparsityReport(tuple(kernels), skipped, tuple(notes))


def _leaves(layer: Any) -> Iterator[Any]:
    """Wrappers, and layers without wrappers in them, from the outside in."""
    if isinstance(layer, list | tuple):
        for one in layer:
            yield from _leaves(one)
        return
    binding = binding_of(layer)
    opaque = not isinstance(layer, binding.model_class) and not any(pruned_layers(layer))
    if opaque or isinstance(layer, PruneBlockMixin):
        yield layer
        return
    for child in children(layer):
        yield from _leaves(child)


def _measure(layer: Any, kernel: PrunedKernel) -> KernelSparsity:
    values = kernel.masked_values()
    return KernelSparsity(
        layer=kernel.owner_name,
        pattern=str(kernel.pattern),
        shape=kernel.view.shape,
        target=layer.schedule.target,
        element_sparsity=1.0 - np.count_nonzero(values) / values.size,
        block_sparsity=block_sparsity(kernel.view.to_matrix(values), kernel.pattern),
    )


def _row(kernel: KernelSparsity) -> tuple[str, ...]:
    shares = (kernel.target, kernel.element_sparsity, kernel.block_sparsity)
    return (
        kernel.layer,
        kernel.pattern,
        str(kernel.shape),
        *(f"{share:.2%}" for share in shares),
    )


def _table(rows: list[tuple[str, ...]], indent: str = "") -> list[str]:
    """Aligns columns: the first three to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if column < 3 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines
