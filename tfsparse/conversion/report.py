"""What a conversion did to each product and convolution of a model, and why not."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tfsparse.conversion.layer_name import is_named


@dataclasses.dataclass(frozen=True)
class OpReport:
    """One product or convolution of the model.

    Attributes:
        layer: The layer's name as the user knows it, with the names of those it lies in before
            it, as in ``"encoder/dense"``.
        node: Name of the node in the converted graph.
        signatures: Signatures that the node serves.
        converted: Whether the block-sparse op took its place.
        shape: Shape ``(out, in)`` of the weights, those of a convolution with all pixels of its
            window as inputs; of the constant as it is where it is no matrix;
            None if there is none.
        zeros: Share of zeros among the weights, or None.
        block: Block shape such as ``"16x4"``, or None if it stayed.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``, or None if it stayed.
        input: Type of the activations it takes: ``"float32"`` or ``"uint8"``, or None.
        output: Type of the activations it gives, or None.
        fused: What the op does to its sums besides: any of ``"bias"``, ``"residual"`` and
            the name of an activation; empty if it stayed.
        chain: Names of the layers that run as one op with this one, each on the result of
            the one before, this one among them; empty if it runs alone.
        speedup: Predicted (or with ``tune=True`` measured) time of the dense op over that of
            the sparse one, or None.
        error: Error that the precision adds to the layer's result, relative to it, on the
            calibration data; None where it was not measured.
        reason: Why it was converted or why it stayed.
    """

    layer: str
    node: str
    signatures: tuple[str, ...]
    converted: bool
    shape: tuple[int, ...] | None
    zeros: float | None
    block: str | None
    precision: str | None
    input: str | None
    output: str | None
    fused: tuple[str, ...]
    chain: tuple[str, ...]
    speedup: float | None
    error: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class WholeLayerReport:
    """A layer of the model that is several ops of TensorFlow, and no product alone.

    Attributes:
        layer: The layer's name as the user knows it.
        kind: ``"attention"``, ``"normalization"`` or ``"interaction"``, lookups in tables and dot
            products of all pairs of their rows.
        node: Name of the node that gives its result.
        signatures: Signatures that the node serves.
        converted: Whether one op took its place.
        reason: Why it stayed.
    """

    layer: str
    kind: str
    node: str
    signatures: tuple[str, ...]
    converted: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """All products and convolutions of a model, as a table.

    ``str(report)`` is an aligned table, `as_dict` plain data for JSON, and the report
    itself a sequence of `OpReport`.

    Attributes:
        ops: One entry per product or convolution, in the order of the graph.
        notes: What else is to be said, a sentence each.
        whole_layers: One entry per attention, normalization and interaction.

    Example:

    >>> layers = [keras.layers.Input((256,)), keras.layers.Dense(512, name="hidden")]
    >>> report = tfsparse.convert(keras.Sequential(layers)).report
    >>> len(report), report["hidden"].shape, report["hidden"].converted
    (1, (512, 256), False)
    """

    ops: tuple[OpReport, ...]
    notes: tuple[str, ...] = ()
    whole_layers: tuple[WholeLayerReport, ...] = ()

    def __iter__(self) -> Iterator[OpReport]:
        return iter(self.ops)

    def __len__(self) -> int:
        return len(self.ops)

    def __getitem__(self, layer: str) -> OpReport:
        """The first entry of a layer, by its name or else by the last part of it.

        Raises:
            TypeError: If `layer` is no text: entries by number are those of `ops`.
            KeyError: If there is no such layer.
        """
        if not isinstance(layer, str):
            raise TypeError(
                "`layer` should be a layer's name; `report.ops[0]` is the first entry. "
                f"Received: layer={layer!r} of type {type(layer).__name__}"
            )
        for matches in (str.__eq__, is_named):
            for op in self.ops:
                if matches(op.layer, layer):
                    return op
        raise KeyError(
            f"`layer` should be one of {[op.layer for op in self.ops]}. Received: layer={layer!r}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data: ``{"ops": [{"layer": ..., ...}, ...], "notes": [...], ...}``."""
        return {
            "ops": [dataclasses.asdict(op) for op in self.ops],
            "notes": list(self.notes),
            "whole_layers": [dataclasses.asdict(each) for each in self.whole_layers],
        }

    def __str__(self) -> str:
        heads = (
            "layer",
            "(out, in)",
            "zeros",
            "block",
            "precision",
            "in",
            "out",
            "fused",
            "chain",
            "speed-up",
            "error",
            "",
        )
        rows = [heads, *map(_row, self.ops, _places(self.ops))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        converted = sum(op.converted for op in self.ops)
        total = f"{converted} of {len(self.ops)} products converted"
        return "\n".join([*lines, total, *whole_layer_lines(self.whole_layers), *self.notes])


def _places(ops: Sequence[OpReport]) -> Iterator[int]:
    """The place of each op in its chain, from 1 on. A layer may have more than one."""
    before: Counter[tuple[str, ...]] = Counter()
    for op in ops:
        key = (*op.signatures, op.node, op.layer)
        places = [place for place, layer in enumerate(op.chain, 1) if layer == op.layer]
        yield places[before[key]] if places else 0
        before[key] += 1


def whole_layer_lines(layers: Sequence[WholeLayerReport]) -> Iterator[str]:
    """How many attentions and normalizations are one op, and a line for each that is not."""
    for kind in dict.fromkeys(layer.kind for layer in layers):
        each = [layer for layer in layers if layer.kind == kind]
        converted = sum(layer.converted for layer in each)
        yield f"{converted} of {len(each)} {kind}s in one op each"
        for layer in each:
            if not layer.converted:
                yield f"  {layer.layer}: {layer.reason}"


def _row(op: OpReport, place: int) -> tuple[str, ...]:
    return (
        op.layer,
        str(op.shape) if op.shape else "-",
        f"{op.zeros:.1%}" if op.zeros is not None else "-",
        op.block or "-",
        op.precision or "-",
        op.input or "-",
        op.output or "-",
        "+".join(op.fused) or "-",
        f"{place} of {len(op.chain)}" if op.chain else "-",
        f"{op.speedup:.2f}x" if op.speedup is not None else "-",
        f"{op.error:.2%}" if op.error is not None else "-",
        op.reason,
    )
